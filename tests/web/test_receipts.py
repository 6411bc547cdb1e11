# SPDX-License-Identifier: Apache-2.0
"""What an action is, moves, gives back and can cost: said before, and for good."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from modelmarket import agent
from modelmarket.market import Market, Request, Submission
from modelmarket.market.confirming import PERMITS_EVERY_S, SHORTEST_PERMIT_S
from modelmarket.market.fees import GAS, gas_limit
from modelmarket.protocol.actions import (
    Action,
    CancelRequest,
    CancelSubmission,
    ClaimAirdrop,
    CreateRequest,
    EnforceTimeout,
    Fund,
    SetOperator,
    Settle,
    Submit,
    Transfer,
    Withdraw,
    WithdrawBond,
)
from modelmarket.protocol.phases import Status
from modelmarket.protocol.records import BaseRecord, DemandRecord
from modelmarket.protocol.terms import MOST_CONTEXT_BYTES, MOST_NAME_BYTES
from modelmarket.protocol.types import NOBODY, RequestId, Wei, checksummed
from modelmarket.vault.journal import Entry, State, Version
from modelmarket.web.choices import choices
from modelmarket.web.deeds import gain
from modelmarket.web.visits import HERE
from modelmarket.web.workspace import Workspace
from support.contests import (
    contest,
    enter,
    seen_request,
    table,
    to_claims,
    to_validation,
    tree_of,
)
from support.market import REWARD, Place, place
from support.visits import Tab, new_contest, new_request, visiting, wallet_of, words


@dataclass(frozen=True)
class Scene:
    """Somebody's page.

    Attributes:
        here: The market.
        tab: Of the page.
    """

    here: Place
    tab: Tab

    @property
    def me(self) -> str:
        return self.tab.workspace.market.wallet.address

    def begun(self, action: Action) -> Entry:
        actions = self.tab.workspace.actions
        account = self.tab.workspace.market.wallet.address
        return actions.prepare(account, action, "/requests/1")

    def shown(self, action: Action) -> str:
        return self.page(self.begun(action))

    def page(self, entry: Entry) -> str:
        answer = self.tab.get(f"/actions/{entry.id}")
        assert answer.status_code == 200, answer.text
        return told(answer.text)


@dataclass(frozen=True)
class Entered(Scene):
    """The page of whoever made a request, and entered it.

    Attributes:
        request: Open.
        mine: The submission.
    """

    request: Request
    mine: Submission


def told(page: str) -> str:
    """What a page says, in one line, with a space between one thing and the next."""
    return re.sub(r" ([,.:;])", r"\1", words(page.replace("<", " <")))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entered]:
    with place("embedded", tmp_path_factory.mktemp("people")) as here:
        market = here.join("somebody")
        request = here.create(market)
        mine = here.submit(market, request.id, mistakes=3)
        with visiting(Workspace(market)) as tab:
            yield Entered(here, tab, request.refresh(), mine)


def test_a_request_to_be_created_is_named_and_says_what_leaves_and_comes_back(
    scene: Entered,
) -> None:
    context = "Which **<n>** is odd " * 20
    description = "## Where from\n\nOut of a [hat](https://hats.example)."
    entry = new_request(
        scene.here,
        scene.tab.workspace,
        scene.me,
        context=context,
        description=description,
    )
    shown = scene.page(entry)
    # All of it, as the request's page will show it.
    assert " ".join(["Which <n> is odd"] * 20) in shown
    read = "Beside the data they read Where from Out of a hat (https://hats.example)."
    assert read in shown
    for said in (
        "Leaves your wallet now 100 MDC the reward, which the market holds",
        "Request odd or even To be predicted 'kind', one of 2 classes",
        "CID bafy",
        "To be beaten Always saying the commonest class is right for",
        "The reward comes back if nobody enters",
        "You lose it without a model if the truth is not opened within 15 min",
        "Confirm and lock 100 MDC",
    ):
        assert said in shown, said
    assert re.search(
        r"Becomes public the \d+ training rows with labels, and \d+ ", shown
    )
    assert "for nothing" not in shown
    assert shown.index("Leaves your wallet now") < shown.index("What it is")


def test_a_submission_is_known_by_its_models_file_and_what_it_hashes_to(
    scene: Entered,
) -> None:
    market = scene.tab.workspace.market
    model = market.home.path / "forest.txt"
    model.write_text("n % 2, said by a forest")
    right = ["odd" if n % 2 else "even" for n in scene.request.test_data()["n"]]
    action = scene.request.prepare_submission(
        model, right, name="the forest", owner=market.wallet.address, again=True
    )
    assert isinstance(action, Submit)
    secret = market.vault.predictions(action.seal)
    assert secret is not None
    shown = scene.shown(action)
    for said in (
        "odd or even, request 1",
        "Entry “the forest”",
        f"Model forest.txt, {model.stat().st_size} bytes",
        f"SHA-256 {hashlib.sha256(model.read_bytes()).hexdigest()}",
        f"CID {secret.model}",
        "If you win 100 MDC, the reward, and your stake of 1 MDC, as soon as it is certain",
        "1 MDC, the stake, when the winner is confirmed",
        "You lose the stake if your claim is wrong or missed",
        "Leaves your wallet now 1 MDC",
    ):
        assert said in shown, said


def test_licences_are_told_where_they_are_agreed_to(scene: Entered) -> None:
    """To whoever publishes, and to whoever hands a model over."""
    here, market = scene.here, scene.tab.workspace.market

    def newest() -> str:
        return scene.page(scene.tab.workspace.actions.newest(1)[0])

    stated = "Licence of the data CC-BY-4.0 Licence of the model that wins Apache-2.0"
    agreed = "You agree If it wins, you hand the model over under Apache-2.0."
    licences: Any = {"licence": "CC-BY-4.0", "model_licence": "Apache-2.0"}
    request = here.create(market, **licences)
    assert stated in newest()
    assert "To be predicted 'kind', one of 2 classes" in newest()
    assert "Beside the data they read" not in newest()
    here.submit(market, request.id)
    assert agreed in newest()
    found = contest(here, market, source=table(here, seed=4), **licences)
    assert stated in newest()
    found.submit(tree_of(found, 3), again=True)
    assert agreed in newest()
    # Nothing is made up where nothing was stated.
    request = here.create(market)
    assert "Licence of the data none stated" in newest()
    here.submit(market, request.id)
    assert "You agree" not in newest()


def test_of_a_cancelled_request_is_said_who_gets_what(scene: Entered) -> None:
    record = scene.request.record
    shown = scene.shown(CancelRequest(record.id, record.terms_hash, record.live))
    for said in (
        "You lose 100 MDC the reward, which goes to the one live submission",
        "You get back 0 MDC of 100",
        "odd or even, request 1",
        "If one more enters first this is refused",
    ):
        assert said in shown, said


def test_a_cancellation_that_somebody_has_overtaken_says_so_and_is_begun_anew(
    tmp_path: Path,
) -> None:
    with place("embedded", tmp_path) as here:
        rita, ann, ben = map(here.join, ("rita", "ann", "ben"))
        request = here.create(rita)
        with visiting(Workspace(rita)) as tab:
            tab.workspace.stop()
            cancel = {"kind": "cancel_request", "request": str(request.id)}
            alone = tab.post("/actions", **cancel).headers["location"]
            assert "Comes to your wallet now 100 MDC" in told(tab.get(alone).text)
            assert "If somebody enters first this is refused" in told(
                tab.get(alone).text
            )
            here.submit(ann, request.id)
            rita.look()
            overtaken = tab.get(alone).text
            refused = tab.post(f"{alone}/confirm")
            asked = tab.post(f"{alone}/permit", json={})
            number = int(alone.rpartition("/")[2])
            untouched = tab.workspace.actions.get(number).message
            anew = tab.post("/actions", **cancel).headers["location"]
            shared = told(tab.get(anew).text)
            here.submit(ben, request.id, mistakes=1)
            rita.look()
            twice = told(tab.get(anew).text)
            last = tab.post("/actions", **cancel).headers["location"]
            assert "If one more enters first this is refused" in told(
                tab.get(last).text
            )
            tab.post(f"{last}/confirm")
            done = told(tab.get(last).text)
    said = told(overtaken)
    why = "1 more submission has entered meanwhile, and would share the reward."
    assert f"This cannot be done now. {why} Begin anew:" in said
    assert "Would come to your wallet 100 MDC the reward, whole" in said
    assert "You lose 100 MDC" not in said
    assert "You would lose" not in said
    assert 'id="confirm"' not in overtaken
    assert f'href="/requests/{request.id}">To the request' in overtaken
    assert refused.status_code == 400
    assert why in told(refused.text)
    assert why in asked.json()["message"]
    assert untouched == ""
    assert "You lose 100 MDC the reward, which goes to the one live" in shared
    assert "Cancel the request Signed with" in shared
    assert "You would lose 100 MDC the reward, which goes to the one live" in twice
    # Of what is done nobody asks any more what could come before it.
    assert "first" not in done
    assert why in twice


def test_what_the_contract_refuses_is_told_in_the_words_of_the_page(
    tmp_path: Path,
) -> None:
    with place("embedded", tmp_path) as here:
        market = here.join("somebody")
        request = here.create(market)
        with visiting(Workspace(market)) as tab:
            tab.workspace.stop()
            scene = Scene(here, tab)
            record = request.record
            entry = scene.begun(CancelRequest(record.id, record.terms_hash, 0))
            here.move_to(record.deadline + request.terms.opening_window_s)
            tab.post(f"/actions/{entry.id}/confirm")
            shown = scene.page(entry)
    assert "A step of this request was missed. The request's page takes" in shown
    assert "market.request" not in shown


def test_whoever_cancels_after_others_have_left_is_told_who_shares_the_reward(
    scene: Entered,
) -> None:
    """Two were in when it was begun, and one of them has left since."""
    record = scene.request.record
    shown = scene.shown(CancelRequest(record.id, record.terms_hash, record.live + 1))
    assert "You lose 100 MDC the reward, which goes to the one live" in shown
    assert (
        "If one more enters first it shares the reward; 2 more, and this is refused"
        in shown
    )
    assert "Cancel the request Signed with" in shown


@pytest.mark.parametrize(
    ("is_late", "said"),
    [
        (False, "Comes to your wallet now 1 MDC the stake, whole"),
        (True, "You lose 1 MDC the stake, of which nothing comes back"),
    ],
)
def test_of_a_cancelled_submission_is_said_which_stake_comes_back_or_is_lost(
    scene: Entered, is_late: bool, said: str
) -> None:
    mine = scene.mine
    action = CancelSubmission(
        scene.request.id, mine.id, mine.record.seal, accept_slash=is_late
    )
    shown = scene.shown(action)
    assert said in shown
    assert f"submission {mine.id} “3 mistakes”" in shown
    if is_late:
        assert "You lose the stake 1 MDC of submission" in shown


@pytest.mark.parametrize(
    ("action", "said"),
    [
        # It had its airdrop.
        (ClaimAirdrop(), "Would come to your wallet 1,000 MDC the airdrop"),
        (
            Fund(NOBODY, Wei(5 * 10**16)),
            "Leaves your wallet now 0.05 of the chain's coin",
        ),
        (
            Transfer(NOBODY, Wei(15 * 10**17)),
            "Leaves your wallet now 1.5 MDC sent to another account",
        ),
        (SetOperator(NOBODY, approved=True), "It can never submit, cancel, or receive"),
        (EnforceTimeout, "You lose nothing but the network fee; anyone may do this"),
    ],
    ids=["airdrop", "fund", "transfer", "operator", "time-out"],
)
def test_the_small_actions_say_what_they_move_too(
    scene: Entered, action: Action | type[EnforceTimeout], said: str
) -> None:
    key = scene.tab.workspace.market.wallet.address
    match action:
        case Fund():
            done: Action = Fund(key, action.amount)
        case SetOperator():
            done = SetOperator(key, approved=True)
        case Transfer():
            to = scene.here.join("receiver").wallet.address
            done = Transfer(to, action.amount)
        case ClaimAirdrop():
            done = action
        case _:
            done = EnforceTimeout(scene.request.id)
    shown = scene.shown(done)
    assert said in shown
    assert "Network fee" in shown
    assert re.search(r"about 0\.0000\d+", shown)


def test_a_contest_and_its_model_are_told_in_their_own_words(scene: Entered) -> None:
    workspace = scene.tab.workspace
    shown = scene.page(new_contest(scene.here, workspace, scene.me))
    assert "Contest points To be predicted 'kind', one of " in shown
    assert "You get the model itself" in shown
    assert "the key is not opened within" in shown
    found = contest(scene.here, workspace.market, source=table(scene.here, seed=3))
    entered = found.submit(tree_of(found, 3), name="a tree")
    entry = workspace.actions.newest(1)[0]
    shown = scene.page(entry)
    assert f"Entry submission {entered.id} “a tree”" in shown
    assert "Left your wallet 5 MDC" in shown
    assert re.search(r"Model \S+\.exact, ", shown)
    assert re.search(r"SHA-256 [0-9a-f]{64}", shown)


def test_what_was_done_stays_a_receipt(scene: Entered) -> None:
    """What it moved, the block, and the fee that was really paid."""
    entry = scene.begun(Fund(scene.here.join("other").wallet.address, Wei(7 * 10**16)))
    scene.tab.post(f"/actions/{entry.id}/confirm")
    done = scene.tab.workspace.actions.get(entry.id)
    assert done.state.is_done
    assert done.hash is not None
    outcome = scene.tab.workspace.market.transaction(done.hash)
    assert outcome is not None
    assert outcome.fee == outcome.gas * (outcome.fee // outcome.gas) > 0
    text = scene.tab.get(f"/actions/{entry.id}").text
    shown = told(text)
    assert "Funded the agent" in shown
    assert "Left your wallet 0.07 of the chain's coin" in shown
    assert "Network fee paid 0.0000" in shown
    assert f"in block {done.block:,}" in shown
    assert f'href="/transactions/0x{done.hash.hex()}"' in text
    assert 'id="confirm"' not in text
    assert "What your wallet will show" not in shown


def test_what_cannot_be_done_says_why_before_anybody_signs(scene: Entered) -> None:
    """Somebody without MDC, whose request was sealed all the same."""
    poor = Account.create().address
    entry = new_request(scene.here, scene.tab.workspace, poor)
    scene.tab.become(poor)
    shown = scene.page(entry)
    scene.tab.become(HERE + scene.me)
    assert "This cannot be done now." in shown
    assert f"{poor} has 0 MDC and needs 100." in shown


# --- the numbers of the wallet ---


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tab, Entry]]:
    """Somebody with a wallet in the browser, and a request to be confirmed."""
    with place("embedded", tmp_path_factory.mktemp("people")) as here:
        market = here.join("somebody")
        wallet = wallet_of(here, market)
        with visiting(Workspace(market)) as tab:
            tab.become(wallet.account.address)
            yield tab, new_request(here, tab.workspace, wallet.account.address)


def number(page: str, name: str) -> int:
    """A number that a page says the wallet will show."""
    found = re.search(rf'data-asked="{name}">(\d+)<', page)
    assert found is not None, name
    return int(found[1])


def test_the_deadline_that_is_signed_is_the_one_that_was_shown(
    asked: tuple[Tab, Entry],
) -> None:
    tab, entry = asked
    page = tab.get(f"/actions/{entry.id}").text
    shown = number(page, "deadline")
    assert shown % PERMITS_EVERY_S == 0
    body = {"deadline": str(shown)}
    answer = tab.post(f"/actions/{entry.id}/permit", json=body).json()["message"]
    assert answer["message"]["deadline"] == str(shown)
    assert answer["message"]["value"] == str(number(page, "value"))
    assert answer["message"]["nonce"] == str(number(page, "nonce"))
    assert number(page, "gas") == gas_limit(entry.action)


@pytest.mark.parametrize("left_s", [-1, SHORTEST_PERMIT_S - 60, 3_600 + 600])
def test_a_deadline_that_no_page_would_show_is_not_signed(
    asked: tuple[Tab, Entry], left_s: int
) -> None:
    """What is too old is shown anew; and no permit lasts longer than an hour."""
    tab, entry = asked
    now = tab.workspace.market.moment().now
    body = {"deadline": str(now + left_s)}
    answer = tab.post(f"/actions/{entry.id}/permit", json=body)
    assert answer.status_code == 400
    assert "out of date" in answer.json()["message"]


def test_more_gas_than_was_foreseen_is_shown_as_the_wallet_is_asked(
    asked: tuple[Tab, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    tab, entry = asked
    account = entry.account
    gift = tab.workspace.actions.prepare(account, Fund(NOBODY, Wei(1)), "/agent")
    monkeypatch.setitem(GAS, "fund", 1_000)
    assert number(tab.get(f"/actions/{gift.id}").text, "gas") == 1_500
    given = tab.post(f"/actions/{gift.id}/transaction", json={}).json()["transaction"]
    assert int(given["gas"], 16) > 21_000
    assert number(tab.get(f"/actions/{gift.id}").text, "gas") == int(given["gas"], 16)


def test_the_longest_texts_take_no_more_gas_than_was_shown(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        market = here.join("somebody")
        wallet = wallet_of(here, market)
        account = checksummed(wallet.account.address)
        terms = market.prepare_request(
            here.data(),
            owner=account,
            reward=REWARD,
            name="n" * MOST_NAME_BYTES,
            context="c" * MOST_CONTEXT_BYTES,
            again=True,
        )
        with visiting(Workspace(market)) as tab:
            tab.become(account)
            action = CreateRequest(terms)
            entry = tab.workspace.actions.prepare(account, action, "/")
            shown = number(tab.get(f"/actions/{entry.id}").text, "gas")
            asked = tab.post(f"/actions/{entry.id}/permit", json={}).json()["message"]
            body = {
                "deadline": asked["message"]["deadline"],
                "signature": wallet._sign(asked),
            }
            given = tab.post(f"/actions/{entry.id}/transaction", json=body).json()
    assert int(given["transaction"]["gas"], 16) == shown == gas_limit(action)


def test_what_is_owed_is_named_and_comes_to_the_wallet(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        requester, ann, ben = map(here.join, ("requester", "ann", "ben"))
        request = here.create(requester)
        here.submit(ann, request.id)
        mine = here.submit(ben, request.id, mistakes=2)
        with visiting(Workspace(ben)) as tab:
            # Before anything is due: what is owed is left to the page.
            tab.workspace.stop()
            here.move_to(request.record.deadline)
            for one in (requester, ann, ben):
                agent.run_once(one)
            here.move_to(requester.request(request.id).position().step_ends)
            agent.run_once(ann)
            ben.look()
            scene = Scene(here, tab)
            entry = scene.begun(Withdraw(request.id, mine.id))
            before = scene.page(entry)
            tab.post(f"/actions/{entry.id}/confirm")
            after = scene.page(entry)
            activity = told(tab.get("/activity").text)
    for said in (
        "Comes to your wallet now 1 MDC the stake",
        "“2 mistakes”",
        "Why your claim stood, and another one won",
        "You lose nothing but the network fee",
    ):
        assert said in before, said
    assert "Came to your wallet 1 MDC" in after
    assert (
        "Withdrew odd or even #1, submission 2 “2 mistakes” +1 MDC received" in activity
    )


def test_of_a_missed_step_is_said_what_was_missed_and_what_follows(
    tmp_path: Path,
) -> None:
    """The requester's agent has gone, and somebody else ends the wait."""
    with place("embedded", tmp_path) as here:
        requester, ann, eve = map(here.join, ("requester", "ann", "eve"))
        request = here.create(requester)
        here.submit(ann, request.id)
        with visiting(Workspace(eve)) as tab:
            tab.workspace.stop()
            window = request.terms.opening_window_s
            here.move_to(request.record.deadline + window)
            eve.look()
            scene = Scene(here, tab)
            entry = scene.begun(EnforceTimeout(request.id))
            before = scene.page(entry)
            tab.post(f"/actions/{entry.id}/confirm")
            after = scene.page(entry)
    for said in (
        "Move #1 on, as its time is over",
        "Leaves your wallet now 0 MDC nothing but the network fee",
        "What was missed The truth was not opened in time",
        "What follows its requester loses the reward of 100 MDC, and the stakes go "
        "back to their trainers",
    ):
        assert said in before, said
    assert "Moved #1 on, as its time was over" in after
    assert "Left your wallet 0 MDC" in after


@dataclass(frozen=True)
class Settling:
    """What the pages say of a contest that ann won, to whoever settles it.

    Attributes:
        trainer: Her address.
        before: The receipt, before it is confirmed.
        after: And afterwards.
        transaction: Its page.
        activity: Of whoever settled it.
    """

    trainer: str
    before: str
    after: str
    transaction: str
    activity: str


def settled_by(here: Place, name: str) -> Settling:
    rita, ann, eve = map(here.join, ("rita", "ann", "eve"))
    market = {"ann": ann, "eve": eve}[name]
    request = contest(here, rita)
    enter(ann)
    with visiting(Workspace(market)) as tab:
        tab.workspace.stop()
        to_claims(here, request)
        agent.run_once(ann)
        to_validation(here)
        agent.run_once(ann)
        here.move_to(seen_request(here, "rita").position().step_ends)
        market.look()
        scene = Scene(here, tab)
        entry = scene.begun(Settle(request.id))
        before = scene.page(entry)
        tab.post(f"/actions/{entry.id}/confirm")
        after = scene.page(entry)
        transaction = tab.workspace.actions.get(entry.id).hash
        assert transaction is not None
        return Settling(
            ann.wallet.address,
            before,
            after,
            told(tab.get(f"/transactions/0x{transaction.hex()}").text),
            told(tab.get("/activity").text),
        )


def test_of_a_contest_to_be_settled_is_said_who_is_paid(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        found = settled_by(here, "eve")
    before, after, meant = found.before, found.after, found.transaction
    trainer = found.trainer
    paid = f"105 MDC to {trainer[:8]}…{trainer[-4:]}: the stake and the reward"
    assert f"The winner is paid {paid}" in before
    assert "Leaves your wallet now 0 MDC nothing but the network fee" in before
    assert "Had the winner of #v1 paid" in after
    assert f"The winner is paid {paid}" in after
    assert "“ depth 4 ”, submission v1, won, and its trainer was paid" in meant


@pytest.mark.parametrize("claims", [0, 1], ids=["nobody in", "the only claim missed"])
def test_whoever_ends_a_wait_to_get_the_reward_back_is_told_the_amount(
    tmp_path: Path, claims: int
) -> None:
    with place("embedded", tmp_path) as here:
        rita, ann = here.join("rita"), here.join("ann")
        request = here.create(rita)
        if claims:
            here.submit(ann, request.id)
        with visiting(Workspace(rita)) as tab:
            tab.workspace.stop()
            second = request.record.deadline
            if claims:
                here.move_to(second)
                agent.run_once(rita)
                agent.run_once(ann)
                second = rita.request(request.id).position().step_ends
            here.move_to(second + request.terms.opening_window_s)
            rita.look()
            scene = Scene(here, tab)
            entry = scene.begun(EnforceTimeout(request.id))
            before = scene.page(entry)
            tab.post(f"/actions/{entry.id}/confirm")
            after = scene.page(entry)
            activity = told(tab.get("/activity").text)
            index_alone = gain(rita, tab.workspace.actions.get(entry.id), seen(rita, 1))
    whole = "100 MDC the reward, whole: nobody won it"
    assert f"Comes to your wallet now {whole}" in before
    assert f"Came to your wallet {whole}" in after
    assert (
        "Moved #1 on, as its time was over odd or even #1 +100 MDC "
        "paid back" in activity
    )
    assert index_alone == REWARD


def test_whoever_ends_a_wait_for_the_next_best_claim_is_promised_nothing(
    tmp_path: Path,
) -> None:
    """Neither before, nor once the request ends at last with a refund."""
    with place("embedded", tmp_path) as here:
        rita, ann, ben = map(here.join, ("rita", "ann", "ben"))
        request = here.create(rita)
        here.submit(ann, request.id)
        here.submit(ben, request.id, mistakes=1)
        with visiting(Workspace(rita)) as tab:
            tab.workspace.stop()
            scene, pages, entries = Scene(here, tab), list[str](), list[Entry]()
            here.move_to(request.record.deadline)
            for one in (rita, ann, ben):
                agent.run_once(one)
            here.move_to(rita.request(request.id).position().step_ends)
            for _ in range(2):
                here.move_to(rita.request(request.id).position().step_ends)
                rita.look()
                entry = scene.begun(EnforceTimeout(request.id))
                pages.append(scene.page(entry))
                tab.post(f"/actions/{entry.id}/confirm")
                entries.append(tab.workspace.actions.get(entry.id))
            record = seen(rita, request.id)
            gains = [gain(rita, one, record) for one in entries]
    assert "Leaves your wallet now 0 MDC nothing but the network fee" in pages[0]
    assert "Comes to your wallet now 100 MDC the reward" in pages[1]
    assert gains == [0, REWARD]


def test_a_winner_who_has_himself_paid_is_told_the_amount(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        found = settled_by(here, "ann")
    before, after, activity = found.before, found.after, found.activity
    paid = "105 MDC the stake and the reward: your model won"
    assert f"Comes to your wallet now {paid}" in before
    assert f"Came to your wallet {paid}" in after
    assert "Had the winner of #v1 paid points #v1 +105 MDC received" in activity


def test_a_bond_that_is_taken_back_is_its_demanders(scene: Entered) -> None:
    market = scene.tab.workspace.market
    found = contest(scene.here, market, source=table(scene.here, seed=6))
    mine = found.submit(tree_of(found, 2), name="small")
    record = seen_by(scene, found.id)
    me, bond = market.wallet.address, Wei(5 * 10**17)
    demand = DemandRecord(me, bond, 9, frozenset({0}), frozenset())
    record.with_submission(mine.id, status=Status.FAILED, demand=demand)
    entry = scene.begun(WithdrawBond(found.id, mine.id))
    assert gain(market, entry, record) == bond
    record.with_submission(mine.id, demand=replace(demand, returned=bond))
    assert gain(market, entry, record) == bond
    record.with_submission(mine.id, demand=replace(demand, demander=NOBODY))
    assert gain(market, entry, record) == 0


def seen_by(scene: Entered, request_id: RequestId) -> BaseRecord:
    """A request as it is, in a copy that a test may change."""
    record = seen(scene.tab.workspace.market, request_id)
    return replace(record, submissions=dict(record.submissions))


def seen(market: Market, request_id: int) -> BaseRecord:
    """A request as it is."""
    market.look()
    return market.record(RequestId(request_id))


HASH = b"\7" * 32
STANDS = {
    "to be confirmed": ("Fund the agent", "Leaves"),
    "waiting for the wallet": ("Waiting for the wallet: fund the agent", "Leaves"),
    "being signed": ("Being signed: fund the agent", "Leaves"),
    "declined": ("Declined: fund the agent", "Would leave"),
    "failed": ("Failed: fund the agent", "Would leave"),
    "on its way": ("On its way: fund the agent", "On its way out of"),
    "confirmed": ("Funded the agent", "Left"),
    "replaced": ("Replaced: fund the agent", "Would have left"),
    "given up": ("Given up: fund the agent", "Would have left"),
}
"""What heads a receipt, and where it says that the amount goes, by how far it is."""


def through_all_states(market: Market) -> Iterator[Entry]:
    """An action in every state that the journal has, by whichever way."""
    journal, me, name = (
        market.vault.journal,
        market.wallet.address,
        market.network.market,
    )
    version = Version(HASH, b"raw")

    def begun() -> Entry:
        return journal.prepare(name, me, Fund(me, Wei(1)), "/agent")

    yield begun()
    yield journal.ask_wallet(begun(), 1)
    yield journal.ask_key(begun(), 0)
    yield journal.declined(journal.ask_wallet(begun(), 1))
    yield journal.failed(begun(), message="It was refused.")
    yield journal.failed(
        journal.signed(journal.ask_key(begun(), 0), version), message="It did nothing."
    )
    signed = journal.signed(journal.ask_key(begun(), 0), version)
    yield signed
    yield journal.handed_over(signed)
    yield journal.sent(journal.ask_wallet(begun(), 1), HASH)
    mined = journal.mined(begun(), transaction=HASH, block=1)
    yield mined
    yield journal.buried(mined)
    yield journal.replaced(
        journal.sent(journal.ask_wallet(begun(), 1), HASH), message="Another one."
    )
    yield journal.given_up(begun())


def test_badge_heading_and_amount_tell_each_state_of_the_journal(
    tmp_path: Path,
) -> None:
    with place("embedded", tmp_path) as here:
        market = here.join("somebody")
        with visiting(Workspace(market)) as tab:
            tab.workspace.stop()
            entries = []
            for entry in through_all_states(market):
                page = tab.get(f"/actions/{entry.id}").text
                title, goes = STANDS[entry.told]
                assert f"<h1>{title}</h1>" in page, entry.state
                assert f"<title>{title} · ModelMarket</title>" in page
                badge = page.partition('class="stands"')[2].partition("</p>")[0]
                assert words(f"<p{badge}").startswith(entry.told)
                sums = told(page.partition('class="sums"')[2])
                assert sums.partition(">")[2].strip().startswith(f"{goes} your wallet")
                entries.append(entry)
    assert {one.state for one in entries} == set(State)
    assert {one.told for one in entries} == set(STANDS)


def test_what_cannot_be_done_now_says_so_in_badge_and_heading(scene: Entered) -> None:
    poor = Account.create().address
    entry = new_request(scene.here, scene.tab.workspace, poor)
    scene.tab.become(poor)
    shown = scene.page(entry)
    scene.tab.become(HERE + scene.me)
    assert "Cannot be done now: create a request cannot be done now" in shown
    assert "Would leave your wallet 100 MDC" in shown
    assert "Leaves your wallet now" not in shown
    assert "to be confirmed" not in shown


def test_of_what_the_chain_refused_the_fee_is_told_that_was_paid(
    tmp_path: Path,
) -> None:
    with place("embedded", tmp_path) as here:
        market = here.join("somebody")
        with visiting(Workspace(market)) as tab:
            tab.workspace.stop()
            scene = Scene(here, tab)
            done = scene.begun(Fund(market.wallet.address, Wei(1)))
            tab.post(f"/actions/{done.id}/confirm")
            sent = tab.workspace.actions.get(done.id)
            assert sent.hash is not None
            journal = market.vault.journal
            asked = journal.ask_wallet(scene.begun(ClaimAirdrop()), 1)
            journal.failed(journal.sent(asked, sent.hash), message="It did nothing.")
            shown = scene.page(asked)
    assert "Failed: claim the airdrop" in shown
    assert "Network fee paid 0.0000" in shown


def test_nothing_is_confirmed_that_cannot_work_any_more(tmp_path: Path) -> None:
    """Each receipt was right when it was begun, and says now why it is not."""
    with place("embedded", tmp_path) as here:
        market, ann = here.join("somebody"), here.join("ann")
        request = here.create(market)
        mine = here.submit(market, request.id)
        here.submit(ann, request.id, mistakes=1)
        record = request.refresh().record
        with visiting(Workspace(market)) as tab:
            tab.workspace.stop()
            scene = Scene(here, tab)
            taken = CancelSubmission(
                record.id, mine.id, mine.record.seal, accept_slash=False
            )
            for action, why in (
                (EnforceTimeout(record.id), "Nothing is overdue on this request."),
                (Withdraw(record.id, mine.id), "Nothing is due for this submission"),
                (taken, ""),
            ):
                entry = scene.begun(action)
                page = tab.get(f"/actions/{entry.id}").text
                assert ("This cannot be done now." in page) is bool(why)
                assert ('id="confirm"' in page) is not bool(why)
                assert why in words(page)
                assert "Discard it" in page
            tab.post(f"/actions/{scene.begun(taken).id}/confirm")
            page = tab.get(f"/actions/{entry.id}").text
            assert f"Submission {mine.id} cannot be taken out any more." in words(page)
            assert 'id="confirm"' not in page


JARGON = ("leaf", "root", "code", "salt", "bits", "gas", "superhash", "schema.json")
"""What neither a buyer nor a trainer has to know."""


def article(page: str) -> str:
    """What a receipt says, but for what is said to whoever looks at it, and for what a
    wallet shows.
    """
    shown = page.partition('class="receipt"')[2]
    before = shown.partition('id="live-confirm"')[0]
    return told(f"<p {before}</p>")


def test_to_another_account_a_receipt_speaks_of_its_signer_alone(
    tmp_path: Path,
) -> None:
    with place("embedded", tmp_path) as here:
        market = here.join("somebody")
        me, other = market.wallet.address, here.join("other").wallet.address
        request = here.create(market, model_licence="Apache-2.0")
        mine = here.submit(market, request.id)
        found = contest(here, market, source=table(here, seed=3))
        record = request.refresh().record
        with visiting(Workspace(market)) as tab:
            tab.workspace.stop()
            scene = Scene(here, tab)
            entries = [
                new_request(here, tab.workspace, me),
                new_contest(here, tab.workspace, me),
                *tab.workspace.actions.newest(20),
                *through_all_states(market),
                scene.begun(
                    found.prepare_submission(tree_of(found, 3), owner=me, again=True)
                ),
                *map(
                    scene.begun,
                    (
                        ClaimAirdrop(),
                        SetOperator(me, approved=True, verified=True),
                        SetOperator(me, approved=False),
                        CancelRequest(record.id, record.terms_hash, record.live),
                        CancelSubmission(
                            record.id, mine.id, mine.record.seal, accept_slash=True
                        ),
                        Withdraw(record.id, mine.id),
                        EnforceTimeout(record.id),
                        Settle(found.id),
                    ),
                ),
            ]
            own = [article(tab.get(f"/actions/{one.id}").text) for one in entries]
            for account in ("", other):
                tab.become(account)
                for entry in entries:
                    said = article(tab.get(f"/actions/{entry.id}").text)
                    assert not re.search(r"\b(you|your|yours)\b", said, re.IGNORECASE)
                    assert f"Signed by {me}" in said
                    assert "is told to the account that signs it" in said
    for said in own:
        assert not re.search(r"\bits wallet\b", said)
        assert f"Signed by You {me}" in said


def test_receipts_are_told_in_words_that_need_no_explanation(scene: Entered) -> None:
    workspace = scene.tab.workspace
    found = contest(scene.here, workspace.market, source=table(scene.here, seed=9))
    me = workspace.market.wallet.address
    model = found.prepare_submission(tree_of(found, 3), owner=me, again=True)
    exact = found.convert(tree_of(found, 3))
    fit = found.fit_of(exact).as_document() | found.prospect(exact, me).as_document()
    for entry in (
        new_contest(scene.here, workspace, scene.me),
        new_request(scene.here, workspace, scene.me),
        scene.begun(replace(model, fit=fit)),
    ):
        said = article(scene.tab.get(f"/actions/{entry.id}").text)
        for word in JARGON:
            assert not re.search(rf"\b{word}", said), (word, said)
    for part in (
        "If somebody demands it your agent posts the model in",
        "of the chain's coin, as fees are now; the bond of whoever demanded it is yours",
        "If you refute another model that takes up to 0.",
        "How good it is",
    ):
        assert part in said, part
    # What identifies the file is exact all the same.
    assert re.search(r"SHA-256 [0-9a-f]{64}", said)
    assert re.search(r"What is sealed CID bafy\w+", said)


# --- who cancels late ---


@pytest.mark.parametrize("is_verified", [False, True], ids=["predictions", "verified"])
def test_whoever_cancels_late_is_told_of_the_reward_that_goes_too(
    tmp_path: Path, is_verified: bool
) -> None:
    """On the request and on the receipt: of first place, and of any other claim."""
    with place("embedded", tmp_path) as here:
        rita, ann, ben = map(here.join, ("rita", "ann", "ben"))
        if is_verified:
            request: Any = contest(here, rita)
            entries: list[Any] = [enter(ann, depth=4), enter(ben, depth=1)]
            staked = 5
        else:
            request = here.create(rita)
            entries = [here.submit(ann, request.id), here.submit(ben, request.id, 2)]
            staked = 1
        here.move_to(request.record.deadline)
        for market in (rita, ann, ben):
            agent.run_once(market)
        told_to = []
        for market, entry in zip((ann, ben), entries, strict=True):
            with visiting(Workspace(market)) as tab:
                tab.workspace.stop()
                market.look()
                page = told(tab.get(f"/requests/{request.id}").text)
                action = CancelSubmission(
                    request.id, entry.id, entry.record.seal, accept_slash=True
                )
                told_to.append((page, Scene(here, tab).shown(action)))
    (page, receipt), (his_page, his_receipt) = told_to
    goes = "first place: the reward of 100 MDC goes to the next best claim, or back to"
    assert f"You lose {staked} MDC and {goes} the requester." in page
    assert f"You lose, too {goes} the requester" in receipt
    assert f"{staked} MDC the stake, of which nothing comes back, and first place" in (
        receipt
    )
    chance = "all chance of the reward of 100 MDC"
    assert f"You lose {staked} MDC and {chance}." in his_page
    assert f"You lose, too {chance}" in his_receipt
    for said in (page, receipt, his_page, his_receipt):
        assert "After the deadline nobody gains by cancelling" in said
    for said in (his_page, his_receipt):
        assert "first place" not in said


def test_whoever_missed_the_claim_is_told_that_the_stake_is_lost_already(
    tmp_path: Path,
) -> None:
    with place("embedded", tmp_path) as here:
        rita, ann, ben = map(here.join, ("rita", "ann", "ben"))
        request = here.create(rita)
        here.submit(ann, request.id)
        here.submit(ben, request.id)
        here.move_to(request.record.deadline)
        agent.run_once(rita)
        agent.run_once(ann)
        here.move_to(ann.request(1).refresh().position().step_ends)
        ben.look()
        request = ben.request(1)
        [choice] = choices(request.record, request.now, ben.wallet.address)
    assert choice.why == (
        "Your stake of 1 MDC is lost already: no score was claimed in time. "
        "Cancelling brings nothing back."
    )


# --- who dismisses the agent ---


def test_whoever_dismisses_the_agent_is_told_what_is_lost_without_it(
    tmp_path: Path,
) -> None:
    """Of each market what was entered there: to be claimed, and then to be shown."""
    with place("embedded", tmp_path) as here:
        rita, ann = here.join("rita"), here.join("ann")
        request, found = here.create(rita), contest(here, rita)
        with visiting(Workspace(ann)) as tab:
            tab.workspace.stop()
            scene = Scene(here, tab)

            def shown(*, verified: bool) -> str:
                ann.look()
                return scene.shown(
                    SetOperator(NOBODY, approved=False, verified=verified)
                )

            said = shown(verified=True)
            assert "You lose a stake if you enter a contest and do not appoint" in said
            here.submit(ann, request.id)
            enter(ann, depth=1)
            enter(ann, depth=4)
            said = shown(verified=False)
            assert "You lose their stakes 1 MDC together, unless you appoint it" in said
            to_be = "Still to be claimed “0 mistakes”, submission 1 of request 1, "
            assert f"{to_be}within 15 min once the truth is open, after 20" in said
            assert "contest v1" not in said
            to_claims(here, found)
            said = shown(verified=True)
            assert "You lose their stakes 10 MDC together" in said
            to_be = "Still to be claimed “depth 1”, submission v1 of contest v1, until"
            assert to_be in said
            assert "“depth 4”, submission v2 of contest v1, until" in said
            assert re.search(r"until \S+ \S+, in 14 min", said)
            assert "request 1" not in said
            agent.run_once(ann)
            said = shown(verified=True)
            to_be = (
                "Still to be shown “depth 1”, submission v1 of contest v1, within 15"
            )
            assert f"{to_be} min once the claims before it have fallen" in said
            led = "“depth 4”, submission v2 of contest v1, within 15 min of the end of"
            assert led in said
            to_validation(here)
            said = shown(verified=True)
            assert "“depth 4”, submission v2 of contest v1, until" in said
