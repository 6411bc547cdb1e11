# SPDX-License-Identifier: Apache-2.0
"""CAR files, version 1 (https://ipld.io/specs/transport/car/carv1/)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from modelmarket.errors import StorageError
from modelmarket.storage.cid import Cid
from modelmarket.storage.unixfs import MOST_BLOCK_BYTES, read_varint, varint

_ROOTS = b"\xa2\x65roots"
_VERSION_1 = b"\x67version\x01"
_LINK = b"\xd8\x2a\x58"
_CID_BYTES = 36
_MOST_HEADER_BYTES = 4096


def header(root: Cid) -> bytes:
    """The header of a CAR with one root, length included."""
    link = _LINK + bytes((len(bytes(root)) + 1, 0)) + bytes(root)
    body = _ROOTS + b"\x81" + link + _VERSION_1
    return varint(len(body)) + body


def write(root: Cid, blocks: Iterable[tuple[Cid, bytes]]) -> Iterator[bytes]:
    """The bytes of a CAR, piece by piece."""
    yield header(root)
    for cid, block in blocks:
        name = bytes(cid)
        yield varint(len(name) + len(block)) + name
        yield block


@dataclass(frozen=True)
class Entry:
    """Where a block stands in a CAR.

    Attributes:
        cid: The block's, checked.
        offset: Of its first byte.
        length: In bytes.
    """

    cid: Cid
    offset: int
    length: int


def read(file: BinaryIO) -> Iterator[Entry]:
    """Reads and checks every block of a CAR.

    Args:
        file: Seekable.

    Raises:
        StorageError: The file is no such CAR, or a block is not what it says.
    """
    head = _section(file, _MOST_HEADER_BYTES)
    if head is None or not head.startswith(_ROOTS) or not head.endswith(_VERSION_1):
        raise StorageError("This is not a CAR file of version 1.")
    while (section := _section(file, MOST_BLOCK_BYTES + _CID_BYTES)) is not None:
        size = 34 if section[:2] == b"\x12\x20" else _CID_BYTES
        cid = Cid.from_bytes(section[:size])
        block = cid.check(section[size:])
        yield Entry(cid, file.tell() - len(block), len(block))


def _section(file: BinaryIO, most: int) -> bytes | None:
    prefix = file.read(10)
    if not prefix:
        return None
    length, used = read_varint(prefix, 0)
    if length > most:
        raise StorageError(f"A block of {length:,} bytes is larger than is read here.")
    file.seek(used - len(prefix), 1)
    section = file.read(length)
    if len(section) != length:
        raise StorageError("The CAR file is cut off.")
    return section
