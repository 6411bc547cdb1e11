# SPDX-License-Identifier: Apache-2.0
"""What a file is, by what is in it: its name says nothing."""

from __future__ import annotations

import os
from typing import BinaryIO

from modelmarket.models.header import MAGIC, ExactHeader
from modelmarket.models.inspecting.archives import (
    COMPRESSED,
    is_tar,
    look_at_compressed,
    look_at_tar,
    look_at_zip,
)
from modelmarket.models.inspecting.onnx_files import look_at_onnx, read_onnx
from modelmarket.models.inspecting.pickles import (
    HEAD_BYTES,
    is_pickle,
    look_at_pickle,
)
from modelmarket.models.inspecting.seen import Seen
from modelmarket.system.text import counted

PROGRAMS = {
    b"\x7fELF": "program of Linux",
    b"MZ": "program of Windows",
    b"\xcf\xfa\xed\xfe": "program of macOS",
    b"\xca\xfe\xba\xbe": "program of macOS, or of Java",
    b"#!": "script",
}
OTHERS = {
    b"\x89HDF\r\n\x1a\n": "HDF5 file",
    b"GGUF": "GGUF file",
    b"PAR1": "Parquet table",
    b"\x28\xb5\x2f\xfd": "zstd file",
    b"7z\xbc\xaf\x27\x1c": "7z archive",
    b"\x89PNG": "picture",
    b"\xff\xd8\xff": "picture",
    b"%PDF": "PDF",
}
NUMPY = b"\x93NUMPY"
ZIPS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
WORD_BYTES = 32


def look(file: BinaryIO) -> Seen:
    """Tells what a file is, and what is in it.

    Args:
        file: Open for reading, at its beginning.
    """
    size = os.fstat(file.fileno()).st_size
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if not size:
        return Seen("empty file")
    try:
        return _look(file, head, size)
    except (MemoryError, ImportError, PermissionError):
        raise  # none of these is the file's fault
    except Exception as error:  # noqa: BLE001  # strangers' bytes break every parser
        return Seen("damaged file", [f"{type(error).__name__}: {error}"])


def _look(file: BinaryIO, head: bytes, size: int) -> Seen:
    if head.startswith(MAGIC.to_bytes(4)):
        return _look_at_exact(file)
    if head.startswith(ZIPS):
        return look_at_zip(file, size)
    for magic in COMPRESSED:
        if head.startswith(magic):
            return look_at_compressed(file, size, magic)
    if is_tar(head):
        return look_at_tar(file, size)
    if is_pickle(head, is_whole=size <= HEAD_BYTES):
        return look_at_pickle(file)
    for magic, name in PROGRAMS.items():
        if head.startswith(magic):
            return Seen(name, dangers=["It is a program; it is not run."])
    for magic, name in OTHERS.items():
        if head.startswith(magic):
            return Seen(name)
    if head.startswith(NUMPY):
        return _look_at_numpy(head)
    if (text := _text(file, head, size)) is not None:
        return text
    model = read_onnx(file.read())
    return Seen("file of no known kind") if model is None else look_at_onnx(model)


def _look_at_exact(file: BinaryIO) -> Seen:
    header = ExactHeader.from_word(file.read(WORD_BYTES))
    units = counted(header.units, "neuron" if header.kind else "tree")
    columns, outputs = (
        counted(header.columns, "column"),
        counted(header.outputs, "output"),
    )
    what = f"{units} over {columns} of {header.width} bits, with {outputs}."
    alone = "It is numbers alone: nothing of it is executed."
    return Seen("exact model", [what, alone])


def _look_at_numpy(head: bytes) -> Seen:
    described = head[len(NUMPY) + 4 :].partition(b"\n")[0].decode("latin-1").strip()
    seen = Seen("NumPy array", [described[:200]])
    if "|O" in described:
        seen.dangers.append(
            "Its cells are pickles: opening it runs whatever its maker wants."
        )
    return seen


def _text(file: BinaryIO, head: bytes, size: int) -> Seen | None:
    """What is text as far as one looks; None for other bytes."""
    if b"\0" in head:
        return None
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # A sign may be cut in two where the head ends.
        if error.start < len(head) - 3 or len(head) == size:
            return None
    lines = sum(piece.count(b"\n") for piece in iter(lambda: file.read(2**20), b""))
    return Seen("text", [f"{counted(lines, 'line')}."])
