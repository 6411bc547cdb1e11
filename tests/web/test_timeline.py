# SPDX-License-Identifier: Apache-2.0
"""A time line tells of the phases that a request came to, and how it really ended."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modelmarket import agent
from modelmarket.market import Market, Request
from modelmarket.protocol.phases import Phase
from modelmarket.protocol.types import RequestId
from modelmarket.web.timeline import last_phase, standing, time_line
from modelmarket.web.views import iso
from modelmarket.web.workspace import Workspace
from support.contests import contest, enter
from support.market import Place, place
from support.visits import Tab, visiting, words

OPEN = "Taking submissions"
TRUTH = "Opening the truth"
CLAIMS = "Claiming scores"
CHECK = "Checking the best claim"


def line(market: Market, request: int | str = 1) -> list[tuple[str, str]]:
    """The stops of a request as they are now: names and where they lie."""
    market.look()
    found = market.request(request)
    ended = None
    if found.record.stage.is_final:
        events = market.newest(found.id, limit=99)
        ended = events[0].timestamp
    stops = time_line(found.record, found.position(), ended)
    return [(one.name, one.when.value) for one in stops]


def test_what_goes_on_has_stops_before_and_behind(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        rita = here.join("rita")
        request = here.create(rita)
        assert line(rita) == [
            (OPEN, "now"),
            (TRUTH, "later"),
            (CLAIMS, "later"),
            (CHECK, "later"),
            ("Paid out", "later"),
        ]
        here.submit(here.join("ann"), request.id)
        here.move_to(request.record.deadline)
        assert [when for _, when in line(rita)] == [
            "done",
            "now",
            "later",
            "later",
            "later",
        ]


def ended(here: Place, how: str) -> Request:
    """A request that ended so."""
    rita, ann = here.join("rita"), here.join("ann")
    request = here.create(rita)
    if how not in ("cancelled", "nobody"):
        here.submit(ann, request.id)
    if how == "cancelled":
        request.cancel()
        return request.refresh()
    here.move_to(request.record.deadline)
    if how == "cancelled late":
        request.refresh().cancel(max_live=1)
        return request.refresh()
    if how in ("forfeited", "nobody"):
        here.move_to(request.refresh().position().step_ends)
        request.refresh().enforce()
        return request.refresh()
    agent.run_once(rita)
    if how != "silent":
        agent.run_once(ann)
    here.move_to(request.refresh().position().step_ends)
    if how == "check":
        here.move_to(request.refresh().position().step_ends)
    for one in (ann,) if how == "paid" else ():
        agent.run_once(one)
    if not request.refresh().record.stage.is_final:
        request.refresh().enforce()
    return request.refresh()


@pytest.mark.parametrize(
    ("how", "stops", "says"),
    [
        ("cancelled", [(OPEN, "cut")], "before anybody had entered"),
        ("cancelled late", [(OPEN, "done"), (TRUTH, "cut")], "share the reward"),
        ("forfeited", [(OPEN, "done"), (TRUTH, "cut")], "did not open the truth"),
        (
            "nobody",
            [(OPEN, "done"), (TRUTH, "done")],
            "Nobody entered; the requester has",
        ),
        (
            "silent",
            [(OPEN, "done"), (TRUTH, "done"), (CLAIMS, "done")],
            "Nobody claimed a score; the requester",
        ),
        (
            "check",
            [(OPEN, "done"), (TRUTH, "done"), (CLAIMS, "done"), (CHECK, "done")],
            "No claim stood; the requester",
        ),
        (
            "paid",
            [(OPEN, "done"), (TRUTH, "done"), (CLAIMS, "done"), (CHECK, "done")],
            "The best model won",
        ),
    ],
)
def test_what_has_ended_tells_only_what_it_came_to(
    tmp_path: Path, how: str, stops: list[tuple[str, str]], says: str
) -> None:
    with place("embedded", tmp_path) as here:
        found = ended(here, how)
        told = line(here.markets["rita"])
        assert told[:-1] == stops
        assert told[-1][1] == "now"
        assert told[-1][0].split(":")[0].split()[0].upper() == found.record.stage.name
        assert says in standing(found.record, found.position())


def test_an_end_of_which_nobody_knows_when_lies_in_the_first_phase(
    tmp_path: Path,
) -> None:
    with place("embedded", tmp_path) as here:
        found = ended(here, "cancelled late")
    assert last_phase(found.record, None) is Phase.OPEN
    assert last_phase(found.record, found.record.deadline - 1) is Phase.OPEN
    assert last_phase(found.record, found.record.deadline) is Phase.TRUTH


def test_a_contest_speaks_of_its_key(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        rita, ann = here.join("rita"), here.join("ann")
        request = contest(here, rita)
        enter(ann)
        here.move_to(request.record.deadline)
        found = request.refresh()
        assert ("Opening the key", "now") in line(rita, "v1")
        assert "opens the key" in standing(found.record, found.position())
        here.move_to(found.position().step_ends)
        found = found.refresh()
        said = standing(found.record, found.position())
        assert said.startswith("The key was not opened in time. Anybody may end")
        found.enforce()
        assert line(rita, "v1")[-2:] == [
            ("Opening the key", "cut"),
            ("Forfeited: the key was never opened", "now"),
        ]


# --- on the page ---


def shown(tab: Tab, path: str) -> str:
    tab.workspace.market.look()
    return tab.get(path).text


def test_the_page_says_what_was_not_finished_and_when_it_ended(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        request = ended(here, "cancelled")
        market = here.markets["ann"]
        market.look()
        [last] = market.newest(request.id, limit=1)
        with visiting(Workspace(market)) as tab:
            page = shown(tab, "/requests/1")
        said = words(page)
    assert "Taking submissions (not finished)" in said
    assert "(done)" not in said
    assert "Claiming scores" not in said
    assert f'datetime="{iso(last.timestamp)}"' in page


def test_an_audit_is_run_when_asked_for_and_kept(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        rita = here.join("rita")
        request = here.create(rita)
        with visiting(Workspace(rita)) as tab:
            path = "/requests/1/audit"
            assert "An audit trusts nobody" in shown(tab, path)
            assert tab.workspace.audits.of(RequestId(1)) is None
            assert tab.post(path).headers["location"] == path
            first = tab.workspace.audits.of(RequestId(1))
            for _ in range(2):
                assert re.search(r"\d+ promises were kept\.", words(shown(tab, path)))
            # In words, and money counted in one way.
            found = words(shown(tab, path))
            assert "taking submissions, as of block" in found
            assert "1 payment: 100 MDC came in, 0 MDC went out" in found
            assert (
                "of 100 MDC that came in 0 MDC went out, 100 MDC are held for whoever "
                "is owed them, and 0 MDC are lost for good"
            ) in found
            assert not re.search(r"phase [A-Z]{4,}|slashed", found)
            assert tab.workspace.audits.of(RequestId(1)) is first
            assert "Something has happened since" not in shown(tab, path)
            here.submit(here.join("ann"), request.id)
            assert "Something has happened since" in shown(tab, path)
            tab.post(path)
            assert "Something has happened since" not in shown(tab, path)


def test_what_an_audit_could_not_tell_is_counted_beside_what_was_kept(
    tmp_path: Path,
) -> None:
    """No page runs a stranger's model, so whether it gives its predictions is open."""
    with place("embedded", tmp_path) as here:
        rita = here.join("rita")
        here.submit(here.join("ann"), here.create(rita).id)
        here.live(1)
        with visiting(Workspace(rita)) as tab:
            path = "/requests/1/audit"
            tab.post(path)
            page = shown(tab, path)
            kept = len(re.findall(r'"state \w+">kept<', page))
            assert re.findall(r'"state \w+">open<', page)
            assert f"{kept} promises were kept, 1 is open." in words(page)
