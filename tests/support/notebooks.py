# SPDX-License-Identifier: Apache-2.0
"""The notebooks of `examples/`, executed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "examples" / "notebooks"
MOST_S = 300
"""For one cell, on however slow a machine."""


def executed(path: Path, folder: Path) -> Any:
    """A notebook with what its cells show, each run anew in a kernel of its own.

    Args:
        path: Of the notebook.
        folder: Where it runs.

    Raises:
        CellExecutionError: A cell failed.
    """
    document = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(folder)}}
    client = NotebookClient(
        document, timeout=MOST_S, kernel_name="python3", resources=where
    )
    client.execute()
    for cell in document.cells:
        # When and in which program it ran says nothing to a reader.
        cell.metadata.clear()
    document.metadata["language_info"] = {"name": "python"}
    return document
