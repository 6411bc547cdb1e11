# SPDX-License-Identifier: Apache-2.0
"""What stands in source files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def texts(path: Path, *, docstrings: bool = True) -> Iterator[str]:
    """The texts of a source file, whole, with gaps where values go."""
    tree = ast.parse(path.read_text())
    inside = set[int]()
    for node in ast.walk(tree):
        body = getattr(node, "body", [])
        if not docstrings and isinstance(body, list):
            inside |= {id(one.value) for one in body if isinstance(one, ast.Expr)}
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in ast.walk(node)} - {id(node)}
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "…"
                for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in inside:
                yield node.value
