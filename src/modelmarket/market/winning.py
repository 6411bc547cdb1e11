# SPDX-License-Identifier: Apache-2.0
"""The model that won a contest of predictions, run as what it is: a stranger's file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelmarket.errors import ConfirmationError, DataError, InputError, StepError
from modelmarket.market.checking import ONNX
from modelmarket.market.contents import PREDICTIONS
from modelmarket.storage.cid import Cid

if TYPE_CHECKING:
    from modelmarket.market.request import Request
    from modelmarket.models.onnx.strangers import StrangersModel
    from modelmarket.storage.store import Entry
    from modelmarket.system.confinement import Limits

MODEL = "model"
"""What a folder that was submitted is called in the winner's."""


def refuse_risk(*, unconfined: bool, accept_risk: bool) -> None:
    """Makes sure that whoever runs a stranger's file without confinement means it.

    Raises:
        ConfirmationError: Nobody has said so.
    """
    if unconfined and not accept_risk:
        raise ConfirmationError(
            "A stranger's file would be run as if it were your own program: it could "
            "read your files, and send them away.",
            option="accept_risk",
        )


@contextmanager
def winning_model(
    request: Request, limits: Limits | None = None, *, unconfined: bool = False
) -> Iterator[StrangersModel]:
    """The model that won, in confinement.

    Args:
        request: Of predictions.
        limits: What it may use in all; None for four GiB and ten minutes.
        unconfined: Run it with limits alone.

    Raises:
        StepError: Nobody has won.
        InputError: What won has no ONNX file, or several, or one that cannot be run.
        ConfinementError: This machine cannot confine it.
        LimitError: It went beyond a limit.
        NotFoundError: No gateway has it, or what runs it is not installed.
    """
    from modelmarket.models.onnx.strangers import StrangersModel

    if not request.record.model:
        raise StepError(f"Request {request.id} has no winner: {request.status()}")
    request.keep_model()
    with (
        request.market.store.path(_file(request).cid).open("rb") as file,
        StrangersModel(file, limits, unconfined=unconfined) as model,
    ):
        yield model


def why_not_run(request: Request) -> str:
    """Why the model that won is not run, as far as its files tell.

    Returns:
        Empty where it is run, or where its files are not here.
    """
    if request.kept_model() is None:
        return ""
    try:
        _file(request)
    except InputError as error:
        return error.message
    return ""


def _file(request: Request) -> Entry:
    """The ONNX file among what won.

    Raises:
        InputError: There is none, or several.
    """
    store, folder = request.market.store, Cid.parse(request.record.model)
    found: list[Entry] = []
    for one in store.listing(folder):
        if one.is_folder and one.path == MODEL:
            found += [two for two in store.listing(one.cid) if not two.is_folder]
        elif not one.is_folder and one.path != PREDICTIONS:
            found.append(one)
    known = [one for one in found if one.path.lower().endswith(ONNX)]
    if len(known) == 1:
        return known[0]
    what = f"{len(known)} ONNX files" if known else "no ONNX file"
    raise InputError(
        f"The winner's folder has {what}, and is not run.",
        hint=f"`modelmarket request model {request.id} FOLDER` fetches it, and "
        f"`modelmarket model inspect {request.record.model}` says what is in it.",
    )


def refuse_no_rows(table: Path, rows: int) -> None:
    """Raises a `DataError` where a table has none."""
    if not rows:
        raise DataError(
            f"{table.name} has no rows.",
            hint="Choose a table with a row at least below its header.",
        )


def predicted(
    request: Request,
    table: Any,
    limits: Limits | None,
    *,
    unconfined: bool,
    rows: int | None = None,
) -> list[str]:
    """What the model that won says of another table's rows; see `Request.predict`.

    Where the column of files has texts, a table's file names them; a data frame has
    them itself, as `training_data` does.

    Args:
        request: Whose model it is.
        table: See `Request.predict`.
        limits: Likewise.
        unconfined: Likewise.
        rows: How many of the first rows are predicted; None for all.
    """
    import polars as pl

    from modelmarket.datasets.attached import Attached, Reading, texts_of
    from modelmarket.datasets.filetypes import FileKind
    from modelmarket.datasets.frames import frame_of, text_columns
    from modelmarket.datasets.given import opened_table

    scratch, files = request.market.home.scratch(), request.manifest().files
    with opened_table(table, scratch) as opened:
        frame = frame_of(opened, scratch, text_columns(request.training))
        if (
            files is not None
            and files.kind is FileKind.TEXT
            and files.column in frame.columns
            and isinstance(table, str | Path)
        ):
            attached = Attached(
                files.column,
                Path(table).parent,
                hint="Its texts must lie where the table does, by the names in it.",
            )
            texts = texts_of(frame[files.column].to_list(), Reading(attached, opened))
            frame = frame.with_columns(pl.Series(files.column, texts, dtype=pl.String))
    with winning_model(request, limits, unconfined=unconfined) as model:
        labels = model.predict(frame.head(rows or frame.height), numbers=True)
    classes = request.manifest().classes
    noun = "class" if request.manifest().bins is None else "number"
    for row, one in enumerate(labels, 1):
        if not classes.knows(one):
            raise InputError(
                f"{opened.row(row).capitalize()}: the model says {one[:100]!r}, which "
                f"is no {noun} of the request."
            )
    return labels
