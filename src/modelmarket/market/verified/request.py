# SPDX-License-Identifier: Apache-2.0
"""A verified contest, seen by one user."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelmarket.errors import DataError, ModelMarketError, StepError
from modelmarket.market.any_request import AnyRequest, check_name
from modelmarket.market.questions import refuse_high_stake
from modelmarket.market.verified.evidence import (
    MODEL_FILE,
    keep_model,
    kept_model,
    shown_model,
)
from modelmarket.market.verified.fitting import Fit, Training, fit_of
from modelmarket.market.verified.opened import Opened
from modelmarket.market.verified.refutations import Refutation
from modelmarket.market.verified.submission import VerifiedSubmission
from modelmarket.protocol import contest_sentences
from modelmarket.protocol.actions import OpenKey, Settle, SubmitModel
from modelmarket.protocol.contest_steps import BY_OPERATORS, refusal
from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.phases import Failure
from modelmarket.protocol.schema import NumberTarget
from modelmarket.protocol.seals import superhash
from modelmarket.protocol.steps import StepKind
from modelmarket.storage.store import MOST_BYTES
from modelmarket.vault.secrets import SealedModel

if TYPE_CHECKING:
    from modelmarket.chain.blocks import Receipt
    from modelmarket.datasets.contest import ContestFolder, ContestManifest
    from modelmarket.datasets.figures import Metrics
    from modelmarket.datasets.libraries import Library
    from modelmarket.market.contents import KeptModel
    from modelmarket.market.market import Market
    from modelmarket.market.verified.checking import CheckedModel
    from modelmarket.market.verified.prospects import Prospect
    from modelmarket.models import ExactModel
    from modelmarket.models.validating import Show, Validation
    from modelmarket.protocol.hidden import RowCodes
    from modelmarket.protocol.records import BaseRecord, SubmissionRecord
    from modelmarket.protocol.reproductions import Reproduction
    from modelmarket.protocol.schema import Schema, Target
    from modelmarket.protocol.types import Address, SubmissionId
    from modelmarket.system.confinement import Limits

NO_PICKLE = (
    "A model is given in Python as it was fitted, or as the file of an exact model: "
    "`request.convert(estimator).save(path)`."
)


def _warned(found: Prospect) -> None:
    """Tells a program's user by Python's own warnings."""
    from modelmarket.market.verified.prospects import warned

    for one in found.warnings:
        warned(one)


def _silently(line: str) -> None:
    """Nobody is told."""
    del line


class VerifiedRequest(AnyRequest[VerifiedSubmission]):
    """A verified contest, as it was when it was looked at.

    Args:
        market: Where it is.
        record: What its events tell.
        now: Chain time of that look, in seconds.
    """

    record: ContestRecord
    READ_ONCE = ("schema", "_training")

    def __init__(self, market: Market, record: BaseRecord, now: int) -> None:
        assert isinstance(record, ContestRecord), "it is of this market"
        super().__init__(market, record, now)
        self.terms = record.terms

    # --- looking ---

    def refuses(
        self, kind: StepKind, submission: SubmissionRecord | None = None
    ) -> bool:
        who = self.market.wallet.address
        # Only a step of somebody else's that an operator may take is asked about.
        is_operator = (
            submission is not None
            and kind in BY_OPERATORS
            and submission.trainer != who
            and self.market.is_operator(submission.trainer, who, verified=True)
        )
        why = refusal(
            kind,
            self.record,
            self.now,
            who=who,
            submission=submission,
            is_operator=is_operator,
        )
        return why is not None

    def status(self) -> str:
        found = contest_sentences.of_request(self.record, self.now)
        if found.step is StepKind.ENFORCE_TIMEOUT:
            return f"{found.sentence}: modelmarket request enforce {self.id}"
        if found.step is StepKind.SETTLE:
            return f"{found.sentence}: modelmarket request settle {self.id}"
        return found.sentence

    def submission(self, submission_id: SubmissionId) -> VerifiedSubmission:
        """A submission to this contest.

        Raises:
            NotFoundError: It is another one's.
        """
        return VerifiedSubmission(self, self.submission_record(submission_id))

    def candidate(self) -> VerifiedSubmission | None:
        """Who has shown its model and is not refuted; None for nobody."""
        found = self.record.candidate
        return None if found is None else VerifiedSubmission(self, found)

    def refutations(self) -> list[Refutation]:
        """Who was refuted, and by what."""
        return [
            Refutation.of(self, one)
            for one in self.record.submissions.values()
            if one.failure is Failure.REFUTED
        ]

    # --- the data ---

    @cached_property
    def folder(self) -> ContestFolder:
        """The published folder; whoever has fetched it keeps it.

        Raises:
            NotFoundError: No gateway has it.
        """
        from modelmarket.datasets.contest import ContestFolder

        self.fetch()
        store, dataset = self.market.store, self.contents.dataset
        return ContestFolder(lambda name: store.path(store.resolve(dataset, name)))

    def manifest(self) -> ContestManifest:
        """What the folder says of itself.

        Raises:
            DataError: It contradicts the terms.
        """
        manifest = self.folder.manifest()
        if manifest.hidden_rows != self.terms.rows:
            raise DataError(
                f"Request {self.id} is about {self.terms.rows:,} rows, but its folder "
                f"hides {manifest.hidden_rows:,}.",
                hint="Do not enter this contest.",
            )
        return manifest

    @cached_property
    def schema(self) -> Schema:
        """How a table becomes codes.

        Raises:
            DataError: It is not what the terms say.
        """
        schema, terms = self.folder.schema(self.terms.schema_hash), self.terms
        says = (len(schema.columns), schema.width, schema.target.bits)
        promised = (terms.columns, terms.width, terms.bits)
        if (*says, schema.target.outputs) != (*promised, terms.outputs):
            raise DataError(
                f"The schema of request {self.id} contradicts its terms.",
                hint="Do not enter this contest: no model could fit.",
            )
        return schema

    def check_folder(self) -> None:
        """Makes sure that everything that is hidden is there, and is what was promised.

        What was available then is available later, since every entrant keeps it.

        Raises:
            NotFoundError: No gateway has it.
            DataError: It contradicts the terms, or they themselves, so nobody should
                enter.
        """
        for _, problem in self.terms.problems(self.record.weights):
            raise DataError(
                f"The terms of request {self.id} are none: {problem}",
                hint="Do not enter it.",
            )
        self.manifest()
        _ = self.schema
        self.folder.hidden(self.terms)

    def training_data(
        self,
        library: Library = "numpy",
        *,
        codes: bool = True,
        numbered: bool = False,
    ) -> tuple[Any, Any]:
        """The training part: features and labels, as exact models are fitted on them.

        Args:
            library: Whose tables to make: polars, pandas, numpy or torch.
            codes: Features in codes, and labels as targets: classes' numbers, or
                numbers in the schema's steps from its offset. Otherwise both as they
                were published; nothing that is fitted on those can be submitted here.
            numbered: Without codes, too, give classes as their numbers from 0.

        Returns:
            A table of shape (train rows, columns), see
            `modelmarket.datasets.libraries.table_for`, and the labels.

        Raises:
            InputError: There is no such library, or torch is to take text.
            NotFoundError: It is not installed; or no gateway has the data.
        """
        from modelmarket.datasets.libraries import codes_for, labels_for, table_for

        if codes:
            known, names = self.training(), [one.name for one in self.schema.columns]
            return codes_for(library, known.codes, names, known.targets)
        frame, labels = self.folder.frame()
        target = self.schema.target
        classes = () if isinstance(target, NumberTarget) else target.classes.names
        return (
            table_for(library, frame),
            labels_for(library, labels, classes, numbered=numbered),
        )

    def test_data(self, library: Library = "numpy") -> Any:
        """The hidden rows in codes, as models predict them, once the key is open.

        What is to be predicted of them, `opened().targets` has, in the same order.

        Args:
            library: Whose table to make: polars, pandas, numpy or torch.

        Returns:
            A table of shape (hidden rows, columns), see `training_data`.

        Raises:
            StepError: They are hidden still; says what to do meanwhile.
            InputError: There is no such library.
            NotFoundError: It is not installed; or no gateway has the data.
        """
        from modelmarket.datasets.libraries import codes_for

        if not self.record.key:
            raise StepError(
                f"The test rows of request {self.id} are hidden until its key is open: "
                f"{self.status()}",
                hint="A model is sealed without them: "
                f"`modelmarket submit {self.id} MODEL`. How it does on rows not seen, "
                f"`modelmarket submission check {self.id} MODEL` tells from the "
                "training part.",
            )
        opened, names = self.opened(), [one.name for one in self.schema.columns]
        codes = opened.codes.view()
        codes.flags.writeable = False  # other looks at the contest share it
        return codes_for(library, codes, names, opened.targets)[0]

    def training(self) -> Training:
        """The training part in codes, as exact models are fitted on it."""
        return self._training

    @cached_property
    def _training(self) -> Training:
        codes, targets = self.folder.training(self.schema)
        codes.flags.writeable = targets.flags.writeable = False
        return Training(codes, targets)

    def codes(self, table: Any) -> RowCodes:
        """The codes of another table's rows; shape (rows, columns).

        Args:
            table: With the columns of the training part: a file's path, or a data frame
                of polars or pandas.

        Raises:
            DataError: A column is missing, or a cell is none of its kind.
        """
        from modelmarket.datasets.codes import codes_of
        from modelmarket.datasets.given import opened_table

        scratch = self.market.home.scratch()
        with opened_table(table, scratch) as opened:
            return codes_of(opened, self.schema, scratch)

    def opened(self) -> Opened:
        """Rows and targets, once the key is open.

        Raises:
            StepError: It is not.
            DataError: The hidden files are not those of the terms.
        """
        key = self.record.key
        if not key:
            raise StepError(
                f"The key of request {self.id} is not open: {self.status()}"
            )

        def read() -> Opened:
            return Opened.of(self.record, key, *self.folder.hidden(self.terms))

        return self.market.opened.get(self.record, read)

    @cached_property
    def known_target(self) -> Target | None:
        """What names predictions; None if the folder is not all here.

        Nothing is fetched for it, and whatever a stranger's folder has is no error.
        """
        if self.market.files(self.record.dataset) is None:
            return None
        try:
            return self.schema.target
        except ModelMarketError:
            return None

    @property
    def mean_error(self) -> str:
        """What the error of a regression is called."""
        return self.terms.points.error_name

    def error_of(self, score: int) -> float | None:
        """By how much the numbers that score so much are off, on average.

        Errors count as the points count them: in whole steps, and none beyond the
        one from which on a row scores nothing.

        Args:
            score: Of a model on the hidden rows.

        Returns:
            In the label's own unit: the mean absolute error, or the root of the mean
            squared one. None for classes, or if the folder is not all here.
        """
        if not self.terms.points.is_regression:
            return None  # perf: a schema of many columns takes a while to be read
        target = self.known_target
        if not isinstance(target, NumberTarget):
            return None
        return self.record.scoring.error(score, self.terms.rows) * float(target.step)

    @property
    def largest_error(self) -> Fraction | None:
        """The error that earns the reward at most, as its requester says it.

        In the label's own unit; None for classes and without a threshold, or if the
        folder is not all here.
        """
        terms = self.terms
        if not (terms.points.is_regression and terms.minimum_score):
            return None  # perf: see `error_of`
        target = self.known_target
        if not isinstance(target, NumberTarget):
            return None
        scoring = self.record.scoring
        return scoring.largest_error(terms.minimum_score, terms.rows, target.step)

    # --- a trainer's steps ---

    def convert(self, model: Any) -> ExactModel:
        """The exact model of a fitted estimator, or the one in a file.

        Args:
            model: A fitted estimator, an `ExactModel`, or the path of its file.

        Raises:
            InputError: It cannot be converted, or is beyond a limit; says what to
                change.
        """
        from modelmarket.models import ExactModel, Limits
        from modelmarket.models.inspecting.pickles import refuse_pickle

        limits = Limits.of_terms(self.terms)
        if isinstance(model, str | Path):
            refuse_pickle(Path(model), NO_PICKLE)
            return ExactModel.load(Path(model), limits)
        if isinstance(model, ExactModel):
            model.check(limits)
            return model
        sample = self.training().codes
        return ExactModel.of(model, self.schema, sample=sample, limits=limits)

    def check_file(self, path: Path, what: str = "model") -> None:
        """Looks at the file of an exact model; nothing is sealed.

        Raises:
            InputError: It is none, or is beyond a limit.
        """
        del what
        self.convert(path)

    def suggest(self, estimator: Any) -> dict[str, Any]:
        """Parameters with which an estimator's model fits into the contest.

        Args:
            estimator: Of scikit-learn, XGBoost, LightGBM or CatBoost, fitted or not;
                or a network of PyTorch's, which has no parameters to change: it fits,
                or is told what would.

        Returns:
            For `estimator.set_params`; what is asked for is kept where it can be.

        Raises:
            InputError: It could not be converted anyway, or nothing fits.
        """
        from modelmarket.models import Limits, suggest

        return suggest(estimator, Limits.of_terms(self.terms))

    def fit_of(self, model: ExactModel) -> Fit:
        """What can be said of a model before anything is staked on it."""
        known = model.predict(self.training().codes, bits=self.terms.bits)
        return fit_of(self, model, known)

    def check(self, model: Any, show: Show | None = None) -> CheckedModel:
        """Says what `submit` would seal, and stakes nothing.

        Once the key is open, it says too how many points that scores on the hidden
        rows, and which place it would have taken: an unofficial board, for nothing.

        Args:
            model: A fitted estimator, an `ExactModel`, or the path of its file.
            show: Is told how far cross-validation is, such as `print`; None for none.

        Raises:
            InputError: The model cannot be converted, or is beyond a limit; or does so
                much worse than the same estimator fitted on the codes that it was
                fitted on something else.
            DataError: The hidden files are not what the terms promise.
            RevertError: The contract would not let it be shown.
        """
        from modelmarket.market.verified.checking import check

        return check(self, model, show)

    def refuse_unshowable(self, model: ExactModel) -> None:
        """Makes sure that a model could be shown: else it would cost the stake.

        Raises:
            RevertError: The contract would not let it be; says why.
        """
        self.market.markets.verified.referee().check_header(
            self.terms, model.header.word, model.base
        )

    def prospect(self, model: ExactModel, payer: Address | None = None) -> Prospect:
        """What entering with a model may come to: what a demand could cost, what a
        challenge, and what would keep this computer from watching.

        Args:
            model: That would be sealed.
            payer: Whose coin would pay for it; None if nobody's yet.

        Raises:
            ChainError: The node does not answer.
        """
        from modelmarket.market.verified.prospects import prospect

        return prospect(self, model, payer)

    def validate(self, model: Any, show: Show | None = None) -> Validation:
        """How a model predicts, as far as the training part tells.

        A fitted estimator is fitted again, for a minute at most, to predict rows
        that it has not seen: on the table as it is, on codes, and as an exact model.
        An exact model cannot be, so that it predicts rows that it may know.

        Args:
            model: A fitted estimator, an `ExactModel`, or the path of its file.
            show: Is told how far it is, such as `print`.

        Raises:
            InputError: The model cannot be converted, or is beyond a limit.
        """
        from modelmarket.market.verified.validating import validate

        return validate(self, model, show or _silently)

    def submit(
        self,
        model: Any,
        *,
        name: str = "",
        show: Show | None = print,
        again: bool = False,
        accept_stake: bool = False,
        tell: Callable[[Prospect], None] | None = None,
    ) -> VerifiedSubmission:
        """Seals a model, and stakes on it.

        What would keep this computer from watching, or from answering a demand, is
        warned of before it stakes.

        Args:
            model: A fitted estimator, an `ExactModel`, or the path of its file. It
                is shown only if its claim is the best.
            name: Shown beside the submission; at most 64 bytes.
            show: Is told, line by line, what you agree to, what it may come to and how
                the model does before anything is staked, see `agreement`, `prospect`
                and `validate`, and what was entered; None for nothing, which saves the
                time.
            again: Go on where a submission of one's own stands already.
            accept_stake: Go on where the stake is above the reward.
            tell: Is given what entering may come to, before money is at stake; None
                for Python's own warnings.

        Raises:
            ConfirmationError: It is allowed, but hardly meant: see `again` and
                `accept_stake`.
            InputError: The model cannot be converted, or is beyond a limit; or does so
                much worse than the same estimator fitted on the codes that it was
                fitted on something else.
            DataError: The hidden files are not what the terms promise.
            StepError: The deadline has passed, or an interrupted run has
                submitted already.
            FundsError: MDC or fees do not suffice.
        """
        from modelmarket.market.verified.validating import refuse_another

        def prepare(now: VerifiedRequest, owner: Address) -> SubmitModel:
            exact = now.convert(model)
            prepared = now.prepare_submission(
                exact, name=name, owner=owner, again=again, accept_stake=accept_stake
            )
            prospect = now.prospect(exact, owner)
            (tell or _warned)(prospect)
            if show is not None:
                for line in prospect.lines():
                    show(line)
                found = now.validate(model, show)
                for line in found.lines():
                    show(line)
                refuse_another(now, found, exact)
            return prepared

        return self.enter(SubmitModel, prepare, show)

    def prepare_submission(
        self,
        model: Any,
        *,
        name: str = "",
        owner: Address,
        again: bool = False,
        accept_stake: bool = False,
    ) -> SubmitModel:
        """Everything before the transaction: the secrets lie in the vault.

        Args:
            model: A fitted estimator, an `ExactModel`, or the path of its file.
            name: Shown beside the submission; at most 64 bytes.
            owner: Who will send the transaction; the seal names them.
            again: Go on where a submission of one's own stands already.
            accept_stake: Go on where the stake is above the reward.

        Raises:
            ConfirmationError: See `again` and `accept_stake`; nothing is stored.
            InputError: The model cannot be converted, or the name is too long.
            RevertError: The contract would not let it be shown.
            DataError: The hidden files are not what the terms promise.
        """
        from modelmarket.market.verified.reusing import refuse_second

        market = self.market
        check_name(name)
        self.check_folder()
        exact = self.convert(model)
        self.refuse_unshowable(exact)
        if not accept_stake:
            refuse_high_stake(self.terms.stake, self.terms.reward)
        if not again:
            refuse_second(self, exact, owner)
        with tempfile.TemporaryDirectory(dir=market.home.scratch()) as scratch:
            bundle = Path(scratch) / "model"
            bundle.mkdir()
            exact.save(bundle / MODEL_FILE)
            stored = market.store.add(bundle)
        secret = SealedModel(
            chain_id=market.network.chain_id,
            market=market.markets.verified.address,
            trainer=owner,
            request_id=self.id,
            terms_hash=self.record.terms_hash,
            model_root=exact.root,
            superhash=superhash(str(stored.cid)),
            salt=market.root().salt(
                self.record.terms_hash, owner.encode(), bytes(stored.cid), exact.root
            ),
            model=str(stored.cid),
        )
        return SubmitModel(
            request=self.id,
            terms_hash=self.record.terms_hash,
            stake=self.terms.stake,
            sealed_as=market.put_away(secret),
            superhash=secret.superhash,
            name=name,
            again=again,
        )

    # --- the requester's steps ---

    def open_key(self) -> Receipt:
        """Opens the key, and with it all rows and targets.

        Raises:
            StepError: It is not time.
            VaultError: The key is not in this vault.
        """
        now = self.refresh()
        if now.refuses(StepKind.OPEN_KEY):
            raise StepError(
                f"The key of request {self.id} cannot be opened now: {now.status()}"
            )
        return self.market.do(OpenKey(self.id))

    def settle(self) -> Receipt:
        """Pays the candidate that stood unrefuted."""
        return self.market.do(Settle(self.id))

    # --- afterwards ---

    def model(self) -> ExactModel:
        """The model that won, held against what was shown.

        Raises:
            StepError: Nobody has won.
            ModelMarketError: No gateway has it, and it was not posted.
        """
        return shown_model(self.market, self._winning())

    def keep_model(self, *, most_bytes: int = MOST_BYTES) -> KeptModel:
        """Gets the model that won into the store, as it is served or was posted.

        Args:
            most_bytes: For models of the other market: the terms bound these.

        Raises:
            StepError: Nobody has won.
            ModelMarketError: No gateway has it, and it was not posted.
        """
        del most_bytes
        return keep_model(self.market, self._winning())

    def kept_model(self) -> KeptModel | None:
        """The model that won, if it is in the store; nothing is fetched."""
        won = self.record.submissions.get(self.record.winner)
        if won is None or won.showing is None:
            return None
        return kept_model(self.market, won)

    def _winning(self) -> SubmissionRecord:
        """The submission that won.

        Raises:
            StepError: Nobody has.
        """
        won = self.record.submissions.get(self.record.winner)
        if won is None or won.showing is None:
            raise StepError(f"Request {self.id} has no winner: {self.status()}")
        return won

    def reproduce(
        self,
        limits: Limits | None = None,
        *,
        unconfined: bool = False,
        accept_risk: bool = False,
    ) -> Reproduction:
        """Runs the model that won on the hidden rows, exactly as the chain would.

        Args:
            limits: For models of the other market: these are whole numbers, which
                nothing is executed of, and the terms bound them.
            unconfined: Likewise.
            accept_risk: Likewise.

        Raises:
            StepError: Nobody has won.
            NotFoundError: The rows are nowhere to be had.
        """
        from modelmarket.market.reproducing import recomputed

        del limits, unconfined, accept_risk
        return recomputed(self)

    def metrics(self) -> Metrics:
        """How good the model that won is on the hidden rows, by the usual figures.

        It is recomputed; numbers are those of the contest, in the schema's steps.

        Raises:
            StepError: Nobody has won.
            NotFoundError: The model or the rows are nowhere to be had.
        """
        from modelmarket.market.measuring import recomputed

        return recomputed(self)

    def export(self, path: Path | str) -> None:
        """Writes the model that won as ONNX, which says the same of every row.

        Args:
            path: Of the file. It reads a row's codes, see `codes`, and says its
                target, and of classes the label.

        Raises:
            StepError: Nobody has won.
            InputError: It cannot be said in ONNX; says why.
        """
        from modelmarket.protocol.schema import ClassTarget

        target = self.schema.target
        names = target.classes.names if isinstance(target, ClassTarget) else ()
        self.model().export(path, bits=self.terms.bits, names=names)

    def predict(
        self,
        table: Any,
        limits: Limits | None = None,
        *,
        unconfined: bool = False,
        accept_risk: bool = False,
    ) -> list[str]:
        """What the model that won says of another table's rows, in words.

        Args:
            table: With the columns of the training part; see `codes`.
            limits: See `reproduce`.
            unconfined: Likewise.
            accept_risk: Likewise.

        Raises:
            StepError: Nobody has won.
            DataError: A column is missing, or a cell is none of its kind.
        """
        del limits, unconfined, accept_risk
        model = self.model()
        found = model.predict(self.codes(table), bits=self.terms.bits)
        return self.schema.target.decode(found)

    def check_rows(self, table: Path) -> None:
        """Makes sure that a table's rows can be predicted; see `predict`.

        Raises:
            DataError: It has no row or lacks a column, or a cell is none of its kind.
        """
        from modelmarket.market.winning import refuse_no_rows

        refuse_no_rows(table, len(self.codes(table)))
