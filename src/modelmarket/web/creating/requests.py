# SPDX-License-Identifier: Apache-2.0
"""A new contest of predictions: what it has beside what is said of any request."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from modelmarket.market.paying import refuse_unaffordable
from modelmarket.market.publishing import binning_of, choice_of
from modelmarket.protocol.actions import CreateRequest
from modelmarket.protocol.bins import parse_bins
from modelmarket.web import forms
from modelmarket.web.creating.kinds import NUMBERS, PREDICTIONS, Kind
from modelmarket.web.creating.splits import seed_of
from modelmarket.web.creating.terms import agreed
from modelmarket.web.forms import Reading

if TYPE_CHECKING:
    from modelmarket.datasets.lint.findings import Report
    from modelmarket.datasets.sources import Source
    from modelmarket.datasets.survey import Survey
    from modelmarket.datasets.tables import Table
    from modelmarket.errors import DataError
    from modelmarket.market.publishing import RequestOptions
    from modelmarket.protocol.actions import Action
    from modelmarket.protocol.types import Address, Wei
    from modelmarket.web.forms import Form
    from modelmarket.web.visits import Visit


def _fits(_: Survey) -> DataError | None:
    """Any table makes a contest of predictions."""
    return None


def _request(visit: Visit, owner: Address, source: Source, reward: Wei) -> Action:
    market, options = visit.workspace.market, _options(visit.form, source.data)
    moment, purse = market.look_into(owner)
    refuse_unaffordable(purse, reward)
    return CreateRequest(
        market.prepare_request(
            source, owner=owner, reward=reward, now=moment.now, **options
        )
    )


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
    report = made.report.also(before.look_at(source, scratch, made.split))
    return report.of_table(made.split.learned, source.data)


def _options(form: Form, table: Table) -> RequestOptions:
    return forms.whole(form, partial(_read, form, table))


def _read(form: Form, table: Table, reading: Reading) -> RequestOptions:
    """What was typed and ticked, beside the reward."""
    is_number = forms.text(form, "predicted") == NUMBERS
    bins = None
    if is_number:
        bins = reading.take(lambda: forms.read(form, "bins", parse_bins), 0)
    is_even = is_number and forms.text(form, "even_bins") == "yes"
    said = agreed(form, table, reading)
    return {
        **said,
        "stratified": said["stratified"] and not is_number,
        "bins": bins,
        "even_bins": is_even,
        **forms.confirmations(form),  # type: ignore[typeddict-item]  # names of its own
    }


REQUEST = Kind("requests", PREDICTIONS, "terms.html", _fits, _read, _report, _request)
