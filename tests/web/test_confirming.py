# SPDX-License-Identifier: Apache-2.0
"""One confirmation, one transaction: whoever clicks, how often, and what breaks."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from browsing import BrowserWallet
from modelmarket.chain.blocks import Call, Receipt
from modelmarket.chain.sending import Signed
from modelmarket.errors import ChainError, StepError
from modelmarket.market import Market
from modelmarket.market.outbox import Before
from modelmarket.market.request import Request
from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.types import checksummed
from modelmarket.web.activity import Activity, Errand, Kind, State
from modelmarket.web.desk import Desk
from trading import Place, place
from visiting import (
    Tab,
    at_once,
    new_request,
    new_submission,
    statuses,
    visiting,
    wallet_of,
)


@dataclass
class Person:
    """Somebody with a page, a key of this computer and a wallet in the browser."""

    place: Place
    market: Market
    desk: Desk
    tab: Tab
    wallet: BrowserWallet

    @property
    def key(self) -> str:
        return self.market.wallet.address

    @property
    def account(self) -> str:
        return str(self.wallet.account.address)

    def balance(self, account: str) -> int:
        return self.market.coin.balance(checksummed(account))

    def requests(self) -> int:
        return self.market.contract.request_count()

    def state(self, errand: Errand) -> State:
        return self.desk.activity.get(errand.id).state

    def ask(self, errand: Errand, *, again: bool = False) -> dict[str, str]:
        """What the page does until the wallet is asked to send."""
        asked = self.tab.post(f"/errands/{errand.id}/permit", json={"again": again})
        asked.raise_for_status()
        message = asked.json()["message"]
        permit = {"deadline": "0", "signature": "", "again": again}
        if message:
            permit["signature"] = self.wallet._sign(message)
            permit["deadline"] = message["message"]["deadline"]
        given = self.tab.post(f"/errands/{errand.id}/transaction", json=permit)
        given.raise_for_status()
        return dict(given.json()["transaction"], attempt=given.json()["attempt"])

    def send(self, transaction: dict[str, str]) -> str:
        return self.wallet._send(transaction)


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    with place("embedded", tmp_path / "people") as here:
        market = here.join("somebody")
        wallet = wallet_of(here, market)
        desk = Desk(market)
        with visiting(desk) as tab:
            yield Person(here, market, desk, tab, wallet)


def test_three_confirmations_at_once_lock_one_reward(person: Person) -> None:
    errand = new_request(person.place, person.desk, person.key)

    def confirm() -> object:
        return person.tab.post(f"/errands/{errand.id}/confirm")

    answers = at_once(confirm, confirm, confirm)
    assert statuses(answers) == [303, 303, 303]
    where = {one.headers["location"] for one in answers}
    assert "/requests/1" in where
    assert where <= {"/requests/1", f"/errands/{errand.id}"}
    assert person.requests() == 1
    assert person.balance(person.key) == 900 * ONE_MDC
    assert person.state(errand) is State.CONFIRMED


def test_three_tabs_at_once_ask_the_wallet_once(person: Person) -> None:
    person.tab.become(person.account)
    errand = new_request(person.place, person.desk, person.account)
    asked = person.tab.post(f"/errands/{errand.id}/permit", json={}).json()["message"]
    permit = {
        "deadline": asked["message"]["deadline"],
        "signature": person.wallet._sign(asked),
    }

    def ask() -> object:
        return person.tab.post(f"/errands/{errand.id}/transaction", json=permit)

    answers = at_once(ask, ask, ask)
    assert statuses(answers) == [200, 400, 400]
    for one in answers:
        if one.status_code == 200:
            sent = person.send(one.json()["transaction"])
        else:
            assert "waiting for the wallet already" in one.json()["message"]
    answer = person.tab.post(f"/errands/{errand.id}/sent", json={"hash": sent})
    assert answer.status_code == 200
    assert person.requests() == 1
    assert person.balance(person.account) == 900 * ONE_MDC


def test_a_key_and_a_wallet_do_not_both_send(person: Person) -> None:
    """The wallet's account is this computer's too; both are asked at once."""
    errand = new_request(person.place, person.desk, person.key)
    coin, market = person.market.coin, person.market.network.market
    person.market.send(coin._call("approve", market, 2**100))

    def confirm() -> object:
        return person.tab.post(f"/errands/{errand.id}/confirm")

    def ask() -> object:
        return person.tab.post(f"/errands/{errand.id}/transaction", json={})

    answers = at_once(confirm, ask)
    handed_out = [one for one in answers if one.status_code in (200, 303)]
    assert len(handed_out) == 1
    assert person.requests() == (303 in statuses(answers))


def test_while_a_wallet_is_asked_no_key_signs(person: Person) -> None:
    errand = new_request(person.place, person.desk, person.key)
    asked = person.desk.activity.ask_wallet(errand, 0)
    answer = person.tab.post(f"/errands/{errand.id}/confirm")
    assert "The wallet was asked for this already" in answer.text
    assert person.requests() == 0
    assert person.desk.activity.get(errand.id) == asked
    person.tab.post(f"/errands/{errand.id}/confirm", again="yes")
    assert person.requests() == 1


def test_what_a_wallet_sent_unheard_is_found_and_not_sent_again(person: Person) -> None:
    """The page was closed between the wallet's signature and its word."""
    person.desk.stop()
    person.tab.become(person.account)
    errand = new_request(person.place, person.desk, person.account)
    sent = person.send(person.ask(errand))
    for again in (False, True):
        answer = person.tab.post(f"/errands/{errand.id}/permit", json={"again": again})
        assert answer.status_code == 400
        assert "already" in answer.json()["message"]
    now = person.desk.activity.get(errand.id)
    assert now.state is State.CONFIRMED
    assert now.result == "/requests/1"
    assert now.hash is not None
    assert "0x" + now.hash.hex() == sent
    # The wallet's word comes late, and is welcome.
    answer = person.tab.post(f"/errands/{errand.id}/sent", json={"hash": sent})
    assert answer.status_code == 200
    assert person.requests() == 1


def test_a_submission_that_a_wallet_sent_unheard_is_found(person: Person) -> None:
    person.desk.stop()
    person.place.create(person.market)
    person.tab.become(person.account)
    errand = prepared_submission(person, person.account)
    person.send(person.ask(errand))
    person.market.index.sync()
    person.desk._look_for_what_wallets_sent()
    now = person.desk.activity.get(errand.id)
    assert (now.state, now.result) == (State.CONFIRMED, "/requests/1")


def test_another_ones_submission_is_not_taken_for_it(person: Person) -> None:
    """The same predictions and model have the same seal."""
    person.desk.stop()
    person.place.create(person.market)
    first = prepared_submission(person, person.key)
    second = prepared_submission(person, person.key, again=True)
    person.desk.confirm(first)
    person.desk.activity.ask_wallet(second, 0)
    person.desk._look_for_what_wallets_sent()
    assert person.state(second) is State.WALLET


def prepared_submission(person: Person, owner: str, *, again: bool = False) -> Errand:
    request: Request = person.market.request(1)
    right = ["odd" if n % 2 else "even" for n in request.test_data()["n"]]
    model = person.market.home.path / "model.txt"
    model.write_text("n % 2")
    entry = request.prepare_submission(
        right, model, owner=checksummed(owner), again=True
    )
    errand = new_submission(person.desk, owner, entry, 1)
    if again:
        return replace(errand, details={**errand.details, "again": True})
    return errand


def test_two_forms_of_one_submission_stake_once(person: Person) -> None:
    person.place.create(person.market)
    first, second = (prepared_submission(person, person.key) for _ in range(2))
    person.tab.post(f"/errands/{first.id}/confirm")
    answer = person.tab.post(f"/errands/{second.id}/confirm")
    assert "The same submission stands as submission 1 already" in answer.text
    assert person.market.contract.submission_count() == 1
    person.market.submission(1).cancel()
    # What was taken out can be entered again.
    person.tab.post(f"/errands/{second.id}/confirm")
    assert person.market.contract.submission_count() == 2


def test_after_a_reload_the_wallet_is_asked_again_only_knowingly(
    person: Person,
) -> None:
    person.tab.become(person.account)
    errand = new_request(person.place, person.desk, person.account)
    person.ask(errand)
    text = person.tab.get(f"/errands/{errand.id}").text
    assert "Your wallet was asked for this" in text
    assert "I have looked into the wallet" in text
    answer = person.tab.post(f"/errands/{errand.id}/permit", json={})
    assert "has not said what became of it" in answer.json()["message"]
    sent = person.send(person.ask(errand, again=True))
    person.tab.post(f"/errands/{errand.id}/sent", json={"hash": sent})
    assert person.requests() == 1


def test_an_errand_has_one_hash(person: Person) -> None:
    person.tab.become(person.account)
    errand = new_request(person.place, person.desk, person.account)
    person.desk.activity.ask_wallet(errand, 10**9)

    def tell(number: int) -> httpx.Response:
        text = "0x" + number.to_bytes(32).hex()
        return person.tab.post(f"/errands/{errand.id}/sent", json={"hash": text})

    answers = at_once(*(lambda one=one: tell(one) for one in (1, 2, 3)))
    assert statuses(answers) == [200, 400, 400]
    known = person.desk.activity.get(errand.id).hash
    assert known is not None
    assert tell(int.from_bytes(known)).status_code == 200
    assert tell(4).status_code == 400
    assert person.desk.activity.get(errand.id).hash == known


def test_a_refusal_after_the_hash_changes_nothing(person: Person) -> None:
    person.tab.become(person.account)
    errand = new_request(person.place, person.desk, person.account)
    asked = person.desk.activity.ask_wallet(errand, 10**9)
    person.desk.activity.sent(asked, b"\1" * 32)
    for code in (4001, -32603):
        body = {"attempt": str(asked.attempt), "code": code, "reason": "?"}
        answer = person.tab.post(f"/errands/{errand.id}/refused", json=body)
        assert answer.status_code == 400
    assert person.state(errand) is State.PENDING


def test_a_refusal_of_an_earlier_attempt_changes_nothing(person: Person) -> None:
    person.tab.become(person.account)
    errand = new_request(person.place, person.desk, person.account)
    first = person.desk.activity.ask_wallet(errand, 10**9)
    person.desk.activity.ask_wallet(first, 10**9)
    body = {"attempt": str(first.attempt), "code": 4001, "reason": ""}
    answer = person.tab.post(f"/errands/{errand.id}/refused", json=body)
    assert answer.status_code == 400
    assert person.state(errand) is State.WALLET


def test_a_wallets_error_leaves_open_whether_it_has_sent(person: Person) -> None:
    person.tab.become(person.account)
    errand = new_request(person.place, person.desk, person.account)
    asked = person.desk.activity.ask_wallet(errand, 10**9)
    body = {"attempt": str(asked.attempt), "code": -32603, "reason": "time-out"}
    person.tab.post(f"/errands/{errand.id}/refused", json=body)
    assert person.state(errand) is State.WALLET
    assert "time-out" in person.tab.get(f"/errands/{errand.id}").text
    assert person.tab.post(f"/errands/{errand.id}/permit", json={}).status_code == 400


def test_a_node_that_is_away_gives_nothing_up(tmp_path: Path) -> None:
    """What waits for its block could be sent a second time otherwise."""
    with place("embedded", tmp_path / "people") as here:
        market = here.join("somebody")
        desk = Desk(market)
        errand = new_request(here, desk, market.wallet.address)
        signing = desk.activity.begin_signing(errand, 0)
        pending = desk.activity.signed(signing, b"\1" * 32, 7)
    with pytest.raises(ChainError):
        desk.settle()
    assert desk.activity.get(errand.id) == pending


def test_what_was_signed_and_not_heard_of_is_not_signed_again(person: Person) -> None:
    """The line breaks once the transaction has left."""
    errand = new_request(person.place, person.desk, person.key)
    sending = Market.sending

    def cut(
        market: Market, call: Call, *, before: Before | None = None
    ) -> AbstractContextManager[Receipt]:
        def note(signed: Signed) -> None:
            assert before is not None
            before(signed)
            raise ChainError("the line is cut")

        return sending(market, call, before=note)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Market, "sending", cut)
        person.tab.post(f"/errands/{errand.id}/confirm")
    assert person.state(errand) is State.PENDING
    answer = person.tab.post(f"/errands/{errand.id}/confirm")
    assert answer.headers["location"] == f"/errands/{errand.id}"
    assert "on its way" in person.tab.get(f"/errands/{errand.id}").text
    # The journal has never heard of it: after a restart nobody waits for it.
    Desk(person.market).recover()
    assert person.state(errand) is State.FAILED
    person.tab.post(f"/errands/{errand.id}/confirm")
    assert person.requests() == 1


def test_what_was_about_to_be_signed_can_be_confirmed_after_a_restart(
    person: Person,
) -> None:
    errand = new_request(person.place, person.desk, person.key)
    signing = person.desk.activity.begin_signing(errand, 0)
    Desk(person.market).recover()
    now = person.desk.activity.get(errand.id)
    assert now.state is State.FAILED
    assert "Nothing happened" in now.message
    # The program that was thought dead may not go on with it.
    with pytest.raises(StepError):
        person.desk.activity.signed(signing, b"\1" * 32, 0)
    person.tab.post(f"/errands/{errand.id}/confirm")
    assert person.requests() == 1


def test_whoever_looks_late_changes_nothing(tmp_path: Path) -> None:
    """Each step of an errand holds it against what was seen, in one statement."""
    activity = Activity(tmp_path / "activity.sqlite")
    account = checksummed("0x" + "1" * 40)
    seen = activity.begin(account, Kind.FUND, {})
    asked = activity.ask_wallet(seen, 1)
    late_ones: tuple[Callable[[], object], ...] = (
        lambda: activity.ask_wallet(seen, 1),
        lambda: activity.begin_signing(seen, 1),
        lambda: activity.refused(seen),
        lambda: activity.failed(seen, message="x"),
        lambda: activity.sent(seen, b"\1" * 32),
        lambda: activity.confirmed(seen, transaction=b"", block=1, result="/"),
        lambda: activity.signed(asked, b"\1" * 32, 0),
        lambda: activity.failed(asked, message="x"),
    )
    for late in late_ones:
        with pytest.raises(StepError, match="waiting for the wallet already"):
            late()
    assert activity.get(seen.id) == asked


def test_an_activity_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "activity.sqlite"
    with sqlite3.connect(path) as old:
        old.execute(
            "CREATE TABLE errands (id INTEGER PRIMARY KEY, account TEXT NOT NULL,"
            " kind TEXT NOT NULL, details TEXT NOT NULL, state TEXT NOT NULL,"
            " hash BLOB, block INTEGER, message TEXT NOT NULL DEFAULT '',"
            " reason TEXT NOT NULL DEFAULT '', result TEXT NOT NULL DEFAULT '',"
            " began INTEGER NOT NULL, nonce INTEGER)"
        )
        row = ("0x" + "1" * 40, Kind.FUND, "{}", State.DRAFT, os.getpid())
        old.execute(
            "INSERT INTO errands (account, kind, details, state, began)"
            " VALUES (?, ?, ?, ?, ?)",
            row,
        )
    old.close()
    activity = Activity(path)
    assert activity.ask_wallet(activity.get(1), 5).attempt == 1
    assert Activity(path).get(1).asked_at == 5
