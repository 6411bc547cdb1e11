# SPDX-License-Identifier: Apache-2.0
"""What the pages show of a market that moves."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelmarket import agent
from modelmarket.chain.abi import EventType
from modelmarket.market import Market
from modelmarket.market.describing import refuted_of
from modelmarket.protocol.actions import SetOperator
from modelmarket.protocol.steps import NONE
from modelmarket.protocol.types import RequestId, SubmissionId
from modelmarket.web.ranking import ranking
from modelmarket.web.routes.requests import TABS
from modelmarket.web.server import running_page
from modelmarket.web.visits import ACCOUNT_COOKIE, HERE
from modelmarket.web.workspace import Workspace
from support.contests import contest, corrected, enter
from support.faults import Fault, Faults, faulty
from support.loopback import browser
from support.market import place
from support.visits import Tab, visiting, words


def test_a_request_is_shown_to_whoever_has_its_link_at_once(tmp_path: Path) -> None:
    with place("embedded", tmp_path / "people") as here:
        requester, workspace = here.join("requester"), Workspace(here.join("ann"))
        with running_page(workspace) as page, browser(base_url=page.address) as tab:
            tab.get(page.link)
            assert tab.get("/requests/1").status_code == 404
            # From here on nothing but a page looks at the chain.
            workspace.stop()
            request = here.create(requester)
            answer = tab.get(f"/requests/{request.id}")
    assert answer.status_code == 200
    assert "odd or even" in answer.text


def test_pages_show_a_request_of_whose_data_a_part_is_here(tmp_path: Path) -> None:
    """The manifest is fetched first, to check what is typed against it."""
    with place("embedded", tmp_path) as here:
        request = here.create(here.join("requester"))
        ann = here.join("ann")
        ann.request(request.id).manifest()
        with visiting(Workspace(ann)) as tab:
            paths = ("/", "/requests/1", f"/accounts/{request.record.requester}")
            shown = {path: tab.get(path) for path in paths}
    for path, answer in shown.items():
        assert answer.status_code == 200, (path, answer.text)
        assert "odd or even" in answer.text, path


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/nonsense", 404, "There is no such page."),
        ("/requests/abc", 404, "There is no such page."),
        ("/requests/1/nonsense", 404, "There is no such page."),
        ("/actions", 405, "This address takes what a form sends"),
        ("/clock", 405, "This address takes what a form sends"),
        ("/account", 405, "This address takes what a form sends"),
    ],
)
def test_a_wrong_address_gets_a_page_with_a_way_on(
    tab: Tab, path: str, status: int, said: str
) -> None:
    answer = tab.get(path)
    assert answer.status_code == status
    assert said in words(answer.text)
    assert '<a class="button" href="/">To the market</a>' in answer.text
    assert ("allow" in answer.headers) == (status == 405)
    script = tab.post("/nonsense", json={})
    assert script.status_code == 404
    assert script.json()["message"] == "There is no such page."
    assert tab.get("/static/nonsense.js").text == "Not Found"


def test_the_ranking_tells_places_states_and_stakes(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        requester, ann, ben, eve = map(here.join, ("requester", "ann", "ben", "eve"))
        request = here.create(requester)
        for mistakes, trainer in enumerate((ann, ben, eve)):
            here.submit(trainer, request.id, mistakes)

        def work(second: int, *markets: Market) -> list[tuple[object, ...]]:
            here.move_to(second)
            for market in markets:
                agent.run_once(market)
            ben.index.sync()
            record = ben.index.request(request.id)
            places = ranking(record, ben.wallet.address)
            return [(one.place, one.state, one.stake, one.is_own) for one in places]

        deadline, window = request.record.deadline, request.terms.response_window_s
        assert work(deadline, requester, ann, ben, eve) == [
            (1, "ranked", "locked", False),
            (2, "ranked", "locked", True),
            (3, "ranked", "locked", False),
        ]
        # Ann's agent has gone: her claim falls, and Ben is next.
        claims_end = ben.request(request.id).position().step_ends
        assert work(claims_end + window, ben) == [
            (1, "won", "returned", True),
            (2, "ranked", "to be withdrawn", False),
            (None, "failed: it did not prove its claim in time", "lost", False),
        ]
        later = work(claims_end + window + 60, eve)
        assert later[1] == (2, "did not win", "returned", False)


def test_the_agent_is_to_be_appointed_only_while_a_claim_is_to_come(
    tmp_path: Path,
) -> None:
    """Another account's submission, which this computer's agent may not claim for."""
    offer = "Let the agent claim for you"
    with place("embedded", tmp_path) as here:
        requester, ann = here.join("requester"), here.join("ann")
        request = here.create(requester)
        workspace = Workspace(here.join("agent"))
        with visiting(workspace) as tab:
            workspace.stop()
            tab.become(ann.wallet.address)

            def shown() -> str:
                workspace.market.look()
                return tab.get(f"/requests/{request.id}").text

            assert offer not in shown()
            mine = here.submit(ann, request.id)
            assert offer in shown()
            here.move_to(request.record.deadline)
            agent.run_once(requester)
            assert offer in shown()
            mine.claim()
            assert offer not in shown()


def test_the_activity_tells_what_the_agent_signed(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        requester = here.join("requester")
        request = here.create(requester)
        here.submit(here.join("ann"), request.id)
        here.move_to(request.record.deadline)
        agent.run_once(requester)
        last = here.connection.block().number
        workspace = Workspace(requester)
        with running_page(workspace) as page, browser(base_url=page.address) as tab:
            tab.get(page.link)
            # Not to whoever only looks on.
            assert "Opened the truth" not in tab.get("/activity").text
            tab.cookies.set(ACCOUNT_COOKIE, HERE + requester.wallet.address)
            text = tab.get("/activity").text
    assert text.index("Opened the truth") < text.index("Created a request")
    assert f"block {last}" in text
    assert "open_truth" not in text


def test_no_log_is_decoded_for_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What happened was replayed when the chain was read."""
    with place("embedded", tmp_path) as here:
        # Eve only looks on, so that no agent of hers reads receipts beside.
        requester, eve = here.join("requester"), here.join("eve")
        request = here.create(requester)
        here.submit(here.join("ann"), request.id)
        here.move_to(request.record.deadline)
        agent.run_once(requester)
        eve.index.sync()
        decoded: list[str] = []
        with visiting(Workspace(eve)) as tab:
            # The first look at a request replays it; it is remembered then.
            tab.get(f"/requests/{request.id}")
            monkeypatch.setattr(EventType, "decode", _noting(decoded))
            address = f"/accounts/{requester.wallet.address}"
            mine = [f"/requests/{request.id}{tab_}" for tab_, _ in TABS]
            mine.remove(f"/requests/{request.id}/activity")
            for path in ("/", "/activity", address, *mine):
                text = tab.get(path).text
                assert "odd or even" in text or path == "/activity"
            assert decoded == []
            text = tab.get(f"/requests/{request.id}/activity").text
    # But for the one that tells what happened, and of that once.
    events = text.partition('id="live-events"')[2]
    told = ("The truth of", " entered ", " created ")
    assert sorted(told, key=events.index) == list(told)
    assert sorted(decoded) == ["RequestCreated", "SubmissionCreated", "TruthOpened"]


def _noting(decoded: list[str]) -> Callable[..., object]:
    decode = EventType.decode

    def noting(kind: EventType, *what: Any) -> object:
        decoded.append(kind.name)
        return decode(kind, *what)

    return noting


def test_a_request_that_makes_no_sense_is_said_to_be_set_aside(tmp_path: Path) -> None:
    """A node garbles what was logged about one of two requests."""
    with place("embedded", tmp_path) as here:
        requester = here.join("requester")
        bad, good = here.create(requester), here.create(requester, name="sound")
        faults = Faults(here.network.rpc, kinds=(Fault.GARBLE,), rate=1.0, about=bad.id)
        with faulty(faults) as rpc:
            here.network = replace(here.network, rpc=rpc)
            market = here.again("requester")
            market.index.rebuild()
            with visiting(Workspace(market)) as tab:
                answer = tab.get(f"/requests/{bad.id}")
                assert "sound" in tab.get("/").text
                assert " created " in tab.get(f"/requests/{good.id}/activity").text
    assert answer.status_code == 400
    assert f"The events of request {bad.id} cannot be read" in answer.text
    assert "It is set aside" in answer.text


def test_what_others_do_is_no_step_of_ones_own(tmp_path: Path) -> None:
    """Whoever only waits may close the computer; whoever watches may not."""
    waits = agent.Step(agent.Kind.STAND_BY, RequestId(1), NONE, 0, 0)
    settles = replace(waits, kind=agent.Kind.SETTLE)
    watches = replace(waits, request_id=RequestId.of(1, is_verified=True))
    with place("embedded", tmp_path) as here:
        workspace = Workspace(here.join("somebody"))
        with visiting(workspace) as tab:
            workspace.stop()
            assert "Keep this computer awake" not in tab.get("/").text
            workspace.coming = [waits]
            assert "Keep this computer awake" not in tab.get("/").text
            # One contest, entered twice.
            workspace.coming = [
                waits,
                watches,
                replace(watches, submission_id=SubmissionId(2)),
            ]
            assert "your agent watches 1 contest, and" in words(tab.get("/").text)
            workspace.coming = [waits, watches, settles]
            assert "1 step is left to be taken in time" in words(tab.get("/").text)
    assert workspace.to_take == [settles]
    assert workspace.to_watch == {watches.request_id}


def test_what_nobody_lets_the_agent_do_is_no_step_of_the_agents(tmp_path: Path) -> None:
    """Ann submitted as another account than the agent's."""
    with place("embedded", tmp_path) as here:
        request, ann = here.create(here.join("requester")), here.join("ann")
        here.submit(ann, request.id)
        key = here.join("agent").wallet
        workspace = Workspace(ann.signed_by(key))
        with visiting(workspace) as tab:
            shown = words(tab.get("/").text)
            assert (
                "Your agent may not take 1 step: appoint it in time, or the stake is "
                "lost."
            ) in shown
            assert "Keep this computer awake" not in shown
            assert "once you have appointed the agent" in tab.get("/agent").text
            ann.do(SetOperator(key.address, approved=True))
            while workspace.barred:
                time.sleep(0.1)
            shown = words(tab.get("/").text)
            assert "1 step is left to be taken in time" in shown
            assert "may not take" not in shown
            assert "once you have appointed" not in tab.get("/agent").text


def test_a_transaction_is_shown_with_what_happened_in_it(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        market = here.join("somebody")
        here.create(market)
        (created,) = market.history(RequestId(1))
        with visiting(Workspace(market)) as tab:
            shown = tab.get(f"/transactions/0x{created.log.transaction.hex()}")
            unknown = tab.get(f"/transactions/0x{bytes(32).hex()}")
            nonsense = tab.get("/transactions/0xzz")
    assert shown.status_code == 200
    assert 'created <a href="/requests/1">request 1</a>' in shown.text
    assert "RequestCreated" not in shown.text
    assert f"{created.log.block:,}" in shown.text
    assert unknown.status_code == 404
    assert "in the chain yet" in unknown.text
    assert nonsense.status_code == 400
    assert "is not a transaction" in nonsense.text


def test_a_clock_that_is_not_ours_is_not_moved(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        market = here.join("somebody")
        request = here.create(market)
        moved: list[int] = []
        for move in (None, moved.append):
            with visiting(Workspace(market, move_clock=move)) as tab:
                until = str(request.record.deadline)
                answer = tab.post("/clock", request=str(request.id), until=until)
                assert answer.status_code == (400 if move is None else 303)
    assert moved == [request.record.deadline]


def test_a_second_click_moves_the_clock_no_further(tmp_path: Path) -> None:
    """Two tabs, or no script: the second one does not go past the next deadline."""
    with place("embedded", tmp_path) as here:
        rita = here.join("rita")
        request = here.create(rita)
        here.submit(here.join("ann"), request.id)
        workspace = Workspace(rita, move_clock=here.move_to)
        with visiting(workspace) as tab:
            workspace.stop()
            page = tab.get(f"/requests/{request.id}").text
            form = re.search(r'action="/clock">(.*?)</form>', page)
            assert form is not None
            sent = dict(re.findall(r'name="(\w+)" value="(\w+)"', form[1]))
            for _ in range(2):
                assert tab.post("/clock", **sent).status_code == 303
            now = rita.request(request.id).now
    deadline = request.record.deadline
    assert deadline <= now < deadline + request.terms.opening_window_s


MOST_PASSED_S = 60
"""While a test goes on."""


def test_the_clock_stops_where_another_request_needs_the_agent(tmp_path: Path) -> None:
    """Or it would go past the time in which that one's truth is to be opened."""
    with place("embedded", tmp_path) as here:
        rita, ann = here.join("rita"), here.join("ann")
        late = here.create(rita, submission_window_s=7_200)
        early = here.create(rita, 120, submission_window_s=3_600)
        for one in (late, early):
            here.submit(ann, one.id)
        workspace = Workspace(rita, move_clock=here.move_to)
        with visiting(workspace) as tab:
            workspace.stop()

            def press() -> str:
                ends = rita.request(late.id).position().step_ends
                sent = {"request": str(late.id), "until": str(ends)}
                tab.post("/clock", **sent)
                return words(tab.get(f"/requests/{late.id}").text)

            assert f"your agent is going to open the truth of request {early.id}" in (
                press()
            )
            assert 0 <= rita.look().now - early.record.deadline < MOST_PASSED_S
            assert "The clock was not moved. Your agent is about to open" in press()
            assert rita.look().now < late.record.deadline
            agent.run_once(rita)
            # Nor does it go past the time that anybody else has there.
            ends = rita.request(early.id).position().step_ends
            assert f"the step of request {early.id} ends then" in press()
            assert 0 <= rita.look().now - ends < MOST_PASSED_S
            assert rita.look().now < late.record.deadline
            agent.run_once(ann)
            for _ in range(9):
                if rita.look().now >= late.record.deadline:
                    break
                agent.run_once(rita)
                agent.run_once(ann)
                press()
            assert 0 <= rita.look().now - late.record.deadline < MOST_PASSED_S
            assert rita.request(early.id).record.is_opened


def test_a_submission_that_comes_late_is_refused_on_the_page(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        request = here.create(here.join("requester"))
        ann = here.join("ann")
        files = {"predictions": ("p.csv", b"odd\n"), "model": ("m.txt", b"n % 2")}
        with visiting(Workspace(ann)) as tab:
            here.move_to(request.record.deadline)
            answer = tab.post(f"/requests/{request.id}/submit", files=files)
    assert answer.status_code == 400
    assert "takes no more submissions" in answer.text


def test_a_contest_is_shown_in_every_phase_with_who_was_refuted(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        rita, ann, ben = (here.join(name) for name in ("rita", "ann", "ben"))
        request = contest(here, rita)
        enter(ann)
        lie = enter(ben, depth=1)
        workspace = Workspace(rita)
        workspace.move_clock = here.move_to
        with visiting(workspace) as tab:
            # Its agent watches too, and would refute the lie before Ann's does.
            workspace.stop()

            def shows(*texts: str, path: str = "/requests/v1") -> None:
                rita.look()
                answer = tab.get(path)
                assert answer.status_code == 200, answer.text
                for text in texts:
                    assert text in answer.text, text

            shows("points", "#v1", path="/")
            shows("Anybody may submit a model until the deadline", "Submit a model")
            shows("hidden/rows.bin", path="/requests/v1/data")
            shows("trusts nobody", path="/requests/v1/audit")
            assert tab.get("/requests/v2").status_code == 404
            assert tab.get(f"/requests/v{10**30}").status_code == 404
            assert tab.get("/requests/1").status_code == 404
            moved = tab.post("/clock", request="v1", until=str(request.record.deadline))
            assert moved.status_code == 303
            agent.run_once(rita)
            listing = corrected(lie.refresh(), wrong=0)
            lie.claim(listing.score)
            agent.run_once(ann)
            here.move_to(rita.request("v1").position().step_ends)
            lie.show(listing)
            shows("whichever finds a false row proves it on the chain")
            shows("The key of", path="/requests/v1/activity")
            agent.run_once(ann)
            shows("1 false claim was refuted on the chain")
            shows("refuted by", path="/requests/v1/ranking")
            # Beside whoever was right stands what became of her own submissions, too.
            address = ann.wallet.address
            [line] = refuted_of(rita.request("v1"))
            assert f"was refuted by {address} (none judged yet): " in line
            page = tab.get("/requests/v1/ranking").text
            link = f'<a href="/accounts/{address}">[^<]*</a> <span class="muted" [^>]*>'
            for around in (
                f"refuted by {link}",
                rf"{link}\(none judged yet\)</span> was",
            ):
                assert re.search(around, page), around
            # To herself she is no stranger.
            tab.become(address)
            own = words(tab.get("/requests/v1/ranking").text)
            assert "refuted by you (none judged yet)" in own
            assert "You (none judged yet) were right, and were paid" in own
            tab.become(ben.wallet.address)
            assert "refuted by you" not in words(tab.get("/requests/v1/ranking").text)
            tab.become(HERE + rita.wallet.address)
            while not rita.request("v1").record.stage.is_final:
                if not any((agent.run_once(ann), agent.run_once(rita))):
                    here.move_to(rita.request("v1").position().step_ends)
            shows("The winner", "The best model won, and its trainer was paid")
            fetched = tab.post("/requests/v1/fetch", what="model")
            assert fetched.status_code == 303
            shows("model.exact", f'href="/requests/{request.id}/predict"')
            assert tab.post("/requests/v1/audit").status_code == 303
            shows("promises were kept.", path="/requests/v1/audit")
            assert "broken" not in tab.get("/requests/v1/audit").text
            assert tab.post("/requests/v1/fetch", what="all").status_code == 404
