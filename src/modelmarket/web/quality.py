# SPDX-License-Identifier: Apache-2.0
"""How good winners are: worked out once, and beside the pages, which wait for nothing.

Nothing is fetched for it that is not here: whoever looks at a page has asked for none.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmarket.errors import ModelMarketError, in_words
from modelmarket.market import Request
from modelmarket.market.measuring import measured

if TYPE_CHECKING:
    from modelmarket.datasets.figures import Metrics
    from modelmarket.market import VerifiedRequest

LOG = logging.getLogger("modelmarket.web")
MOST_KNOWN = 32
"""Requests of which it is kept, those that were looked at last."""
AGAIN_S = 30.0
"""What could not be worked out, as a node or gateway was away, is tried again after."""
LAST_S = 10.0
"""So long the program waits for it when it ends."""


@dataclass(frozen=True)
class Quality:
    """What is known of how good a winner is.

    Attributes:
        metrics: The figures; None while they are not known.
        why: They are not, in words; empty if they are.
        again_s: From when on it is tried again, by the clock that only counts up.
    """

    metrics: Metrics | None = None
    why: str = ""
    again_s: float = float("inf")


UNDER_WAY = Quality(why="The figures are being worked out; they will stand here.")
NO_DATA = Quality(
    why="The data are not here: fetch them under Data to see how good it is."
)
NO_MODEL = Quality(why="The model is not here: fetch it above to see how good it is.")
Name = tuple[bytes, bool]
"""The winner's seal, and whether its folder is here."""


class Measuring:
    """The winners of whom it is known, or is being worked out, one after the other.

    Args:
        changed: Is told that there is something new to be shown.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self._known: OrderedDict[Name, Quality] = OrderedDict()
        self._waiting: deque[tuple[Name, Request | VerifiedRequest]] = deque()
        self._thread: threading.Thread | None = None

    def of(self, found: Request | VerifiedRequest) -> Quality | None:
        """What is known by now; None where nobody has won."""
        record, market = found.record, found.market
        if not record.winner:
            return None
        if market.files(record.dataset) is None:
            return NO_DATA
        has_model = found.kept_model() is not None
        if record.id.is_verified and not has_model:
            return NO_MODEL
        name = found.submission_record(record.winner).seal, has_model
        with self._lock:
            known = self._known.get(name)
            if known is not None and time.monotonic() < known.again_s:
                self._known.move_to_end(name)
                return known
            self._keep(name, UNDER_WAY)
            self._waiting.append((name, found))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()
        return UNDER_WAY

    def stop(self) -> None:
        """Begins nothing more, and waits for what is under way, though not for ever."""
        with self._lock:
            self._waiting.clear()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=LAST_S)

    def _keep(self, name: Name, quality: Quality) -> None:
        self._known[name] = quality
        self._known.move_to_end(name)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                name, found = self._waiting.popleft()
            quality = _measured(found, has_model=name[1])
            with self._lock:
                self._keep(name, quality)
            self._changed()


def _measured(found: Request | VerifiedRequest, *, has_model: bool) -> Quality:
    """Works it out; whatever goes wrong is told in words."""
    try:
        if isinstance(found, Request):
            return Quality(measured(found, fetches=has_model))
        return Quality(found.metrics())
    except Exception as error:
        known = in_words(error)
        if known is None:
            LOG.exception("The figures of request %s", found.id)
            known = ModelMarketError("Something happened here that nobody foresaw.")
        why = f"The figures cannot be worked out now. {known.text}"
        return Quality(why=why, again_s=time.monotonic() + AGAIN_S)
