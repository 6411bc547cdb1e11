# SPDX-License-Identifier: Apache-2.0
"""NumPy's files: numbers, or pickles in place of numbers."""

from __future__ import annotations

import ast

from modelmarket.models.inspecting.seen import NOBODY_CAN_TELL, Seen

NUMPY = b"\x93NUMPY"
_LENGTH = 2
"""Bytes of the length of version 1; later ones have twice as many."""
OBJECTS = "Its cells are pickles: opening it runs whatever its maker wants."


def look_at_numpy(head: bytes) -> Seen:
    """Tells what an array's header says; see numpy.lib.format.

    Args:
        head: How the file begins.
    """
    seen = Seen("NumPy array")
    at = len(NUMPY) + 2
    width = _LENGTH if head[len(NUMPY) : len(NUMPY) + 1] == b"\1" else 2 * _LENGTH
    size = int.from_bytes(head[at : at + width], "little")
    text = head[at + width : at + width + size].decode("latin-1").strip()
    try:
        described = ast.literal_eval(text)
        kind, shape = described["descr"], described["shape"]
    except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError):
        seen.dangers.append(NOBODY_CAN_TELL)
        return seen
    seen.facts.append(f"Of {str(kind)[:200]}, shape {str(shape)[:200]}.")
    if "O" in str(kind):
        seen.dangers.append(OBJECTS)
    return seen
