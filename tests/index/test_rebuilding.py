# SPDX-License-Identifier: Apache-2.0
"""A market is rebuilt from its logs alone: every field, in every block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from modelmarket.chain.blocks import Call, Log
from modelmarket.chain.contracts import ModelMarket
from modelmarket.chain.sending import send
from modelmarket.chain.wallets import Wallet
from modelmarket.errors import RevertError
from modelmarket.market import Market
from modelmarket.market.expected import (
    differences,
    expected_request,
    expected_submissions,
)
from modelmarket.protocol.classes import Codes
from modelmarket.protocol.events import (
    Event,
    RequestCreated,
    SubmissionCreated,
    Unreadable,
)
from modelmarket.protocol.labels import pack
from modelmarket.protocol.phases import Failure
from modelmarket.protocol.replaying import replay
from modelmarket.protocol.seals import Core, Opening, seal, superhash
from modelmarket.protocol.terms import Terms
from modelmarket.protocol.types import RequestId, Salt, Seal, SubmissionId
from support.lives import counted_again
from support.market import REWARD, STAKE, Place, place

MODEL = "bafymodel"
RESPONSE = 900
TWO_PAGES = 12_300  # labels of 16 bits


@pytest.fixture(scope="module")
def here(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("rebuilding")
    with place("embedded", folder, new_database()) as found:
        yield found


@pytest.fixture(scope="module")
def people(here: Place) -> tuple[Market, Market]:
    return here.join("requester"), here.join("trainer")


class Story:
    """A request on a real node, driven call by call, without datasets."""

    def __init__(self, here: Place, people: tuple[Market, Market], minimum: int = 0):
        self.here = here
        self.requester, self.trainer = people
        self.contract: ModelMarket = self.requester.contract
        for market in people:
            market.send(market.coin.approve(market.network.market, 2**255))
        self.codes = np.arange(TWO_PAGES).astype(np.uint16)
        owner = self.requester.wallet.address
        where = self.requester.network.market
        core = Core.of_truth(
            self.contract.chain_id(), where, owner, Salt(bytes([self.count]) * 32)
        )
        self.truth = seal(pack(self.codes, 16), core)
        terms = Terms(
            dataset="d",
            name=f"story {self.count}",
            context="",
            reward=REWARD,
            stake=STAKE,
            submission_window_s=600,
            response_window_s=RESPONSE,
            labels=TWO_PAGES,
            bits=16,
            minimum_matches=minimum,
            truth_seal=self.truth.seal,
        )
        [created] = self.says(self.requester, self.contract.create_request(terms))
        assert isinstance(created, RequestCreated)
        self.created = created
        self.id = created.request_id
        self.openings: dict[SubmissionId, Opening] = {}

    @property
    def count(self) -> int:
        return self.contract.request_count() + 1

    def says(self, market: Market, call: Call) -> list[Event]:
        """Sends a call and returns what the market logged."""
        wallet: Wallet = market.wallet
        receipt = send(market.connection, call, wallet)
        return market.contract.events(receipt)

    def submit(self, mistakes: int) -> SubmissionId:
        guess: Codes = self.codes.copy()
        guess[:mistakes] ^= 1
        core = Core.of_predictions(
            self.contract.chain_id(),
            self.requester.network.market,
            self.trainer.wallet.address,
            self.created.terms_hash,
            superhash(MODEL),
            Salt(bytes(32)),
        )
        opening = seal(pack(guess, 16), core)
        call = self.contract.submit(
            self.id,
            self.created.terms_hash,
            opening.layers[0],
            superhash(MODEL),
            "",
        )
        [event] = self.says(self.trainer, call)
        assert isinstance(event, SubmissionCreated)
        assert event.seal == opening.seal
        self.openings[event.submission_id] = opening
        return event.submission_id

    def move_to_end(self) -> None:
        state = self.contract.request(self.id)
        self.here.move_to(state.step_ends)

    def open_truth(self, page: int) -> None:
        call = self.contract.open_truth(
            self.id, page, self.truth.pages[page], self.truth.inner(page)
        )
        self.says(self.requester, call)

    def claim(self, one: SubmissionId, matches: int, hint: int) -> None:
        call = self.contract.claim(
            one, self.openings[one].seal, matches, SubmissionId(hint)
        )
        self.says(self.trainer, call)

    def cancel(self, one: SubmissionId, *, slash: bool) -> None:
        call = self.contract.cancel_submission(
            one, self.openings[one].seal, accept_slash=slash
        )
        self.says(self.trainer, call)

    def cancel_request(self, live: int) -> None:
        call = self.contract.cancel_request(self.id, self.created.terms_hash, live)
        self.says(self.requester, call)

    def open_page(self, one: SubmissionId, page: int) -> None:
        opening = self.openings[one]
        call = self.contract.open_predictions(
            one,
            page,
            self.truth.pages[page],
            opening.pages[page],
            opening.inner(page),
            superhash(MODEL),
            MODEL if page == 1 else "",
        )
        self.says(self.trainer, call)

    def enforce(self) -> None:
        self.says(self.trainer, self.contract.enforce_timeout(self.id))

    def withdraw_all(self) -> None:
        for one in self.openings:
            if self.contract.due(one):
                self.says(self.trainer, self.contract.withdraw(one))


def to_claims(story: Story, *mistakes: int) -> list[SubmissionId]:
    entered = [story.submit(one) for one in mistakes]
    story.move_to_end()
    story.open_truth(0)
    story.open_truth(1)
    return entered


def fulfilled(story: Story) -> None:
    """Somebody leaves in each phase, a candidate stops, one lies, one wins."""
    early, late, stopper, liar, winner, bystander = (
        story.submit(n) for n in (1, 2, 0, 3, 4, 6)
    )
    story.cancel(early, slash=False)
    story.move_to_end()
    story.cancel(late, slash=True)
    story.open_truth(0)
    story.open_truth(1)
    story.claim(winner, TWO_PAGES - 4, 0)
    story.claim(stopper, TWO_PAGES, 0)
    story.claim(bystander, TWO_PAGES - 6, winner)
    story.claim(liar, TWO_PAGES - 1, stopper)
    story.move_to_end()
    story.open_page(stopper, 0)
    story.cancel(bystander, slash=True)
    story.move_to_end()
    story.enforce()
    story.open_page(liar, 0)
    story.open_page(liar, 1)
    story.open_page(winner, 0)
    story.open_page(winner, 1)
    story.withdraw_all()


def refunded_since_nobody_reaches_the_threshold(story: Story) -> None:
    one, _silent = to_claims(story, 9, 8)
    story.claim(one, TWO_PAGES - 9, 0)
    story.move_to_end()
    story.enforce()
    story.withdraw_all()


def refunded_since_the_last_candidate_leaves(story: Story) -> None:
    [one] = to_claims(story, 0)
    story.claim(one, TWO_PAGES, 0)
    story.move_to_end()
    story.open_page(one, 0)
    story.cancel(one, slash=True)


def cancelled_with_half_of_its_truth_open(story: Story) -> None:
    for n in (0, 1, 2):
        story.submit(n)
    story.move_to_end()
    story.open_truth(0)
    story.cancel_request(3)
    story.withdraw_all()


def forfeited(story: Story) -> None:
    story.submit(0)
    story.move_to_end()
    story.open_truth(0)
    story.move_to_end()
    story.enforce()
    story.withdraw_all()


STORIES: dict[Callable[[Story], None], int] = {
    fulfilled: 0,
    refunded_since_nobody_reaches_the_threshold: TWO_PAGES - 8,
    refunded_since_the_last_candidate_leaves: 0,
    cancelled_with_half_of_its_truth_open: 0,
    forfeited: 0,
}


def read(market: Market, logs: Iterable[Log]) -> Iterator[Event]:
    for log in logs:
        event = market.decode(log)
        assert not isinstance(event, Unreadable), event
        if event:
            yield event


@pytest.mark.parametrize("tell", STORIES, ids=lambda one: one.__name__)
def test_every_field_of_a_request_follows_from_its_logs_in_every_block(
    here: Place, people: tuple[Market, Market], tell: Callable[[Story], None]
) -> None:
    requester = people[0]
    story = Story(here, people, STORIES[tell])
    first = requester.connection.block().number
    tell(story)
    head = requester.index.sync()
    assert requester.index.request(story.id).stage.is_final
    placed = requester.index.logs(story.id)
    for number in range(first, head + 1):
        logs = [one.log for one in placed if one.log.block <= number]
        record = replay(read(requester, logs))
        now = requester.connection.block(number).timestamp
        says = story.contract.request(story.id, at=number)
        assert list(differences(says, expected_request(record, now))) == []
        for one, expected in expected_submissions(record).items():
            entry = story.contract.submission(one, at=number)
            assert list(differences(entry, expected)) == [], (number, one)


def test_reputations_are_those_of_all_requests_that_were_rebuilt(
    here: Place, people: tuple[Market, Market]
) -> None:
    """Of whatever was told above, and of one that is forfeited and one that is paid."""
    for tell in (forfeited, fulfilled):
        tell(Story(here, people, STORIES[tell]))
    index = people[0].index
    index.sync()
    records = [index.request(one.id) for one in index.find()]
    who = [one.wallet.address for one in people]
    found = index.reputations(who)
    assert found == {one: counted_again(records, one) for one in who}
    requester, trainer = found[who[0]].as_requester, found[who[1]].as_trainer
    assert requester.paid >= 1 <= requester.forfeited
    assert trainer.won >= 1 <= trainer.cancelled
    told = {Failure.MISMATCH, Failure.TIMED_OUT, Failure.CANCELLED_LATE}
    assert set(trainer.failures) == told
    assert trainer.failures[Failure.CANCELLED_LATE] >= 2


def test_a_field_that_differs_is_named_with_both_values(
    here: Place, people: tuple[Market, Market]
) -> None:
    story = Story(here, people)
    state = story.contract.request(story.id)
    other = replace(state, pages=1, sealed=Seal(b"\xff"))
    assert list(differences(state, other)) == [
        "pages: the contract says 0, the events 1",
        f"sealed: the contract says 0x{state.sealed.hex()}, the events 0xff",
    ]


def test_the_hash_of_each_open_page_of_the_truth_can_be_asked_for(
    here: Place, people: tuple[Market, Market]
) -> None:
    from modelmarket.protocol.seals import page_hash

    story = Story(here, people)
    story.move_to_end()
    asked = [story.contract.truth_page(story.id, page) for page in (0, 1)]
    assert asked == [bytes(32)] * 2
    story.open_truth(0)
    story.open_truth(1)
    asked = [story.contract.truth_page(story.id, page) for page in (0, 1, 2)]
    assert asked == [*(page_hash(one) for one in story.truth.pages), bytes(32)]
    with pytest.raises(RevertError) as refused:
        story.contract.truth_page(RequestId(10**6), 0)
    assert refused.value.reason == "UnknownRequest"
