# SPDX-License-Identifier: Apache-2.0
"""The predictions that a submission opened, as the calldata of its steps has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmarket.errors import ChainError
from modelmarket.protocol import events as ev
from modelmarket.protocol.labels import difference, from_words, unpack
from modelmarket.protocol.phases import Failure
from modelmarket.protocol.requests import RequestRecord
from modelmarket.protocol.seals import Core, seal, superhash
from modelmarket.protocol.types import Salt

if TYPE_CHECKING:
    from modelmarket.market.evidence import Evidence
    from modelmarket.protocol.classes import Codes
    from modelmarket.protocol.labels import Page
    from modelmarket.protocol.records import SubmissionRecord


@dataclass(frozen=True)
class OpenedPredictions:
    """What was opened.

    Attributes:
        codes: In the order of the test rows; shape (rows,).
        model: The model's CID.
    """

    codes: Codes
    model: str


def opened_predictions(
    evidence: Evidence, one: SubmissionRecord
) -> OpenedPredictions | None:
    """The predictions that a submission opened; None if it did not open them all.

    Raises:
        ChainError: They do not open its seal.
    """
    record = evidence.record
    assert isinstance(record, RequestRecord), "it is of predictions"
    if one.id != record.winner and one.failure is not Failure.MISMATCH:
        return None
    pages: list[Page] = []
    inner, model = b"", ""
    for placed, event in zip(evidence.placed, evidence.events, strict=True):
        ends = isinstance(
            event, ev.PredictionsOpened | ev.RequestFulfilled | ev.SubmissionFailed
        )
        if not ends or getattr(event, "submission_id", 0) != one.id:
            continue
        sent = evidence.arguments("open_predictions", placed)
        pages.append(difference(from_words(sent[2]), from_words(sent[3])))
        inner, model = sent[4], sent[6]
    core = Core.of_predictions(
        evidence.chain_id,
        evidence.address,
        one.trainer,
        record.terms_hash,
        superhash(model),
        Salt(inner),
    )
    found = seal(pages, core).seal
    if found != one.seal:
        raise ChainError(f"Submission {one.id}'s predictions give 0x{found.hex()}.")
    codes = unpack(pages, record.terms.labels, record.terms.bits)
    return OpenedPredictions(codes, model)
