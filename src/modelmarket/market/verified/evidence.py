# SPDX-License-Identifier: Apache-2.0
"""A candidate's model and listing: from a gateway, or as they were posted on chain.

Both are a stranger's bytes. What is not what was shown counts as not served.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from modelmarket.chain.abi import events
from modelmarket.errors import ChainError, DiskError, InputError, ModelMarketError
from modelmarket.market.verified.calls import record_of, showing_of
from modelmarket.market.verified.listing import Listing
from modelmarket.protocol.events import Answered
from modelmarket.protocol.labels import from_words
from modelmarket.storage.cid import Cid
from modelmarket.storage.fetch import fetch

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


def gather(market: Market, submission: SubmissionRecord) -> Evidence:
    """Gets a candidate's model and listing, wherever they are.

    Whatever a stranger serves, it is here, or it is not: an error that nobody
    expected must not keep a watcher from demanding what it cannot read. Trouble of
    this computer's own is none of the stranger's.

    Args:
        market: With store, gateways and nodes; the index has been read.
        submission: That has shown its model.

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
            problems.append(str(error))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a stranger's
            _log.exception("submission %s", submission.id)
            problems.append(repr(error))
        return None

    model = tried(lambda: fetched_model(market, record, showing))
    listing = tried(lambda: _fetched_listing(market, record.terms, showing))
    if model is None or listing is None:
        posted = tried(lambda: _posted(market, record, submission))
        if posted is not None:
            model, listing = model or posted.model, listing or posted.listing
    return Evidence(model, listing, " ".join(problems))


def _patience(terms: Conditions) -> float:
    """Seconds that a gateway may take over a file.

    Both files, twice, fit between the quarter of the window from which a demand may
    be made and the half until which it can be.
    """
    return terms.challenge_window_s / PARTS_OF_A_WINDOW


def fetched_model(
    market: Market, record: ContestRecord, showing: Showing
) -> ExactModel:
    """The model that a candidate showed, from store or gateways.

    Raises:
        NotFoundError: Nobody serves it.
        StorageError: What is served is too large, or no such folder.
        InputError: It is no model, or another one.
    """
    from modelmarket.models import ExactModel, Limits
    from modelmarket.models.files import MOST_BYTES

    cid = Cid.parse(showing.model)
    gateways = market.network.gateways
    fetch(
        market.store,
        cid,
        gateways,
        only=MODEL_FILE,
        most_bytes=2 * MOST_BYTES,
        most_s=_patience(record.terms),
    )
    found = market.store.resolve(cid, MODEL_FILE)
    data = market.store.read_bytes(found, most=MOST_BYTES)
    model = ExactModel.from_bytes(data, Limits.of_terms(record.terms))
    shown = showing.shown
    says = (model.header.word, model.base_hash, model.units_root)
    if says != (shown.header, shown.base_hash, shown.units_root):
        raise InputError(f"{cid} is another model than the one that was shown.")
    return model


def _fetched_listing(
    market: Market, terms: Conditions, showing: Showing
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
        most_s=_patience(terms),
    )
    data = market.store.read_bytes(cid, most=most)
    return Listing.from_bytes(terms, data).as_claimed(showing.shown)


def _posted(
    market: Market, record: ContestRecord, submission: SubmissionRecord
) -> Evidence:
    """What was posted on the chain of a demanded model and listing."""
    from modelmarket.models.proofs import assembled

    demand = submission.demand
    if demand is None:
        return Evidence(None, None)
    parts, listed = _posted_parts(market, submission)
    shown = showing_of(submission).shown
    model: ExactModel | None = None
    listing: Listing | None = None
    if parts and not demand.owed:
        base = showing_of(submission).base
        ordered = [parts[one] for one in sorted(parts)]
        model = assembled(shown.header, base, ordered)
    if listed and not demand.owed_of_listing:
        listing = Listing.of_parts(
            record.terms, [listed[one] for one in sorted(listed)]
        )
    return Evidence(model, listing)


Parts = dict[int, bytes]
ListedParts = dict[int, tuple[bytes, list[int]]]


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
