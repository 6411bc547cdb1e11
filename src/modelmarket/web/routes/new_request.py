# SPDX-License-Identifier: Apache-2.0
"""A new request of either kind: its table is looked over, split and sealed."""

from __future__ import annotations

import tempfile
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from markupsafe import Markup
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelmarket.datasets.sources import Source
from modelmarket.errors import (
    ConfirmationError,
    DataError,
    FieldError,
    FileError,
    InputError,
    KnownRowsError,
    ModelMarketError,
    NotFoundError,
)
from modelmarket.protocol.money import parse_mdc
from modelmarket.protocol.types import Wei
from modelmarket.system.text import counted
from modelmarket.web import forms
from modelmarket.web.creating.contests import CONTEST
from modelmarket.web.creating.kinds import NUMBERS, Kind
from modelmarket.web.creating.requests import REQUEST
from modelmarket.web.creating.splits import divided, turn
from modelmarket.web.creating.surveys import first_rows, fitting, look_into
from modelmarket.web.creating.tables import (
    FILE_COLUMN,
    called,
    column_named,
    guess,
    named_files,
    source_of,
    still_there,
    tables_of,
)
from modelmarket.web.creating.terms import beside_field
from modelmarket.web.forms import BAD_REQUEST
from modelmarket.web.reports import Drawn
from modelmarket.web.responses import answering, go, go_and_tell, show
from modelmarket.web.routes.new_table import choose_again
from modelmarket.web.uploads import Upload
from modelmarket.web.visits import Visit

if TYPE_CHECKING:
    from modelmarket.datasets.lint.findings import Report
    from modelmarket.vault.journal import Entry

DEFAULT_BINS = 20
ASKED = ("label", "predicted", FILE_COLUMN)
"""What the address of the terms may say of the table."""
FINDINGS = "accept_findings"
LOOKED_AT = (
    *("label", "predicted", FILE_COLUMN, "fraction", "stratified", "group", "time"),
    *("bins", "even_bins", "bits", "error", "scale", "width", "even", "balanced"),
)
"""Fields that decide what is found about a table."""
MOST_LOOKED_BYTES = 20 * 2**20
"""Of a table that is looked into before anybody asks for it."""
WAS_REFUSED = "was_refused"
"""Kept beside terms that were refused, so that a reload shows again what is wrong."""
OTHER_TERMS = Markup(
    "<strong>These terms were sealed before, in another tab.</strong> What you typed "
    "last is not in them: change the terms, or discard them."
)


def survey_page(visit: Visit, kind: Kind) -> Response:
    """What is in the table that was sent, and the terms to be chosen; or those that
    were, as long as nothing of them is under way.
    """
    sealed = visit.workspace.actions.come_of(visit.request.path_params["upload"])
    if sealed is not None:
        noun = "contests" if sealed.action.is_verified else "requests"
        if not (sealed.state.is_open and sealed.account == visit.who.account):
            return go(f"/actions/{sealed.id}")
        if noun != kind.noun:
            return go(f"/{noun}/new/{visit.request.path_params['upload']}")
    uploads, query = visit.workspace.uploads, visit.request.query_params
    asked = {name: query[name] for name in ASKED if name in query}
    changed = {
        name
        for name in asked
        if query.get(f"{name}_before", asked[name]) != asked[name]
    }
    # What the labels of one column are says nothing of another's.
    if changed == {"label"}:
        asked["predicted"] = ""
    try:
        with uploads.using(visit.request.path_params["upload"]) as upload:
            typed = {**still_there(upload, uploads.typed(upload)), **asked}
            if not asked.get("predicted"):
                typed = {**fitting(visit, kind, upload, typed)}
            visit = replace(visit, form=typed)
            wrong = None if changed else _refused_before(visit, kind, upload)
            return _show_survey(visit, kind, upload, wrong, sealed=sealed, again=True)
    except NotFoundError:
        if sealed is not None:
            return go(f"/actions/{sealed.id}")
        return choose_again(visit, kind.said, asked)


def _refused_before(
    visit: Visit, kind: Kind, upload: Upload
) -> ModelMarketError | None:
    """What is wrong with terms that were refused; None for others."""
    if not forms.text(visit.form, WAS_REFUSED):
        return None
    try:
        _read_terms(visit, kind, upload)
    except ModelMarketError as error:
        return beside_field(error)
    return None


def _sealed_before(visit: Visit) -> Response | None:
    """The way to what was made of an upload already, unless that was given up.

    So a second click on "Split and seal" seals nothing twice.
    """
    entry = visit.workspace.actions.come_of(visit.request.path_params["upload"])
    return None if entry is None else go(f"/actions/{entry.id}")


def _show_survey(
    visit: Visit,
    kind: Kind,
    upload: Upload,
    problem: ModelMarketError | None,
    report: Report | None = None,
    *,
    sealed: Entry | None = None,
    again: bool = False,
) -> Response:
    form, was_refused = visit.form, problem is not None
    table, labels = tables_of(upload)
    label = forms.text(form, "label") or guess(table)
    said, column = forms.text(form, "predicted"), forms.text(form, FILE_COLUMN)
    found, named, numbers, unfit = None, None, said == NUMBERS, None
    try:
        column = column_named(table, FILE_COLUMN, column) if column else ""
    except FieldError as error:
        problem, column = problem or error, ""
    try:
        label = label if labels else column_named(table, "label", label)
        named = named_files(upload, table, None if labels else label, column)
        source = Source(table, None if labels else label, labels)
        found = look_into(visit, kind, upload, source, said)
        numbers = found.spread is not None
        unfit = kind.unfit(found)
        if unfit is not None and found.problem is None:
            found = replace(found, problem=unfit)
            problem = FieldError(unfit.message, field="label", hint=unfit.hint)
        problem = problem or found.problem
    except (DataError, FieldError) as error:
        problem = problem or error
    lost = False
    if found is None and isinstance(problem, FieldError) and problem.field == "label":
        lost, found = True, first_rows(visit, upload, table, problem)
    parts, unsplit = None, None
    if found is not None and found.problem is None:
        try:
            parts = divided(visit, upload, source, numbers=numbers)
        except InputError as error:
            unsplit = error
    chosen = {"predicted": NUMBERS if numbers else "classes"}
    if not labels:
        chosen["label"] = label
    if named is not None:
        chosen[FILE_COLUMN] = named.attached.column
    return show(
        visit,
        kind.template,
        # What was refused before is only looked at again.
        status=200 if problem is None or (again and was_refused) else BAD_REQUEST,
        upload=upload.name,
        as_shown=upload.state,
        called=called(table),
        table=table,
        labels=labels,
        label=label,
        lost=lost,
        guess=guess(table),
        files=named,
        numbers=numbers,
        bins=forms.text(form, "bins") or DEFAULT_BINS,
        survey=found,
        chosen=chosen,
        parts_of=parts,
        unsplit=unsplit,
        unfit=unfit,
        is_small=table.path.stat().st_size <= MOST_LOOKED_BYTES,
        report=None if report is None else Drawn.of(report),
        # What neither a field nor a tick can mend is mended in the table.
        is_stuck=type(problem) in (DataError, KnownRowsError),
        knows_rows=(isinstance(problem, KnownRowsError) and not problem.is_all)
        or (report is not None and report.knows_rows),
        sealed=sealed,
        problem=problem,
        form=form,
    )


# --- how it is split ---


def split_page(visit: Visit) -> Response:
    """How many rows are learned from and tested, as the form stands by now."""
    name = visit.request.path_params["upload"]
    with visit.workspace.uploads.using(name) as upload:
        source = source_of(upload, visit.form)
        is_number = forms.text(visit.form, "predicted") == NUMBERS
        parts = divided(visit, upload, source, numbers=is_number)
    told = {"train": parts.train, "test": parts.test}
    return JSONResponse({name: counted(rows, "row") for name, rows in told.items()})


# --- sealing it ---


def seal(visit: Visit, kind: Kind) -> Response:
    """Splits, seals and stores what was sent, once, or does with it what else the form
    says; nothing is published on the chain yet.
    """
    uploads = visit.workspace.uploads
    try:
        with uploads.using(visit.request.path_params["upload"]) as upload:
            if forms.text(visit.form, "discard"):
                uploads.discard(upload)
                return go("/requests/new")
            if forms.text(visit.form, "another"):
                return _choose_another(visit, kind, upload)
            sealed = _sealed_before(visit)
            if sealed is not None:
                if forms.typed(visit.form) != uploads.typed(upload):
                    address = sealed.headers["location"]
                    return go_and_tell(visit, address, OTHER_TERMS, is_done=False)
                return sealed
            # What is sealed is what was looked at.
            try:
                forms.refuse_others(visit.form, upload.state)
            except InputError as error:
                return _show_others(visit, kind, upload, error)
            typed = forms.typed(visit.form)
            # Whoever looks for what is odd mends nothing by it.
            if forms.text(visit.form, "look"):
                before = uploads.typed(upload).get(WAS_REFUSED, "")
                typed |= {WAS_REFUSED: before} if before else {}
            uploads.remember(upload, typed)
            return _look_or_seal(visit, kind, upload)
    except NotFoundError:
        if forms.text(visit.form, "discard"):
            uploads.discard_named(visit.request.path_params["upload"])
            return _sealed_before(visit) or go("/requests/new")
        sealed = _sealed_before(visit)
        if sealed is not None:
            return sealed
        return choose_again(visit, kind.said, {})


def _look_or_seal(visit: Visit, kind: Kind, upload: Upload) -> Response:
    try:
        if forms.text(visit.form, "leave_out"):
            return _leave_out(visit, kind, upload)
        if forms.text(visit.form, "look"):
            found = _looked(visit, kind, upload)
            return _show_survey(visit, kind, upload, None, found)
        entry = _prepared(visit, kind, upload)
    except FileError as error:
        said = FieldError(error.message, field=FILE_COLUMN, hint=error.hint)
        return _show_survey(visit, kind, upload, said)
    except ModelMarketError as error:
        error = beside_field(error)
        if isinstance(error, FieldError) and not forms.text(visit.form, "look"):
            typed = {**forms.typed(visit.form), WAS_REFUSED: "yes"}
            visit.workspace.uploads.remember(upload, typed)
        if isinstance(error, ConfirmationError) and error.option == FINDINGS:
            odd: Report | None = _looked(visit, kind, upload)
        else:
            odd = _looked_before(visit, kind, upload)
        return _show_survey(visit, kind, upload, error, odd)
    return go(f"/actions/{entry.id}")


def _show_others(
    visit: Visit, kind: Kind, upload: Upload, problem: InputError
) -> Response:
    """The terms beside other files than they were shown with."""
    typed = still_there(upload, forms.typed(visit.form))
    visit.workspace.uploads.remember(upload, forms.typed(typed))
    return _show_survey(replace(visit, form=typed), kind, upload, problem)


def _choose_another(visit: Visit, kind: Kind, upload: Upload) -> Response:
    """Where another table is chosen in place of this one; the terms wait for it."""
    # Which column names files is looked for anew, in another archive.
    typed = {**forms.typed(visit.form), FILE_COLUMN: "", "kind": kind.said}
    # A name that nobody typed is the table's.
    if typed.get("name") == called(tables_of(upload)[0]):
        del typed["name"]
    visit.workspace.uploads.remember(upload, typed)
    visit.workspace.uploads.take_away(upload)
    return go(f"/requests/new?upload={upload.name}")


def _leave_out(visit: Visit, kind: Kind, upload: Upload) -> Response:
    """The same terms, of a table without the rows of earlier requests.

    Raises:
        ModelMarketError: The table cannot be read, or nothing of it is left.
    """
    from modelmarket.market.leaving_out import leave_out
    from modelmarket.market.recognising import Before, earlier_tables

    market = visit.workspace.market
    before = Before(tuple(earlier_tables(market, market.look().now)))
    source = source_of(upload, visit.form)
    with tempfile.TemporaryDirectory(dir=market.home.scratch()) as folder:
        rest = leave_out(source, before, Path(folder))
        for field, file in zip(("data", "labels"), rest.files, strict=False):
            file.replace(upload.place(field, file.name))
    said = Markup(
        "<strong>{} left out.</strong> {} left, in the copy that this page has."
    )
    left_out = counted(rest.left_out, "row was", "rows were")
    left = counted(rest.rows, "row is", "rows are")
    address = f"/{kind.noun}/new/{upload.name}"
    return go_and_tell(visit, address, said.format(left_out, left))


def _looked(visit: Visit, kind: Kind, upload: Upload) -> Report:
    """What is odd about an upload; nothing of it stays."""
    source = source_of(upload, visit.form)

    def find_out() -> Report:
        scratch = visit.workspace.market.home.scratch()
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            return kind.look(visit, source, Path(folder))

    return visit.workspace.uploads.once(upload, _as_looked(visit, kind), find_out)


def _looked_before(visit: Visit, kind: Kind, upload: Upload) -> Report | None:
    """What was found odd before something else was refused."""
    found = visit.workspace.uploads.seen(upload, _as_looked(visit, kind))
    return cast("Report | None", found)


def _as_looked(visit: Visit, kind: Kind) -> Hashable:
    """What decides what is found about an upload."""
    said = tuple(forms.text(visit.form, name) for name in LOOKED_AT)
    return (kind.noun, turn(visit), *said)


def _read_terms(visit: Visit, kind: Kind, upload: Upload) -> tuple[Source, Wei]:
    """The table and the reward, once all that was typed can be read.

    Raises:
        ModelMarketError: It cannot.
    """
    form = visit.form
    source = source_of(upload, form)
    reading = forms.Reading(form)
    reward = reading.take(lambda: forms.read(form, "reward", parse_mdc), Wei(0))
    kind.read(form, source.data, reading)
    reading.finish()
    is_number = forms.text(form, "predicted") == NUMBERS
    divided(visit, upload, source, numbers=is_number)
    return source, reward


def _prepared(visit: Visit, kind: Kind, upload: Upload) -> Entry:
    source, reward = _read_terms(visit, kind, upload)
    # Who signs and pays comes last: it is not what somebody has just typed.
    owner = visit.account
    action = kind.prepare(visit, owner, source, reward)
    return visit.workspace.actions.prepare(owner, action, upload.name)


def _routes(kind: Kind) -> list[Route]:
    """The addresses at which a kind of request is made."""

    def show_terms(visit: Visit) -> Response:
        return survey_page(visit, kind)

    def take_terms(visit: Visit) -> Response:
        return seal(visit, kind)

    terms = f"/{kind.noun}/new/{{upload}}"
    return [
        Route(terms, answering(show_terms)),
        Route(terms, answering(take_terms), methods=["POST"]),
        Route(f"{terms}/split", answering(split_page), methods=["POST"]),
    ]


ROUTES = [*_routes(REQUEST), *_routes(CONTEST)]
