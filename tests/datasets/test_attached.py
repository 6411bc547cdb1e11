# SPDX-License-Identifier: Apache-2.0
"""A column of files is published beside the table, and nothing else of the disk is."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import tempfile
import warnings
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from modelmarket.datasets import attached as module
from modelmarket.datasets.attached import (
    Attached,
    Attaching,
    FileColumn,
    Reading,
    attached_files,
    is_published,
    texts_of,
)
from modelmarket.datasets.filetypes import FileKind
from modelmarket.datasets.given import opened
from modelmarket.datasets.lint.findings import Check
from modelmarket.datasets.published import MANIFEST, Manifest, Published, publish
from modelmarket.datasets.records import encode_row
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import Table, open_table
from modelmarket.errors import DataError, InputError, NotFoundError
from support.attachments import article, picture, sound, write_table

SEED = bytes(32)


def source(path: Path, column: str = "file", label: str = "kind") -> Source:
    attached = Attached(column, path.parent / "in")
    return Source(open_table(path, header=True), label=label, files=attached)


def published(path: Path, folder: Path) -> Published:
    folder.mkdir()
    return publish(source(path), folder, seed=SEED)


def cells(path: Path, column: str) -> list[str]:
    return pl.read_csv(path)[column].fill_null("").to_list()


def named(name: str) -> Table:
    """A table of which nothing is read."""
    return Table(Path(name), (), has_header=True)


def attaching(folder: Path) -> Attaching:
    there = folder / "in"
    there.mkdir(exist_ok=True)
    return Attaching(Attached("f", there), ("f", "n"), folder / "out", named("t.csv"))


def replaced(folder: Path, *names: str) -> list[bytes]:
    return attaching(folder).replaced([encode_row([name, "7"]) for name in names])


# --- what is published ---


@pytest.mark.parametrize(
    ("make", "suffix", "kind"),
    [
        (lambda n, _: picture(n), "png", FileKind.IMAGE),
        (lambda n, _: sound(n), "wav", FileKind.AUDIO),
        (article, "txt", FileKind.TEXT),
    ],
)
def test_each_row_names_its_file_by_its_hash_and_by_nothing_else(
    tmp_path: Path, make: Any, suffix: str, kind: FileKind
) -> None:
    path = write_table(tmp_path / "a", make, f".{suffix}")
    out = tmp_path / "out"
    done = published(path, out)
    files = done.manifest.files
    assert files is not None
    assert (files.column, files.kind, files.suffixes) == ("file", kind, (suffix,))
    there = [one for one in (out / "files").rglob("*") if one.is_file()]
    assert files.files == len(there) == 100
    assert files.bytes == sum(one.stat().st_size for one in there)
    for part in ("train.csv", "test.csv"):
        for name in cells(out / part, "file"):
            digest = hashlib.sha256((out / name).read_bytes()).hexdigest()
            assert name == f"files/{digest[:2]}/{digest}.{suffix}"
            assert is_published(name)
    # What the files were called gives every label away.
    for name in ("train.csv", "test.csv", MANIFEST, "report.json", "README.md"):
        assert b"sport-" not in (out / name).read_bytes()


def test_every_row_keeps_its_own_file_whatever_the_split(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a", article, ".txt")
    out = tmp_path / "out"
    published(path, out)
    rows = pl.read_csv(path).rows()
    known = {
        hashlib.sha256((path.parent / "in" / name).read_bytes()).hexdigest(): (n, kind)
        for name, n, kind in rows
    }
    train = pl.read_csv(out / "train.csv").rows()
    assert len(train) == 80
    for _, name, n, label in train:
        assert known[Path(name).stem] == (n, label)
    for _, name, n in pl.read_csv(out / "test.csv").rows():
        assert known[Path(name).stem][0] == n


def test_the_split_is_the_same_with_files_and_without(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a", article, ".txt")
    out, bare = tmp_path / "out", tmp_path / "bare"
    bare.mkdir()
    done = published(path, out)
    plain = publish(
        Source(open_table(path, header=True), label="kind"), bare, seed=SEED
    )
    assert done.split.truth.tolist() == plain.split.truth.tolist()
    assert done.split.learned.tolist() == plain.split.learned.tolist()
    assert source(path).digest() == plain_digest(path)
    assert not (bare / "files").exists()
    assert plain.manifest.files is None


def plain_digest(path: Path) -> bytes:
    return Source(open_table(path, header=True), label="kind").digest()


def test_equal_files_are_equal_cells_and_lie_there_once(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.jpeg"):
        (tmp_path / "in" / name).write_bytes(picture(1))
    one, other = replaced(tmp_path, "a.png", "b.jpeg")
    assert one == other
    assert len(list((tmp_path / "out").rglob("*.png"))) == 1


def test_the_same_picture_in_both_parts_is_found(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a", lambda n, kind: picture(n % 5), ".png")
    report = published(path, tmp_path / "out").report
    found = {one.check for one in report.findings}
    assert Check.DUPLICATES in found
    clean = write_table(tmp_path / "b", lambda n, kind: picture(n), ".png")
    report = published(clean, tmp_path / "clean").report
    found = {one.check for one in report.findings}
    assert not found & {
        Check.DUPLICATES,
        Check.DUPLICATES_ACROSS,
        Check.IDENTIFIER,
        Check.FREE_TEXT,
    }


def test_notes_in_pictures_are_told_of_before_they_are_published(
    tmp_path: Path,
) -> None:
    def noted(n: int, kind: str) -> bytes:
        exif = Image.Exif()
        exif[0x010E] = kind
        path = tmp_path / "one.png"
        image = Image.frombytes("RGB", (6, 6), Random(n).randbytes(108))
        image.save(path, exif=exif if n < 3 else None)
        return path.read_bytes()

    path = write_table(tmp_path / "a", noted, ".png")
    done = published(path, tmp_path / "out")
    [found] = [one for one in done.report.findings if one.check is Check.ANNOTATED]
    assert found.text == (
        "3 of 100 files of column 'file' say something beside what is seen or heard, "
        "such as when and where it was taken."
    )
    assert (found.columns, found.count, found.is_private) == (("file",), 3, False)
    assert done.manifest.files is not None
    assert done.manifest.files.annotated == 3


def test_a_table_of_files_alone_has_no_baseline_but_a_majority(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a", article, ".txt")
    pl.read_csv(path).drop("n").write_csv(path)
    report = published(path, tmp_path / "out").report
    assert report.baseline is None
    assert report.majority is not None


def test_an_empty_cell_names_no_file_and_stays_empty(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(b"text")
    found = replaced(tmp_path, "a", "", "  ")
    assert found[1:] == [b",7", b",7"]


def test_a_lone_column_of_files_may_have_gaps(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(b"text")
    alone = Attaching(
        Attached("f", tmp_path / "in"), ("f",), tmp_path / "out", named("t")
    )
    found = alone.replaced([b"a", b""])
    assert found[0].startswith(b"files/")
    assert found[1] == b""


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9),
            st.sampled_from(["a", "b", ""]),
        ),
        max_size=8,
    )
)
def test_all_other_cells_stay_as_they_are(rows: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        for one in ("a", "b"):
            (folder / "in" / one).write_bytes(one.encode())
        made = Attaching(
            Attached("f", folder / "in"), ("n", "f"), folder / "out", named("t.csv")
        )
        found = made.replaced([encode_row(list(row)) for row in rows])
    for (other, said), line in zip(rows, found, strict=True):
        [cells] = csv.reader([line.decode()], strict=True)
        assert cells[0] == other
        assert bool(cells[1]) == bool(said)


# --- what is refused ---


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("none.png", "'none.png' is not there, looked for in the folder"),
        ("below", "'below' is no file, looked for in the folder"),
        ("../secret.txt", "'../secret.txt' lies outside of the folder"),
        ("below/../../secret.txt", "lies outside of the folder"),
        ("link.txt", "'link.txt' lies outside of the folder"),
        ("/etc/hostname", "'/etc/hostname' lies outside of the folder"),
        (".key", "'.key' is hidden."),
        (".ssh/id", "'.ssh/id' is hidden."),
        ("pointer", "'pointer' is hidden."),
        ("empty.txt", "'empty.txt' is empty."),
        ("pipe", "'pipe' is no file"),
        ("a.gif", "'a.gif' is none of PNG, JPEG, WAV, FLAC, Ogg, MP3, text in UTF-8"),
        ("loop", "'loop' cannot be read:"),
        ("a\0b", "cannot be read:"),
        ("x" * 300, "cannot be read:"),
        ("good.txt/more", "is not there"),
    ],
)
def test_a_file_that_cannot_be_published_is_named_with_its_row(
    tmp_path: Path, name: str, says: str
) -> None:
    there = tmp_path / "in"
    (there / "below").mkdir(parents=True)
    (there / ".ssh").mkdir()
    (tmp_path / "secret.txt").write_text("a secret")
    for one, data in (
        ("good.txt", b"good"),
        (".key", b"a key"),
        (".ssh/id", b"a key"),
        ("empty.txt", b""),
        ("a.gif", b"GIF89a\0\xff"),
    ):
        (there / one).write_bytes(data)
    (there / "link.txt").symlink_to(tmp_path / "secret.txt")
    (there / "pointer").symlink_to(there / ".key")
    (there / "loop").symlink_to(there / "loop")
    os.mkfifo(there / "pipe")
    with pytest.raises(DataError) as told:
        replaced(tmp_path, "good.txt", name)
    assert told.value.message.startswith("t.csv, row 2, column 'f': ")
    assert says in told.value.message
    assert "secret" not in "".join(
        one.read_text() for one in (tmp_path / "out").rglob("*.txt")
    )


@pytest.mark.parametrize(
    ("there", "said", "hint"),
    [
        ("below/a.txt", "below\\a.txt", "Write it with slashes."),
        ("below/a.txt", "below\\b.txt", "Say what folder the files are in"),
        ("A.TXT", "a.txt", "Write it as the file is called: 'A.TXT'."),
        (
            "e\u0301.txt",
            "\u00e9.txt",
            "Write it as the file is called: 'e\\u0301.txt'.",
        ),
        ("below/É", "below/e\u0301", "Write it as the file is called: '\\xc9'."),
        ("a.txt", "b.txt", "Say what folder the files are in with --files-in."),
    ],
)
def test_a_name_that_other_systems_would_find_is_told_as_it_is(
    tmp_path: Path, there: str, said: str, hint: str
) -> None:
    path = tmp_path / "in" / there
    path.parent.mkdir(parents=True)
    path.write_text("a")
    with pytest.raises(DataError, match="is not there") as told:
        replaced(tmp_path, said)
    assert told.value.hint.startswith(hint)


def test_the_current_folder_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reading = Reading(Attached("f", Path()), named("t.csv"))
    with pytest.raises(DataError, match=r"looked for in the current folder\. Say"):
        reading.read(1, "none.png")


def test_a_column_has_files_of_one_kind(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(picture(1))
    (tmp_path / "in" / "b").write_bytes(picture(2, "JPEG"))
    (tmp_path / "in" / "c").write_bytes(b"text")
    assert len(set(replaced(tmp_path, "a", "b"))) == 2
    with pytest.raises(DataError, match="row 3.*'c' is text in UTF-8, and the first"):
        replaced(tmp_path, "a", "b", "c")


def test_the_largest_file_is_taken_and_a_larger_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "most").write_bytes(b"a" * 2**24)
    (tmp_path / "in" / "more").write_bytes(b"a" * (2**24 + 1))
    assert replaced(tmp_path, "most")
    with pytest.raises(DataError, match="is larger than 16,777,216 bytes"):
        replaced(tmp_path, "more")


def test_files_are_counted_and_weighed_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    for n in range(4):
        (tmp_path / "in" / str(n)).write_bytes(b"%d" % n * 10)
    monkeypatch.setattr(module, "MOST_FILES", 3)
    # The same file again is no other one.
    assert len(replaced(tmp_path, "0", "1", "2", "1")) == 4
    with pytest.raises(DataError, match="row 4.*'3' would be file 4; 3 are allowed"):
        replaced(tmp_path, "0", "1", "2", "3")
    monkeypatch.setattr(module, "MOST_FILES", 9)
    monkeypatch.setattr(module, "MOST_BYTES", 30)
    assert len(replaced(tmp_path, "0", "1", "2")) == 3
    with pytest.raises(DataError, match="larger than 30 bytes together"):
        replaced(tmp_path, "0", "1", "2", "3")


def test_a_table_that_names_no_file_is_refused(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a", article, ".txt")
    table = pl.read_csv(path).with_columns(file=pl.lit(""))
    table.write_csv(path)
    with pytest.raises(DataError, match="no row names a file in column 'file'"):
        published(path, tmp_path / "out")


def test_a_column_that_is_not_there_or_is_the_label_is_refused(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a", article, ".txt")
    with pytest.raises(DataError, match="has no column 'photo'") as told:
        source(path, "photo")
    assert told.value.hint == "Name a column with --files."
    with pytest.raises(DataError, match="The labels of table.csv cannot be files"):
        source(path, "kind")


def test_where_files_are_is_said_with_the_column_and_is_a_folder(
    tmp_path: Path,
) -> None:
    assert attached_files(None, None, tmp_path) is None
    assert attached_files("f", None, tmp_path) == Attached("f", tmp_path)
    with pytest.raises(InputError, match="Nobody has said which column names files"):
        attached_files(None, tmp_path, tmp_path)
    with pytest.raises(NotFoundError):
        attached_files("f", tmp_path / "none", tmp_path)


def test_files_of_a_frame_are_beside_it_or_where_one_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_table(tmp_path / "a", article, ".txt")
    frame = pl.read_csv(path)
    monkeypatch.chdir(path.parent / "in")
    with opened(frame, tmp_path, label="kind", files="file") as here:
        assert here.files == Attached("file", Path())
    said = str(path.parent / "in")
    with opened(str(path), tmp_path, label="kind", files="file", files_in=said) as here:
        assert here.files == Attached("file", path.parent / "in")
    with opened(path, tmp_path, label="kind", files="file") as here:
        assert here.files == Attached("file", path.parent)
    whole = source(path)
    with (
        pytest.raises(InputError, match="knows its files already"),
        opened(whole, tmp_path, files="file"),
    ):
        pass


def test_texts_are_read_from_where_a_table_names_them(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("größer")
    (tmp_path / "b").write_bytes(b"\xff")
    reading = Reading(Attached("f", tmp_path), named("new.csv"))
    assert texts_of(["a", None, " ", "a"], reading) == ["größer", "", "", "größer"]
    with pytest.raises(DataError, match=r"new\.csv, row 2.*'b' is no text in UTF-8"):
        texts_of(["a", "b"], reading)


# --- what others read ---


@pytest.mark.parametrize(
    ("make", "suffix"),
    [
        (lambda n, _: picture(n, "JPEG" if n % 2 else "PNG"), ".png"),
        (article, ".txt"),
        (lambda n, _: sound(n), ".wav"),
    ],
)
def test_the_folder_is_valid_croissant_and_its_files_load(
    tmp_path: Path, make: Any, suffix: str
) -> None:
    path = write_table(tmp_path / "a", make, suffix)
    table = pl.read_csv(path).with_row_index()
    gap = pl.when(pl.col("index") == 7).then(pl.lit("")).otherwise("file")
    table.with_columns(file=gap).drop("index").write_csv(path)
    out = tmp_path / "out"
    done = published(path, out)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlcroissant

        dataset = mlcroissant.Dataset(jsonld=out / MANIFEST)
        assert not dataset.metadata.ctx.issues.errors
        train, test = (list(dataset.records(one)) for one in ("train", "test"))
    assert (len(train), len(test)) == (80, 20)
    kind = done.manifest.files.kind if done.manifest.files else None
    if kind is FileKind.AUDIO:
        # It has no reader of sounds that needs nothing else; the names are there.
        assert all((out / one["train/1"].decode()).is_file() for one in filled(train))
        return
    for part, records in (("train", train), ("test", test)):
        names = cells(out / f"{part}.csv", "file")
        for name, record in zip(names, records, strict=True):
            inside = record[f"{part}/files"]
            if not name:
                assert inside is None
            elif kind is FileKind.TEXT:
                assert inside == (out / name).read_bytes()
            else:
                with Image.open(out / name) as image:
                    assert inside.tobytes() == image.convert("RGB").tobytes()


def filled(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in records if isinstance(one["train/1"], bytes)]


def test_a_manifest_says_its_files_and_is_read_again(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a", article, ".txt")
    done = published(path, tmp_path / "out")
    written = (tmp_path / "out" / MANIFEST).read_bytes()
    assert Manifest.from_json(written) == done.manifest
    document = json.loads(written)
    files = document["modelmarket"]["files"]
    assert FileColumn(**files | {"suffixes": tuple(files["suffixes"])}) == (
        done.manifest.files
    )


@pytest.mark.parametrize(
    "change",
    [
        {"column": "kind"},
        {"column": 7},
        {"kind": "video"},
        {"suffixes": []},
        {"suffixes": ["exe"]},
        {"suffixes": "txt"},
        {"files": -1},
        {"bytes": 1.5},
        {"annotated": "1"},
        {"files": None},
    ],
)
def test_a_strangers_word_of_files_is_not_taken_if_it_is_odd(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    path = write_table(tmp_path / "a", article, ".txt")
    published(path, tmp_path / "out")
    document = json.loads((tmp_path / "out" / MANIFEST).read_bytes())
    document["modelmarket"]["files"] |= change
    with pytest.raises(DataError, match="is not a manifest"):
        Manifest.from_json(json.dumps(document).encode())


@pytest.mark.parametrize(
    "cell",
    [
        "files/aa/../../x.png",
        "/etc/passwd",
        f"files/aa/{'b' * 64}.png",
        f"files/aa/{'a' * 63}.png",
        f"files/aa/{'a' * 64}.png\n",
        f"files/AA/{'A' * 64}.png",
        f"files/aa/{'a' * 64}",
        f"x/files/aa/{'a' * 64}.png",
    ],
)
def test_a_strangers_cell_leads_nowhere_but_to_a_published_name(cell: str) -> None:
    assert not is_published(cell)
    assert is_published(f"files/aa/{'a' * 64}.png")
    assert is_published("")


def test_the_card_says_what_the_files_are(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a", lambda n, kind: picture(n), ".png")
    done = published(path, tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text()
    assert "- image-classification\n" in text
    assert f"{done.manifest.files} They lie in the folder `files`" in text
