# SPDX-License-Identifier: Apache-2.0
"""The command line: help, exit codes, words, and no escape codes."""

from __future__ import annotations

import ast
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperArgument, TyperGroup, TyperOption

import modelmarket
from modelmarket.cli import app, main
from modelmarket.system.text import plain
from support.children import child

COMMAND = [sys.executable, "-c", "from modelmarket.cli import main; main()"]


def run(
    *arguments: str,
    home: Path | None = None,
    text: str | None = None,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, **environment}
    if home is not None:
        variables["MODELMARKET_HOME"] = str(home)
    return subprocess.run(
        [*COMMAND, *arguments],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        input=text if text is not None else "",
    )


def commands(group: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in getattr(group, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


ALL = sorted(commands(typer.main.get_command(app)))


def test_the_nouns_are_these() -> None:
    assert {path[0] for path in ALL} == {
        "account",
        "agent",
        "airdrop",
        "audit",
        "dataset",
        "demo",
        "doctor",
        "deploy",
        "model",
        "node",
        "reproduce",
        "request",
        "store",
        "submission",
        "submit",
        "trainer",
        "up",
        "vault",
    }


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_an_example_and_json(path: tuple[str, ...]) -> None:
    from typer.testing import CliRunner

    shown = CliRunner().invoke(app, [*path, "--help"]).output
    assert "Example" in shown
    assert f"modelmarket {' '.join(path)}" in " ".join(shown.split())
    assert "--json" in shown


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("model", "inspect", "nothing-here"), 3, "it is no CID"),
        (("account", "reputation", "0x12"), 2, "0x12"),
    ],
)
def test_a_wrong_argument_is_told_before_a_network_that_is_missing(
    tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    done = run(*words, home=tmp_path)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert "network" not in done.stderr


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['modelmarket', '--help']\n"
        "from modelmarket.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('eth_account', 'eth_abi', 'polars', 'numpy', 'sqlalchemy',"
        " 'httpx', 'starlette', 'eth', 'cryptography') if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_what_only_reads_answers_loads_nothing_that_reads_tables() -> None:
    """It takes longer to load than the answer to come."""
    program = (
        "import sys, modelmarket.market, modelmarket.audit\n"
        "print([m for m in ('polars', 'pandas', 'sklearn', 'scipy', 'xgboost', 'eth')"
        " if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("request", "list"), 3, "There is no network 'local'"),
        (("request", "list", "--network", "x"), 3, "There is no network 'x'"),
        (("account", "new"), 2, "A passphrase is needed, and there is nobody to ask."),
        (("account", "show"), 3, "There is no network"),
        (("store", "add", "/nowhere"), 3, "There is no file or folder /nowhere"),
        (("store", "export", "rubbish", "x"), 2, "'rubbish' is not a CID"),
        (("dataset", "check", "/nowhere.csv", "--label", "x"), 3, "There is no file"),
        (("deploy", "--rpc", "http://127.0.0.1:9"), 5, "cannot be reached"),
        (("demo", "--data", "/nowhere"), 3, "There is no folder /nowhere"),
        (("demo", "--data", "/var"), 3, "lacks train-images-idx3-ubyte"),
        (
            ("node", "add", "x", "--rpc", "http://127.0.0.1:9", "--market", "0x1"),
            2,
            "'0x1' is not a contract's address",
        ),
        (
            ("node", "add", "x", "--market", f"0x{'1' * 40}", "--rpc", "ftp://a"),
            2,
            "'ftp://a' is not an http(s) address",
        ),
        (("request",), 2, "Usage"),
        (("nonsense",), 2, "No such command"),
    ],
)
def test_errors_say_what_and_end_with_their_code(
    tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = run(*arguments, home=tmp_path)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_errors_are_json_when_asked_for(tmp_path: Path) -> None:
    done = run("request", "list", "--json", home=tmp_path)
    document = json.loads(done.stderr)
    assert document["error"] == "NotFoundError"
    assert "node start" in document["hint"]


@pytest.mark.parametrize("what", ["import modelmarket.cli", "import modelmarket"])
def test_an_older_python_is_told_in_one_line_what_is_needed(what: str) -> None:
    program = f"import sys; sys.version_info = (3, 10, 13, 'final', 0); {what}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert re.fullmatch(
        r"modelmarket needs Python 3\.11 or later; this is Python [\d.]+\.\n",
        done.stderr,
    )
    # What says it must be read by the older ones too.
    first = Path(modelmarket.__file__).read_text()
    ast.parse(first, feature_version=(3, 8))


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "modelmarket", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"modelmarket {modelmarket.__version__}\n"


def test_a_dataset_is_tried_before_it_is_published(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    lines = [f"{n},{'cat' if n % 4 else 'dog'}" for n in range(100)]
    path.write_text("n,animal\n" + "\n".join(lines) + "\n")
    done = run(
        "dataset", "check", str(path), "--label", "animal", "--json", home=tmp_path
    )
    document = json.loads(done.stdout)
    assert (document["train_rows"], document["test_rows"]) == (80, 20)
    assert set(document["classes"]) == {"cat", "dog"}
    told = run("dataset", "check", str(path), "--label", "animal", home=tmp_path)
    # A sentence is broken where the terminal ends, not where the table does.
    assert "80 training and 20 test rows" in told.stdout


def test_keys_are_imported_from_a_pipe_and_never_shown(tmp_path: Path) -> None:
    key = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
    done = run(
        "account",
        "import",
        "--json",
        home=tmp_path,
        text=key + "\n",
        MODELMARKET_PASSPHRASE="long enough",
    )
    address = json.loads(done.stdout)["address"]
    assert address == "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"
    listed = run("account", "list", "--json", home=tmp_path)
    assert json.loads(listed.stdout)[0]["address"] == address
    everything = done.stdout + done.stderr + listed.stdout
    everything += "".join(p.read_text() for p in (tmp_path / "keystores").iterdir())
    assert key not in everything


def test_a_passphrase_comes_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("long enough\n")
    home = tmp_path / "home"
    done = run("account", "new", home=home, MODELMARKET_PASSPHRASE_FILE=str(secret))
    assert done.returncode == 0
    missing = run("account", "new", home=home, MODELMARKET_PASSPHRASE_FILE="/nowhere")
    assert missing.returncode == 3
    assert "There is no file /nowhere" in missing.stderr
    assert "MODELMARKET_PASSPHRASE_FILE" in missing.stderr
    secret.write_bytes(b"\xff\xfe")
    binary = run("account", "new", home=home, MODELMARKET_PASSPHRASE_FILE=str(secret))
    assert (binary.returncode, "is not text in UTF-8" in binary.stderr) == (2, True)


Given = Callable[[tuple[str, ...], Path], tuple[object, str]]
WITH_A_FILE = [
    ("dataset", "check", "PATH", "--label", "x"),
    ("dataset", "check", "DATA", "--labels", "PATH"),
    ("request", "create", "PATH", "--label", "x", "--reward", "1"),
    ("request", "create", "DATA", "--labels", "PATH", "--reward", "1"),
    (
        *(
            "request",
            "create",
            "DATA",
            "--label",
            "x",
            "--reward",
            "1",
            "--description",
        ),
        "PATH",
    ),
    ("submission", "check", "7", "PATH"),
    ("submit", "7", "PATH", "DATA"),
    ("model", "predict", "v7", "PATH"),
    ("vault", "restore", "PATH"),
    ("vault", "recover", "--data", "PATH", "--label", "x"),
    (
        "store",
        "import-car",
        "PATH",
        "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy",
    ),
]
WITH_A_PATH = [("submit", "7", "DATA", "PATH"), ("store", "add", "PATH")]
WITH_A_NEW_PATH = [
    ("dataset", "fetch", "7", "PATH"),
    ("request", "model", "7", "PATH"),
    ("model", "export", "v7", "PATH"),
    ("model", "card", "v7", "--output", "PATH"),
    (
        "store",
        "export",
        "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy",
        "PATH",
    ),
    (
        "store",
        "export",
        "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy",
        "PATH",
        "--car",
    ),
    ("vault", "backup", "PATH"),
    ("vault", "share", "7", "PATH"),
]


@pytest.fixture
def given(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Given]:
    """Gives a command in this process, with a path; its exit code and errors."""
    data = tmp_path / "data.csv"
    data.write_text("n,x\n1,a\n2,a\n3,b\n4,b\n")
    monkeypatch.setenv("MODELMARKET_PASSPHRASE", "long enough")
    at_term = signal.getsignal(signal.SIGTERM)

    def give(arguments: tuple[str, ...], path: Path) -> tuple[object, str]:
        places = {"PATH": str(path), "DATA": str(data)}
        words = [places.get(one, one) for one in arguments]
        monkeypatch.setattr(sys, "argv", ["modelmarket", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    yield give
    signal.signal(signal.SIGTERM, at_term)


@pytest.mark.parametrize("arguments", WITH_A_FILE + WITH_A_PATH, ids=" ".join)
def test_a_missing_file_has_one_exit_code_everywhere(
    given: Given, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    code, said = given(arguments, tmp_path / "missing")
    wanted = "file or folder" if arguments in WITH_A_PATH else "file"
    assert code == 3, said
    assert f"There is no {wanted} {tmp_path / 'missing'}." in said


@pytest.mark.parametrize("arguments", WITH_A_FILE, ids=" ".join)
def test_a_folder_given_as_a_file_is_called_a_folder(
    given: Given, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    code, said = given(arguments, tmp_path)
    assert code == 2, said
    assert f"{tmp_path} is a folder, not a file." in said


@pytest.mark.parametrize("arguments", WITH_A_FILE + WITH_A_PATH, ids=" ".join)
def test_a_pipe_given_as_a_file_is_called_a_pipe(
    given: Given, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    code, said = given(arguments, tmp_path / "pipe")
    assert code == 2, said
    assert f"{tmp_path / 'pipe'} is a pipe, not a file" in said


@pytest.mark.parametrize("arguments", WITH_A_NEW_PATH, ids=" ".join)
def test_nothing_is_overwritten(
    given: Given, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    there = tmp_path / "there"
    there.write_text("dear to me")
    code, said = given(arguments, there)
    assert code == 2, said
    assert f"{there} exists already." in said
    assert there.read_text() == "dear to me"


def test_every_command_that_takes_a_path_is_tried_with_bad_ones() -> None:
    """A new one belongs into the lists above."""
    tried = {one[: 1 if one[0] == "submit" else 2] for one in WITH_A_FILE + WITH_A_PATH}
    tried |= {one[:2] for one in WITH_A_NEW_PATH} | {("demo",)}
    root = typer.main.get_command(app)
    taking = set()
    for path in ALL:
        command = root
        for name in path:
            assert isinstance(command, TyperGroup)
            command = command.commands[name]
        for one in command.params:
            assert isinstance(one, TyperArgument | TyperOption)
            if one.type_descriptor.annotation in (Path, list[Path]):
                taking.add(path)
    assert taking == tried


def test_ending_it_at_a_question_is_no_failure(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with child(
        [*COMMAND, "account", "new"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "MODELMARKET_HOME": str(tmp_path)},
    ) as asking:
        said = b""
        while b"Passphrase: " not in said:
            said += os.read(ours, 1_000)
        asking.send_signal(signal.SIGINT)
        assert asking.wait(timeout=30) == 130
    os.close(ours)
    os.close(theirs)
    assert list(tmp_path.glob("keystores/*")) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"),
        ("right\u202eleft", "right\ufffdleft"),
        ("bell\x07, null\x00", "bell\ufffd, null\ufffd"),
        ("[bold]brackets[/bold]", "[bold]brackets[/bold]"),
        ("naïve – 文", "naïve – 文"),
    ],
)
def test_strangers_text_is_text(text: str, shown: str) -> None:
    assert plain(text) == shown
