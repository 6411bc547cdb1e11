# SPDX-License-Identifier: Apache-2.0
"""Rebuilds a request from chain and store alone, and holds it to its promises."""

from __future__ import annotations

import csv
import hashlib
import io
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmarket.datasets.published import SAMPLE, TEST, TRAIN
from modelmarket.errors import ModelMarketError, UnreadableError
from modelmarket.market.contents import PREDICTIONS
from modelmarket.market.evidence import Evidence, Transfer, gather
from modelmarket.market.expected import (
    differences,
    expected_request,
    expected_submissions,
)
from modelmarket.protocol import events as ev
from modelmarket.protocol import payouts
from modelmarket.protocol.labels import count_matches, difference, from_words, unpack
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.phases import Failure
from modelmarket.protocol.records import SubmissionRecord
from modelmarket.protocol.replaying import replay
from modelmarket.protocol.requests import RequestRecord
from modelmarket.protocol.seals import Core, seal, superhash
from modelmarket.protocol.types import Address, RequestId, Salt

if TYPE_CHECKING:
    from modelmarket.market.market import Market
    from modelmarket.protocol.classes import Codes
    from modelmarket.protocol.labels import Page

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """Whether one promise was kept.

    Attributes:
        promise: What should be so.
        passed: Whether it is.
        figures: What was found.
    """

    promise: str
    passed: bool
    figures: str


class _Broken(Exception):  # noqa: N818  # not an error of the program
    """A promise that was not kept."""


def audit(market: Market, request_id: int) -> list[Verdict]:
    """Checks every promise about a request.

    Raises:
        NotFoundError: There is no such request.
        ChainError: The node does not answer.
    """
    try:
        evidence = gather(market, RequestId(request_id))
    except UnreadableError as error:
        return [Verdict("Its events can be read", passed=False, figures=str(error))]
    return judge(evidence)


def judge(evidence: Evidence) -> list[Verdict]:
    """Holds what a chain says about a request to each promise."""
    return [_verdict(promise, check, evidence) for promise, check in _PROMISES]


def _verdict(
    promise: str, check: Callable[[Evidence], str], evidence: Evidence
) -> Verdict:
    try:
        return Verdict(promise, passed=True, figures=check(evidence))
    except (_Broken, ModelMarketError) as broken:
        return Verdict(promise, passed=False, figures=str(broken))
    except Exception as error:  # noqa: BLE001  # one that cannot be checked is not the others' fault
        _log.exception("a promise could not be checked: %s", promise)
        return Verdict(promise, passed=False, figures=f"cannot be checked: {error!r}")


def _require(condition: bool, figures: str) -> None:
    if not condition:
        raise _Broken(figures)


def _state(evidence: Evidence) -> str:
    record, state = evidence.record, evidence.state
    _require(replay(evidence.events) == record, "the events replay to something else")
    expected = expected_request(record, evidence.block.timestamp)
    wrong = list(differences(state, expected))
    entries = expected_submissions(record)
    for one, entry in evidence.entries.items():
        found = differences(entry, entries[one]) if one in entries else ["not logged"]
        wrong += [f"submission {one}, {what}" for what in found]
    _require(not wrong, "; ".join(wrong))
    return (
        f"{state.phase.name} in block {evidence.block.number:,}, "
        f"{len(evidence.events)} events, {record.live} live"
    )


def _terms(evidence: Evidence) -> str:
    record = evidence.record
    found = record.terms.hash(record.requester)
    _require(found == record.terms_hash, f"they hash to 0x{found.hex()}")
    return f"terms hash 0x{found.hex()[:16]}…"


def _dataset(evidence: Evidence) -> str:
    manifest = evidence.request.manifest()
    evidence.request.fetch()
    contents = evidence.request.contents
    for name in (TRAIN, TEST, SAMPLE):
        digest = hashlib.sha256()
        for piece in contents.read(name):
            digest.update(piece)
        _require(
            digest.hexdigest() == manifest.sha256.get(name),
            f"{name} is not the file that the manifest names",
        )
    return (
        f"{evidence.record.terms.dataset}: {manifest.train_rows:,} training and "
        f"{manifest.test_rows:,} test rows, {len(manifest.classes)} classes"
    )


def _truth(evidence: Evidence) -> str:
    record = evidence.record
    truth = evidence.request.truth()
    if truth is None:
        return f"not opened ({len(record.truth)} pages)"
    last = [
        one
        for one, event in zip(evidence.placed, evidence.events, strict=True)
        if isinstance(event, ev.TruthOpened)
    ][-1]
    sent = evidence.arguments("open_truth", last)
    core = Core.of_truth(
        evidence.chain_id,
        evidence.address,
        record.requester,
        Salt(sent[3]),
    )
    found = seal(list(record.truth), core).seal
    _require(found == record.terms.truth_seal, f"it gives 0x{found.hex()}")
    classes = len(evidence.request.manifest().classes)
    strange = int((truth >= classes).sum())
    _require(strange == 0, f"{strange:,} labels are no classes")
    return f"{truth.size:,} labels in {len(record.truth)} pages"


def _claims(evidence: Evidence) -> str:
    ranking = evidence.record.ranking
    expected = [one.id for one in ranking]
    _require(
        evidence.ranking == expected,
        f"the contract ranks {evidence.ranking}, the events {expected}",
    )
    places = ", ".join(f"{one.id}: {one.score:,}" for one in ranking[:8])
    return f"{len(ranking)} ranked ({places})" if ranking else "no claim"


def _opened(evidence: Evidence, one: SubmissionRecord) -> tuple[Codes, Core] | None:
    """The predictions that a submission opened, from the calldata, and the
    core of their seal; None if it did not open them all.
    """
    terms = evidence.record.terms
    if one.id != evidence.record.winner and one.failure is not Failure.MISMATCH:
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
        evidence.record.terms_hash,
        superhash(model),
        Salt(inner),
    )
    found = seal(pages, core).seal
    _require(
        found == one.seal, f"submission {one.id}'s predictions give 0x{found.hex()}"
    )
    return unpack(pages, terms.labels, terms.bits), core


def _recount(evidence: Evidence) -> str:
    record, truth = evidence.record, evidence.request.truth()
    told: list[str] = []
    for one in record.submissions.values():
        opened = _opened(evidence, one)
        if opened is None or truth is None:
            continue
        count = count_matches(truth, opened[0])
        won = one.id == record.winner
        _require(
            (count == one.score) == won,
            f"submission {one.id} claimed {one.score}, and {count} are right",
        )
        told.append(f"{one.id} claimed {one.score:,}, has {count:,}")
    return "; ".join(told) or "no predictions were opened"


def _model(evidence: Evidence) -> str:
    record = evidence.record
    if not record.winner:
        return "nobody won"
    won = record.submissions[record.winner]
    _require(
        superhash(record.model) == won.superhash,
        f"the superhash is not that of {record.model}",
    )
    contents = evidence.request.contents
    folder = contents.fetch_model()
    opened = _opened(evidence, won)
    assert opened is not None
    listed = contents.listed_predictions()
    expected = evidence.request.manifest().classes.decode(opened[0])
    _require(_listed(listed) == expected, f"{PREDICTIONS} in it is not what was opened")
    return f"{record.model}, {folder.size:,} bytes"


def _listed(document: bytes) -> list[str]:
    """The labels in a stranger's list of predictions; none if it is no such list."""
    try:
        rows = list(csv.reader(io.StringIO(document.decode())))[1:]
        return [row[1] for row in rows]
    except (UnicodeDecodeError, csv.Error, IndexError):
        return []


def _payments(evidence: Evidence) -> str:
    made = list(evidence.transfers())
    explained = [
        transfer
        for event in evidence.events
        for transfer in _explained(event, evidence.record, evidence.address)
    ]
    _require(
        made == explained,
        f"{len(made)} movements were made, {len(explained)} are explained",
    )
    moved = sum(one.amount for one in made)
    return f"{len(made)} movements, {format_mdc(moved)} MDC"


def _explained(
    event: ev.Event, record: RequestRecord, market: Address
) -> Iterator[Transfer]:
    """The movement of money that an event explains."""
    match event:
        case ev.RequestCreated():
            yield Transfer(event.requester, market, event.terms.reward)
        case ev.SubmissionCreated():
            yield Transfer(event.trainer, market, record.terms.stake)
        case ev.RequestCancelled() | ev.RequestRefunded():
            if event.paid:
                yield Transfer(market, record.requester, event.paid)
        case ev.SubmissionCancelled() | ev.RequestFulfilled() | ev.Withdrawn():
            trainer = record.submissions[event.submission_id].trainer
            yield Transfer(market, trainer, event.paid)
        case _:
            return


def _outcome(evidence: Evidence) -> str:
    record = evidence.record
    if not record.stage.is_final:
        return "the request has not ended"
    for one in record.submissions.values():
        owed = evidence.due[one.id]
        entitled = payouts.entitled(record, one)
        _require(
            one.paid + owed == entitled,
            f"submission {one.id} got {one.paid} wei and is due {owed}; "
            f"the rules say {entitled}",
        )
    returned = payouts.returned(record)
    _require(
        record.paid == returned,
        f"the requester got {record.paid} wei; the rules say {returned}",
    )
    return (
        f"{len(record.submissions)} submissions, "
        f"{format_mdc(sum(evidence.due.values()))} MDC not yet withdrawn"
    )


def _sum(evidence: Evidence) -> str:
    record = evidence.record
    taken, paid = payouts.taken(record), payouts.paid(record)
    slashed = payouts.slashed(record)
    if record.stage.is_final:
        due: int = sum(evidence.due.values())
        _require(
            taken == paid + due + slashed,
            f"{taken} wei came in; {paid} were paid, {due} are due, {slashed} slashed",
        )
    else:
        due = payouts.held(record)
        _require(due >= 0, f"{taken} wei came in, {paid + slashed} are gone")
    owed = evidence.slashed + due
    _require(
        evidence.balance >= owed,
        f"the market holds {evidence.balance} wei, and owes {owed}",
    )
    return (
        f"{format_mdc(taken)} in = {format_mdc(paid)} paid + {format_mdc(due)} due + "
        f"{format_mdc(slashed)} slashed"
    )


_PROMISES: list[tuple[str, Callable[[Evidence], str]]] = [
    ("The chain's state is what its events say", _state),
    ("The terms are the ones that were agreed to", _terms),
    ("The dataset is what its CID says", _dataset),
    ("The truth opens its seal", _truth),
    ("Every claim stands in its order", _claims),
    ("Recounting gives what was decided", _recount),
    ("The model is the one that was sealed", _model),
    ("Every payment is explained by an event", _payments),
    ("Everybody got what the rules say", _outcome),
    ("All money is accounted for", _sum),
]
