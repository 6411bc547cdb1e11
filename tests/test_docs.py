# SPDX-License-Identifier: Apache-2.0
"""The docs cannot rot: what they say is held against the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from modelmarket.chain.artifacts import artifact
from modelmarket.chain.reasons import REASONS

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")]
)


def _calls() -> dict[str, list[str]]:
    """The rows of the protocol's table of calls, by name."""
    text = (ROOT / "docs/protocol.md").read_text().split("## The calls")[1]
    rows = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.split("## ")[0].splitlines()
        if line.startswith("| `")
    )
    return {row[0].strip("`"): row[1:] for row in rows}


def _names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_the_table_of_calls_is_that_of_the_abi() -> None:
    abi = artifact("ModelMarket").abi
    writing = {
        entry["name"]: [one["name"] for one in entry["inputs"]]
        for entry in abi
        if entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
    }
    calls = _calls()
    assert {name: _names(row[2]) for name, row in calls.items()} == writing
    events = {entry["name"] for entry in abi if entry["type"] == "event"}
    assert {name for row in calls.values() for name in _names(row[3])} == events
    errors = {name for row in calls.values() for name in _names(row[4])}
    assert errors == set(REASONS) - {"AlreadyClaimed", "PotEmpty", "Unpaid"}


def test_the_generated_pages_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/docs.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_docs_are_commands(page: Path) -> None:
    import typer

    from modelmarket.cli import app

    root = typer.main.get_command(app)
    for words in re.findall(
        r"(?:^|`|\$ |/)modelmarket ([a-z][a-z -]*)", page.read_text(), re.MULTILINE
    ):
        here: object = root
        for word in words.split():
            deeper = getattr(here, "commands", {})
            if not deeper:
                break
            assert word in deeper, f"{page.name}: modelmarket {words}"
            here = deeper[word]
