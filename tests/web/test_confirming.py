# SPDX-License-Identifier: Apache-2.0
"""One confirmation, one transaction: whoever clicks, how often, and what breaks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from modelmarket.chain import sending
from modelmarket.chain.connection import Connection
from modelmarket.errors import ChainError, StepError
from modelmarket.market import Market
from modelmarket.market.request import Request
from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.types import checksummed
from modelmarket.vault import journal as journal_module
from modelmarket.vault.journal import Entry, Journal, State, Version
from modelmarket.web.views import result_of, short
from modelmarket.web.visits import HERE
from modelmarket.web.workspace import Workspace
from support.browser import BrowserWallet
from support.contests import contest, tree_of
from support.market import Place, place
from support.visits import (
    Tab,
    at_once,
    new_contest,
    new_request,
    new_submission,
    statuses,
    visiting,
    wallet_of,
    words,
)


@dataclass
class Person:
    """Somebody with a page, a key of this computer and a wallet in the browser."""

    place: Place
    market: Market
    workspace: Workspace
    tab: Tab
    wallet: BrowserWallet

    @property
    def key(self) -> str:
        return self.market.wallet.address

    @property
    def journal(self) -> Journal:
        return self.market.vault.journal

    @property
    def account(self) -> str:
        return str(self.wallet.account.address)

    def balance(self, account: str) -> int:
        return self.market.coin.balance(checksummed(account))

    def requests(self) -> int:
        return self.market.contract.request_count()

    def contests(self) -> int:
        return self.market.markets.verified.request_count()

    def state(self, entry: Entry) -> State:
        return self.workspace.actions.get(entry.id).state

    def ask(self, entry: Entry, *, again: bool = False) -> dict[str, str]:
        """What the page does until the wallet is asked to send."""
        asked = self.tab.post(f"/actions/{entry.id}/permit", json={"again": again})
        asked.raise_for_status()
        message = asked.json()["message"]
        permit = {"deadline": "0", "signature": "", "again": again}
        if message:
            permit["signature"] = self.wallet._sign(message)
            permit["deadline"] = message["message"]["deadline"]
        given = self.tab.post(f"/actions/{entry.id}/transaction", json=permit)
        given.raise_for_status()
        return dict(given.json()["transaction"], attempt=given.json()["attempt"])

    def send(self, transaction: dict[str, str]) -> str:
        return self.wallet._send(transaction)


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    with place("embedded", tmp_path / "people") as here:
        market = here.join("somebody")
        wallet = wallet_of(here, market)
        workspace = Workspace(market)
        with visiting(workspace) as tab:
            yield Person(here, market, workspace, tab, wallet)


def test_three_confirmations_at_once_lock_one_reward(person: Person) -> None:
    entry = new_request(person.place, person.workspace, person.key)

    def confirm() -> object:
        return person.tab.post(f"/actions/{entry.id}/confirm")

    answers = at_once(confirm, confirm, confirm)
    assert statuses(answers) == [303, 303, 303]
    where = {one.headers["location"] for one in answers}
    assert "/requests/1" in where
    assert where <= {"/requests/1", f"/actions/{entry.id}"}
    assert person.requests() == 1
    assert person.balance(person.key) == 900 * ONE_MDC
    assert person.state(entry).is_done


def test_three_tabs_at_once_ask_the_wallet_once(person: Person) -> None:
    person.tab.become(person.account)
    entry = new_request(person.place, person.workspace, person.account)
    asked = person.tab.post(f"/actions/{entry.id}/permit", json={}).json()["message"]
    permit = {
        "deadline": asked["message"]["deadline"],
        "signature": person.wallet._sign(asked),
    }

    def ask() -> object:
        return person.tab.post(f"/actions/{entry.id}/transaction", json=permit)

    answers = at_once(ask, ask, ask)
    assert statuses(answers) == [200, 400, 400]
    for one in answers:
        if one.status_code == 200:
            sent = person.send(one.json()["transaction"])
        else:
            assert "waiting for the wallet already" in one.json()["message"]
    answer = person.tab.post(f"/actions/{entry.id}/sent", json={"hash": sent})
    assert answer.status_code == 200
    assert person.requests() == 1
    assert person.balance(person.account) == 900 * ONE_MDC


def test_a_key_and_a_wallet_do_not_both_send(person: Person) -> None:
    """The wallet's account is this computer's too; both are asked at once."""
    entry = new_request(person.place, person.workspace, person.key)
    coin, market = person.market.coin, person.market.network.market
    person.market.send(coin._call("approve", market, 2**100))

    def confirm() -> object:
        return person.tab.post(f"/actions/{entry.id}/confirm")

    def ask() -> object:
        return person.tab.post(f"/actions/{entry.id}/transaction", json={})

    answers = at_once(confirm, ask)
    handed_out = [one for one in answers if one.status_code in (200, 303)]
    assert len(handed_out) == 1
    assert person.requests() == (303 in statuses(answers))


def test_tabs_that_try_once_more_at_once_may_all_ask_their_wallet(
    person: Person,
) -> None:
    """Until one of them has been given what it is to send."""
    person.tab.become(person.account)
    entry = new_request(person.place, person.workspace, person.account)
    person.journal.failed(entry, message="It did not work.")
    failed = person.workspace.actions.get(entry.id)
    assert failed.state is State.FAILED

    def ask() -> object:
        return person.tab.post(f"/actions/{entry.id}/permit", json={})

    assert statuses(at_once(ask, ask, ask)) == [200, 200, 200]
    # Each may have seen it before the others went on.
    assert person.workspace.actions.permit_message(failed)
    sent = person.send(person.ask(entry))
    with pytest.raises(StepError, match="already"):
        person.workspace.actions.permit_message(failed)
    person.tab.post(f"/actions/{entry.id}/sent", json={"hash": sent})
    assert person.requests() == 1


def test_while_a_wallet_is_asked_no_key_signs(person: Person) -> None:
    entry = new_request(person.place, person.workspace, person.key)
    asked = person.journal.ask_wallet(entry, 0)
    answer = person.tab.post(f"/actions/{entry.id}/confirm")
    assert "The wallet was asked for this already" in answer.text
    assert person.requests() == 0
    assert person.workspace.actions.get(entry.id) == asked
    person.tab.post(f"/actions/{entry.id}/confirm", again="yes")
    assert person.requests() == 1


def test_what_a_wallet_sent_unheard_is_found_and_not_sent_again(person: Person) -> None:
    """The page was closed between the wallet's signature and its word."""
    person.workspace.stop()
    person.tab.become(person.account)
    entry = new_request(person.place, person.workspace, person.account)
    sent = person.send(person.ask(entry))
    for again in (False, True):
        answer = person.tab.post(f"/actions/{entry.id}/permit", json={"again": again})
        assert answer.status_code == 400
        assert "already" in answer.json()["message"]
    now = person.workspace.actions.get(entry.id)
    assert now.state is State.BURIED
    assert result_of(now) == "/requests/1"
    assert now.hash is not None
    assert "0x" + now.hash.hex() == sent
    # The wallet's word comes late, and is welcome.
    answer = person.tab.post(f"/actions/{entry.id}/sent", json={"hash": sent})
    assert answer.status_code == 200
    assert person.requests() == 1


def test_a_submission_that_a_wallet_sent_unheard_is_found(person: Person) -> None:
    person.workspace.stop()
    person.place.create(person.market)
    person.tab.become(person.account)
    entry = prepared_submission(person, person.account)
    person.send(person.ask(entry))
    person.market.index.sync()
    person.workspace.actions.look_for_what_wallets_sent()
    now = person.workspace.actions.get(entry.id)
    # With no block to wait for, it is buried as soon as it is found.
    assert (now.state, result_of(now)) == (State.BURIED, "/requests/1")


def test_another_ones_submission_is_not_taken_for_it(person: Person) -> None:
    """The same predictions and model have the same seal."""
    person.workspace.stop()
    person.place.create(person.market)
    first = prepared_submission(person, person.key)
    second = prepared_submission(person, person.key, again=True)
    person.workspace.actions.confirm(first)
    person.journal.ask_wallet(second, 0)
    person.workspace.actions.look_for_what_wallets_sent()
    assert person.workspace.actions.get(second.id).is_asked


def prepared_submission(person: Person, owner: str, *, again: bool = False) -> Entry:
    request: Request = person.market.request(1)
    right = ["odd" if n % 2 else "even" for n in request.test_data()["n"]]
    model = person.market.home.path / "model.txt"
    model.write_text("n % 2")
    action = request.prepare_submission(
        model, right, owner=checksummed(owner), again=True
    )
    return new_submission(person.workspace, owner, replace(action, again=again))


def test_two_forms_of_one_submission_stake_once(person: Person) -> None:
    person.place.create(person.market)
    first, second = (prepared_submission(person, person.key) for _ in range(2))
    person.tab.post(f"/actions/{first.id}/confirm")
    answer = person.tab.post(f"/actions/{second.id}/confirm")
    assert "The same submission stands as submission 1 already" in answer.text
    assert person.market.contract.submission_count() == 1
    person.market.submission(1).cancel()
    # What was taken out can be entered again.
    person.tab.post(f"/actions/{second.id}/confirm")
    assert person.market.contract.submission_count() == 2


def test_a_receipt_of_what_was_overtaken_offers_no_confirmation(
    person: Person,
) -> None:
    """Told before anybody clicks: entered already, or after the deadline."""
    person.place.create(person.market)
    first, second = (prepared_submission(person, person.key) for _ in range(2))
    person.tab.post(f"/actions/{first.id}/confirm")
    page = person.tab.get(f"/actions/{second.id}").text
    assert "The same submission stands as submission 1 already" in words(page)
    assert f"/actions/{second.id}/confirm" not in page
    third = prepared_submission(person, person.key, again=True)
    assert f"/actions/{third.id}/confirm" in person.tab.get(f"/actions/{third.id}").text
    person.place.move_to(person.market.request(1).record.deadline)
    person.market.look()
    page = person.tab.get(f"/actions/{third.id}").text
    assert "Request 1 takes no more submissions." in words(page)
    assert f"/actions/{third.id}/confirm" not in page
    answer = person.tab.post(f"/actions/{third.id}/confirm")
    assert "takes no more submissions" in words(answer.text)
    assert person.market.contract.submission_count() == 1


def test_a_cancellation_that_came_too_late_offers_no_confirmation(
    person: Person,
) -> None:
    """Neither of a submission, whose stake would be lost, nor of the request."""
    tab, request = person.tab, person.place.create(person.market)
    entry = prepared_submission(person, person.key)
    tab.post(f"/actions/{entry.id}/confirm")
    actions = [
        tab.post("/actions", kind=kind, **named).headers["location"]
        for kind, named in (
            ("cancel_submission", {"submission": "1"}),
            ("cancel_request", {"request": "1"}),
        )
    ]
    for one in actions:
        assert f"{one}/confirm" in tab.get(one).text
    person.workspace.stop()
    person.place.move_to(request.record.deadline)
    person.market.request(1).open_truth()
    person.market.look()
    for one, said in zip(
        actions,
        ("The deadline has passed, so cancelling", "cannot be cancelled any more"),
        strict=True,
    ):
        page = tab.get(one).text
        assert said in words(page)
        assert f"{one}/confirm" not in page
        assert said in words(tab.post(f"{one}/confirm").text)


def test_what_is_not_to_be_confirmed_can_be_thrown_away(person: Person) -> None:
    tab, actions = person.tab, person.workspace.actions
    person.place.create(person.market)
    entry = prepared_submission(person, person.key)
    small = tab.post("/actions", kind="claim_airdrop").headers["location"]
    assert tab.post(f"{small}/discard").headers["location"] == "/"
    where = tab.post(f"/actions/{entry.id}/discard").headers["location"]
    assert where == "/requests/1"
    for one in (f"/actions/{entry.id}", small):
        page = tab.get(one).text
        assert "not to be confirmed any more" in words(page)
        assert f"{one}/confirm" not in page
        assert "given up already" in words(tab.post(f"{one}/confirm").text)
        assert one not in tab.get("/activity").text
    # What is in the chain is not thrown away any more, nor is another one's.
    done = prepared_submission(person, person.key)
    tab.post(f"/actions/{done.id}/confirm")
    assert "confirmed already" in words(tab.post(f"/actions/{done.id}/discard").text)
    other = new_request(person.place, person.workspace, person.account)
    assert "to be signed by" in words(tab.post(f"/actions/{other.id}/discard").text)
    assert actions.get(other.id).state is State.PREPARED


def test_the_agent_is_appointed_and_dismissed_on_its_page(person: Person) -> None:
    tab, market = person.tab, person.market
    # The key of this computer needs nobody to claim for it.
    assert "Who claims for your wallet" not in tab.get("/agent").text
    tab.become(person.account)

    def offered() -> list[str]:
        page = tab.get("/agent").text
        return re.findall(
            r"<button>((?:Appoint|Dismiss) the agent[^<]*)</button>", page
        )

    verified, predictions = "for verified contests", "for contests of predictions"
    assert offered() == [f"Appoint the agent {one}" for one in (verified, predictions)]
    # Whoever enters nothing is not alarmed.
    assert "may not claim" not in tab.get("/agent").text
    for approved, said in (("", "Appointed"), ("no", "Dismissed")):
        form = {"kind": "set_operator", "verified": "yes", "approved": approved}
        action = tab.post("/actions", **form).headers["location"]
        entry = person.workspace.actions.get(int(action.rsplit("/", 1)[1]))
        tab.post(f"{action}/sent", json={"hash": person.send(person.ask(entry))})
        person.workspace.actions.settle()
        is_appointed = not approved
        assert f"{said} the agent {verified}" in words(tab.get(action).text)
        owner = checksummed(person.account)
        assert is_appointed is market.is_operator(
            owner, market.wallet.address, verified=True
        )
        other = "Dismiss" if is_appointed else "Appoint"
        assert offered() == [
            f"{other} the agent {verified}",
            f"Appoint the agent {predictions}",
        ]


def test_files_are_gone_once_a_wallet_has_sent_what_was_sealed_of_them(
    person: Person,
) -> None:
    tab, uploads = person.tab, person.workspace.uploads
    tab.become(person.account)
    rows = "".join(f"{n},{'ab'[n % 2]}\n" for n in range(40))
    chosen = {"data": ("n.csv", "n,kind\n" + rows)}
    where = tab.post("/requests/new", files=chosen, data={"kind": "predictions"})
    terms = {"label": "kind", "name": "mine", "reward": "100", "fraction": "20%"}
    terms |= {"minutes": "60", "response": "15"}
    upload = where.headers["location"].rsplit("/", 1)[1]
    action = tab.post(f"/requests/new/{upload}", **terms).headers["location"]
    entry = person.workspace.actions.get(int(action.rsplit("/", 1)[1]))
    made = person.ask(entry)
    # What the wallet was asked is not changed under its eyes.
    assert f"{action}/change" not in tab.get(action).text
    answer = tab.post(f"{action}/change")
    assert "This is waiting for the wallet already" in answer.text
    assert uploads.has(upload)
    tab.post(f"{action}/sent", json={"hash": person.send(made)})
    assert not uploads.has(upload)


def test_after_a_reload_the_wallet_is_asked_again_only_knowingly(
    person: Person,
) -> None:
    person.tab.become(person.account)
    entry = new_request(person.place, person.workspace, person.account)
    person.ask(entry)
    text = person.tab.get(f"/actions/{entry.id}").text
    assert "Your wallet was asked for this" in text
    assert "I have looked into the wallet" in text
    answer = person.tab.post(f"/actions/{entry.id}/permit", json={})
    assert "has not said what became of it" in answer.json()["message"]
    sent = person.send(person.ask(entry, again=True))
    person.tab.post(f"/actions/{entry.id}/sent", json={"hash": sent})
    assert person.requests() == 1


def test_an_entry_has_one_hash(person: Person) -> None:
    person.tab.become(person.account)
    entry = new_request(person.place, person.workspace, person.account)
    person.journal.ask_wallet(entry, 10**9)

    def tell(number: int) -> httpx.Response:
        text = "0x" + number.to_bytes(32).hex()
        return person.tab.post(f"/actions/{entry.id}/sent", json={"hash": text})

    answers = at_once(*(lambda one=one: tell(one) for one in (1, 2, 3)))
    assert statuses(answers) == [200, 400, 400]
    known = person.workspace.actions.get(entry.id).hash
    assert known is not None
    assert tell(int.from_bytes(known)).status_code == 200
    assert tell(4).status_code == 400
    assert person.workspace.actions.get(entry.id).hash == known


def test_a_refusal_after_the_hash_changes_nothing(person: Person) -> None:
    person.tab.become(person.account)
    entry = new_request(person.place, person.workspace, person.account)
    asked = person.journal.ask_wallet(entry, 10**9)
    person.journal.sent(asked, b"\1" * 32)
    for code in (4001, -32603):
        body = {"attempt": str(asked.attempt), "code": code, "reason": "?"}
        answer = person.tab.post(f"/actions/{entry.id}/refused", json=body)
        assert answer.status_code == 400
    assert person.state(entry) is State.SENT


def test_a_refusal_of_an_earlier_attempt_changes_nothing(person: Person) -> None:
    person.tab.become(person.account)
    entry = new_request(person.place, person.workspace, person.account)
    first = person.journal.ask_wallet(entry, 10**9)
    person.journal.ask_wallet(first, 10**9)
    body = {"attempt": str(first.attempt), "code": 4001, "reason": ""}
    answer = person.tab.post(f"/actions/{entry.id}/refused", json=body)
    assert answer.status_code == 400
    assert person.workspace.actions.get(entry.id).is_asked


def test_a_wallets_error_leaves_open_whether_it_has_sent(person: Person) -> None:
    person.tab.become(person.account)
    entry = new_request(person.place, person.workspace, person.account)
    asked = person.journal.ask_wallet(entry, 10**9)
    body = {"attempt": str(asked.attempt), "code": -32603, "reason": "time-out"}
    person.tab.post(f"/actions/{entry.id}/refused", json=body)
    assert person.workspace.actions.get(entry.id).is_asked
    assert "time-out" in person.tab.get(f"/actions/{entry.id}").text
    assert person.tab.post(f"/actions/{entry.id}/permit", json={}).status_code == 400


def test_half_of_a_character_in_what_a_wallet_says_is_told_as_none(
    person: Person,
) -> None:
    """JSON may have it, and neither the journal nor a page."""
    person.tab.become(person.account)
    entry = new_request(person.place, person.workspace, person.account)
    asked = person.journal.ask_wallet(entry, 10**9)
    body = f'{{"attempt": "{asked.attempt}", "code": 1, "reason": "no \\ud83d money"}}'
    answer = person.tab.post(
        f"/actions/{entry.id}/refused",
        content=body.encode(),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 200, answer.text
    page = person.tab.get(f"/actions/{entry.id}").text
    assert "no \N{REPLACEMENT CHARACTER} money" in page
    for path in ("/account", f"/actions/{entry.id}/sent"):
        answer = person.tab.post(
            path,
            content=b'{"account": "\\udc00", "hash": "\\udc00"}',
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 400, answer.text


def test_a_node_that_is_away_gives_nothing_up(tmp_path: Path) -> None:
    """What waits for its block could be sent a second time otherwise."""
    with place("embedded", tmp_path / "people") as here:
        market = here.join("somebody")
        workspace, journal = Workspace(market), market.vault.journal
        entry = new_request(here, workspace, market.wallet.address)
        sent = journal.sent(journal.ask_wallet(entry, 0), b"\1" * 32)
    with pytest.raises(ChainError):
        workspace.actions.settle()
    assert workspace.actions.get(entry.id) == sent


def test_what_was_signed_and_not_heard_of_is_not_signed_again(person: Person) -> None:
    """The line breaks once the transaction has been journalled."""
    entry = new_request(person.place, person.workspace, person.key)

    def cut(*_: object, **_options: object) -> None:
        raise ChainError("the line is cut")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "push", cut)
        patch.setattr(sending, "deliver", cut)
        person.tab.post(f"/actions/{entry.id}/confirm")
    assert person.state(entry) is State.SIGNED
    answer = person.tab.post(f"/actions/{entry.id}/confirm")
    assert answer.headers["location"] == f"/actions/{entry.id}"
    assert "on its way" in person.tab.get(f"/actions/{entry.id}").text
    # It is in the journal with its bytes: whoever comes next sees it through.
    person.market.resume()
    assert person.state(entry).is_done
    assert person.requests() == 1


def test_what_was_about_to_be_signed_can_be_confirmed_after_a_restart(
    person: Person,
) -> None:
    entry = new_request(person.place, person.workspace, person.key)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "getpid", lambda: ended_process())
        signing = person.journal.ask_key(entry, 0)
    person.workspace.actions.settle()
    now = person.workspace.actions.get(entry.id)
    assert now.state is State.FAILED
    assert "Nothing happened" in now.message
    # The program that was thought dead may not go on with it.
    with pytest.raises(StepError):
        person.journal.signed(signing, Version(b"\1" * 32, b"raw"))
    person.tab.post(f"/actions/{entry.id}/confirm")
    assert person.requests() == 1


def ended_process() -> int:
    """The number of a program that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    return ended.pid


def test_what_another_program_is_signing_is_left_to_it(person: Person) -> None:
    entry = new_request(person.place, person.workspace, person.key)
    signing = person.journal.ask_key(entry, 0)
    person.workspace.actions.settle()
    person.market.resume()
    assert person.workspace.actions.get(entry.id) == signing
    answer = person.tab.post(f"/actions/{entry.id}/confirm")
    assert answer.headers["location"] == f"/actions/{entry.id}"
    assert person.requests() == 0


def test_a_number_that_another_program_has_now_keeps_nothing_waiting(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = new_request(person.place, person.workspace, person.key)
    person.journal.ask_key(entry, 0)
    monkeypatch.setattr(journal_module, "LONGEST_SIGNING_S", -1)
    person.workspace.actions.settle()
    assert person.state(entry) is State.FAILED


# --- the same of verified contests ---


def test_three_confirmations_at_once_lock_one_contests_reward(person: Person) -> None:
    entry = new_contest(person.place, person.workspace, person.key)

    def confirm() -> object:
        return person.tab.post(f"/actions/{entry.id}/confirm")

    answers = at_once(confirm, confirm, confirm)
    assert statuses(answers) == [303, 303, 303]
    where = {one.headers["location"] for one in answers}
    assert "/requests/v1" in where
    assert where <= {"/requests/v1", f"/actions/{entry.id}"}
    assert (person.contests(), person.requests()) == (1, 0)
    assert person.balance(person.key) == 900 * ONE_MDC


def test_a_contest_that_a_wallet_sent_unheard_is_found_and_not_sent_again(
    person: Person,
) -> None:
    person.workspace.stop()
    person.tab.become(person.account)
    entry = new_contest(person.place, person.workspace, person.account)
    sent = person.send(person.ask(entry))
    for again in (False, True):
        answer = person.tab.post(f"/actions/{entry.id}/permit", json={"again": again})
        assert answer.status_code == 400
        assert "already" in answer.json()["message"]
    now = person.workspace.actions.get(entry.id)
    assert (now.state, result_of(now)) == (State.BURIED, "/requests/v1")
    assert now.hash is not None
    assert "0x" + now.hash.hex() == sent
    assert person.contests() == 1
    assert person.balance(person.account) == 900 * ONE_MDC


def prepared_model(person: Person, owner: str, *, again: bool = False) -> Entry:
    request = person.market.request("v1")
    action = request.prepare_submission(
        tree_of(request, 3), owner=checksummed(owner), again=True
    )
    return new_submission(person.workspace, owner, replace(action, again=again))


def test_a_model_that_a_wallet_sent_unheard_is_found(person: Person) -> None:
    person.workspace.stop()
    contest(person.place, person.market)
    person.tab.become(person.account)
    entry = prepared_model(person, person.account)
    person.send(person.ask(entry))
    person.market.index.sync()
    person.workspace.actions.look_for_what_wallets_sent()
    now = person.workspace.actions.get(entry.id)
    assert (now.state, result_of(now)) == (State.BURIED, "/requests/v1")


def test_two_forms_of_one_model_stake_once(person: Person) -> None:
    contest(person.place, person.market)
    first, second = (prepared_model(person, person.key) for _ in range(2))
    person.tab.post(f"/actions/{first.id}/confirm")
    answer = person.tab.post(f"/actions/{second.id}/confirm")
    assert "The same submission stands as submission v1 already" in answer.text
    assert len(person.market.request("v1").submissions()) == 1
    person.market.submission("v1").cancel()
    # What was taken out can be entered again.
    person.tab.post(f"/actions/{second.id}/confirm")
    assert len(person.market.request("v1").submissions()) == 2


def test_a_contest_that_was_signed_is_seen_through_after_a_restart(
    person: Person,
) -> None:
    """The computer is switched off between the confirmation and the sending."""
    entry = new_contest(person.place, person.workspace, person.key)

    def cut(*_: object, **_options: object) -> None:
        raise ChainError("the line is cut")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "push", cut)
        patch.setattr(sending, "deliver", cut)
        person.tab.post(f"/actions/{entry.id}/confirm")
    assert person.state(entry) is State.SIGNED
    assert person.contests() == 0
    market = person.place.again("somebody")
    with visiting(Workspace(market)) as tab:
        market.resume()
        answer = tab.post(f"/actions/{entry.id}/confirm")
        assert answer.headers["location"] == "/requests/v1"
        assert "points" in tab.get("/requests/v1").text
    assert person.contests() == 1
    assert market.vault.key(market.request("v1").record.secret) is not None


def test_what_a_wallet_offers_for_gas_is_bounded_by_nothing_here(
    person: Person,
) -> None:
    """Wallets choose their own tip; a key of this computer pays what was shown."""
    tab = person.tab
    for by_browser, chosen in ((True, person.account), (False, HERE + person.key)):
        account = chosen.removeprefix(HERE)
        entry = new_request(person.place, person.workspace, account)
        tab.become(chosen)
        told = words(tab.get(f"/actions/{entry.id}").text)
        assert ("as fees are now; your wallet may offer more" in told) is by_browser
        assert bool(re.search(r"coin, at most [\d.]+, as fees", told)) is not by_browser
        assert ("of the chain's coin at most" in told) is not by_browser


def test_another_account_of_the_wallet_is_told_which_one_to_choose(
    person: Person,
) -> None:
    entry, tab = new_request(person.place, person.workspace, person.account), person.tab
    for chosen, what in (
        (person.place.join("bob").wallet.address, "Choose that account in your"),
        ("", "Connect the wallet that has it"),
    ):
        tab.become(chosen)
        told = words(tab.get(f"/actions/{entry.id}").text)
        assert f"{short(person.account)}. {what}" in told


def test_an_action_is_confirmed_on_no_page_but_its_accounts(person: Person) -> None:
    entry, tab = new_request(person.place, person.workspace, person.key), person.tab
    tab.become(HERE + person.key)
    own = tab.get(f"/actions/{entry.id}").text
    assert 'id="confirm"' in own
    assert "Leaves your wallet now" in words(own)
    assert f"Signed by You {person.key}" in words(re.sub("</?d[dt]>", " ", own))
    for somebody in ("", person.account):
        tab.become(somebody)
        shown = tab.get(f"/actions/{entry.id}").text
        assert 'id="confirm"' not in shown
        assert 'class="asks"' not in shown
        said = words(shown.partition("<main")[2].partition("</main>")[0])
        assert (
            "Only the account that began this can confirm it: "
            f"{short(person.key)}. It is a key of this computer: choose it in the "
            "wallet menu at the top." in said
        )
        assert "your wallet" not in said.lower()
        assert f"You {person.key}" not in said
        assert tab.post(f"/actions/{entry.id}/confirm").status_code == 400
    assert person.requests() == 0
