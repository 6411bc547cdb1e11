# SPDX-License-Identifier: Apache-2.0
"""What of the requests' files is on this computer, as far as pages show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from modelmarket.datasets.contest import SCHEMA, ContestManifest
from modelmarket.datasets.published import CARD, MANIFEST, TRAIN, Manifest
from modelmarket.errors import DataError, ModelMarketError
from modelmarket.protocol.schema import (
    Affine,
    ClassTarget,
    Column,
    Cuts,
    Schema,
    Texts,
)
from modelmarket.web.reports import Drawn

if TYPE_CHECKING:
    from modelmarket.datasets.attached import FileColumn
    from modelmarket.market import (
        Market,
        Request,
        StoredEntry,
        Summary,
        VerifiedRequest,
    )
    from modelmarket.protocol.types import RequestId

HEAD_ROWS = 6
HEAD_COLUMNS = 13
MOST_SHOWN_BYTES = 2**24
"""Of a schema that a page reads: a thousand columns of 8 bits take a third of it."""


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
    here = ((one.id, market.size(one.dataset)) for one in found)
    return {request_id: size for request_id, size in here if size is not None}


def data(found: Request) -> Data | None:
    """A request's data; None if they are not here."""
    entries = found.market.files(found.terms.dataset)
    if entries is None:
        return None
    try:
        return Data(entries, found.manifest(), _head(found))
    except ModelMarketError:
        return None


def _head(found: Request | VerifiedRequest) -> list[list[str]]:
    """The first lines of the training part.

    Raises:
        DataError: It is no table.
    """
    import csv
    import io
    from itertools import islice

    text = next(found.contents.read(TRAIN), b"").decode(errors="replace")
    try:
        lines = islice(csv.reader(io.StringIO(text)), HEAD_ROWS)
        return [row[:HEAD_COLUMNS] for row in lines]
    except csv.Error as error:
        raise DataError(f"{TRAIN} is no table: {error}.") from error


def model(found: Request) -> list[StoredEntry] | None:
    """The files of the winner's model; None if there is none, or not here."""
    return found.market.files(found.record.model) if found.record.model else None


def named_files(market: Market, dataset: str) -> FileColumn | None:
    """The files that a request's rows name; None if they name none, or are not here.

    Args:
        market: With the store.
        dataset: The folder's CID, whoever named it.
    """
    try:
        return Manifest.from_json(_read(market, dataset, MANIFEST)).files
    except ModelMarketError:
        return None


# --- verified contests ---


@dataclass(frozen=True)
class Coded:
    """A column, and how it becomes codes.

    Attributes:
        name: Of the column.
        what: Which codes it has, in words.
        has_missing: Whether code 0 says that there is no value.
    """

    name: str
    what: str
    has_missing: bool

    @classmethod
    def of(cls, column: Column, width: int) -> Coded:
        """A column of a schema."""
        match column:
            case Cuts(cuts=cuts):
                what = f"numbers, in {len(cuts) + 1:,} ranges"
            case Affine():
                what = f"numbers, evenly spaced over {2**width:,} codes"
            case Texts(values=values):
                what = f"texts, {len(values):,} of them"
        return cls(column.name, what, getattr(column, "has_missing", False))


@dataclass(frozen=True)
class Hidden:
    """What a contest's folder says of what it hides and of what it shows.

    Attributes:
        manifest: Of the folder.
        width: Bits of a code.
        columns: The features.
        classes: What is predicted; empty for a number.
        majority: The commonest class of the training part; empty for a number.
        share: Of the training rows that are of that class.
        numbers: The lowest and the highest that can be predicted; empty for classes.
        head: The first lines of the training part; empty before there is a contest.
    """

    manifest: ContestManifest
    width: int
    columns: list[Coded]
    classes: tuple[str, ...]
    majority: str
    share: float
    numbers: tuple[str, ...] = ()
    head: list[list[str]] = field(default_factory=list)


def report(found: Request | VerifiedRequest) -> Drawn | None:
    """What was found about a request's table; None if that is not here."""
    if found.market.files(found.record.dataset) is None:
        return None
    try:
        return Drawn.of(found.report())
    except ModelMarketError:
        return None


def card(found: Request | VerifiedRequest) -> str:
    """The card of a request's data, as Markdown; empty if it is not here."""
    try:
        data = _read(found.market, found.record.dataset, CARD)
        return data.decode(errors="replace")
    except ModelMarketError:
        return ""


def hidden(market: Market, dataset: str) -> Hidden | None:
    """What a contest's folder says; None if it is not here, or no such folder.

    Args:
        market: With the store.
        dataset: The folder's CID, whoever named it.
    """
    try:
        return _hidden(_read(market, dataset, SCHEMA), _read(market, dataset, MANIFEST))
    except ModelMarketError:
        return None


@lru_cache(maxsize=4)
def _hidden(described: bytes, said: bytes) -> Hidden:
    """The same from the files themselves.

    perf: a schema of 784 columns takes a second to read, and its page is shown again
    with every block.
    """
    schema = Schema.from_json(described)
    manifest = ContestManifest.from_json(said)
    counts, target = manifest.train_counts, schema.target
    names = target.classes.names if isinstance(target, ClassTarget) else ()
    most = max(range(len(counts)), key=counts.__getitem__, default=0)
    is_known = len(names) == len(counts) > 0 and sum(counts) > 0
    return Hidden(
        manifest,
        schema.width,
        [Coded.of(one, schema.width) for one in schema.columns],
        names,
        names[most] if is_known else "",
        counts[most] / sum(counts) if is_known else 0.0,
        () if isinstance(target, ClassTarget) else target.bounds,
    )


def hidden_of(found: VerifiedRequest) -> Hidden | None:
    """The same of a contest that there is, with the head of its training part."""
    market, dataset = found.market, found.record.dataset
    about = None if market.files(dataset) is None else hidden(market, dataset)
    try:
        return None if about is None else replace(about, head=_head(found))
    except ModelMarketError:
        return None


def _read(market: Market, dataset: str, name: str) -> bytes:
    """A small file of a folder.

    Raises:
        NotFoundError: It is not here.
        DataError: It is larger than it should be.
    """
    file = market.file(dataset, name)
    if file.size > MOST_SHOWN_BYTES:
        raise DataError(f"{name} is too large to be shown.")
    return b"".join(file.pieces)
