# SPDX-License-Identifier: Apache-2.0
"""Secrets of a lost machine, found again from key, chain and store."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from modelmarket.chain.contracts import copy_in
from modelmarket.errors import (
    ModelMarketError,
    NotFoundError,
    StepError,
    VaultError,
    said_by,
)
from modelmarket.index.summaries import Wanted
from modelmarket.market.publishing import sealed_truth
from modelmarket.market.verified.publishing import ContestStream
from modelmarket.protocol.events import Creation, SubmissionCreated
from modelmarket.protocol.types import RequestId, Seal, SubmissionId
from modelmarket.storage.cid import Cid
from modelmarket.storage.fetch import fetch
from modelmarket.vault.secrets import SealedModel, SealedPredictions, from_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelmarket.datasets.about import About
    from modelmarket.datasets.choosing import Choice
    from modelmarket.datasets.sources import Source
    from modelmarket.market.market import Market
    from modelmarket.market.request import Request
    from modelmarket.market.verified.request import VerifiedRequest
    from modelmarket.protocol.bins import Binning
    from modelmarket.protocol.records import BaseRecord
    from modelmarket.protocol.replaying import Record
    from modelmarket.protocol.types import Address

MOST_COPY_BYTES = 64 * 2**20
AT_ONCE = 1_000
SPARE_TURNS = 16
"""Truths that may have been sealed without a request, tried too."""


Entered = SealedPredictions | SealedModel
"""Secrets of submissions, which have a model."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recovered:
    """What became of a secret that must be opened later.

    Attributes:
        request_id: About which request.
        submission_id: About which submission; 0 for the truth or key.
        is_here: Whether it is in the vault now.
        says: How it came, or why it did not.
    """

    request_id: RequestId
    submission_id: SubmissionId
    is_here: bool
    says: str


@dataclass(frozen=True)
class Remade:
    """A truth or key that was made again, and the folder with it.

    Attributes:
        seal: What the vault knows it by.
        dataset: The folder's CID.
        is_same: Whether that is the one that was published; others can get no other.
    """

    seal: Seal
    dataset: str
    is_same: bool

    @classmethod
    def of(cls, record: BaseRecord, seal: Seal, dataset: Cid) -> Remade:
        """What was made for a request."""
        return cls(seal, str(dataset), str(dataset) == record.dataset)


def recover(market: Market, owner: Address | None = None) -> Iterator[Recovered]:
    """Looks for everything that an account must open later.

    Each secret's encrypted copy is named by the transaction that sealed it.

    Args:
        market: With the wallet that made the copies, and a vault.
        owner: Of the requests and submissions; None for the wallet.

    Raises:
        ChainError: The node does not answer.
    """
    account = owner or market.wallet.address
    market.index.sync()
    market.verifier.verify_counts()
    for wanted in (Wanted(requester=account), Wanted(trainer=account)):
        for found in _all(market, wanted):
            try:
                record = market.index.request(found)
            except ModelMarketError as error:
                yield Recovered(found, SubmissionId(0), is_here=False, says=error.text)
                continue
            if record.stage.is_final:
                continue
            for seal, submission_id in _awaited(record, account, wanted):
                yield _tried(market, record, submission_id, seal)
    # Whose these are nobody can read.
    for request_id, why in market.index.set_aside().items():
        yield Recovered(request_id, SubmissionId(0), is_here=False, says=why)


def _all(market: Market, wanted: Wanted) -> list[RequestId]:
    """Those that fit, however many they are."""
    found: list[RequestId] = []
    while more := market.index.find(wanted, limit=AT_ONCE, offset=len(found)):
        found += [one.id for one in more]
    return found


def _tried(
    market: Market, record: Record, submission_id: SubmissionId, seal: Seal
) -> Recovered:
    """One of them; whatever goes wrong with it, the others are looked for too."""
    try:
        return _one(market, record, submission_id, seal)
    except Exception as error:  # noqa: BLE001  # it is told, and the next one is tried
        if not isinstance(error, ModelMarketError):
            _log.exception("request %s, submission %s", record.id, submission_id)
        says = f"could not be looked for: {said_by(error)}"
        return Recovered(record.id, submission_id, is_here=False, says=says)


def _awaited(
    record: Record, account: Address, wanted: Wanted
) -> Iterator[tuple[Seal, SubmissionId]]:
    if wanted.requester is not None:
        yield record.secret, SubmissionId(0)
        return
    for one in record.submissions.values():
        if one.trainer == account and one.is_live:
            yield one.seal, one.id


def _one(
    market: Market, record: Record, submission_id: SubmissionId, seal: Seal
) -> Recovered:
    def told(says: str, *, is_here: bool) -> Recovered:
        return Recovered(record.id, submission_id, is_here, says)

    if market.vault.secret(seal) is not None:
        return told("is in the vault", is_here=True)
    copy = copy_in(_sealing_input(market, record, submission_id))
    if not copy:
        return told("was sealed without a copy; read a backup", is_here=False)
    cid = Cid.from_bytes(copy)
    try:
        fetch(market.store, cid, market.network.gateways, most_bytes=MOST_COPY_BYTES)
        sealed = market.store.read_bytes(cid, most=MOST_COPY_BYTES)
        secret = from_json(market.root().key_of_copies().decrypt(sealed, seal))
    except VaultError:
        return told(f"its copy {cid} was made with another key", is_here=False)
    except ModelMarketError as error:
        return told(f"its copy {cid}: {error.text}", is_here=False)
    if market.vault.add(secret) != seal:
        return told(f"its copy {cid} is of another secret", is_here=False)
    market.vault.note_copy(seal, copy)
    sealed_with = secret.model if isinstance(secret, Entered) else ""
    shown = submission_id in record.submissions and bool(
        record.submissions[submission_id].showing
    )
    if sealed_with and not _has(market, sealed_with, is_shown=shown):
        return told(
            f"recovered, but its model {sealed_with} is not here: add it again",
            is_here=True,
        )
    return told("recovered from its copy", is_here=True)


def _has(market: Market, cid: str, *, is_shown: bool) -> bool:
    """Whether a model is here, or can be had.

    WARNING: whoever is asked for a CID knows it, and no gateway may before it is shown.
    """
    if not is_shown:
        return market.store.has_all(Cid.parse(cid))
    try:
        fetch(market.store, Cid.parse(cid), market.network.gateways)
    except ModelMarketError:
        return False
    return True


def _sealing_input(
    market: Market, record: Record, submission_id: SubmissionId
) -> bytes:
    """The calldata of the transaction that created a request or submission."""
    for placed in market.index.logs(record.id):
        event = market.decode(placed.log)
        if (
            isinstance(event, Creation)
            if not submission_id
            else isinstance(event, SubmissionCreated)
            and event.submission_id == submission_id
        ):
            return market.connection.transaction_input(placed.log.transaction)
    raise NotFoundError(f"Request {record.id} has no submission {submission_id}.")


def recover_truth(
    request: Request,
    source: Source,
    *,
    choice: Choice | None = None,
    binning: Binning | None = None,
    about: About | None = None,
) -> Remade:
    """Makes a truth again, from the key and the file that it was split from.

    The dataset that was published is made again too, and put into the store.

    Args:
        request: Ours.
        source: The same labelled table.
        choice: How the test rows were chosen; None for a fifth of them at random.
        binning: How labels that are numbers were put into bins; None for classes.
        about: Description and licences, if there were some; without them the folder
            comes out as another.

    Raises:
        StepError: No split of this file with this key gives the truth.
    """
    from modelmarket.datasets.published import publish
    from modelmarket.datasets.split import only_split

    market, terms = request.market, request.terms
    root, digest, owner = market.root(), source.digest(), request.record.requester
    made = market.index.count(Wanted(requester=owner))
    for turn in range(made + SPARE_TURNS):
        seed = root.split_seed(digest, turn)
        parts = only_split(source, choice=choice, binning=binning, seed=seed)
        truth = sealed_truth(market, parts.truth, parts.classes.bits, owner, turn)
        if truth.seal != terms.truth_seal:
            continue
        with tempfile.TemporaryDirectory(dir=market.home.scratch()) as scratch:
            publish(
                source,
                Path(scratch),
                about=_about(request.record, about),
                choice=choice,
                binning=binning,
                seed=seed,
            )
            dataset = market.store.add(Path(scratch)).cid
        return Remade.of(request.record, market.put_away(truth), dataset)
    raise StepError(
        f"No split of this file gives the truth of request {request.id}.",
        hint="Is it the same file, split in the same way, and the key that made "
        "the request?",
    )


def recover_key(
    request: VerifiedRequest,
    source: Source,
    *,
    choice: Choice | None = None,
    about: About | None = None,
) -> Remade:
    """Makes a contest's key again, from the key and the file that it was made from.

    The folder that was published is made again too, and put into the store.

    Args:
        request: Ours.
        source: The same labelled table.
        choice: How the test rows were chosen; None for a fifth of them at random.
        about: Description and licences, if there were some; without them the folder
            comes out as another.

    Raises:
        StepError: No split of this file with this key gives the contest's.
    """
    from modelmarket.datasets.choosing import Choice
    from modelmarket.datasets.coding import Coding, code
    from modelmarket.datasets.contest import publish_contest
    from modelmarket.datasets.published import TRAIN

    market, record = request.market, request.record
    root, digest, owner = market.root(), source.digest(), record.requester
    made = market.index.count(Wanted(requester=owner))
    for turn, even in product(range(made + SPARE_TURNS), (False, True)):
        coding = Coding(
            width=record.terms.width,
            even=even,
            number_bits=record.number_bits,
            choice=choice or Choice(),
            seed=root.split_seed(digest, turn),
        )
        stream = ContestStream(market, owner, turn)
        with tempfile.TemporaryDirectory(dir=market.home.scratch()) as scratch:
            stream(code(source, Path(scratch) / TRAIN, coding).digest)
        if stream.secret.seal != record.secret:
            continue
        with tempfile.TemporaryDirectory(dir=market.home.scratch()) as scratch:
            folder = Path(scratch)
            publish_contest(
                source,
                folder,
                stream,
                coding,
                about=_about(record, about),
            )
            dataset = market.store.add(folder).cid
        return Remade.of(record, market.put_away(stream.secret), dataset)
    raise StepError(
        f"No split of this file gives the key of request {request.id}.",
        hint="Is it the same file, split in the same way, and the key that made "
        "the request?",
    )


def _about(record: BaseRecord, about: About | None) -> About:
    """What people were told of a request's data: what is on the chain, and the rest."""
    from modelmarket.datasets.about import About

    return replace(about or About(), name=record.name, context=record.context)
