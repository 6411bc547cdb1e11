# SPDX-License-Identifier: Apache-2.0
"""Ctrl+C and SIGTERM end a command in order, and are never lost."""

from __future__ import annotations

import inspect
import os
import signal
import sys
import threading
from types import FrameType

AGAIN_S = 0.05
_LOADING = "<frozen importlib._bootstrap>"


def hear_signals() -> None:
    """Lets both signals end what the caller does, from here on."""
    here = inspect.currentframe()
    caller = here.f_back if here is not None else None

    def end(number: int, frame: FrameType | None) -> None:
        """Raises; but not while a module is loaded.

        What is raised into the loading of a compiled module may be swallowed
        there (numpy.random does), and a command that was to end would go on, and
        pay.
        """
        if _is_loading(frame, caller):
            again = threading.Timer(AGAIN_S, os.kill, (os.getpid(), number))
            again.daemon = True
            again.start()
            return
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)


def _is_loading(frame: FrameType | None, caller: FrameType | None) -> bool:
    """Whether a module is loaded within what the caller does."""
    while frame is not None and frame is not caller:
        if frame.f_code.co_filename == _LOADING:
            return True
        frame = frame.f_back
    return False
