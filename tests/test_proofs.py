# SPDX-License-Identifier: Apache-2.0
"""The proofs' verdicts and mutants belong to the contracts as they are.

`make prove` proves; here nothing is proved, and halmos is not needed.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
QUESTIONS = ("Once", "Conserved", "Forward", "Consistent")


@pytest.fixture(scope="module")
def prove() -> Any:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        return importlib.import_module("prove")
    finally:
        sys.path.pop(0)


def test_every_proof_and_every_question_has_a_mutant_that_it_refutes(
    prove: Any,
) -> None:
    refuted = [one for mutant in prove.mutants() for one in mutant.refutes]
    # One is of arithmetic alone, and the market has no part in it.
    asked_of_it = set(prove.proofs()) - {"check_division"}
    assert {one.split(".")[1] for one in refuted} == asked_of_it
    asked = {f"{question}.check_withdraw" for question in QUESTIONS}
    assert asked <= set(refuted)
    # Each call is broken in each way that a call of its kind can be.
    for name in asked_of_it - {"check_time", "check_withdrawn", "check_slots"}:
        for question in QUESTIONS[1:]:
            assert f"{question}.{name}" in refuted


def test_every_mutant_says_what_it_breaks_and_still_applies(
    prove: Any, tmp_path: Path
) -> None:
    plain = prove.copy_sources(tmp_path / "plain")
    for mutant in prove.mutants():
        assert mutant.says.endswith("."), mutant.name
        assert mutant.refutes, mutant.name
        folder = tmp_path / mutant.name
        folder.mkdir()
        sources = prove.copy_sources(folder, mutant)
        changed = {
            path.name
            for path in sources.rglob("*.vy*")
            if path.read_text() != (plain / path.relative_to(sources)).read_text()
        }
        assert changed, mutant.name


def test_the_verdicts_are_of_these_contracts_and_proofs(prove: Any) -> None:
    """A change of the code, and not of a comment, asks for `make prove`."""
    known = json.loads(prove.RESULT.read_text())
    assert known["code_sha256"] == prove.code_hash()
    assert known["proofs_sha256"] == prove.proofs_hash()
    assert known["page_words"] == prove.PAGE_WORDS


def test_every_proof_holds_and_fails_on_each_mutant_that_it_names(
    prove: Any,
) -> None:
    verdicts = {
        (one["mutant"], one["proof"]): one["verdict"]
        for one in json.loads(prove.RESULT.read_text())["verdicts"]
    }
    wanted = {("", f"{prove.ALL}.{name}"): prove.PROVED for name in prove.proofs()}
    for mutant in prove.mutants():
        for proof in mutant.refutes:
            wanted[mutant.name, proof] = prove.REFUTED
    assert verdicts == wanted


def test_every_file_of_the_proofs_names_its_licence(prove: Any) -> None:
    files = [path for path in prove.PROOFS.rglob("*") if path.is_file()]
    assert len(files) > len(prove.mutants())
    for path in files:
        if path.suffix != ".lock":
            head = path.read_text()[:200]
            assert "SPDX-License-Identifier: Apache-2.0" in head, path.name
