# SPDX-License-Identifier: Apache-2.0
"""Doing what is due: once, or until it is told to stop."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from modelmarket.agent.steps import NONE, Kind, Step, is_due, plan
from modelmarket.errors import ModelMarketError, RevertError, StepError, in_words
from modelmarket.protocol.types import RequestId, SubmissionId

if TYPE_CHECKING:
    from modelmarket.market.market import Market

POLL_S = 2.0
AT_ONCE = 8
"""Steps whose transactions wait for their blocks at the same time."""
LONGEST_REST_S = 30.0
"""Before a step that failed is tried again, at most."""
NEVER = 2**63
TROUBLES = (ModelMarketError, OSError, sqlite3.Error, sa.exc.SQLAlchemyError)
"""What may pass: a node that is away, a disk that is full."""


@dataclass(frozen=True)
class Report:
    """What became of a step.

    Attributes:
        step: The step.
        done: Whether it is done, by us or by somebody else.
        message: What happened, in words.
    """

    step: Step
    done: bool
    message: str


NO_STEP = Step(Kind.ENFORCE, RequestId(0), NONE, 0, 0)
"""Stands for the whole round when the chain cannot be reached."""

Tell = Callable[[Report], None]


def perform(market: Market, step: Step) -> Report:
    """Does a step; an error is reported, not raised."""
    try:
        request = market.request(step.request_id)
        if step.submission_id:
            submission = market.submission(step.submission_id)
        match step.kind:
            case Kind.STAND_BY:
                pass
            case Kind.OPEN_TRUTH:
                request.open_truth()
            case Kind.CLAIM:
                submission.claim()
            case Kind.VALIDATE:
                submission.validate()
            case Kind.WITHDRAW:
                submission.withdraw()
            case Kind.ENFORCE:
                request.enforce()
    except (RevertError, StepError) as error:
        # Somebody else may have done it, or moved the request on.
        still_due = any(
            one.key == step.key and is_due(market, one) for one in plan(market)
        )
        return Report(step, done=not still_due, message=str(error))
    except TROUBLES as error:
        return Report(step, done=False, message=str(in_words(error) or error))
    return Report(step, done=True, message="done")


def run_once(market: Market) -> list[Report]:
    """Does everything that is due now, the most urgent first.

    Doing a step can make another one due; that is done too.
    """
    reports: list[Report] = []
    failed: set[tuple[Kind, RequestId, SubmissionId]] = set()
    while True:
        due = [
            step
            for step in plan(market)
            if step.key not in failed and is_due(market, step)
        ]
        if not due:
            return reports
        for step in _by_urgency(due):
            report = perform(market, step)
            reports.append(report)
            if not report.done or report.message != "done":
                failed.add(step.key)


def run(
    market: Market,
    *,
    tell: Tell,
    look: Callable[[list[Step]], None] | None = None,
    stop: threading.Event | None = None,
    poll_s: float = POLL_S,
) -> None:
    """Keeps every appointment until it is told to stop.

    Args:
        market: With wallet and vault.
        tell: Is given what became of each step, and each trouble once.
        look: Is given each new plan.
        stop: Ends the agent between two steps.
        poll_s: Seconds between two looks at the chain.
    """
    ended = stop or threading.Event()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="step") as threads:
        keeper = _Keeper(market, threads, tell, look)
        while not ended.is_set():
            keeper.go_round()
            ended.wait(poll_s)


@dataclass
class _Rest:
    """How long a step that failed is left alone.

    Attributes:
        failures: In a row.
        until: By the monotonic clock.
        said: What was told of it last.
    """

    failures: int = 0
    until: float = 0.0
    said: str = ""


class _Keeper:
    """One run's memory: the plan as of a block, and which steps rest."""

    def __init__(
        self,
        market: Market,
        threads: ThreadPoolExecutor,
        tell: Tell,
        look: Callable[[list[Step]], None] | None,
    ) -> None:
        self._market = market
        self._threads = threads
        self._tell = tell
        self._look = look
        self._plan: list[Step] = []
        self._seen: tuple[bytes, int] | None = None
        self._wake = NEVER
        self._rests: dict[tuple[Kind, RequestId, SubmissionId], _Rest] = {}
        self._trouble = ""
        self._is_shown = True

    def go_round(self) -> None:
        """Looks at the chain, and does what is due.

        While no block is new and nothing is due, that is two questions to the
        node; one, while nothing is planned.
        """
        try:
            while self._do_what_is_due():
                pass
        except TROUBLES as error:
            # Looks anew when it is over.
            self._seen = None
            said = str(in_words(error) or error)
            if said != self._trouble:
                self._trouble = said
                self._tell(Report(NO_STEP, done=False, message=self._trouble))
        else:
            self._trouble = ""

    def _show_plan(self) -> None:
        """Whoever looks on must not keep the agent from acting."""
        if self._look is None:
            return
        try:
            self._look(self._plan)
        except TROUBLES as error:
            if self._is_shown:
                said = str(in_words(error) or error)
                self._tell(Report(NO_STEP, done=False, message=said))
            self._is_shown = False
        else:
            self._is_shown = True

    def _do_what_is_due(self) -> bool:
        """Whether something was done, so that more may be due."""
        market = self._market
        market.resume()
        head = market.connection.block()
        seen = head.hash, market.vault.count()
        is_new = seen != self._seen
        now = market.now(head) if self._plan or is_new else 0
        # Without a new block time passes too, and with it windows.
        if is_new or now >= self._wake:
            self._plan = plan(market, now)
            self._seen = seen
            coming = [step.begins for step in self._plan if step.begins > now]
            self._wake = min(coming, default=NEVER)
            self._show_plan()
        if not self._plan:
            return False
        clock = time.monotonic()
        due = [
            step
            for step in self._plan
            if self._rests.get(step.key, _Rest()).until <= clock
            and is_due(market, step, now)
        ]
        reports = list(
            self._threads.map(lambda step: perform(market, step), _by_urgency(due))
        )
        for report in reports:
            self._note(report)
        if reports:
            self._seen = None
        return any(report.done for report in reports)

    def _note(self, report: Report) -> None:
        key = report.step.key
        rest = self._rests.setdefault(key, _Rest())
        if report.message != rest.said:
            rest.said = report.message
            self._tell(report)
        if report.done and report.message == "done":
            del self._rests[key]
            return
        rest.failures += 1
        pause = min(LONGEST_REST_S, POLL_S * 2.0 ** (rest.failures - 1))
        rest.until = time.monotonic() + pause


def _by_urgency(steps: list[Step]) -> list[Step]:
    return sorted(steps, key=lambda step: step.ends or NEVER)
