# SPDX-License-Identifier: Apache-2.0
"""A new verified contest: what it has beside what is said of any request."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from modelmarket.datasets.codes import refuse_many
from modelmarket.datasets.shares import parse_number
from modelmarket.errors import DataError, InputError
from modelmarket.market.paying import refuse_unaffordable
from modelmarket.protocol.hidden import CODE_WIDTHS
from modelmarket.protocol.point_kinds import Error
from modelmarket.protocol.points import NUMBER_BITS
from modelmarket.web import forms
from modelmarket.web.creating.kinds import NUMBERS, Kind
from modelmarket.web.creating.splits import seed_of
from modelmarket.web.creating.terms import agreed
from modelmarket.web.forms import Reading

if TYPE_CHECKING:
    from modelmarket.datasets.lint.findings import Report
    from modelmarket.datasets.sources import Source
    from modelmarket.datasets.survey import Survey
    from modelmarket.datasets.tables import Table
    from modelmarket.market.verified.publishing import ContestOptions
    from modelmarket.protocol.actions import Action
    from modelmarket.protocol.types import Address, Wei
    from modelmarket.web.forms import Form
    from modelmarket.web.visits import Visit


def _unfit(found: Survey) -> DataError | None:
    """Why no verified contest can have a table; None if one can."""
    try:
        refuse_many(len(found.columns), len(found.counts))
    except DataError as error:
        return error
    return None


def _report(visit: Visit, source: Source, scratch: Path) -> Report:
    """What is found about a table."""
    from modelmarket.market.recognising import Before, earlier_tables
    from modelmarket.market.verified.trying import look_at

    market, options = visit.workspace.market, _options(visit.form, source.data)
    options["seed"] = seed_of(visit, source)
    before = Before(tuple(earlier_tables(market, market.look().now)))
    made = look_at(source, scratch, before, **options)
    return made.report.of_table(made.learned, source.data)


def _contest(visit: Visit, owner: Address, source: Source, reward: Wei) -> Action:
    market, options = visit.workspace.market, _options(visit.form, source.data)
    moment, purse = market.look_into(owner, verified=True)
    refuse_unaffordable(purse, reward)
    return market.prepare_contest(
        source, owner=owner, reward=reward, now=moment.now, **options
    )


def _options(form: Form, table: Table) -> ContestOptions:
    return forms.whole(form, partial(_read, form, table))


def _read(form: Form, table: Table, reading: Reading) -> ContestOptions:
    """What was typed and ticked, beside the reward."""
    challenge = forms.text(form, "challenge")
    is_number = forms.text(form, "predicted") == NUMBERS
    said = agreed(form, table, reading)
    of_labels = _of_numbers(form, reading) if is_number else _of_classes(form)
    return {
        **said,
        "challenge_window_s": (
            reading.take(lambda: forms.duration(form, "challenge"), 0)
            if challenge
            else None
        ),
        "width": reading.take(lambda: forms.read(form, "width", _parse_width), 0),
        "even": forms.text(form, "even") == "yes",
        **of_labels,
        **forms.confirmations(form),  # type: ignore[typeddict-item]  # names of its own
    }


def _of_classes(form: Form) -> ContestOptions:
    return {"balanced": forms.text(form, "balanced") == "yes"}


def _of_numbers(form: Form, reading: Reading) -> ContestOptions:
    """What is said of labels that are numbers; nothing of classes is."""

    def number(name: str) -> Fraction | None:
        if not forms.text(form, name):
            return None
        return reading.take(lambda: forms.read(form, name, parse_number), Fraction(0))

    return {
        "threshold": None,
        "stratified": False,
        "error": reading.take(
            lambda: forms.read(form, "error", _parse_error), Error.ABSOLUTE
        ),
        "scale": number("scale"),
        "most_error": number("most_error"),
        "bits": reading.take(lambda: forms.read(form, "bits", _parse_bits), 0),
    }


def _parse_error(text: str) -> Error:
    """Which error counts.

    Raises:
        InputError: There is no such error.
    """
    if text not in tuple(Error):
        raise InputError(f"{text[:40]!r} is no error that can count.")
    return Error(text)


def _parse_bits(text: str) -> int:
    """Bits of a number.

    Raises:
        InputError: No number has so many.
    """
    lacking = InputError(f"A number has no {text[:40]!r} bits.", hint="Take 16.")
    return _chosen(text, NUMBER_BITS, lacking)


def _parse_width(text: str) -> int:
    """Bits of a code.

    Raises:
        InputError: No code has so many.
    """
    lacking = InputError(f"{text[:40]!r} is no width of a code.", hint="Take 8 or 16.")
    return _chosen(text, CODE_WIDTHS, lacking)


def _chosen(text: str, offered: Iterable[int], lacking: InputError) -> int:
    """The number that was chosen of those that are offered; raises if it is none."""
    for one in offered:
        if text == str(one):
            return one
    raise lacking


CONTEST = Kind("contests", "", "contest_terms.html", _unfit, _read, _report, _contest)
