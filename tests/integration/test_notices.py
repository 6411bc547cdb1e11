# SPDX-License-Identifier: Apache-2.0
"""What an agent tells: in lines, to a webhook, to Prometheus, on the desktop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from modelmarket.agent import Report, notices, plan, run, run_once
from modelmarket.chain.networks import Networks
from modelmarket.chain.wallets import Keystores, Wallet
from modelmarket.errors import ChainError, ModelMarketError
from modelmarket.market import Market
from modelmarket.protocol.phases import Phase
from support.children import PATIENCE_S, child
from support.market import PASSPHRASE, Place, place

TOKEN = "a-token-that-is-nobodys-business"
PROGRAM = "from modelmarket.cli import main; main()"
OPTIONS = ("--network", "test", "--poll", "0.2")
COMMAND = [sys.executable, "-c", PROGRAM, "agent", "run", *OPTIONS]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place("embedded", tmp_path / "people") as found:
        yield found


@pytest.fixture
def hook() -> Iterator[tuple[str, list[Any]]]:
    """A webhook that fails at first, and what it has taken."""
    taken: list[Any] = []
    failures = [1]

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if failures.pop() if failures else 0:
                self.send_response(503)
            else:
                taken.append(json.loads(body))
                self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/{TOKEN}", taken
    server.shutdown()
    server.server_close()


def environment(here: Place, market: Market) -> dict[str, str]:
    """For an agent in a process of its own; the market is closed here."""
    Networks(market.home.networks).put(here.network)
    Keystores(market.home.keystores).add(market.wallet, PASSPHRASE)
    market.index.close()
    return {
        **os.environ,
        "MODELMARKET_HOME": str(market.home.path),
        "MODELMARKET_PASSPHRASE": PASSPHRASE,
        "PYTHONWARNINGS": "ignore",
    }


def watched(market: Market) -> tuple[notices.Monitor, list[notices.Notice]]:
    told: list[notices.Notice] = []
    return notices.Monitor(market, [told.append]), told


def test_a_warning_comes_once_and_its_end_too(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "EXAMINE_S", -1.0)
    market = here.join("requester")
    here.create(market)
    poor = market.signed_by(Wallet.new())
    monitor, told = watched(poor)
    monitor.look(plan(poor))
    monitor.look(plan(poor))
    [warning] = told
    assert (warning.level, warning.event) == ("warning", "Fees of the agent's key")
    here.fund(poor.wallet.address)
    monitor.look(plan(poor))
    assert told[1].message == "Fees of the agent's key is well again."
    assert len(told) == 2


def test_each_step_is_told_with_its_request(here: Place) -> None:
    requester = here.join("requester")
    request = here.create(requester)
    here.submit(here.join("ann"), request.id)
    here.move_to(request.record.deadline)
    monitor, told = watched(requester)
    for report in run_once(requester):
        monitor.tell(report)
    [notice] = told
    assert notice.document() == {
        "time": notice.time,
        "level": "info",
        "event": "step",
        "message": "Opened the truth of request 1.",
        "request": 1,
        "done": True,
    }


HOSTS = {
    "agent run": ["agent", "run", *OPTIONS],
    "up": ["up", "--no-browser", "--port", "0", "--network", "test"],
}


@pytest.mark.parametrize("host", HOSTS)
def test_an_agent_tells_lines_a_webhook_and_prometheus(
    here: Place, hook: tuple[str, list[Any]], host: str
) -> None:
    """In whichever program it runs."""
    address, taken = hook
    requester = here.join("requester")
    request = here.create(requester)
    here.submit(here.join("ann"), request.id)
    port = free_port()
    here.move_to(request.record.deadline)
    with child(
        [
            sys.executable,
            "-c",
            PROGRAM,
            *HOSTS[host],
            "--json",
            "--metrics-port",
            str(port),
        ],
        env=environment(here, requester) | {"MODELMARKET_WEBHOOK": address},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not any("Opened the truth" in line for line in lines):
            line = process.stdout.readline()
            assert line, lines
            lines.append(line)
        ends = time.monotonic() + PATIENCE_S
        wanted = 'modelmarket_check{name="Node"} 1.0'
        while wanted not in (figures := figures_at(port)):
            assert time.monotonic() < ends, figures
            time.sleep(0.1)
        stranger = httpx.get(
            f"http://127.0.0.1:{port}/metrics", headers={"Host": "evil.example"}
        )
        ends = time.monotonic() + 30
        while not any(one["event"] == "step" for one in taken):
            assert time.monotonic() < ends
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        lines += process.stdout.readlines()
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
    assert json.loads(next(one for one in lines if "Opened the truth" in one))["done"]
    assert (
        'modelmarket_steps_total{kind="open the truth",outcome="done"} 1.0' in figures
    )
    assert stranger.status_code == 400
    said = "".join(lines)
    assert TOKEN not in said
    assert PASSPHRASE not in said


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_an_agent_acts_on_when_nobody_reads_its_lines(
    here: Place, options: list[str]
) -> None:
    requester, ann = here.join("requester"), here.join("ann")
    windows = (3_600, 3_700, 3_800)
    requests = [here.create(requester, submission_window_s=w) for w in windows]
    for request in requests:
        here.submit(ann, request.id)
    ours, theirs = os.pipe()
    first, *later = requests
    here.move_to(first.record.deadline)
    with child(
        [*COMMAND, *options],
        env=environment(here, requester),
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        with os.fdopen(ours, buffering=1) as lines:
            assert any("Opened the truth of request 1." in line for line in lines)
        for request in later:
            here.move_to(request.record.deadline)
            ends = time.monotonic() + PATIENCE_S
            while ann.contract.request(request.id).phase is Phase.TRUTH:
                assert process.poll() is None
                assert time.monotonic() < ends
                time.sleep(0.1)
            assert ann.contract.request(request.id).phase is Phase.CLAIMS


def figures_at(port: int) -> str:
    return httpx.get(f"http://127.0.0.1:{port}/metrics").text


def test_a_check_that_cannot_be_looked_at_holds_nothing_up(here: Place) -> None:
    requester = here.join("requester")
    request = here.create(requester)
    here.submit(here.join("ann"), request.id)
    here.move_to(request.record.deadline)
    told: list[str] = []
    stop = threading.Event()

    def tell(report: Report) -> None:
        told.append(report.message)
        if report.done:
            stop.set()

    def look(_plan: object) -> None:
        raise ChainError("The node does not know eth_syncing.")

    run(requester, tell=tell, looks=[look], stop=stop, poll_s=0.01)
    assert told == ["The node does not know eth_syncing.", "done"]


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_webhook_that_is_down_keeps_nobody_waiting(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "WEBHOOK_TRIES", 1)
    monkeypatch.setattr(notices, "MOST_WAITING", 2)
    notice = notices.Notice("now", notices.Level.INFO, "step", "done")
    with notices.webhook(f"http://127.0.0.1:9/{TOKEN}") as sink:
        for _ in range(50):
            sink(notice)
    said = capsys.readouterr().err
    assert "The webhook did not take a notice (ConnectError)." in said
    assert TOKEN not in said


def test_the_desktop_shows_a_notice_without_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "notify-send"
    shown = tmp_path / "shown"
    program.write_text(f'#!/bin/sh\nprintf "%s|" "$@" > {shown}\n')
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    message = "--help; $(touch /tmp/owned) 'x'"
    sink = notices.desktop()
    sink(notices.Notice("now", notices.Level.INFO, "step", "not worth a look"))
    assert not shown.exists()
    sink(notices.Notice("now", notices.Level.WARNING, "step", message))
    assert shown.read_text() == (f"--app-name=ModelMarket|ModelMarket|--|{message}|")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(ModelMarketError, match="shows no notifications"):
        notices.desktop()
