# SPDX-License-Identifier: Apache-2.0
"""Several keys on one computer: chosen in the page, unlocked in the terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelmarket.chain.contracts import ModelMarket
from modelmarket.chain.networks import Networks
from modelmarket.chain.wallets import Keystores, Wallet
from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.types import Address
from modelmarket.system.home import Home
from support.children import child
from support.loopback import browser
from support.market import PASSPHRASE, Place, place

PROGRAM = "from modelmarket.cli import main; main()"
SECOND = "quite another passphrase"
PATIENCE_S = 30
LINK = r"(http://[a-z2-7]{16}\.localhost:\d+)/\?token=\S+"


@dataclass
class Terminal:
    """Somebody's terminal, in which `modelmarket up` runs.

    Attributes:
        screen: What it has shown.
    """

    file: int
    screen: str = ""

    def until(self, pattern: str) -> re.Match[str]:
        """Reads until something is shown that was not there before."""
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            found = re.search(pattern, self.screen)
            if found is not None:
                self.screen = self.screen[found.end() :]
                return found
            if select.select([self.file], [], [], 0.5)[0]:
                self.screen += os.read(self.file, 4096).decode()
        raise AssertionError(f"{pattern!r} is not in {self.screen!r}")

    def type(self, line: str) -> None:
        os.write(self.file, line.encode() + b"\n")


@dataclass(frozen=True)
class Computer:
    """With two keys, of which the first is unlocked.

    Attributes:
        place: The market.
        second: The locked account.
        terminal: Where the page was opened.
    """

    place: Place
    second: Address
    terminal: Terminal


@pytest.fixture
def computer(tmp_path: Path) -> Iterator[Computer]:
    with place("embedded", tmp_path / "people") as here:
        home = Home(tmp_path / "home")
        home.prepare()
        first, second = Wallet.new(), Wallet.new()
        Keystores(home.keystores).add(first, PASSPHRASE)
        Keystores(home.keystores).add(second, SECOND)
        here.fund(second.address)
        Networks(home.networks).put(here.network)
        ours, theirs = pty.openpty()
        options = ["--account", first.address, "--no-browser", "--port", "0"]
        with child(
            [sys.executable, "-c", PROGRAM, "up", "--network", "test", *options],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={
                **os.environ,
                "MODELMARKET_HOME": str(home.path),
                "PYTHONWARNINGS": "ignore",
                "COLUMNS": "200",
            },
        ) as up:
            terminal = Terminal(ours)
            terminal.until("Passphrase: ")
            terminal.type(PASSPHRASE)
            yield Computer(here, second.address, terminal)
            up.send_signal(signal.SIGINT)
            assert up.wait(timeout=30) == 130
        os.close(ours)
        os.close(theirs)


def test_a_link_is_void_once_used_and_enter_prints_another(
    computer: Computer,
) -> None:
    terminal = computer.terminal
    link = terminal.until(LINK)
    terminal.until("press Enter")
    with browser() as first, browser() as second:
        assert first.get(link[0]).status_code == 200
        void = second.get(link[0])
        assert void.status_code == 403
        assert "Press Enter in the terminal" in void.text
        terminal.type("")
        another = terminal.until(LINK)
        assert another[1] == link[1]
        assert second.get(another[0]).status_code == 200
        for one in (first, second):
            assert one.get(link[1]).status_code == 200
        # A link that was not used is void as soon as there is a newer one.
        terminal.type("")
        unused = terminal.until(LINK)
        terminal.type("")
        terminal.until(LINK)
        with browser() as third:
            assert third.get(unused[0]).status_code == 403


def test_the_vault_leaves_by_the_terminal_alone_and_comes_back_so(
    computer: Computer, tmp_path: Path
) -> None:
    terminal, backup = computer.terminal, tmp_path / "vault backup.json"
    link = terminal.until(LINK)
    own = {"Origin": link[1], "Sec-Fetch-Site": "same-origin"}
    with browser(follow_redirects=True, timeout=30) as visitor:
        visitor.get(link[0])

        def ask(what: str, **form: str) -> str:
            where = f"{link[1]}/agent/{what}"
            return visitor.post(where, data=form, headers=own).text

        # Whatever the page sends along, it gets a page.
        sent = {"passphrase": "chosen by the page", "path": str(tmp_path / "x")}
        assert "answer there" in ask("backup", **sent)
        ask("backup", **sent)
        terminal.until("The page asks for a backup of the vault")
        terminal.until(r"Write all its secrets.*\[y/N\]")
        terminal.type("")
        terminal.until("It was not done")
        assert "It was not done" in visitor.get(f"{link[1]}/agent").text

        ask("backup", **sent)
        terminal.until(r"\[y/N\]")
        terminal.type("y")
        terminal.until(r"A new file \[(/\S+/modelmarket-backup-[\d-]+\.json)\]")
        terminal.type(str(backup))
        terminal.until("The backup's own passphrase: ")
        terminal.type("of the backup")
        terminal.until("Repeat for confirmation: ")
        terminal.type("of the backup")
        terminal.until("vault backup.json holds 0 secrets")
        assert stat.S_IMODE(backup.stat().st_mode) == 0o600

        ask("backup")
        terminal.until(r"\[y/N\]")
        terminal.type("y")
        terminal.until("A new file")
        terminal.type(str(backup))
        terminal.until("exists already")

        ask("restore", passphrase="of the backup")
        terminal.until(r"Take the secrets of a backup.*\[y/N\]")
        terminal.type("y")
        terminal.until("Its file: ")
        terminal.type(str(backup))
        terminal.until("The backup's passphrase: ")
        terminal.type("of the backup")
        terminal.until("0 secrets of .* are in the vault")
        assert "are in the vault" in visitor.get(f"{link[1]}/agent").text
    assert not (tmp_path / "x").exists()
    assert "of the backup" not in terminal.screen


def test_a_key_is_chosen_in_the_page_and_unlocked_in_the_terminal(
    computer: Computer,
) -> None:
    terminal, second = computer.terminal, computer.second
    link = terminal.until(LINK)
    own = {"Origin": link[1], "Sec-Fetch-Site": "same-origin"}
    with browser(follow_redirects=True, timeout=30) as visitor:
        assert visitor.get(link[0]).status_code == 200
        assert f"here:{second}" in visitor.get(link[1]).text

        def choose() -> str:
            data = {"account": f"here:{second}"}
            return visitor.post(f"{link[1]}/account", data=data, headers=own).text

        def confirm() -> str:
            data = {"kind": "claim_airdrop"}
            action = visitor.post(f"{link[1]}/actions", data=data, headers=own).url
            return visitor.post(f"{action}/confirm", headers=own).text

        assert "is locked" in choose()
        assert "Unlock it in the terminal" in confirm()
        terminal.until(f"sign with {second}")
        terminal.until("Passphrase: ")
        terminal.type("a wrong one")
        terminal.until("does not open")
        assert "is locked" in choose()
        terminal.until("Passphrase: ")
        terminal.type(SECOND)
        terminal.until("is unlocked")
        assert "is locked" not in choose()
        confirm()
        market = ModelMarket(computer.place.connection, computer.place.network.market)
        assert market.coin().balance(second) == 1_000 * ONE_MDC
    assert SECOND not in terminal.screen
