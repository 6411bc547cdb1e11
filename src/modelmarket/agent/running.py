# SPDX-License-Identifier: Apache-2.0
"""Doing what is due: once, or until it is told to stop.

Whatever goes wrong with one request or one step is told, and that one rests: the
agent goes on with the others. Only being told to stop ends it.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from logging import INFO
from shutil import disk_usage
from typing import TYPE_CHECKING

import sqlalchemy as sa

from modelmarket.agent.checks import FEW_BYTES
from modelmarket.agent.planning import (
    NEVER,
    Kind,
    Step,
    Trouble,
    is_due,
    look_ahead,
)
from modelmarket.errors import (
    DiskError,
    ModelMarketError,
    NotFoundError,
    RevertError,
    StepError,
    StorageError,
    TransactionError,
    in_words,
)
from modelmarket.market import VerifiedRequest
from modelmarket.protocol.steps import NONE
from modelmarket.protocol.types import RequestId, SubmissionId
from modelmarket.system.logs import told

if TYPE_CHECKING:
    from modelmarket.market import Moment, Request
    from modelmarket.market.market import Market

POLL_S = 2.0
AT_ONCE = 8
"""Steps whose transactions wait for their blocks at the same time."""
LONGEST_REST_S = 30.0
"""Before a step that failed is tried again, at most."""
LONGEST_FETCH_REST_S = 3_600.0
"""The same of a model that cannot be fetched: it may be one that nobody ever serves."""
MOST_FETCHED_BYTES = 2**30
"""Of a model that is fetched though nobody asks for it: a stranger's, on a disk that
the vault is on, too."""
TROUBLES = (ModelMarketError, OSError, sqlite3.Error, sa.exc.SQLAlchemyError)
"""What may pass: a node that is away, a disk that is full.

Anything else is told and rested from just the same; besides, it goes into the log
with the place where it happened.
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """What became of a step.

    Attributes:
        step: The step.
        done: Whether it is done, by us or by somebody else.
        message: What happened, in words.
        by_others: Whether there was nothing left to be done by us.
    """

    step: Step
    done: bool
    message: str
    by_others: bool = False

    @property
    def what(self) -> str:
        """Whether the step was taken, as a sentence begins."""
        if not self.done:
            return f"Could not {self.step}"
        if self.by_others:
            return f"There was no need any more to {self.step}"
        return self.step.past.capitalize()

    @property
    def more(self) -> str:
        """What else there is to say, as a sentence ends; empty for nothing."""
        said = "" if self.message == DONE else self.message
        return f"{said}." if said and not said.endswith(".") else said

    def __str__(self) -> str:
        """All of it, as a sentence: `Opened the truth of request 7.`."""
        return f"{self.what}: {self.more}" if self.more else f"{self.what}."


DONE = "done"
"""What is said of a step that has nothing more to it."""

_SLOW = (Kind.WATCH, Kind.FETCH)
"""What may wait for a stranger's gateway, and keeps no other step waiting."""

NO_STEP = Step(Kind.FOLLOW, RequestId(0), NONE, 0, 0)
"""Stands for the whole round when the chain cannot be reached."""

Tell = Callable[[Report], None]
Look = Callable[[list[Step]], None]


def perform(market: Market, step: Step) -> Report:
    """Does a step; an error is reported, not raised."""
    try:
        message = _done(market, step)
    except (RevertError, StepError, TransactionError) as error:
        is_over = _is_over(market, step)
        # What is over is not to be tried again, as the rest would say.
        said = error.message if is_over else error.text
        return Report(step, done=is_over, message=said, by_others=is_over)
    except Exception as error:  # noqa: BLE001  # one step never stops the others
        return Report(step, done=False, message=_told(error, step))
    return Report(step, done=True, message=message)


def _done(market: Market, step: Step) -> str:
    """Does a step.

    Returns:
        `done`, or what came of looking at a candidate.

    Raises:
        Exception: Whatever goes wrong.
    """
    if step.kind is Kind.LOOK:
        look_ahead(market, market.look())
    if step.kind in (Kind.LOOK, Kind.STAND_BY):
        return DONE
    request = market.any_request(step.request_id)
    if step.kind is Kind.ENFORCE:
        request.enforce()
        # How it ended is more than that its time was over.
        now = request.refresh()
        return now.status() if now.record.stage.is_final else DONE
    if step.kind is Kind.FETCH:
        _fetch(request)
        return DONE
    if isinstance(request, VerifiedRequest):
        return _done_in_contest(request, step)
    if step.kind is Kind.OPEN_TRUTH:
        request.open_truth()
        return DONE
    submission = request.submission(step.submission_id)
    match step.kind:
        case Kind.CLAIM:
            submission.claim()
        case Kind.VALIDATE:
            submission.validate()
        case Kind.WITHDRAW:
            submission.withdraw()
    return DONE


def _fetch(request: Request | VerifiedRequest) -> None:
    """Gets a model that was bought, as long as enough is left of the disk.

    Raises:
        DiskError: Not enough is.
        ModelMarketError: Nobody serves it, or it is too large to be fetched unasked.
    """
    free = disk_usage(request.market.home.path).free - FEW_BYTES
    if free <= 0:
        raise DiskError("The disk is nearly full.", hint="Make room on it.")
    try:
        request.keep_model(most_bytes=min(MOST_FETCHED_BYTES, free))
    except (DiskError, NotFoundError):
        raise
    except StorageError as error:
        raise StorageError(
            error.message,
            hint=f"The agent takes no more unasked: `modelmarket request model "
            f"{request.id} FOLDER` tries it without that limit.",
        ) from error


def _done_in_contest(request: VerifiedRequest, step: Step) -> str:
    """Does a step in a verified contest; see `_done`."""
    match step.kind:
        case Kind.OPEN_KEY:
            request.open_key()
            return DONE
        case Kind.SETTLE:
            request.settle()
            return DONE
    submission = request.submission(step.submission_id)
    match step.kind:
        case Kind.CLAIM:
            submission.claim()
        case Kind.SHOW:
            submission.show()
        case Kind.WATCH:
            return submission.watch().value
        case Kind.ANSWER:
            submission.answer()
        case Kind.WITHDRAW:
            submission.withdraw()
        case Kind.WITHDRAW_BOND:
            submission.withdraw_bond()
    return DONE


def _is_over(market: Market, step: Step) -> bool:
    """Whether somebody else did a step that was refused, or moved the request on."""
    try:
        moment = market.look()
        outlook = look_ahead(market, moment)
        if any(one.step.request_id == step.request_id for one in outlook.troubles):
            return False
        return not any(
            one.key == step.key and is_due(market, one, moment) for one in outlook.steps
        )
    except Exception as error:  # noqa: BLE001  # one step never stops the others
        _told(error, step)
        return False


def _told(error: Exception, what: Step) -> str:
    """An error in words; one that nobody expected goes into the log as well."""
    known = in_words(error)
    if known is not None:
        return known.text
    if not isinstance(error, TROUBLES):
        _log.error("%s", what, exc_info=error)
        return f"It went wrong in a way that nobody expected: {error!r}."
    return str(error)


def _report(trouble: Trouble) -> Report:
    return Report(trouble.step, done=False, message=_told(trouble.error, trouble.step))


def run_once(market: Market) -> list[Report]:
    """Does everything that is due now, the most urgent first.

    Doing a step can make another one due; that is done too.
    """
    reports: list[Report] = []
    failed: set[tuple[Kind, RequestId, SubmissionId]] = set()
    while True:
        moment = market.look()
        outlook = look_ahead(market, moment)
        for trouble in outlook.troubles:
            if trouble.step.key not in failed:
                failed.add(trouble.step.key)
                reports.append(_report(trouble))
        due = [
            step
            for step in outlook.steps
            if step.key not in failed and is_due(market, step, moment)
        ]
        if not due:
            return reports
        for step in _by_urgency(due):
            report = perform(market, step)
            reports.append(report)
            if not report.done or report.message != DONE:
                failed.add(step.key)


def run(
    market: Market,
    *,
    tell: Tell,
    looks: Sequence[Look] = (),
    stop: threading.Event | None = None,
    poll_s: float = POLL_S,
) -> None:
    """Keeps every appointment until it is told to stop.

    Args:
        market: With wallet and vault.
        tell: Is given what became of each step, and each trouble once.
        looks: Are given each new plan, none of them waiting for another.
        stop: Ends the agent between two steps.
        poll_s: Seconds between two looks at the chain.
    """
    ended = stop or threading.Event()
    with (
        ThreadPoolExecutor(AT_ONCE, thread_name_prefix="step") as threads,
        ThreadPoolExecutor(AT_ONCE, thread_name_prefix="watch") as watchers,
    ):
        runner = _Runner(market, threads, watchers, tell, looks)
        while not ended.is_set():
            runner.go_round()
            ended.wait(poll_s)
        runner.end()


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


_Key = tuple[Kind, RequestId, SubmissionId]


class _Runner:
    """One run's memory: the plan as of a block, which steps are being done, and
    what rests.
    """

    def __init__(
        self,
        market: Market,
        threads: ThreadPoolExecutor,
        watchers: ThreadPoolExecutor,
        tell: Tell,
        looks: Sequence[Look],
    ) -> None:
        self._market = market
        self._threads = threads
        self._watchers = watchers
        self._tell = tell
        self._onlookers = [_Onlooker(look, self._say) for look in looks]
        self._plan: list[Step] = []
        self._seen: tuple[bytes, int] | None = None
        self._wake = NEVER
        self._doing: dict[_Key, Future[Report]] = {}
        self._rests: dict[_Key, _Rest] = {}
        self._trouble = ""

    def go_round(self) -> None:
        """Looks at the chain, and does what is due.

        While no block is new and nothing is due, that is two questions to the
        node; one, while nothing is planned.
        """
        try:
            while self._do_what_is_due():
                pass
        except Exception as error:  # noqa: BLE001  # nothing but its user ends the agent
            # Looks anew when it is over.
            self._seen = None
            said = _told(error, NO_STEP)
            if said != self._trouble:
                self._trouble = said
                self._say(Report(NO_STEP, done=False, message=said))
        else:
            self._trouble = ""

    def end(self) -> None:
        """Waits for what is being done."""
        wait(self._doing.values())
        self._collect()
        for onlooker in self._onlookers:
            onlooker.end()

    def _do_what_is_due(self) -> bool:
        """Whether something was done, so that more may be due."""
        market = self._market
        self._resume()
        moment = market.look()
        seen = moment.head.hash, market.vault.count()
        # Without a new block time passes too, and with it windows and rests.
        if seen != self._seen or moment.now >= self._wake or self._is_rested():
            self._look_ahead(moment)
            self._seen = seen
        for onlooker in self._onlookers:
            onlooker.show(self._plan)
        for step in _by_urgency(self._plan):
            if self._is_to_be_done(step, moment):
                threads = self._watchers if step.kind in _SLOW else self._threads
                self._doing[step.key] = threads.submit(perform, market, step)
        # One that hangs must not keep the others from what comes next.
        wait(self._doing.values(), timeout=POLL_S)
        reports = self._collect()
        if reports:
            self._seen = None
        return any(report.done for report in reports)

    def _resume(self) -> None:
        """Sees through what an earlier run had signed.

        What this run is doing just now is its own matter.
        """
        if self._doing or not self._may_try(NO_STEP):
            return
        try:
            self._market.resume()
        except Exception as error:  # noqa: BLE001  # one transaction never stops the others
            self._note(Report(NO_STEP, done=False, message=_told(error, NO_STEP)))
        else:
            self._rests.pop(NO_STEP.key, None)

    def _look_ahead(self, moment: Moment) -> None:
        clock = time.monotonic()
        resting = {
            key[1]
            for key, rest in self._rests.items()
            if key[0] is Kind.LOOK and rest.until > clock
        }
        outlook = look_ahead(self._market, moment, resting)
        self._plan = outlook.steps
        troubled = {trouble.step.request_id for trouble in outlook.troubles}
        for key in list(self._rests):
            if key[0] is Kind.LOOK and key[1] not in resting | troubled:
                del self._rests[key]
        for trouble in outlook.troubles:
            self._note(_report(trouble))
        coming = [step.begins for step in self._plan if step.begins > moment.now]
        self._wake = min(coming, default=NEVER)

    def _is_rested(self) -> bool:
        """Whether what could not be planned is to be tried again."""
        clock = time.monotonic()
        return any(
            key[0] is Kind.LOOK and rest.until <= clock
            for key, rest in self._rests.items()
        )

    def _may_try(self, step: Step) -> bool:
        return self._rests.get(step.key, _Rest()).until <= time.monotonic()

    def _is_to_be_done(self, step: Step, moment: Moment) -> bool:
        if step.key in self._doing or not self._may_try(step):
            return False
        try:
            return is_due(self._market, step, moment)
        except Exception as error:  # noqa: BLE001  # one step never stops the others
            self._note(Report(step, done=False, message=_told(error, step)))
            return False

    def _collect(self) -> list[Report]:
        """What became of the steps that have come to an end."""
        ended = [key for key, task in self._doing.items() if task.done()]
        reports = [self._doing.pop(key).result() for key in ended]
        for report in reports:
            self._note(report)
        return reports

    def _note(self, report: Report) -> None:
        key = report.step.key
        rest = self._rests.setdefault(key, _Rest())
        if report.message != rest.said:
            rest.said = report.message
            self._say(report)
        if report.done and report.message == DONE:
            del self._rests[key]
            return
        rest.failures += 1
        is_fetch = report.step.kind is Kind.FETCH
        longest = LONGEST_FETCH_REST_S if is_fetch else LONGEST_REST_S
        pause = min(longest, POLL_S * 2.0 ** min(rest.failures - 1, 30))
        rest.until = time.monotonic() + pause

    def _say(self, report: Report) -> None:
        step, done = str(report.step), report.done
        told(_log, INFO, "a step", step=step, done=done, says=report.message)
        try:
            self._tell(report)
        except Exception:  # noqa: BLE001  # telling never stops it
            _log.exception("What happened could not be told: %s", report.message)


class _Onlooker:
    """Somebody who is shown each new plan, and keeps nobody from acting.

    Looking may take long: gateways are asked, and one that hangs is waited for
    here alone. What was planned meanwhile is shown when that is over.
    """

    def __init__(self, look: Look, tell: Tell) -> None:
        self._look = look
        self._tell = tell
        self._thread: threading.Thread | None = None
        self._shown: list[Step] | None = None
        self._trouble = ""

    def show(self, plan: list[Step]) -> None:
        """Shows a plan, unless it is the one that was shown last."""
        busy = self._thread is not None and self._thread.is_alive()
        if busy or plan is self._shown:
            return
        self._shown = plan
        self._thread = threading.Thread(
            target=self._show, args=(plan,), name="onlooker", daemon=True
        )
        self._thread.start()

    def end(self) -> None:
        """Waits a little for the last look."""
        if self._thread is not None:
            self._thread.join(POLL_S)

    def _show(self, plan: list[Step]) -> None:
        try:
            self._look(plan)
        except Exception as error:  # noqa: BLE001  # whoever looks on keeps nobody from acting
            said = _told(error, NO_STEP)
            if said != self._trouble:
                self._trouble = said
                self._tell(Report(NO_STEP, done=False, message=said))
        else:
            self._trouble = ""


def _by_urgency(steps: list[Step]) -> list[Step]:
    return sorted(steps, key=lambda step: step.ends or NEVER)
