# SPDX-License-Identifier: Apache-2.0
"""Every address belongs to one noun, whose file says all that it answers."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from types import ModuleType

import pytest
from starlette.routing import Route

from modelmarket.web import routes
from modelmarket.web.app import NOUNS
from modelmarket.web.routes import live

FILES = {
    importlib.import_module(f"{routes.__name__}.{one.name}")
    for one in pkgutil.iter_modules(routes.__path__)
}


def claims(noun: ModuleType) -> list[tuple[str, str]]:
    """The methods and addresses of a noun's table."""
    table: list[Route] = noun.ROUTES
    return [(method, one.path) for one in table for method in one.methods or ()]


def test_every_nouns_table_is_among_those_that_are_put_together() -> None:
    assert set(NOUNS) == FILES
    assert len(NOUNS) == len(FILES)


def test_no_two_tables_claim_the_same() -> None:
    claimed = Counter(one for noun in NOUNS for one in claims(noun))
    assert {one: count for one, count in claimed.items() if count > 1} == {}


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.__name__.split(".")[-1])
def test_a_table_leads_to_its_own_file_and_by_the_one_wrapper(noun: ModuleType) -> None:
    assert noun.ROUTES
    for route in noun.ROUTES:
        assert route.endpoint.__module__ == noun.__name__
        # Every tab asks again and again whether there is something new.
        assert hasattr(route.endpoint, "__wrapped__") == (noun is not live)
