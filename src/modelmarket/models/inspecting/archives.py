# SPDX-License-Identifier: Apache-2.0
"""Archives, and what was compressed: measured piece by piece, and never unpacked."""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
from pathlib import PurePosixPath
from typing import BinaryIO

from modelmarket.models.inspecting.pickles import HEAD_BYTES, is_pickle, look_at_pickle
from modelmarket.models.inspecting.seen import Seen, some
from modelmarket.system.text import counted

MOST_BYTES = 8 * 2**30
"""Measured no further."""
MOST_MEMBERS = 10_000
MOST_RATIO = 200
"""No table or model is so much smaller when it is compressed."""
PIECE_BYTES = 2**20
PACKED = (".zip", ".gz", ".bz2", ".xz", ".tar", ".tgz", ".7z", ".zst")


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

    def piece(self, size: int) -> bool:
        """So many bytes more; whether there may be more of them."""
        self.total += size
        return self.total < MOST_BYTES

    def tell(self) -> Seen:
        """What came of it."""
        seen, ratio = self.seen, self.total / max(self.size, 1)
        if self.names:
            count = counted(len(self.names), "member")
            seen.facts.append(f"{count}: {some(self.names)}.")
        seen.facts.append(f"It unpacks to {counted(self.total, 'byte')}.")
        if self.total >= MOST_BYTES:
            seen.dangers.append("That is as far as it was measured: there is more.")
        if ratio > MOST_RATIO:
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
        return seen


def look_at_zip(file: BinaryIO, size: int) -> Seen:
    """Measures a zip, and lists the pickles in it."""
    seen = Seen("zip archive")
    found = Measured(seen, size)
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        for one in members[:MOST_MEMBERS]:
            is_link = stat.S_ISLNK(one.external_attr >> 16)
            found.name(one.filename, is_link=is_link)
            if one.is_dir():
                continue
            if one.flag_bits & 1:
                seen.facts.append(f"{one.filename} is encrypted.")
                continue
            with archive.open(one) as member:
                head = member.read(HEAD_BYTES)
                go_on = found.piece(len(head))
                if is_pickle(head, is_whole=len(head) < HEAD_BYTES):
                    with archive.open(one) as again:
                        inner = look_at_pickle(again)  # type: ignore[arg-type]  # it reads
                    seen.dangers += [f"{one.filename}: {it}" for it in inner.dangers]
                while go_on and (piece := member.read(PIECE_BYTES)):
                    go_on = found.piece(len(piece))
            if not go_on:
                break
    if len(members) > MOST_MEMBERS:
        seen.dangers.append(f"It has {len(members):,} members: that many are no model.")
    return found.tell()


def look_at_tar(file: BinaryIO, size: int) -> Seen:
    """Measures a tar, compressed or not."""
    found = Measured(Seen("tar archive"), size)
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        for count, one in enumerate(archive, 1):
            found.name(one.name, is_link=one.issym() or one.islnk() or one.isdev())
            go_on = count < MOST_MEMBERS
            member = archive.extractfile(one) if one.isreg() else None
            while go_on and member and (piece := member.read(PIECE_BYTES)):
                go_on = found.piece(len(piece))
            if not go_on:
                break
    return found.tell()


COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"}
"""How such files begin."""


def _plain(file: BinaryIO, name: str) -> gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile:
    """A compressed file, as it was before."""
    if name == "gzip":
        return gzip.GzipFile(fileobj=file)
    return bz2.BZ2File(file) if name == "bzip2" else lzma.LZMAFile(file)


def look_at_compressed(file: BinaryIO, size: int, magic: bytes) -> Seen:
    """Measures a compressed file; of a tar also what is in it."""
    name = COMPRESSED[magic]
    with _plain(file, name) as plain:
        head = plain.read(512)
    file.seek(0)
    if is_tar(head):
        return look_at_tar(file, size)
    found = Measured(Seen(f"{name} file"), size)
    if is_pickle(head, is_whole=len(head) < 512):  # noqa: PLR2004  # as was read
        found.seen.dangers.append(
            "In it is a pickle: opening one runs whatever its maker wants."
        )
    file.seek(0)
    with _plain(file, name) as plain:
        while (piece := plain.read(PIECE_BYTES)) and found.piece(len(piece)):
            pass
    return found.tell()


def is_tar(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return head[257:262] == b"ustar"
