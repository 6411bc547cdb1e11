# SPDX-License-Identifier: Apache-2.0
"""The files of an archive that anybody may have made, unpacked within limits.

Whatever an archive says of itself may be a lie. What is written is what really came
out, counted while it does, under names that cannot leave the folder; and neither links
nor anything else that is no file is made.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from modelmarket.datasets.attached import MOST_BYTES, MOST_FILE_BYTES, MOST_FILES
from modelmarket.errors import DataError
from modelmarket.system.files import PRIVATE, make_private
from modelmarket.system.text import counted

MOST_ENTRIES = 4 * MOST_FILES
"""With folders, and with what macOS puts beside each file."""
MOST_LIST_BYTES = 2**26
"""Of the list of entries, which is read at once."""
MOST_DEPTH = 20
"""Folders above a file."""
PIECE_BYTES = 2**20
TAKEN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compressions that come out piece by piece, in little memory."""
DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(EOFError, OverflowError, RuntimeError, ValueError),
)
"""What `zipfile` raises of archives that are not as they should be."""
ENCRYPTED = 0x2041
"""Bits of an entry's flags: itself, strongly, or its name too."""
UTF_8 = 0x800
_ENTRY = b"PK\x01\x02"
_MAC = "__MACOSX"
_DRIVE = re.compile(r"[A-Za-z]:")
_CLASHES = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR)
_ANEW = "Make the archive anew, of the folder that the files are in."
_FEWER = "Leave out what no row names."


class _Sparing:
    """An archive that gives out little at once.

    `zipfile` reads the list of entries in one piece, and makes an object of each.

    Args:
        file: The archive.
        called: What people call it.
    """

    def __init__(self, file: BinaryIO, called: str) -> None:
        self._file, self._called = file, called
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """The next bytes.

        Raises:
            DataError: They can only be a list of too many entries.
        """
        most = MOST_LIST_BYTES + 1
        data = self._file.read(most if size < 0 else min(size, most))
        if len(data) == most or data.count(_ENTRY) > MOST_ENTRIES:
            raise DataError(
                f"{self._called} has more than {MOST_ENTRIES:,} entries, or the list "
                f"of them more than {MOST_LIST_BYTES:,} bytes.",
                hint=_FEWER,
            )
        return data


@dataclass(frozen=True)
class _Entry:
    """A file in an archive.

    Attributes:
        info: What the archive says of it.
        path: Where it goes, in the folder.
    """

    info: zipfile.ZipInfo
    path: PurePosixPath


def unpack(archive: BinaryIO, called: str, folder: Path) -> None:
    """Writes the files of a ZIP that anybody may have made, for their owner alone.

    Hidden files, and what macOS puts beside files, are left out.

    Args:
        archive: The ZIP; it can be sought in.
        called: What people call it.
        folder: An empty folder; what lies there after an error is no whole.

    Raises:
        DataError: It is none, is damaged, has entries that are no plain files in
            that folder, or more of them than rows may name; names the entry.
        OSError: The disk is full, or cannot be written to.
    """
    if archive.seek(0, os.SEEK_END) == 0:
        raise DataError(
            f"{called} is empty.", hint="A folder goes into a ZIP archive first."
        )
    sparing = _Sparing(archive, called)
    try:
        opened = zipfile.ZipFile(sparing)
    except (*DAMAGE, OSError) as error:
        raise DataError(
            f"{called} is no ZIP archive, or damaged.", hint=_ANEW
        ) from error
    with opened:
        entries = _entries(opened, called)
        left = MOST_BYTES
        for one in entries:
            left -= _write(opened, one, called, folder, left)


def _entries(opened: zipfile.ZipFile, called: str) -> list[_Entry]:
    """The files that are to be written.

    Raises:
        DataError: There are none or too many, or one that cannot be.
    """
    found: list[_Entry] = []
    folders: set[PurePosixPath] = set()
    for info in opened.infolist():
        name = _name(info)
        path = _path(name, called)
        is_folder = name.endswith("/") or stat.S_ISDIR(info.external_attr >> 16)
        is_hidden = any(one.startswith(".") or one == _MAC for one in path.parts)
        if is_folder or is_hidden:
            continue
        _refuse(info, name, called)
        found.append(_Entry(info, path))
        folders.update(path.parents)
        for count, noun in ((len(found), "files"), (len(folders) - 1, "folders")):
            if count > MOST_FILES:
                raise DataError(
                    f"{called} has more than {MOST_FILES:,} {noun}.", hint=_FEWER
                )
    if not found:
        raise DataError(f"{called} has no files in it.", hint=_ANEW)
    return found


def _name(info: zipfile.ZipInfo) -> str:
    """What an entry is called, with slashes.

    macOS writes UTF-8 and does not say so, and old Windows writes backslashes.
    """
    name = info.filename
    if not info.flag_bits & UTF_8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return name.replace("\\", "/")


def _path(name: str, called: str) -> PurePosixPath:
    """Where an entry goes.

    Raises:
        DataError: Out of the folder, or too far down.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or _DRIVE.match(name):
        raise _problem(called, name, "would lie outside of the folder", _ANEW)
    if len(path.parts) > MOST_DEPTH + 1:
        raise _problem(
            called,
            name,
            f"lies in more than {counted(MOST_DEPTH, 'folder')}",
            "Put the files into fewer folders.",
        )
    return path


def _refuse(info: zipfile.ZipInfo, name: str, called: str) -> None:
    """Makes sure that an entry is a plain file, in a way that can be read.

    Raises:
        DataError: It is not.
    """
    kind = stat.S_IFMT(info.external_attr >> 16)
    if not PurePosixPath(name).parts:
        raise _problem(called, name, "is no name of a file", _ANEW)
    if kind == stat.S_IFLNK:
        raise _problem(
            called, name, "is a link", "Put the file itself into the archive."
        )
    if kind not in (0, stat.S_IFREG):
        raise _problem(called, name, "is no file", _ANEW)
    if info.flag_bits & ENCRYPTED:
        raise _problem(
            called,
            name,
            "is encrypted",
            "Make the archive without a password: the files become public.",
        )
    if info.compress_type not in TAKEN:
        raise _problem(
            called,
            name,
            "is compressed in a way that is not known",
            "Make the archive with the usual compression, or with none.",
        )


def _write(
    opened: zipfile.ZipFile, one: _Entry, called: str, folder: Path, left: int
) -> int:
    """Writes a file, and never more than may be.

    Args:
        opened: The archive.
        one: Of it.
        called: What people call the archive.
        folder: Where it is unpacked.
        left: Bytes that may still come out.

    Returns:
        How many bytes came out.

    Raises:
        DataError: It is damaged, too large, or in the way of another.
    """
    size, path = 0, folder / one.path
    try:
        _make_folders(folder, one.path)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, PRIVATE)
            for piece in _pieces(opened, one, called):
                size += len(piece)
                if size > MOST_FILE_BYTES:
                    raise _problem(
                        called,
                        str(one.path),
                        f"is larger than {MOST_FILE_BYTES:,} bytes",
                        "Make it smaller: a picture by its size, a sound by its rate.",
                    )
                if size > left:
                    raise DataError(
                        f"The files of {called} are larger than {MOST_BYTES:,} bytes "
                        "together.",
                        hint="Make them smaller, or leave out what no row names.",
                    )
                file.write(piece)
    except OSError as error:
        if error.errno in _CLASHES:
            what = "has the name of another file or folder in it"
            raise _problem(called, str(one.path), what, _ANEW) from error
        if error.errno == errno.ENAMETOOLONG:
            what, hint = "has too long a name", "Give it a shorter one."
            raise _problem(called, str(one.path), what, hint) from error
        raise
    return size


def _make_folders(folder: Path, path: PurePosixPath) -> None:
    """Makes the folders that a file lies in, for their owner alone."""
    for above in list(path.parents)[-2::-1]:
        one = folder / above
        if not one.is_dir():
            make_private(one)


def _pieces(opened: zipfile.ZipFile, one: _Entry, called: str) -> Iterator[bytes]:
    """What really comes out of an entry.

    Raises:
        DataError: It is damaged, or not what the archive says of it.
    """
    size = 0
    try:
        with opened.open(one.info) as member:
            while piece := member.read(PIECE_BYTES):
                size += len(piece)
                yield piece
        if size != one.info.file_size:
            raise EOFError
    except DAMAGE as error:
        raise _problem(called, str(one.path), "is damaged", _ANEW) from error


def _problem(called: str, name: str, what: str, hint: str) -> DataError:
    """What is wrong with an entry of an archive."""
    return DataError(f"{called}: {name[:100]!r} {what}.", hint=hint)
