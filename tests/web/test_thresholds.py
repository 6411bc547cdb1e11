# SPDX-License-Identifier: Apache-2.0
"""What earns a reward is told in one unit, that in which it was typed, on every page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeRegressor

from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.market import VerifiedRequest
from modelmarket.protocol.phases import Phase
from modelmarket.web.thresholds import Threshold, told_share, typed_share
from modelmarket.web.workspace import Workspace
from support.contests import PEOPLE, contest, enter, finish, table, to_claims, work
from support.market import Place, place
from support.visits import visiting, words

LARGEST = "4.5"
"""Of mean errors: a stump's is ten times as large."""


def share(told: str) -> Fraction:
    assert told.endswith("%")
    return Fraction(told[:-1]) / 100


@given(
    st.integers(1, 2_000).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))
)
def test_the_share_that_is_told_needs_just_as_many_rows(case: tuple[int, int]) -> None:
    most, least = case
    told = told_share(typed_share(least, most))
    assert ceil(share(told) * most) == least
    # Where the chart draws its line, too: whoever lacks a row is left of it.
    assert (least - 1) / most < Threshold.of_rows(least, most).value <= least / most


@pytest.mark.parametrize("typed", ["90%", "85%", "75%", "50%", "5%", "100%"])
def test_a_round_share_is_told_as_it_was_typed(typed: str) -> None:
    for most in (30, 31, 64, 100, 1_000, 30_000_000):
        told = told_share(typed_share(ceil(share(typed) * most), most))
        # Of few rows another share may be exact: of 64, each half of a hundredth is.
        exact = Fraction(ceil(share(typed) * most), most)
        assert told == typed or share(told) == exact, most
    assert told_share(typed_share(27, 30)) == "90%"
    assert told_share(typed_share(27, 31)) == "85%"
    assert Threshold.of_rows(33, 36).value == 0.9, "the line stands where its words do"


@dataclass(frozen=True)
class Lived:
    """A contest of numbers that nobody's model was good enough for."""

    here: Place
    found: VerifiedRequest


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    with place("embedded", tmp_path_factory.mktemp("people")) as here:
        for name in PEOPLE:
            here.join(name)
        path = here.folder / "houses.csv"
        rows = [f"{at},{at % 7},{3 * at}.{at % 10}" for at in range(100)]
        path.write_text("\n".join(["size,floor,price", *rows]) + "\n")
        found = contest(
            here,
            here.markets["rita"],
            source=Source(open_table(path, header=True), label="price"),
            error="absolute",
            most_error=LARGEST,
            stratified=False,
            accept_findings=True,
        )
        training = found.training()
        stump = DecisionTreeRegressor(max_depth=1, random_state=0)
        stump.fit(training.codes, training.targets)
        here.markets["ann"].request("v1").submit(stump, show=None, again=True)
        to_claims(here, found)
        yield Lived(here, finish(here))


def test_lists_tell_the_error_that_was_typed(lived: Lived) -> None:
    requester = lived.found.record.requester
    with visiting(Workspace(lived.here.markets["rita"])) as tab:
        for path in ("/", f"/accounts/{requester}"):
            page = tab.get(path).text
            [cell] = re.findall(r'data-name="Threshold">(.*?)</td>', page)
            assert words(cell) == f"at most {LARGEST}mean error", path
            assert f"a mean error of at most {LARGEST} (" in cell
    # Who has no data cannot tell it, and says of what the share is.
    with visiting(Workspace(lived.here.join("far"))) as far:
        [cell] = re.findall(r'data-name="Threshold">(.*?)</td>', far.get("/").text)
        assert re.fullmatch(r"\d+\.\d% of the points", words(cell))
        assert "once the data are here, it is told as an error" in cell


def test_the_ranking_draws_errors_and_does_not_call_a_large_one_below(
    lived: Lived,
) -> None:
    assert lived.found.record.stage is Phase.REFUNDED
    [claim] = lived.found.record.ranking
    error = lived.found.error_of(claim.score or 0)
    assert error is not None
    assert error > float(LARGEST)
    with visiting(Workspace(lived.here.markets["rita"])) as tab:
        page = tab.get("/requests/v1/ranking").text
        own = Workspace(lived.here.markets["ann"])
    assert "error above the largest" in words(page)
    assert "Points: the less a row is off, the more." in words(page)
    assert "below the threshold" not in page
    assert f"largest that counts {LARGEST}</text>" in page
    assert f">{error:,.6g}</text>" in page
    assert "Right of the dashed line nothing is earned." in words(page)
    # The line is left of the dot.
    [line] = re.findall(r'class="threshold"><line x1="([\d.]+)%', page)
    [dot] = re.findall(r'<circle[^>]* cx="([\d.]+)%"', page)
    assert float(line) < float(dot)
    assert "%" not in words(page.partition("<svg")[2].partition("</svg>")[0])
    with visiting(own) as tab:
        tab.become(claim.trainer)
        mine = words(tab.get("/requests/v1").text)
        assert f"mean error {error:,.6g} claimed" in mine


def test_points_are_explained_where_a_share_was_typed(
    tmp_path: Path,
) -> None:
    with place("embedded", tmp_path) as here:
        market = here.join("rita")
        found = contest(here, market, threshold="90%", fraction="20%")
        least, rows = found.record.minimum, found.record.rows
        assert least == ceil(Fraction(9, 10) * rows)
        with visiting(Workspace(market)) as tab:
            rules = words(tab.get("/requests/v1/rules").text)
            [cell] = re.findall(r'data-name="Threshold">(.*?)</td>', tab.get("/").text)
            overview = tab.get("/requests/v1").text
    told = told_share(typed_share(least, rows))
    of_rows = f"({least} of {rows} points: one for each row that is right)"
    assert f"{told} {of_rows}" in rules
    assert words(cell) == told
    assert f">{told}</strong>" in overview


def test_a_contests_claims_have_intervals_where_a_point_is_a_row(
    tmp_path: Path,
) -> None:
    """And whoever finds none where classes count alike is told why."""
    with place("embedded", tmp_path) as here:
        rita, ann = here.join("rita"), here.join("ann")
        plain = contest(here, rita)
        alike = contest(here, rita, source=table(here, seed=5), balanced=True)
        for one in (plain, alike):
            enter(ann, str(one.id))
        to_claims(here, alike)
        work(here, "rita", "ann")
        with visiting(Workspace(rita)) as tab:
            tab.workspace.stop()
            rita.look()
            pages = [
                tab.get(f"/requests/{one.id}/ranking").text for one in (plain, alike)
            ]
    counted, weighted = pages
    assert counted.count('class="interval"') == 2, "drawn, and in the table"
    assert re.search(r"Accuracy95% interval.*\d+\.\d\d% – \d+\.\d\d%", words(counted))
    assert 'class="interval"' not in weighted
    assert "without an interval, since rows of different classes count" in (
        words(weighted)
    )
