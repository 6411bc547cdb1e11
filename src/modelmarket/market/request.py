# SPDX-License-Identifier: Apache-2.0
"""A request, seen by one user."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelmarket.datasets.published import TEST, TRAIN, Manifest
from modelmarket.datasets.split import LABEL, ROW_ID
from modelmarket.errors import StepError
from modelmarket.market.any_request import AnyRequest, check_name
from modelmarket.market.contents import PREDICTIONS
from modelmarket.market.questions import refuse_high_stake
from modelmarket.market.reusing import refuse_second
from modelmarket.market.submission import Submission
from modelmarket.protocol import sentences
from modelmarket.protocol.actions import (
    OpenTruth,
    Submit,
)
from modelmarket.protocol.classes import Codes
from modelmarket.protocol.labels import pack, page_count, unpack
from modelmarket.protocol.records import SubmissionRecord
from modelmarket.protocol.requests import RequestRecord
from modelmarket.protocol.seals import superhash
from modelmarket.protocol.steps import StepKind, refusal
from modelmarket.protocol.types import Address, SubmissionId
from modelmarket.storage.store import Stored
from modelmarket.system.files import existing_path
from modelmarket.vault.secrets import SealedPredictions

if TYPE_CHECKING:
    import polars as pl

    from modelmarket.chain.blocks import Receipt
    from modelmarket.market.market import Market
    from modelmarket.protocol.records import BaseRecord

Predictions = Path | Iterable[object]
"""A CSV with ids, a bare column of labels, or labels in test-row order."""


@dataclass(frozen=True)
class Checked:
    """Predictions that fit a request.

    Attributes:
        codes: In the order of the test rows; shape (rows,).
        counts: Rows of each class that was predicted, by name.
    """

    codes: Codes
    counts: dict[str, int]


class Request(AnyRequest[Submission]):
    """A request of the market of predictions, as it was when it was looked at.

    Args:
        market: Where it is.
        record: What its events tell.
        now: Chain time of that look, in seconds.
    """

    record: RequestRecord

    def __init__(self, market: Market, record: BaseRecord, now: int) -> None:
        assert isinstance(record, RequestRecord), "it is of this market"
        super().__init__(market, record, now)
        self.terms = record.terms

    # --- looking ---

    def refuses(
        self, kind: StepKind, submission: SubmissionRecord | None = None
    ) -> bool:
        """Whether the contract would refuse this wallet a call."""
        who = self.market.wallet.address
        why = refusal(kind, self.record, self.now, who=who, submission=submission)
        return why is not None

    def submission(self, submission_id: SubmissionId) -> Submission:
        """A submission to this request.

        Raises:
            NotFoundError: It is another one's.
        """
        return Submission(self, self.submission_record(submission_id))

    def status(self) -> str:
        """What is so and what comes next, in words."""
        found = sentences.of_request(self.record, self.now)
        if found.step is StepKind.ENFORCE_TIMEOUT:
            return f"{found.sentence}: modelmarket request enforce {self.id}"
        return found.sentence

    # --- the data ---

    def manifest(self) -> Manifest:
        """What the dataset says of itself; see `Contents.manifest`."""
        return self.contents.manifest()

    def training_data(self) -> tuple[pl.DataFrame, pl.Series]:
        """The training part: features and labels.

        Returns:
            A data frame of shape (train rows, features), its numbers in the
            smallest types that hold them, and the labels as text.
        """
        frame = self.contents.frame(TRAIN)
        return frame.drop(LABEL), frame[LABEL]

    def test_data(self) -> pl.DataFrame:
        """The features of the test part, in test-row order."""
        return self.contents.frame(TEST)

    # --- a trainer's steps ---

    def check(self, predictions: Predictions) -> Checked:
        """Checks predictions before anything is staked on them.

        Args:
            predictions: A CSV's path, an array, a list or a column.

        Raises:
            DataError: They do not fit; names row and value.
        """
        from modelmarket.datasets.predictions import (
            encode_predictions,
            read_predictions,
        )

        manifest, rows = self.manifest(), self.terms.labels
        classes = manifest.classes
        if isinstance(predictions, str | Path):
            codes = read_predictions(
                Path(predictions), classes, rows, manifest=manifest
            )
        else:
            codes = encode_predictions(predictions, classes, rows, where="predictions")
        counts: dict[str, int] = {}
        for name in classes.decode(codes):
            counts[name] = counts.get(name, 0) + 1
        return Checked(codes, counts)

    def submit(
        self,
        predictions: Predictions,
        model: Path | str,
        *,
        name: str = "",
        again: bool = False,
        accept_stake: bool = False,
    ) -> Submission:
        """Seals predictions and model, and stakes on them.

        Args:
            predictions: A CSV's path, an array, a list or a column.
            model: Any file or folder. It is published only if it wins.
            name: Shown beside the submission; at most 64 bytes.
            again: Go on where a submission of one's own stands already.
            accept_stake: Go on where the stake is above the reward.

        Raises:
            ConfirmationError: It is allowed, but hardly meant: see `again` and
                `accept_stake`.
            DataError: The predictions do not fit.
            StepError: The deadline has passed, or an interrupted run has
                submitted already.
            FundsError: MDC or fees do not suffice.
        """
        return self.enter(
            Submit,
            lambda now, owner: now.prepare_submission(
                predictions,
                model,
                name=name,
                owner=owner,
                again=again,
                accept_stake=accept_stake,
            ),
        )

    def prepare_submission(
        self,
        predictions: Predictions,
        model: Path | str,
        *,
        name: str = "",
        owner: Address,
        again: bool = False,
        accept_stake: bool = False,
    ) -> Submit:
        """Everything before the transaction: the secrets lie in the vault.

        Args:
            predictions: A CSV's path, an array, a list or a column.
            model: Any file or folder.
            name: Shown beside the submission; at most 64 bytes.
            owner: Who will send the transaction; the seal names them.
            again: Go on where a submission of one's own stands already.
            accept_stake: Go on where the stake is above the reward.

        Raises:
            ConfirmationError: See `again` and `accept_stake`; nothing is stored.
            DataError: The predictions do not fit.
            InputError: The name is too long.
        """
        market = self.market
        checked = self.check(predictions)
        codes = checked.codes
        check_name(name)
        existing_path(Path(model))
        packed = b"".join(pack(codes, self.terms.bits))
        if not accept_stake:
            refuse_high_stake(self.terms.stake, self.terms.reward)
        if not again:
            refuse_second(self, packed, Path(model), owner)
        bundle = self._bundle(Path(model), codes)
        secret = SealedPredictions(
            chain_id=market.network.chain_id,
            market=market.network.market,
            trainer=owner,
            request_id=self.id,
            terms_hash=self.record.terms_hash,
            superhash=superhash(str(bundle.cid)),
            salt=market.root().salt(
                self.record.terms_hash, owner.encode(), bytes(bundle.cid), packed
            ),
            model=str(bundle.cid),
            packed=packed,
        )
        return Submit(
            request=self.id,
            terms_hash=self.record.terms_hash,
            stake=self.terms.stake,
            sealed_as=market.put_away(secret),
            superhash=secret.superhash,
            name=name,
            counts=checked.counts,
            again=again,
        )

    def _bundle(self, model: Path, codes: Codes) -> Stored:
        """The folder whose CID is sealed: the model, and its predictions."""
        store = self.market.store
        stored = store.add(model)
        labels = self.manifest().classes.decode(codes)
        rows = "".join(f"{row},{_quoted(one)}\n" for row, one in enumerate(labels, 1))
        table = store.add_bytes(f"{ROW_ID},{LABEL}\n{rows}".encode(), PREDICTIONS)
        inside = "model" if model.is_dir() or model.name == PREDICTIONS else model.name
        return store.add_folder({inside: stored, PREDICTIONS: table}, model.name)

    # --- the requester's steps ---

    def open_truth(self) -> list[Receipt]:
        """Opens all pages of the truth that are not open yet.

        Raises:
            StepError: It is not time, or the truth is not in this vault.
        """
        now = self.refresh()
        if now.refuses(StepKind.OPEN_TRUTH):
            raise StepError(
                f"The truth of request {self.id} cannot be opened now: {now.status()}"
            )
        truth = self.market.vault.truth(self.terms.truth_seal)
        if truth is None:
            raise StepError(
                f"The truth of request {self.id} is not in this vault.",
                hint="A backup is read by `modelmarket vault restore FILE`.",
            )
        opening = truth.opening()
        return [
            self.market.send(
                self.market.contract.open_truth(
                    self.id, page, opening.pages[page], opening.inner(page)
                ),
                OpenTruth(self.id, page),
            )
            for page in range(now.record.pages, len(opening.pages))
        ]

    # --- afterwards ---

    def truth(self) -> Codes | None:
        """The test labels' codes, once all pages are open."""
        labels, bits = self.terms.labels, self.terms.bits
        if len(self.record.truth) < page_count(labels, bits):
            return None
        return unpack(list(self.record.truth), labels, bits)


def _quoted(cell: str) -> str:
    """A cell as RFC 4180 writes it."""
    if any(mark in cell for mark in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell
