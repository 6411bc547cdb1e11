# SPDX-License-Identifier: Apache-2.0
"""Telling people and programs what an agent does, and warning them in time."""

from __future__ import annotations

import logging
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from modelmarket.agent.checks import examine
from modelmarket.agent.planning import Kind, Step
from modelmarket.agent.running import Report
from modelmarket.errors import ModelMarketError
from modelmarket.system.text import in_a_line, utc_time

if TYPE_CHECKING:
    from modelmarket.market import Market, Moment

EXAMINE_S = 300.0
"""Between two looks at everything that an appointment could be missed by."""
WEBHOOK_TRIES = 4
WEBHOOK_TIMEOUT_S = 10.0
DESKTOP_TIMEOUT_S = 10.0
MOST_WAITING = 1_000

_log = logging.getLogger(__name__)


class Level(StrEnum):
    """How much a notice matters."""

    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True)
class Notice:
    """Something to be told. It never holds a secret.

    Attributes:
        time: UTC.
        level: A warning wants something done.
        event: `step`, `trouble`, or the check that failed or is well again.
        message: In words.
        request: About which request, as JSON has it; 0 = none.
        submission: About which submission, as JSON has it; 0 = none.
        done: Whether a step is done.
    """

    time: str
    level: Level
    event: str
    message: str
    request: int | str = 0
    submission: int | str = 0
    done: bool = False

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {key: value for key, value in asdict(self).items() if value != 0}


Sink = Callable[[Notice], None]


class Monitor:
    """Turns what an agent does and a doctor finds into notices and figures.

    Args:
        market: The agent's.
        sinks: What is given each notice.
    """

    def __init__(self, market: Market, sinks: list[Sink]) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge

        self._market = market
        self._sinks = sinks
        self._bad: dict[str, str] = {}
        self._examined = 0.0
        self.registry = CollectorRegistry()

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            full = f"modelmarket_{name}"
            return Gauge(full, what, labels, registry=self.registry)

        self._steps = Counter(
            "modelmarket_steps",
            "Steps that the agent took.",
            ("kind", "outcome"),
            registry=self.registry,
        )
        self._planned = gauge("steps_planned", "Steps that are to come.")
        self._margin = gauge(
            "step_margin_seconds", "Until it is too late for the next step that is due."
        )
        self._head = gauge("head_block", "The newest block that was seen.")
        self._lag = gauge("chain_lag_seconds", "This computer's clock less chain time.")
        self._unfinished = gauge(
            "transactions_unfinished", "Signed, and not in the chain yet."
        )
        self._checks = gauge("check", "Whether what `doctor` looks at is well.", "name")

    def tell(self, report: Report) -> None:
        """Takes what became of a step."""
        step = report.step
        if not step.request_id:
            self._say(Level.WARNING, "trouble", report.message)
            return
        outcome = "done" if report.done else "failed"
        self._steps.labels(step.kind.value, outcome).inc()
        self._say(
            Level.INFO if report.done else Level.WARNING,
            "step",
            str(report),
            request=step.request_id.shown,
            submission=step.submission_id.shown,
            done=report.done,
        )

    def look(self, plan: list[Step]) -> None:
        """Takes a new plan; looks at everything else from time to time.

        Raises:
            ChainError: The node does not answer.
        """
        market = self._market
        moment = market.look()
        now = moment.now
        self._planned.set(sum(step.kind is not Kind.STAND_BY for step in plan))
        due = [step.ends - now for step in plan if step.ends and step.begins <= now]
        self._margin.set(min(due, default=float("inf")))
        self._head.set(moment.head.number)
        self._lag.set(time.time() - now)
        self._unfinished.set(len(market.unfinished()))
        if time.monotonic() - self._examined > EXAMINE_S or not self._examined:
            self._examined = time.monotonic()
            self._examine(plan, moment)

    def _examine(self, plan: list[Step], moment: Moment) -> None:
        for check in examine(self._market, plan, moment):
            self._checks.labels(check.name).set(check.is_good)
            before = self._bad.pop(check.name, "")
            if not check.is_good:
                self._bad[check.name] = check.says
            if not check.is_good and not before:
                self._say(Level.WARNING, check.name, f"{check.name}: {check.says}")
            elif check.is_good and before:
                self._say(Level.INFO, check.name, f"{check.name} is well again.")

    def _say(self, level: Level, event: str, message: str, **about: Any) -> None:
        notice = Notice(
            utc_time(int(time.time())), level, event, in_a_line(message), **about
        )
        for sink in self._sinks:
            # Telling must never keep the agent from acting: whoever read the
            # lines may be gone, and the desktop may hang.
            try:
                sink(notice)
            except (OSError, subprocess.SubprocessError):
                continue
            except Exception:  # noqa: BLE001  # telling never stops it
                _log.exception("A notice could not be told.")


@contextmanager
def webhook(address: str) -> Iterator[Sink]:
    """Posts each notice as JSON to an address, which may hold a token.

    It never keeps the agent waiting; what cannot be posted in a few tries is
    said in the terminal, without the address, and given up.
    """
    import httpx

    waiting: queue.Queue[Notice | None] = queue.Queue(MOST_WAITING)

    def post(notice: Notice) -> None:
        for attempt in range(WEBHOOK_TRIES):
            try:
                with httpx.Client(timeout=WEBHOOK_TIMEOUT_S) as client:
                    client.post(address, json=notice.document()).raise_for_status()
            except Exception as error:  # noqa: BLE001  # the next notice has its own chance
                trouble = type(error).__name__
                time.sleep(2**attempt / 4)
            else:
                return
        with suppress(OSError):
            print(f"The webhook did not take a notice ({trouble}).", file=sys.stderr)  # noqa: T201  # nobody else to tell

    def work() -> None:
        while (notice := waiting.get()) is not None:
            post(notice)

    def sink(notice: Notice) -> None:
        # A hook that is down for long loses the oldest news, not the newest.
        while True:
            try:
                waiting.put_nowait(notice)
            except queue.Full:
                waiting.get_nowait()
            else:
                return

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        waiting.put(None)
        thread.join(timeout=WEBHOOK_TIMEOUT_S)


def desktop() -> Sink:
    """Shows warnings on the desktop.

    Raises:
        ModelMarketError: This computer has no program for that.
    """
    command = _desktop_command()

    def sink(notice: Notice) -> None:
        if notice.level is Level.WARNING:
            subprocess.run(  # noqa: S603  # no shell, no options from strangers
                [*command, notice.message],
                check=False,
                timeout=DESKTOP_TIMEOUT_S,
                stdin=subprocess.DEVNULL,
            )

    return sink


def _desktop_command() -> list[str]:
    """Shows a notification with the text that follows it."""
    if found := shutil.which("notify-send"):
        return [found, "--app-name=ModelMarket", "ModelMarket", "--"]
    if found := shutil.which("osascript"):
        script = (
            "on run argv",
            'display notification (item 1 of argv) with title "ModelMarket"',
            "end run",
        )
        return [found, *(part for line in script for part in ("-e", line))]
    raise ModelMarketError(
        "This computer shows no notifications.",
        hint="Install notify-send, or leave --notify out.",
    )


@contextmanager
def metrics(monitor: Monitor, port: int) -> Iterator[str]:
    """Serves a monitor's figures to Prometheus, on loopback.

    Raises:
        InputError: The port is taken.
    """
    from prometheus_client import generate_latest
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from modelmarket.system.serving import NamedHost, serving

    def show(_request: Request) -> Response:
        text = generate_latest(monitor.registry)
        return Response(text, media_type="text/plain; version=0.0.4")

    application = Starlette(
        routes=[Route("/metrics", show)],
        middleware=[Middleware(NamedHost)],
    )
    with serving(application, port=port) as address:
        yield f"{address}/metrics"
