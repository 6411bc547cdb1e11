# SPDX-License-Identifier: Apache-2.0
"""Test rows are chosen at random, by whole groups, or as the latest ones."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.datasets.choosing import Choice, Mask
from modelmarket.datasets.published import TEST, TRAIN, publish
from modelmarket.datasets.sources import Source
from modelmarket.datasets.split import count_rows, only_split
from modelmarket.datasets.tables import Table, open_table
from modelmarket.errors import DataError, InputError
from modelmarket.protocol.bins import Binning

SEED = bytes(31) + b"\x07"


def table(folder: Path, column: list[str]) -> Table:
    path = folder / "table.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "by", "label"])
        writer.writerows([n, one, "xy"[n % 2]] for n, one in enumerate(column))
    return open_table(path, header=True, delimiter=",")


def chosen(folder: Path, column: list[str], choice: Choice, seed: bytes = SEED) -> Mask:
    drawing = choice.drawing(table(folder, column), "label", seed)
    half = len(column) // 2
    parts = [np.zeros(half, np.uint32), np.zeros(len(column) - half, np.uint32)]
    return np.concatenate([drawing.strata.take(one) for one in parts])


# --- groups ---


@given(
    groups=st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=60),
    fraction=st.fractions(Fraction(1, 50), Fraction(49, 50)),
    seed=st.binary(min_size=1, max_size=8),
)
def test_all_rows_of_a_group_are_in_one_part_and_no_part_is_empty(
    tmp_path_factory: pytest.TempPathFactory,
    groups: list[str],
    fraction: Fraction,
    seed: bytes,
) -> None:
    folder = tmp_path_factory.mktemp("table")
    choice = Choice(fraction, group="by")
    if len(set(groups)) == 1:
        with pytest.raises(DataError, match="'by' says the same in all rows"):
            chosen(folder, groups, choice, seed)
        return
    mask = chosen(folder, groups, choice, seed)
    tested = {group for group, one in zip(groups, mask, strict=True) if one}
    learned = {group for group, one in zip(groups, mask, strict=True) if not one}
    assert tested
    assert learned
    assert not tested & learned


@given(
    sizes=st.lists(st.integers(1, 20), min_size=2, max_size=30),
    seed=st.binary(min_size=1, max_size=8),
)
def test_whole_groups_come_within_half_a_group_of_the_fraction(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], seed: bytes
) -> None:
    groups = [str(group) for group, size in enumerate(sizes) for _ in range(size)]
    folder = tmp_path_factory.mktemp("table")
    mask = chosen(folder, groups, Choice(Fraction(1, 5), group="by"), seed)
    off = abs(int(mask.sum()) - len(groups) / 5)
    # Of groups that are all too large, the smallest is the best that there is.
    assert off <= max(max(sizes) / 2, abs(min(sizes) - len(groups) / 5))


def test_a_row_without_a_group_is_one_by_itself(tmp_path: Path) -> None:
    column = ["", " "] * 50
    mask = chosen(tmp_path, column, Choice(Fraction(1, 4), group="by"))
    assert mask.sum() == 25


def test_blanks_around_a_groups_name_make_no_other_group(tmp_path: Path) -> None:
    column = ["p1", " p1", "p1 ", "p2"] * 5
    mask = chosen(tmp_path, column, Choice(Fraction(1, 4), group="by"))
    assert mask.tolist() == [False, False, False, True] * 5


def test_another_seed_draws_other_groups(tmp_path: Path) -> None:
    groups = [str(n) for n in range(100)]
    choice = Choice(group="by")
    first = chosen(tmp_path, groups, choice)
    assert (first == chosen(tmp_path, groups, choice)).all()
    assert (first != chosen(tmp_path, groups, choice, b"other")).any()


# --- time ---


@given(
    days=st.lists(st.integers(1, 28), min_size=2, max_size=60),
    fraction=st.fractions(Fraction(1, 50), Fraction(49, 50)),
)
def test_every_test_row_is_later_than_every_other(
    tmp_path_factory: pytest.TempPathFactory, days: list[int], fraction: Fraction
) -> None:
    folder = tmp_path_factory.mktemp("table")
    column = [f"2024-02-{day:02}" for day in days]
    choice = Choice(fraction, time="by")
    if len(set(days)) == 1:
        with pytest.raises(DataError, match="'by' says the same time in all rows"):
            chosen(folder, column, choice)
        return
    mask = chosen(folder, column, choice)
    tested = [day for day, one in zip(days, mask, strict=True) if one]
    learned = [day for day, one in zip(days, mask, strict=True) if not one]
    assert max(learned) < min(tested)
    # No other cut comes nearer to the fraction.
    wanted = fraction * len(days)
    cuts = [sum(day >= cut for day in days) for cut in sorted(set(days))[1:]]
    assert abs(len(tested) - wanted) == min(abs(one - wanted) for one in cuts)


@pytest.mark.parametrize(
    ("early", "late"),
    [
        ("2023-12-31", "2024-01-01"),
        ("31.12.2023", "01.01.2024"),
        ("12/31/2023", "01/01/2024"),
        ("31/12/2023", "01/01/2024"),
        ("2023/12/31", "2024/01/01"),
        ("2023-12-31 23:59", "2024-01-01 00:00"),
        ("2023-12-31T23:59:59", "2024-01-01T00:00:00"),
        ("2023-12-31T23:59:59.5", "2023-12-31T23:59:59.75"),
        ("2024-01-01T00:30:00+02:00", "2024-01-01T00:30:00Z"),
        ("31.12.2023 23:59", "01.01.2024 00:00"),
        ("9", "10"),
        ("1.7e9", "1700000001"),
    ],
)
def test_a_time_is_read_as_people_write_it(
    tmp_path: Path, early: str, late: str
) -> None:
    column = [late, early, early, late, early]
    mask = chosen(tmp_path, column, Choice(Fraction(2, 5), time="by"))
    assert mask.tolist() == [True, False, False, True, False]


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (
            ["2024-01-01", "", "2024-01-02"],
            r"row 2 \(line 3\): column 'by' says no time",
        ),
        (
            ["2024-01-01", "2024-01-02", "soon"],
            r"row 3 \(line 4\): 'soon' in column 'by' is no",
        ),
        # A gap in what is no column of times is not what is wrong with it.
        (["soon", "", "later"], r"row 1 \(line 2\): 'soon' in column 'by' is no time"),
        (["", "soon"], r"row 2 \(line 3\): 'soon' in column 'by' is no time"),
        (["soon", "2024-01-01"], r"row 1 \(line 2\): 'soon' in column 'by' is no time"),
        (
            ["2024-01-01", "01.02.2024"],
            r"row 2 \(line 3\): '01.02.2024' in column 'by' is no time",
        ),
        (["1", "nan"], r"row 1 \(line 2\): '1' in column 'by' is no time"),
        (["01/02/2024", "03/04/2024"], "nobody can tell days from months"),
    ],
)
def test_what_is_no_time_is_refused_by_its_row(
    tmp_path: Path, column: list[str], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        chosen(tmp_path, column, Choice(time="by"))


# --- what cannot be ---


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"stratified": True, "group": "by"}, "Class by class and by groups"),
        ({"stratified": True, "time": "by"}, "Class by class and by time"),
        ({"group": "a", "time": "by"}, "By groups and by time"),
    ],
)
def test_two_ways_to_choose_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=f"{said} are 2 ways"):
        Choice(**options)  # type: ignore[arg-type]  # as options come


@pytest.mark.parametrize("name", ["group", "time"])
def test_a_column_that_is_not_there_or_has_the_labels_is_refused(
    tmp_path: Path, name: str
) -> None:
    def choice(column: str) -> Choice:
        return Choice(**{name: column})  # type: ignore[arg-type]  # one of two names

    with pytest.raises(DataError, match="has no column 'b'") as caught:
        chosen(tmp_path, ["1", "2"], choice("b"))
    assert f"--{name}" in caught.value.hint
    with pytest.raises(DataError, match="Column 'label' has the labels"):
        chosen(tmp_path, ["1", "2"], choice("label"))


def test_what_is_published_keeps_groups_together_and_says_so(tmp_path: Path) -> None:
    groups = [f"p{n % 7}" for n in range(70)]
    source = Source(table(tmp_path, groups), label="label")
    out = tmp_path / "out"
    out.mkdir()
    done = publish(source, out, choice=Choice(Fraction(2, 7), group="by"), seed=SEED)
    parts = []
    for name in (TRAIN, TEST):
        with (out / name).open(newline="") as file:
            parts.append({row["by"] for row in csv.DictReader(file)})
    assert [len(part) for part in parts] == [5, 2]
    assert not parts[0] & parts[1]
    assert done.manifest.choice.group == "by"
    assert done.manifest.from_json(done.manifest.to_json()) == done.manifest


# --- counted beforehand ---


@pytest.mark.parametrize(
    "choice",
    [
        Choice(),
        Choice(Fraction(3, 7)),
        Choice(Fraction(1, 5), stratified=True),
        Choice(Fraction(1, 3), group="by"),
        Choice(Fraction(1, 3), time="by"),
    ],
    ids=str,
)
@pytest.mark.parametrize("rows", [61, 997])
def test_rows_are_counted_as_the_split_itself_has_them(
    tmp_path: Path, rows: int, choice: Choice
) -> None:
    source = Source(table(tmp_path, [str(n % 9) for n in range(rows)]), "label")
    for turn in range(5):
        seed = bytes([turn]) * 32
        train, test = count_rows(source, choice, seed)
        made = only_split(source, choice=choice, seed=seed)
        assert (train, test) == (made.train_rows, made.test_rows)
        assert train + test == rows


def test_rows_are_counted_alike_where_numbers_are_predicted(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("a,price\n" + "".join(f"{n % 5},{n / 8}\n" for n in range(101)))
    source = Source(open_table(path, header=True, delimiter=","), "price")
    made = only_split(source, binning=Binning(5), seed=SEED)
    counted = count_rows(source, Choice(), SEED, numbers=True)
    assert counted == (made.train_rows, made.test_rows)


def test_a_part_without_rows_is_told_while_rows_are_counted(tmp_path: Path) -> None:
    source = Source(table(tmp_path, list("abcdefghij")), "label")
    with pytest.raises(DataError, match="the test part would be empty"):
        count_rows(source, Choice(Fraction(1, 1_000)), SEED)
