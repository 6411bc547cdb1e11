# SPDX-License-Identifier: Apache-2.0
"""Commands that are given in this process."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator

import pytest

from modelmarket.cli import main

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
