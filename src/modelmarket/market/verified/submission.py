# SPDX-License-Identifier: Apache-2.0
"""A submission to a verified contest, seen by one user."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import SystemRandom
from typing import TYPE_CHECKING

from modelmarket.errors import ModelMarketError, StepError
from modelmarket.market.any_request import AnySubmission
from modelmarket.market.verified.calls import contest_of, showing_of
from modelmarket.market.verified.evidence import MODEL_FILE, OURS, Evidence, gather
from modelmarket.market.verified.judging import (
    FalseGroup,
    Lie,
    find_lies,
    group_of,
)
from modelmarket.market.verified.watching import Verdict, watch
from modelmarket.protocol import contest_sentences
from modelmarket.protocol.actions import (
    Answer,
    Demand,
    Refute,
    ShowModel,
    WithdrawBond,
)
from modelmarket.protocol.shown import Shown
from modelmarket.protocol.steps import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelmarket.chain.blocks import Call, Receipt
    from modelmarket.market.verified.listing import Listing
    from modelmarket.market.verified.request import VerifiedRequest
    from modelmarket.models import ExactModel
    from modelmarket.vault.secrets import SealedModel

ANSWERS_AT_ONCE = 16
"""Parts that wait for their blocks at once; four of the fullest fit into one."""

COMMANDS = {
    StepKind.WITHDRAW: "withdraw",
    StepKind.WITHDRAW_BOND: "withdraw-bond",
    StepKind.SHOW_MODEL: "show-model",
    StepKind.ANSWER: "answer",
    StepKind.CLAIM: "claim",
}
"""How a step is taken in a terminal."""


class VerifiedSubmission(AnySubmission):
    """A submission to a verified contest.

    Args:
        request: What it was submitted to.
        record: What its events tell.
    """

    request: VerifiedRequest

    def refresh(self) -> VerifiedSubmission:
        """The submission as it is now."""
        return self.request.refresh().submission(self.id)

    # --- looking ---

    def status(self) -> str:
        """What is so and what comes next, in words."""
        request = self.request
        found = contest_sentences.of_submission(
            request.record, self.record, request.now
        )
        if found.step is None:
            return found.sentence
        command = COMMANDS[found.step]
        return f"{found.sentence}: modelmarket submission {command} {self.id}"

    def secret(self) -> SealedModel | None:
        """What opens its seal, if it is in this vault and was sealed by its trainer."""
        secret = self.request.market.vault.model(self.record.seal)
        if secret is None or secret.trainer != self.record.trainer:
            return None
        return secret

    def model(self) -> ExactModel:
        """Its exact model, out of this store.

        Raises:
            StepError: What was sealed is not in this vault.
            NotFoundError: The model is not in the store.
        """
        from modelmarket.models import ExactModel
        from modelmarket.models.files import MOST_BYTES
        from modelmarket.storage.cid import Cid

        store = self.request.market.store
        found = store.resolve(Cid.parse(self._sealed().model), MODEL_FILE)
        return ExactModel.from_bytes(store.read_bytes(found, most=MOST_BYTES))

    def listing(self) -> Listing:
        """The true listing of its model, once the key is open.

        Raises:
            StepError: The key is not open, or the model is not here.
        """
        return self.request.opened().listing(self.model())

    def score(self) -> int:
        """The points of its model on the opened rows.

        Raises:
            StepError: The key is not open, or the model is not here.
        """
        return self.listing().score

    def _sealed(self) -> SealedModel:
        secret = self.secret()
        if secret is None:
            raise StepError(
                f"The model of submission {self.id} is not in this vault.",
                hint="A backup is read by `modelmarket vault restore FILE`.",
            )
        return secret

    # --- its trainer's steps ---

    def claim(self, score: int | None = None) -> Receipt:
        """States what the model scores.

        Args:
            score: None for the true score, computed here.

        Raises:
            StepError: The key is not open, or the model is not here.
        """
        return self.send_claim(self.refresh().score() if score is None else score)

    def show(self, listing: Listing | None = None) -> Receipt:
        """Shows the model and its predictions, as candidate.

        Both are served from the store from now on.

        Args:
            listing: What is listed; None for the truth.

        Raises:
            StepError: It is not the candidate, or the model is not here.
        """
        request = self.request.refresh()
        now = request.submission(self.id)
        if request.refuses(StepKind.SHOW_MODEL, now.record):
            raise StepError(
                f"Submission {self.id} cannot show its model now: {request.status()}"
            )
        secret, model, market = self._sealed(), self.model(), request.market
        listed = listing or request.opened().listing(model)
        stored = market.store.add_bytes(listed.to_bytes(), f"listing-{self.id}")
        shown = Shown(
            now.record.trainer,
            model.header.word,
            model.base_hash,
            model.units_root,
            listed.root,
            now.record.score or 0,
        )
        call = market.markets.verified.show_model(
            self.id,
            contest_of(request.record),
            shown,
            model.base,
            salt=secret.salt,
            model=secret.model,
            listing=str(stored.cid),
        )
        return market.send(call, ShowModel(request.id, self.id))

    def answer(self) -> list[Receipt]:
        """Posts every part that was demanded and is still owed.

        Many wait for their blocks at the same time, in no order that anybody foresees:
        whoever posts one first only helps, and keeps none of the others waiting.

        Returns:
            Of the parts that were posted here.

        Raises:
            StepError: Nothing is owed, or model or listing are not here.
            ModelMarketError: What kept a part from being posted, when all others were
                tried and it is still owed.
        """
        request = self.request.refresh()
        now = request.submission(self.id)
        if now.record.demand is None or request.refuses(StepKind.ANSWER, now.record):
            raise StepError(f"Nothing is owed for submission {self.id}.")
        evidence = now.evidence()
        if not evidence.is_whole:
            raise StepError(
                f"Model and listing of submission {self.id} are not all here: "
                f"{evidence.why}"
            )
        posted: list[Receipt] = []
        while owed := now.owed():
            found, failure = now.post(evidence, owed)
            posted += found
            now = now.refresh()
            # One that was posted by somebody meanwhile is done as well.
            if failure is not None and now.owed() == owed:
                raise failure
        return posted

    def owed(self) -> list[tuple[int, bool]]:
        """Parts that were demanded and not posted; whether each is of the listing."""
        demand = self.record.demand
        if demand is None:
            return []
        of_model = [(part, False) for part in sorted(demand.owed)]
        return of_model + [(part, True) for part in sorted(demand.owed_of_listing)]

    def post(
        self, evidence: Evidence, parts: Sequence[tuple[int, bool]]
    ) -> tuple[list[Receipt], ModelMarketError | None]:
        """Posts parts side by side, each by itself.

        Returns:
            Receipts of those that were posted, and what kept another one, if any.
        """

        def send(part: int, of_listing: bool) -> Receipt:
            call = self.listing_call if of_listing else self.part_call
            action = Answer(self.request.id, self.id, part, of_listing)
            return self.request.market.send(call(evidence, part), action)

        shuffled = SystemRandom().sample(parts, len(parts))
        with ThreadPoolExecutor(ANSWERS_AT_ONCE, "answer") as threads:
            tasks = [threads.submit(send, *one) for one in shuffled]
        found: list[Receipt] = []
        failure: ModelMarketError | None = None
        for task in tasks:
            try:
                found.append(task.result())
            except ModelMarketError as error:
                failure = error
        return found, failure

    def part_call(self, evidence: Evidence, index: int) -> Call:
        """Posts a part of the shown model."""
        from modelmarket.models.proofs import part

        model, market = evidence.model, self.request.market
        assert model is not None, "all of it is here"
        clerk, found = market.markets.verified.clerk(), part(model, index)
        place = market.markets.verified.address
        shown = showing_of(self.record).shown
        if shown.is_dense:
            return clerk.answer_dense(
                place, self.id, shown, base=model.base, posted=found.words
            )
        return clerk.answer_trees(
            place, self.id, shown, part=index, posted=found.words, proof=found.proof
        )

    def listing_call(self, evidence: Evidence, index: int) -> Call:
        """Posts a part of the shown listing."""
        assert evidence.listing is not None, "all of it is here"
        market, part = self.request.market, evidence.listing.part(index)
        return market.markets.verified.clerk().answer_listing(
            market.markets.verified.address,
            self.id,
            contest_of(self.request.record),
            showing_of(self.record).shown,
            part=index,
            posted=part.words,
            sums=part.points,
            steps=part.steps,
        )

    # --- others' steps ---

    def evidence(self) -> Evidence:
        """Its model and listing, wherever they are to be had.

        A listing that is true needs nobody to serve it: the model gives it.
        """
        request = self.request
        found = gather(request.market, self.record, now=request.now)
        if found.model is None or found.listing is not None:
            return found
        try:
            computed = request.opened().listing(found.model)
        except OURS:
            raise
        except ModelMarketError:
            return found  # without its rows it cannot be computed, but demanded
        if computed.is_of(showing_of(self.record).shown):
            return replace(found, listing=computed)
        return found

    def find_lies(self, evidence: Evidence) -> Iterator[Lie]:
        """What is false in what it showed, as far as it is to be had.

        A sum is found to be false without the model. That all is true says only
        evidence that is whole.
        """
        if evidence.listing is not None:
            opened = self.request.opened()
            yield from find_lies(opened, evidence.model, evidence.listing)

    def find_lie(self, evidence: Evidence) -> Lie | None:
        """The first of them; None if nothing false was found."""
        return next(self.find_lies(evidence), None)

    def refute(self, evidence: Evidence, lie: Lie) -> Receipt:
        """Proves on the chain that something is false.

        Raises:
            RevertError: Nothing is, or it is too late.
        """
        request, market = self.request, self.request.market
        opened, listing = request.opened(), evidence.listing
        assert listing is not None, "what is false in it was found"
        row = -1 if isinstance(lie, FalseGroup) else lie.row
        group = lie.group if isinstance(lie, FalseGroup) else group_of(opened, row)
        referee = market.markets.verified.referee()
        place = (market.markets.verified.address, self.id, contest_of(request.record))
        shown = showing_of(self.record).shown
        if isinstance(lie, FalseGroup):
            call = referee.recount(
                *place,
                shown,
                key=opened.key,
                targets=opened.group(group),
                listed=listing.group(group),
                weights=request.record.weights,
            )
        else:
            call = referee.rerun(
                *place,
                shown,
                key=opened.key,
                row=opened.row(row),
                listed=listing.group(group),
                base=showing_of(self.record).base,
                better=lie.computed if request.record.terms.outputs > 1 else 0,
                executed=lie.rerun.words,
                proof=lie.rerun.proof,
            )
        return market.send(call, Refute(request.id, self.id, row, group))

    def watch(self) -> Verdict:
        """Looks whether what it showed is true; refutes it, or demands what is missing.

        Raises:
            StepError: It is no candidate any more.
            RevertError: Somebody else was faster.
        """
        return watch(self.refresh())

    def demand(self) -> Receipt:
        """Demands that its model and listing be posted, for a bond.

        Raises:
            FundsError: MDC or fees do not suffice.
        """
        bond = self.request.record.terms.demand_bond
        return self.request.market.do(Demand(self.request.id, self.id, bond))

    def withdraw_bond(self) -> Receipt:
        """Takes the bond of a demand back, once it has failed."""
        return self.request.market.do(WithdrawBond(self.request.id, self.id))
