# SPDX-License-Identifier: Apache-2.0
"""The page of attacks: each is a test, and its name says what comes of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERIFIED = sorted((ROOT / "tests/verified").glob("test_attacks_*.py"))
PREDICTIONS = [ROOT / "tests/contracts/test_attacks.py"]
PREFIX = "test_"


def page() -> str:
    """Every attack that the suites play, in a line each."""
    parts = [
        "# The attack suite",
        "",
        "Each line is a test that plays the attack on the contracts themselves. In verified",
        "contests it ends in who was paid how much, and bytes that convict a liar are then",
        "sent against an honest candidate, who must stand. The page is made from the tests'",
        "names by `make docs`.",
        "",
        "```console",
        "$ .venv/bin/pytest tests/verified -k attack",
        "$ .venv/bin/pytest tests/contracts/test_attacks.py",
        "```",
        "",
        "What no contract can prevent stands in [the security model](security.md).",
    ]
    for title, files in (
        ("Verified contests", VERIFIED),
        ("Contests of predictions", PREDICTIONS),
    ):
        parts += ["", f"## {title}"]
        for file in files:
            tree = ast.parse(file.read_text())
            about = (ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
            parts += [
                "",
                about,
                "",
                "| attack | how | what comes of it |",
                "|---|---|---|",
                *(f"| {' | '.join(cells)} |" for cells in _attacks(tree)),
            ]
    return "\n".join(parts) + "\n"


def _attacks(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith(PREFIX):
            name = node.name.removeprefix(PREFIX).removeprefix("attack_")
            attack, *how, end = (
                part.replace("_", " ").strip() for part in name.split("__")
            )
            yield attack, " ".join(how), end
