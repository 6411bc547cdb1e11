# SPDX-License-Identifier: Apache-2.0
"""The terms of a new request, as they are typed for either kind."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import TypedDict

from modelmarket.datasets.about import read_licence
from modelmarket.datasets.shares import parse_accuracy, parse_fraction
from modelmarket.datasets.tables import Table
from modelmarket.errors import (
    ConfirmationError,
    FieldError,
    FundsError,
    ModelMarketError,
)
from modelmarket.protocol.money import parse_mdc
from modelmarket.protocol.types import Wei
from modelmarket.web import forms
from modelmarket.web.creating.tables import column_if_any
from modelmarket.web.forms import Form, Reading, Value

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


def agreed(form: Form, table: Table, reading: Reading) -> Agreed:
    """What was typed and ticked, beside the reward.

    Args:
        form: It.
        table: Has the columns that it names.
        reading: Notes what cannot be read.
    """
    stake, threshold = forms.text(form, "stake"), forms.text(form, "threshold")

    def read(name: str, parse: Callable[[str], Value], otherwise: Value) -> Value:
        return reading.take(partial(forms.read, form, name, parse), otherwise)

    def duration(name: str) -> int:
        return reading.take(partial(forms.duration, form, name), 0)

    def column(name: str) -> str | None:
        return reading.take(partial(column_if_any, table, form, name), None)

    return {
        "name": forms.text(form, "name"),
        "context": forms.text(form, "context").replace("\r\n", "\n"),
        "description": forms.text(form, "description").replace("\r\n", "\n"),
        "licence": read("licence", read_licence, ""),
        "model_licence": read("model_licence", read_licence, ""),
        "stake": read("stake", parse_mdc, Wei(0)) if stake else None,
        "submission_window_s": duration("minutes"),
        "response_window_s": duration("response"),
        "threshold": (
            read("threshold", parse_accuracy, Fraction(0)) if threshold else None
        ),
        "fraction": read("fraction", parse_fraction, Fraction(0)),
        "stratified": forms.text(form, "stratified") == "yes",
        "group": column("group"),
        "time": column("time"),
    }


def beside_field(error: ModelMarketError) -> ModelMarketError:
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
