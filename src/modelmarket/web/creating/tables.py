# SPDX-License-Identifier: Apache-2.0
"""The table that was sent for a new request, and its columns as people name them."""

from __future__ import annotations

from difflib import get_close_matches

from modelmarket.datasets.lint import findings
from modelmarket.datasets.naming import Named, look_for_files
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import Table, open_table
from modelmarket.errors import FieldError, NotFoundError
from modelmarket.system.text import agreeing, plain
from modelmarket.web import forms
from modelmarket.web.forms import Form
from modelmarket.web.uploads import Upload
from modelmarket.web.views import cut

FILES = "files"
"""The field of an archive of files that rows name."""
FILE_COLUMN = "file_column"
COLUMNS = ("label", FILE_COLUMN, "group", "time")
MOST_CALLED = 40
"""Characters of a file's name that a request is called by until somebody names it."""
"""Fields that name one."""
MISSING_FILE = (
    "Take the column that names them; or choose the table again, with an archive that "
    "has all of them."
)
MOST_NEAR = 5
MOST_COMPARED = 60
"""Characters of a column's name that are shown, and compared with what was typed."""
LIKELY_LABELS = ("label", "class", "target", "y")


def tables_of(upload: Upload) -> tuple[Table, Table | None]:
    """The table that was sent, and the labels where they are in a file of their own.

    Raises:
        NotFoundError: They are not here any more.
    """
    data, labels = upload.file("data"), upload.file("labels")
    if data is None:
        raise NotFoundError(
            "That upload is not here any more.", hint="Choose the file again."
        )
    if labels is not None:
        labelled = open_table(labels)
        return open_table(data), labelled
    return open_table(data, knows="label"), None


def called(table: Table) -> str:
    """What a request of a table is called until somebody names it."""
    return table.path.stem[:MOST_CALLED]


def source_of(upload: Upload, form: Form) -> Source:
    """The table that was sent and the files that its rows name, as the form says."""
    table, labels = tables_of(upload)
    label = None
    if not labels:
        label = column_named(table, "label", forms.text(form, "label"))
    named = named_files(upload, table, label, forms.text(form, FILE_COLUMN))
    return Source(table, label, labels, None if named is None else named.attached)


def named_files(
    upload: Upload, table: Table, label: str | None, column: str
) -> Named | None:
    """The files that rows name; None if none were sent.

    Args:
        upload: What was sent.
        table: It.
        label: Its column of labels; None if they are in a file of their own.
        column: That names the files; empty for whichever does.

    Raises:
        FieldError: There is no such column.
    """
    folder = upload.file(FILES)
    if folder is None:
        return None
    if column:
        column = column_named(table, FILE_COLUMN, column)
    return look_for_files(table, folder, label=label, column=column, hint=MISSING_FILE)


def still_there(upload: Upload, typed: Form) -> Form:
    """What was typed, but for columns that this table lacks: it may have been typed
    beside another one.
    """
    table, _ = tables_of(upload)
    there = {plain(one).strip() for one in table.columns}
    lacking = [
        one
        for one in COLUMNS
        if one in typed and plain(typed[one]).strip() not in there
    ]
    if "label" in lacking:
        lacking.append("predicted")
    return {name: said for name, said in typed.items() if name not in lacking}


def column_named(table: Table, field: str, asked: str) -> str:
    """The column that somebody chose, by what the page calls it; never another one.

    Raises:
        FieldError: There is none, or there are several.
    """
    if asked in table.columns:
        return asked
    called = plain(asked).strip()
    alike = [one for one in table.columns if plain(one).strip() == called]
    if len(alike) == 1:
        return alike[0]
    how = f"several columns that read {called[:100]!r}"
    more, near = "", [] if alike else _near(table, called)
    if near:
        told = findings.named(near, MOST_NEAR)
        more = f" {agreeing(len(near), 'This comes', 'These come')} near: {told}."
    raise FieldError(
        f"{table.path.name} has {how if alike else f'no column {called[:100]!r}'}.",
        field=field,
        hint=f"Choose one of its columns.{more}",
    )


def _near(table: Table, called: str) -> list[str]:
    """Columns that somebody may have meant: those with it in their name, then those
    that are nearly called so.
    """
    names = {plain(one).strip().casefold(): plain(one) for one in table.columns}
    part = called[:MOST_COMPARED].casefold()
    within = [one for one in names if part and part in one]
    within.sort(key=len)
    near = within[:MOST_NEAR] or get_close_matches(part, names, MOST_NEAR)
    return [cut(names[one], MOST_COMPARED) for one in near]


def column_if_any(table: Table, form: Form, field: str) -> str | None:
    """The column that a field names; None where it is empty.

    Raises:
        FieldError: There is none that is called so, or there are several.
    """
    asked = forms.text(form, field)
    return column_named(table, field, asked) if asked else None


def guess(table: Table) -> str:
    """The column that the labels are probably in."""
    known = {name.lower(): name for name in table.columns}
    return next(
        (known[one] for one in LIKELY_LABELS if one in known), table.columns[-1]
    )
