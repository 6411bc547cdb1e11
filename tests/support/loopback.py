# SPDX-License-Identifier: Apache-2.0
"""Names under `.localhost`, as browsers take them; systems need not know them."""

from __future__ import annotations

from typing import Any

import httpx


class Loopback(httpx.HTTPTransport):
    """Asks 127.0.0.1 for every such name; the request says the name."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host.endswith(".localhost"):
            # Cookies belong to the address of the request as it was.
            request = httpx.Request(
                request.method,
                request.url.copy_with(host="127.0.0.1"),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        return super().handle_request(request)


def browser(**options: Any) -> httpx.Client:
    """A client that finds the page's server as a browser does."""
    return httpx.Client(transport=Loopback(), **options)
