# SPDX-License-Identifier: Apache-2.0
"""A ZIP that anybody may have made is unpacked within its folder and limits, or not."""

from __future__ import annotations

import io
import os
import stat
import struct
import tempfile
import unicodedata
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelmarket.datasets import unpacking as module
from modelmarket.datasets.unpacking import unpack
from modelmarket.errors import DataError
from support.attachments import zipped

ANEW = "Make the archive anew, of the folder that the files are in."
FEWER = "Leave out what no row names."
CENTRAL, END = b"PK\x01\x02", b"PK\x05\x06"
FLAGS_AT, METHOD_AT, SIZE_AT = 8, 10, 24
"""Of what the list of entries says of each."""


def unpacked(data: bytes, folder: Path) -> dict[str, bytes]:
    """What lies in a folder once an archive was unpacked into it."""
    folder.mkdir(exist_ok=True)
    unpack(io.BytesIO(data), "p.zip", folder)
    return lying(folder)


def lying(folder: Path) -> dict[str, bytes]:
    there = (one for one in folder.rglob("*") if one.is_file())
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in there}


def refused(data: bytes, folder: Path) -> tuple[str, str]:
    with pytest.raises(DataError) as told:
        unpacked(data, folder)
    return told.value.message, told.value.hint


def special(name: str, mode: int, data: bytes = b"/etc/passwd") -> bytes:
    """An archive with an entry of another kind than a file."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(info, data)
    return file.getvalue()


def stored(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def lying_of(data: bytes, at: int, how: str, value: int) -> bytes:
    """An archive whose list says something else of its first entry."""
    changed = bytearray(data)
    struct.pack_into(how, changed, data.index(CENTRAL) + at, value)
    return bytes(changed)


def spoilt() -> bytes:
    """An archive of one file, whose first block is of no type that there is."""
    data = bytearray(zipped({"a": b"abc" * 99}))
    data[30 + len("a")] = 0xFF
    return bytes(data)


def twice() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is meant
        for data in (b"one", b"other"):
            archive.writestr("a/b.txt", data)
    return file.getvalue()


# --- what is unpacked ---


def test_files_come_out_as_they_went_in_and_folders_stay(tmp_path: Path) -> None:
    files = {"a.txt": b"a", "d/b.bin": bytes(range(256)) * 9_000, "d/e/c": b""}
    assert unpacked(zipped(files), tmp_path / "in") == files
    assert unpacked(stored(files), tmp_path / "plain") == files


def test_hidden_files_and_what_macos_adds_are_left_out(tmp_path: Path) -> None:
    files = {
        "photos/": b"",
        "photos/a.txt": b"a",
        "photos/.DS_Store": b"x",
        "__MACOSX/photos/._a.txt": b"x",
        ".git/config": b"x",
        "b/.c/d": b"x",
        "photos/__MACOSX/e": b"x",
    }
    assert unpacked(zipped(files), tmp_path / "in") == {"photos/a.txt": b"a"}


def test_a_name_is_read_whoever_wrote_it(tmp_path: Path) -> None:
    said = zipped({"grö\u00dfe/ü.txt": b"says that it is UTF-8"})
    assert list(unpacked(said, tmp_path / "a")) == ["größe/ü.txt"]
    # macOS does not say so.
    at, end = said.index(CENTRAL), said.index(END)
    unsaid = said[:6] + b"\0\0" + said[8 : at + 8] + b"\0\0" + said[at + 10 : end]
    assert list(unpacked(unsaid + said[end:], tmp_path / "b")) == ["größe/ü.txt"]
    old = zipped({"gr_sse.txt": b"of DOS"}).replace(b"gr_sse", b"gr\x94sse")
    assert list(unpacked(old, tmp_path / "c")) == ["grösse.txt"]
    windows = zipped({"a\\b.txt": b"of Windows"})
    assert list(unpacked(windows, tmp_path / "d")) == ["a/b.txt"]
    apart = unicodedata.normalize("NFD", "ü.txt")
    assert list(unpacked(zipped({apart: b""}), tmp_path / "e")) == [apart]


@pytest.mark.parametrize("umask", [0, 0o777, 0o022])
def test_what_is_unpacked_is_its_owners_alone(tmp_path: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        (tmp_path / "in").mkdir(mode=0o700)
        (tmp_path / "in").chmod(0o700)
        unpack(io.BytesIO(zipped({"a/b/c": b"x"})), "p.zip", tmp_path / "in")
    finally:
        os.umask(old)
    for one in (tmp_path / "in").rglob("*"):
        mode = 0o600 if one.is_file() else 0o700
        assert stat.S_IMODE(one.stat().st_mode) == mode


def test_what_stands_before_an_archive_is_passed_over(tmp_path: Path) -> None:
    data = b"#!/bin/sh\nexit\n" + zipped({"a": b"a"})
    assert unpacked(data, tmp_path / "in") == {"a": b"a"}


# --- what is refused ---

OUTSIDE = "would lie outside of the folder"
LINK = "Put the file itself into the archive."
WRONG: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "empty": (
        lambda: b"",
        "p.zip is empty.",
        "A folder goes into a ZIP archive first.",
    ),
    "of text": (lambda: b"a,b\n1,2\n", "p.zip is no ZIP archive, or damaged.", ANEW),
    "another archive": (
        lambda: b"Rar!\x1a\x07\x01\0" + bytes(99),
        "p.zip is no ZIP archive, or damaged.",
        ANEW,
    ),
    "cut": (
        lambda: zipped({"a": b"a"})[:-9],
        "p.zip is no ZIP archive, or damaged.",
        ANEW,
    ),
    "a name in no encoding": (
        lambda: zipped({"ü": b"a"}).replace("ü".encode(), b"\xff\xff"),
        "p.zip is no ZIP archive, or damaged.",
        ANEW,
    ),
    "without entries": (lambda: zipped({}), "p.zip has no files in it.", ANEW),
    "of folders": (
        lambda: zipped({"a/": b"", ".b": b"", "c\\": b""}),
        "p.zip has no files in it.",
        ANEW,
    ),
    "of a folder that is none by its name": (
        lambda: special("a", stat.S_IFDIR | 0o755, b""),
        "p.zip has no files in it.",
        ANEW,
    ),
    "above": (lambda: zipped({"../a": b"a"}), f"p.zip: '../a' {OUTSIDE}.", ANEW),
    "above again": (
        lambda: zipped({"a/../../b": b"a"}),
        f"p.zip: 'a/../../b' {OUTSIDE}.",
        ANEW,
    ),
    "above, hidden": (
        lambda: zipped({".a/../../b": b"a"}),
        f"p.zip: '.a/../../b' {OUTSIDE}.",
        ANEW,
    ),
    "above on Windows": (
        lambda: zipped({"..\\a": b"a"}),
        f"p.zip: '../a' {OUTSIDE}.",
        ANEW,
    ),
    "absolute": (
        lambda: zipped({"/tmp/a": b"a"}),
        f"p.zip: '/tmp/a' {OUTSIDE}.",
        ANEW,
    ),
    "absolute on Windows": (
        lambda: zipped({"\\tmp\\a": b"a"}),
        f"p.zip: '/tmp/a' {OUTSIDE}.",
        ANEW,
    ),
    "on a drive": (lambda: zipped({"C:a": b"a"}), f"p.zip: 'C:a' {OUTSIDE}.", ANEW),
    "without a name": (
        lambda: zipped({"./.": b"a"}),
        "p.zip: './.' is no name of a file.",
        ANEW,
    ),
    "a link": (
        lambda: special("a", stat.S_IFLNK | 0o777),
        "p.zip: 'a' is a link.",
        LINK,
    ),
    "a device": (
        lambda: special("a", stat.S_IFBLK | 0o666),
        "p.zip: 'a' is no file.",
        ANEW,
    ),
    "a pipe": (
        lambda: special("a", stat.S_IFIFO | 0o666),
        "p.zip: 'a' is no file.",
        ANEW,
    ),
    "encrypted": (
        lambda: lying_of(zipped({"a": b"a"}), FLAGS_AT, "<H", 1),
        "p.zip: 'a' is encrypted.",
        "Make the archive without a password: the files become public.",
    ),
    "encrypted strongly": (
        lambda: lying_of(zipped({"a": b"a"}), FLAGS_AT, "<H", 0x41),
        "p.zip: 'a' is encrypted.",
        "Make the archive without a password: the files become public.",
    ),
    "of another compression": (
        lambda: stored({"a": b"a" * 99}, zipfile.ZIP_LZMA),
        "p.zip: 'a' is compressed in a way that is not known.",
        "Make the archive with the usual compression, or with none.",
    ),
    "of no compression that there is": (
        lambda: lying_of(zipped({"a": b"a"}), METHOD_AT, "<H", 9),
        "p.zip: 'a' is compressed in a way that is not known.",
        "Make the archive with the usual compression, or with none.",
    ),
    "with a false byte": (
        lambda: stored({"a": b"a", "d/b": b"seen"}).replace(b"seen", b"sewn"),
        "p.zip: 'd/b' is damaged.",
        ANEW,
    ),
    "of damaged compression": (
        spoilt,
        "p.zip: 'a' is damaged.",
        ANEW,
    ),
    "larger than it says": (
        lambda: lying_of(zipped({"a": b"a" * 99}), SIZE_AT, "<I", 9),
        "p.zip: 'a' is damaged.",
        ANEW,
    ),
    "smaller than it says": (
        lambda: lying_of(zipped({"a": b"a" * 99}), SIZE_AT, "<I", 2**31),
        "p.zip: 'a' is damaged.",
        ANEW,
    ),
    "twice": (
        twice,
        "p.zip: 'a/b.txt' has the name of another file or folder in it.",
        ANEW,
    ),
    "a file and a folder": (
        lambda: zipped({"a": b"a", "a/b": b"b"}),
        "p.zip: 'a/b' has the name of another file or folder in it.",
        ANEW,
    ),
    "a folder and a file": (
        lambda: zipped({"a/b/c": b"a", "a/b": b"b"}),
        "p.zip: 'a/b' has the name of another file or folder in it.",
        ANEW,
    ),
    "of a long name": (
        lambda: zipped({"n" * 256: b"a"}),
        f"p.zip: {'n' * 100!r} has too long a name.",
        "Give it a shorter one.",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_archive_is_refused_in_words(tmp_path: Path, name: str) -> None:
    make, message, hint = WRONG[name]
    assert refused(make(), tmp_path / "in") == (message, hint)
    assert [one.name for one in tmp_path.iterdir()] == ["in"]
    for one in (tmp_path / "in").rglob("*"):
        assert not one.is_symlink()
        assert one.is_file() or one.is_dir()


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_whatever_is_done_to_an_archive_it_is_unpacked_or_refused(
    data: st.DataObject,
) -> None:
    made = bytearray(zipped({"a/b.txt": b"some text" * 9, "c": b"", "d/": b""}))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(made) - 1))
        made[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([len(made), len(made) - 1, len(made) // 2]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "in"
        try:
            found = unpacked(bytes(made[:cut]), folder)
        except DataError as error:
            assert error.message.startswith("p.zip")
            found = lying(folder)
        assert [one.name for one in Path(name).iterdir()] == ["in"]
        assert sum(map(len, found.values())) <= 81


# --- how much ---


def test_a_bomb_is_stopped_while_it_unfolds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = zipped({str(n): bytes(3 * 2**20) for n in range(5)})
    assert len(bomb) < 2**15
    monkeypatch.setattr(module, "MOST_FILE_BYTES", 2**21)
    assert refused(bomb, tmp_path / "one") == (
        "p.zip: '0' is larger than 2,097,152 bytes.",
        "Make it smaller: a picture by its size, a sound by its rate.",
    )
    assert sum(map(len, lying(tmp_path / "one").values())) <= 2**21
    monkeypatch.setattr(module, "MOST_FILE_BYTES", 2**22)
    monkeypatch.setattr(module, "MOST_BYTES", 2**23)
    assert refused(bomb, tmp_path / "all") == (
        "The files of p.zip are larger than 8,388,608 bytes together.",
        "Make them smaller, or leave out what no row names.",
    )
    assert 2**22 < sum(map(len, lying(tmp_path / "all").values())) <= 2**23


def test_the_largest_file_is_taken_and_a_larger_one_is_not(tmp_path: Path) -> None:
    most = 2**24
    assert unpacked(zipped({"a": bytes(most)}), tmp_path / "most")
    message, _ = refused(zipped({"a": bytes(most + 1)}), tmp_path / "more")
    assert message == "p.zip: 'a' is larger than 16,777,216 bytes."


def test_as_many_files_and_bytes_are_taken_as_rows_may_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = zipped({f"d{n}/f": b"%d" % n * 10 for n in range(4)} | {".x": b"not one"})
    monkeypatch.setattr(module, "MOST_FILES", 4)
    monkeypatch.setattr(module, "MOST_BYTES", 40)
    assert len(unpacked(data, tmp_path / "a")) == 4
    monkeypatch.setattr(module, "MOST_BYTES", 39)
    message, _ = refused(data, tmp_path / "b")
    assert message == "The files of p.zip are larger than 39 bytes together."
    monkeypatch.setattr(module, "MOST_FILES", 3)
    assert refused(data, tmp_path / "c") == ("p.zip has more than 3 files.", FEWER)
    assert lying(tmp_path / "c") == {}


def test_no_more_folders_are_made_than_files_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = zipped({"a/b/c/d": b"x", "a/e/f": b"x"})
    monkeypatch.setattr(module, "MOST_FILES", 4)
    assert len(unpacked(data, tmp_path / "a")) == 2
    monkeypatch.setattr(module, "MOST_FILES", 3)
    assert refused(data, tmp_path / "b") == ("p.zip has more than 3 folders.", FEWER)
    assert not list((tmp_path / "b").iterdir())


def test_files_lie_no_deeper_than_folders_can_be_removed(tmp_path: Path) -> None:
    deepest = "d/" * module.MOST_DEPTH + "f"
    assert list(unpacked(zipped({deepest: b"x"}), tmp_path / "a")) == [deepest]
    message, hint = refused(zipped({"d/" + deepest: b"x"}), tmp_path / "b")
    assert message == f"p.zip: {'d/' + deepest!r} lies in more than 20 folders."
    assert hint == "Put the files into fewer folders."


def test_a_list_of_too_many_entries_is_not_even_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = zipped({str(n): b"" for n in range(8)})
    size = data.index(END) - data.index(CENTRAL)
    monkeypatch.setattr(module, "MOST_ENTRIES", 8)
    monkeypatch.setattr(module, "MOST_LIST_BYTES", size)
    assert len(unpacked(data, tmp_path / "a")) == 8
    monkeypatch.setattr(module, "MOST_ENTRIES", 7)
    assert refused(data, tmp_path / "b") == (
        f"p.zip has more than 7 entries, or the list of them more than {size} bytes.",
        FEWER,
    )
    monkeypatch.setattr(module, "MOST_ENTRIES", 8)
    monkeypatch.setattr(module, "MOST_LIST_BYTES", size - 1)
    message, _ = refused(data, tmp_path / "c")
    assert message.endswith(f"the list of them more than {size - 1} bytes.")
