# SPDX-License-Identifier: Apache-2.0
"""Commands that are given in this process."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelmarket.chain.networks import Networks
from modelmarket.cli import main
from support.market import PASSPHRASE, Place, place

Command = Callable[..., tuple[object, str, str]]


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Gives a command: its exit code, its output, its errors."""
    at_term = signal.getsignal(signal.SIGTERM)
    for variable in ("NETWORK", "ACCOUNT", "HOME", "PRIVATE_KEY"):
        monkeypatch.delenv(f"MODELMARKET_{variable}", raising=False)
    monkeypatch.setenv("MODELMARKET_PASSPHRASE", "long enough")

    def give(*arguments: str, **environment: str) -> tuple[object, str, str]:
        with monkeypatch.context() as here:
            for name, value in environment.items():
                here.setenv(f"MODELMARKET_{name}", value)
            here.setattr(sys, "argv", ["modelmarket", *arguments])
            with pytest.raises(SystemExit) as ended:
                main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    yield give
    signal.signal(signal.SIGTERM, at_term)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    """An embedded node, and rita and ann, who have their airdrop."""
    with place("embedded", tmp_path / "people") as found:
        for market in [found.join(name) for name in ("rita", "ann")]:
            # Both gateways are known by now.
            Networks(market.home.networks).put(found.network)
        yield found


@pytest.fixture
def give(here: Place, command: Command) -> Command:
    """Gives somebody's command."""

    def give(who: str, *words: str) -> tuple[object, str, str]:
        market = here.markets[who]
        return command(
            *words,
            HOME=str(market.home.path),
            NETWORK="test",
            PRIVATE_KEY="0x" + market.wallet._account.key.hex().removeprefix("0x"),
            PASSPHRASE=PASSPHRASE,
        )

    return give
