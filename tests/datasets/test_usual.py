# SPDX-License-Identifier: Apache-2.0
"""What the docs say of data that everybody knows is what is found in them."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NAMES = ("iris", "wine", "digits", "breast cancer", "diabetes")


@pytest.fixture(scope="module")
def lints() -> Iterator[Any]:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield importlib.import_module("lints")
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.mark.parametrize("name", NAMES)
def test_the_lint_finds_in_usual_data_what_is_written(lints: Any, name: str) -> None:
    kept = json.loads((BENCHMARKS / "lints.json").read_text())
    [written] = [one for one in kept if one["name"] == name]
    found = json.loads(json.dumps(lints.found_in(name)))
    assert found == written


def test_all_of_them_are_written() -> None:
    kept = json.loads((BENCHMARKS / "lints.json").read_text())
    assert [one["name"] for one in kept] == [*NAMES, "MNIST"]
