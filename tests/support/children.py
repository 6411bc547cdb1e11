# SPDX-License-Identifier: Apache-2.0
"""Programs that run beside a test, and never longer than it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

PATIENCE_S = 240
"""A child that is silent for ever would hang whoever reads its lines."""


@contextmanager
def child(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Runs a program until the test is done with it, whatever becomes of the test."""
    with subprocess.Popen(command, **options) as process:
        watchdog = threading.Timer(PATIENCE_S, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()
