# SPDX-License-Identifier: Apache-2.0
"""What a newcomer gets wrong: told in words, and nothing is broken by it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modelmarket.chain.networks import Networks
from modelmarket.chain.wallets import Keystores, Wallet
from modelmarket.errors import StepError
from modelmarket.market import Market
from modelmarket.protocol.types import Wei
from modelmarket.system.home import Home
from modelmarket.vault import backups
from modelmarket.vault.vault import Vault
from support.contests import contest, enter
from support.market import PASSPHRASE, Place, place

Command = Callable[..., tuple[object, str, str]]
TABLE = "n,kind\n1,a\n2,b\n"


@pytest.mark.parametrize(
    "words",
    [
        ("node", "start", "--port", "70000"),
        ("node", "start", "--port", "-1"),
        ("store", "serve", "--port", "65536"),
        ("up", "--port", "99999999"),
        ("up", "--gateway-port", "70000"),
        ("agent", "run", "--metrics-port", "70000"),
        ("agent", "run", "--poll", "0"),
        ("agent", "run", "--poll", "-1"),
        ("agent", "run", "--poll", "nan"),
        ("request", "create", "t.csv", "--reward", "1", "--minutes", "nan"),
        ("request", "create", "t.csv", "--reward", "1", "--minutes", "inf"),
        ("request", "create", "t.csv", "--reward", "1", "--response-minutes", "nan"),
        ("dataset", "check", "t.csv", "--label", "kind", "--delimiter", ";;"),
        ("dataset", "check", "t.csv", "--label", "kind", "--encoding", "rot13"),
    ],
    ids=" ".join,
)
def test_a_number_or_a_word_that_cannot_be_is_refused(
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(TABLE)
    code, out, errors = command(*words, "--home", str(tmp_path / "home"))
    assert (code, out) == (2, "")
    assert errors.startswith("Error: ")


def test_a_mistyped_passphrase_of_a_backup_makes_no_vault(
    command: Command, tmp_path: Path
) -> None:
    """The vault would have the mistake for its passphrase."""
    home, file = Home(tmp_path / "home"), tmp_path / "backup.json"
    backups.write(file, [], PASSPHRASE)
    words = ("vault", "restore", str(file), "--home", str(home.path))
    code, _, errors = command(*words, PASSPHRASE="mistyped once")
    assert code == 8
    assert f"does not open {file}" in errors
    assert not home.vault.exists()
    assert command(*words, PASSPHRASE=PASSPHRASE)[0] == 0
    assert Vault(home.vault, PASSPHRASE).count() == 0


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place("embedded", tmp_path / "people") as found:
        yield found


def test_a_market_is_not_forgotten_for_another_of_its_name(
    command: Command, here: Place, tmp_path: Path
) -> None:
    home, wallet = Home(tmp_path / "home"), Wallet.new()
    home.prepare()
    Keystores(home.keystores).add(wallet, PASSPHRASE)
    here.fund(wallet.address)
    where = ("--home", str(home.path), "--rpc", here.network.rpc)

    def deploy(*more: str) -> tuple[object, str]:
        code, _, errors = command("deploy", *where, *more, PASSPHRASE=PASSPHRASE)
        return code, errors

    assert deploy() == (0, "")
    networks = Networks(home.networks)
    first = networks.get("local")
    spent = here.connection.fee_balance(wallet.address)
    code, errors = deploy()
    assert (code, first.market in errors) == (2, True)
    assert networks.get("local") == first
    assert here.connection.fee_balance(wallet.address) == Wei(spent)
    assert deploy("--name", "second") == (0, "")
    assert networks.get("local") == first
    assert deploy("--again") == (0, "")
    assert networks.get("local").market != first.market


def test_a_home_is_named_as_text_too(here: Place, tmp_path: Path) -> None:
    Networks(Home(tmp_path).networks).put(here.network)
    with Market.connect(here.network.name, home=str(tmp_path)) as market:
        assert market.requests() == []


def test_python_hears_the_network_and_the_account_that_a_command_hears(
    here: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, wallets = Home(tmp_path), [Wallet.new(), Wallet.new()]
    Networks(home.networks).put(here.network)
    for wallet in wallets:
        Keystores(home.keystores).add(wallet, PASSPHRASE)
    monkeypatch.setenv("MODELMARKET_HOME", str(tmp_path))
    monkeypatch.setenv("MODELMARKET_NETWORK", here.network.name)
    for wallet in wallets:
        monkeypatch.setenv("MODELMARKET_ACCOUNT", wallet.address)
        with Market.connect(passphrase=PASSPHRASE) as market:
            assert market.network == here.network
            assert market.wallet.address == wallet.address


def test_a_slip_before_there_is_an_account_locks_nobody_out(
    here: Place, command: Command, tmp_path: Path
) -> None:
    """A new vault takes whatever passphrase it is made with."""
    home = tmp_path / "lena"
    Networks(home / "networks.toml").put(replace(here.network, name="local"))
    where = ("--home", str(home))
    code, _, errors = command("airdrop", *where, PASSPHRASE="lena passwort")
    assert (code, "modelmarket account new" in errors) == (2, True)
    assert not (home / "vault.sqlite").exists()
    code, out, _ = command(
        "account", "new", "--json", *where, PASSPHRASE="lena password"
    )
    assert code == 0
    address = json.loads(out)["address"]
    command("node", "fund", address, *where)
    code, _, errors = command("airdrop", *where, PASSPHRASE="lena password")
    assert (code, errors) == (0, "")
    code, _, errors = command("account", "new", *where, PASSPHRASE="another one")
    assert code == 2
    assert "Another passphrase opens the vault" in errors


def test_what_is_not_yours_is_said_to_be_anothers(here: Place) -> None:
    rita, ann = here.join("rita"), here.join("ann")
    contest(here, rita)
    mine = enter(ann)
    with pytest.raises(StepError, match="Request v1 is not yours"):
        ann.request("v1").cancel()
    with pytest.raises(StepError, match="Submission v1 is not yours"):
        rita.request("v1").submission(mine.id).cancel()
    rita.request("v1").cancel(max_live=1)


def test_a_claim_is_planned_until_the_claims_close(
    here: Place, command: Command
) -> None:
    rita, ann = here.join("rita"), here.join("ann")
    contest(here, rita)
    enter(ann)
    Networks(ann.home.networks).put(here.network)
    key = "0x" + ann.wallet._account.key.hex().removeprefix("0x")
    where = ("--home", str(ann.home.path), "--network", "test")
    give = {"PRIVATE_KEY": key, "PASSPHRASE": PASSPHRASE}
    code, out, errors = command("agent", "plan", *where, **give)
    assert (code, errors) == (0, "")
    assert "the claims close" in out
    code, _, errors = command(
        "submission", "claim", "v1", "--matches=-1", *where, **give
    )
    assert code == 2
    assert "--matches" in errors
