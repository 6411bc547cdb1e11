# SPDX-License-Identifier: Apache-2.0
"""Lists are tables where somebody watches, and plain lines where a program reads."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from modelmarket.chain.wallets import Keystores
from modelmarket.cli import app
from modelmarket.cli.output import Output
from support.market import PASSPHRASE, Place

Command = Callable[..., tuple[object, str, str]]

ROWS = [("7", "digits\tor\nletters", "1,000"), ("8", "Ünïcode\x1b[31m", "2")]


def test_a_list_in_a_pipe__is_lines_with_tabs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Output().table([], ("id", "name", "reward"), ROWS)
    assert capsys.readouterr().out.splitlines() == [
        "id\tname\treward",
        "7\tdigits\N{REPLACEMENT CHARACTER}or\N{REPLACEMENT CHARACTER}letters\t1,000",
        "8\tÜnïcode\N{REPLACEMENT CHARACTER}[31m\t2",
    ]


def test_an_empty_list_in_a_pipe__is_told_beside_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Output().table([], ("id",), [], empty="There is none.")
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "There is none.\n")


def test_every_list_in_a_pipe__has_a_row_a_line_and_as_many_tabs_in_each(
    here: Place, give: Command
) -> None:
    rita, ann = here.markets["rita"], here.markets["ann"]
    here.create(rita, name="odd\tor\neven")
    here.create(rita, name="again")
    here.submit(ann, 1)
    Keystores(ann.home.keystores).add(ann.wallet, PASSPHRASE)
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    lists = [
        (noun, "list")
        for noun, one in program.commands.items()
        if isinstance(one, TyperGroup) and "list" in one.commands
    ]
    assert len(lists) == 5
    for words in (*lists, ("agent", "plan"), ("vault", "copies")):
        code, out, errors = give("ann", *words)
        assert (code, errors) == (0, ""), words
        header, *rows = (line.count("\t") for line in out.splitlines())
        assert rows, words
        assert header > 0, words
        assert set(rows) == {header}, words


def test_a_list_in_a_terminal__is_a_table() -> None:
    code = (
        "from modelmarket.cli.output import Output\n"
        "Output().table([], ('id', 'name'), [('7', 'digits')], title='All of them')"
    )
    ours, theirs = pty.openpty()
    done = subprocess.run([sys.executable, "-c", code], stdout=theirs, check=True)
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 4_096):
            said += piece
    except OSError:
        pass  # that is how a terminal ends
    os.close(ours)
    assert done.returncode == 0
    text = said.decode()
    assert "All of them" in text
    assert "│" in text
    assert "\t" not in text


def completed(*words: str) -> list[str]:
    """What a shell is offered behind some words."""
    done = subprocess.run(
        [sys.executable, "-m", "modelmarket"],
        env=os.environ
        | {
            "_MODELMARKET_COMPLETE": "complete_bash",
            "COMP_WORDS": " ".join(["modelmarket", *words]),
            "COMP_CWORD": str(len(words)),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_a_shell_completes__nouns_commands_and_options() -> None:
    assert completed("re") == ["reproduce", "request"]
    assert completed("request", "sh") == ["show"]
    assert completed("reproduce", "--mem") == ["--memory"]


def test_completion__is_installed_for_a_shell(tmp_path: Path) -> None:
    # Which one is asked of the processes that this is started by.
    command = f"'{sys.executable}' -m modelmarket --install-completion; exit $?"
    subprocess.run(
        ["bash", "-c", command],
        env=os.environ | {"HOME": str(tmp_path), "SHELL": "/bin/bash"},
        capture_output=True,
        check=True,
    )
    [script] = tmp_path.glob(".bash_completions/*")
    assert "_MODELMARKET_COMPLETE" in script.read_text() or "complete" in (
        script.read_text()
    )
    assert str(script) in (tmp_path / ".bashrc").read_text()
