# SPDX-License-Identifier: Apache-2.0
"""What servers are checked by when they are asked over HTTPS."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


@cache
def certificates() -> ssl.SSLContext:
    """The authorities that are trusted.

    perf: reading them takes a tenth of a second, which each client would do anew.
    """
    import httpx

    return httpx.create_ssl_context()
