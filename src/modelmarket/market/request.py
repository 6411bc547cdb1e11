# SPDX-License-Identifier: Apache-2.0
"""A request, seen by one user."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelmarket.datasets.published import TEST, TRAIN, Manifest
from modelmarket.datasets.sources import LABEL, ROW_ID
from modelmarket.errors import InputError, StepError
from modelmarket.market.any_request import AnyRequest, check_name
from modelmarket.market.checking import Checked, check_file, model_file
from modelmarket.market.contents import PREDICTIONS, PROBABILITIES
from modelmarket.market.questions import refuse_high_stake
from modelmarket.market.reusing import refuse_second
from modelmarket.market.submission import Submission
from modelmarket.market.winning import MODEL, predicted, refuse_no_rows, refuse_risk
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
from modelmarket.system.text import an
from modelmarket.vault.secrets import SealedPredictions

if TYPE_CHECKING:
    import polars as pl

    from modelmarket.chain.blocks import Receipt
    from modelmarket.datasets.figures import Metrics
    from modelmarket.datasets.libraries import Library
    from modelmarket.market.market import Market
    from modelmarket.models.folds import Show
    from modelmarket.models.onnx import OnnxModel
    from modelmarket.protocol.records import BaseRecord
    from modelmarket.protocol.reproductions import Reproduction
    from modelmarket.system.confinement import Limits

Predictions = Path | str | Iterable[object]
"""A CSV with ids, a bare column of labels, or labels in test-row order."""


class Request(AnyRequest[Submission]):
    """A request of the market of predictions, as it was when it was looked at.

    Args:
        market: Where it is.
        record: What its events tell.
        now: Chain time of that look, in seconds.
    """

    record: RequestRecord
    READ_ONCE = ("training", "_test", "libraries")

    def __init__(self, market: Market, record: BaseRecord, now: int) -> None:
        assert isinstance(record, RequestRecord), "it is of this market"
        super().__init__(market, record, now)
        self.terms = record.terms
        self.libraries: set[Library] = set()
        """Whose tables of the training part were asked for."""

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

    def training_data(
        self,
        library: Library = "polars",
        *,
        codes: bool = False,
        numbered: bool = False,
    ) -> tuple[Any, Any]:
        """The training part: features and labels.

        Args:
            library: Whose tables to make: polars, pandas, numpy or torch.
            codes: Only a verified contest has them.
            numbered: Give classes as their numbers from 0, whatever they are called,
                as XGBoost wants them; what was fitted on these is understood.

        Returns:
            A table of shape (train rows, features), see
            `modelmarket.datasets.libraries.table_for`, and the labels: whole numbers
            where all classes are some, text otherwise; for torch, the classes' numbers.
            Where bins are to be hit, the numbers that fall into them, as doubles.

        Raises:
            InputError: There is no such library, or torch is to take text; or codes
                were asked for.
            NotFoundError: It is not installed; or no gateway has the data.
        """
        from modelmarket.datasets.libraries import labels_for, table_for

        if codes:
            raise InputError(
                f"Request {self.id} is of predictions, and has no codes.",
                hint="Leave out codes=True; numbered=True gives classes' numbers.",
            )
        frame = self.training
        self.libraries.add(library)
        return (
            table_for(library, frame.drop(LABEL)),
            labels_for(library, frame[LABEL], self.label_names, numbered=numbered),
        )

    @property
    def label_names(self) -> tuple[str, ...]:
        """The classes that labels are of; none where they are numbers, in bins."""
        manifest = self.manifest()
        return () if manifest.bins is not None else manifest.classes.names

    def test_data(self, library: Library = "polars") -> Any:
        """The features of the test part, in test-row order; see `training_data`."""
        from modelmarket.datasets.libraries import table_for

        return table_for(library, self._test)

    @cached_property
    def training(self) -> pl.DataFrame:
        """The training part as it is published, labels as text; read once."""
        return self.contents.frame(TRAIN)

    @cached_property
    def _test(self) -> pl.DataFrame:
        from modelmarket.datasets.frames import text_columns

        return self.contents.frame(TEST, texts=text_columns(self.training))

    # --- a trainer's steps ---

    def check(
        self, given: Any, show: Show | None = None, *, probabilities: Any = None
    ) -> Checked:
        """Says what `submit` would seal, and stakes nothing.

        Args:
            given: A fitted estimator, an exported model or its file; or predictions: a
                CSV's path, an array, a list or a column.
            show: Is told how far cross-validation is, such as `print`; None for none.
            probabilities: See `submit`.

        Raises:
            DataError: Predictions do not fit; names row and value.
            InputError: The model cannot be exported.
        """
        from modelmarket.market.checking import check

        return check(self, given, show, probabilities)

    def export(self, model: Any) -> OnnxModel:
        """The ONNX file that `submit` would seal of a fitted estimator.

        Args:
            model: A classifier, or where bins are to be hit a regressor, of
                scikit-learn, XGBoost, LightGBM or CatBoost, alone or in a pipeline; or
                a `Sequential` of PyTorch's.

        Raises:
            InputError: It cannot be exported; says why, and what to do.
        """
        from modelmarket.market.checking import exported_by

        exported = exported_by(self, model)
        if exported is None:
            raise InputError(
                f"{an(type(model).__name__, first=True)} is no fitted estimator."
            )
        return exported.model

    def submit(
        self,
        model: Any,
        predictions: Predictions | None = None,
        *,
        probabilities: Any = None,
        name: str = "",
        show: Show | None = print,
        again: bool = False,
        accept_stake: bool = False,
    ) -> Submission:
        """Seals a model and its predictions, and stakes on them.

        A fitted estimator, a regressor where bins are to be hit, is exported to ONNX
        with its preprocessing, and what is sealed is predicted by that file. Any other
        file or folder is taken with its predictions, and nobody can tell later whether
        it made them.

        Args:
            model: A fitted estimator, an exported model or its file; with predictions,
                the path of any file or folder. It is published only if it wins.
            predictions: A CSV's path, an array, a list or a column; None if the model
                makes them.
            probabilities: How sure one is of each class, to be sealed beside given
                predictions: a file's path, a data frame or an array of shape
                (rows, classes); None if nobody says. A model says so itself.
            name: Shown beside the submission; at most 64 bytes.
            show: Is told, line by line, what you agree to and how the model does before
                anything is staked, see `agreement` and `check`, and what was entered;
                None for nothing, which saves the time.
            again: Go on where a submission of one's own stands already.
            accept_stake: Go on where the stake is above the reward.

        Raises:
            ConfirmationError: It is allowed, but hardly meant: see `again` and
                `accept_stake`.
            DataError: The predictions do not fit.
            InputError: The model cannot be exported.
            StepError: The deadline has passed, or an interrupted run has
                submitted already.
            FundsError: MDC or fees do not suffice.
        """
        return self.enter(
            Submit,
            lambda now, owner: now.prepare_submission(
                model,
                predictions,
                probabilities=probabilities,
                name=name,
                owner=owner,
                show=show,
                again=again,
                accept_stake=accept_stake,
            ),
            show,
        )

    def check_file(self, path: Path, what: str) -> None:
        """Looks at one of the files that a submission is made of; nothing is sealed.

        Args:
            path: The file.
            what: `model`, `predictions` or `probabilities`; with all but the model the
                test rows must be here.

        Raises:
            InputError: It is a model where predictions belong.
            DataError: It is empty, or does not fit the test rows.
        """
        check_file(self, path, what)

    def prepare_submission(
        self,
        model: Any,
        predictions: Predictions | None = None,
        *,
        probabilities: Any = None,
        name: str = "",
        owner: Address,
        show: Show | None = None,
        again: bool = False,
        accept_stake: bool = False,
    ) -> Submit:
        """Everything before the transaction: the secrets lie in the vault.

        Args:
            model: See `submit`.
            predictions: None if the model makes them.
            probabilities: See `submit`.
            name: Shown beside the submission; at most 64 bytes.
            owner: Who will send the transaction; the seal names them.
            show: Is told what would be sealed; None for nothing.
            again: Go on where a submission of one's own stands already.
            accept_stake: Go on where the stake is above the reward.

        Raises:
            ConfirmationError: See `again` and `accept_stake`; nothing is stored.
            DataError: The predictions do not fit.
            InputError: The name is too long, or the model cannot be exported.
        """
        check_name(name)
        if not accept_stake:
            refuse_high_stake(self.terms.stake, self.terms.reward)
        files = model_file(self, model, predictions, show, probabilities)
        with files as (path, checked):
            if show is not None and checked.is_reproducible:
                for line in checked.lines():
                    show(line)
            packed = b"".join(pack(checked.codes, self.terms.bits))
            if not again:
                refuse_second(self, packed, path, owner)
            bundle = self._bundle(path, checked)
        market = self.market
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
            unlikely=checked.unlikely,
            again=again,
        )

    def _bundle(self, model: Path, checked: Checked) -> Stored:
        """The folder whose CID is sealed: the model, its predictions, and how sure it
        is of them if it says so.
        """
        from modelmarket.datasets.probabilities import written

        store, classes = self.market.store, self.manifest().classes
        stored = store.add(model)
        labels = classes.decode(checked.codes)
        rows = "".join(f"{row},{_quoted(one)}\n" for row, one in enumerate(labels, 1))
        table = store.add_bytes(f"{ROW_ID},{LABEL}\n{rows}".encode(), PREDICTIONS)
        is_ours = model.name in (PREDICTIONS, PROBABILITIES)
        inside = MODEL if model.is_dir() or is_ours else model.name
        files = {inside: stored, PREDICTIONS: table}
        if checked.probabilities is not None:
            data = written(checked.probabilities, classes)
            files[PROBABILITIES] = store.add_bytes(data, PROBABILITIES)
        return store.add_folder(files, model.name)

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

    def predict(
        self,
        table: Any,
        limits: Limits | None = None,
        *,
        unconfined: bool = False,
        accept_risk: bool = False,
    ) -> list[str]:
        """What the model that won says of another table's rows, run in confinement.

        Where numbers were bought in bins, the very numbers if the model says them, as
        decimals.

        Args:
            table: With the columns of the training part: a file's path, or a data frame
                of polars or pandas.
            limits: What the model may use; None for four GiB and ten minutes.
            unconfined: See `reproduce`.
            accept_risk: Likewise.

        Raises:
            StepError: Nobody has won.
            InputError: What won cannot be run.
            DataError: A column is missing, or a cell is none of its kind.
            ConfirmationError, ConfinementError, NotFoundError: See `reproduce`.
        """
        refuse_risk(unconfined=unconfined, accept_risk=accept_risk)
        return predicted(self, table, limits, unconfined=unconfined)

    def check_rows(self, table: Path) -> None:
        """Lets the model that won predict the first row of a table; see `predict`.

        Raises:
            DataError: It has no row, a column is missing, or that row's cell is none of
                its kind.
        """
        said = predicted(self, table, None, unconfined=False, rows=1)
        refuse_no_rows(table, len(said))

    def reproduce(
        self,
        limits: Limits | None = None,
        *,
        unconfined: bool = False,
        accept_risk: bool = False,
    ) -> Reproduction:
        """Runs the model that won on the test rows, in confinement, and compares.

        Args:
            limits: What the model may use; None for four GiB and ten minutes.
            unconfined: Run a stranger's file with limits alone: it could read this
                computer's files, and send them away.
            accept_risk: Go on with that.

        Raises:
            ConfirmationError: See `unconfined` and `accept_risk`.
            StepError: Nobody has won.
            ConfinementError: This machine cannot confine it.
            NotFoundError: The model or the test rows are nowhere to be had, or what
                runs the model is not installed.
        """
        from modelmarket.market.reproducing import reproduce

        refuse_risk(unconfined=unconfined, accept_risk=accept_risk)
        return reproduce(self, limits, unconfined=unconfined)

    def metrics(self) -> Metrics:
        """How good the predictions of the winner are, by the usual figures.

        Log loss is of the probabilities in the winner's folder, if it has any.

        Raises:
            StepError: Nobody has won.
            ChainError: What was opened does not open the seal.
            NotFoundError: The classes' names are nowhere to be had.
        """
        from modelmarket.market.measuring import measured

        return measured(self)

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
