# SPDX-License-Identifier: Apache-2.0
"""Looks at a market, and enters what fits: the part that asks, trains and pays."""

from __future__ import annotations

import logging
import math
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from logging import INFO
from typing import TYPE_CHECKING, Any

from modelmarket.agent.running import TROUBLES
from modelmarket.agent.trainer.decisions import Decision, Verdict, entered
from modelmarket.agent.trainer.installed import (
    BUILT_IN,
    Train,
    TrainingError,
    plugin,
    trained,
)
from modelmarket.agent.trainer.rules import (
    Asked,
    Purse,
    Refusal,
    RequestKind,
    Rule,
    Rules,
    by_model,
    by_sizes,
    by_terms,
)
from modelmarket.errors import in_words
from modelmarket.market import VerifiedRequest
from modelmarket.market.fees import CONTEST_GAS, GAS
from modelmarket.market.trained import Budget
from modelmarket.market.training import sizes_of
from modelmarket.protocol.actions import Entering
from modelmarket.protocol.phases import Phase
from modelmarket.protocol.types import RequestId, Wei
from modelmarket.system.logs import told

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelmarket.market import Market, Request
    from modelmarket.market.trained import Trained
    from modelmarket.market.verified.prospects import Prospect

MOST_TRIES = 5
"""At one request: it cannot learn everything, but a gateway may just be slow."""
REST_S = 5.0
"""Before a request that failed is tried again; then twice as long, and so on."""
LOCK_S = 120.0
"""Another trainer of the same account may be entering something for so long."""
FRESH_S = 1.0
"""A look is as good as new for so long."""
MOST_NAME_BYTES = 64

DONE = (Verdict.ENTERED, Verdict.WOULD_ENTER)

_TURN = threading.Lock()
"""Trainers of one program train one by one: threads that import parts of one library at
once break each other's imports."""
_log = logging.getLogger(__name__)


@dataclass
class _Known:
    """What a trainer remembers of a request while it runs.

    Attributes:
        decision: The last one that cost time.
        failures: In a row.
        until: By the monotonic clock; before, nothing is tried again.
    """

    decision: Decision
    failures: int = 0
    until: float = math.inf


@dataclass(frozen=True)
class _Seen:
    """The market as it was looked at.

    Attributes:
        live: Requests that have not ended.
        leaving: Entries of one's own that are signed and not in the chain yet.
        purse: What there is to stake, and what is at stake.
        second: Of that look, by the monotonic clock.
    """

    live: list[Request | VerifiedRequest]
    leaving: list[Entering]
    purse: Purse
    second: float = field(default_factory=time.monotonic)


class Trainer:
    """Enters every request that fits its rules, once.

    Whether it has entered one already is asked of chain and journal, never of a memory
    of its own.

    Args:
        market: With wallet and vault.
        rules: What fits; None for the usual ones.
        train: Makes the models; None for the built-in portfolio.
        threads: That training may use; None for one for each processor.
        is_dry: Decide and train, and stake nothing.
        show: Is told, line by line, how far training is; None for nobody.
    """

    def __init__(
        self,
        market: Market,
        rules: Rules | None = None,
        *,
        train: Train | None = None,
        threads: int | None = None,
        is_dry: bool = False,
        show: Callable[[str], Any] | None = None,
    ) -> None:
        self.market = market
        self.rules = rules or Rules()
        self._train = train or plugin(BUILT_IN)
        self._threads = threads
        self._is_dry = is_dry
        self._show = show or (lambda _: None)
        self._fees = Wei(0)
        self._known: dict[RequestId, _Known] = {}
        self._noted: dict[RequestId, object] = {}

    def look(self) -> list[Decision]:
        """Looks at all open requests, and enters those that fit.

        Returns:
            What was decided about each, the one that closes first at the front.

        Raises:
            ModelMarketError: The node does not answer, or no key is unlocked.
        """
        return list(self.decide())

    def decide(self) -> Iterator[Decision]:
        """The same, each as soon as it is decided.

        Raises:
            ModelMarketError: The node does not answer, or no key is unlocked.
        """
        self.market.resume()
        seen = self._seen()
        taking = [one for one in seen.live if one.position().phase is Phase.OPEN]
        for request in sorted(taking, key=lambda one: one.record.deadline):
            # Training the one before may have taken minutes, and money.
            if time.monotonic() - seen.second > FRESH_S:
                seen = self._seen()
                yield self._decided(request.refresh(), seen)
            else:
                yield self._decided(request, seen)

    def _seen(self) -> _Seen:
        """The market as it is now."""
        market, me = self.market, self.market.wallet.address
        live = market.requests(is_final=False)
        leaving = [
            one.action
            for one in market.unfinished()
            if isinstance(one.action, Entering)
        ]
        locked = sum(one.stake for one in leaving) + sum(
            one.record.terms.stake
            for one in live
            for mine in one.mine()
            if mine.record.is_live
        )
        fee = Wei(0)
        if self.rules.most_fees is not None:
            fee = market.price(max(GAS["submit"], CONTEST_GAS["submit_model"]))
        purse = Purse(market.balance(me), Wei(locked), self._fees, fee)
        return _Seen(live, leaving, purse)

    def _decided(self, request: Request | VerifiedRequest, seen: _Seen) -> Decision:
        """What is decided about a request; whatever goes wrong is a decision, too."""
        known = self._known.get(request.id)
        try:
            if stands := self._stands(request, seen):
                return stands
            if known is not None and time.monotonic() < known.until:
                return known.decision
            decision = self._tried(request, seen)
        except TROUBLES as error:
            said = in_words(error)
            decision = self._of(request, Verdict.FAILED, str(said or error))
        except Exception as error:  # noqa: BLE001  # one request never stops the others
            _log.exception("Request %s", request.id)
            decision = self._of(
                request, Verdict.FAILED, f"nobody expected this: {error!r}."
            )
        self._remember(request.id, decision, known)
        if self._noted.get(request.id) != decision.key:
            self._noted[request.id] = decision.key
            told(_log, INFO, "decided", **decision.document())
        return decision

    def _of(
        self,
        request: Request | VerifiedRequest,
        verdict: Verdict,
        why: str,
        **more: Any,
    ) -> Decision:
        stake = request.record.terms.stake
        return Decision(request.id, verdict, why, stake=stake, **more)

    def _remember(
        self, request_id: RequestId, decision: Decision, known: _Known | None
    ) -> None:
        """Keeps what would cost time to find out again."""
        if decision.verdict is Verdict.FAILED:
            failures = 1 + (known.failures if known else 0)
            pause = REST_S * 2.0 ** (failures - 1)
            until = time.monotonic() + pause if failures < MOST_TRIES else math.inf
            self._known[request_id] = _Known(decision, failures, until)
        elif decision.rule is Rule.LEAST_GAP or decision.verdict in DONE:
            self._known[request_id] = _Known(decision)
        else:
            # What the terms tell costs nothing to find out; and money comes back.
            self._known.pop(request_id, None)

    def _stands(
        self, request: Request | VerifiedRequest, seen: _Seen
    ) -> Decision | None:
        """That it was entered already, or is being entered; None if it is not."""
        if mine := request.mine():
            ids = ", ".join(str(one.id) for one in mine)
            return self._of(
                request,
                Verdict.ENTERED_BEFORE,
                f"submission {ids} is yours",
                submission=mine[-1].id,
            )
        if any(one.request == request.id for one in seen.leaving):
            return self._of(
                request,
                Verdict.NOT_ENTERED,
                "an entry of yours is still on its way",
                rule=Rule.UNDER_WAY,
            )
        return None

    def _tried(self, request: Request | VerifiedRequest, seen: _Seen) -> Decision:
        """Goes through the rules, trains and enters.

        Raises:
            ModelMarketError: Something went wrong; if anything was staked by then,
                chain or journal have it.
        """
        left = max(0, request.record.deadline - request.now)
        refused = by_terms(self.rules, _asked(request, left), seen.purse)
        refused = refused or by_sizes(self.rules, sizes_of(request))
        if refused is not None:
            return self._refused(request, refused)
        # What a folder says of itself may be a lie: no more is taken than is allowed.
        request.fetch(most_bytes=self.rules.most_bytes)
        budget = Budget(self.rules.seconds_for(left), self._threads, self._show)
        self._show(f"Request {request.id}: training for up to {budget.seconds:.0f} s")
        with _TURN:
            found = trained(self._train, request, budget)
            refused = by_model(self.rules, found)
            if refused is not None:
                return self._refused(request, refused, trained=found)
            return self._enter(request, found)

    def _refused(
        self, request: Request | VerifiedRequest, refused: Refusal, **more: Any
    ) -> Decision:
        return self._of(
            request, Verdict.NOT_ENTERED, refused.why, rule=refused.rule, **more
        )

    def _enter(self, request: Request | VerifiedRequest, found: Trained) -> Decision:
        """Stakes on a model, or says that it would.

        Raises:
            ModelMarketError: It cannot be sealed, or sent.
        """
        if self._is_dry:
            _check(request, found.model)
            return self._of(request, Verdict.WOULD_ENTER, str(found), trained=found)
        with _alone(self.market):
            # Training took its time: somebody else may train for the same account.
            seen, now = self._seen(), request.refresh()
            if stands := self._stands(now, seen):
                return stands
            if refused := by_terms(self.rules, _asked(now, math.inf), seen.purse):
                return self._refused(now, refused, trained=found)
            me = self.market.wallet.address
            before = self.market.fee_balance(me)
            try:
                made = self._submitted(now, found)
            finally:
                spent = max(0, before - self.market.fee_balance(me))
                self._fees = Wei(self._fees + spent)
        return entered(request.id, made, request.record.terms.stake, found)

    def _submitted(self, request: Request | VerifiedRequest, found: Trained) -> Any:
        """The id of what was submitted; see `request.submit`."""
        name = found.name or type(found.model).__name__
        while len(name.encode()) > MOST_NAME_BYTES:
            name = name[:-1]
        if agreed := request.agreement():
            self._show(f"Request {request.id}: {agreed}")
        if not isinstance(request, VerifiedRequest):
            return request.submit(found.model, name=name, show=None).id

        def tell(prospect: Prospect) -> None:
            for warning in prospect.warnings:
                self._show(warning)

        return request.submit(found.model, name=name, show=None, tell=tell).id


def _asked(request: Request | VerifiedRequest, left: float) -> Asked:
    record, terms = request.record, request.record.terms
    return Asked(
        RequestKind.VERIFIED if request.id.is_verified else RequestKind.PREDICTION,
        record.requester == request.market.wallet.address,
        terms.reward,
        terms.stake,
        record.rows,
        left,
    )


def _check(request: Request | VerifiedRequest, model: Any) -> None:
    """Makes sure that a model could be submitted.

    Raises:
        ModelMarketError: It could not.
    """
    if isinstance(request, VerifiedRequest):
        request.convert(model)
    else:
        request.check(model)


@contextmanager
def _alone(market: Market) -> Iterator[None]:
    """Keeps other trainers of the same account from entering anything meanwhile.

    The lock is a database's: whoever is killed lets go of it.

    Raises:
        TrainingError: Another one takes too long.
    """
    path = market.home.scratch() / f"trainer-{market.wallet.address}.sqlite"
    lock = sqlite3.connect(path, timeout=LOCK_S, isolation_level=None)
    try:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise TrainingError(
                f"another trainer of this account has been entering something for "
                f"{LOCK_S:.0f} seconds.",
                hint="Look for a second `modelmarket trainer run`.",
            ) from error
        yield
    finally:
        lock.close()
