# SPDX-License-Identifier: Apache-2.0
"""A candidate's model and listing: from a gateway, or as they were posted on chain.

Both are a stranger's bytes. What is not what was shown counts as not served.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from modelmarket.chain.abi import events
from modelmarket.errors import ChainError, DiskError, InputError, ModelMarketError
from modelmarket.market.contents import KeptModel
from modelmarket.market.verified.calls import record_of, showing_of
from modelmarket.market.verified.listing import Listing
from modelmarket.protocol.events import Answered
from modelmarket.protocol.labels import from_words
from modelmarket.storage.cid import Cid
from modelmarket.storage.fetch import fetch
from modelmarket.storage.store import Entry

if TYPE_CHECKING:
    from modelmarket.market.market import Market
    from modelmarket.models import ExactModel
    from modelmarket.protocol.conditions import Conditions
    from modelmarket.protocol.contests import ContestRecord
    from modelmarket.protocol.records import Showing, SubmissionRecord

MODEL_FILE = "model.exact"
"""In the folder whose CID is sealed."""

PARTS_OF_A_WINDOW = 20
OURS = (ChainError, DiskError, OSError, sqlite3.Error)
"""Trouble that no stranger makes."""

_log = logging.getLogger(__name__)

Found = TypeVar("Found")


@dataclass(frozen=True)
class Evidence:
    """What can be had of what a candidate showed.

    Attributes:
        model: None if nobody serves it, or all of it has not been posted.
        listing: The same.
        why: What went wrong, in words; empty if both are here.
    """

    model: ExactModel | None
    listing: Listing | None
    why: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether nothing has to be demanded."""
        return self.model is not None and self.listing is not None


def gather(
    market: Market, submission: SubmissionRecord, *, now: int | None = None
) -> Evidence:
    """Gets a candidate's model and listing, wherever they are.

    Whatever a stranger serves, it is here, or it is not: an error that nobody
    expected must not keep a watcher from demanding what it cannot read. Trouble of
    this computer's own is none of the stranger's.

    Args:
        market: With store, gateways and nodes; the index has been read.
        submission: That has shown its model.
        now: Chain time, so that it can still be demanded afterwards; None takes the
            time that the window allows.

    Raises:
        ChainError: The node does not answer.
        OSError, sqlite3.Error, DiskError: This computer's disk does not.
    """
    record = record_of(market, submission.request_id)
    showing = showing_of(submission)
    problems: list[str] = []

    def tried(read: Callable[[], Found | None]) -> Found | None:
        try:
            return read()
        except OURS:
            raise
        except ModelMarketError as error:
            problems.append(error.text)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a stranger's
            _log.exception("submission %s", submission.id)
            problems.append(repr(error))
        return None

    most_s = patience(record, now)
    model = tried(lambda: fetched_model(market, submission, most_s=most_s))
    listing = tried(
        lambda: _fetched_listing(market, record.terms, showing, most_s=most_s)
    )
    if (model is None or listing is None) and submission.demand is not None:
        posted = tried(lambda: _posted_parts(market, submission))
        if posted is not None:
            # One by one: what cannot be read of one is none of the other's.
            parts, listed = posted
            model = model or tried(lambda: _posted_model(submission, parts))
            listing = listing or tried(
                lambda: _posted_listing(record.terms, submission, listed)
            )
    return Evidence(model, listing, " ".join(problems))


def patience(record: ContestRecord, now: int | None) -> float:
    """Seconds that a gateway may take over a file.

    Both files, twice, fit between the quarter of the window from which a demand may
    be made and the half until which it can be; and into what is left of it.
    """
    most = record.terms.challenge_window_s / PARTS_OF_A_WINDOW
    left = 0 if now is None else record.timetable.demands_end - now
    return min(most, left / 4) if left > 0 else most


def fetched_model(
    market: Market,
    submission: SubmissionRecord,
    *,
    most_s: float | None = None,
) -> ExactModel:
    """The model that a candidate showed, from store or gateways.

    Args:
        market: With store and gateways.
        submission: That has shown it.
        most_s: Seconds that a gateway may take; None takes what the window allows.

    Raises:
        NotFoundError: Nobody serves it.
        StorageError: What is served is too large, or no such folder.
        InputError: It is no model, or another one.
    """
    from modelmarket.models.files import MOST_BYTES

    record = record_of(market, submission.request_id)
    cid = Cid.parse(showing_of(submission).model)
    gateways = market.network.gateways
    fetch(
        market.store,
        cid,
        gateways,
        only=MODEL_FILE,
        most_bytes=2 * MOST_BYTES,
        most_s=patience(record, None) if most_s is None else most_s,
    )
    return _read_model(market, submission, market.store.resolve(cid, MODEL_FILE))


def _read_model(market: Market, submission: SubmissionRecord, file: Cid) -> ExactModel:
    """The model that was shown, out of a file in the store.

    Raises:
        StorageError: The file is too large.
        InputError: It is no model, or another one.
    """
    from modelmarket.models import ExactModel, Limits
    from modelmarket.models.files import MOST_BYTES

    terms = record_of(market, submission.request_id).terms
    data = market.store.read_bytes(file, most=MOST_BYTES)
    model = ExactModel.from_bytes(data, Limits.of_terms(terms))
    shown = showing_of(submission).shown
    says = (model.header.word, model.base_hash, model.units_root)
    if says != (shown.header, shown.base_hash, shown.units_root):
        raise InputError(f"{file} is another model than the one that was shown.")
    return model


def shown_model(market: Market, submission: SubmissionRecord) -> ExactModel:
    """A model that was shown: from store or gateways, or as it was posted on chain.

    Raises:
        ModelMarketError: It is neither served nor posted.
    """
    try:
        return fetched_model(market, submission)
    except OURS:
        raise
    except ModelMarketError:
        demand = submission.demand
        parts = {} if demand is None else _posted_parts(market, submission)[0]
        posted = _posted_model(submission, parts)
        if posted is None:
            raise
        return posted


def keep_model(market: Market, submission: SubmissionRecord) -> KeptModel:
    """Gets a model that was shown into the store, wherever it is to be had.

    What its author put beside it the chain says nothing of, and is left where it is.

    Raises:
        ModelMarketError: It is neither served nor posted.
    """
    model = shown_model(market, submission)
    kept = kept_model(market, submission)
    if kept is not None:
        return kept
    store = market.store
    file = store.add_bytes(model.to_bytes(), MODEL_FILE)
    called = _called(showing_of(submission))
    folder = store.add_folder({MODEL_FILE: file}, called)
    return KeptModel(folder.cid, [Entry(MODEL_FILE, file.cid, file.size)])


def kept_model(market: Market, submission: SubmissionRecord) -> KeptModel | None:
    """A model that was shown, if it is here; nothing is fetched."""
    store, showing = market.store, showing_of(submission)
    for folder in _places(market, showing):
        try:
            if not store.has_all(folder):
                continue
            found = store.resolve(folder, MODEL_FILE)
            # Whoever demanded it had found there nothing, or another one.
            if submission.demand is not None:
                _read_model(market, submission, found)
            return KeptModel(folder, [Entry(MODEL_FILE, found, store.node(found).size)])
        except ModelMarketError:
            # Whatever a stranger named, and whatever of it is here.
            continue
    return None


def _places(market: Market, showing: Showing) -> Iterator[Cid]:
    """The folders that may have a model: its author's, and the one that it was put
    into here.
    """
    with suppress(InputError):
        yield Cid.parse(showing.model)
    called = _called(showing)
    yield from (one.cid for one in market.store.roots() if one.name == called)


def _called(showing: Showing) -> str:
    """The name of the folder that a model was put into here."""
    return f"model-{showing.shown.units_root.hex()}"


def _fetched_listing(
    market: Market, terms: Conditions, showing: Showing, *, most_s: float
) -> Listing | None:
    """The listing that a candidate serves; None if it is another one.

    Raises:
        ModelMarketError: Nobody serves it.
    """
    if not showing.listing:
        return None
    cid, most = Cid.parse(showing.listing), Listing.size(terms)
    fetch(
        market.store,
        cid,
        market.network.gateways,
        most_bytes=2 * most,
        most_s=most_s,
    )
    data = market.store.read_bytes(cid, most=most)
    return Listing.from_bytes(terms, data).as_claimed(showing.shown)


Parts = dict[int, bytes]
ListedParts = dict[int, tuple[bytes, list[int]]]


def _posted_model(submission: SubmissionRecord, parts: Parts) -> ExactModel | None:
    """The model whose parts were posted; None if some are still owed."""
    from modelmarket.models.proofs import assembled

    if not parts or submission.demand is None or submission.demand.owed:
        return None
    showing = showing_of(submission)
    ordered = [parts[one] for one in sorted(parts)]
    return assembled(showing.shown.header, showing.base, ordered)


def _posted_listing(
    terms: Conditions, submission: SubmissionRecord, listed: ListedParts
) -> Listing | None:
    """The listing whose parts were posted; None if some are still owed."""
    if not listed or submission.demand is None or submission.demand.owed_of_listing:
        return None
    parts = [listed[one] for one in sorted(listed)]
    return Listing.of_parts(terms, parts).as_claimed(showing_of(submission).shown)


def _posted_parts(
    market: Market, submission: SubmissionRecord
) -> tuple[Parts, ListedParts]:
    """The words of the parts that were posted: of the model, and of the listing.

    The clerk logs them beside the market's `Answered`, in the same transaction. It
    believes any market that it is told of: what was posted for one of a stranger's is
    no part of ours, though it stands beside it.
    """
    parts: Parts = {}
    listed: ListedParts = {}
    kinds = events("Clerk")
    ours = market.markets.verified
    clerk, meant = ours.clerk().address, (ours.address.lower(), submission.id.number)
    for placed in market.index.logs(submission.request_id):
        event = market.decode(placed.log)
        if not isinstance(event, Answered) or event.submission_id != submission.id:
            continue
        block = placed.log.block
        for log in market.connection.logs([clerk], block, block):
            kind = kinds.get(log.topics[0]) if log.topics else None
            if kind is None or log.transaction != placed.log.transaction:
                continue
            said = kind.decode(log.topics, log.data)
            if (said["market"].lower(), said["submission_id"]) != meant:
                continue
            words = from_words(said["words"])
            if "sums" in said:
                listed[said["part"]] = (words, list(said["sums"]))
            else:
                parts[said["part"]] = words
    return parts, listed
