# SPDX-License-Identifier: Apache-2.0
"""Two receipts of one table: what is confirmed first decides what the other may show."""

from __future__ import annotations

from itertools import count
from random import Random

import pytest

from modelmarket.market import Market
from modelmarket.web.workspace import Workspace
from support.market import Place
from support.visits import Tab, visiting, words

TERMS = {"label": "kind", "reward": "10", "minutes": "60", "response": "15"} | {
    "fraction": "20%",
    "width": "8",
}
PATHS = {"predictions": "/requests/new/", "verified": "/contests/new/"}
SEEDS = count()


def rows(*more: str) -> str:
    """A table that nobody has seen before, and perhaps more columns of it."""
    chance, seed = Random(next(SEEDS)), next(SEEDS)
    lines = [",".join(["x", "y", *more, "kind"])]
    for n in range(100):
        cells = [f"{seed}.{chance.randrange(10**6)}" for _ in range(2 + len(more))]
        lines.append(",".join([*cells, "ab"[n % 2]]))
    return "\n".join(lines) + "\n"


def sealed(tab: Tab, kind: str, table: str, **said: str) -> str:
    """Where it is to be confirmed what was sealed of a table."""
    files = {"data": ("t.csv", table)}
    answer = tab.post("/requests/new", files=files, data={"kind": kind})
    where = answer.headers["location"]
    assert where.startswith(PATHS[kind])
    answer = tab.post(where, **TERMS, name=kind, **said)
    assert answer.status_code == 303, words(answer.text)
    return answer.headers["location"]


def confirmed(tab: Tab, action: str) -> None:
    answer = tab.post(f"{action}/confirm")
    where = answer.headers.get("location", words(answer.text)[-1_500:])
    assert where.startswith("/requests/"), words(tab.get(action).text)


def is_refused(tab: Tab, action: str, because: str) -> None:
    """By the page, by the key of this computer, and before a wallet is asked."""
    said = "Since this was sealed, another request was created."
    page = tab.get(action).text
    assert said in words(page)
    assert because in words(page)
    assert f"{action}/confirm" not in page
    assert said in words(tab.post(f"{action}/confirm").text)
    answer = tab.post(f"{action}/permit", json={"again": False})
    assert answer.status_code == 400
    assert said in answer.json()["message"]


@pytest.fixture(scope="module")
def market(here: Place) -> Market:
    return here.join("of two receipts")


@pytest.fixture(scope="module")
def mine(market: Market) -> object:
    with visiting(Workspace(market)) as tab:
        yield tab


@pytest.mark.parametrize("then", PATHS)
@pytest.mark.parametrize("first", PATHS)
def test_two_receipts_of_one_table_are_not_both_confirmed(
    mine: Tab, first: str, then: str
) -> None:
    table = rows()
    one, other = sealed(mine, first, table), sealed(mine, then, table)
    confirmed(mine, one)
    because = {
        ("predictions", "predictions"): "This table was published before.",
        ("predictions", "verified"): "hidden rows stand in request",
        ("verified", "predictions"): "are hidden in request",
        ("verified", "verified"): "hidden rows stand in request",
    }
    is_refused(mine, other, because[first, then])
    # What is known by now is looked at where it can be changed.
    where = mine.post(f"{other}/change").headers["location"]
    answer = mine.post(where, **TERMS, name=then)
    assert answer.status_code == 400
    if (first, then) == ("predictions", "predictions"):
        again = mine.post(where, **TERMS, name=then, again="yes")
        confirmed(mine, again.headers["location"])


@pytest.mark.parametrize("kind", PATHS)
def test_a_table_with_a_column_more_may_have_the_same_rows(
    mine: Tab, kind: str
) -> None:
    table = rows("z")
    fewer = "\n".join(
        ",".join(cell for at, cell in enumerate(line.split(",")) if at != 2)
        for line in table.splitlines()
    )
    one, other = sealed(mine, kind, fewer + "\n"), sealed(mine, kind, table)
    confirmed(mine, one)
    is_refused(mine, other, "Its table may have the rows of request")


def test_other_rows_are_confirmed_in_any_order(mine: Tab) -> None:
    wider = rows("p", "q").replace("x,y,", "v,w,")
    made = [sealed(mine, kind, rows()) for kind in PATHS for _ in range(2)]
    for action in [*made, sealed(mine, "predictions", wider)][::-1]:
        confirmed(mine, action)


def test_what_was_agreed_to_is_not_asked_again(mine: Tab) -> None:
    table = rows()
    confirmed(mine, sealed(mine, "predictions", table))
    confirmed(mine, sealed(mine, "predictions", table, again="yes"))
