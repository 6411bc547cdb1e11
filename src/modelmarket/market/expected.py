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
from modelmarket.protocol.phases import Phase
from modelmarket.protocol.types import SubmissionId

if TYPE_CHECKING:
    from modelmarket.protocol.requests import RequestRecord

NONE = SubmissionId(0)


def expected_request(record: RequestRecord, now: int) -> RequestState:
    """What `request(id)` must return in a block.

    Args:
        record: Everything that was logged of it up to that block.
        now: The block's second.
    """
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


def expected_submissions(
    record: RequestRecord,
) -> dict[SubmissionId, SubmissionState]:
    """What `submission(id)` must return for each submission to a request.

    Args:
        record: Everything that was logged of it.
    """
    order = [one.id for one in record.ranking]
    behind = dict(pairwise(order))
    ahead = {one: other for other, one in behind.items()}
    return {
        one.id: SubmissionState(
            trainer=one.trainer,
            request_id=record.id,
            status=one.status,
            matches=one.matches or 0,
            ahead=ahead.get(one.id, NONE),
            behind=behind.get(one.id, NONE),
            seal=one.seal,
            sealed=one.sealed,
        )
        for one in record.submissions.values()
    }


State = RequestState | SubmissionState


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
