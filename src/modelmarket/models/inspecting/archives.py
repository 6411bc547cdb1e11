# SPDX-License-Identifier: Apache-2.0
"""Archives, and what was compressed: measured piece by piece, and never unpacked."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, BinaryIO

from modelmarket.models.inspecting.arrays import NUMPY, look_at_numpy
from modelmarket.models.inspecting.pickles import is_pickle, look_at_pickle
from modelmarket.models.inspecting.seen import Seen, some
from modelmarket.system.text import counted

MOST_BYTES = 8 * 2**30
"""Measured no further."""
MOST_MEMBERS = 10_000
MOST_RATIO, LEAST_BOMB = 200, 2**26
"""No table or model of that size is so much smaller when it is compressed."""
HEAD_BYTES = PIECE_BYTES = 2**20
PACKED = (".zip", ".gz", ".bz2", ".xz", ".tar", ".tgz", ".7z", ".zst")
COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x5d\x00\x00": "lzma",
    b"\x78\x01": "zlib",
    b"\x78\x5e": "zlib",
    b"\x78\x9c": "zlib",
    b"\x78\xda": "zlib",
}
"""How such files begin."""


class Measured:
    """What is in an archive, while it is read.

    Args:
        seen: Where it is told.
        size: Bytes of the archive itself.
    """

    def __init__(self, seen: Seen, size: int) -> None:
        self.seen, self.size, self.total = seen, size, 0
        self.names: list[str] = []
        self.outside: list[str] = []

    def name(self, name: str, *, is_link: bool) -> None:
        """Another member."""
        self.names.append(name)
        path = PurePosixPath(name.replace("\\", "/"))
        is_drive = len(name) > 1 and name[1] == ":"
        if path.is_absolute() or ".." in path.parts or is_link or is_drive:
            self.outside.append(name)

    def read(self, member: IO[bytes], name: str = "") -> bool:
        """Measures a part, and looks at how it begins; whether there may be more."""
        head = member.read(HEAD_BYTES)
        self.total += len(head)
        inner = _look_at_head(head)
        if inner is not None:
            self.seen.take(inner, name or "in it")
        while self.total < MOST_BYTES and (piece := member.read(PIECE_BYTES)):
            self.total += len(piece)
        return self.total < MOST_BYTES

    def tell(self) -> None:
        """What came of it."""
        seen, ratio = self.seen, self.total / max(self.size, 1)
        if self.names:
            count = counted(len(self.names), "member")
            seen.facts.append(f"{count}: {some(self.names)}.")
        whole = f"It unpacks to {counted(self.total, 'byte')}"
        seen.facts.append(f"{whole}; of each part the first MiB was looked into.")
        if self.total >= MOST_BYTES:
            seen.dangers.append("That is as far as it was measured: there is more.")
        if ratio > MOST_RATIO and self.total >= LEAST_BOMB:
            seen.dangers.append(
                f"That is {ratio:,.0f} times its size: it is made to fill a disk."
            )
        if self.outside:
            seen.dangers.append(
                f"Members would lie outside its folder, or link: {some(self.outside)}."
            )
        packed = [one for one in self.names if one.lower().endswith(PACKED)]
        if packed:
            seen.facts.append(f"Archives in it are not looked into: {some(packed)}.")


def _look_at_head(head: bytes) -> Seen | None:
    """What a part is, if opening it could do something."""
    if is_pickle(io.BytesIO(head)):
        return look_at_pickle(io.BytesIO(head))
    return look_at_numpy(head) if head.startswith(NUMPY) else None


def look_at_zip(file: BinaryIO, size: int, seen: Seen) -> None:
    """Measures a zip, and lists the pickles in it."""
    seen.kind = "zip archive"
    found = Measured(seen, size)
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > MOST_MEMBERS:
            count = f"{len(members):,} members"
            seen.dangers.append(f"It has {count}: that many are no model.")
        for one in members[:MOST_MEMBERS]:
            found.name(one.filename, is_link=stat.S_ISLNK(one.external_attr >> 16))
            if one.is_dir():
                continue
            try:
                with archive.open(one) as member:
                    go_on = found.read(member, one.filename)
            except (NotImplementedError, RuntimeError, zipfile.BadZipFile) as error:
                # Another compression, or encrypted: the others are looked at.
                seen.dangers.append(f"{some([one.filename])}: {str(error)[:200]}.")
                continue
            if not go_on:
                break
    found.tell()


def look_at_tar(file: BinaryIO, size: int, seen: Seen) -> None:
    """Measures a tar, compressed or not, and lists the pickles in it."""
    seen.kind = "tar archive"
    found = Measured(seen, size)
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        for count, one in enumerate(archive, 1):
            found.name(one.name, is_link=one.issym() or one.islnk() or one.isdev())
            member = archive.extractfile(one) if one.isreg() else None
            if member is not None and not found.read(member, one.name):
                break
            if count >= MOST_MEMBERS:
                seen.dangers.append("There are more members: that many are no model.")
                break
    found.tell()


def look_at_compressed(file: BinaryIO, size: int, name: str, seen: Seen) -> None:
    """Measures a compressed file; of a tar also what is in it."""
    with _plain(file, name) as plain:
        head = plain.read(512)
    file.seek(0)
    if is_tar(head) and name != "zlib":
        look_at_tar(file, size, seen)
        return
    seen.kind = f"{name} file"
    found = Measured(seen, size)
    with _plain(file, name) as plain:
        found.read(plain)
    found.tell()


def _plain(file: BinaryIO, name: str) -> IO[bytes]:
    """A compressed file, as it was before."""
    match name:
        case "gzip":
            return io.BufferedReader(gzip.GzipFile(fileobj=file))
        case "bzip2":
            return io.BufferedReader(bz2.BZ2File(file))
        case "zlib":
            return io.BufferedReader(_Inflated(file))
        case _:
            return io.BufferedReader(lzma.LZMAFile(file))


class _Inflated(io.RawIOBase):
    """What zlib has compressed, piece by piece."""

    def __init__(self, file: BinaryIO) -> None:
        self._pieces = _inflated(file)
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # one kind will do
        self._left = self._left or next(self._pieces, b"")
        piece, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


def _inflated(file: BinaryIO) -> Iterator[bytes]:
    inflating = zlib.decompressobj()
    while piece := inflating.unconsumed_tail or file.read(PIECE_BYTES):
        if found := inflating.decompress(piece, PIECE_BYTES):
            yield found
        if inflating.eof:
            return


def is_tar(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return head[257:262] == b"ustar"
