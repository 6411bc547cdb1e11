# SPDX-License-Identifier: Apache-2.0
"""A submission, seen by one user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmarket.chain.events import decode
from modelmarket.chain.reasons import REASONS
from modelmarket.errors import RevertError, StepError
from modelmarket.protocol import payouts, sentences
from modelmarket.protocol.actions import (
    CancelSubmission,
    Claim,
    OpenPredictions,
    Withdraw,
)
from modelmarket.protocol.events import SubmissionCancelled, SubmissionFailed
from modelmarket.protocol.labels import count_matches, unpack
from modelmarket.protocol.phases import Status
from modelmarket.protocol.requests import SubmissionRecord
from modelmarket.protocol.steps import StepKind
from modelmarket.protocol.types import SubmissionId, Wei
from modelmarket.system.text import local_time

if TYPE_CHECKING:
    from modelmarket.chain.blocks import Receipt
    from modelmarket.market.request import Request
    from modelmarket.vault.secrets import SealedPredictions

CLAIM_TRIES = 5
COMMANDS = {
    StepKind.WITHDRAW: "withdraw",
    StepKind.OPEN_PREDICTIONS: "validate",
    StepKind.CLAIM: "claim",
}
"""How a step is taken in a terminal."""
STALE_HINTS = ("BadHint", "HintTooFar")


class Submission:
    """A submission to a request.

    Args:
        request: What it was submitted to.
        record: What its events tell.
    """

    def __init__(self, request: Request, record: SubmissionRecord) -> None:
        self.request = request
        self.record = record
        self.id: SubmissionId = record.id

    def __repr__(self) -> str:
        return f"Submission({self.id}, {self.record.status.name})"

    def refresh(self) -> Submission:
        """The submission as it is now."""
        return self.request.refresh().submission(self.id)

    # --- looking ---

    def due(self) -> Wei:
        """Wei of MDC that withdrawing would pay, as far as this has been read."""
        return payouts.due(self.request.record, self.record)

    def secret(self) -> SealedPredictions | None:
        """What opens it, if it is in this vault and was sealed by its trainer."""
        secret = self.request.market.vault.predictions(self.record.seal)
        if secret is None or secret.trainer != self.record.trainer:
            return None
        return secret

    def matches(self) -> int | None:
        """How many of its predictions equal the truth; None while unknown."""
        truth, secret = self.request.truth(), self.secret()
        if truth is None or secret is None:
            return None
        terms = self.request.terms
        predictions = unpack([secret.packed], terms.labels, terms.bits)
        return count_matches(truth, predictions)

    def status(self) -> str:
        """What is so and what comes next, in words."""
        request = self.request
        found = sentences.of_submission(request.record, self.record, request.now)
        if found.step is None:
            return found.sentence
        command = COMMANDS[found.step]
        return f"{found.sentence}: modelmarket submission {command} {self.id}"

    def refuse_if_ended(self) -> None:
        """Makes sure that it is still in the running.

        Raises:
            StepError: It was cancelled or has failed; says when.
        """
        if self.record.is_live:
            return
        kinds = (SubmissionCancelled, SubmissionFailed)
        for placed in self.request.market.history(self.request.id):
            event = decode(placed.log)
            if isinstance(event, kinds) and event.submission_id == self.id:
                what = {
                    Status.CANCELLED: "was cancelled",
                    Status.FAILED: "failed",
                }[self.record.status]
                name = f" ({self.record.name})" if self.record.name else ""
                raise StepError(
                    f"Submission {self.id}{name} to request {self.request.id} {what} "
                    f"already, in block {placed.log.block:,} at "
                    f"{local_time(placed.timestamp)}.",
                    hint=self.status(),
                )

    # --- acting ---

    def cancel(self, *, accept_slash: bool = False) -> Receipt:
        """Takes the submission out.

        Args:
            accept_slash: Whether to go on where the stake would be lost.
        """
        return self.request.market.do(
            CancelSubmission(
                self.request.id,
                self.id,
                self.record.seal,
                accept_slash=accept_slash,
            )
        )

    def claim(self, matches: int | None = None) -> Receipt:
        """States how many predictions equal the truth.

        Args:
            matches: None for the true number, counted here.

        Raises:
            StepError: The truth is not open, or the predictions are not here.
        """
        now, market = self.refresh(), self.request.market
        if matches is None:
            matches = now.matches()
        if matches is None:
            raise StepError(
                f"The matches of submission {self.id} cannot be counted: "
                f"{now.request.status()}"
            )
        for attempt in range(1, CLAIM_TRIES + 1):
            if attempt > 1:
                market.look()
            try:
                return market.do(
                    Claim(self.request.id, self.id, self.record.seal, matches)
                )
            except RevertError as error:
                # Others claim at the same time; a hint can be stale.
                if error.reason not in STALE_HINTS or attempt == CLAIM_TRIES:
                    raise
        raise RevertError(REASONS["HintTooFar"].sentence, reason="HintTooFar")

    def validate(self) -> list[Receipt]:
        """Opens predictions and model, page by page, as candidate.

        Raises:
            StepError: It is not the candidate, or the secret is not here.
        """
        request = self.request.refresh()
        now = request.submission(self.id)
        if request.refuses(StepKind.OPEN_PREDICTIONS, now.record):
            raise StepError(
                f"Submission {self.id} cannot be validated now: {request.status()}"
            )
        secret = self.secret()
        if secret is None:
            raise StepError(f"The predictions of {self.id} are not in this vault.")
        market, opening = self.request.market, secret.opening()
        last = len(opening.pages) - 1
        return [
            market.send(
                market.contract.open_predictions(
                    self.id,
                    page,
                    request.record.truth[page],
                    opening.pages[page],
                    opening.inner(page),
                    secret.superhash,
                    secret.model if page == last else "",
                ),
                OpenPredictions(request.id, self.id, page),
            )
            for page in range(request.record.pages, len(opening.pages))
        ]

    def withdraw(self) -> Receipt:
        """Takes what is due."""
        return self.request.market.do(Withdraw(self.request.id, self.id))
