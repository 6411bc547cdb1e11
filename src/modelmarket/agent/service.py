# SPDX-License-Identifier: Apache-2.0
"""The agent as it runs beside its user: with checks, notices and figures.

The same for `modelmarket agent run` and for `modelmarket up`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from modelmarket.agent.notices import Monitor, Sink, desktop, metrics, webhook
from modelmarket.agent.running import POLL_S, Look, Report, Tell, run

if TYPE_CHECKING:
    from modelmarket.market.market import Market

AGAIN_S = 3.0
"""After something that nobody expected; then the agent begins anew."""

_log = logging.getLogger(__name__)


class Service:
    """An agent, and whoever looks on.

    Args:
        market: With wallet and vault.
        monitor: Turns what happens into notices and figures.
        poll_s: Seconds between two looks at the chain.
        address: Where the figures are served; empty for nowhere.
    """

    def __init__(
        self,
        market: Market,
        monitor: Monitor,
        *,
        poll_s: float = POLL_S,
        address: str = "",
    ) -> None:
        self.market = market
        self.address = address
        self._poll_s = poll_s
        self._tell: list[Tell] = [monitor.tell]
        self._looks: list[Look] = [monitor.look]

    def listen(self, tell: Tell, look: Look) -> None:
        """Has somebody else told of each report, and shown each new plan.

        Args:
            tell: Is given what became of each step, first of all.
            look: Is given each new plan.
        """
        self._tell.insert(0, tell)
        self._looks.insert(0, look)

    def run(self, stop: threading.Event | None = None) -> None:
        """Keeps every appointment until it is told to stop.

        Args:
            stop: Ends it between two steps; None to go on until it is interrupted.
        """
        ended = stop or threading.Event()

        def tell(report: Report) -> None:
            for one in self._tell:
                one(report)

        while not ended.is_set():
            try:
                run(
                    self.market,
                    tell=tell,
                    looks=self._looks,
                    stop=ended,
                    poll_s=self._poll_s,
                )
            except Exception:  # noqa: BLE001  # nothing but its user ends the agent
                _log.exception("The agent met something unexpected; it begins again.")
                ended.wait(AGAIN_S)


@contextmanager
def service(
    market: Market,
    *sinks: Sink,
    webhook_address: str | None = None,
    on_desktop: bool = False,
    metrics_port: int = 0,
    poll_s: float = POLL_S,
) -> Iterator[Service]:
    """An agent with everything that looks after it.

    Args:
        market: With wallet and vault.
        sinks: What is given each notice.
        webhook_address: Where notices are posted; None for nowhere.
        on_desktop: Whether warnings are shown there.
        metrics_port: Where figures are served, on loopback; 0 for nowhere.
        poll_s: Seconds between two looks at the chain.

    Raises:
        ModelMarketError: This computer shows no notifications.
        InputError: The port is taken.
    """
    with ExitStack() as closing:
        all_sinks = list(sinks)
        if webhook_address:
            all_sinks.append(closing.enter_context(webhook(webhook_address)))
        if on_desktop:
            all_sinks.append(desktop())
        monitor = Monitor(market, all_sinks)
        address = ""
        if metrics_port:
            address = closing.enter_context(metrics(monitor, metrics_port))
        yield Service(market, monitor, poll_s=poll_s, address=address)
