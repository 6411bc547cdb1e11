# SPDX-License-Identifier: Apache-2.0
"""What of the requests' files is on this computer, as far as pages show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelmarket.datasets.published import TRAIN
from modelmarket.errors import ModelMarketError

if TYPE_CHECKING:
    from modelmarket.market import Market, Request, StoredEntry, Summary
    from modelmarket.protocol.types import RequestId

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

    entries: list[StoredEntry]
    manifest: Any
    head: list[list[str]]


def sizes(market: Market, found: Iterable[Summary]) -> dict[RequestId, int]:
    """Bytes of the data of those requests whose data are here."""
    here = ((one.id, market.files(one.dataset)) for one in found)
    return {
        request_id: sum(file.size for file in files)
        for request_id, files in here
        if files is not None
    }


def data(found: Request) -> Data | None:
    """A request's data; None if they are not here."""
    import csv
    import io
    from itertools import islice

    entries = found.market.files(found.terms.dataset)
    if entries is None:
        return None
    try:
        manifest = found.manifest()
        text = next(found.contents.read(TRAIN), b"").decode(errors="replace")
        lines = islice(csv.reader(io.StringIO(text)), HEAD_ROWS)
        head = [row[:HEAD_COLUMNS] for row in lines]
    except (ModelMarketError, csv.Error):
        return None
    return Data(entries, manifest, head)


def model(found: Request) -> list[StoredEntry] | None:
    """The files of the winner's model; None if there is none, or not here."""
    return found.market.files(found.record.model) if found.record.model else None
