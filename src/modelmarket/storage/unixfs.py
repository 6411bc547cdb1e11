# SPDX-License-Identifier: Apache-2.0
"""Files and folders as IPFS blocks (https://specs.ipfs.tech/unixfs/).

Written with profile `unixfs-v1-2025`: CIDv1, raw leaves of 1 MiB, balanced
trees of width 1024 (IPIP-499). Files of any profile are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modelmarket.errors import InputError, StorageError
from modelmarket.storage.cid import DAG_PB, RAW, Cid

PROFILE = "unixfs-v1-2025"
CHUNK_BYTES = 2**20
WIDTH = 1024
MOST_BLOCK_BYTES = 2**21
MOST_FOLDER_BYTES = 256 * 1024
"""Larger folders would have to be sharded, which is not written here."""

MOST_NAME_BYTES = 255
"""As most disks have it."""

_RAW_DATA, _FOLDER, _FILE = 0, 1, 2
_VARINT, _BYTES = 0, 2
_LONGEST_VARINT = 10


def varint(number: int) -> bytes:
    """An unsigned LEB128 number."""
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004  # seven bits a byte
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Reads an unsigned LEB128 number.

    Returns:
        The number and the place behind it.

    Raises:
        StorageError: The data end within it.
    """
    number = 0
    for index in range(_LONGEST_VARINT):
        if at + index >= len(data):
            break
        byte = data[at + index]
        number |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            return number, at + index + 1
    raise StorageError("A block ends in the middle of a number.")


def _field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | _BYTES) + varint(len(data)) + data


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message: number, and varint or bytes."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        value, at = read_varint(data, at)
        if key & 7 == _VARINT:
            yield key >> 3, value
        elif key & 7 == _BYTES and at + value <= len(data):
            yield key >> 3, data[at : at + value]
            at += value
        else:
            raise StorageError("A block is not a UnixFS node.")


@dataclass(frozen=True)
class Link:
    """A link of a node.

    Attributes:
        cid: Where it leads.
        name: Of a folder's entry; empty in a file.
        total_size: Bytes of all blocks below.
    """

    cid: Cid
    name: str
    total_size: int

    def encode(self) -> bytes:
        """The link as dag-pb has it."""
        return (
            _field(1, bytes(self.cid))
            + _field(2, self.name.encode())
            + b"\x18"
            + varint(self.total_size)
        )


@dataclass(frozen=True)
class Node:
    """A dag-pb node, or a raw leaf.

    Attributes:
        is_folder: Or else a file, or a part of one.
        links: In order.
        data: Bytes that stand in the node itself.
        sizes: Bytes of the file below each link; empty for a folder.
    """

    is_folder: bool
    links: tuple[Link, ...]
    data: bytes
    sizes: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes of the file at and below the node."""
        return len(self.data) + sum(self.sizes)

    def encode(self) -> bytes:
        """The node as dag-pb has it: links first, then data."""
        if self.is_folder:
            meta = bytes((0x08, _FOLDER))
        else:
            meta = bytes((0x08, _FILE)) + b"\x18" + varint(self.size)
            meta += b"".join(b"\x20" + varint(size) for size in self.sizes)
        return b"".join(_field(2, link.encode()) for link in self.links) + _field(
            1, meta
        )


def decode(cid: Cid, block: bytes) -> Node:
    """Reads a block as a part of a file or folder.

    Raises:
        StorageError: It is something else, such as a sharded folder, or has two
            entries of one name.
    """
    if cid.codec == RAW:
        return Node(is_folder=False, links=(), data=block, sizes=())
    links: list[Link] = []
    meta = b""
    for number, value in _fields(block):
        if not isinstance(value, bytes):
            raise StorageError(f"{cid} is not a UnixFS node.")
        if number == 2:  # noqa: PLR2004  # PBNode.Links
            links.append(_decode_link(value))
        elif number == 1:
            meta = value
    kind, data, sizes = -1, b"", []
    for number, value in _fields(meta):
        match number, value:
            case 1, int():
                kind = value
            case 2, bytes():
                data = value
            case 4, int():
                sizes.append(value)
    if kind not in (_RAW_DATA, _FOLDER, _FILE):
        raise StorageError(
            f"{cid} is neither a file nor a plain folder (UnixFS type {kind})."
        )
    is_folder = kind == _FOLDER
    names = {link.name for link in links}
    if is_folder and len(names) != len(links):
        # One program would read the one, and another the other.
        raise StorageError(f"{cid} is a folder with two entries of one name.")
    if not is_folder and len(sizes) != len(links):
        raise StorageError(f"{cid} does not say how large its parts are.")
    return Node(is_folder, tuple(links), data, tuple(sizes))


def _decode_link(data: bytes) -> Link:
    parts = dict(_fields(data))
    target, name, size = parts.get(1), parts.get(2, b""), parts.get(3, 0)
    if (
        not isinstance(target, bytes)
        or not isinstance(name, bytes)
        or not isinstance(size, int)
    ):
        raise StorageError("A link is not a dag-pb link.")
    try:
        return Link(Cid.from_bytes(target), name.decode(), size)
    except UnicodeDecodeError as error:
        raise StorageError("A folder has a name that is not UTF-8.") from error


@dataclass(frozen=True)
class Part:
    """A finished subtree.

    Attributes:
        cid: Its root.
        size: Bytes of the file in it.
        total_size: Bytes of its blocks.
    """

    cid: Cid
    size: int
    total_size: int


def leaf(chunk: bytes) -> Part:
    """The raw leaf of a chunk."""
    return Part(Cid.of(chunk, RAW), len(chunk), len(chunk))


def tree(leaves: list[Part]) -> tuple[Part, list[tuple[Cid, bytes]]]:
    """Builds the balanced tree over a file's leaves.

    Args:
        leaves: At least one; an empty file has one of no bytes.

    Returns:
        The root and all inner nodes.
    """
    level, nodes = leaves, list[tuple[Cid, bytes]]()
    while len(level) > 1:
        above: list[Part] = []
        for at in range(0, len(level), WIDTH):
            parts = level[at : at + WIDTH]
            links = tuple(Link(part.cid, "", part.total_size) for part in parts)
            sizes = tuple(part.size for part in parts)
            block = Node(is_folder=False, links=links, data=b"", sizes=sizes).encode()
            cid = Cid.of(block, DAG_PB)
            nodes.append((cid, block))
            total = len(block) + sum(part.total_size for part in parts)
            above.append(Part(cid, sum(sizes), total))
        level = above
    return level[0], nodes


def folder(entries: dict[str, Part]) -> tuple[Part, bytes]:
    """Builds a folder.

    Args:
        entries: Its files and folders by name.

    Returns:
        The folder and its block.

    Raises:
        InputError: A name cannot be one, or the folder is too large.
    """
    for name in entries:
        check_name(name)
    links = tuple(
        Link(part.cid, name, part.total_size)
        for name, part in sorted(entries.items(), key=lambda one: one[0].encode())
    )
    block = Node(is_folder=True, links=links, data=b"", sizes=()).encode()
    if len(block) > MOST_FOLDER_BYTES:
        raise InputError(
            f"A folder with {len(links):,} entries is too large to be stored.",
            hint="Put the files into sub-folders or into an archive.",
        )
    total = len(block) + sum(part.total_size for part in entries.values())
    return Part(Cid.of(block, DAG_PB), 0, total), block


def check_name(name: str) -> None:
    """Raises an `InputError` if a folder's entry cannot be called so."""
    try:
        is_short = len(name.encode()) <= MOST_NAME_BYTES
    except UnicodeEncodeError:  # a disk may hold what is no text
        is_short = False
    if name in ("", ".", "..") or "/" in name or "\0" in name or not is_short:
        raise InputError(f"{name[:MOST_NAME_BYTES]!r} cannot be the name of a file.")
