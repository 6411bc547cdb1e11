# SPDX-License-Identifier: Apache-2.0
"""Executes the notebooks of `examples/` and writes what they show into them.

`PYTHONPATH=tests python scripts/notebooks.py [NAME …]`; without a name all of them.
"""

from __future__ import annotations

import sys

import nbformat

from support.notebooks import NOTEBOOKS, executed


def main() -> None:
    """Executes those that were named, or all."""
    names = sys.argv[1:] or sorted(one.stem for one in NOTEBOOKS.glob("*.ipynb"))
    for name in names:
        path = NOTEBOOKS / f"{name}.ipynb"
        nbformat.write(executed(path, NOTEBOOKS), path)
        print(path)


if __name__ == "__main__":
    main()
