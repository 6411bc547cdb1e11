# SPDX-License-Identifier: Apache-2.0
"""What a file is, by what is in it: its name says nothing."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from modelmarket.models.exact import ExactModel
from modelmarket.models.files import MOST_BYTES as MOST_EXACT_BYTES
from modelmarket.models.header import MAGIC
from modelmarket.models.inspecting.archives import (
    COMPRESSED,
    HEAD_BYTES,
    is_tar,
    look_at_compressed,
    look_at_tar,
    look_at_zip,
)
from modelmarket.models.inspecting.arrays import NUMPY, look_at_numpy
from modelmarket.models.inspecting.onnx_files import look_at_onnx, read_onnx
from modelmarket.models.inspecting.pickles import is_pickle, look_at_pickle
from modelmarket.models.inspecting.seen import NOBODY_CAN_TELL, Seen
from modelmarket.system.text import counted

PROGRAMS = {
    b"\x7fELF": "program of Linux",
    b"MZ": "program of Windows",
    b"\xcf\xfa\xed\xfe": "program of macOS",
    b"\xca\xfe\xba\xbe": "program of macOS, or of Java",
    b"#!": "script",
}
TABLES = {
    b"PAR1": "Parquet table",
    b"\x89PNG": "picture",
    b"\xff\xd8\xff": "picture",
    b"GGUF": "GGUF model",
}
"""What is opened without being run; such a file may have something else behind it."""
UNKNOWN = {
    b"\x89HDF\r\n\x1a\n": "HDF5 file",
    b"\x28\xb5\x2f\xfd": "zstd file",
    b"7z\xbc\xaf\x27\x1c": "7z archive",
    b"%PDF": "PDF",
}
"""What can hold a program, and is not looked into."""
ZIPS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
MOST_ONNX_BYTES = 2**31
"""More no ONNX file has: it is one message of protobuf's."""
MOST_HEADER_BYTES = 10**8
"""Of safetensors, as its own readers have it."""


def look(file: BinaryIO, size: int) -> Seen:
    """Tells what a file is, and what is in it.

    Args:
        file: Open for reading, at its beginning.
        size: In bytes.
    """
    seen = Seen("empty file")
    if not size:
        return seen
    head = file.read(HEAD_BYTES)
    file.seek(0)
    seen.kind = "file of no known kind"
    with _whatever_breaks(seen):
        _look(file, head, size, seen)
    with _whatever_breaks(seen):
        if not head.startswith(ZIPS) and zipfile.is_zipfile(file):
            seen.dangers.append("A zip archive is hidden behind it.")
            look_at_zip(file, size, seen)
    return seen


@contextmanager
def _whatever_breaks(seen: Seen) -> Iterator[None]:
    """Tells of what cannot be read; what was seen before stays told."""
    try:
        yield
    except (MemoryError, ImportError, PermissionError):
        raise  # none of these is the file's fault
    except Exception as error:  # noqa: BLE001  # strangers' bytes break every parser
        seen.kind = f"damaged {seen.kind}"
        seen.dangers.append(f"Its rest cannot be read: {str(error)[:200]}")


def _look(file: BinaryIO, head: bytes, size: int, seen: Seen) -> None:
    is_run = is_pickle(file)
    file.seek(0)
    if head.startswith(MAGIC.to_bytes(4)):
        seen.kind = "exact model"
        _look_at_exact(file, size, seen)
    elif is_run:
        found = look_at_pickle(file)
        seen.kind, seen.facts, seen.dangers = found.kind, found.facts, found.dangers
    elif head.startswith(ZIPS):
        look_at_zip(file, size, seen)
    elif name := _named(head, COMPRESSED):
        seen.kind = f"{name} file"
        look_at_compressed(file, size, name, seen)
    elif is_tar(head):
        look_at_tar(file, size, seen)
    elif name := _named(head, PROGRAMS):
        seen.kind = name
        seen.dangers.append("It is a program; it is not run.")
    elif name := _named(head, TABLES):
        seen.kind = name
    elif name := _named(head, UNKNOWN):
        seen.kind = name
        seen.dangers.append("It is not looked into, and may hold a program.")
    elif head.startswith(NUMPY):
        found = look_at_numpy(head)
        seen.kind, seen.facts, seen.dangers = found.kind, found.facts, found.dangers
    else:
        _look_at_rest(file, head, size, seen)


def _look_at_rest(file: BinaryIO, head: bytes, size: int, seen: Seen) -> None:
    """What has no sign of its own at its beginning."""
    if _is_safetensors(head):
        seen.kind = "safetensors file"
    elif _is_text(head, size):
        lines = sum(piece.count(b"\n") for piece in iter(lambda: file.read(2**20), b""))
        seen.kind = "text"
        seen.facts.append(f"{counted(lines, 'line')}.")
    elif size <= MOST_ONNX_BYTES and (model := read_onnx(file.read())) is not None:
        seen.kind = "ONNX model"
        look_at_onnx(model, seen)
    else:
        seen.dangers.append(NOBODY_CAN_TELL)


def _named(head: bytes, known: dict[bytes, str]) -> str:
    """What a file that begins so is called; empty if it is none of these."""
    return next((name for magic, name in known.items() if head.startswith(magic)), "")


def _look_at_exact(file: BinaryIO, size: int, seen: Seen) -> None:
    if size > MOST_EXACT_BYTES:
        seen.dangers.append(f"It is larger than any: {counted(size, 'byte')}.")
        return
    header = ExactModel.from_bytes(file.read()).header
    units = counted(header.units, "neuron" if header.kind else "tree")
    columns = counted(header.columns, "column")
    outputs = counted(header.outputs, "output")
    seen.facts += [
        f"{units} over {columns} of {header.width} bits, with {outputs}.",
        "It is numbers alone, to its last byte: nothing of it is executed.",
    ]


def _is_safetensors(head: bytes) -> bool:
    size = int.from_bytes(head[:8], "little")
    return size <= MOST_HEADER_BYTES and head[8:10] in (b'{"', b"{ ", b"{}")


def _is_text(head: bytes, size: int) -> bool:
    """Whether it is text as far as one looks."""
    if b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # A sign may be cut in two where the head ends.
        return error.start >= len(head) - 3 and len(head) < size
    return True
