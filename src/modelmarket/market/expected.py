# SPDX-License-Identifier: Apache-2.0
"""What the contract must say of a request, if its events say everything.

The contract answers from its slots and the index from the logs, so each can be
held against the other, field by field.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from typing import TYPE_CHECKING

from modelmarket.chain.contracts import RequestState, SubmissionState
from modelmarket.chain.verified import ContestState, EntryState
from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.merkle import Hash
from modelmarket.protocol.phases import Phase
from modelmarket.protocol.shown import sealed_hash
from modelmarket.protocol.types import SubmissionId

if TYPE_CHECKING:
    from modelmarket.protocol.records import SubmissionRecord
    from modelmarket.protocol.replaying import Record

NONE = SubmissionId(0)


RequestStates = RequestState | ContestState
SubmissionStates = SubmissionState | EntryState


def expected_request(record: Record, now: int) -> RequestStates:
    """What `request(id)` of its market must return in a block.

    Args:
        record: Everything that was logged of it up to that block.
        now: The block's second.
    """
    if isinstance(record, ContestRecord):
        return _expected_contest(record, now)
    terms, position = record.terms, record.at(now)
    ranking = record.ranking
    best = ranking[0].id if ranking else NONE
    return RequestState(
        requester=record.requester,
        terms_hash=record.terms_hash,
        reward=terms.reward,
        stake=terms.stake,
        labels=terms.labels,
        bits=terms.bits,
        minimum_matches=terms.minimum_matches,
        deadline=record.deadline,
        response_window=terms.response_window_s,
        phase=position.phase,
        step_ends=position.step_ends,
        overdue=position.overdue,
        live=record.live,
        ranked=len(ranking),
        best=best,
        candidate=best if position.phase is Phase.VALIDATION else NONE,
        pages=record.pages,
        matched=record.matched,
        sealed=record.sealed,
    )


def _expected_contest(record: ContestRecord, now: int) -> ContestState:
    position, ranking = record.at(now), record.ranking
    best = ranking[0].id if ranking else NONE
    return ContestState(
        contest=record.terms_hash,
        deadline=record.deadline if record.stage is Phase.OPEN else 0,
        phase=position.phase,
        shown=position.shown,
        step_ends=position.step_ends,
        overdue=position.overdue,
        live=record.live,
        ranked=len(ranking),
        best=best,
        candidate=best if position.phase is Phase.VALIDATION else NONE,
    )


def expected_submissions(record: Record) -> dict[SubmissionId, SubmissionStates]:
    """What `submission(id)` of its market must return for each submission.

    Args:
        record: Everything that was logged of it.
    """
    order = [one.id for one in record.ranking]
    behind = dict(pairwise(order))
    ahead = {one: other for other, one in behind.items()}

    def expected(one: SubmissionRecord) -> SubmissionStates:
        places = ahead.get(one.id, NONE), behind.get(one.id, NONE)
        if isinstance(record, ContestRecord):
            return _expected_entry(record.terms_hash, one, *places)
        return _expected_submission(one, *places)

    return {one.id: expected(one) for one in record.submissions.values()}


def _expected_submission(
    record: SubmissionRecord, ahead: SubmissionId, behind: SubmissionId
) -> SubmissionState:
    return SubmissionState(
        trainer=record.trainer,
        request_id=record.request_id,
        status=record.status,
        matches=record.score or 0,
        ahead=ahead,
        behind=behind,
        seal=record.seal,
        sealed=record.sealed,
    )


def _expected_entry(
    contest: Hash, record: SubmissionRecord, ahead: SubmissionId, behind: SubmissionId
) -> EntryState:
    if record.showing is None:
        held = sealed_hash(contest, record.trainer, record.seal)
    else:
        held = record.showing.shown.hash()
    return EntryState(
        request_id=record.request_id,
        status=record.status,
        score=record.score or 0,
        ahead=ahead,
        behind=behind,
        held=held,
    )


State = RequestStates | SubmissionStates


def differences(says: State, expected: State) -> Iterator[str]:
    """Each field in which two states differ, with both values, in words."""
    for field in fields(says):
        here, there = getattr(says, field.name), getattr(expected, field.name)
        if here != there:
            yield (
                f"{field.name}: the contract says {_shown(here)}, "
                f"the events {_shown(there)}"
            )


def _shown(value: object) -> object:
    return f"0x{value.hex()}" if isinstance(value, bytes) else value
