# SPDX-License-Identifier: Apache-2.0
"""The rows that were tested, with their labels, once they are open to everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmarket.datasets.published import TEST
from modelmarket.datasets.sources import LABEL, ROW_ID
from modelmarket.errors import DataError, NotFoundError, StepError
from modelmarket.market.verified.request import VerifiedRequest
from modelmarket.storage.cid import Cid

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from modelmarket.market.request import Request

ROWS_AT_ONCE = 10_000


def is_open(found: Request | VerifiedRequest) -> bool:
    """Whether everybody may know the labels of the test rows."""
    if isinstance(found, VerifiedRequest):
        return bool(found.record.key)
    return found.truth() is not None


def tested(found: Request | VerifiedRequest) -> Iterator[bytes]:
    """A CSV of the test rows with their labels, piece by piece; nothing is fetched.

    They are as they were published. In a verified contest they are in codes, as models
    are judged by them, and counted from 1.

    Raises:
        StepError: They are not open.
        NotFoundError: The dataset is not here.
        DataError: It is not what the terms promise.
    """
    if not is_open(found):
        raise StepError(
            f"The labels of request {found.id} are not open yet: {found.status()}"
        )
    if found.market.files(found.record.dataset) is None:
        raise NotFoundError(
            f"The data of request {found.id} are not here.",
            hint="Its tab Data has a button that fetches and checks them.",
        )
    batches = _codes(found) if isinstance(found, VerifiedRequest) else _published(found)
    return (
        batch.write_csv(include_header=not at).encode()
        for at, batch in enumerate(batches)
    )


def _codes(found: VerifiedRequest) -> Iterator[pl.DataFrame]:
    """The rows of a verified contest, which nobody has as they were."""
    import polars as pl

    opened, schema = found.opened(), found.schema
    labels = pl.Series(LABEL, schema.target.decode(opened.targets))
    for at in range(0, len(labels), ROWS_AT_ONCE):
        codes = opened.codes[at : at + ROWS_AT_ONCE]
        frame = pl.DataFrame(codes, schema=list(schema.names), orient="row")
        rows = pl.Series(ROW_ID, range(at + 1, at + 1 + len(frame)))
        yield frame.insert_column(0, rows).with_columns(labels[at : at + len(frame)])


def _published(found: Request) -> Iterator[pl.DataFrame]:
    """The rows of a contest of predictions, as `test.csv` has them."""
    import polars as pl

    from modelmarket.datasets.frames import read_batches

    truth = found.truth()
    assert truth is not None, "it is open"
    names, seen = found.manifest().classes.decode(truth), 0
    store = found.market.store
    path = store.path(store.resolve(Cid.parse(found.record.dataset), TEST))
    for batch in read_batches(path):
        labels = names[seen : seen + batch.height]
        seen += batch.height
        if len(labels) != batch.height:
            raise DataError(f"{TEST} has more rows than the {len(names):,} labels.")
        yield batch.with_columns(pl.Series(LABEL, labels))
