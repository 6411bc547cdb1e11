# SPDX-License-Identifier: Apache-2.0
"""What came of what somebody did, told once on the page that it led to."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

    from modelmarket.protocol.types import Address

FRESH_S = 60.0
"""Between what was done and the page that tells of it; then nobody comes any more."""
MOST_NEWS = 100
MOST_TABS = 2
"""That are told the same: whoever asks more often is told no more often."""


@dataclass(frozen=True)
class Told:
    """What a page tells.

    Attributes:
        said: It, in words.
        is_done: Whether that is what was meant to be done, rather than something to
            beware of.
    """

    said: Markup
    is_done: bool = True


@dataclass(frozen=True)
class _One:
    """Something that came of something.

    Attributes:
        account: Whose it is; None for nobody's.
        place: The page that tells it: its path, with what its address asks for.
        told: It.
        second: When it was left, by the monotonic clock.
    """

    account: Address | None
    place: str
    told: Told
    second: float


class News:
    """Sentences that wait for their page.

    They are kept here and never in an address, which anybody could write and send.
    """

    def __init__(self) -> None:
        self._left: list[_One] = []
        self._lock = threading.Lock()

    def leave(self, account: Address | None, place: str, told: Told) -> None:
        """Keeps a sentence for the next time that an account opens a page.

        Args:
            account: Whose it is; None for nobody's.
            place: The page's path, with what its address asks for.
            told: What is told.
        """
        with self._lock:
            same = [
                one
                for one in self._left
                if (one.account, one.place, one.told) == (account, place, told)
            ]
            if len(same) >= MOST_TABS:
                self._left.remove(same[0])
            self._left.append(_One(account, place, told, time.monotonic()))
            del self._left[:-MOST_NEWS]

    def take(self, account: Address | None, place: str) -> Told | None:
        """What is to be told on a page that an account opens; None for nothing.

        Each of two tabs that wait for one thing leaves a sentence, and takes one.
        """
        since = time.monotonic() - FRESH_S
        with self._lock:
            self._left = [one for one in self._left if one.second >= since]
            for one in self._left:
                if (one.account, one.place) == (account, place):
                    self._left.remove(one)
                    return one.told
        return None
