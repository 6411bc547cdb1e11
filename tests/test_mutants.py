# SPDX-License-Identifier: Apache-2.0
"""The lies that `make mutants` puts into the contracts fit the contracts."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = ROOT / "contracts"
AREAS = {
    "caller",
    "coin",
    "event",
    "index",
    "labels",
    "money",
    "operator",
    "pack",
    "page",
    "permit",
    "phase",
    "rank",
    "reentrancy",
    "seal",
    "terms",
    "view",
    "window",
}


@pytest.fixture(scope="module")
def family() -> Iterator[Any]:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        yield importlib.import_module("patches")
    finally:
        sys.path.remove(str(ROOT / "scripts"))


def test_every_patch_applies_to_the_contracts_as_they_are(family: Any) -> None:
    assert family.not_applying(CONTRACTS, family.patches()) == []


def test_a_patch_that_no_longer_applies_is_named(family: Any, tmp_path: Path) -> None:
    shutil.copytree(CONTRACTS, tmp_path, dirs_exist_ok=True)
    first = family.patches()[0]
    first.put(tmp_path)
    (said,) = family.not_applying(tmp_path, [first])
    assert said.startswith(f"{first.path.name} no longer applies to contracts/")
    with pytest.raises(ValueError, match=first.path.name):
        first.put(tmp_path)


def test_there_are_sixty_patches_and_more_over_all_that_the_contracts_do(
    family: Any,
) -> None:
    names = [one.name for one in family.patches()]
    assert len(names) >= 60
    found = [re.fullmatch(r"\d\d\d-([a-z]+)-[a-z0-9-]+", name) for name in names]
    assert all(found)
    areas = {one[1] for one in found if one}
    assert areas == AREAS


def test_every_patch_says_in_a_sentence_of_its_own_what_it_breaks(family: Any) -> None:
    sentences = [one.sentence for one in family.patches()]
    for sentence in sentences:
        assert re.fullmatch(r"[A-Z`][^\n]{20,}\.", sentence), sentence
    assert len(set(sentences)) == len(sentences)


def test_every_patch_changes_some_lines_of_one_contract(family: Any) -> None:
    for one in family.patches():
        files = {file for file, _ in one.places}
        assert files, one.name
        assert "ModelCoin.vy" not in files or one.is_of_coin
        assert all((CONTRACTS / file).is_file() for file in files)


def test_every_patch_that_was_tried_was_killed(family: Any) -> None:
    kept = json.loads((ROOT / "benchmarks" / "mutants.json").read_text())["semantic"]
    fates = {one["name"]: one["fate"] for one in kept["verdicts"]}
    assert set(fates) <= {one.name for one in family.patches()}, (
        "run: python scripts/mutants.py --family semantic --again"
    )
    assert set(fates.values()) == {"killed"}
    assert len(fates) >= 60
