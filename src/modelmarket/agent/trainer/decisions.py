# SPDX-License-Identifier: Apache-2.0
"""What a trainer decided about a request, in words and as programs read it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.types import RequestId, SubmissionId, Wei

if TYPE_CHECKING:
    from modelmarket.agent.trainer.rules import Rule
    from modelmarket.market.trained import Trained

NO_REQUEST, NO_SUBMISSION = RequestId(0), SubmissionId(0)


class Verdict(StrEnum):
    """What came of looking at a request, as JSON has it."""

    ENTERED = "entered"
    ENTERED_BEFORE = "entered_before"
    WOULD_ENTER = "would_enter"
    NOT_ENTERED = "not_entered"
    FAILED = "failed"

    @property
    def words(self) -> str:
        """For people."""
        return self.value.replace("_", " ")


@dataclass(frozen=True)
class Decision:
    """What was decided about a request.

    Attributes:
        request: Which; 0 for the market as a whole, which could not be looked at.
        verdict: What came of it.
        why: In words.
        rule: That it does not keep; None unless it was not entered.
        submission: What it was entered with; 0 for nothing.
        stake: Wei of MDC that the request asks for.
        trained: The model; None if none was trained.
    """

    request: RequestId
    verdict: Verdict
    why: str
    rule: Rule | None = None
    submission: SubmissionId = NO_SUBMISSION
    stake: Wei = Wei(0)
    trained: Trained | None = None

    @property
    def message(self) -> str:
        """A line for people: which request, what was decided, and why."""
        if not self.request:
            return f"The market could not be looked at: {self.why}"
        return f"Request {self.request}: {self.verdict.words}: {self.why}"

    @property
    def key(self) -> tuple[RequestId, Verdict, Rule | None, str]:
        """What makes it another decision than one before."""
        is_refused = self.verdict is Verdict.NOT_ENTERED
        return self.request, self.verdict, self.rule, "" if is_refused else self.why

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "request": self.request.shown,
            "decision": self.verdict.value,
            "rule": None if self.rule is None else self.rule.value,
            "message": self.message,
            "submission": self.submission.shown or None,
            "stake_wei": str(self.stake),
            "training": None if self.trained is None else self.trained.as_document(),
        }


def entered(
    request: RequestId, submission: SubmissionId, stake: Wei, trained: Trained
) -> Decision:
    """A request was entered."""
    why = f"{trained}; submission {submission}, {format_mdc(stake)} MDC at stake"
    return Decision(
        request,
        Verdict.ENTERED,
        why,
        submission=submission,
        stake=stake,
        trained=trained,
    )
