# SPDX-License-Identifier: Apache-2.0
"""What of the requests' files is on this computer, as far as pages show it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from modelmarket.datasets.about import About
from modelmarket.datasets.cards import description_in
from modelmarket.datasets.contest import SCHEMA, ContestManifest
from modelmarket.datasets.lint.findings import Report, Severity
from modelmarket.datasets.published import (
    CARD,
    MANIFEST,
    REPORT,
    TEST,
    TRAIN,
    Manifest,
)
from modelmarket.datasets.sources import LABEL
from modelmarket.errors import DataError, ModelMarketError
from modelmarket.protocol.schema import (
    Affine,
    ClassTarget,
    Column,
    Cuts,
    Schema,
    Target,
    Texts,
    shown,
)
from modelmarket.web import rendering
from modelmarket.web.reports import Drawn

if TYPE_CHECKING:
    from markupsafe import Markup

    from modelmarket.datasets.attached import FileColumn
    from modelmarket.market import (
        Market,
        Request,
        Summary,
        VerifiedRequest,
    )
    from modelmarket.protocol.types import RequestId

    AnyFound = Request | VerifiedRequest

HEAD_ROWS = 6
HEAD_COLUMNS = 13
MOST_SHOWN_BYTES = 2**24
"""Of a schema or a table that a page reads: a schema of a thousand columns of 8 bits
takes a third of it."""
MOST_READ_COLUMNS = 2_000
"""Of a table that is read whole for a page."""
MOST_CARD_BYTES = 2**16
"""Of a card that a page shows."""
MOST_KNOWN = 256
"""Parts of folders that are remembered, those that were looked at last."""
Known = TypeVar("Known")


class _Shelf:
    """What was read of folders lately. A CID names bytes, which never change."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[object, ...], Any] = OrderedDict()

    def get(self, name: tuple[object, ...], read: Callable[[], Known]) -> Known | None:
        """What is known by a name, or is read now; None if it cannot be read yet."""
        with self._lock:
            if name in self._known:
                self._known.move_to_end(name)
                found: Known = self._known[name]
                return found
        try:
            found = read()
        except ModelMarketError:
            return None
        with self._lock:
            self._known[name] = found
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        return found


_shelf = _Shelf(MOST_KNOWN)


def _of(
    found: AnyFound, what: str, read: Callable[[], Known], otherwise: Known
) -> Known:
    """A part of a request's folder; something else if it is not here."""
    market, dataset = found.market, found.record.dataset
    if market.files(dataset) is None:
        return otherwise
    # note: what a folder says is held against the terms, so these name it too.
    known = _shelf.get((what, dataset, found.record.terms_hash), read)
    return otherwise if known is None else known


def sizes(market: Market, found: Iterable[Summary]) -> dict[RequestId, int]:
    """Bytes of the data of those requests whose data are here."""
    here = ((one.id, market.size(one.dataset)) for one in found)
    return {request_id: size for request_id, size in here if size is not None}


def manifest(found: AnyFound) -> Manifest | ContestManifest | None:
    """What a request's folder says of itself; None if it is not here."""
    return _of(found, "manifest", found.manifest, None)


def head(found: AnyFound) -> list[list[str]]:
    """The first lines of the training part; none if they are not here."""
    return _of(found, "head", lambda: _head(found), [])


def _head(found: AnyFound) -> list[list[str]]:
    """The first lines of the training part.

    Raises:
        DataError: It is no table.
    """
    import csv
    import io
    from itertools import islice

    text = next(found.contents.read(TRAIN), b"").decode(errors="replace")
    try:
        rows = list(islice(csv.reader(io.StringIO(text)), HEAD_ROWS))
    except csv.Error as error:
        raise DataError(f"{TRAIN} is no table: {error}.") from error
    # However many columns there are, what is to be predicted is shown.
    if rows and LABEL in rows[0][HEAD_COLUMNS:]:
        at = rows[0].index(LABEL)
        return [row[: HEAD_COLUMNS - 1] + row[at : at + 1] for row in rows]
    return [row[:HEAD_COLUMNS] for row in rows]


def has_numbers_alone(found: Request) -> bool:
    """Whether all columns that a request's rows have are numbers; False as well where
    the tables are not here, or too large to be read for a page.
    """
    return _of(found, "numbers alone", lambda: _has_numbers_alone(found), False)


def _has_numbers_alone(found: Request) -> bool:
    """The same of tables that are here.

    Raises:
        DataError: They contradict the terms.
    """
    for name in (TRAIN, TEST):
        file = found.market.file(found.record.dataset, name)
        header = next(iter(file.pieces), b"").partition(b"\n")[0]
        if file.size > MOST_SHOWN_BYTES or header.count(b",") > MOST_READ_COLUMNS:
            return False
    parts = found.training.drop(LABEL), found.test_data()
    return all(kind.is_numeric() for part in parts for kind in part.dtypes)


def described(
    market: Market, dataset: str, *, verified: bool
) -> Manifest | ContestManifest | None:
    """What a folder says of itself, whether a request has it or not; None if not here.

    Args:
        market: With the store.
        dataset: The folder's CID, whoever named it.
        verified: Whether it is a verified contest's.
    """
    read = ContestManifest.from_json if verified else Manifest.from_json
    try:
        return read(_read(market, dataset, MANIFEST))
    except ModelMarketError:
        return None


def named_files(market: Market, dataset: str) -> FileColumn | None:
    """The files that a request's rows name; None if they name none, or are not here.

    Args:
        market: With the store.
        dataset: The folder's CID, whoever named it.
    """
    manifest = described(market, dataset, verified=False)
    return manifest.files if isinstance(manifest, Manifest) else None


# --- verified contests ---


@dataclass(frozen=True)
class Coded:
    """A column, and how it becomes codes.

    Attributes:
        name: Of the column.
        what: Which codes it has, in words.
        gaps: What becomes of a cell that has no value, in words.
    """

    name: str
    what: str
    gaps: str

    @classmethod
    def of(cls, column: Column, width: int) -> Coded:
        """A column of a schema."""
        if isinstance(column, Texts):
            what = f"texts, {len(column.values):,} of them"
            return cls(column.name, what, "0 is missing, or any other text")
        match column:
            case Cuts(cuts=cuts):
                what = f"numbers, in {len(cuts) + 1:,} ranges"
            case Affine():
                what = f"numbers, in {2**width:,} even steps"
        gaps = "0 is missing" if column.has_missing else "none"
        return cls(column.name, what, gaps)


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
        target: The same in full.
        numbers: The lowest and the highest that can be predicted; empty for classes.
    """

    manifest: ContestManifest
    width: int
    columns: list[Coded]
    classes: tuple[str, ...]
    majority: str
    share: float
    target: Target
    numbers: tuple[str, ...] = ()


def report(found: AnyFound) -> Drawn | None:
    """What was found about a request's table; None if that is not here."""
    return _of(found, "report", lambda: Drawn.of(found.report()), None)


@dataclass(frozen=True)
class Card:
    """The card of a request's data, as a page shows it.

    Attributes:
        shown: From its beginning.
        is_cut: Whether there is more in its file.
    """

    shown: Markup
    is_cut: bool


def card(found: AnyFound) -> Card | None:
    """What a request's requester wrote of the data; None if nothing, or not here."""
    about = About(found.record.name, found.record.context)
    return description(found.market, found.record.dataset, about)


def description(market: Market, dataset: str, about: About) -> Card | None:
    """What its requester wrote of the data in a folder; None if nothing, or if that is
    not here.

    perf: it is rendered once, and not for every visit; a stranger's card may be large.

    Args:
        market: With the store.
        dataset: The folder's CID, whoever named it.
        about: Name and context of the request.
    """

    def read() -> Card:
        text, is_cut = _card_text(market, dataset)
        return Card(rendering.card(description_in(text, about)), is_cut)

    if market.files(dataset) is None:
        return None
    name = ("description", dataset, about.name, about.context)
    found = _shelf.get(name, read)
    return found if found and found.shown else None


def _card_text(market: Market, dataset: str) -> tuple[str, bool]:
    """The beginning of a card, and whether there is more.

    Raises:
        ModelMarketError: It is not here.
    """
    file = market.file(dataset, CARD)
    text = b""
    for piece in file.pieces:
        text += piece
        if len(text) > MOST_CARD_BYTES:
            break
    is_cut = len(text) > MOST_CARD_BYTES
    if is_cut:
        whole, _, _ = text[:MOST_CARD_BYTES].rpartition(b"\n")
        text = whole or text[:MOST_CARD_BYTES]
    return text.decode(errors="replace"), is_cut


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
        target,
        ()
        if isinstance(target, ClassTarget)
        else tuple(shown(one, ",") for one in target.bounds),
    )


def target(found: VerifiedRequest) -> Target | None:
    """What a contest predicts; None if that is not here."""
    return _of(found, "target", lambda: found.schema.target, None)


def to_beat(market: Market, dataset: str) -> str:
    """What whoever needs no model, and a small one, reached on a folder's training
    part, in sentences; empty if that is not here.

    Args:
        market: With the store.
        dataset: The folder's CID, whoever named it.
    """
    report = _report(market, dataset)
    if report is None:
        return ""
    told = report.told_majority, report.told_constant, report.told_baseline
    return " ".join(filter(None, told))


def small_forest(market: Market, dataset: str) -> str:
    """What a small model alone reached, whatever it saw of the table; see `to_beat`."""
    report = _report(market, dataset)
    return "" if report is None else replace(report, code_bits=None).told_baseline


def _report(market: Market, dataset: str) -> Report | None:
    try:
        return Report.from_json(_read(market, dataset, REPORT))
    except ModelMarketError:
        return None


def oddities(market: Market, dataset: str) -> list[str]:
    """What everybody reads of what is odd about a folder's table, the gravest first;
    nothing if that is not here. Notes are left out.

    Args:
        market: With the store.
        dataset: The folder's CID, whoever named it.
    """
    report = _report(market, dataset)
    found = () if report is None else report.findings
    return [one.text for one in found if one.severity is not Severity.NOTE]


def hidden_of(found: VerifiedRequest) -> Hidden | None:
    """The same of a contest that there is."""
    market, dataset = found.market, found.record.dataset
    return None if market.files(dataset) is None else hidden(market, dataset)


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
