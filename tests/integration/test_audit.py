# SPDX-License-Identifier: Apache-2.0
"""The audit says PASS of markets that keep their promises, and of no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from modelmarket.audit import audit, judge
from modelmarket.audit.shared import lost_of
from modelmarket.chain.contracts import RequestState, SubmissionState
from modelmarket.market import Request
from modelmarket.market.evidence import Evidence, gather
from modelmarket.protocol.events import Withdrawn
from modelmarket.protocol.phases import Failure, Phase, Status
from modelmarket.protocol.records import SubmissionRecord
from modelmarket.protocol.requests import RequestRecord
from modelmarket.protocol.types import SubmissionId, Wei
from modelmarket.storage.cid import Cid
from protocol.test_steps import BEST, SILENT, request, submission
from support.market import Place, place


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    """A request that was fulfilled; the loser has withdrawn."""
    with place("embedded", tmp_path_factory.mktemp("people")) as here:
        requester, ann, bob = (here.join(name) for name in ("requester", "ann", "bob"))
        request = here.create(requester)
        here.submit(ann, request.id, 1)
        here.submit(bob, request.id, 3)
        here.live(request.id)
        for market in (ann, bob):
            for mine in market.submissions():
                if mine.due():
                    mine.withdraw()
        yield gather(requester, request.id)


def record_of(evidence: Evidence) -> RequestRecord:
    assert isinstance(evidence.record, RequestRecord)
    return evidence.record


def told(evidence: Evidence, **otherwise: Any) -> Evidence:
    """The same evidence with another record of the request."""
    record = replace(evidence.record, **otherwise)
    return replace(
        evidence, request=Request(evidence.market, record, evidence.request.now)
    )


def with_winner(
    record: RequestRecord, **otherwise: Any
) -> dict[SubmissionId, SubmissionRecord]:
    """The submissions, of which the winner's is another."""
    won: SubmissionRecord = record.submissions[record.winner]
    return record.submissions | {won.id: replace(won, **otherwise)}


def test_a_market_that_keeps_its_promises_passes(played: Evidence) -> None:
    verdicts = judge(played)
    assert [one.passed for one in verdicts].count(True) == 10
    # Its model is a text, which nobody can run.
    [untold] = [one for one in verdicts if not one.passed]
    assert (untold.passed, untold.word, untold.is_broken) == (None, "----", False)


LIES: dict[str, Callable[[Evidence], Evidence]] = {
    "The chain's state is what its events say": lambda it: replace(
        it, state=replace(it.state, live=it.state.live + 1)
    ),
    "The terms are the ones that were agreed to": lambda it: told(
        it, terms=replace(record_of(it).terms, context="something else")
    ),
    "The truth opens its seal": lambda it: told(
        it,
        truth=[bytes([page[0] ^ 128]) + page[1:] for page in record_of(it).truth[:1]],
    ),
    "Every claim stands in its order": lambda it: replace(it, ranking=it.ranking[::-1]),
    "Recounting gives what was decided": lambda it: told(
        it, submissions=with_winner(record_of(it), score=20)
    ),
    "The model is the one that was sealed": lambda it: told(
        it, model=it.record.dataset
    ),
    "Every payment is explained by an event": lambda it: replace(
        it,
        events=[
            replace(one, paid=Wei(one.paid - 1)) if isinstance(one, Withdrawn) else one
            for one in it.events
        ],
    ),
    "Everybody got what the rules say": lambda it: replace(
        it, due=it.due | {SubmissionId(2): Wei(1)}
    ),
    "All money is accounted for": lambda it: replace(it, balance=Wei(-1)),
}


@pytest.mark.parametrize("promise", LIES)
def test_a_lie_breaks_its_promise(played: Evidence, promise: str) -> None:
    verdicts = judge(LIES[promise](played))
    assert promise in {one.promise for one in verdicts if one.is_broken}


def lied(value: object) -> Any:
    """Another value of the same kind."""
    if isinstance(value, Phase):
        return Phase.REFUNDED
    if isinstance(value, Status):
        return Status.FAILED
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    if isinstance(value, str):
        return "0x" + "11" * 20
    assert isinstance(value, int)
    return not value if isinstance(value, bool) else value + 1


@pytest.mark.parametrize(
    ("of", "name"),
    [("request", one.name) for one in fields(RequestState)]
    + [("submission", one.name) for one in fields(SubmissionState)],
)
def test_every_field_of_the_contracts_state_is_held_against_the_events(
    played: Evidence, of: str, name: str
) -> None:
    if of == "request":
        state = played.state
        state = replace(state, **{name: lied(getattr(state, name))})
        evidence = replace(played, state=state)
    else:
        entry = played.entries[SubmissionId(2)]
        entry = replace(entry, **{name: lied(getattr(entry, name))})
        evidence = replace(played, entries=played.entries | {SubmissionId(2): entry})
    [verdict] = [
        one
        for one in judge(evidence)
        if one.promise == "The chain's state is what its events say"
    ]
    assert not verdict.passed
    assert f"{name}: the contract says" in verdict.figures


def test_every_promise_is_tried_with_a_lie(played: Evidence) -> None:
    # The store's is a test of its own, and what models say a file of tests.
    promises = {one.promise for one in judge(played)}
    assert promises == {
        *LIES,
        "The dataset is what its CID says",
        "The model gives the predictions that were opened",
    }


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Place]:
    with place("embedded", tmp_path / "people") as found:
        yield found


LATE = replace(submission(3, Status.FAILED, 9), failure=Failure.TIMED_OUT)
STOOD = submission(4, Status.RANKED, 7)


@pytest.mark.parametrize(
    ("stage", "entered", "says"),
    [
        (Phase.FULFILLED, [BEST], ""),
        (Phase.OPEN, [SILENT], ""),
        (Phase.FULFILLED, [BEST, LATE, STOOD], ": the stake of submission 3"),
        (Phase.REFUNDED, [LATE, SILENT], ": the stakes of submissions 3, 1"),
        (Phase.FORFEITED, [SILENT], ": the reward"),
    ],
)
def test_of_what_is_lost_it_is_said_what_it_was(
    stage: Phase, entered: list[SubmissionRecord], says: str
) -> None:
    """Whose claim stands no more is in no ranking, and would be named nowhere."""
    assert lost_of(request(*entered, stage=stage)) == says


def test_it_fails_when_the_store_is_not_what_it_was(embedded: Place) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    request = embedded.create(requester)
    embedded.submit(ann, request.id, 1)
    embedded.live(request.id)
    cid = requester.store.resolve(Cid.parse(request.terms.dataset), "train.csv")
    path = requester.store.path(cid)
    path.write_bytes(path.read_bytes().replace(b"odd", b"add", 1))
    failed = {one.promise for one in audit(requester, request.id) if one.is_broken}
    assert failed == {"The dataset is what its CID says"}


def test_payments_that_are_made_while_it_looks_confuse_nobody(embedded: Place) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    request = embedded.create(requester)
    entered = [embedded.submit(ann, request.id, n) for n in range(8)]
    requester.request(request.id).cancel(max_live=8)

    def withdraw_all() -> None:
        for one in entered:
            one.refresh().withdraw()

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(withdraw_all)
        looks = 0
        while not working.done():
            verdicts = audit(requester, request.id)
            assert [one for one in verdicts if one.is_broken] == []
            looks += 1
    working.result()
    assert looks > 1
