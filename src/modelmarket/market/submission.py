# SPDX-License-Identifier: Apache-2.0
"""A submission, seen by one user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmarket.errors import StepError
from modelmarket.market.any_request import AnySubmission
from modelmarket.protocol import sentences
from modelmarket.protocol.actions import OpenPredictions
from modelmarket.protocol.labels import count_matches, unpack
from modelmarket.protocol.steps import StepKind

if TYPE_CHECKING:
    from modelmarket.chain.blocks import Receipt
    from modelmarket.market.request import Request
    from modelmarket.vault.secrets import SealedPredictions

COMMANDS = {
    StepKind.WITHDRAW: "withdraw",
    StepKind.OPEN_PREDICTIONS: "validate",
    StepKind.CLAIM: "claim",
}
"""How a step is taken in a terminal."""


class Submission(AnySubmission):
    """A submission to a request of the market of predictions.

    Args:
        request: What it was submitted to.
        record: What its events tell.
    """

    request: Request

    def refresh(self) -> Submission:
        """The submission as it is now."""
        return self.request.refresh().submission(self.id)

    # --- looking ---

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

    # --- acting ---

    def claim(self, matches: int | None = None) -> Receipt:
        """States how many predictions equal the truth.

        Args:
            matches: None for the true number, counted here.

        Raises:
            StepError: The truth is not open, or the predictions are not here.
        """
        now = self.refresh()
        if matches is None:
            matches = now.matches()
        if matches is None:
            raise StepError(
                f"The matches of submission {self.id} cannot be counted: "
                f"{now.request.status()}"
            )
        return self.send_claim(matches)

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
