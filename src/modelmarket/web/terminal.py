# SPDX-License-Identifier: Apache-2.0
"""What the page asks of whoever sits at the terminal.

The vault's contents leave it, and come into it, only by what is typed there:
whoever takes the page over can ask, and gets nothing.
"""

from __future__ import annotations

import queue
import threading
from enum import Enum


class Wish(Enum):
    """Something that the page can ask for and the terminal alone can do."""

    BACKUP = "a backup of the vault"
    RESTORE = "a backup to be taken into the vault"


class Terminal:
    """Passes wishes on, each once until it is answered.

    Attributes:
        said: What became of the last one, in words; empty before.
    """

    def __init__(self) -> None:
        self.said = ""
        self._asked: queue.SimpleQueue[Wish] = queue.SimpleQueue()
        self._waiting: set[Wish] = set()
        self._lock = threading.Lock()

    def ask_for(self, wish: Wish) -> None:
        """Has the terminal ask, unless it is asking already."""
        with self._lock:
            if wish not in self._waiting:
                self._waiting.add(wish)
                self._asked.put(wish)

    def asked(self) -> Wish | None:
        """What is to be asked next; None for nothing."""
        try:
            return self._asked.get_nowait()
        except queue.Empty:
            return None

    def answered(self, wish: Wish, said: str) -> None:
        """Notes what became of a wish; it can be asked for again."""
        with self._lock:
            self.said = said
            self._waiting.discard(wish)

    def waits(self) -> list[str]:
        """What the terminal asks about now."""
        with self._lock:
            return sorted(one.value for one in self._waiting)
