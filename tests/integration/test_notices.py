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

from children import child
from modelmarket import notices
from modelmarket.agent import plan, run_once
from modelmarket.chain.networks import Networks
from modelmarket.chain.wallets import Keystores, Wallet
from modelmarket.errors import ModelMarketError
from modelmarket.market import Market
from trading import PASSPHRASE, Place, place

TOKEN = "a-token-that-is-nobodys-business"


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


def watched(market: Market) -> tuple[notices.Watch, list[notices.Notice]]:
    told: list[notices.Notice] = []
    return notices.Watch(market, [told.append]), told


def test_a_warning_comes_once_and_its_end_too(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "EXAMINE_S", -1.0)
    market = here.join("requester")
    here.create(market)
    poor = market.signed_by(Wallet.new())
    watch, told = watched(poor)
    watch.look(plan(poor))
    watch.look(plan(poor))
    [warning] = told
    assert (warning.level, warning.event) == ("warning", "Fees of the agent's key")
    here.fund(poor.wallet)
    watch.look(plan(poor))
    assert told[1].message == "Fees of the agent's key is well again."
    assert len(told) == 2


def test_each_step_is_told_with_its_request(here: Place) -> None:
    requester = here.join("requester")
    request = here.create(requester)
    here.submit(here.join("ann"), request.id)
    here.move_to(request.record.deadline)
    watch, told = watched(requester)
    for report in run_once(requester):
        watch.tell(report)
    [notice] = told
    assert notice.document() == {
        "time": notice.time,
        "level": "info",
        "event": "step",
        "message": "open the truth: request 1: done",
        "request": 1,
        "done": True,
    }


def test_an_agent_tells_lines_a_webhook_and_prometheus(
    here: Place, hook: tuple[str, list[Any]]
) -> None:
    address, taken = hook
    requester = here.join("requester")
    request = here.create(requester)
    here.submit(here.join("ann"), request.id)
    Networks(requester.home.networks).put(here.network)
    Keystores(requester.home.keystores).add(requester.wallet, PASSPHRASE)
    requester.index.close()
    environment = {
        **os.environ,
        "MODELMARKET_HOME": str(requester.home.path),
        "MODELMARKET_PASSPHRASE": PASSPHRASE,
        "MODELMARKET_WEBHOOK": address,
        "PYTHONWARNINGS": "ignore",
    }
    program = "from modelmarket.cli import main; main()"
    options = ["--network", "test", "--json", "--poll", "0.2", "--metrics-port"]
    port = free_port()
    command = [sys.executable, "-c", program, "agent", "run", *options, str(port)]
    here.move_to(request.record.deadline)
    with child(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not any("open the truth" in line for line in lines):
            line = process.stdout.readline()
            assert line, lines
            lines.append(line)
        figures = httpx.get(f"http://127.0.0.1:{port}/metrics").text
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
    assert json.loads(next(one for one in lines if "open the truth" in one))["done"]
    assert (
        'modelmarket_steps_total{kind="open the truth",outcome="done"} 1.0' in figures
    )
    assert 'modelmarket_lamp{name="Node"} 1.0' in figures
    assert stranger.status_code == 400
    said = "".join(lines)
    assert TOKEN not in said
    assert PASSPHRASE not in said


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
    notices.desktop(notices.Notice("now", notices.Level.WARNING, "step", message))
    assert shown.read_text() == (f"--app-name=ModelMarket|ModelMarket|--|{message}|")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(ModelMarketError, match="shows no notifications"):
        notices.desktop(notices.Notice("now", notices.Level.WARNING, "step", message))
