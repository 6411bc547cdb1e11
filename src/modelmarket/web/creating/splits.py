# SPDX-License-Identifier: Apache-2.0
"""How the rows of a table that was sent are split."""

from __future__ import annotations

from dataclasses import dataclass

from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.shares import parse_fraction
from modelmarket.datasets.sources import Source
from modelmarket.datasets.split import count_rows
from modelmarket.errors import FieldError, InputError
from modelmarket.market.publishing import split_seed, turn_of
from modelmarket.web import forms
from modelmarket.web.creating.tables import column_if_any
from modelmarket.web.uploads import Upload
from modelmarket.web.visits import Visit

DEFAULT_PART = "20%"
"""Of the rows that are tested, until something else is typed."""
OTHER_WORDS = {
    "fraction": "Choose another part, or add rows.",
    "group": "Choose another column, or none.",
    "time": "Choose another column, or none.",
}
"""What to do next, where the command line would name an option."""


@dataclass(frozen=True)
class Parts:
    """What a table is split into.

    Attributes:
        train: Rows to learn from.
        test: Rows to be tested.
    """

    train: int
    test: int


def seed_of(visit: Visit, source: Source) -> bytes:
    """What is random when the table of whoever looks is split."""
    return split_seed(visit.workspace.market, source, turn(visit))


def turn(visit: Visit) -> int:
    """How many requests whoever looks has made before; until a wallet is connected, as
    if this computer's key made the next one.
    """
    market = visit.workspace.market
    return turn_of(market, visit.who.account or market.wallet.address)


def divided(visit: Visit, upload: Upload, source: Source, *, numbers: bool) -> Parts:
    """How many rows are learned from and tested: those of the split itself.

    Raises:
        FieldError: The table cannot be split so; names the field that says how.
    """
    form = {"fraction": DEFAULT_PART, **visit.form}
    fraction = forms.read(form, "fraction", parse_fraction)
    group = column_if_any(source.data, form, "group")
    time = column_if_any(source.data, form, "time")
    stratified = forms.text(form, "stratified") == "yes" and not numbers
    field = "time" if time else "group" if group else "fraction"
    try:
        choice = Choice(fraction, stratified, group, time)
        return visit.workspace.uploads.once(
            upload,
            ("split", turn(visit), choice, source.label, numbers),
            lambda: Parts(
                *count_rows(source, choice, seed_of(visit, source), numbers=numbers)
            ),
        )
    except InputError as error:
        hint = OTHER_WORDS[field] if "--" in error.hint else error.hint
        raise FieldError(error.message, field=field, hint=hint) from error
