# SPDX-License-Identifier: Apache-2.0
"""What `make commands` measures is every command that only reads."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from modelmarket.cli import app

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def measured() -> Iterator[Any]:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield importlib.import_module("commands")
    finally:
        sys.path.remove(str(BENCHMARKS))


def every_command(group: object, path: str = "") -> Iterator[str]:
    assert isinstance(group, TyperGroup)
    for name, one in group.commands.items():
        whole = f"{path} {name}".strip()
        if isinstance(one, TyperGroup):
            yield from every_command(one, whole)
        else:
            yield whole


def test_every_command_is_measured_or_does_more_than_read(measured: Any) -> None:
    """A new one must be put where it belongs."""
    reading = {one.command for one in measured.READINGS}
    kinds = (reading, measured.CHANGING, measured.LASTING)
    assert sorted(name for kind in kinds for name in kind) == sorted(
        every_command(typer.main.get_command(app))
    )


def test_what_is_measured_is_what_is_written(measured: Any) -> None:
    """Whoever adds a reading, or a word to one, measures again."""
    kept = json.loads((BENCHMARKS / "commands.json").read_text())["commands"]
    written = [(one["command"], one["words"], one["besides"]) for one in kept]
    assert written == [
        (one.command, one.words, one.besides) for one in measured.READINGS
    ]
