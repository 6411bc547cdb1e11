# SPDX-License-Identifier: Apache-2.0
"""Behind the pages: one user's market, and what runs beside."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from modelmarket import agent
from modelmarket.agent.notices import Monitor
from modelmarket.agent.service import Service
from modelmarket.errors import ChainError, ModelMarketError
from modelmarket.market.confirming import Actions, is_away
from modelmarket.protocol.types import Address, RequestId, Wei
from modelmarket.web.audits import Audits
from modelmarket.web.keyring import Keyring
from modelmarket.web.news import News
from modelmarket.web.quality import Measuring
from modelmarket.web.terminal import Terminal
from modelmarket.web.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelmarket.agent import Report, Step
    from modelmarket.market import Market

LOG = logging.getLogger("modelmarket.web")
OF_PLAY = "play-money"
"""The passphrase of a demo's key and vault, which is told: nothing there has worth."""
LOOK_S = 0.3
POLL_S = 1.0
"""Between two rounds of the agent, while somebody may be looking."""
AWAY_S = 3.0
"""A node that did not answer is left alone for so long by the pages, each of
which would wait for it."""
HANGS_S = 4.0
"""Since when whoever follows the chain waits for a node that takes every request and
answers none."""
Known = TypeVar("Known")
REPORTS = 50


@dataclass(frozen=True)
class Told:
    """What the agent did, and when.

    Attributes:
        second: Of chain time, as steps to come are told.
        report: What became of a step.
    """

    second: int
    report: Report


@dataclass(frozen=True)
class Glance:
    """What every page shows of the chain.

    Attributes:
        now: Chain time in seconds; as it must be by now while the node is away.
        money: Wei of MDC of whose page it is; None while not known.
        fees: Wei of the chain's own coin; None while not known.
        no_airdrop: Why there is no airdrop for them, in words; empty if there is.
    """

    now: int
    money: Wei | None = None
    fees: Wei | None = None
    no_airdrop: str = ""


class Workspace:
    """One user's market, actions and agent.

    Args:
        market: With wallet and vault; its wallet is the agent's key.
        service: The agent, with what looks after it; None for one that tells
            the page alone.
        move_clock: Moves the embedded chain's clock to a second; None where
            the clock is not ours.
        is_demo: Whether nobody but its user can be meant: pages are this computer's
            key's until another account is chosen, and its passphrase is `OF_PLAY`.

    Attributes:
        coming: What the agent is going to do, as of the newest block.
        barred: What of it the agent may not do, as nobody has appointed it.
    """

    def __init__(
        self,
        market: Market,
        *,
        service: Service | None = None,
        move_clock: Callable[[int], None] | None = None,
        is_demo: bool = False,
    ) -> None:
        self.market = market
        self.is_demo = is_demo
        self._service = service or Service(market, Monitor(market, []), poll_s=POLL_S)
        self.keyring = Keyring(market.home.keystores, market.wallet)
        self.terminal = Terminal()
        self.move_clock = move_clock
        self.actions = Actions(market, self.keyring.unlocked, self.changed)
        self.news = News()
        self.told: deque[Told] = deque(maxlen=REPORTS)
        self.coming: list[Step] = []
        self.barred: list[Step] = []
        self.version = time.time_ns()
        self.trouble = ""
        self.uploads = Uploads(market.home.scratch() / "uploads")
        self.quality = Measuring(self.changed)
        self.audits = Audits()
        self._away_until = 0.0
        self._looking_since = math.inf
        self._last_seen = (0, 0.0)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def to_take(self) -> list[Step]:
        """What of it the agent does."""
        return [
            one
            for one in self.coming
            if one.kind is not agent.Kind.STAND_BY and one not in self.barred
        ]

    @property
    def to_watch(self) -> set[RequestId]:
        """The contests in which the agent may have to do something once others have
        acted.

        In a request of predictions the chain needs nobody to look at what others do.
        """
        return {
            one.request_id
            for one in self.coming
            if one.kind is agent.Kind.STAND_BY and one.request_id.is_verified
        }

    # --- what runs beside ---

    def start(self) -> None:
        """Follows the chain and keeps the appointments, each in a thread."""
        self.uploads.clear()
        try:
            self._foresee(self.known(lambda: agent.plan(self.market), []))
        except ModelMarketError as error:
            # The agent will say so too, and goes on.
            self._say(error.text)
        for work in (self._follow, self._run_agent):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Ends both."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=10)
        self.quality.stop()
        self.uploads.clear()

    def changed(self) -> None:
        """Tells the open pages that there is something new."""
        self.version += 1

    def known(self, ask: Callable[[], Known], otherwise: Known) -> Known:
        """What the node says; something else while it does not answer.

        Raises:
            RevertError: A contract refused; and whatever else the node says.
        """
        clock = time.monotonic()
        if clock - self._looking_since > HANGS_S:
            # The next to ask would wait as long, and so would each page.
            self._say(self.trouble or "It takes every question, and answers none.")
        elif clock >= self._away_until:
            try:
                said = ask()
            except ChainError as error:
                if not is_away(error):
                    raise
                self._away_until = time.monotonic() + AWAY_S
                self.trouble = self.trouble or error.text
            else:
                return said
        return otherwise

    def glance(self, account: Address | None) -> Glance:
        """What every page shows, asked in one go."""
        guess = self._about_now()
        found = self.known(lambda: self._glance(account), None)
        if found is None:
            return Glance(guess)
        self._last_seen = (found.now, time.monotonic())
        return found

    def _about_now(self) -> int:
        """Chain time, from when it was last seen."""
        second, at = self._last_seen
        return second + int(time.monotonic() - at) if second else int(time.time())

    def _glance(self, account: Address | None) -> Glance:
        if account is None:
            return Glance(self.market.moment().now)
        moment, has = self.market.holdings(account)
        return Glance(moment.now, has.money, has.fees, has.no_airdrop)

    def _follow(self) -> None:
        head = b""
        while not self._stop.is_set():
            try:
                self.uploads.forget_idle()
                self._looking_since = min(self._looking_since, time.monotonic())
                newest = self.market.look().head
                self._looking_since = math.inf
                if newest.hash != head:
                    self.actions.look_for_what_wallets_sent()
                    head = newest.hash
                    self.changed()
                self.actions.settle()
            except ModelMarketError as error:
                self._say(error.text)
            except Exception:
                # Whatever it is, it must not end the following of the rest.
                LOG.exception("Following the chain met something unexpected.")
                self._say("Something unexpected happened; the terminal says more.")
            else:
                self._away_until = 0.0
                self._say("")
            self._stop.wait(LOOK_S)

    def _say(self, trouble: str) -> None:
        is_news = bool(trouble) != bool(self.trouble)
        self.trouble = trouble
        if is_news:
            self.changed()

    def _foresee(self, coming: list[Step]) -> None:
        barred = self.known(lambda: agent.barred(self.market, coming), self.barred)
        if (coming, barred) != (self.coming, self.barred):
            self.coming, self.barred = coming, barred
            self.changed()

    def _run_agent(self) -> None:
        def tell(report: Report) -> None:
            now = self.known(lambda: self.market.moment().now, self._about_now())
            self.told.appendleft(Told(now, report))
            self.changed()

        self._service.listen(tell, self._foresee)
        self._service.run(self._stop)
