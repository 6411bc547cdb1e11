# SPDX-License-Identifier: Apache-2.0
"""A little package that is installed for one test, as an installer would."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


def install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, source: str, **trainers: str
) -> None:
    """Puts a package's module and its entry points where Python looks for them.

    Args:
        folder: For the test alone.
        monkeypatch: Takes it away again.
        source: Of the module.
        trainers: Functions of it, by the names that they are registered by.
    """
    name = f"little_{abs(hash(str(folder)))}"
    (folder / f"{name}.py").write_text(source)
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    )
    lines = [f"{one} = {name}:{what}" for one, what in trainers.items()]
    text = "\n".join(["[modelmarket.trainers]", *lines])
    (about / "entry_points.txt").write_text(f"{text}\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, name, raising=False)
