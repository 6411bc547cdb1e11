# SPDX-License-Identifier: Apache-2.0
"""A page whose node is down still shows itself, and no error is a bare one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from modelmarket.chain.connection import Connection
from modelmarket.errors import (
    ChainError,
    DiskError,
    FundsError,
    InputError,
    ModelMarketError,
    NotFoundError,
    RevertError,
    StepError,
    StorageError,
    TransactionError,
    UnreadableError,
)
from modelmarket.market.confirming import Actions
from modelmarket.protocol.actions import Fund
from modelmarket.protocol.types import Wei
from modelmarket.web.views import local_path, result_of
from modelmarket.web.workspace import Workspace
from support.faults import Faults, faulty
from support.market import place
from support.visits import Tab, visiting

AWAY = "The node does not answer"
PREPARED = 3
"""The number of what is to be confirmed, behind an airdrop and a request."""


@pytest.fixture(scope="module")
def orphan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """Somebody's page with a request, a submission and an action; then the node
    goes away.
    """
    with ExitStack() as page:
        with place("embedded", tmp_path_factory.mktemp("people")) as here:
            market, other = here.join("somebody"), here.join("other")
            request = here.create(market)
            here.submit(other, request.id)
            market.index.sync()
            tab = page.enter_context(visiting(Workspace(market)))
            key = market.wallet.address
            entry = tab.workspace.actions.prepare(key, Fund(key, Wei(1)), "/")
            assert entry.id == PREPARED
            tab.get("/")
            tab.post(
                "/requests/new", files={"data": ("n.csv", b"n,kind\n1,a\n2,b\n3,a\n")}
            )
        yield tab


def pages(tab: Tab) -> dict[str, str]:
    """Every page, and what it shows of what is known here."""
    market = tab.workspace.market
    me, logs = market.wallet.address, market.index.logs(market.index.find()[0].id)
    return {
        "/": "odd or even",
        "/requests/new": "Choose a table",
        "/requests/1": "odd or even",
        "/activity": "Created a request",
        "/agent": "it does not answer",
        f"/transactions/0x{logs[0].log.transaction.hex()}": "when the node answers",
        f"/accounts/{me}": "odd or even",
        f"/actions/{PREPARED}": "Fund the agent",
    }


@pytest.mark.parametrize("number", range(8))
def test_every_page_shows_itself_while_the_node_is_away(
    orphan: Tab, number: int
) -> None:
    path, known = list(pages(orphan).items())[number]
    answer = orphan.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.text.count(AWAY) == 1
    assert known in answer.text


def test_a_node_that_takes_every_question_and_answers_none_keeps_no_page_waiting(
    tmp_path: Path,
) -> None:
    """Until one is seen not to be answered; each would wait as long."""
    with place("embedded", tmp_path) as here:
        here.create(here.join("somebody"))
        opened = threading.Event()

        def wait() -> None:
            opened.wait()

        faults = Faults(here.network.rpc, before=wait)
        opened.set()
        with faulty(faults) as rpc:
            here.network = replace(here.network, rpc=rpc)
            workspace = Workspace(here.again("somebody"))
            with visiting(workspace) as tab:
                assert AWAY not in tab.get("/").text
                opened.clear()
                ends = time.monotonic() + 60
                while not workspace.trouble:
                    workspace.known(lambda: None, None)
                    assert time.monotonic() < ends
                    time.sleep(0.1)
                asked = faults.answered
                page = tab.get("/requests/1").text
                assert AWAY in page
                assert "odd or even" in page
                assert faults.answered == asked
                opened.set()
                while AWAY in tab.get("/").text:
                    assert time.monotonic() < ends
                    time.sleep(0.1)


def test_nobody_is_sent_home_while_the_node_is_away(orphan: Tab) -> None:
    """What is to come is not known, though nothing is planned."""
    orphan.workspace.coming = []
    shown = orphan.get("/agent").text
    assert "You may close this computer" not in shown
    assert "cannot be known" in shown


def test_what_nobody_knows_is_not_found_while_the_node_is_away(orphan: Tab) -> None:
    answer = orphan.get("/requests/99")
    assert answer.status_code == 404
    assert "the node cannot be asked" in answer.text


@pytest.mark.parametrize(
    ("path", "form"),
    [
        (f"/actions/{PREPARED}/confirm", {}),
        ("/actions", {"kind": "claim_airdrop"}),
        ("/requests/1/fetch", {"what": "data"}),
    ],
)
def test_what_cannot_be_done_without_a_node_says_so(
    orphan: Tab, path: str, form: dict[str, str]
) -> None:
    answer = orphan.post(path, **form)
    assert answer.status_code in (303, 502)
    assert "Traceback" not in answer.text


def test_an_audit_without_a_node_says_that_it_is_the_node(orphan: Tab) -> None:
    answer = orphan.post("/requests/1/audit")
    assert answer.status_code == 502
    assert "Traceback" not in answer.text


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with place("embedded", tmp_path_factory.mktemp("people")) as here:
        with visiting(Workspace(here.join("somebody"))) as found:
            yield found


class UnforeseenError(Exception):
    pass


def fail(*_: object, **__: object) -> None:
    raise UnforeseenError("with something that is nobody's business")


BROKEN = [
    ("GET", "/activity", (Actions, "newest")),
    ("GET", "/actions/1", (Actions, "get")),
    ("GET", "/actions/1/state", (Actions, "get")),
    ("GET", "/agent", (Workspace, "glance")),
    ("POST", "/actions", (Actions, "prepare")),
    ("POST", "/actions/1/confirm", (Actions, "get")),
    ("JSON", "/actions/1/permit", (Actions, "get")),
    ("JSON", "/actions/1/sent", (Actions, "get")),
]


@pytest.mark.parametrize(("method", "path", "where"), BROKEN)
def test_what_nobody_foresaw_is_told_in_words_and_logged(
    tab: Tab,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    where: tuple[type, str],
) -> None:
    monkeypatch.setattr(*where, fail)
    with caplog.at_level(logging.ERROR, "modelmarket.web"):
        if method == "GET":
            answer = tab.get(path)
        elif method == "POST":
            answer = tab.post(path, kind="claim_airdrop")
        else:
            answer = tab.post(path, json={})
    assert answer.status_code == 500
    assert "nobody foresaw" in answer.text
    assert "nobody's business" not in answer.text
    if method == "JSON":
        assert "terminal" in answer.json()["hint"]
    assert "nobody's business" in caplog.text
    assert f"{path} failed" in caplog.text


WHOSE_FAULT = [
    (InputError("wrong"), 400),
    (StepError("too early"), 400),
    (FundsError("too little"), 400),
    (RevertError("refused", reason="Overdue"), 400),
    (TransactionError("its place is taken"), 400),
    (UnreadableError("no sense"), 400),
    (NotFoundError("nowhere"), 404),
    (DiskError("full"), 500),
    (ChainError("no answer"), 502),
    (StorageError("no gateway"), 502),
]


@pytest.mark.parametrize(
    ("error", "status"), WHOSE_FAULT, ids=lambda one: type(one).__name__
)
def test_an_answers_status_says_whose_fault_it_was(
    tab: Tab, monkeypatch: pytest.MonkeyPatch, error: ModelMarketError, status: int
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Actions, "newest", failing)
    answer = tab.get("/activity")
    assert answer.status_code == status
    assert error.message in answer.text


@pytest.mark.parametrize(
    "path",
    [
        f"/actions/{2**64}",
        f"/actions/{2**64}/state",
        f"/requests/{2**64}",
        f"/requests/{10**80}",
        f"/requests/{10**80}/audit",
        "/requests/0",
        "/requests/new/..",
        "/requests/new/" + "f" * 300,
    ],
)
def test_what_is_out_of_all_bounds_is_not_found(tab: Tab, path: str) -> None:
    answer = tab.get(path)
    assert answer.status_code == 404, answer.text
    assert "bare" not in answer.text


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nnonsense"),
        ("application/json", b"[" * 100_000),
        ("application/json", b"9" * 10_000),
        ("application/json", b"\xff"),
        ("application/x-www-form-urlencoded", b"a=1&" * 100),
        ("text/plain", b"kind=x"),
    ],
)
def test_a_body_that_is_none_is_refused_in_words(
    tab: Tab, kind: str, body: bytes
) -> None:
    answer = tab.post("/actions", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert "That did not work" in answer.text or answer.json()["message"]


ELSEWHERE = [
    "//host",
    "/\\host",
    "\\\\host",
    "/..//host",
    "/.//host",
    "/%2fhost",
    "/%2F%2Fhost",
    "/%5chost",
    "/a//host",
    "///host",
    "/\t/host",
    "/\n/host",
    "https://host",
    "https:host",
    "javascript:alert(1)",
    "/ⓗost",
    "/a/../..//host",
    "",
]


@pytest.mark.parametrize("back", ELSEWHERE)
def test_a_way_back_never_leaves_the_site(tab: Tab, back: str) -> None:
    answer = tab.post("/account", account="", back=back)
    assert answer.headers["location"] == "/"
    here = "here:" + tab.workspace.market.wallet.address
    tab.become(here)
    answer = tab.post("/actions", kind="fund", back=back)
    number = int(answer.headers["location"].rsplit("/", 1)[1])
    tab.post(f"/actions/{number}/confirm")
    assert result_of(tab.workspace.actions.get(number)) == "/"


@pytest.mark.parametrize(
    "path",
    [
        "/agent",
        "/requests/1",
        "/requests/new",
        "/",
        "/requests/new?upload=0f",
        "/a?b=%C3%A4+c",
        "/?q=odd&show=all",
    ],
)
def test_a_way_back_leads_to_a_page(path: str) -> None:
    assert local_path(path) == path


def test_a_node_that_comes_back_is_noticed(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        workspace = Workspace(here.join("somebody"))
        found = workspace.glance(None).now
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                workspace.market, "connection", _Deaf(workspace.market.connection)
            )
            assert workspace.glance(None).now >= found
            assert workspace.trouble
        with visiting(workspace) as tab:
            for _ in range(100):
                if AWAY not in tab.get("/").text:
                    break
                workspace._stop.wait(0.05)
            assert AWAY not in tab.get("/").text


class _Deaf:
    """A connection whose node does not answer."""

    def __init__(self, whole: Connection) -> None:
        self._whole = whole

    def __getattr__(self, name: str) -> object:
        def deaf(*_: object, **__: object) -> object:
            raise ChainError("no answer")

        return deaf
