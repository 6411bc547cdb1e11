# SPDX-License-Identifier: Apache-2.0
"""One sentence for three faces: options in the command, arguments in Python, fields and
places on the page."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

import modelmarket.errors
from modelmarket.cli import app
from modelmarket.errors import ConfirmationError, InputError, said_by
from modelmarket.errors.wording import (
    CALLS,
    CONTEST,
    SETTINGS,
    VERIFIED,
    in_python,
    on_the_page,
)
from modelmarket.market import (
    Market,
    Request,
    Submission,
    VerifiedRequest,
    VerifiedSubmission,
)
from modelmarket.market.publishing import RequestOptions
from modelmarket.market.verified.publishing import ContestOptions
from modelmarket.web.views import CONFIRMATIONS
from support.sources import texts

PACKAGE = Path(modelmarket.errors.__file__).parents[1]
FILES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.parts[len(PACKAGE.parts)] not in ("cli", "web", "demo", "agent")
    and path.name not in ("wording.py", "anvil.py")
]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
COMMAND = re.compile(r"`modelmarket ([^`]+)`")
OF_THE_TERMINAL = {
    *("account", "audit", "deploy", "doctor", "store", "trainer", "up", "vault"),
    *("dataset fetch", "model inspect", "node add", "node fund", "node start"),
}
"""What nobody does from Python, by noun or by name: there it stays a command."""
OURS = {
    name
    for name, one in vars(modelmarket.errors).items()
    if isinstance(one, type) and issubclass(one, modelmarket.errors.ModelMarketError)
}
CALLED: list[Callable[..., Any]] = [
    *(Market.connect, Market.create_request, Market.create_contest, Market.requests),
    *(Request.submit, Request.cancel, Request.reproduce, Submission.cancel),
]


def options(group: TyperGroup) -> Iterator[str]:
    for command in group.commands.values():
        if isinstance(command, TyperGroup):
            yield from options(command)
        else:
            assert isinstance(command, TyperCommand)
            for one in command.params:
                yield from (*one.opts, *one.secondary_opts)


@pytest.mark.parametrize("path", FILES, ids=lambda one: str(one.relative_to(PACKAGE)))
def test_nothing_that_python_or_the_page_is_told_names_an_option(path: Path) -> None:
    for text in texts(path, docstrings=False):
        if not re.search(r"[A-Za-z]{2,} ", OPTION.sub("", text)):
            continue  # arguments of other programs
        for said in (in_python(text), on_the_page(text)):
            assert not OPTION.search(COMMAND.sub("", said)), said
            for command in COMMAND.findall(said):
                words = command.split()
                names = {words[0], " ".join(words[:2])}
                assert names & OF_THE_TERMINAL, said
        # And the command is told to call nothing that it does itself.
        called = re.findall(r"`((?:market|request|submission)\.\w+)\(", text)
        assert not {one.python for one in CALLS.values()} & set(called), text


@pytest.mark.parametrize("path", FILES, ids=lambda one: str(one.relative_to(PACKAGE)))
def test_no_sentence_takes_up_an_error_in_the_words_of_one_face(path: Path) -> None:
    """`error.text` or `said_by(error)` leave the words to whoever shows it."""
    if path.name == "filesystem.py":
        return  # what it raises is Python's own
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ExceptHandler) or node.type is None:
            continue
        kinds = {one.id for one in ast.walk(node.type) if isinstance(one, ast.Name)}
        if not kinds & OURS:
            continue
        for one in ast.walk(node):
            shown = [one.value] if isinstance(one, ast.FormattedValue) else []
            if isinstance(one, ast.Call) and getattr(one.func, "id", "") == "str":
                shown = one.args
            names = [name.id for name in shown if isinstance(name, ast.Name)]
            assert node.name not in names, ast.unparse(one)


def test_every_setting_is_an_option_an_argument_and_a_field() -> None:
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    known = set(options(program))
    arguments = {*RequestOptions.__annotations__, *ContestOptions.__annotations__}
    for one in CALLED:
        arguments |= inspect.signature(one).parameters.keys()
    pages = "".join(
        path.read_text() for path in (PACKAGE / "web" / "templates").rglob("*.html")
    )
    for option, setting in SETTINGS.items():
        assert option in known, option
        assert setting.argument in arguments, option
        assert setting.field in pages or setting.field in CONFIRMATIONS.values(), option
        assert not (setting.field and setting.instead), option
    for name, caption in CONFIRMATIONS.items():
        assert SETTINGS["--" + name.replace("_", "-")].field == caption


def test_every_call_is_a_command_and_can_be_called() -> None:
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    holders: dict[str, list[type]] = {
        "market": [Market],
        "request": [Request, VerifiedRequest],
        "submission": [Submission, VerifiedSubmission],
    }
    for command, call in CALLS.items():
        group: object = program
        for word in command.split():
            assert isinstance(group, TyperGroup)
            group = group.commands[word]
        name, _, step = call.python.partition(".")
        if step:
            assert any(callable(getattr(one, step, None)) for one in holders[name])
        else:
            assert callable(getattr(Market, name))
    assert callable(getattr(Market, CONTEST.removeprefix("market.")))
    assert VERIFIED in set(options(program))


@pytest.mark.parametrize(
    ("written", "python", "page"),
    [
        (
            "Name the column with --label, or the file with --labels.",
            "Name the column with label=, or the file with labels=.",
            "Name the column with “The labels are in column”, or the file with "
            "“Labels”.",
        ),
        (
            "If its first row is data, say --no-header.",
            "If its first row is data, say header=False.",
            "Give the file a header, in which each column has a name of its own.",
        ),
        (
            "Name its encoding with --encoding.",
            "Name its encoding with encoding=.",
            "Save the file as CSV in UTF-8.",
        ),
        (
            "Say which error counts: --error absolute or squared.",
            'Say which error counts: error="absolute" or squared.',
            "Say which error counts: “What counts” absolute or squared.",
        ),
        (
            "Then say --verified --error absolute, or --bins 20.",
            'Then say `market.create_contest` with error="absolute", or bins=20.',
            "Say of the labels that they are numbers to be predicted.",
        ),
        (
            "say --time taken.at. It is so.",
            'say time="taken.at". It is so.',
            "say “Test the latest rows, by column” taken.at. It is so.",
        ),
        (
            "`modelmarket request create DATA --verified --error absolute`; or in "
            "bins: `modelmarket request create DATA --bins 20`.",
            '`market.create_contest(data, error="absolute")`; or in bins: '
            "`market.create_request(data, bins=20)`.",
            "Say of the labels that they are numbers to be predicted.",
        ),
        (
            "`modelmarket request list --mine` shows yours.",
            "`market.requests(mine=True)` shows yours.",
            "The market's page shows yours.",
        ),
        (
            "`modelmarket airdrop` gives 1,000 MDC, once.",
            "`market.claim_airdrop()` gives 1,000 MDC, once.",
            "“Get 1,000 MDC (once)” in the wallet’s menu at the top gives 1,000 MDC, "
            "once.",
        ),
        (
            "`modelmarket request enforce v7` takes the step that is due first.",
            '`market.request("v7").enforce()` takes the step that is due first.',
            "The request's page takes the step that is due first.",
        ),
        (
            "see `modelmarket request show 7`, or `modelmarket request show ID`.",
            "see `market.request(7)`, or `market.request(id)`.",
            "see the request's page, or the request's page.",
        ),
        (
            "Do so: `modelmarket submit ID PREDICTIONS MODEL`.",
            "Do so: `request.submit(model, predictions)`.",
            "Choose an exported model's file alone, or any file with its predictions.",
        ),
        (
            "`--unconfined` runs it all the same. Beware.",
            "`unconfined=True` runs it all the same. Beware.",
            "Beware.",
        ),
        # Of the terminal alone, or no words of ours.
        *(
            (one, one, one)
            for one in (
                "Is it running? `modelmarket node start` runs a local one.",
                "There is no column '--label'.",
                "It has a `broken quote, and --nothing that is known.",
            )
        ),
    ],
)
def test_each_face_says_it_in_its_own_words(
    written: str, python: str, page: str
) -> None:
    assert in_python(written) == python
    assert on_the_page(written) == page


def test_an_error_is_written_once_and_printed_as_python_says_it() -> None:
    error = InputError("It is no table.", hint="Say --no-header.")
    assert str(error) == "It is no table. Say header=False."
    assert (error.message, error.hint) == ("It is no table.", "Say --no-header.")
    assert said_by(error) == error.text == "It is no table. Say --no-header."
    assert said_by(ValueError("--label")) == "--label"
    wish = ConfirmationError("Hardly meant.", option="accept_stake")
    assert str(wish) == "Hardly meant. Say accept_stake=True to do it all the same."
    assert wish.hint == "Say --accept-stake to do it all the same."
