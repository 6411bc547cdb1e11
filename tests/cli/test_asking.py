# SPDX-License-Identifier: Apache-2.0
"""The command line asks before what hardly anybody means, and says what was sent."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from modelmarket.chain.networks import Networks
from modelmarket.cli import main
from modelmarket.market import Market
from modelmarket.protocol.phases import Status
from support.children import child
from support.market import PASSPHRASE, Place, place

CTRL_C = "\x03"
COMMAND = [sys.executable, "-c", "from modelmarket.cli import main; main()"]
Give = Callable[..., tuple[object, str, str]]


class Person:
    """Somebody's home, and the commands that are given in it."""

    def __init__(self, here: Place, name: str) -> None:
        self.here = here
        self.market: Market = here.join(name)
        Networks(self.market.home.networks).put(here.network)
        key = self.market.wallet._account.key.hex().removeprefix("0x")
        self.environment = {
            "MODELMARKET_HOME": str(self.market.home.path),
            "MODELMARKET_PASSPHRASE": PASSPHRASE,
            "MODELMARKET_PRIVATE_KEY": "0x" + key,
            "MODELMARKET_NETWORK": "test",
            "PYTHONWARNINGS": "ignore",
        }

    def nonce(self) -> int:
        address = self.market.wallet.address
        return self.market.connection.transaction_count(address, "pending")

    def create(self, *options: str) -> tuple[str, ...]:
        self.here.data()
        path = str(self.here.folder / "numbers-100.csv")
        return ("request", "create", path, "--label", "kind", *options)

    def submit(self, request: int, *options: str) -> tuple[str, ...]:
        predictions = self.market.home.path / "predictions.csv"
        predictions.write_text("label\n" + "odd\n" * 20)
        model = self.market.home.path / "model.txt"
        model.write_text("n % 2")
        return ("submit", str(request), str(predictions), str(model), *options)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place("embedded", tmp_path / "people") as found:
        yield found


@pytest.fixture
def give(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Give]:
    """Gives a command in this process: exit code, output, errors."""
    at_term = signal.getsignal(signal.SIGTERM)

    def given(person: Person, *arguments: str) -> tuple[object, str, str]:
        for name, value in person.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["modelmarket", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    yield given
    signal.signal(signal.SIGTERM, at_term)


def test_without_a_terminal_what_wants_a_yes_ends_with_2_and_names_the_flag(
    here: Place, give: Give
) -> None:
    rita, ann = Person(here, "rita"), Person(here, "ann")
    assert give(rita, *rita.create("--reward", "100"))[0] == 0
    for person, command, flag in (
        (rita, rita.create("--reward", "100"), "--again"),
        (
            rita,
            rita.create("--reward", "10", "--stake", "11", "--again"),
            "--accept-stake",
        ),
    ):
        before = person.nonce()
        code, _, said = give(person, *command)
        assert (code, person.nonce()) == (2, before), said
        assert flag in said
        assert give(person, *command, flag)[0] == 0
    assert give(ann, *ann.submit(1))[0] == 0
    code, _, said = give(ann, *ann.submit(1))
    assert (code, "--again" in said, "same predictions" in said) == (2, True, True)
    assert give(ann, *ann.submit(1, "--again"))[0] == 0
    code, _, said = give(ann, *ann.submit(3))
    assert (code, "--accept-stake" in said) == (2, True), said
    assert give(ann, *ann.submit(3, "--accept-stake"))[0] == 0
    code, _, said = give(ann, *ann.submit(3, "--accept-stake", "--json"))
    assert code == 2
    assert json.loads(said)["error"] == "ConfirmationError"


def press(asking: subprocess.Popen[bytes]) -> None:
    """Ctrl+C; as people do, once more where nothing happens.

    A signal that comes just before a read begins is only seen when it ends.
    """
    while asking.poll() is None:
        asking.send_signal(signal.SIGINT)
        time.sleep(5)


def talk(
    person: Person, command: Sequence[str], answers: Sequence[tuple[str, str]]
) -> tuple[int, str]:
    """Gives a command in a terminal, and answers what is asked."""
    ours, theirs = pty.openpty()
    said, waiting = "", list(answers)
    with child(
        [*COMMAND, *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, **person.environment, "COLUMNS": "200"},
    ) as asking:
        os.close(theirs)
        while True:
            try:
                said += os.read(ours, 4_096).decode()
            except OSError:  # the other side is closed
                break
            if waiting and re.search(waiting[0][0], said):
                answer = waiting.pop(0)[1]
                if answer == CTRL_C:
                    threading.Thread(target=press, args=(asking,), daemon=True).start()
                else:
                    os.write(ours, answer.encode())
        code = asking.wait(timeout=60)
    os.close(ours)
    return code, said


def test_in_a_terminal_it_is_asked_and_goes_on_after_a_yes(here: Place) -> None:
    rita = Person(here, "rita")
    here.create(rita.market)
    command = rita.create("--reward", "10", "--stake", "11")
    before = rita.nonce()
    code, said = talk(rita, command, [(r"above the reward[^?]*\?", "n\n")])
    assert (code, rita.nonce()) == (2, before), said
    assert "Nothing was done." in said
    code, said = talk(
        rita,
        command,
        [
            (r"above the reward[^?]*\?", "y\n"),
            (r"published before[^?]*\? \[y/N\]: ", CTRL_C),
        ],
    )
    assert (code, rita.nonce()) == (130, before), said
    assert "Nothing was sent." in said
    code, said = talk(
        rita,
        command,
        [(r"above the reward[^?]*\?", "y\n"), (r"published before[^?]*\?", "y\n")],
    )
    assert code == 0, said
    assert rita.market.request(2).terms.stake > rita.market.request(2).terms.reward


def test_cancelling_twice_says_which_and_since_when(here: Place, give: Give) -> None:
    rita, ann = Person(here, "rita"), Person(here, "ann")
    here.create(rita.market)
    entry = here.submit(ann.market, 1)
    number = str(entry.id)
    assert give(ann, "submission", "cancel", number)[0] == 0
    block, nonce = ann.market.connection.block().number, ann.nonce()
    code, _, said = give(ann, "submission", "cancel", number)
    assert (code, ann.nonce()) == (9, nonce)
    assert re.search(
        rf"Submission 1 \(0 mistakes\) to request 1 was cancelled already, in block "
        rf"{block} at \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\.",
        said,
    ), said
    assert entry.refresh().record.status is Status.CANCELLED

    assert give(rita, "request", "cancel", "1")[0] == 0
    block = rita.market.connection.block().number
    code, _, said = give(rita, "request", "cancel", "1")
    assert code == 9
    assert f"Request 1 has ended already, in block {block} at " in said
    assert "Cancelled by the requester." in said


@pytest.mark.parametrize(
    ("threshold", "code", "said"),
    [
        ("120%", 2, "Write it as 0.9, 90% or 9/10."),
        ("90", 2, "Did you mean 90%?"),
        ("90%", 0, "18"),
        ("0.9", 0, "18"),
        ("100%", 0, "20"),
    ],
)
def test_a_threshold_is_taken_at_its_word(
    here: Place, give: Give, threshold: str, code: int, said: str
) -> None:
    rita = Person(here, "rita")
    ended, out, errors = give(
        rita, *rita.create("--reward", "1", "--threshold", threshold), "--json"
    )
    assert ended == code
    if code:
        assert said in json.loads(errors)["hint"]
    else:
        assert json.loads(out)["minimum_matches"] == int(said)


def interrupted(
    person: Person, command: Sequence[str], when: Callable[[], bool]
) -> tuple[int, str]:
    """Gives a command, and Ctrl+C once something is so."""
    with child(
        [*COMMAND, *command],
        env={**os.environ, **person.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as running:
        while not when():
            assert running.poll() is None, running.communicate()
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        out, errors = running.communicate(timeout=60)
    assert "Traceback" not in errors
    return running.returncode, out + errors


def test_ctrl_c_before_anything_was_signed_says_so(here: Place) -> None:
    rita = Person(here, "rita")
    path = here.folder / "large.csv"
    with path.open("w") as file:
        file.write("n,square,kind\n")
        file.writelines(f"{n},{n * n},{n % 2}\n" for n in range(2_000_000))
    scratch = rita.market.home.scratch()
    code, said = interrupted(
        rita,
        ("request", "create", str(path), "--label", "kind", "--reward", "1"),
        lambda: any(scratch.glob("*/train.csv")),
    )
    assert (code, "Nothing was sent." in said) == (130, True), said
    assert rita.market.contract.request_count() == 0
    assert list(scratch.iterdir()) == []


SWALLOWS = """
import os, signal
try:
    os.kill(os.getpid(), signal.{})
    for _ in range(10_000):
        pass
except BaseException:
    pass
"""
"""A module that hears nothing while it is loaded, as compiled ones do."""


@pytest.mark.parametrize(
    ("number", "code"), [("SIGINT", -signal.SIGINT), ("SIGTERM", 128 + signal.SIGTERM)]
)
def test_what_ends_a_command_is_not_lost_in_a_module_that_loads(
    tmp_path: Path, number: str, code: int
) -> None:
    (tmp_path / "swallows.py").write_text(SWALLOWS.format(number))
    program = (
        "from modelmarket.cli.ending import hear_signals; hear_signals()\n"
        "import time, swallows; time.sleep(30); print('it went on')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (code, "")


def test_a_command_that_a_loading_module_gives_can_be_ended(tmp_path: Path) -> None:
    (tmp_path / "gives.py").write_text(
        "import os, signal, time\n"
        "from modelmarket.cli.ending import hear_signals\n"
        "hear_signals()\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "time.sleep(30)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", "import gives"], cwd=tmp_path, timeout=20, check=False
    )
    assert ended.returncode == 128 + signal.SIGTERM


def test_ctrl_c_while_it_waits_for_a_block_says_what_was_sent(tmp_path: Path) -> None:
    with place("anvil", tmp_path / "people") as here:
        rita = Person(here, "rita")
        here.connection.ask("evm_setAutomine", False)
        before = rita.nonce()
        command = rita.create("--reward", "1")
        code, said = interrupted(rita, command, lambda: rita.nonce() > before)
        assert code == 130
        (transaction,) = re.findall(r"create_request as 0x([0-9a-f]{64})", said)
        assert "was sent, and waits for its block" in said
        assert "See `modelmarket request list --mine` before you do it again." in said
        here.connection.ask("evm_mine")
        here.connection.ask("evm_setAutomine", True)
        assert rita.market.connection.receipt(bytes.fromhex(transaction)) is not None
        assert rita.market.contract.request_count() == 1
