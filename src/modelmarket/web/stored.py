# SPDX-License-Identifier: Apache-2.0
"""What of the requests' files is on this computer, as far as pages show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelmarket.errors import ModelMarketError
from modelmarket.storage.cid import Cid

if TYPE_CHECKING:
    from modelmarket.index.summaries import Summary
    from modelmarket.market import Request
    from modelmarket.protocol.types import RequestId
    from modelmarket.storage.store import Entry, Store

HEAD_ROWS = 6
HEAD_COLUMNS = 13


@dataclass(frozen=True)
class Data:
    """A request's data, as far as they are here.

    Attributes:
        entries: The files.
        manifest: What they say of themselves; None if they are not here.
        head: The first lines of the training part.
    """

    entries: list[Entry]
    manifest: Any
    head: list[list[str]]


def sizes(store: Store, found: Iterable[Summary]) -> dict[RequestId, int]:
    """Bytes of the data of those requests whose data are here."""
    known: dict[RequestId, int] = {}
    for one in found:
        try:
            folder = Cid.parse(one.dataset)
            if store.has(folder):
                known[one.id] = sum(entry.size for entry in store.entries(folder))
        except ModelMarketError:
            continue
    return known


def data(found: Request) -> Data | None:
    """A request's data; None if they are not here."""
    import csv
    import io
    from itertools import islice

    store = found.market.store
    try:
        folder = Cid.parse(found.terms.dataset)
        if not store.has(folder):
            return None
        entries = store.entries(folder)
        manifest = found.manifest()
        pieces = store.read(store.resolve(folder, "train.csv"))
        text = next(pieces, b"").decode(errors="replace")
        lines = islice(csv.reader(io.StringIO(text)), HEAD_ROWS)
        head = [row[:HEAD_COLUMNS] for row in lines]
    except (ModelMarketError, csv.Error):
        return None
    return Data(entries, manifest, head)


def model(found: Request) -> list[Entry] | None:
    """The files of the winner's model; None if there is none, or not here."""
    if not found.record.model:
        return None
    try:
        return found.market.store.entries(Cid.parse(found.record.model))
    except ModelMarketError:
        return None
