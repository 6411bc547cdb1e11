# SPDX-License-Identifier: Apache-2.0
"""What the kinds of a new request differ in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from modelmarket.datasets.lint.findings import Report
from modelmarket.datasets.sources import Source
from modelmarket.datasets.survey import Survey
from modelmarket.datasets.tables import Table
from modelmarket.errors import DataError
from modelmarket.protocol.actions import Action
from modelmarket.protocol.types import Address, Wei
from modelmarket.web.forms import Form, Reading
from modelmarket.web.visits import Visit

PREDICTIONS = "predictions"
"""What the form says for a request of predictions; anything else is a contest."""
NUMBERS = "numbers"
"""What the form says of labels that are no classes."""

Unfit = Callable[[Survey], DataError | None]
"""Says why no contest of a kind can have a table; None if one can."""


@dataclass(frozen=True)
class Kind:
    """A kind of a new request.

    Attributes:
        noun: Of it, as addresses have it.
        said: What the form that a table is chosen in says for it.
        template: Of the page of its terms.
        unfit: Says why none can have a table.
        read: Reads what was typed and ticked beside the reward, of whose table.
        look: Finds out what is odd about whose table, in an empty folder.
        prepare: Makes of whose table and of what reward what is to be confirmed.
    """

    noun: str
    said: str
    template: str
    unfit: Unfit
    read: Callable[[Form, Table, Reading], object]
    look: Callable[[Visit, Source, Path], Report]
    prepare: Callable[[Visit, Address, Source, Wei], Action]
