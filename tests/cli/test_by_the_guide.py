# SPDX-License-Identifier: Apache-2.0
"""Three people trade by the guide alone, each with processes of their own.

One chain, three homes, three gateways, three agents; any of the processes is
killed and started again, and nothing is lost.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-c", "from modelmarket.cli import main; main()"]
PASSPHRASE = "correct horse battery staple"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Person:
    """A home and the commands that are given in it."""

    def __init__(self, folder: Path, name: str, closing: ExitStack) -> None:
        self.home = folder / name
        self.name = name
        self._closing = closing
        self._environment = {
            **os.environ,
            "MODELMARKET_HOME": str(self.home),
            "MODELMARKET_PASSPHRASE": PASSPHRASE,
        }

    def does(self, *arguments: str) -> Any:
        """Gives a command and reads what it says."""
        done = subprocess.run(
            [*COMMAND, *arguments, "--json"],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{self.name}: {arguments}: {done.stderr}"
        assert PASSPHRASE not in done.stdout + done.stderr
        return json.loads(done.stdout)

    def fails(self, *arguments: str) -> str:
        done = subprocess.run(
            [*COMMAND, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode not in (0, 1)
        return done.stderr

    def starts(self, *arguments: str, until: str = "") -> subprocess.Popen[str]:
        """Starts a process that goes on; waits for a line if one is named."""
        log = (self.home.parent / f"{self.name}-{arguments[0]}.log").open("a+")
        before = len(Path(log.name).read_text())  # another start's is not ours
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=self._environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self._closing.callback(log.close)
        self._closing.callback(process.wait)
        self._closing.callback(process.kill)
        ends = time.monotonic() + 30
        while until and time.monotonic() < ends:
            assert process.poll() is None
            if until in Path(log.name).read_text()[before:]:
                break
            time.sleep(0.05)
        return process


def kill(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(person: Person, request: str, phase: str) -> dict[str, Any]:
    """Asks until a request is in a phase; the agents bring it there."""
    ends = time.monotonic() + 60
    while True:
        shown = person.does("request", "show", request)
        assert isinstance(shown, dict)
        if shown["phase"] == phase:
            return shown
        assert time.monotonic() < ends, shown
        time.sleep(0.5)


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def write_data(path: Path) -> Path:
    lines = [f"{n},{n * n},{'odd' if n % 2 else 'even'}" for n in range(200)]
    path.write_text("n,square,kind\n" + "\n".join(lines) + "\n")
    return path


def predict(folder: Path, mistakes: int) -> Path:
    """Predictions for the dataset that was fetched into a folder."""
    rows = (folder / "test.csv").read_text().splitlines()[1:]
    labels = []
    for number, row in enumerate(rows):
        row_id, n, _ = row.split(",")
        is_odd = int(n) % 2 == (number >= mistakes)
        labels.append(f"{row_id},{'odd' if is_odd else 'even'}")
    path = folder / "predictions.csv"
    path.write_text("row_id,label\n" + "\n".join(labels) + "\n")
    return path


@pytest.mark.xdist_group("guide")
def test_three_people_trade_and_processes_die(
    tmp_path: Path, closing: ExitStack
) -> None:
    port = free_port()
    rpc = f"http://127.0.0.1:{port}"
    operator, requester, ann, bob = (
        Person(tmp_path, name, closing) for name in ("operator", "rita", "ann", "bob")
    )
    start = ("node", "start", "--test-methods", "--port", str(port))
    node = operator.starts(*start, until="answers at")
    operator.does("account", "new")
    deployed = operator.does("deploy", "--rpc", rpc)
    market, verified = deployed["market"], deployed["verified"]

    gateways = {}
    for person in (requester, ann, bob):
        gateways[person] = free_port()
        person.starts(
            "store", "serve", "--port", str(gateways[person]), until="answers at"
        )
    known = [
        option
        for gateway in gateways.values()
        for option in ("--gateway", f"http://127.0.0.1:{gateway}")
    ]
    for person in gateways:
        # Bob's first node is dead; he need not notice.
        nodes = ("--rpc", "http://127.0.0.1:9") if person is bob else ()
        where = (*nodes, "--rpc", rpc, "--market", market, "--verified", verified)
        person.does("node", "add", "local", *where, *known)
        address = person.does("account", "new")["address"]
        person.does("node", "fund", address)
        person.does("airdrop")

    data = write_data(tmp_path / "numbers.csv")
    created = requester.does(
        "request",
        "create",
        str(data),
        "--label",
        "kind",
        "--reward",
        "100",
        "--name",
        "odd or even",
        "--minutes",
        "60",
    )
    request = str(created["id"])
    model = tmp_path / "model.txt"
    model.write_text("n % 2")
    for person, mistakes in ((ann, 3), (bob, 1)):
        folder = tmp_path / f"{person.name}-data"
        person.does("dataset", "fetch", request, str(folder))
        predictions = predict(folder, mistakes)
        person.does("submission", "check", request, str(predictions))
        person.does(
            "submit", request, str(predictions), str(model), "--name", person.name
        )
    assert "is in the phase OPEN" not in bob.fails("submission", "claim", "2")

    # The chain dies and comes back with everything on it.
    kill(node)
    assert "cannot be reached" in ann.fails("request", "show", request)
    node = operator.starts(*start, until="answers at")

    agents = {
        person: person.starts("agent", "run", "--poll", "0.2")
        for person in (requester, ann, bob)
    }
    operator.does("node", "move-clock", "3600")
    kill(agents[requester])  # perhaps in the middle of opening the truth
    agents[requester] = requester.starts("agent", "run", "--poll", "0.2")
    wait_for(ann, request, "CLAIMS")
    kill(agents[bob])
    agents[bob] = bob.starts("agent", "run", "--poll", "0.2")
    ends = time.monotonic() + 60
    while len(wait_for(ann, request, "CLAIMS")["ranking"]) < 2:
        assert time.monotonic() < ends
    operator.does("node", "move-clock", "900")
    kill(agents[bob])
    agents[bob] = bob.starts("agent", "run", "--poll", "0.2")
    done = wait_for(requester, request, "FULFILLED")
    assert (done["winner"], len(done["ranking"])) == (2, 2)

    out = tmp_path / "won"
    requester.does("request", "model", request, str(out))
    assert (out / "model.txt").read_text() == "n % 2"
    verdicts = requester.does("audit", request)
    # Its model is a text, which nobody can run.
    assert [one["passed"] for one in verdicts].count(None) == 1
    assert not any(one["passed"] is False for one in verdicts)
    ends = time.monotonic() + 30
    wei = 0
    while wei < 1_000 * 10**18 and time.monotonic() < ends:
        wei = int(ann.does("account", "show")["mdc_wei"])
    balances = {
        person.name: int(person.does("account", "show")["mdc_wei"])
        for person in (requester, ann, bob)
    }
    expected = {"rita": 900, "ann": 1_000, "bob": 1_100}
    assert balances == {name: mdc * 10**18 for name, mdc in expected.items()}
    kill(node)
