# SPDX-License-Identifier: Apache-2.0
"""The notebooks of `examples/` run, and show what is written into them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from support.notebooks import NOTEBOOKS, executed

CHANGING = re.compile(
    r"0x[0-9a-fA-F]+|\bbaf\w+|/tmp/\S+?(?=[/<])|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    r"|\d[\d,]*(\.\d+)?%?"
)
"""Addresses, CIDs, folders, times, and figures: another split gives others."""


def told(document: Any) -> list[list[str]]:
    """What each cell shows, without what changes from run to run, and without how far
    long work was, which a fast machine does not show.
    """
    found: list[list[str]] = []
    for cell in document.cells:
        lines: list[str] = []
        for one in cell.get("outputs", []):
            if one.output_type == "display_data":
                continue
            data = one.get("data", {})
            html = data.get("text/html", data.get("text/plain", one.get("text", "")))
            lines.append(CHANGING.sub("#", html))
        # A kernel sends what is printed in pieces, as they come.
        found.append("".join(lines).splitlines())
    return found


@pytest.mark.parametrize(
    "path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda p: p.stem
)
def test_a_notebook_shows_what_is_written_into_it(path: Path, tmp_path: Path) -> None:
    written = nbformat.read(path, as_version=4)
    now = executed(path, tmp_path)
    assert [one.source for one in now.cells] == [one.source for one in written.cells]
    for before, after in zip(told(written), told(now), strict=True):
        assert after == before
    assert not list(tmp_path.iterdir())
