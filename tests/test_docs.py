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


def _calls(page: str, title: str = "## The calls") -> dict[str, list[str]]:
    """The rows of a page's table of calls, by name."""
    text = (ROOT / "docs" / page).read_text().split(title)[1]
    rows = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.split("## ")[0].splitlines()
        if line.startswith("| `")
    )
    return {row[0].strip("`"): row[1:] for row in rows}


def _names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def _writing(*contracts: str) -> dict[str, list[str]]:
    """The arguments of what changes something, by name."""
    return {
        entry["name"]: [one["name"] for one in entry["inputs"]]
        for contract in contracts
        for entry in artifact(contract).abi
        if entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
    }


@pytest.mark.parametrize(
    ("page", "contract"),
    [("protocol.md", "ModelMarket"), ("verified.md", "VerifiedMarket")],
)
def test_the_table_of_calls_is_that_of_the_abi(page: str, contract: str) -> None:
    calls = _calls(page)
    assert {name: _names(row[2]) for name, row in calls.items()} == _writing(contract)
    abi = artifact(contract).abi
    events = {entry["name"] for entry in abi if entry["type"] == "event"}
    assert {name for row in calls.values() for name in _names(row[3])} == events


def test_the_table_of_challenges_and_answers_is_that_of_the_abis() -> None:
    calls = _calls("verified.md", "## The referee's and the clerk's")
    assert {name: _names(row[1]) for name, row in calls.items()} == _writing(
        "Referee", "Clerk"
    )


def test_every_reason_stands_beside_a_call() -> None:
    errors = {
        name
        for rows, column in (
            (_calls("protocol.md"), 4),
            (_calls("verified.md"), 4),
            (_calls("verified.md", "## The referee's and the clerk's"), 2),
        )
        for row in rows.values()
        for name in _names(row[column])
    }
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


def places(page: Path) -> set[str]:
    """What a page's headings are called in an address: in small letters, with lines
    for spaces, and without other signs.
    """
    found = set[str]()
    for title in re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE):
        bare = re.sub(r"[^\w\- ]", "", title.lower())
        found.add(bare.strip().replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_headings_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text())
    for target, place in links:
        other = page.parent / target if target else page
        assert place in places(other), f"{target}#{place}"


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
