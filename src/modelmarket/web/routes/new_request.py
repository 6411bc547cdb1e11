# SPDX-License-Identifier: Apache-2.0
"""A new request: the table that was sent is looked over, split and sealed.

What is of verified contests alone is in `new_contest`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.datasets.about import read_licence
from modelmarket.datasets.naming import Named, look_for_files
from modelmarket.datasets.shares import parse_accuracy, parse_fraction
from modelmarket.datasets.sources import Source
from modelmarket.datasets.survey import Survey, survey
from modelmarket.datasets.tables import Table, open_table
from modelmarket.errors import (
    DataError,
    FieldError,
    FileError,
    ModelMarketError,
    NotFoundError,
)
from modelmarket.market.paying import refuse_unaffordable
from modelmarket.market.publishing import binning_of, choice_of
from modelmarket.protocol.actions import CreateRequest
from modelmarket.protocol.bins import parse_bins
from modelmarket.protocol.money import parse_mdc
from modelmarket.protocol.terms import parse_minutes
from modelmarket.system.text import plain
from modelmarket.web import forms
from modelmarket.web.forms import BAD_REQUEST, Form
from modelmarket.web.reports import Drawn
from modelmarket.web.responses import answering, go, show
from modelmarket.web.routes.new_table import FILES
from modelmarket.web.uploads import Upload
from modelmarket.web.visits import Visit

if TYPE_CHECKING:
    from fractions import Fraction

    from modelmarket.datasets.lint.findings import Report
    from modelmarket.market.publishing import RequestOptions
    from modelmarket.protocol.actions import Action
    from modelmarket.protocol.types import Address, Wei
    from modelmarket.vault.journal import Entry

NUMBERS = "numbers"
"""What the form says of labels that are no classes."""
FILE_COLUMN = "file_column"
MISSING_FILE = (
    "Take the column that names them; or choose the table again, with an archive that "
    "has all of them."
)
DEFAULT_BINS = 20
LIKELY_LABELS = ("label", "class", "target", "y")


# --- the table ---


def _tables(upload: Upload) -> tuple[Table, Table | None]:
    data, labels = upload.file("data"), upload.file("labels")
    if data is None:
        raise NotFoundError(
            "That upload is not here any more.", hint="Choose the file again."
        )
    if labels is not None:
        labelled = open_table(labels)
        return open_table(data), labelled
    return open_table(data, knows="label"), None


def _chosen(upload: Upload, form: Form) -> Source:
    """The table that was sent and the files that its rows name, as the form says."""
    table, labels = _tables(upload)
    label = None
    if not labels:
        label = _column(table, "label", forms.text(form, "label"))
    named = _named(upload, table, label, forms.text(form, FILE_COLUMN))
    return Source(table, label, labels, None if named is None else named.attached)


def _named(
    upload: Upload, table: Table, label: str | None, column: str
) -> Named | None:
    """The files that rows name; None if none were sent."""
    folder = upload.file(FILES)
    if folder is None:
        return None
    if column:
        column = _column(table, FILE_COLUMN, column)
    return look_for_files(table, folder, label=label, column=column, hint=MISSING_FILE)


# --- its terms ---


def survey_page(visit: Visit) -> Response:
    """What is in the table, and the terms to be chosen."""
    return look_over(visit, "terms.html")


def look_over(visit: Visit, template: str) -> Response:
    """A page of what is in the table that was uploaded.

    Args:
        visit: Names the upload.
        template: Of the page.
    """
    sealed = _sealed_before(visit)
    if sealed is not None:
        return sealed
    with visit.workspace.uploads.using(visit.request.path_params["upload"]) as upload:
        return _show_survey(visit, template, upload, None)


def _sealed_before(visit: Visit) -> Response | None:
    """The way to what was made of an upload already.

    So a second click on "Split and seal" seals nothing twice.
    """
    entry = visit.workspace.actions.come_of(visit.request.path_params["upload"])
    return None if entry is None else go(f"/actions/{entry.id}")


def _show_survey(
    visit: Visit,
    template: str,
    upload: Upload,
    problem: ModelMarketError | None,
    report: Report | None = None,
) -> Response:
    form, query = visit.form, visit.request.query_params
    table, labels = _tables(upload)
    label = forms.text(form, "label") or query.get("label", "") or _guess(table)
    said = forms.text(form, "predicted") or query.get("predicted", "")
    column = forms.text(form, FILE_COLUMN) or query.get(FILE_COLUMN, "")
    found, named, numbers = None, None, said == NUMBERS
    try:
        column = _column(table, FILE_COLUMN, column) if column else ""
    except FieldError as error:
        problem, column = problem or error, ""
    try:
        label = label if labels else _column(table, "label", label)
        named = _named(upload, table, None if labels else label, column)
        source = Source(table, None if labels else label, labels)
        found = _surveyed(source, said, numbers=numbers)
        numbers = found.spread is not None
        problem = problem or found.problem
    except (DataError, FieldError) as error:
        problem = problem or error
    return show(
        visit,
        template,
        status=200 if problem is None else BAD_REQUEST,
        upload=upload.name,
        table=table,
        labels=labels,
        label=label,
        files=named,
        numbers=numbers,
        bins=forms.text(form, "bins") or DEFAULT_BINS,
        survey=found,
        report=None if report is None else Drawn.of(report),
        problem=problem,
        form=form,
    )


def _surveyed(source: Source, said: str, *, numbers: bool) -> Survey:
    """What is in a table.

    Labels that cannot be classes, and are numbers, are taken for such.

    Args:
        source: The table.
        said: What the labels were said to be; empty for nothing.
        numbers: Whether they are numbers.

    Raises:
        DataError: The table is damaged; names row, column and value.
    """
    if numbers or said:
        return survey(source, as_numbers=numbers)
    try:
        found, problem = survey(source), None
        problem = found.problem
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


def _column(table: Table, field: str, asked: str) -> str:
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
    raise FieldError(
        f"{table.path.name} has {how if alike else f'no column {called[:100]!r}'}.",
        field=field,
        hint="Choose one of its columns.",
    )


def _guess(table: Table) -> str:
    """The column that the labels are probably in."""
    known = {name.lower(): name for name in table.columns}
    return next(
        (known[one] for one in LIKELY_LABELS if one in known), table.columns[-1]
    )


# --- sealing it ---


def prepare_request(visit: Visit) -> Response:
    """Splits, seals and stores; nothing is published on the chain yet."""
    return seal(visit, "terms.html", _request, _report)


def _report(visit: Visit, source: Source, scratch: Path) -> Report:
    """What is found about a table."""
    from modelmarket.datasets.published import publish
    from modelmarket.market.recognising import Before, earlier_tables

    market = visit.workspace.market
    options = _options(visit.form)
    made = publish(
        source, scratch, choice=choice_of(options), binning=binning_of(options)
    )
    before = Before(tuple(earlier_tables(market, market.look().now)))
    report = made.report.of_table(made.split.learned, source.data)
    return report.also(before.look_at(source, scratch, made.split))


def _request(visit: Visit, owner: Address, source: Source, reward: Wei) -> Action:
    market, options = visit.workspace.market, _options(visit.form)
    moment, purse = market.look_into(owner)
    refuse_unaffordable(purse, reward)
    return CreateRequest(
        market.prepare_request(
            source, owner=owner, reward=reward, now=moment.now, **options
        )
    )


def seal(
    visit: Visit,
    template: str,
    prepare: Callable[[Visit, Address, Source, Wei], Action],
    look: Callable[[Visit, Source, Path], Report],
) -> Response:
    """Does with an upload what the form says, once.

    Args:
        visit: Names the upload, and sends the form.
        template: Of the page that shows what went wrong.
        prepare: Makes of whose table and of what reward what is to be confirmed.
        look: Finds out what is odd about a table, in an empty folder.
    """
    uploads = visit.workspace.uploads
    try:
        with uploads.using(visit.request.path_params["upload"]) as upload:
            if forms.text(visit.form, "discard"):
                uploads.discard(upload)
                return go("/requests/new")
            try:
                if forms.text(visit.form, "look"):
                    found = _looked(visit, upload, look)
                    return _show_survey(visit, template, upload, None, found)
                entry = _prepared(visit, upload, prepare)
            except FileError as error:
                said = FieldError(error.message, field=FILE_COLUMN, hint=error.hint)
                return _show_survey(visit, template, upload, said)
            except ModelMarketError as error:
                return _show_survey(visit, template, upload, error)
            uploads.discard(upload)
            return go(f"/actions/{entry.id}")
    except NotFoundError:
        sealed = _sealed_before(visit)
        if sealed is None:
            raise
        return sealed


def _looked(
    visit: Visit, upload: Upload, look: Callable[[Visit, Source, Path], Report]
) -> Report:
    """What is odd about an upload; nothing of it stays."""
    form = visit.form
    source = _chosen(upload, form)
    scratch = visit.workspace.market.home.scratch()
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        return look(visit, source, Path(folder))


def _prepared(
    visit: Visit,
    upload: Upload,
    prepare: Callable[[Visit, Address, Source, Wei], Action],
) -> Entry:
    owner, form = visit.account, visit.form
    source = _chosen(upload, form)
    reward = forms.read(form, "reward", parse_mdc)
    action = prepare(visit, owner, source, reward)
    return visit.workspace.actions.prepare(owner, action, upload.name)


class Agreed(TypedDict):
    """What is said of a new request of either kind."""

    name: str
    context: str
    description: str
    licence: str
    model_licence: str
    stake: Wei | None
    submission_window_s: int
    response_window_s: int
    threshold: Fraction | None
    fraction: Fraction
    stratified: bool
    group: str | None
    time: str | None


def agreed(form: Form) -> Agreed:
    """What was typed and ticked, beside the reward.

    Raises:
        FieldError: A field cannot be read; it is named.
    """
    stake, threshold = forms.text(form, "stake"), forms.text(form, "threshold")
    return {
        "name": forms.text(form, "name"),
        "context": forms.text(form, "context").replace("\r\n", "\n"),
        "description": forms.text(form, "description").replace("\r\n", "\n"),
        "licence": forms.read(form, "licence", read_licence),
        "model_licence": forms.read(form, "model_licence", read_licence),
        "stake": forms.read(form, "stake", parse_mdc) if stake else None,
        "submission_window_s": forms.read(form, "minutes", parse_minutes),
        "response_window_s": forms.read(form, "response", parse_minutes),
        "threshold": (
            forms.read(form, "threshold", parse_accuracy) if threshold else None
        ),
        "fraction": forms.read(form, "fraction", parse_fraction),
        "stratified": forms.text(form, "stratified") == "yes",
        "group": forms.text(form, "group") or None,
        "time": forms.text(form, "time") or None,
    }


def _options(form: Form) -> RequestOptions:
    is_number = forms.text(form, "predicted") == NUMBERS
    bins = forms.read(form, "bins", parse_bins) if is_number else None
    is_even = is_number and forms.text(form, "even_bins") == "yes"
    said = agreed(form)
    return {
        **said,
        "stratified": said["stratified"] and not is_number,
        "bins": bins,
        "even_bins": is_even,
        **forms.confirmations(form),  # type: ignore[typeddict-item]  # names of its own
    }


ROUTES = [
    Route("/requests/new/{upload}", answering(survey_page)),
    Route("/requests/new/{upload}", answering(prepare_request), methods=["POST"]),
]
