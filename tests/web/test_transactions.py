# SPDX-License-Identifier: Apache-2.0
"""Transactions and accounts: from, to, fee, what moved, and what it meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from modelmarket.chain.blocks import Call
from modelmarket.chain.sending import send
from modelmarket.market import Market
from modelmarket.market.transactions import OUT_OF_GAS
from modelmarket.protocol import events
from modelmarket.protocol.actions import CreateContest
from modelmarket.protocol.events import Event
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.phases import Failure
from modelmarket.protocol.shown import NOTHING_SHOWN
from modelmarket.protocol.types import (
    Address,
    RequestId,
    Seal,
    SubmissionId,
    Superhash,
    TermsHash,
    Wei,
    checksummed,
)
from modelmarket.web.happenings import sentence
from modelmarket.web.names import AGENT, YOU, Names
from modelmarket.web.workspace import Workspace
from support.market import REWARD, Place, place
from support.visits import Tab, new_contest, visiting, words
from web.test_receipts import told

ANN, BEN = (checksummed(f"0x{one * 40}") for one in "ab")
ONE, V_ONE = RequestId(1), RequestId.of(1, is_verified=True)
SUBMISSION = SubmissionId(2)
MDC = Wei(10**18)


@pytest.fixture(scope="module", params=["embedded", "anvil"])
def here(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    with place(request.param, tmp_path_factory.mktemp("people")) as found:
        yield found


@pytest.fixture(scope="module")
def market(here: Place) -> Market:
    return here.join("somebody")


@pytest.fixture(scope="module")
def tab(market: Market) -> Iterator[Tab]:
    with visiting(Workspace(market)) as found:
        yield found


def sent(market: Market, call: Call, gas: int) -> bytes:
    """The hash of what nobody tried first; it is in the chain."""
    connection, me = market.connection, market.wallet.address
    fields = {
        "type": 2,
        "chainId": connection.chain_id,
        "nonce": connection.transaction_count(me, "pending"),
        "gas": gas,
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 10**9,
        "to": call.to,
        "value": call.value,
        "data": call.data,
    }
    name, raw = market.wallet.sign_transaction(fields)
    connection.push(raw)
    for _ in range(200):
        found = market.transaction(name)
        if found is not None and found.block is not None:
            return name
    raise AssertionError("it is not in the chain")


def test_a_transaction_says_who_whom_how_much_and_what_for(
    here: Place, market: Market, tab: Tab
) -> None:
    request = here.create(market)
    name = market.history(request.id)[0].log.transaction
    found = market.transaction(name)
    assert found is not None
    assert found.gain(market.wallet.address) == -REWARD
    assert found.gain(market.network.market) == REWARD
    before = market.connection.ask("eth_getTransactionReceipt", "0x" + name.hex())
    assert found.fee == int(before["gasUsed"], 16) * int(
        before["effectiveGasPrice"], 16
    )
    shown = told(tab.get(f"/transactions/0x{name.hex()}").text)
    for said in (
        f"You created request {request.id}, “ odd or even ”, and locked its reward of "
        "100 MDC",
        "100 MDC from you to the market",
        f"From You {market.wallet.address}",
        f"To The market {market.network.market}",
        f"Fee paid {format_mdc(found.fee)} of the chain's coin",
        " done ",
    ):
        assert said in shown, said
    assert "RequestCreated" not in shown


def test_an_airdrop_and_a_gift_are_told_too(
    here: Place, market: Market, tab: Tab
) -> None:
    drop = market.coin.claim_airdrop()
    other = here.join("other")
    receipt = send(
        market.connection,
        Call("a gift", other.wallet.address, b"", Wei(3 * 10**15)),
        market.wallet,
    )
    shown = told(tab.get(f"/transactions/0x{receipt.transaction.hex()}").text)
    assert "You sent 0.003 of the chain's coin to" in shown
    assert "Sent with it 0.003 of the chain's coin" in shown
    [entry] = [
        one
        for one in market.vault.journal.newest(market.network.market, limit=99)
        if one.action.kind == "claim_airdrop"
    ]
    assert entry.hash is not None
    shown = told(tab.get(f"/transactions/0x{entry.hash.hex()}").text)
    assert "You got the airdrop, which each account gets once." in shown
    assert "1,000 MDC from" in shown
    assert f"To The coin, MDC {drop.to}" in shown


def test_a_failed_transaction_says_why_in_words(market: Market, tab: Tab) -> None:
    name = sent(market, market.coin.claim_airdrop(), 200_000)
    shown = told(tab.get(f"/transactions/0x{name.hex()}").text)
    assert " failed " in shown
    assert "It did nothing. This address has had its airdrop of 1,000 MDC." in shown
    assert "The fee is paid all the same." in shown
    assert "What it meant" not in shown
    poor = market.coin.transfer(ANN, 10)
    name = sent(market, poor, 30_000)
    assert OUT_OF_GAS in told(tab.get(f"/transactions/0x{name.hex()}").text)


def test_a_transaction_that_waits_is_not_yet_in_the_chain(
    here: Place, market: Market, tab: Tab
) -> None:
    if not here.is_anvil:
        # The embedded node mines at once: nothing ever waits there.
        name = bytes(32)
        assert tab.get(f"/transactions/0x{name.hex()}").status_code == 404
        return
    ask = here.connection.ask
    ask("evm_setAutomine", False)
    try:
        fields = {
            "type": 2,
            "chainId": here.connection.chain_id,
            "nonce": here.connection.transaction_count(market.wallet.address),
            "gas": 21_000,
            "maxFeePerGas": 10**11,
            "maxPriorityFeePerGas": 10**9,
            "to": ANN,
            "value": 5,
            "data": b"",
        }
        name, raw = market.wallet.sign_transaction(fields)
        here.connection.push(raw)
        shown = told(tab.get(f"/transactions/0x{name.hex()}").text)
    finally:
        ask("evm_setAutomine", True)
        ask("evm_mine")
    assert "not yet in the chain" in shown
    assert "Until then nothing of it has happened" in shown
    assert "Fee paid" not in shown


def test_an_account_that_is_a_contract_of_the_market_is_called_so(
    market: Market, tab: Tab
) -> None:
    network = market.network
    for address, said in (
        (network.market, "The contract of all requests of predictions."),
        (network.verified, "The contract of all verified contests."),
        (market.coin.address, "The contract that keeps everybody's balance of MDC."),
    ):
        shown = told(tab.get(f"/accounts/{address}").text)
        assert said in shown
        assert "It holds" in shown
        assert "As requester" not in shown
    mine = told(tab.get(f"/accounts/{market.wallet.address}").text)
    assert "Your account" in mine
    # To whoever looks on, it is an account like any other.
    assert "Your agent's key" not in told(_as_nobody(tab, market.wallet.address))
    assert "The contract" not in told(tab.get(f"/accounts/{ANN}").text)


def _as_nobody(tab: Tab, address: Address) -> str:
    here = tab.client.cookies.get("modelmarket-account")
    tab.become("")
    try:
        return tab.get(f"/accounts/{address}").text
    finally:
        tab.become(here or "")


# --- a sentence for each event ---

NAMES = Names({}, {ANN: "you"})

TOLD: list[tuple[Event, str]] = [
    (
        events.RequestCancelled(ONE, 0, Wei(0), MDC),
        "Request 1 was cancelled. Its reward, 1 MDC, went back to its requester.",
    ),
    (
        events.RequestCancelled(ONE, 2, MDC, Wei(0)),
        "Request 1 was cancelled. Each of the 2 submissions in it gets 1 MDC of its "
        "reward; 0 MDC went back to its requester.",
    ),
    (
        events.SubmissionCreated(
            SUBMISSION, ONE, ANN, Seal(b""), Superhash(b""), "a <tree>"
        ),
        "You entered request 1 with “a <tree>”, submission 2, and locked its stake.",
    ),
    (
        events.SubmissionCreated(SUBMISSION, ONE, BEN, Seal(b""), Superhash(b""), ""),
        f"{BEN[:8]}…{BEN[-4:]} entered request 1 with a model without a name, "
        "submission 2, and locked its stake.",
    ),
    (
        events.SubmissionCancelled(SUBMISSION, ONE, MDC),
        "Submission 2 was taken out of request 1, and its stake of 1 MDC paid back.",
    ),
    (
        events.TruthOpened(ONE, 0, Seal(b""), 9, b""),
        "The truth of request 1 was opened, page 1: its test labels are public.",
    ),
    (
        events.KeyOpened(V_ONE, 9, b""),
        "The key of contest v1 was opened: its hidden rows can be read. Trainers claim "
        "until",
    ),
    (events.Claimed(SUBMISSION, ONE, 1), "Submission 2 to request 1 claimed 1 match."),
    (
        events.Claimed(SUBMISSION, V_ONE, 5),
        "Submission 2 to contest v1 claimed 5 points.",
    ),
    (
        events.PredictionsOpened(SUBMISSION, ONE, 0, 7, Seal(b""), 9),
        "The predictions of submission 2 to request 1 were opened, page 1: 7 matches "
        "so far.",
    ),
    (
        events.ModelShown(SUBMISSION, V_ONE, 9, NOTHING_SHOWN, b"", "", ""),
        "Submission 2 to contest v1 showed its model. It can be refuted until",
    ),
    (
        events.Demanded(SUBMISSION, V_ONE, ANN, MDC, 9, 1, 1),
        "You demanded that the model of submission 2 to contest v1 be posted, and "
        "locked a bond of 1 MDC. It is due by",
    ),
    (
        events.Answered(SUBMISSION, V_ONE, 0, of_listing=True),
        "Part 1 of the predictions of submission 2 to contest v1 was posted.",
    ),
    (
        events.BondReturned(SUBMISSION, V_ONE, MDC),
        "The bond of 1 MDC went back to whoever had demanded submission 2 to contest "
        "v1.",
    ),
    (
        events.SubmissionFailed(SUBMISSION, ONE, Failure.MISMATCH, MDC, 9),
        "Submission 2 to request 1 failed: it did not score what it claimed. Of its "
        "stake, 1 MDC are lost.",
    ),
    (
        events.SubmissionFailed(SUBMISSION, ONE, Failure.CANCELLED_LATE, MDC, 9),
        "Submission 2 to request 1 was cancelled after the deadline, and its stake of 1 "
        "MDC is lost.",
    ),
    (
        events.SubmissionFailed(SUBMISSION, V_ONE, Failure.REFUTED, MDC, 9, ANN, MDC),
        "Submission 2 to contest v1 failed: what it showed was refuted. Of its stake, 1 "
        "MDC are lost, and 1 MDC were paid to you, who refuted it.",
    ),
    (
        events.RequestFulfilled(ONE, SUBMISSION, MDC, Wei(0)),
        "Request 1 is fulfilled: submission 2 won, and its trainer was paid 1 MDC.",
    ),
    (
        events.RequestRefunded(ONE, MDC, Wei(0)),
        "Nobody earned the reward of request 1: its 1 MDC went back to its requester.",
    ),
    (
        events.RequestForfeited(ONE, MDC),
        "Request 1 was forfeited, since its requester did not open it in time: 1 MDC "
        "are lost, and the stakes go back to their trainers.",
    ),
    (
        events.Withdrawn(SUBMISSION, ONE, MDC),
        "The trainer of submission 2 to request 1 withdrew the 1 MDC that it was owed.",
    ),
    (
        events.OperatorSet(BEN, ANN, approved=False),
        f"You may no longer claim for {BEN[:8]}…{BEN[-4:]}.",
    ),
]


@pytest.mark.parametrize(("event", "said"), TOLD, ids=lambda one: type(one).__name__)
def test_an_event_is_a_sentence(event: Event, said: str) -> None:
    told_so = words(sentence(event, NAMES))
    assert (
        told_so.startswith(said)
        if said.endswith(("until", "by"))
        else (told_so == said)
    )


@pytest.mark.parametrize(
    "event", [event for event, _ in TOLD], ids=lambda one: type(one).__name__
)
def test_on_its_own_page_no_event_says_which_request_a_submission_entered(
    event: Event,
) -> None:
    said = words(sentence(event, NAMES, on_its_page=True))
    assert not re.search(r"submission \d+ to ", said, re.IGNORECASE)
    everywhere = words(sentence(event, NAMES))
    assert said == re.sub(
        r"(ubmission \d+) to (request|contest) v?1", r"\1", everywhere
    )


def test_a_submission_is_told_by_name_and_whose_it_is_and_its_stake_by_amount(
    tmp_path: Path,
) -> None:
    """In whatever place of a sentence it is named."""
    with place("embedded", tmp_path) as here:
        rita, ann, ben = map(here.join, ("rita", "ann", "ben"))
        request = here.create(rita)
        for one in (ann, ben, rita):
            here.submit(one, request.id)
        record = request.refresh().record
    names = Names({}, {ben.wallet.address: AGENT, ann.wallet.address: YOU})

    def says(event: Event, *, alone: bool = True) -> str:
        return words(sentence(event, names, record, on_its_page=alone))

    ours, agents, hers = map(SubmissionId, (1, 2, 3))
    assert says(events.Claimed(ours, ONE, 5)) == (
        "“0 mistakes”, submission 1 (yours), claimed 5 matches."
    )
    assert says(events.Claimed(agents, ONE, 5), alone=False) == (
        "“0 mistakes”, submission 2 (of your agent's key) to request 1, claimed 5 "
        "matches."
    )
    assert says(events.Claimed(hers, ONE, 5)) == (
        "“0 mistakes”, submission 3, claimed 5 matches."
    )
    won = events.RequestFulfilled(ONE, ours, MDC, Wei(0))
    assert "“0 mistakes”, submission 1 (yours), won, and its trainer" in says(won)
    back = events.BondReturned(ours, ONE, MDC)
    assert says(back).endswith("had demanded “0 mistakes”, submission 1 (yours).")
    nameless = record.with_submission(ours, name="")
    assert words(
        sentence(events.Claimed(ours, ONE, 5), names, nameless, on_its_page=True)
    ) == ("Submission 1 (yours) claimed 5 matches.")
    made = events.SubmissionCreated(
        hers, ONE, rita.wallet.address, Seal(b""), Superhash(b""), "a"
    )
    assert says(made).endswith("“a”, submission 3, and locked its stake of 1 MDC.")
    fell = events.SubmissionFailed(
        hers, ONE, Failure.REFUTED, MDC, 9, ben.wallet.address, MDC
    )
    assert says(fell).endswith("paid to your agent's key, which refuted it.")


def test_what_is_created_is_told_by_name_reward_and_deadline(
    here: Place, market: Market, tab: Tab
) -> None:
    """As it was logged; a stranger's name stays text."""
    created = market.decode(market.history(here.create(market).id)[0].log)
    assert isinstance(created, events.RequestCreated)
    said = words(sentence(created, NAMES))
    assert "“odd or even”, and locked its reward of 100 MDC. It takes" in said
    hostile = replace(created, terms=replace(created.terms, name="<script>x</script>"))
    assert "<script>" not in sentence(hostile, NAMES)
    action = new_contest(here, tab.workspace, ANN).action
    assert isinstance(action, CreateContest)
    contest = events.ContestCreated(
        V_ONE, ANN, TermsHash(b""), 9, action.terms, action.texts, action.weights
    )
    said = words(sentence(contest, NAMES))
    assert said.startswith("You created contest v1, “points”, and locked its reward of")


def test_no_event_is_without_a_sentence() -> None:
    created = {events.RequestCreated, events.ContestCreated}
    assert {type(event) for event, _ in TOLD} | created == set(get_args(Event))
