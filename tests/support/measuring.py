# SPDX-License-Identifier: Apache-2.0
"""What coverage leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from coverage import Coverage


@contextmanager
def unmeasured() -> Iterator[None]:
    """Leaves the Python of an EVM in Python unmeasured: it takes 2.6 times as long.

    What of the client's code such tests run, others must run, too.
    """
    measuring = Coverage.current()
    if measuring is None:
        yield
        return
    measuring.stop()
    yield
    measuring.start()
