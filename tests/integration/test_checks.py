# SPDX-License-Identifier: Apache-2.0
"""The doctor's checks: each is good, and bad when it should be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modelmarket import agent
from modelmarket.agent.checks import examine
from modelmarket.chain.networks import Networks
from modelmarket.chain.wallets import Wallet
from modelmarket.market import Market
from modelmarket.protocol.actions import Other, SetOperator
from modelmarket.storage.store import Store
from modelmarket.vault.journal import Version
from modelmarket.vault.vault import Vault
from support.market import PASSPHRASE, Place, place

PROGRAM = "from modelmarket.cli import main; main()"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place("embedded", tmp_path / "people") as found:
        yield found


@pytest.fixture
def market(here: Place) -> Market:
    """A requester's, with an open request."""
    found = here.join("requester")
    here.create(found)
    return found


def bad(market: Market) -> list[str]:
    """The checks that are not good."""
    checks = examine(market, agent.plan(market), market.look())
    return [one.name for one in checks if not one.is_good]


def test_all_is_well_with_an_open_request(market: Market) -> None:
    assert bad(market) == []


def test_a_key_without_fees_is_seen(market: Market) -> None:
    poor = market.signed_by(Wallet.new())
    assert bad(poor) == ["Fees of the agent's key"]


def test_a_chain_that_is_an_hour_ahead_is_seen(here: Place, market: Market) -> None:
    here.move_to(market.connection.now() + 3_000)
    assert bad(market) == ["Clock"]


def test_a_step_that_is_late_is_seen_from_half_of_its_time(
    here: Place, market: Market
) -> None:
    (step,) = agent.plan(market)
    middle = (step.begins + step.ends) // 2
    # The chain's clock runs on meanwhile.
    here.move_to(middle - 30)
    assert "Steps" not in bad(market)
    here.move_to(middle + 1)
    assert "Steps" in bad(market)


def test_a_transaction_on_its_way_is_seen(market: Market) -> None:
    journal, sender = market.vault.journal, market.wallet.address
    entry = journal.begin(market.network.market, sender, Other("approve"), 7)
    journal.signed(entry, Version(b"\1" * 32, b"raw"))
    assert bad(market) == ["Transactions on their way"]


def test_a_vault_without_the_truth_is_seen(market: Market, tmp_path: Path) -> None:
    other = Market(
        market.home,
        market.network,
        wallet=market.wallet,
        vault=Vault(tmp_path / "empty.sqlite", PASSPHRASE),
    )
    assert bad(other) == ["Secrets"]
    other.index.close()


def test_data_that_nobody_could_fetch_are_seen(market: Market, tmp_path: Path) -> None:
    market.store = Store(tmp_path / "empty")
    assert bad(market) == ["Data"]


def test_data_that_no_gateway_gives_name_the_command_that_helps(
    market: Market,
) -> None:
    def reach() -> str:
        checks = examine(market, agent.plan(market), market.look())
        (found,) = (one for one in checks if not one.is_good)
        assert found.name == "Reach"
        return found.says

    market.network = replace(market.network, gateways=("http://127.0.0.1:9",))
    said = reach()
    assert "no gateway of this network has those of request 1" in said
    assert "`modelmarket store serve`" in said
    assert "http://127.0.0.1:9" in said
    market.network = replace(market.network, gateways=())
    assert "`modelmarket node add test --gateway http://127.0.0.1:8080`" in reach()


def test_an_account_that_appointed_nobody_is_seen(here: Place, market: Market) -> None:
    trainer = here.join("ann")
    checks = list(examine(market, [], market.look(), accounts=[trainer.wallet.address]))
    operators = [one for one in checks if "operator" in one.name]
    assert [one.is_good for one in operators] == [False, False]
    for is_verified, where in ((False, "of predictions"), (True, "verified contests")):
        wanted = SetOperator(market.wallet.address, approved=True, verified=is_verified)
        [told] = (one for one in operators if where in one.says)
        assert "may not claim yet for" in told.says
        trainer.do(wanted)
    checks = list(examine(market, [], market.look(), accounts=[trainer.wallet.address]))
    assert all(one.is_good for one in checks)


def test_the_command_says_it_and_ends_with_1_when_something_is_wrong(
    market: Market, here: Place
) -> None:
    Networks(market.home.networks).put(here.network)
    key = Wallet.new()
    here.fund(key.address)
    environment = {
        **os.environ,
        "MODELMARKET_HOME": str(market.home.path),
        "MODELMARKET_PASSPHRASE": PASSPHRASE,
        "MODELMARKET_PRIVATE_KEY": "0x" + key._account.key.hex().removeprefix("0x"),
        "PYTHONWARNINGS": "ignore",
    }

    def doctor() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", PROGRAM, "doctor", "--network", "test"]
        return subprocess.run(
            [*command, "--json"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    well = doctor()
    assert well.returncode == 0, well.stderr
    assert all(one["good"] for one in json.loads(well.stdout))
    here.move_to(market.connection.now() + 3_000)
    ill = doctor()
    assert ill.returncode == 1
    assert [one["name"] for one in json.loads(ill.stdout) if not one["good"]] == [
        "Clock"
    ]


def test_without_a_node_the_command_says_so_in_its_list_and_ends_with_1(
    market: Market,
) -> None:
    Networks(market.home.networks).put(
        replace(market.network, rpc="http://127.0.0.1:9", other_rpcs=())
    )
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, "doctor", "--network", "test", "--json"],
        env={
            **os.environ,
            "MODELMARKET_HOME": str(market.home.path),
            "MODELMARKET_PASSPHRASE": PASSPHRASE,
            "MODELMARKET_PRIVATE_KEY": "0x" + "11" * 32,
            "PYTHONWARNINGS": "ignore",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert found.returncode == 1, found.stderr
    checks = {one["name"]: one["good"] for one in json.loads(found.stdout)}
    assert checks == {"Node": False, "All that asks the chain": False, "Disk": True}
