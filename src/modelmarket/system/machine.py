# SPDX-License-Identifier: Apache-2.0
"""What this computer has."""

from __future__ import annotations

import os


def memory() -> int | None:
    """Bytes of memory in all; None where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
