# SPDX-License-Identifier: Apache-2.0
"""A machine is lost: key and chain, or key and data, give the secrets again;
and a friend who has a bundle can open, and do nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from modelmarket import agent
from modelmarket.chain.contracts import COPY_MARK, copy_in
from modelmarket.datasets.about import About
from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.errors import RevertError, StepError
from modelmarket.market import Market, recovery
from modelmarket.market.recovery import recover, recover_key, recover_truth
from modelmarket.protocol.bins import Binning
from modelmarket.protocol.phases import Phase
from modelmarket.storage.cid import Cid
from modelmarket.storage.fetch import fetch
from modelmarket.storage.store import Store
from modelmarket.system.home import Home
from modelmarket.vault import backups
from modelmarket.vault.derivation import MESSAGE
from modelmarket.vault.vault import Vault
from support.contests import contest, enter, table
from support.market import PASSPHRASE, Place, place

ABOUT = "# Points\n\nWhere they come from.\n"
BUNDLE = "a passphrase for the friend"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place("embedded", tmp_path / "people") as here:
        yield here


def on_an_empty_machine(here: Place, name: str, *, gateways: bool = True) -> Market:
    """The same key, and nothing else of what somebody had."""
    old = here.markets[name]
    home = Home(Path(mkdtemp(dir=here.folder)))
    network = here.network if gateways else replace(here.network, gateways=())
    vault = Vault(home.vault, PASSPHRASE)
    market = Market(home, network, wallet=old.wallet, vault=vault)
    here.closing.callback(market.index.close)
    return market


def test_key_and_chain_give_everything_again_and_the_agent_goes_on(
    here: Place,
) -> None:
    requester, ann = here.join("requester"), here.join("ann")
    request = here.create(requester)
    here.submit(ann, request.id)
    hers = on_an_empty_machine(here, "requester")
    his = on_an_empty_machine(here, "ann")
    assert agent.plan(hers) == []
    for market, what in ((hers, 0), (his, 1)):
        [found] = recover(market)
        assert (found.submission_id, found.is_here) == (what, True), found.says
        [again] = recover(market)
        assert again.says == "is in the vault"
    assert his.vault.secret(his.request(1).submissions()[0].record.seal) is not None
    while not (record := hers.request(request.id).record).stage.is_final:
        here.move_to(record.at(hers.connection.now()).step_ends)
        agent.run_once(hers)
        agent.run_once(his)
    assert record.stage is Phase.FULFILLED
    assert list(recover(hers)) == []


def test_key_and_data_give_the_truth_again_without_any_store(here: Place) -> None:
    requester = here.join("requester")
    here.create(requester)
    request = here.create(requester)
    market = on_an_empty_machine(here, "requester", gateways=False)
    first, second = recover(market)
    assert not first.is_here
    assert "No gateway" in second.says or "gateway" in second.says
    again = recover_truth(market.request(request.id), here.data())
    seal = again.seal
    assert seal == request.terms.truth_seal
    assert (again.dataset, again.is_same) == (request.terms.dataset, True)
    assert market.vault.truth(seal) == requester.vault.truth(seal)
    # The dataset that trainers need is here again too.
    assert market.store.has(Cid.parse(request.terms.dataset))
    with pytest.raises(StepError, match="No split of this file gives the truth"):
        recover_truth(market.request(request.id), here.data(rows=60))


def test_a_truth_in_bins_is_found_again_if_they_are_said(here: Place) -> None:
    requester = here.join("requester")
    here.create(requester)
    table = here.folder / "prices.csv"
    # Prices so uneven that bins of other kinds or numbers hold other rows.
    rows = [f"{n % 9},{n**3}.{n % 7}" for n in range(200)]
    table.write_text("floor,price\n" + "\n".join(rows) + "\n")
    request = requester.create_request(
        table, label="price", reward="10", bins=4, even_bins=True, accept_findings=True
    )
    market = on_an_empty_machine(here, "requester", gateways=False)
    list(recover(market))
    source = Source(open_table(table, header=True), label="price")
    for wrong in (Binning(4), Binning(5, is_even=True)):
        with pytest.raises(StepError, match="No split of this file gives the truth"):
            recover_truth(market.request(request.id), source, binning=wrong)
    binning = Binning(4, is_even=True)
    again = recover_truth(market.request(request.id), source, binning=binning)
    assert (again.seal, again.is_same) == (request.terms.truth_seal, True)


@pytest.mark.parametrize("is_even", [False, True])
def test_key_and_data_give_a_contests_key_again_without_any_store(
    here: Place, *, is_even: bool
) -> None:
    requester = here.join("requester")
    here.create(requester)
    options = {"even": is_even, "fraction": Fraction(1, 4), "description": ABOUT}
    options |= {"licence": "cc0-1.0", "model_licence": "mit"}
    made = contest(here, requester, **options)
    market = on_an_empty_machine(here, "requester", gateways=False)
    request = market.request(str(made.id))
    with pytest.raises(StepError, match="No split of this file gives the key"):
        recover_key(request, table(here), choice=Choice(stratified=True))
    choice = Choice(Fraction(1, 4), stratified=True)
    without = recover_key(request, table(here), choice=choice)
    about = About(description=ABOUT, licence="CC0-1.0", model_licence="MIT")
    again = recover_key(request, table(here), choice=choice, about=about)
    seal = again.seal
    assert without.seal == seal == made.record.secret
    # What was said of the data is part of the folder.
    assert (without.is_same, again.is_same) == (False, True)
    assert market.vault.secret(seal) == requester.vault.secret(seal)
    assert market.store.has(Cid.parse(request.record.dataset))


def test_key_and_chain_give_models_and_keys_of_contests_again(here: Place) -> None:
    requester, ann = here.join("requester"), here.join("ann")
    made = contest(here, requester)
    entered = enter(ann)
    for name, seal in (
        ("requester", made.record.secret),
        ("ann", entered.record.seal),
    ):
        market = on_an_empty_machine(here, name)
        [found] = recover(market)
        assert found.is_here, found.says
        assert market.vault.secret(seal) is not None


def test_another_key_reads_no_copy(here: Place) -> None:
    requester, eve = here.join("requester"), here.join("eve")
    here.create(requester)
    [found] = recover(eve, requester.wallet.address)
    assert not found.is_here
    assert "was made with another key" in found.says
    assert eve.vault.count() == 0


def test_two_requests_from_one_file_have_nothing_in_common(here: Place) -> None:
    requester = here.join("requester")
    first, second = here.create(requester), here.create(requester)
    assert first.terms.truth_seal != second.terms.truth_seal
    assert first.terms.dataset != second.terms.dataset


def test_a_new_request_after_a_loss_has_nothing_in_common_with_the_old_ones(
    here: Place,
) -> None:
    """Else the test labels of the new one would be open already."""
    requester = here.join("requester")
    old = [here.create(requester) for _ in range(3)]
    market = on_an_empty_machine(here, "requester")
    new = here.create(market)
    assert len({one.terms.truth_seal for one in (*old, new)}) == 4
    assert len({one.terms.dataset for one in (*old, new)}) == 4
    empty = on_an_empty_machine(here, "requester", gateways=False)
    made = recover_truth(empty.request(new.id), here.data())
    assert made.seal == new.terms.truth_seal


def test_what_secrets_come_from_is_signed_for_once(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    rita = here.join("signing")
    signed: list[object] = []
    sign = rita.wallet.sign_typed

    def counted(message: dict[str, Any]) -> tuple[int, bytes, bytes]:
        signed.append(message)
        return sign(message)

    monkeypatch.setattr(rita.wallet, "sign_typed", counted)
    here.create(rita)
    here.create(rita, rows=120)
    assert signed.count(MESSAGE) == 1


def test_what_is_no_copy_is_not_taken_for_one() -> None:
    cid = bytes(
        Cid.parse("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
    )
    assert copy_in(b"\1\2\3\4" + cid + COPY_MARK) == cid
    assert copy_in(b"\1\2\3\4" + cid) == b""
    assert copy_in(b"") == b""


def test_a_friend_opens_in_the_due_window_and_can_do_nothing_else(
    here: Place, tmp_path: Path
) -> None:
    requester, ann, friend = (here.join(one) for one in ("requester", "ann", "friend"))
    request, other = here.create(requester), here.create(requester)
    entry = here.submit(ann, request.id)
    bundle = tmp_path / "bundle.json"
    truth = requester.vault.secret(request.terms.truth_seal)
    assert truth is not None
    backups.write(bundle, [truth], BUNDLE)
    assert backups.read(bundle, BUNDLE).restore(friend.vault) == 1
    assert friend.vault.truth(other.terms.truth_seal) is None
    assert agent.run_once(friend) == []
    here.move_to(request.record.deadline)
    [report] = agent.run_once(friend)
    assert report.message == "done"
    assert friend.request(request.id).position().phase is Phase.CLAIMS
    with pytest.raises(RevertError):
        friend.submission(entry.id).claim(matches=0)
    money = requester.coin.balance(friend.wallet.address)
    assert money == 1_000 * 10**18


def test_no_gateway_is_told_of_a_sealed_model_before_it_is_shown(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is asked for a CID knows it, and may fetch what was sealed."""
    rita, ann = here.join("rita"), here.join("ann")
    contest(here, rita)
    secret = enter(ann).secret()
    assert secret is not None
    asked: list[str] = []

    def asking(store: Store, cid: Cid, *others: Any, **options: Any) -> Any:
        asked.append(str(cid))
        return fetch(store, cid, *others, **options)

    monkeypatch.setattr(recovery, "fetch", asking)
    [found] = recover(on_an_empty_machine(here, "ann"))
    assert (
        found.says
        == f"recovered, but its model {secret.model} is not here: add it again"
    )
    assert found.is_here
    assert len(asked) == 1
    assert secret.model not in asked
