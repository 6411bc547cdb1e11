# SPDX-License-Identifier: Apache-2.0
"""Whatever a stranger puts on the chain stops nobody: hostile names, copied seals,
logs that make no sense, chains that move between two questions.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import Phase as Phases
from hypothesis import given, settings
from typer.testing import CliRunner

from modelmarket import agent
from modelmarket.audit import audit
from modelmarket.chain.networks import Networks
from modelmarket.chain.sending import send
from modelmarket.cli import app
from modelmarket.market import Market
from modelmarket.market.cross_check import Verifier
from modelmarket.market.recovery import recover
from modelmarket.protocol.phases import Phase
from modelmarket.protocol.seals import Core, seal, superhash
from modelmarket.protocol.terms import Terms
from modelmarket.protocol.types import RequestId, Salt, Seal, SubmissionId, Wei
from modelmarket.system.text import text_of
from modelmarket.web.server import running_page
from modelmarket.web.workspace import Workspace
from support.faults import Fault, Faults, faulty
from support.loopback import browser
from support.market import PASSPHRASE, Place, place
from support.strangers import HOSTILE, long_texts, texts

COMMAND = [sys.executable, "-c", "from modelmarket.cli import main; main()"]
PAGE = bytes(32)
SALT = Salt(b"\x07" * 32)
MODEL = b"\xff\xfe\x00\x1b[2J"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place("embedded", tmp_path / "people") as here:
        yield here


def one_wei(market: Market, raw: bytes, **otherwise: Any) -> Terms:
    """The terms of a request for one wei, in which every text is these bytes."""
    core = Core.of_truth(
        market.network.chain_id, market.network.market, market.wallet.address, SALT
    )
    known: dict[str, Any] = {
        "dataset": text_of(raw[:128]),
        "name": text_of(raw[:64]),
        "context": text_of(raw),
        "reward": Wei(1),
        "stake": Wei(1),
        "submission_window_s": 3_600,
        "response_window_s": 900,
        "labels": 1,
        "bits": 1,
        "minimum_matches": 0,
        "truth_seal": seal([PAGE], core).seal,
    }
    return Terms(**(known | otherwise))


def create_raw(market: Market, terms: Terms) -> RequestId:
    """Creates a request with nothing of the software's in between."""
    call = market.contract.create_request(terms, market.permit(terms.reward))
    send(market.connection, call, market.wallet)
    return RequestId(market.contract.request_count())


def submit_raw(
    market: Market, request_id: RequestId, name: bytes, model: bytes
) -> None:
    """Enters a request with right predictions, any name and any model."""
    state = market.contract.request(request_id)
    model_hash = superhash(text_of(model))
    assert model_hash == hashlib.sha256(model).digest()
    core = Core.of_predictions(
        market.network.chain_id,
        market.network.market,
        market.wallet.address,
        state.terms_hash,
        model_hash,
        SALT,
    )
    call = market.contract.submit(
        request_id,
        state.terms_hash,
        seal([PAGE], core).layers[0],
        model_hash,
        text_of(name),
        market.permit(state.stake),
    )
    send(market.connection, call, market.wallet)


def command(market: Market, *arguments: str) -> str:
    """What a command prints, in a terminal that knows no more than Latin-1."""
    environment = os.environ | {
        "MODELMARKET_HOME": str(market.home.path),
        "MODELMARKET_PASSPHRASE": PASSPHRASE,
        "MODELMARKET_PRIVATE_KEY": "",
        "PYTHONIOENCODING": "latin-1",
    }
    done = subprocess.run(
        [*COMMAND, *arguments, "--network", "test"],
        env=environment,
        capture_output=True,
        check=False,
        timeout=240,
    )
    assert done.returncode in (0, 1), done.stderr
    assert b"Traceback" not in done.stderr, done.stderr
    assert b"\x1b" not in done.stdout
    return done.stdout.decode("latin-1")


def test_one_wei_stops_nobody(here: Place) -> None:
    """Hostile requests, submissions and a hostile winner, beside honest ones."""
    requester, ann, eve = (here.join(name) for name in ("requester", "ann", "eve"))
    strange = [create_raw(eve, one_wei(eve, raw)) for raw in (*HOSTILE, b"\xff" * 1024)]
    first = here.create(requester)
    submit_raw(eve, first.id, b"\xff\xfe\x00", MODEL)
    second = here.create(requester)
    here.submit(ann, first.id)
    here.submit(ann, second.id, mistakes=1)
    submit_raw(eve, strange[1], b"\xed\xa0\x80", MODEL)
    for market in (requester, ann):
        market.index.rebuild()
        assert [one.id for one in market.index.find()][-1] == strange[0]
        steps = agent.plan(market)
        assert {one.request_id for one in steps} == {first.id, second.id}

    # Eve plays her own game to its end, by hand.
    here.move_to(ann.request(second.id).record.deadline)
    opened = eve.contract.open_truth(strange[1], 0, PAGE, SALT)
    send(eve.connection, opened, eve.wallet)
    mine = eve.request(strange[1]).submissions()[0].id
    sealed = eve.submission(mine).record.seal
    claimed = eve.contract.claim(mine, sealed, 1, SubmissionId(0))
    send(eve.connection, claimed, eve.wallet)
    for market in (requester, ann):
        agent.run_once(market)
    here.move_to(eve.request(strange[1]).record.at(eve.connection.now()).step_ends)
    model = text_of(MODEL)
    call = eve.contract.open_predictions(
        mine, 0, PAGE, PAGE, SALT, superhash(model), model
    )
    send(eve.connection, call, eve.wallet)
    won = eve.request(strange[1]).record
    assert (won.stage, won.model) == (Phase.FULFILLED, text_of(MODEL))

    verdicts = {one.promise: one for one in audit(ann, strange[1])}
    assert verdicts["The chain's state is what its events say"].passed
    assert verdicts["The terms are the ones that were agreed to"].passed
    assert verdicts["Recounting gives what was decided"].passed
    assert "is not a CID" in verdicts["The model is the one that was sealed"].figures

    for request in (first, second):
        here.live(request.id)
        failed = [one for one in audit(ann, request.id) if one.is_broken]
        assert failed == []
        assert ann.request(request.id).record.stage is Phase.FULFILLED

    Networks(ann.home.networks).put(here.network)
    shown = json.loads(command(ann, "request", "list", "--json"))
    assert len(shown) == len(strange) + 2
    command(ann, "audit", str(strange[1]))
    for number in (strange[4], strange[9]):
        command(ann, "request", "show", str(number))
    with running_page(Workspace(ann)) as page, browser(base_url=page.address) as tab:
        tab.get(page.link)
        for path in ("/", *(f"/requests/{one}" for one in strange)):
            answer = tab.get(path, follow_redirects=True)
            assert answer.status_code == 200, (path, answer.text[-500:])
            assert "<script>alert" not in answer.text
            assert "\x1b" not in answer.text


class Onlooker:
    """Somebody with an honest request, who looks at everybody's."""

    def __init__(self, here: Place, tab: httpx.Client, market: Market) -> None:
        self.market, self._tab = market, tab
        self.own = here.create(market)
        Networks(market.home.networks).put(here.network)

    def look(self, number: int) -> None:
        """By every way that there is; nothing breaks, and nothing gets through."""
        self.market.index.sync()
        assert {one.request_id for one in agent.plan(self.market)} == {self.own.id}
        assert agent.run_once(self.market) == []
        told = [f"{one.promise} {one.figures}" for one in audit(self.market, number)]
        assert len(told) == 11
        owner = self.market.index.request(RequestId(number)).requester
        for path in ("/", f"/requests/{number}", f"/accounts/{owner}"):
            answer = self._tab.get(path, follow_redirects=True)
            assert answer.status_code == 200, answer.text[-500:]
            assert "\x1b" not in answer.text
        for arguments in (
            ("request", "list"),
            ("request", "list", "--json"),
            ("request", "show", str(number)),
            ("request", "show", str(number), "--json"),
            ("audit", str(number)),
        ):
            shown = CliRunner().invoke(app, [*arguments, "--network", "test"])
            assert shown.exit_code in (0, 1), (arguments, shown.exception)
            assert "\x1b" not in shown.output
            shown.output.encode()
            if "--json" in arguments:
                json.loads(shown.output)


def test_any_bytes_of_a_stranger_stop_nobody(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    requester, eve = here.join("requester"), here.join("eve")
    monkeypatch.setenv("MODELMARKET_HOME", str(requester.home.path))
    with (
        running_page(Workspace(requester)) as page,
        browser(base_url=page.address) as tab,
    ):
        tab.get(page.link)
        onlooker = Onlooker(here, tab, requester)

        @settings(max_examples=12, phases=[Phases.explicit, Phases.generate])
        @given(dataset=texts, name=texts, context=long_texts, entry=texts)
        def whatever(dataset: bytes, name: bytes, context: bytes, entry: bytes) -> None:
            terms = one_wei(
                eve,
                b"",
                dataset=text_of(dataset[:128]),
                name=text_of(name[:64]),
                context=text_of(context[:1024]),
            )
            number = create_raw(eve, terms)
            submit_raw(eve, number, entry[:64], entry)
            onlooker.look(number)

        whatever()


def test_a_copied_seal_hides_no_request_from_its_owner(here: Place) -> None:
    """A stranger who sees the transaction may send the same seal first."""
    requester, eve = here.join("requester"), here.join("eve")
    meant = requester.prepare_request(
        here.data(), owner=requester.wallet.address, reward=Wei(100)
    )
    copied = one_wei(eve, b"copied", truth_seal=Seal(meant.truth_seal))
    copy = create_raw(eve, copied)
    own = create_raw(requester, meant)
    assert copy < own
    steps = agent.plan(requester)
    assert [(one.kind, one.request_id) for one in steps] == [
        (agent.Kind.OPEN_TRUTH, own)
    ]
    here.move_to(requester.request(own).record.deadline)
    assert [one.done for one in agent.run_once(requester)] == [True]
    assert requester.request(own).record.stage is Phase.CLAIMS


def test_a_request_that_makes_no_sense_rests_and_the_others_go_on(
    here: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """A node garbles what was logged about one of two requests."""
    requester = here.join("requester")
    first, second = here.create(requester), here.create(requester)
    faults = Faults(here.network.rpc, kinds=(Fault.GARBLE,), rate=1.0, about=first.id)
    with faulty(faults) as rpc:
        here.network = replace(here.network, rpc=rpc)
        market = here.again("requester")
        market.index.rebuild()
        assert [*market.index.set_aside()] == [first.id]
        assert {one.request_id for one in agent.plan(market)} == {second.id}
        [verdict] = audit(market, first.id)
        assert (verdict.passed, "block" in verdict.figures) == (False, True)
        assert [one.is_here for one in recover(market)] == [True, False]
        here.move_to(second.record.deadline)
        told: list[agent.Report] = []
        stop = threading.Event()
        done = threading.Event()

        def tell(report: agent.Report) -> None:
            told.append(report)
            if report.done:
                done.set()
            raise RuntimeError("whoever listens is broken")

        thread = threading.Thread(
            target=agent.run,
            args=(market,),
            kwargs={"tell": tell, "stop": stop, "poll_s": 0.05},
        )
        thread.start()
        assert done.wait(60)
        stop.set()
        thread.join(60)
        assert not thread.is_alive()
    said = [one for one in told if one.step.request_id == first.id]
    assert [one.step.kind for one in said] == [agent.Kind.LOOK]
    assert "cannot be read" in said[0].message
    assert requester.request(second.id).record.stage is Phase.CLAIMS
    assert requester.request(first.id).record.stage is Phase.OPEN
    assert "whoever listens is broken" in caplog.text
    # A node that says the truth again is believed again.
    here.network = replace(here.network, rpc=here.connection.name)
    market = here.again("requester")
    assert first.id in {one.request_id for one in agent.plan(market)}


def test_a_secret_that_is_damaged_keeps_no_other_from_its_step(here: Place) -> None:
    requester = here.join("requester")
    first, second = here.create(requester), here.create(requester)
    with requester.vault.database.writing() as sql:
        sql.execute(
            "UPDATE secrets SET encrypted = x'00' WHERE seal = ?",
            (first.terms.truth_seal,),
        )
    assert {one.request_id for one in agent.plan(requester)} == {second.id}
    here.move_to(second.record.deadline)
    reports = agent.run_once(requester)
    assert [(one.step.kind, one.done) for one in reports] == [
        (agent.Kind.LOOK, False),
        (agent.Kind.OPEN_TRUTH, True),
    ]
    assert requester.request(second.id).record.stage is Phase.CLAIMS


def test_an_onlooker_that_hangs_or_breaks_keeps_nobody_from_acting(
    here: Place,
) -> None:
    """A gateway that trickles is asked while looking on."""
    requester = here.join("requester")
    request = here.create(requester)
    hanging, stop, done = threading.Event(), threading.Event(), threading.Event()
    told: list[agent.Report] = []

    def look(_plan: list[agent.Step]) -> None:
        if not told:
            hanging.wait(60)
        raise RuntimeError("a bug that nobody expected")

    def tell(report: agent.Report) -> None:
        told.append(report)
        done.set()

    thread = threading.Thread(
        target=agent.run,
        args=(requester,),
        kwargs={"tell": tell, "looks": [look], "stop": stop, "poll_s": 0.05},
    )
    thread.start()
    here.move_to(request.record.deadline)
    assert done.wait(60)
    assert told[0].step.kind is agent.Kind.OPEN_TRUTH
    assert told[0].done
    done.clear()
    hanging.set()
    assert done.wait(60)
    assert "nobody expected" in told[1].message
    stop.set()
    thread.join(60)
    assert len([one for one in told if "nobody expected" in one.message]) == 1


def test_nobody_is_accused_while_the_chain_moves_between_two_questions(
    here: Place,
) -> None:
    requester, eve = here.join("requester"), here.join("eve")
    request = here.create(requester)
    send(
        eve.connection,
        eve.coin.approve(eve.network.market, 10**18),
        eve.wallet,
    )
    turn = iter(range(60))
    busy = threading.Lock()

    def something_happens() -> None:
        """A request or a submission gets in before each answer."""
        with busy:
            number = next(turn, None)
            if number is None:
                return
            if number % 2:
                create_raw(eve, one_wei(eve, b"\xff"))
            else:
                submit_raw(eve, request.id, b"", b"%d" % number)

    faults = Faults(here.network.rpc, before=something_happens)
    cheap = replace(request.terms, reward=Wei(100), stake=Wei(1))
    request = requester.request(create_raw(requester, cheap))
    with faulty(faults) as rpc:
        here.network = replace(here.network, rpc=rpc)
        market = here.again("requester")
        while next(turn, None) is not None:
            market.verifier = Verifier(market.index, market.markets)
            steps = agent.plan(market)
            assert request.id in {one.request_id for one in steps}
    assert faults.answered > 20
