# SPDX-License-Identifier: Apache-2.0
"""What is in a table that was sent, as far as a kind of contest can have it."""

from __future__ import annotations

from dataclasses import replace

from modelmarket.datasets.sources import Source
from modelmarket.datasets.survey import Survey, survey
from modelmarket.datasets.tables import Table
from modelmarket.errors import DataError, FieldError
from modelmarket.web import forms
from modelmarket.web.creating.kinds import NUMBERS, Kind, Unfit
from modelmarket.web.creating.tables import column_named, guess, tables_of
from modelmarket.web.forms import Form
from modelmarket.web.uploads import Upload
from modelmarket.web.visits import Visit


def fitting(visit: Visit, kind: Kind, upload: Upload, typed: Form) -> Form:
    """What was typed, but for what is predicted where this table's labels are nothing
    such: it may have been typed beside another one.
    """
    said = forms.text(typed, "predicted")
    if not said:
        return typed
    table, labels = tables_of(upload)
    label = forms.text(typed, "label") or guess(table)
    try:
        label = label if labels else column_named(table, "label", label)
        source = Source(table, None if labels else label, labels)
        found = look_into(visit, kind, upload, source, said)
        problem = found.problem or kind.unfit(found)
    except DataError as error:
        problem = error
    except FieldError:
        return typed
    return typed if problem is None else {**typed, "predicted": ""}


def look_into(
    visit: Visit, kind: Kind, upload: Upload, source: Source, said: str
) -> Survey:
    """What is in a table that was sent; see `surveyed`."""
    return visit.workspace.uploads.once(
        upload,
        ("survey", source.label, said, kind.noun),
        lambda: surveyed(source, said, kind.unfit),
    )


def first_rows(
    visit: Visit, upload: Upload, table: Table, problem: FieldError
) -> Survey | None:
    """What a table begins with, where nobody knows yet which column the label is; None
    if that cannot be told.

    Args:
        visit: The browser's.
        upload: What was sent.
        table: It.
        problem: Why that is not known.
    """
    guessed = guess(table)
    try:
        found = visit.workspace.uploads.once(
            upload,
            ("first rows", guessed),
            lambda: surveyed(Source(table, guessed), "", lambda _: None),
        )
    except DataError:
        return None
    said = DataError(problem.message, hint=problem.hint)
    return replace(found, problem=said, spread=None)


def surveyed(source: Source, said: str, unfit: Unfit) -> Survey:
    """What is in a table.

    Labels that cannot be classes, and are numbers, are taken for such.

    Args:
        source: The table.
        said: What the labels were said to be; empty for nothing.
        unfit: Why no contest of the kind can have it; None if one can.

    Raises:
        DataError: The table is damaged; names row, column and value.
    """
    if said:
        return survey(source, as_numbers=said == NUMBERS)
    try:
        found, problem = survey(source), None
        problem = found.problem or unfit(found)
    except DataError as error:
        found, problem = None, error
    if problem is not None:
        try:
            return survey(source, as_numbers=True)
        except DataError:
            if found is None:
                raise problem from None
    assert found is not None, "or else it was raised"
    return found
