# SPDX-License-Identifier: Apache-2.0
"""Rows that name pictures or texts: published, learnt from, run again and bought."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import pytest
from PIL import Image
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from modelmarket.agent.trainer import Rules, Trainer, Verdict
from modelmarket.audit import audit
from modelmarket.datasets.attached import Attached
from modelmarket.datasets.libraries import Library
from modelmarket.datasets.published import MANIFEST, TEST, TRAIN
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.errors import DataError, InputError
from modelmarket.market import Request
from modelmarket.market import attached as attached_module
from modelmarket.market.recovery import recover_truth
from modelmarket.market.training import sizes_of
from modelmarket.protocol.reproductions import Outcome
from support.attachments import article, picture, sound, write_table
from support.market import Place, addressed, refused

QUICK = Rules(seconds=8.0)


def request_of(here: Place, name: str, number: int = 1) -> Request:
    request = here.markets[name].request(number)
    assert isinstance(request, Request)
    return request


def create(here: Place, make: Callable[[int, str], bytes], suffix: str) -> Path:
    """A request whose rows name files; the table that it was made from."""
    path = write_table(here.folder / f"table-of-{suffix[1:]}", make, suffix)
    here.markets["rita"].create_request(
        path,
        label="kind",
        reward="10",
        files="file",
        files_in=path.parent / "in",
        accept_findings=True,
    )
    return path


def as_said(folder: Path) -> dict[str, int]:
    """Files of a folder, by their paths in it, with their sizes."""
    there = (one for one in folder.rglob("*") if one.is_file())
    return {str(one.relative_to(folder)): one.stat().st_size for one in there}


def test_three_lines_learn_from_texts_and_the_buyer_names_new_ones(
    here: Place,
) -> None:
    path = create(here, article, ".txt")
    ann = request_of(here, "ann")
    features, labels = ann.training_data("pandas")
    assert features["file"][0].count(" ") == 15
    terms = ColumnTransformer([("terms", TfidfVectorizer(), "file")])
    model = make_pipeline(terms, LogisticRegression()).fit(features, labels)
    checked = ann.check(model)
    assert "space: " in str(checked)
    assert str(checked).startswith("Predictions that fit: 20 rows.\nPredicted by the")
    # Nobody wants a file's bytes in a terminal.
    assert len(repr(checked)) < 2_000
    ann.submit(model, show=None)
    here.live(1)
    rita = request_of(here, "rita")
    assert rita.winner() is not None
    card = rita.model_card()
    assert "nobody has checked: any file can have won." in card
    assert "$ modelmarket model predict 1 new.csv\n" in card
    assert rita.reproduce().outcome is Outcome.REPRODUCED
    card = rita.model_card()
    assert "any file can have won" not in card
    assert "sealed truth. Reproduced: the model says what was opened of 20 of" in card
    for verdict in audit(here.markets["rita"], rita.id):
        assert not verdict.is_broken, verdict
    # A table's file names texts, a frame has them.
    new = here.folder / "new"
    shutil.copytree(path.parent / "in", new)
    pl.read_csv(path).drop("kind").write_csv(new / "new.csv")
    said = rita.predict(str(new / "new.csv"))
    wanted = pl.read_csv(path)["kind"].to_list()
    assert sum(map(str.__eq__, said, wanted)) > 95
    texts = [
        (path.parent / "in" / one).read_text() for one in pl.read_csv(path)["file"]
    ]
    frame = pl.read_csv(path).drop("kind").with_columns(file=pl.Series(texts))
    assert rita.predict(frame) == said
    (new / "sport-0.txt").unlink()
    where = r"new\.csv, row 1 \(line 2\)"
    with pytest.raises(DataError, match=f"{where}.*'sport-0.txt' is not there"):
        rita.predict(new / "new.csv")


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_a_pipeline_learns_from_texts_that_some_rows_have_not(
    here: Place, library: Library
) -> None:
    path = write_table(here.folder / "gaps", article, ".txt")
    table = pl.read_csv(path)
    holed = [None if n % 5 == 3 else one for n, one in enumerate(table["file"])]
    table.with_columns(file=pl.Series(holed)).write_csv(path)
    rita = here.markets["rita"]
    said: dict[str, Any] = {"label": "kind", "reward": "10", "accept_findings": True}
    rita.create_request(path, files="file", files_in=path.parent / "in", **said)
    ann = request_of(here, "ann")
    features, labels = ann.training_data(library)
    assert sum(one == "" for one in features["file"]) > 0
    assert sum(one == "" for one in ann.test_data()["file"]) > 0
    terms = ColumnTransformer([("terms", TfidfVectorizer(), "file")])
    model = make_pipeline(terms, LogisticRegression()).fit(features, labels)
    checked = ann.check(model, show=lambda _: None)
    assert checked.exported is not None
    assert checked.exported.agreement == 1
    assert checked.folds is not None


def test_pictures_lie_where_training_data_says_and_are_opened_from_there(
    here: Place,
) -> None:
    path = create(here, lambda n, _: picture(n), ".png")
    ann = request_of(here, "ann")
    features, _ = ann.training_data()
    known = {one.read_bytes() for one in (path.parent / "in").iterdir()}
    for name in (*features["file"], *ann.test_data()["file"]):
        assert Path(name).read_bytes() in known
        with Image.open(name) as image:
            assert image.size == (6, 6)
    # Whatever made the predictions is taken, and nothing vouches for it.
    model = here.folder / "weights.bin"
    model.write_bytes(b"weights")
    ann.submit(model, ["sport"] * 20)
    here.live(1)
    assert request_of(here, "rita").reproduce().outcome is Outcome.NOT_REPRODUCIBLE
    manifest = ann.manifest()
    assert manifest.files is not None
    assert (
        str(manifest.files)
        in ann.contents.export(here.folder / "out").joinpath("README.md").read_text()
    )


def test_a_single_file_is_read_by_its_address(here: Place) -> None:
    create(here, lambda n, _: sound(n), ".wav")
    with addressed(here, "ann") as said:
        with fsspec.open("mdc://1/train.csv", **said) as file:
            name = pl.read_csv(file)["file"][0]
        with fsspec.open(f"mdc://1/{name}", **said) as file:
            data = file.read()
        assert data in {sound(n) for n in range(100)}
        system = fsspec.filesystem("mdc", **said)
        assert f"1/{name}" in system.find("1/files")
        assert len(system.find("1/files")) == 100


def test_what_was_fetched_is_what_was_published(here: Place) -> None:
    create(here, article, ".txt")
    ann, rita = request_of(here, "ann"), request_of(here, "rita")
    ann.fetch()
    one, other = here.folder / "one", here.folder / "other"
    ann.contents.export(one)
    rita.contents.export(other)
    assert as_said(one) == as_said(other)
    market = here.markets["ann"]
    entries = market.files(ann.terms.dataset)
    assert entries is not None
    assert {entry.path: entry.size for entry in entries} == as_said(one)
    assert market.size(ann.terms.dataset) == sum(as_said(one).values())
    assert market.size("rubbish") is None


def test_the_built_in_trainer_reads_texts_and_passes_pictures_over(
    here: Place,
) -> None:
    create(here, article, ".txt")
    path = write_table(here.folder / "pictures", lambda n, _: picture(n), ".png")
    table = pl.read_csv(path)
    table.drop("n").write_csv(path.parent / "alone.csv")
    rita = here.markets["rita"]
    said: dict[str, Any] = {"label": "kind", "reward": "10", "files": "file"}
    said |= {"files_in": path.parent / "in", "accept_findings": True}
    rita.create_request(path.parent / "alone.csv", **said)
    known = table.with_columns(n=pl.col("kind").str.len_chars() * 10 + pl.col("n") % 3)
    # Not every name of a column may be taken for a pattern.
    known.rename({"file": "*"}).write_csv(path.parent / "beside.csv")
    said["files"] = "*"
    rita.create_request(path.parent / "beside.csv", again=True, **said)
    texts, pictures, beside = Trainer(here.markets["ann"], QUICK).look()
    assert texts.verdict is Verdict.ENTERED, texts.message
    assert texts.trained is not None
    assert texts.trained.value is not None
    assert texts.trained.value > 0.85
    assert pictures.verdict is not Verdict.ENTERED
    assert "pictures alone" in pictures.message
    assert beside.verdict is Verdict.ENTERED, beside.message


def lie(here: Place, change: Callable[[Path], None]) -> Request:
    """A request whose published folder somebody changed."""
    create(here, article, ".txt")
    honest = request_of(here, "rita")
    folder = honest.contents.export(here.folder / "changed")
    change(folder)
    market = here.markets["rita"]
    stored = market.store.add(folder)
    ann = request_of(here, "ann")
    terms = replace(ann.terms, dataset=str(stored.cid))
    return Request(ann.market, replace(ann.record, terms=terms), ann.now)


def set_first(folder: Path, cell: str) -> None:
    table = pl.read_csv(folder / TRAIN)
    cells = table["file"].to_list()
    table.with_columns(file=pl.Series([cell, *cells[1:]])).write_csv(folder / TRAIN)


def drop_first(folder: Path) -> None:
    (folder / pl.read_csv(folder / TRAIN)["file"][0]).unlink()


def spoil_first(folder: Path) -> None:
    (folder / pl.read_csv(folder / TRAIN)["file"][0]).write_bytes(b"\xff\0")


def make_a_folder_of_the_first(folder: Path) -> None:
    path = folder / pl.read_csv(folder / TRAIN)["file"][0]
    path.unlink()
    path.mkdir()
    (path / "a").write_text("a")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda at: set_first(at, "/etc/hostname"), "is no name of a file"),
        (lambda at: set_first(at, "files/aa/../../x"), "is no name of a file"),
        (
            lambda at: set_first(at, f"files/aa/{'a' * 64}.txt"),
            "is not among the files",
        ),
        (drop_first, "is not among the files"),
        (spoil_first, "cannot be read"),
        (make_a_folder_of_the_first, "cannot be read"),
    ],
)
def test_a_strangers_files_that_are_none_are_told_by_row(
    here: Place, change: Callable[[Path], None], says: str
) -> None:
    request = lie(here, change)
    with pytest.raises(DataError, match=r"train\.csv, row 1, column 'file'") as told:
        request.training_data()
    assert says in told.value.message


def name_column(folder: Path, column: str) -> None:
    """Has the manifest say that a further column names the files."""
    document = json.loads((folder / MANIFEST).read_bytes())
    own = document["modelmarket"]
    own["features"].append(column)
    own["files"]["column"] = column
    (folder / MANIFEST).write_text(json.dumps(document))


def drop_from_test(folder: Path) -> None:
    pl.read_csv(folder / TEST).drop("file").write_csv(folder / TEST)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda at: name_column(at, "ghost"), r"train\.csv has no column 'ghost'"),
        (lambda at: name_column(at, "*"), r"train\.csv has no column '\*'"),
        (lambda at: name_column(at, "row_id"), "two columns have one name"),
        (lambda at: name_column(at, "label"), "two columns have one name"),
        (lambda at: name_column(at, "file"), "two columns have one name"),
        (drop_from_test, r"test\.csv has no column 'file'"),
    ],
)
def test_a_table_that_lacks_what_its_manifest_names_is_told(
    here: Place, change: Callable[[Path], None], says: str
) -> None:
    request = lie(here, change)
    with pytest.raises(DataError, match=says):
        request.test_data()


def test_texts_are_weighed_row_by_row_before_they_fill_the_memory(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(here, lambda n, _: b"%09d" % (n % 10), ".txt")
    ann = request_of(here, "ann")
    # Ten texts of nine bytes, each of them in eight rows of the training part.
    monkeypatch.setattr(attached_module, "MOST_TEXT_BYTES", 9 * 80)
    ann.training_data()
    monkeypatch.setattr(attached_module, "MOST_TEXT_BYTES", 9 * 80 - 1)
    with pytest.raises(DataError, match=r"rows of train\.csv name take more than 719"):
        request_of(here, "ann").training_data()


def test_a_file_that_is_not_what_its_name_says_is_a_broken_promise(
    here: Place,
) -> None:
    def swap(folder: Path) -> None:
        (folder / pl.read_csv(folder / TRAIN)["file"][0]).write_text("another text")

    request = lie(here, swap)
    request.fetch()
    assert request.contents.misnamed().startswith("files/")
    assert request_of(here, "rita").contents.misnamed() == ""


def test_a_truth_is_found_again_with_the_files_or_without(here: Place) -> None:
    path = create(here, article, ".txt")
    rita = request_of(here, "rita")
    plain = Source(open_table(path, header=True), label="kind")
    assert recover_truth(rita, plain).is_same is False
    attached = Attached("file", path.parent / "in")
    whole = Source(open_table(path, header=True), label="kind", files=attached)
    assert recover_truth(rita, whole).is_same is True


def test_a_verified_contest_takes_no_files(here: Place) -> None:
    path = write_table(here.folder / "a", article, ".txt")
    attached = Attached("file", path.parent / "in")
    source = Source(open_table(path, header=True), label="kind", files=attached)
    market = here.markets["rita"]
    with pytest.raises(InputError, match="has tables alone"):
        market.create_contest(source, reward="10")
    said: dict[str, Any] = {"label": "kind", "reward": "10", "files": "file"}
    with pytest.raises(InputError, match="no option 'files'"):
        market.create_contest(path, **said)


def test_what_a_manifest_says_of_files_counts_as_data_to_be_fetched(
    here: Place,
) -> None:
    create(here, article, ".txt")
    ann = request_of(here, "ann")
    document = json.loads(ann.contents.fetch_file(MANIFEST).read_bytes())
    told = document["modelmarket"]["files"]["bytes"]
    tables = ann.contents.size()
    assert sizes_of(ann).bytes == tables + told
    ann.fetch()
    everything = as_said(ann.contents.export(here.folder / "all"))
    assert sum(everything.values()) == tables + told


def test_the_same_pictures_under_other_names_are_known_again(here: Place) -> None:
    path = create(here, lambda n, _: picture(n), ".png")
    other = here.folder / "other"
    other.mkdir()
    table = pl.read_csv(path)
    for name in table["file"]:
        shutil.copy(path.parent / "in" / name, other / f"again-{name}")
    table = table.with_columns(file="again-" + pl.col("file")).sample(
        fraction=1, shuffle=True, seed=1
    )
    table.write_csv(other / "table.csv")
    rita = here.markets["rita"]
    said = refused(
        rita,
        "again",
        lambda: rita.create_request(
            other / "table.csv", label="kind", reward="10", files="file"
        ),
    )
    assert "stand" in said
