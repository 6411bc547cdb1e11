# SPDX-License-Identifier: Apache-2.0
"""Labels that are numbers are published as they are, and sealed as bins."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.libraries import labels_for
from modelmarket.datasets.lint.findings import Check, Report
from modelmarket.datasets.predictions import encode_predictions, read_predictions
from modelmarket.datasets.published import SAMPLE, TRAIN, Published, publish
from modelmarket.datasets.sources import Source
from modelmarket.datasets.split import only_split
from modelmarket.datasets.tables import open_table
from modelmarket.errors import DataError
from modelmarket.protocol.bins import Binning, Bins

ROWS = 200


def houses(folder: Path, rows: int = ROWS) -> tuple[Source, list[str]]:
    """Prices that a size tells, nearly; no two of them are alike."""
    rng = np.random.default_rng(5)
    sizes = rng.permutation(rows)
    prices = [f"{10 * size + rng.integers(0, 9)}.{size % 10}" for size in sizes]
    path = folder / "houses.csv"
    lines = [
        f"{one // 2},{one % 2},{two}" for one, two in zip(sizes, prices, strict=True)
    ]
    path.write_text("size,floor,price\n" + "\n".join(lines) + "\n")
    return Source(open_table(path, header=True), label="price"), prices


def published(folder: Path, bins: int = 8, *, is_even: bool = False) -> Published:
    source, _ = houses(folder)
    (folder / "made").mkdir()
    return publish(
        source, folder / "made", binning=Binning(bins, is_even), seed=b"\1" * 32
    )


def test_the_training_part_has_the_numbers_and_the_truth_has_bins(
    tmp_path: Path,
) -> None:
    done = published(tmp_path)
    source, prices = houses(tmp_path)
    bins, made = done.manifest.bins, tmp_path / "made"
    assert bins is not None
    frame = pl.read_csv(made / TRAIN, infer_schema=False)
    learned = [prices[row - 1] for row in done.split.learned.tolist()]
    assert frame["label"].to_list() == learned
    assert bins == Binning(8).of(learned, [1] * len(learned))
    counts = np.bincount(bins.encode(learned), minlength=8).tolist()
    assert list(done.manifest.train_counts) == counts == [20] * 8
    # Size and floor are published of each test row, and tell which it was.
    test = pl.read_csv(made / "test.csv")
    known = ((row[0], row[1]) for row in source.data.rows())
    price_of = dict(zip(known, prices, strict=True))
    rows = zip(test["size"], test["floor"], strict=True)
    truth = [price_of[str(size), str(floor)] for size, floor in rows]
    assert done.split.truth.tolist() == bins.encode(truth).tolist()
    assert (made / SAMPLE).read_text().split("\n")[1] == f"1,{bins.names[0]}"


def test_the_report_tells_what_bins_lose_and_what_a_forest_reaches(
    tmp_path: Path,
) -> None:
    report = published(tmp_path).report
    assert Report.from_json(report.to_json()) == report
    assert report.is_number
    assert report.majority == 1 / 8
    assert report.baseline is not None
    assert report.baseline > 0.6
    lost = report.coarseness
    assert lost is not None
    assert 40 < lost.mean_absolute < 80
    assert 400 < lost.median < 600
    assert report.told_bins.startswith("The labels are numbers in 8 bins. Who names ")
    assert "Always saying the fullest bin is right for 12.5%" in report.told_majority
    assert "is right for" in report.told_baseline
    found = {one.check for one in report.findings}
    assert not found & {Check.REGRESSION, Check.TWINS, Check.RARE, Check.ABSENT}
    card = (tmp_path / "made" / "README.md").read_text()
    assert "- tabular-regression" in card
    assert "| bin | training rows |" in card
    assert report.told_bins in card


def test_a_bin_that_most_rows_fall_into_is_told(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    lines = [f"{n},{n % 7},{1_000_000 if n == 3 else n}" for n in range(300)]
    path.write_text("a,b,price\n" + "\n".join(lines) + "\n")
    source = Source(open_table(path, header=True), label="price")
    (tmp_path / "made").mkdir()
    seed = next(
        bytes([one]) * 32
        for one in range(9)
        if 4 in only_split(source, binning=Binning(2), seed=bytes([one]) * 32).learned
    )
    report = publish(
        source, tmp_path / "made", binning=Binning(4, is_even=True), seed=seed
    ).report
    [finding] = [one for one in report.findings if one.check is Check.IMBALANCE]
    assert "99.6% of the training rows are in the bin of 151: always" in finding.text
    assert "leave out --even-bins" in finding.hint


def test_who_took_filled_bins_is_told_what_else_to_do(tmp_path: Path) -> None:
    path = tmp_path / "rare.csv"
    lines = [f"{n},{n % 7},{int(n % 40 == 0)}" for n in range(400)]
    path.write_text("a,b,rain\n" + "\n".join(lines) + "\n")
    source = Source(open_table(path, header=True), label="rain")
    (tmp_path / "made").mkdir()
    made = publish(source, tmp_path / "made", binning=Binning(4), seed=b"\1" * 32)
    [finding] = [one for one in made.report.findings if one.check is Check.IMBALANCE]
    assert "If they are such, most labels are the same number" in finding.hint


def test_blanks_around_numbers_are_not_published(tmp_path: Path) -> None:
    path = tmp_path / "blanks.csv"
    lines = [f"{n},{n % 3}, {n / 4} " for n in range(40)]
    path.write_text("a,b,price\n" + "\n".join(lines) + "\n")
    source = Source(open_table(path, header=True), label="price")
    (tmp_path / "made").mkdir()
    publish(source, tmp_path / "made", binning=Binning(4))
    labels = pl.read_csv(tmp_path / "made" / TRAIN, infer_schema=False)["label"]
    assert all(one == one.strip() for one in labels)


def test_a_stranger_s_labels_are_read_as_bins_read_them() -> None:
    labels = pl.Series("label", [" 1.5", "+2", "1e3 ", "\t4."])
    assert labels_for("polars", labels, ()).to_list() == [1.5, 2, 1_000, 4]
    for odd in ("1_000", "many", "nan", None, "1,5"):
        with pytest.raises(DataError, match="Row 2: .* is no finite number"):
            labels_for("numpy", pl.Series("label", ["1", odd]), ())


def test_several_columns_of_numbers_are_told_as_such(tmp_path: Path) -> None:
    bins = Bins(("1", "2", "4"), (1.5, 3.0))
    with pytest.raises(DataError, match="one label a row is expected") as told:
        encode_predictions(np.ones((3, 1)), bins, 3, where="predictions")
    assert told.value.hint == "It has a single column: give `predictions.ravel()`."
    with pytest.raises(DataError, match=r"the shape \(3, 2\)") as told:
        encode_predictions(np.ones((3, 2)), bins, 3, where="predictions")
    assert told.value.hint == "Write one number for each row."
    path = tmp_path / "wide.csv"
    path.write_text("row_id,low,high\n1,0.1,0.2\n2,0.3,0.5\n3,0,1\n")
    with pytest.raises(DataError, match="no column 'label'") as told:
        read_predictions(path, bins, 3)
    assert "predict_proba" not in told.value.hint


def test_the_keys_of_a_dictionary_are_no_predictions() -> None:
    bins = Bins(("1", "2", "4"), (1.5, 3.0))
    for mine in ({1: 4.0, 2: 1.0, 3: 2.0}, {1.0, 2.0, 3.0}):
        with pytest.raises(DataError, match="is no labels"):
            encode_predictions(mine, bins, 3, where="predictions")


def test_numbers_are_not_drawn_class_by_class(tmp_path: Path) -> None:
    source, _ = houses(tmp_path)
    choice = Choice(Fraction(1, 5), stratified=True)
    with pytest.raises(DataError, match="cannot be drawn class by class"):
        only_split(source, choice=choice, binning=Binning(4))


@pytest.mark.parametrize("cell", ["", "NA", "nan", "inf", "1e99", "dear"])
def test_a_label_that_is_no_number_is_told_with_its_row(
    tmp_path: Path, cell: str
) -> None:
    source, _ = houses(tmp_path)
    path = source.data.path
    lines = path.read_text().split("\n")
    lines[7] = ",".join([*lines[7].split(",")[:2], cell])
    path.write_text("\n".join(lines))
    where = r"houses\.csv, row 7 \(line 8\)"
    with pytest.raises(DataError, match=f"{where}: the label .* no number"):
        only_split(
            Source(open_table(path, header=True), label="price"), binning=Binning(4)
        )


# --- predictions ---

BINS = Bins(("1", "2.5", "4"), (2.0, 3.0))


@pytest.mark.parametrize(
    "given",
    [
        [1, 2.75, 1e9],
        ["1.00", " 2.1", "3.5"],
        np.array([0.5, 2.5, 3.1], dtype=np.float32),
        np.array([-7, 3, 4]),
        pd.Series([1.5, 2.5, 3.5]),
        pl.Series([2.0, 3.0, 3.0000001]),
        pl.DataFrame({"row_id": [3, 1, 2], "label": [9.5, 1.0, 2.2]}),
    ],
    ids=lambda given: type(given).__name__,
)
def test_predictions_are_any_numbers(given: Any) -> None:
    assert encode_predictions(given, BINS, 3, where="p").tolist() == [0, 1, 2]


def test_numbers_of_32_bits_are_what_they_are() -> None:
    """0.1 in 32 bits is above 0.1 in 64, however short it is written."""
    bins = Bins(("0", "1"), (0.1,))
    assert encode_predictions(
        np.array([0.1], dtype=np.float32), bins, 1, where="p"
    ).tolist() == [1]
    assert encode_predictions([0.1], bins, 1, where="p").tolist() == [0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([1, None, 2], "Row 2: 'None' is no finite number"),
        ([1, 2, float("nan")], "Row 3: 'nan' is no finite number"),
        ([1, 2, "dear"], "Row 3: 'dear' is no finite number"),
        ([1, 2], "2 predictions for 3 test rows"),
    ],
)
def test_what_is_no_number_is_refused(given: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        encode_predictions(given, BINS, 3, where="p")


def test_a_file_of_numbers_may_have_a_header_and_need_not(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    for text in (
        "1\n2.2\n9\n",
        "price\n1\n2.2\n9\n",
        "row_id,label\n2,2.2\n1,1\n3,9\n",
    ):
        path.write_text(text)
        assert read_predictions(path, BINS, 3).tolist() == [0, 1, 2]
    # A number is no header: that would drop what was predicted for the first row.
    path.write_text("1\n2.2\n9\n1\n")
    with pytest.raises(DataError, match="4 predictions for 3 test rows"):
        read_predictions(path, BINS, 3)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_whatever_library_a_number_comes_from_it_falls_into_one_bin(
    numbers: list[float],
) -> None:
    wanted = [sum(edge < one for edge in BINS.edges) for one in numbers]
    texts = list(map(repr, numbers))
    for one in (numbers, np.array(numbers), pl.Series(numbers), texts):
        found = encode_predictions(one, BINS, len(numbers), where="p")
        assert found.tolist() == wanted
