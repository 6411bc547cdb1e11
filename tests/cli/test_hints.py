# SPDX-License-Identifier: Apache-2.0
"""What errors, hints and docs tell people to type can be typed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from modelmarket.cli import app
from modelmarket.web.views import CONFIRMATIONS
from support.sources import texts

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "modelmarket"
FILES = sorted(SOURCE.rglob("*.py"))
PAGES = sorted([*ROOT.glob("docs/*.md"), ROOT / "README.md"])
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
COMMAND = re.compile(r"(?:^|(?<=[`$ (]))modelmarket((?:[ \n]+[^\s`]+)*)")

Where = tuple[str, ...]
TABLES: list[Where] = [
    ("dataset", "check"),
    ("request", "create"),
    ("vault", "recover"),
]
SHOWN_BY: dict[str, list[Where]] = {
    "chain/markets.py": [("node", "add")],
    "chain/reasons.py": [("submission", "cancel")],
    "chain/wallets.py": [("request", "create"), ("submit",), ("agent", "run")],
    "datasets/attached.py": TABLES,
    "datasets/choosing.py": TABLES,
    "datasets/coding.py": TABLES,
    "datasets/lint/columns.py": TABLES[:2],
    "datasets/lint/labels.py": TABLES[:2],
    "datasets/lint/rows.py": TABLES[:2],
    "datasets/labels.py": TABLES,
    "datasets/sources.py": TABLES,
    "datasets/split.py": TABLES,
    "datasets/tables.py": TABLES,
    "errors/__init__.py": [("request", "create"), ("submit",)],
    "errors/wording.py": TABLES,
    "market/any_request.py": [("request", "cancel"), ("submission", "cancel")],
    "market/recognising.py": [("request", "create")],
    "market/verified/scoring.py": [("request", "create")],
    "system/confinement.py": [("reproduce",), ("model", "predict")],
    "agent/notices.py": [("agent", "run"), ("up",)],
    "agent/trainer/rules.py": [("trainer", "run")],
}
"""Options that a sentence names without a command: every command that may show it.

Another file's belong here, or the sentence should name the command.
"""


def commands(group: object, path: Where = ()) -> Iterator[tuple[Where, TyperCommand]]:
    assert isinstance(group, TyperGroup)
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, (*path, name))
        else:
            assert isinstance(command, TyperCommand)
            yield (*path, name), command


PROGRAM = typer.main.get_command(app)
KNOWN: dict[Where, set[str]] = {
    path: {
        "--help",
        *(option for one in PROGRAM.params for option in one.opts),
        *(o for one in command.params for o in (*one.opts, *one.secondary_opts)),
    }
    for path, command in commands(PROGRAM)
}
NOUNS = {path[:1] for path in KNOWN if len(path) > 1}


def named(words: list[str]) -> tuple[Where | None, list[str]]:
    """The command that words begin with, and the words behind it."""
    for length in (2, 1):
        if tuple(words[:length]) in KNOWN:
            return tuple(words[:length]), words[length:]
    return None, words


def problems(text: str) -> Iterator[str]:
    """What a text names that there is not: whole commands, with their options."""
    for found in COMMAND.finditer(text):
        words = found[1].split()
        if not words or words[0].startswith("-"):
            continue
        where, rest = named(words)
        is_word = re.fullmatch(r"[a-z][a-z-]*", words[0])
        quoted = text[: found.start()].endswith(("`", "$ "))
        if where is None:
            if is_word and quoted and (len(words) > 1 or tuple(words) not in NOUNS):
                yield f"there is no command {words[:2]}"
            continue
        for option in OPTION.findall(" ".join(rest)):
            if option not in KNOWN[where]:
                yield f"{' '.join(where)} has no {option}"


def bare(text: str) -> set[str]:
    """Options that stand outside a command."""
    return set(OPTION.findall(COMMAND.sub("", text)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_command_and_option_that_is_named_is_there(path: Path) -> None:
    name = str(path.relative_to(SOURCE))
    everywhere = set.union(*KNOWN.values())
    for text in texts(path):
        assert list(problems(text)) == [], text
        options = bare(text)
        if name.startswith("cli/") or not options:
            # Declarations, and help beside the options themselves.
            assert options <= everywhere, text
            continue
        if not re.search(r"[A-Za-z]{2,} ", OPTION.sub("", text)):
            continue  # arguments of other programs
        assert name in SHOWN_BY, f"{name} says {options}: {text}"
        for where in SHOWN_BY[name]:
            assert options <= KNOWN[where], f"{where}: {text}"


def test_what_wants_a_yes_has_an_option_that_says_it() -> None:
    options = {
        str(keyword.value.value)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "ConfirmationError"
        for keyword in node.keywords
        if keyword.arg == "option" and isinstance(keyword.value, ast.Constant)
    }
    of_both, of_running = {"again", "accept_stake"}, {"accept_risk"}
    of_creating = of_both | {"accept_findings", "accept_threshold", "accept_window"}
    assert options == of_creating | of_running
    assert "--accept-risk" in KNOWN["reproduce",]
    for option in of_creating:
        flag = "--" + option.replace("_", "-")
        assert flag in KNOWN["request", "create"]
        assert (flag in KNOWN["submit",]) == (option in of_both)
    assert of_creating == CONFIRMATIONS.keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_the_docs_tell_to_type_can_be_typed(page: Path) -> None:
    text = page.read_text().replace("\\\n", " ")
    lines = re.findall(r"^\s*\$ (modelmarket [^\n#]*)", text, re.MULTILINE)
    spans = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    said = [*lines, *spans]
    # Without the program's name, where a span begins with a noun.
    said += [
        f"modelmarket {span}" for span in spans if named(span.split())[0] is not None
    ]
    for one in said:
        assert list(problems(f"`{one}`")) == [], one


@pytest.mark.parametrize(
    "text",
    [
        "run `modelmarket store serv`",
        "`modelmarket airdrop --again` helps",
        "$ modelmarket submission check 7 p.csv --label x",
        "`modelmarket nonsense now`",
    ],
)
def test_what_is_not_there_would_be_found(text: str) -> None:
    assert list(problems(text)) != []
