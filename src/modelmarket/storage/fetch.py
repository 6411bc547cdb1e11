# SPDX-License-Identifier: Apache-2.0
"""Fetching from other people's gateways, believing none of them."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelmarket.errors import NotFoundError, StorageError, said_by
from modelmarket.storage.cid import Cid
from modelmarket.storage.store import MOST_BYTES, Progress, Store, Stored
from modelmarket.storage.unixfs import MOST_BLOCK_BYTES
from modelmarket.system.certificates import certificates

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 30.0
MOST_S = 120.0
"""For one block, of at most 2 MiB, however slowly it comes."""
QUICK_S = 5.0
MOST_SAID = 200


def fetch(
    store: Store,
    cid: Cid,
    gateways: Sequence[str],
    *,
    name: str = "",
    only: str = "",
    listing: bool = False,
    most_bytes: int = MOST_BYTES,
    most_s: float = math.inf,
    progress: Progress | None = None,
) -> Stored:
    """Gets a file or folder block by block, and checks each.

    What is in the store already is not asked for again, so an interrupted
    fetch of a folder goes on at the file where it stopped.

    Args:
        store: Where it is kept.
        cid: What is wanted.
        gateways: Addresses of trustless gateways, asked in this order; whichever gave
            the last block is asked first for the next one.
        name: What to call it.
        only: Of a folder, this entry alone; empty for all.
        listing: Of a folder, no more than `Store.listing` tells.
        most_bytes: Refuse more than so much.
        most_s: Give up after so many seconds.
        progress: Is told of the bytes taken in.

    Raises:
        NotFoundError: No gateway has it.
        StorageError: It is not what it says, or is too large.
    """
    import httpx

    ends = time.monotonic() + most_s

    def is_in_time(taken: int) -> None:
        # Blocks that are here take time as well, if there are enough of them.
        if time.monotonic() > ends:
            raise StorageError(f"{cid} has taken longer than {most_s:.0f} s.")
        if progress is not None:
            progress(taken)

    timeout_s = min(TIMEOUT_S, most_s)
    order = list(gateways)
    with httpx.Client(timeout=timeout_s, verify=certificates()) as client:

        def source(wanted: Cid) -> bytes:
            said: list[str] = []
            for gateway in order:
                left = min(MOST_S, ends - time.monotonic())
                if left <= 0:
                    said.append(f"It has taken {most_s:.0f} s.")
                    break
                try:
                    block = wanted.check(_block(client, gateway, wanted, left))
                except Exception as error:  # noqa: BLE001  # whatever one does, the next is asked
                    said.append(f"{gateway}: {said_by(error)[:MOST_SAID]}")
                    continue
                # perf: all of a file is mostly at one place. The others would be
                # asked, or waited for, at every block.
                order.remove(gateway)
                order.insert(0, gateway)
                return block
            raise NotFoundError(
                f"{wanted} is not to be had. "
                + " ".join(said or ["No gateway is set."]),
                hint="Ask its owner to serve it, and add the gateway to the network.",
            )

        return store.ingest(
            cid,
            source,
            name=name,
            only=only,
            listing=listing,
            most_bytes=most_bytes,
            progress=is_in_time,
        )


def _block(client: httpx.Client, gateway: str, cid: Cid, most_s: float) -> bytes:
    """A block as a gateway gives it, within so many seconds.

    It is taken as it comes: a block that was packed on the way has another hash.
    """
    ends = time.monotonic() + most_s
    address = f"{gateway.rstrip('/')}/ipfs/{cid}?format=raw"
    plain = {"Accept-Encoding": "identity"}
    with client.stream("GET", address, headers=plain) as response:
        if response.status_code != 200:  # noqa: PLR2004  # OK
            raise NotFoundError(f"it answered {response.status_code}.")
        received = bytearray()
        for piece in response.iter_raw():
            received += piece
            # The client's own limit begins anew with each byte that trickles in.
            if time.monotonic() > ends:
                raise StorageError("it takes too long over one block.")
            if len(received) > MOST_BLOCK_BYTES:
                raise StorageError("it sent a block that is too large.")
        return bytes(received)


def is_served(cid: Cid, gateways: Sequence[str]) -> bool:
    """Whether any of these gateways gives the first block of a file or folder."""
    import httpx

    with httpx.Client(timeout=QUICK_S, verify=certificates()) as client:
        for gateway in gateways:
            try:
                cid.check(_block(client, gateway, cid, QUICK_S))
            except Exception:  # noqa: BLE001, S112  # whatever one does, the next is asked
                continue
            return True
    return False


def is_answering(gateway: str) -> bool:
    """Whether somebody is there who speaks HTTP, whatever is said."""
    import httpx

    with httpx.Client(timeout=QUICK_S, verify=certificates()) as client:
        try:
            client.head(gateway)
        except Exception:  # noqa: BLE001  # whatever went wrong, nothing is to be had there
            return False
        return True
