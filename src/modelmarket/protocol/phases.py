# SPDX-License-Identifier: Apache-2.0
"""The phases of a request, and what its clock says at any second.

`OPEN`, `CLAIMS` and `VALIDATION` begin and end by block time, without a
transaction; the final phases are entered by one. A window covers the seconds
start <= t < end. The same rules in Vyper: `position` in
`contracts/requests.vy`.
"""

from dataclasses import dataclass
from enum import IntEnum


class Phase(IntEnum):
    """What a request is in, as `phase(id)` of the contract returns it."""

    OPEN = 1
    TRUTH = 2
    CLAIMS = 3
    VALIDATION = 4
    FULFILLED = 5
    REFUNDED = 6
    CANCELLED = 7
    FORFEITED = 8

    @property
    def is_final(self) -> bool:
        """Whether nothing but withdrawing is left."""
        return self > Phase.VALIDATION


class Status(IntEnum):
    """What has become of a submission, as `submission(id)` returns it."""

    SUBMITTED = 1
    RANKED = 2
    CANCELLED = 3
    FAILED = 4
    WON = 5
    WITHDRAWN = 6


class Failure(IntEnum):
    """Why a submission failed, as the event `SubmissionFailed` says."""

    MISMATCH = 1
    TIMED_OUT = 2
    CANCELLED_LATE = 3
    REFUTED = 4
    WITHHELD = 5


@dataclass(frozen=True)
class Transition:
    """An arrow of the state diagram.

    Attributes:
        source: The phase before; None for creation.
        target: The phase after.
        cause: The call, or the clock, that makes it so.
    """

    source: Phase | None
    target: Phase
    cause: str


TRANSITIONS = (
    Transition(None, Phase.OPEN, "create_request"),
    Transition(Phase.OPEN, Phase.TRUTH, "clock: the deadline"),
    Transition(Phase.OPEN, Phase.CANCELLED, "cancel_request"),
    Transition(Phase.TRUTH, Phase.CLAIMS, "open_truth: last page"),
    Transition(Phase.TRUTH, Phase.CANCELLED, "cancel_request"),
    Transition(Phase.TRUTH, Phase.FORFEITED, "enforce_timeout: some live"),
    Transition(Phase.TRUTH, Phase.REFUNDED, "enforce_timeout: none live"),
    Transition(Phase.CLAIMS, Phase.VALIDATION, "clock: a candidate"),
    Transition(Phase.CLAIMS, Phase.REFUNDED, "enforce_timeout: no candidate"),
    Transition(Phase.VALIDATION, Phase.VALIDATION, "candidate fails: the next one"),
    Transition(Phase.VALIDATION, Phase.FULFILLED, "open_predictions: count is right"),
    Transition(Phase.VALIDATION, Phase.REFUNDED, "candidate fails: none left"),
)
"""Every way from phase to phase. The diagram in the docs is drawn from it."""


@dataclass(frozen=True)
class Position:
    """What a request's clock says.

    Attributes:
        phase: The phase.
        step_ends: The second at which the present window ends; 0 when final.
        overdue: Whether a step was missed, so that only `enforce_timeout`
            may change the request.
        shown: Whether a verified contest's candidate has shown its model.
    """

    phase: Phase
    step_ends: int
    overdue: bool
    shown: bool = False


@dataclass(frozen=True)
class Clock:
    """What a request's position follows from.

    Attributes:
        stage: The last phase that a transaction entered.
        started: When the present window began; the deadline until the truth
            is wholly open. No page moves it.
        deadline: End of `OPEN`.
        response_window_s: Seconds of each step after it.
        opening_window_s: Seconds in which a list must be opened whole.
        has_candidate: Whether the best claim reaches the threshold.
    """

    stage: Phase
    started: int
    deadline: int
    response_window_s: int
    opening_window_s: int
    has_candidate: bool

    def at(self, now: int) -> Position:
        """The position at a second of chain time."""
        if self.stage.is_final:
            return Position(self.stage, 0, overdue=False)
        if now < self.deadline:
            return Position(Phase.OPEN, self.deadline, overdue=False)
        phase = max(self.stage, Phase.TRUTH)
        is_claims = phase is Phase.CLAIMS
        window = self.response_window_s if is_claims else self.opening_window_s
        ends = self.started + window
        if is_claims and now >= ends and self.has_candidate:
            phase = Phase.VALIDATION
            ends += self.opening_window_s
        return Position(phase, ends, overdue=now >= ends)
