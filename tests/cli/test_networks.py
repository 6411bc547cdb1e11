# SPDX-License-Identifier: Apache-2.0
"""Networks: what is known of one stays, unless something else is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from modelmarket import agent
from modelmarket.agent.checks import examine
from modelmarket.chain.networks import Network, Networks
from modelmarket.errors import NotFoundError
from modelmarket.protocol.types import checksummed
from support.contests import contest
from support.market import Place, place

from .conftest import Command


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place("embedded", tmp_path / "people") as found:
        yield found


class Club:
    """The network `club` in somebody's home, and the commands that change it."""

    def __init__(self, here: Place, command: Command, home: Path) -> None:
        self._networks = Networks(home / "networks.toml")
        self._give, self.home = command, home
        self.named = replace(
            here.network,
            name="club",
            first_block=2,
            gateways=("http://127.0.0.1:1",),
            most_fee_gwei=7,
            confirmations=3,
        )
        self._networks.put(self.named)

    def put(self, network: Network) -> None:
        self._networks.put(network)

    @property
    def known(self) -> Network:
        return self._networks.get("club")

    def add(self, *words: str, name: str = "club") -> tuple[object, str, str]:
        return self._give("node", "add", name, *words, "--home", str(self.home))


@pytest.fixture
def club(here: Place, command: Command, tmp_path: Path) -> Club:
    return Club(here, command, tmp_path / "home")


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ((), {}),
        (("--gateway", "http://a:1"), {"gateways": ("http://a:1",)}),
        (("--first-block", "9"), {"first_block": 9}),
        (("--most-fee-gwei", "8"), {"most_fee_gwei": 8}),
        (("--confirmations", "0"), {"confirmations": 0}),
    ],
)
def test_what_is_not_said_of_a_known_network_stays(
    club: Club, words: tuple[str, ...], changes: dict[str, Any]
) -> None:
    code, _, errors = club.add(*words)
    assert (code, errors) == (0, "")
    assert asdict(club.known) == asdict(replace(club.named, **changes))
    assert club.known.verified


def test_a_new_network_is_asked_for_its_node_and_market(club: Club) -> None:
    code, _, errors = club.add("--gateway", "http://a:1", name="other")
    assert code == 2
    assert "No network is called 'other' yet" in errors
    assert "modelmarket node add other --rpc ADDRESS --market CONTRACT" in errors


def test_a_network_keeps_its_market(club: Club) -> None:
    code, _, errors = club.add("--market", club.named.verified)
    assert code == 2
    assert "is that of the market" in errors
    assert "networks.toml" in errors
    assert club.known == club.named


def test_a_network_keeps_its_chain(club: Club) -> None:
    elsewhere = replace(club.named, chain_id=club.named.chain_id + 1)
    club.put(elsewhere)
    code, _, errors = club.add("--rpc", club.named.rpc)
    assert code == 2
    assert f"is on chain {elsewhere.chain_id}" in errors
    assert club.known == elsewhere


def test_markets_of_the_wrong_kind_are_refused(club: Club) -> None:
    rpc, named = ("--rpc", club.named.rpc), club.named
    code, _, errors = club.add("--verified", named.market)
    assert code == 2
    assert f"{named.market} is no market of verified contests" in errors
    code, _, errors = club.add(*rpc, "--market", named.verified, name="other")
    assert code == 2
    assert f"{named.verified} is a market of verified contests" in errors
    code, _, errors = club.add("--verified", f"0x{'1' * 40}")
    assert code == 3
    assert "There is no contract at" in errors
    assert club.known == named


def test_both_markets_of_a_network_are_shown(club: Club, command: Command) -> None:
    home = ("--home", str(club.home), "--network", "club")
    _, listed, _ = command("node", "list", "--home", str(club.home))
    _, shown, _ = command("node", "status", *home)
    for said in (listed, shown):
        assert club.named.verified in said.replace("\n", "")


def test_a_forgotten_market_is_missed_by_doctor_and_by_whoever_asks(
    here: Place,
) -> None:
    """A key lies in the vault that nobody would open in time."""
    rita = here.join("rita")
    Networks(rita.home.networks).put(here.network)
    key = contest(here, rita).record.secret
    assert not [one for one in found(rita) if one[0] == "Markets"]
    forgetful = replace(here.network, verified="")
    Networks(rita.home.networks).put(forgetful)
    rita.network = forgetful
    [(_, says)] = [one for one in found(rita) if one[0] == "Markets"]
    assert f"node add test --verified {here.network.verified}`" in says
    # Where there is no such contract any more, the chain was begun anew.
    secret = rita.vault.secret(key)
    assert secret is not None
    rita.vault.add(replace(secret, market=checksummed(bytes(20 * [1]))))
    assert len([one for one in found(rita) if one[0] == "Markets"]) == 1
    here.network = forgetful
    with pytest.raises(NotFoundError, match="no market of verified contests"):
        here.again("rita").request("v1")


def found(market: Any) -> list[tuple[str, str]]:
    """What doctor finds wrong."""
    checks = examine(market, agent.plan(market), market.look())
    return [(one.name, one.says) for one in checks if not one.is_good]
