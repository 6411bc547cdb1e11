# SPDX-License-Identifier: Apache-2.0
"""Tables, truths, predictions and models that were used before."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelmarket.errors import ConfirmationError, DataError, TermsError
from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.phases import Phase
from modelmarket.storage.store import Store
from modelmarket.vault.secrets import SealedPredictions

if TYPE_CHECKING:
    from modelmarket.chain.networks import Network
    from modelmarket.datasets.fingerprints import Fingerprints
    from modelmarket.market.market import Market
    from modelmarket.market.request import Request
    from modelmarket.protocol.records import SubmissionRecord
    from modelmarket.protocol.replaying import Record
    from modelmarket.protocol.types import Address, Seal
    from modelmarket.vault.vault import Published

MOST_TOLD = 3


@dataclass(frozen=True)
class Earlier:
    """A request whose table is known by its rows.

    Attributes:
        name: How to call it.
        rows: What its table is known by.
        takes_submissions: Whether somebody may still submit to it.
        shows_truth: Whether its test labels are public, or will be.
        hides_rows: Whether nobody may read its test rows yet.
        shows_rows: Whether anybody can read its test rows, without their labels.
    """

    name: str
    rows: Fingerprints
    takes_submissions: bool
    shows_truth: bool
    hides_rows: bool = False
    shows_rows: bool = True


def earlier_tables(market: Market, now: int) -> list[Earlier]:
    """The tables of this vault's requests, on this market and on others.

    What was prepared for this market and never created is none of them.

    Args:
        market: With vault and index.
        now: Chain time, in seconds; the index has been read up to it.
    """
    return [
        found
        for one in market.vault.published()
        for found in _earlier(market, one, now)
    ]


def _earlier(market: Market, one: Published, now: int) -> Iterator[Earlier]:
    from modelmarket.datasets.fingerprints import Fingerprints

    rows = Fingerprints.from_bytes(one.rows)
    here: Network = market.network
    is_here = one.market in here.contracts.addresses
    if one.chain_id != here.chain_id or not is_here:
        from modelmarket.chain.devnode.ledger import CHAIN_ID

        # A rehearsal on a chain of one's own tells nobody anything.
        if one.chain_id == CHAIN_ID != here.chain_id:
            return
        yield Earlier(f"a request on the market {one.market}", rows, True, True)
        return
    for number, _ in market.index.requests_of_seal(one.seal):
        record = market.index.request(number)
        yield Earlier(
            f"request {number}",
            rows,
            takes_submissions=record.at(now).phase is Phase.OPEN,
            shows_truth=_shows_truth(record),
            hides_rows=isinstance(record, ContestRecord) and _hides_rows(record, now),
            shows_rows=not isinstance(record, ContestRecord) or bool(record.key),
        )


def _hides_rows(record: ContestRecord, now: int) -> bool:
    """Whether a contest's test rows must not be seen yet."""
    return not record.key and record.at(now).phase is Phase.OPEN


def _shows_truth(record: Record) -> bool:
    """Whether its test labels are public, or will be."""
    if isinstance(record, ContestRecord):
        return bool(record.key) or not record.stage.is_final
    return bool(record.truth) or not record.stage.is_final


def refuse_leaks(rows: Fingerprints, earlier: list[Earlier]) -> None:
    """Makes sure that no row is tested here or there whose label is shown.

    Raises:
        ConfirmationError: Some are; says how many, and of which requests.
    """
    leaks = [leak for one in earlier for leak in _leaks(rows, one)]
    if leaks:
        rest = len(leaks) - MOST_TOLD
        more = [f"There are {rest} more such overlaps."] if rest > 0 else []
        raise ConfirmationError(
            " ".join(["This table was published before.", *leaks[:MOST_TOLD], *more]),
            option="again",
            hint="Leave those rows out; or say --again to do it all the same.",
        )


def refuse_hidden(rows: Fingerprints, earlier: list[Earlier]) -> None:
    """Makes sure that no row is published which a contest still hides.

    Raises:
        DataError: Some would be; there is no way round.
    """
    for one in earlier:
        if not one.hides_rows:
            continue
        shown = rows.shared("test", one.rows, "test")
        shown += one.rows.shared("test", rows, "train")
        if shown:
            raise DataError(
                f"{shown:,} rows of this table are hidden in {one.name}, and would be "
                "read by everybody.",
                hint="Wait for its deadline, or leave those rows out.",
            )


def _leaks(rows: Fingerprints, one: Earlier) -> Iterator[str]:
    tests = rows.seen[0].test.size
    if one.takes_submissions and (shown := one.rows.shared("test", rows, "train")):
        yield (
            f"{shown:,} of the {one.rows.seen[0].test.size:,} test rows of {one.name} "
            "would stand with their labels in this training part, while it takes "
            "submissions."
        )
    if shown := rows.shared("test", one.rows, "train"):
        yield (
            f"{shown:,} of the {tests:,} test rows stand with their labels in the "
            f"training part of {one.name}."
        )
    if one.shows_truth and (shown := rows.shared("test", one.rows, "test")):
        yield (
            f"{shown:,} of the {tests:,} test rows are test rows of {one.name} too, "
            "whose labels everybody sees once its truth is open."
        )


def refuse_used_seal(market: Market, truth_seal: Seal) -> None:
    """Makes sure that no request that the index has read has a truth's seal.

    The seal is one of the terms, so the same terms are refused with it.

    Raises:
        TermsError: One has.
    """
    for number, _ in market.index.requests_of_seal(truth_seal):
        raise TermsError(
            f"Request {number} has this truth's seal already, so its labels are "
            "open, or will be.",
            hint="A request needs a truth of its own: create it from its table.",
        )


def refuse_second(request: Request, packed: bytes, model: Path, owner: Address) -> None:
    """Makes sure that nothing of one's own stands in a request already.

    Args:
        request: To be submitted to, as it is now.
        packed: The predictions' pages.
        model: The file or folder.
        owner: Who is going to submit.

    Raises:
        ConfirmationError: Something does; says what, and whether it is the same.
    """
    standing = list(_standing(request, owner))
    if not standing:
        return
    record = standing[-1][0]
    alike = "a submission of yours"
    for one, secret in standing:
        if secret is not None and secret.packed == packed:
            record, alike = one, "a submission of yours with the same predictions"
            break
    else:
        for one, secret in standing:
            if secret is not None and _is_of(request, secret, model):
                record, alike = one, "a submission of yours with the same model"
                break
    others = f", one of {len(standing)} of yours" if len(standing) > 1 else ""
    raise ConfirmationError(
        f"Request {request.id} has {alike} already: submission {record.id}{others}. "
        "Only one of them can win, and each has a stake of its own.",
        option="again",
    )


def _standing(
    request: Request, owner: Address
) -> Iterator[tuple[SubmissionRecord, SealedPredictions | None]]:
    """One's live submissions: by the account, or out of this vault."""
    for record in request.record.submissions.values():
        if record.is_live:
            secret = request.market.vault.predictions(record.seal)
            # A copied seal is not ours.
            if secret is not None and secret.trainer != record.trainer:
                secret = None
            if secret is not None or record.trainer == owner:
                yield record, secret


def _is_of(request: Request, secret: SealedPredictions, model: Path) -> bool:
    """Whether what was sealed is the same model."""
    from modelmarket.errors import ModelMarketError
    from modelmarket.storage.cid import Cid

    market = request.market
    with tempfile.TemporaryDirectory(dir=market.home.scratch()) as scratch:
        cid = Store(Path(scratch)).add(model).cid
    try:
        sealed = market.store.node(Cid.parse(secret.model))
    except ModelMarketError:
        return False
    return any(link.cid == cid for link in sealed.links)
