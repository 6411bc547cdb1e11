# SPDX-License-Identifier: Apache-2.0
"""The log tells what happened, keeps nobody from acting, and holds no secret."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from logging import DEBUG, ERROR, INFO, WARNING
from pathlib import Path
from typing import Any

import pytest

from modelmarket.chain.networks import Networks
from modelmarket.chain.wallets import Keystores
from modelmarket.system import logs
from modelmarket.system.logs import told
from support.children import child
from support.faults import Faults, faulty
from support.market import PASSPHRASE, place

LOG = logging.getLogger("modelmarket.tests")
PROGRAM = "from modelmarket.cli import main; main()"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    logger = logging.getLogger(logs.NAME)
    before = logger.level, list(logger.handlers)
    yield
    for one in logger.handlers:
        one.close()
    logger.level, logger.handlers = before


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_is_told_is_an_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log" / "l.jsonl"
    logs.begin(path)
    told(LOG, INFO, "mined", block=7, hash="0x\n1")
    [line] = lines(path)
    assert line["message"] == "mined"
    assert (line["block"], line["hash"], line["level"]) == (7, "0x\n1", "info")
    assert (line["logger"], line["process"]) == ("modelmarket.tests", os.getpid())


def test_what_went_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    logs.begin(path)
    try:
        raise ValueError("it broke")
    except ValueError:
        LOG.exception("Something unexpected.")
    [line] = lines(path)
    assert "test_logs.py" in line["exception"]
    assert line["exception"].endswith("ValueError: it broke")


@pytest.mark.parametrize("verbose", [False, True])
def test_the_terminal_is_told_what_matters_or_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verbose: bool
) -> None:
    path = tmp_path / "l.jsonl"
    logs.begin(path, verbose=verbose)
    for level in (DEBUG, INFO, WARNING, ERROR):
        told(LOG, level, "told", at=level)
    shown = [line.split()[1:] for line in capsys.readouterr().err.splitlines()]
    matters = (DEBUG, INFO, WARNING, ERROR) if verbose else (WARNING, ERROR)
    assert shown == [["told", f"at={level}"] for level in matters]
    written = [line["at"] for line in lines(path)]
    assert written == ([DEBUG] if verbose else []) + [INFO, WARNING, ERROR]


def test_a_file_is_its_owners_alone_and_made_when_there_is_something(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log" / "l.jsonl"
    logs.begin(path)
    assert not path.parent.exists()
    told(LOG, INFO, "mined")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_long_file_is_laid_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, aside = tmp_path / "l.jsonl", tmp_path / "l.1.jsonl"
    monkeypatch.setattr(logs, "MOST_BYTES", 500)
    for number in range(10):
        logs.begin(path)
        told(LOG, INFO, "mined", number=number)
    numbers = [line["number"] for line in (*lines(aside), *lines(path))]
    assert numbers == list(range(numbers[0], 10))
    assert len(numbers) > 1


@pytest.mark.parametrize("trouble", ["a folder in its place", "no folder"])
def test_a_log_that_cannot_be_written_keeps_nobody_from_acting(
    tmp_path: Path, trouble: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log" / "l.jsonl"
    if trouble == "no folder":
        path.parent.touch()
    else:
        path.mkdir(parents=True)
    logs.begin(path)
    told(LOG, WARNING, "went on")
    assert capsys.readouterr().err.split()[1:] == ["went", "on"]


def test_lines_of_several_programs_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    program = (
        "import logging, sys; from pathlib import Path\n"
        "from modelmarket.system import logs\n"
        "logs.begin(Path(sys.argv[1]))\n"
        "log = logging.getLogger('modelmarket.x')\n"
        "for n in range(300): logs.told(log, 20, 'x' * 500, who=sys.argv[2], n=n)\n"
    )
    commands = [[sys.executable, "-c", program, str(path), who] for who in "ab"]
    running = [subprocess.Popen(one) for one in commands]
    assert [one.wait(timeout=60) for one in running] == [0, 0]
    for who in "ab":
        assert [one["n"] for one in lines(path) if one["who"] == who] == [*range(300)]


def test_no_secret_is_told(tmp_path: Path) -> None:
    """Neither to the file nor to a terminal that is told everything."""
    secrets = {"node": "a-nodes-password", "key": "a-nodes-key", "vault": PASSPHRASE}
    with place("embedded", tmp_path / "people") as here:
        market = here.join("somebody")
        here.create(market)
        with faulty(Faults(here.network.rpc)) as rpc:
            hidden = rpc.replace("//", f"//me:{secrets['node']}@")
            dead = f"http://me:{secrets['node']}@127.0.0.1:9/{secrets['key']}"
            network = replace(
                here.network, rpc=dead, other_rpcs=(f"{hidden}/{secrets['key']}",)
            )
            Networks(market.home.networks).put(network)
            Keystores(market.home.keystores).add(market.wallet, PASSPHRASE)
            market.close()
            environment = {
                **os.environ,
                "MODELMARKET_HOME": str(market.home.path),
                "MODELMARKET_PASSPHRASE": PASSPHRASE,
            }
            command = ["request", "cancel", "1", "--network", "test", "--verbose"]
            with child(
                [sys.executable, "-c", PROGRAM, *command],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as process:
                shown, told_there = process.communicate(timeout=120)
            assert process.returncode == 0, told_there
    written = market.home.log.read_text()
    # It has much to tell.
    for what in ("a node failed", "asked a node", "signed", "mined", "read blocks"):
        assert what in written
        assert what in told_there
    raw = market.wallet._account.key.hex()
    for secret in (*secrets.values(), raw):
        for where in (shown, told_there, written):
            assert secret not in where
