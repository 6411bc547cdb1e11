# SPDX-License-Identifier: Apache-2.0
"""A new request: the table that was sent is looked over, split and sealed.

What is of verified contests alone is in `new_contest`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, cast

from markupsafe import Markup
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelmarket.datasets.about import read_licence
from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.codes import refuse_many
from modelmarket.datasets.lint import findings
from modelmarket.datasets.naming import Named, look_for_files
from modelmarket.datasets.shares import parse_accuracy, parse_fraction
from modelmarket.datasets.sources import Source
from modelmarket.datasets.split import count_rows
from modelmarket.datasets.survey import Survey, survey
from modelmarket.datasets.tables import Table, open_table
from modelmarket.errors import (
    ConfirmationError,
    DataError,
    FieldError,
    FileError,
    FundsError,
    InputError,
    ModelMarketError,
    NotFoundError,
)
from modelmarket.market.paying import refuse_unaffordable
from modelmarket.market.publishing import (
    binning_of,
    choice_of,
    split_seed,
    turn_of,
)
from modelmarket.protocol.actions import CreateRequest
from modelmarket.protocol.bins import parse_bins
from modelmarket.protocol.money import parse_mdc
from modelmarket.system.text import agreeing, counted, plain
from modelmarket.web import forms
from modelmarket.web.forms import BAD_REQUEST, Form
from modelmarket.web.reports import Drawn
from modelmarket.web.responses import answering, go, go_and_tell, show
from modelmarket.web.routes.new_table import FILES, PREDICTIONS, choose_again
from modelmarket.web.uploads import Upload
from modelmarket.web.views import cut
from modelmarket.web.visits import Visit

if TYPE_CHECKING:
    from fractions import Fraction

    from modelmarket.datasets.lint.findings import Report
    from modelmarket.market.publishing import RequestOptions
    from modelmarket.protocol.actions import Action
    from modelmarket.protocol.types import Address, Wei
    from modelmarket.vault.journal import Entry

TEMPLATE = "terms.html"
"""Of the terms of a request; any other is of a verified contest."""
NUMBERS = "numbers"
"""What the form says of labels that are no classes."""
FILE_COLUMN = "file_column"
MISSING_FILE = (
    "Take the column that names them; or choose the table again, with an archive that "
    "has all of them."
)
DEFAULT_BINS = 20
ASKED = ("label", "predicted", FILE_COLUMN)
"""What the address of the terms may say of the table."""
COLUMNS = ("label", FILE_COLUMN, "group", "time")
"""Fields that name one."""
FINDINGS = "accept_findings"
LOOKED_AT = (
    *("label", "predicted", FILE_COLUMN, "fraction", "stratified", "group", "time"),
    *("bins", "even_bins", "bits", "error", "scale", "width", "even", "balanced"),
)
"""Fields that decide what is found about a table."""
DEFAULT_PART = "20%"
"""Of the rows that are tested, until something else is typed."""
MOST_LOOKED_BYTES = 20 * 2**20
"""Of a table that is looked into before anybody asks for it."""
ABOUT = {
    "The name takes": "name",
    "The context takes": "context",
    "The description has": "description",
    "The reward must": "reward",
    "The stake must": "stake",
    "Submissions must": "minutes",
    "The response window": "response",
    "The challenge window": "challenge",
    "The threshold cannot": "threshold",
    "A scale of errors": "scale",
    "A largest mean error": "most_error",
}
"""How sentences about terms begin, and the field that each is about."""
ON_THE_FORM = {
    "The response window": "Each step",
    "four response windows": "four steps",
    "The challenge window": "The time for refuting",
}
"""What the form calls terms that have a name of their own elsewhere."""
OTHER_WORDS = {
    "fraction": "Choose another part, or add rows.",
    "group": "Choose another column, or none.",
    "time": "Choose another column, or none.",
}
"""What to do next, where the command line would name an option."""
OTHER_TERMS = Markup(
    "<strong>These terms were sealed before, in another tab.</strong> What you typed "
    "last is not in them: change the terms, or discard them."
)
MOST_NEAR = 5
MOST_COMPARED = 60
"""Characters of a column's name that are shown, and compared with what was typed."""
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
    return look_over(visit, TEMPLATE)


def look_over(visit: Visit, template: str) -> Response:
    """A page of what is in the table that was uploaded.

    Args:
        visit: Names the upload.
        template: Of the page.
    """
    sealed = _sealed_before(visit)
    if sealed is not None:
        return sealed
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
            typed = {**_still_there(upload, uploads.typed(upload)), **asked}
            if not asked.get("predicted"):
                typed = {**_fitting(visit, template, upload, typed)}
            return _show_survey(replace(visit, form=typed), template, upload, None)
    except NotFoundError:
        return choose_again(visit, _noun(template), asked)


def _noun(template: str) -> str:
    """Of what a page has the terms."""
    return "requests" if template == TEMPLATE else "contests"


def _still_there(upload: Upload, typed: Form) -> Form:
    """What was typed, but for columns that this table lacks: it may have been typed
    beside another one.
    """
    table, _ = _tables(upload)
    there = {plain(one).strip() for one in table.columns}
    lacking = [
        one
        for one in COLUMNS
        if one in typed and plain(typed[one]).strip() not in there
    ]
    if "label" in lacking:
        lacking.append("predicted")
    return {name: said for name, said in typed.items() if name not in lacking}


def _fitting(visit: Visit, template: str, upload: Upload, typed: Form) -> Form:
    """What was typed, but for what is predicted where this table's labels are nothing
    such: it may have been typed beside another one.
    """
    said = forms.text(typed, "predicted")
    if not said:
        return typed
    table, labels = _tables(upload)
    label, unfit_for = forms.text(typed, "label") or _guess(table), _unfit_for(template)
    try:
        label = label if labels else _column(table, "label", label)
        source = Source(table, None if labels else label, labels)
        found = _looked_into(visit, upload, source, label, said, unfit_for)
        problem = found.problem or unfit_for(found)
    except DataError as error:
        problem = error
    except FieldError:
        return typed
    return typed if problem is None else {**typed, "predicted": ""}


def _unfit_for(template: str) -> Callable[[Survey], DataError | None]:
    """What says why no contest of a kind can have a table.

    Args:
        template: Of the page of its terms.
    """
    return _fits if template == TEMPLATE else _unfit


def _looked_into(
    visit: Visit,
    upload: Upload,
    source: Source,
    label: str,
    said: str,
    unfit_for: Callable[[Survey], DataError | None],
) -> Survey:
    """What is in a table that was sent; see `_surveyed`."""
    numbers = said == NUMBERS
    return visit.workspace.uploads.once(
        upload,
        ("survey", label, said, unfit_for),
        lambda: _surveyed(source, said, unfit_for, numbers=numbers),
    )


def _sealed_before(visit: Visit) -> Response | None:
    """The way to what was made of an upload already, unless that was given up.

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
    form = visit.form
    table, labels = _tables(upload)
    label = forms.text(form, "label") or _guess(table)
    said, column = forms.text(form, "predicted"), forms.text(form, FILE_COLUMN)
    found, named, numbers, unfit = None, None, said == NUMBERS, None
    unfit_for = _unfit_for(template)
    try:
        column = _column(table, FILE_COLUMN, column) if column else ""
    except FieldError as error:
        problem, column = problem or error, ""
    try:
        label = label if labels else _column(table, "label", label)
        named = _named(upload, table, None if labels else label, column)
        source = Source(table, None if labels else label, labels)
        found = _looked_into(visit, upload, source, label, said, unfit_for)
        numbers = found.spread is not None
        unfit = unfit_for(found)
        if unfit is not None and found.problem is None:
            found = replace(found, problem=unfit)
            problem = FieldError(unfit.message, field="label", hint=unfit.hint)
        problem = problem or found.problem
    except (DataError, FieldError) as error:
        problem = problem or error
    lost = False
    if found is None and isinstance(problem, FieldError) and problem.field == "label":
        lost, found = True, _first_rows(visit, upload, table, problem)
    parts, unsplit = None, None
    if found is not None and found.problem is None:
        try:
            parts = _divided(visit, upload, source, numbers=numbers)
        except InputError as error:
            unsplit = error
    chosen = {"predicted": NUMBERS if numbers else "classes"}
    if not labels:
        chosen["label"] = label
    if named is not None:
        chosen[FILE_COLUMN] = named.attached.column
    return show(
        visit,
        template,
        status=200 if problem is None else BAD_REQUEST,
        upload=upload.name,
        as_shown=upload.state,
        table=table,
        labels=labels,
        label=label,
        lost=lost,
        guess=_guess(table),
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
        is_stuck=type(problem) is DataError,
        problem=problem,
        form=form,
    )


def _first_rows(
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
    guess = _guess(table)
    try:
        found = visit.workspace.uploads.once(
            upload,
            ("first rows", guess),
            lambda: _surveyed(Source(table, guess), "", _fits, numbers=False),
        )
    except DataError:
        return None
    said = DataError(problem.message, hint=problem.hint)
    return replace(found, problem=said, spread=None)


def _fits(_: Survey) -> DataError | None:
    """Any table makes a contest of predictions."""
    return None


def _unfit(found: Survey) -> DataError | None:
    """Why no verified contest can have a table; None if one can."""
    try:
        refuse_many(len(found.columns), len(found.counts))
    except DataError as error:
        return error
    return None


def _surveyed(
    source: Source,
    said: str,
    unfit_for: Callable[[Survey], DataError | None],
    *,
    numbers: bool,
) -> Survey:
    """What is in a table.

    Labels that cannot be classes, and are numbers, are taken for such.

    Args:
        source: The table.
        said: What the labels were said to be; empty for nothing.
        unfit_for: Why no contest of the kind can have it; None if one can.
        numbers: Whether they are numbers.

    Raises:
        DataError: The table is damaged; names row, column and value.
    """
    if numbers or said:
        return survey(source, as_numbers=numbers)
    try:
        found, problem = survey(source), None
        problem = found.problem or unfit_for(found)
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


def _column_if_any(table: Table, form: Form, field: str) -> str | None:
    """The column that a field names; None where it is empty.

    Raises:
        FieldError: There is none that is called so, or there are several.
    """
    asked = forms.text(form, field)
    return _column(table, field, asked) if asked else None


def _guess(table: Table) -> str:
    """The column that the labels are probably in."""
    known = {name.lower(): name for name in table.columns}
    return next(
        (known[one] for one in LIKELY_LABELS if one in known), table.columns[-1]
    )


# --- how it is split ---


@dataclass(frozen=True)
class Parts:
    """What a table is split into.

    Attributes:
        train: Rows to learn from.
        test: Rows to be tested.
    """

    train: int
    test: int


def split_page(visit: Visit) -> Response:
    """How many rows are learned from and tested, as the form stands by now."""
    name = visit.request.path_params["upload"]
    with visit.workspace.uploads.using(name) as upload:
        source = _chosen(upload, visit.form)
        is_number = forms.text(visit.form, "predicted") == NUMBERS
        parts = _divided(visit, upload, source, numbers=is_number)
    told = {"train": parts.train, "test": parts.test}
    return JSONResponse({name: counted(rows, "row") for name, rows in told.items()})


def seed_of(visit: Visit, source: Source) -> bytes:
    """What is random when the table of whoever looks is split."""
    return split_seed(visit.workspace.market, source, _turn(visit))


def _turn(visit: Visit) -> int:
    """How many requests whoever looks has made before; until a wallet is connected, as
    if this computer's key made the next one.
    """
    market = visit.workspace.market
    return turn_of(market, visit.who.account or market.wallet.address)


def _divided(visit: Visit, upload: Upload, source: Source, *, numbers: bool) -> Parts:
    """How many rows are learned from and tested: those of the split itself.

    Raises:
        FieldError: The table cannot be split so; names the field that says how.
    """
    form = {"fraction": DEFAULT_PART, **visit.form}
    fraction = forms.read(form, "fraction", parse_fraction)
    group = _column_if_any(source.data, form, "group")
    time = _column_if_any(source.data, form, "time")
    stratified = forms.text(form, "stratified") == "yes" and not numbers
    field = "time" if time else "group" if group else "fraction"
    try:
        choice = Choice(fraction, stratified, group, time)
        return visit.workspace.uploads.once(
            upload,
            ("split", _turn(visit), choice, source.label, numbers),
            lambda: Parts(
                *count_rows(source, choice, seed_of(visit, source), numbers=numbers)
            ),
        )
    except InputError as error:
        hint = OTHER_WORDS[field] if "--" in error.hint else error.hint
        raise FieldError(error.message, field=field, hint=hint) from error


# --- sealing it ---


def prepare_request(visit: Visit) -> Response:
    """Splits, seals and stores; nothing is published on the chain yet."""
    return seal(visit, TEMPLATE, _request, _report)


def _report(visit: Visit, source: Source, scratch: Path) -> Report:
    """What is found about a table."""
    from modelmarket.datasets.published import publish
    from modelmarket.market.recognising import Before, earlier_tables

    market = visit.workspace.market
    options = _options(visit.form, source.data)
    made = publish(
        source,
        scratch,
        choice=choice_of(options),
        binning=binning_of(options),
        seed=seed_of(visit, source),
    )
    before = Before(tuple(earlier_tables(market, market.look().now)))
    report = made.report.of_table(made.split.learned, source.data)
    return report.also(before.look_at(source, scratch, made.split))


def _request(visit: Visit, owner: Address, source: Source, reward: Wei) -> Action:
    market, options = visit.workspace.market, _options(visit.form, source.data)
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
            if forms.text(visit.form, "another"):
                return _choose_another(visit, template, upload)
            sealed = _sealed_before(visit)
            if sealed is not None:
                if forms.typed(visit.form) != uploads.typed(upload):
                    address = sealed.headers["location"]
                    return go_and_tell(visit, address, OTHER_TERMS)
                return sealed
            # What is sealed is what was looked at.
            try:
                forms.refuse_others(visit.form, upload.state)
            except InputError as error:
                return _show_others(visit, template, upload, error)
            uploads.remember(upload, forms.typed(visit.form))
            return _seal(visit, template, upload, prepare, look)
    except NotFoundError:
        if forms.text(visit.form, "discard"):
            uploads.discard_named(visit.request.path_params["upload"])
            return _sealed_before(visit) or go("/requests/new")
        sealed = _sealed_before(visit)
        if sealed is not None:
            return sealed
        return choose_again(visit, _noun(template), {})


def _seal(
    visit: Visit,
    template: str,
    upload: Upload,
    prepare: Callable[[Visit, Address, Source, Wei], Action],
    look: Callable[[Visit, Source, Path], Report],
) -> Response:
    """Looks at the table, or seals it; see `seal`."""
    try:
        if forms.text(visit.form, "look"):
            found = _looked(visit, upload, look)
            return _show_survey(visit, template, upload, None, found)
        entry = _prepared(visit, upload, prepare)
    except FileError as error:
        said = FieldError(error.message, field=FILE_COLUMN, hint=error.hint)
        return _show_survey(visit, template, upload, said)
    except ModelMarketError as error:
        error = _beside(error)
        if isinstance(error, ConfirmationError) and error.option == FINDINGS:
            odd: Report | None = _looked(visit, upload, look)
        else:
            odd = _looked_before(visit, upload, look)
        return _show_survey(visit, template, upload, error, odd)
    return go(f"/actions/{entry.id}")


def _show_others(
    visit: Visit, template: str, upload: Upload, problem: InputError
) -> Response:
    """The terms beside other files than they were shown with."""
    typed = _still_there(upload, forms.typed(visit.form))
    visit.workspace.uploads.remember(upload, forms.typed(typed))
    return _show_survey(replace(visit, form=typed), template, upload, problem)


def _choose_another(visit: Visit, template: str, upload: Upload) -> Response:
    """Where another table is chosen in place of this one; the terms wait for it."""
    kind = PREDICTIONS if template == TEMPLATE else ""
    # Which column names files is looked for anew, in another archive.
    typed = {**forms.typed(visit.form), FILE_COLUMN: "", "kind": kind}
    visit.workspace.uploads.remember(upload, typed)
    visit.workspace.uploads.take_away(upload)
    return go(f"/requests/new?upload={upload.name}")


def _beside(error: ModelMarketError) -> ModelMarketError:
    """The same, beside the field that it is about, if it is about one."""
    if isinstance(error, FieldError | ConfirmationError):
        return error
    if isinstance(error, FundsError):
        return FieldError(error.message, field="reward", hint=error.hint)
    for begins, field in ABOUT.items():
        if error.message.startswith(begins):
            said = error.message
            for term, shown in ON_THE_FORM.items():
                said = said.replace(term, shown)
            return FieldError(said, field=field, hint=error.hint)
    return error


def _looked(
    visit: Visit, upload: Upload, look: Callable[[Visit, Source, Path], Report]
) -> Report:
    """What is odd about an upload; nothing of it stays."""
    form, market = visit.form, visit.workspace.market
    source = _chosen(upload, form)

    def find_out() -> Report:
        with tempfile.TemporaryDirectory(dir=market.home.scratch()) as folder:
            return look(visit, source, Path(folder))

    return visit.workspace.uploads.once(upload, _as_looked(visit, look), find_out)


def _looked_before(
    visit: Visit, upload: Upload, look: Callable[[Visit, Source, Path], Report]
) -> Report | None:
    """What was found odd before something else was refused."""
    found = visit.workspace.uploads.seen(upload, _as_looked(visit, look))
    return cast("Report | None", found)


def _as_looked(visit: Visit, look: Callable[[Visit, Source, Path], Report]) -> Hashable:
    """What decides what is found about an upload."""
    said = tuple(forms.text(visit.form, name) for name in LOOKED_AT)
    return (look.__module__, _turn(visit), *said)


def _prepared(
    visit: Visit,
    upload: Upload,
    prepare: Callable[[Visit, Address, Source, Wei], Action],
) -> Entry:
    form = visit.form
    source = _chosen(upload, form)
    reward = forms.read(form, "reward", parse_mdc)
    is_number = forms.text(form, "predicted") == NUMBERS
    _divided(visit, upload, source, numbers=is_number)
    # Who signs and pays comes last: it is not what somebody has just typed.
    agreed(form, source.data)
    owner = visit.account
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


def agreed(form: Form, table: Table) -> Agreed:
    """What was typed and ticked, beside the reward.

    Args:
        form: It.
        table: Has the columns that it names.

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
        "submission_window_s": forms.duration(form, "minutes"),
        "response_window_s": forms.duration(form, "response"),
        "threshold": (
            forms.read(form, "threshold", parse_accuracy) if threshold else None
        ),
        "fraction": forms.read(form, "fraction", parse_fraction),
        "stratified": forms.text(form, "stratified") == "yes",
        "group": _column_if_any(table, form, "group"),
        "time": _column_if_any(table, form, "time"),
    }


def _options(form: Form, table: Table) -> RequestOptions:
    is_number = forms.text(form, "predicted") == NUMBERS
    bins = forms.read(form, "bins", parse_bins) if is_number else None
    is_even = is_number and forms.text(form, "even_bins") == "yes"
    said = agreed(form, table)
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
    Route("/requests/new/{upload}/split", answering(split_page), methods=["POST"]),
]
