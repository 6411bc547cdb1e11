# SPDX-License-Identifier: Apache-2.0
"""Options of the whole program, wherever they stand, and what they do."""

from __future__ import annotations

import ast
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from modelmarket.agent.notices import Level, Notice
from modelmarket.cli import app
from modelmarket.cli.output import Output
from modelmarket.cli.program import Program
from support.children import child

Command = Callable[..., tuple[object, str, str]]
SOURCE = Path(__file__).parents[2] / "src" / "modelmarket" / "cli"
PROGRAM = typer.main.get_command(app)
NAMES = {"--json", "--quiet", "--verbose", "--network", "--home"}


def commands(
    group: object = PROGRAM, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    assert isinstance(group, TyperGroup)
    for name, one in group.commands.items():
        if isinstance(one, TyperGroup):
            yield from commands(one, (*path, name))
        else:
            assert isinstance(one, TyperCommand)
            yield (*path, name), one


ALL = dict(commands())


@pytest.mark.parametrize(
    ("said", "ours", "rest"),
    [
        ([], [], []),
        (["request", "list"], [], ["request", "list"]),
        (["request", "list", "--json"], [["--json"]], ["request", "list"]),
        (["request", "--json", "list"], [["--json"]], ["request", "list"]),
        (["--json", "request", "list"], [["--json"]], ["request", "list"]),
        (
            ["audit", "--network", "club", "7", "--quiet"],
            [["--network", "club"], ["--quiet"]],
            ["audit", "7"],
        ),
        (["audit", "7", "--network=club"], [["--network=club"]], ["audit", "7"]),
        (
            ["--home", "a b", "--verbose", "doctor"],
            [["--home", "a b"], ["--verbose"]],
            ["doctor"],
        ),
        # Nothing behind a bare one.
        (
            ["store", "add", "--json", "--", "--json", "--home"],
            [["--json"]],
            ["store", "add", "--", "--json", "--home"],
        ),
        # The value of another option, also where a name is that of a noun.
        (
            ["request", "create", "x.csv", "--name", "--json", "--reward", "1"],
            [],
            ["request", "create", "x.csv", "--name", "--json", "--reward", "1"],
        ),
        (
            ["request", "list", "--search", "--network", "--network", "club"],
            [["--network", "club"]],
            ["request", "list", "--search", "--network"],
        ),
        (
            ["request", "list", "--search=--json", "--json"],
            [["--json"]],
            ["request", "list", "--search=--json"],
        ),
        # A flag takes no value.
        (
            ["request", "list", "--mine", "--json"],
            [["--json"]],
            ["request", "list", "--mine"],
        ),
        # As every option does that takes one.
        (["doctor", "--network", "--json"], [["--network", "--json"]], ["doctor"]),
        (["doctor", "--network"], [["--network"]], ["doctor"]),
        # Not ours, though it begins alike.
        (["doctor", "--jsonx"], [], ["doctor", "--jsonx"]),
        (["--version"], [], ["--version"]),
    ],
)
def test_the_programs_options_are_found_anywhere(
    said: list[str], ours: list[list[str]], rest: list[str]
) -> None:
    assert isinstance(PROGRAM, Program)
    assert PROGRAM.apart(said) == (ours, rest)


def test_these_are_options_of_the_program_and_of_no_command() -> None:
    assert isinstance(PROGRAM, Program)
    assert {one.opts[0] for one in PROGRAM.everywhere()} == NAMES
    for path, one in ALL.items():
        options = {option for param in one.params for option in param.opts}
        assert options.isdisjoint(NAMES), path
        # Secrets are never options.
        assert not [name for name in options if "passphrase" in name or "key" in name]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_the_help_of_every_command_names_them(path: tuple[str, ...]) -> None:
    from typer.testing import CliRunner

    shown = CliRunner().invoke(app, [*path, "--help"]).output
    for name in (*NAMES, "see modelmarket --help"):
        assert name in " ".join(shown.split())


@pytest.mark.parametrize(
    "noun", sorted({path[:1] for path in ALL if len(path) > 1}), ids=str
)
def test_the_help_of_every_noun_names_them(noun: tuple[str, ...]) -> None:
    from typer.testing import CliRunner

    shown = CliRunner().invoke(app, [*noun, "--help"]).output
    assert "see modelmarket --help" in " ".join(shown.split())


def test_there_is_one_sink() -> None:
    """Nothing but it writes to the terminal, and nobody makes another."""
    makers = set()
    for path in SOURCE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "print" or path.name == "output.py", path
                if node.func.id == "Output":
                    makers.add(path.name)
    assert makers == {"program.py"}


def placed(command: list[str], option: list[str]) -> Iterator[list[str]]:
    """A command with an option at each place that it may stand at."""
    for place in range(len(command) + 1):
        yield [*command[:place], *option, *command[place:]]
        if len(option) == 2:
            yield [*command[:place], "=".join(option), *command[place:]]


def test_the_home_that_is_named_is_used(command: Command, tmp_path: Path) -> None:
    named, other = tmp_path / "named", tmp_path / "other"
    code, out, _ = command("account", "new", "--home", str(named), "--json")
    assert code == 0
    address = json.loads(out)["address"]
    assert [path.is_dir() for path in (named / "keystores", other)] == [True, False]
    for words in placed(["account", "list"], ["--home", str(named)]):
        code, out, _ = command(*words, HOME=str(other))
        assert (code, address in out) == (0, True), words
    # Without the option the environment says it.
    assert address in command("account", "list", HOME=str(named))[1]
    assert address not in command("account", "list", HOME=str(other))[1]
    # Everything of a home is in it.
    command("store", "add", __file__, "--home", str(named))
    assert __name__.split(".")[-1] in command("--home", str(named), "store", "list")[1]
    assert not other.exists()


def test_the_network_that_is_named_is_used(command: Command, tmp_path: Path) -> None:
    home = ("--home", str(tmp_path))
    for words in placed(["node", "status"], ["--network", "club"]):
        code, _, said = command(*words, *home, NETWORK="other")
        assert (code, "There is no network 'club'" in said) == (3, True), words
    assert "no network 'other'" in command("doctor", *home, NETWORK="other")[2]
    assert "no network 'local'" in command("doctor", *home)[2]
    both = ("--network", "first", "--network", "last")
    assert "no network 'last'" in command("doctor", *home, *both)[2]


@pytest.mark.parametrize("option", ["--json", "--quiet", "--verbose"])
def test_a_flag_may_stand_anywhere(
    command: Command, tmp_path: Path, option: str
) -> None:
    words = ["store", "list"]
    said = {command(*one, "--home", str(tmp_path)) for one in placed(words, [option])}
    expected = {
        "--json": "[]\n",
        "--quiet": "",
        "--verbose": "",
    }
    beside = "The store is empty.\n" if option == "--verbose" else ""
    assert said == {(0, expected[option], beside)}


@pytest.mark.parametrize("named", ["", __file__])
def test_what_is_no_folder_is_no_home(command: Command, named: str) -> None:
    for option in (("--home", named), (f"--home={named}",)):
        code, _, said = command("account", "list", *option, "--json")
        assert (code, json.loads(said)["message"]) == (2, f"{named!r} is no folder.")


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (("deploy",), "--name"),
        (
            ("node", "add", "x", "--market", f"0x{'1' * 40}", "--rpc", "http://a"),
            "NAME",
        ),
    ],
)
def test_what_makes_a_network_takes_no_name_of_another(
    command: Command, tmp_path: Path, words: tuple[str, ...], instead: str
) -> None:
    home = ("--home", str(tmp_path))
    code, _, said = command(*words, *home, "--network", "club")
    assert (code, instead in said) == (2, True), said
    assert "--network names a network that is known" in said
    # What the environment names is meant for other commands.
    assert command(*words, *home, "--rpc", "http://127.0.0.1:9", NETWORK="club")[0] == 5


@pytest.mark.parametrize(
    "words",
    [
        ("vault", "backup", "x.json"),
        ("vault", "restore", "x.json"),
        ("store", "add", __file__),
        ("store", "list"),
        ("node", "start"),
        ("node", "list"),
        ("account", "new"),
        ("account", "list"),
        ("dataset", "check", __file__),
        ("demo",),
    ],
    ids=" ".join,
)
def test_what_is_about_no_network_takes_none(
    command: Command, words: tuple[str, ...]
) -> None:
    """Nobody shall believe that it was done there alone."""
    code, out, errors = command(*words, "--network", "club")
    assert (code, out) == (2, "")
    assert "This command is about no network." in errors


def test_whoever_has_no_home_names_one(tmp_path: Path) -> None:
    """As in a container, where nobody has the user's number."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import pathlib; pathlib.Path.home = lambda: 1 / 0;"
            "from modelmarket.cli import main; main()",
            *("account", "list", "--home", str(tmp_path)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    said = "No account yet. Make one with: modelmarket account new\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", said)


def test_a_server_says_its_address_while_it_runs(tmp_path: Path) -> None:
    """To a pipe too, which Python would fill first."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    program = "from modelmarket.cli import main; main()"
    serve = ["store", "serve", "--port", "0", "--home", str(tmp_path), "--quiet"]
    with child(
        [sys.executable, "-c", program, *serve],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        assert "answers at http://" in server.stdout.readline()
        server.terminate()
        assert server.wait(timeout=60) == 128 + signal.SIGTERM


# --- quiet ---


def test_quiet_says_results_and_nothing_else(command: Command, tmp_path: Path) -> None:
    home = ("--home", str(tmp_path))
    for noun in ("account", "node", "store"):
        assert command(noun, "list", *home)[2] != ""
        assert command(noun, "list", *home, "--quiet") == (0, "", "")
        assert command(noun, "list", *home, "--quiet", "--json") == (0, "[]\n", "")
    code, out, errors = command("store", "add", __file__, *home, "--quiet")
    assert (code, errors) == (0, "")
    assert out.startswith("baf")
    assert len(out.splitlines()) == 1
    assert out.strip() in command("store", "list", *home, "--quiet")[1]
    loud = command("account", "new", *home)[1]
    quiet = command("account", "new", *home, "--quiet")[1]
    assert "Whoever loses the passphrase" in loud
    assert [line.split()[0] for line in quiet.splitlines()] == ["Account", "Its"]
    # Errors are said.
    code, out, errors = command("store", "add", "/nowhere", *home, "--quiet")
    assert (code, out) == (3, "")
    assert errors == "Error: There is no file or folder /nowhere.\n"


def test_quiet_and_verbose_are_not_said_together(command: Command) -> None:
    code, _, said = command("store", "list", "--quiet", "--verbose")
    assert (code, "It cannot be quiet and verbose." in said) == (2, True)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_quiet_sink(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    output = Output(as_json=as_json, quiet=True)
    output.tell("advice")
    output.note("a note")
    output.advise("advice")
    output.notice(Notice("now", Level.INFO, "step", "done", request=1, done=True))
    output.table([], ("a",), [], empty="There is none.")
    with output.progress() as advance:
        advance("rows", 3)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("[]\n" if as_json else "", "")
    # Money may hang on these.
    output.notice(Notice("now", Level.WARNING, "step", "not done", request=1))
    output.warn("Interrupted. create_request was sent.")
    said = capsys.readouterr()
    assert "not done" in said.out
    assert "was sent" in said.err


# --- mistakes ---

MISTAKES = [
    (("request", "list", "--bogus"), "No such option: --bogus"),
    (("--bogus", "request", "list"), "No such option: --bogus"),
    (("request", "show"), "Missing argument 'REQUEST'."),
    (("request", "show", "x"), "Invalid value for 'REQUEST': "),
    (("request", "show", "1", "2"), "Got unexpected extra argument"),
    (("request", "create", "x.csv"), "Missing option '--reward'."),
    (("request", "list", "--sort"), "Option '--sort' requires an argument."),
    (("request", "list", "--mine=1"), "Option '--mine' does not take a value."),
    (("nonsense",), "No such command 'nonsense'."),
    (("reqest",), "Did you mean 'request'?"),
    (("request", "nonsense"), "No such command 'nonsense'."),
    (("request",), "Missing command."),
    ((), "Missing command."),
    (("--quiet", "--verbose", "doctor"), "It cannot be quiet and verbose."),
]


@pytest.mark.parametrize(("words", "message"), MISTAKES, ids=str)
def test_a_mistake_is_said_in_the_form_that_was_asked_for(
    command: Command, words: tuple[str, ...], message: str
) -> None:
    for place in {0, len(words)}:
        if place and words[-1] == "--sort":
            continue  # it would be its value
        code, out, errors = command(*words[:place], "--json", *words[place:])
        document = json.loads(errors)
        assert (code, out) == (2, "")
        assert set(document) == {"error", "message", "hint"}
        assert document["error"] == "InputError"
        assert message in document["message"]
        assert document["hint"]
    code, out, errors = command(*words)
    assert (code, out) == (2, "")
    if message == "Missing command.":
        assert errors.startswith("Usage: modelmarket")
        assert "Commands:" in errors
    else:
        assert errors.startswith("Error: ")
        assert message in errors


def test_a_flag_with_a_value_is_a_mistake_in_the_form_that_it_asks_for(
    command: Command,
) -> None:
    code, out, errors = command("request", "list", "--json=1")
    assert (code, out) == (2, "")
    assert "'--json' does not take a value" in json.loads(errors)["message"]


def test_an_option_of_the_program_that_lacks_its_value(command: Command) -> None:
    for name in ("--network", "--home"):
        for words in itertools.permutations(["doctor", "--json"]):
            code, _, errors = command(*words, name)
            said = json.loads(errors)["message"]
            assert (code, said) == (2, f"Option '{name}' requires an argument.")
    code, _, errors = command("doctor", "--json=yes")
    assert (code, "does not take a value" in errors) == (2, True)


def choices() -> dict[tuple[str, ...], list[str]]:
    return {
        (*path, param.opts[0]): [one.value for one in kind.choices or ()]
        for path, one in ALL.items()
        for param in one.params
        if isinstance(param, TyperArgument | TyperOption)
        and (kind := param.type_descriptor).is_choice
    }


@pytest.mark.parametrize("where", choices(), ids=" ".join)
def test_a_word_that_is_no_choice_is_refused_with_the_choices(
    command: Command, where: tuple[str, ...]
) -> None:
    code, _, errors = command(*where, "rubbish", "--json")
    message = json.loads(errors)["message"]
    assert code == 2
    for word in choices()[where]:
        assert f"'{word}'" in message
    shown = command(*where[:-1], "--help")[1]
    assert f"<{'|'.join(choices()[where])}>" in shown


def test_these_options_are_choices() -> None:
    assert choices() == {
        ("dataset", "check", "--error"): ["absolute", "squared"],
        ("request", "create", "--error"): ["absolute", "squared"],
        ("request", "list", "--sort"): ["newest", "deadline", "reward"],
    }


def test_the_version_is_said_in_both_forms(command: Command) -> None:
    from modelmarket import __version__

    assert command("--version") == (0, f"modelmarket {__version__}\n", "")
    assert json.loads(command("--version", "--json")[1]) == {"version": __version__}
