# SPDX-License-Identifier: Apache-2.0
"""The embedded node obeys programs and wallets, and no website."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelmarket.chain.connection import Connection
from modelmarket.chain.devnode.ledger import CHAIN_ID, Ledger
from modelmarket.chain.devnode.rpc import (
    FAUCET,
    MOST_BATCH,
    TEST_METHODS,
    Rpc,
)
from modelmarket.chain.devnode.server import MOST_BODY_BYTES, running_node
from modelmarket.chain.wallets import Wallet
from modelmarket.errors import ChainError
from modelmarket.system import serving
from support.children import child

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SITE = "http://localhost:3000"
EXTENSIONS = (
    "chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn",
    "moz-extension://0f8a3a5e-3d7b-4c1e-9b0a-1c2d3e4f5a6b",
    "safari-web-extension://0F8A3A5E-3D7B-4C1E-9B0A-1C2D3E4F5A6B",
)
STRANGERS = (
    "null",
    "",
    "https://evil.example",
    "http://localhost:3001",
    "http://127.0.0.1:3000",
    "https://localhost:3000",
    f"{SITE}/",
    f"{SITE}.evil.example",
    "chrome-extension://",
    "https://chrome-extension://x",
    "chrome-extension://x.evil.example/",
    "file://",
)
MINE = {"jsonrpc": "2.0", "id": 1, "method": "evm_mine", "params": []}
ASK = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
}


@pytest.fixture(scope="module")
def rpc() -> Iterator[str]:
    """A node for tests, with one website that may ask it."""
    with running_node(None, test_methods=True, origins=[SITE]) as address:
        yield address


@pytest.fixture(scope="module")
def plain() -> Iterator[str]:
    """A node as `modelmarket node start` runs it."""
    with running_node(None) as address:
        yield address


def head(rpc: str) -> int:
    return Connection(rpc).block().number


# --- what a browser lets websites send ---


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "text/plain;charset=UTF-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "text/plain, application/json",
        "",
        None,
    ],
)
def test_only_json_is_taken(rpc: str, kind: str | None) -> None:
    before = head(rpc)
    headers = {} if kind is None else {"Content-Type": kind}
    answer = httpx.post(rpc, content=json.dumps(MINE), headers=headers)
    assert answer.status_code == 415
    assert "application/json" in answer.text
    assert head(rpc) == before


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON"]
)
def test_json_is_taken_however_it_is_spelled(rpc: str, kind: str) -> None:
    headers = {"Content-Type": kind}
    answer = httpx.post(rpc, content=json.dumps(ASK), headers=headers)
    assert answer.json()["result"] == hex(CHAIN_ID)


@pytest.mark.parametrize("origin", STRANGERS)
def test_no_website_is_obeyed(rpc: str, origin: str) -> None:
    before = head(rpc)
    for headers in ({"Origin": origin}, {"Origin": origin, "Sec-Fetch-Site": "none"}):
        answer = httpx.post(rpc, json=MINE, headers=headers)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
    asked = httpx.options(rpc, headers={"Origin": origin, **PREFLIGHT})
    assert asked.status_code == 403
    assert not [one for one in asked.headers if one.startswith("access-control")]
    assert head(rpc) == before


def test_two_origins_or_a_hidden_one_are_refused(rpc: str) -> None:
    both = [("Origin", EXTENSIONS[0]), ("Origin", "https://evil.example")]
    assert httpx.post(rpc, json=ASK, headers=both).status_code == 403
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site}
        assert httpx.post(rpc, json=ASK, headers=headers).status_code == 403


@pytest.mark.parametrize("origin", [SITE, *EXTENSIONS])
def test_wallets_and_named_websites_are_answered(rpc: str, origin: str) -> None:
    asked = httpx.options(rpc, headers={"Origin": origin, **PREFLIGHT})
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == origin
    assert asked.headers["access-control-allow-methods"] == "POST"
    assert asked.headers["access-control-allow-headers"] == "content-type"
    answer = httpx.post(rpc, json=ASK, headers={"Origin": origin})
    assert answer.json()["result"] == hex(CHAIN_ID)
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["vary"] == "Origin"


def test_a_website_that_is_not_named_is_a_stranger(plain: str) -> None:
    answer = httpx.post(plain, json=ASK, headers={"Origin": SITE})
    assert answer.status_code == 403


def test_the_host_must_be_loopback_with_the_nodes_port(rpc: str) -> None:
    port = urlsplit(rpc).port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"):
        assert httpx.post(rpc, json=ASK, headers={"Host": host}).status_code == 200
    for host in (
        "evil.example",
        f"evil.example:{port}",
        f"localhost.evil.example:{port}",
        f"10.0.0.1:{port}",
        f"x@localhost:{port}",
        "localhost",
        f"localhost:{port + 1 if port else 1}",
        "127.0.0.1",
        "[::1",
        "",
    ):
        answer = httpx.post(rpc, json=ASK, headers={"Host": host})
        assert answer.status_code == 400, host


def test_whoever_opens_it_in_a_browser_is_told_what_it_is(rpc: str) -> None:
    answer = httpx.get(rpc)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST, OPTIONS"
    assert "JSON-RPC" in answer.text
    assert "modelmarket up" in answer.text


def test_a_real_browser_lets_no_website_through(
    plain: str, rpc: str, browser: Browser
) -> None:
    """Every way in which a script can send a request, from another origin."""

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>evil</title>")

        def log_message(self, *_: object) -> None:
            pass

    evil = ThreadingHTTPServer(("127.0.0.1", 0), Evil)
    Thread(target=evil.serve_forever, daemon=True).start()
    before = head(rpc)
    with closing(evil.socket), closing(browser.new_page()) as tab:
        tab.goto(f"http://127.0.0.1:{evil.server_address[1]}/")
        for where in (rpc, plain):
            said = tab.evaluate(
                """async ([rpc, body]) => {
                    const tries = [
                        { mode: "no-cors", headers: { "Content-Type": "text/plain" } },
                        { mode: "cors", headers: { "Content-Type": "text/plain" } },
                        { mode: "cors", headers: { "Content-Type": "application/json" } },
                        { mode: "no-cors" },
                    ];
                    const seen = [];
                    for (const one of tries) {
                        try {
                            const answer = await fetch(rpc, { method: "POST", body, ...one });
                            seen.push(await answer.text());
                        } catch (error) { seen.push(""); }
                    }
                    navigator.sendBeacon(rpc, new Blob([body], { type: "text/plain" }));
                    return seen;
                }""",
                [where, json.dumps(MINE)],
            )
            assert said == ["", "", "", ""]
        evil.shutdown()
    assert head(rpc) == before


# --- the methods that change the chain without a signature ---


@pytest.mark.parametrize("method", TEST_METHODS)
def test_methods_for_tests_are_off_and_say_how_to_have_them(
    plain: str, method: str
) -> None:
    before = head(plain)
    ask = {"jsonrpc": "2.0", "id": 7, "method": method, "params": ["0x10"]}
    error = httpx.post(plain, json=ask).json()["error"]
    assert error["code"] == -32601
    assert "--test-methods" in error["message"]
    assert head(plain) == before
    assert abs(Connection(plain).now() - time.time()) < 0x10 / 2


def test_no_other_method_changes_the_chain_without_a_signature() -> None:
    """Whoever adds one must decide what it is."""
    reading = ("eth_", "net_", "web3_")
    ledger = Ledger()
    with closing(ledger):
        rest = {one for one in Rpc(ledger).methods if not one.startswith(reading)}
    assert rest == {*TEST_METHODS, FAUCET}


@pytest.mark.parametrize("origin", [SITE, *EXTENSIONS])
def test_the_faucet_is_for_programs_and_for_no_browser(rpc: str, origin: str) -> None:
    wallet = Wallet.new()
    ask = {"jsonrpc": "2.0", "id": 1, "method": FAUCET, "params": [wallet.address]}
    refused = httpx.post(rpc, json=ask, headers={"Origin": origin}).json()
    assert "modelmarket node fund" in refused["error"]["message"]
    batch = httpx.post(rpc, json=[ask], headers={"Origin": origin}).json()
    assert "error" in batch[0]
    assert Connection(rpc).fee_balance(wallet.address) == 0


def test_the_faucet_gives_to_programs_without_test_methods(plain: str) -> None:
    wallet, connection = Wallet.new(), Connection(plain)
    connection.ask(FAUCET, wallet.address)
    assert connection.fee_balance(wallet.address) == 100 * 10**18


@contextmanager
def started(home: Path, *options: str) -> Iterator[str]:
    """What `modelmarket node start` runs."""
    program = "from modelmarket.cli import main; main()"
    command = [sys.executable, "-c", program, "node", "start", "--port", "0"]
    environment = {**os.environ, "MODELMARKET_HOME": str(home)}
    with child(
        [*command, "--json", *options], stdout=subprocess.PIPE, env=environment
    ) as node:
        assert node.stdout is not None
        text = ""
        while not text.endswith("}\n"):
            line = node.stdout.readline().decode()
            assert line, f"it ended with {node.wait()}"
            text += line
        yield json.loads(text)["rpc"]


def test_the_command_starts_it_without_methods_for_tests(tmp_path: Path) -> None:
    with started(tmp_path) as rpc, pytest.raises(ChainError, match="--test-methods"):
        Connection(rpc).ask("evm_mine")
    with started(tmp_path, "--test-methods", "--origin", SITE) as rpc:
        Connection(rpc).ask("evm_mine")
        assert httpx.post(rpc, json=ASK, headers={"Origin": SITE}).status_code == 200


# --- whatever it is asked, it answers in JSON-RPC ---


def error_of(answer: httpx.Response) -> int:
    document = answer.json()
    assert document["id"] is None
    return int(document["error"]["code"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b'{"jsonrpc": "2.0", "id": NaN, "method": "eth_chainId"}',
        b'{"jsonrpc": "2.0", "id": 1e999, "method": "eth_chainId"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "eth_getBalance", "params": [Infinity]}',
        b'{"id": ' + b"9" * 5_000 + b"}",
        b"[" * 200_000,
        b'{"a":' * 100_000,
    ],
    ids=[
        "empty",
        "half",
        "binary",
        "NaN",
        "1e999",
        "Infinity",
        "digits",
        "deep",
        "deeper",
    ],
)
def test_what_is_not_json_is_said_not_to_be(rpc: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(rpc, content=body, headers=headers)
    assert answer.status_code == 400
    assert error_of(answer) == -32700
    assert head(rpc) >= 0


@pytest.mark.parametrize(
    "document",
    [
        False,
        1,
        "eth_chainId",
        {},
        {"method": 5},
        {"method": None},
        {"method": ["eth_chainId"]},
        {"method": {"eth_chainId": 1}},
        {"id": {"a": 1}, "method": "eth_chainId"},
        {"id": [1], "method": "eth_chainId"},
        {"id": True, "method": "eth_chainId"},
    ],
    ids=repr,
)
def test_what_is_no_request_is_said_not_to_be(rpc: str, document: Any) -> None:
    answer = httpx.post(rpc, json=document)
    assert answer.status_code == 200
    assert error_of(answer) == -32600


@pytest.mark.parametrize("params", [{"a": 1}, "latest", 5, True], ids=repr)
def test_parameters_are_an_array(rpc: str, params: Any) -> None:
    ask = {"id": 1, "method": "eth_getBlockByNumber", "params": params}
    assert httpx.post(rpc, json=ask).json()["error"]["code"] == -32602


def test_a_batch_has_its_limits(rpc: str) -> None:
    asks = [{**ASK, "id": n} for n in range(MOST_BATCH)]
    answers = httpx.post(rpc, json=asks).json()
    assert [one["id"] for one in answers] == list(range(MOST_BATCH))
    assert error_of(httpx.post(rpc, json=[*asks, ASK])) == -32600
    assert error_of(httpx.post(rpc, json=[])) == -32600
    mixed = httpx.post(rpc, json=[ASK, 1, [ASK], {"method": []}]).json()
    assert "result" in mixed[0]
    assert [one["error"]["code"] for one in mixed[1:]] == [-32600] * 3


def test_a_body_has_its_limits_however_it_comes(rpc: str) -> None:
    body = json.dumps({**ASK, "params": ["x" * MOST_BODY_BYTES]}).encode()
    headers = {"Content-Type": "application/json"}
    assert httpx.post(rpc, content=body, headers=headers).status_code == 413

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(body), 2**16):
            yield body[at : at + 2**16]

    assert httpx.post(rpc, content=pieces(), headers=headers).status_code == 413


def test_a_body_that_drips_is_given_up(
    rpc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "PATIENCE_S", 0.3)
    where = urlsplit(rpc)
    text = (
        f"POST / HTTP/1.1\r\nHost: {where.netloc}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port), timeout=20) as line:
        line.sendall(text.encode())
        line.settimeout(0.05)
        said = b""
        while not said:
            line.sendall(b" ")
            try:
                said = line.recv(1_000)
            except TimeoutError:
                continue
        assert b" 408 " in said


def test_half_a_character_comes_back_as_it_was(rpc: str) -> None:
    ask = b'{"id": "\\ud800", "method": "\\udfff"}'
    headers = {"Content-Type": "application/json"}
    answer = json.loads(httpx.post(rpc, content=ask, headers=headers).content)
    assert answer["id"] == "\ud800"
    assert answer["error"]["code"] == -32601


@pytest.mark.parametrize(
    "seconds", [-1, "-0x1", 2**255, "0x" + "f" * 64, 1.5, None, True]
)
def test_the_clock_stays_in_the_calendar(rpc: str, seconds: Any) -> None:
    before = Connection(rpc).now()
    for method in ("evm_increaseTime", "evm_setNextBlockTimestamp"):
        ask = {"id": 1, "method": method, "params": [seconds]}
        error = httpx.post(rpc, json=ask).json()["error"]
        assert error["code"] == -32602
    assert 0 <= Connection(rpc).now() - before < 60


HEX = st.builds("0x{}".format, st.text("0123456789abcdefABCDEF", max_size=80))
LIKELY = st.one_of(
    HEX,
    st.integers(0, 2**256).map(hex),
    st.binary(min_size=20, max_size=20).map(lambda one: "0x" + one.hex()),
    st.binary(min_size=32, max_size=32).map(lambda one: "0x" + one.hex()),
    st.sampled_from(["latest", "pending", "earliest", "safe", "0x0", "0x", "x", ""]),
    st.fixed_dictionaries(
        {},
        optional={
            name: st.one_of(HEX, st.none(), st.integers(), st.lists(HEX, max_size=5))
            for name in (
                "from",
                "to",
                "data",
                "input",
                "value",
                "fromBlock",
                "toBlock",
                "blockHash",
                "blockNumber",
                "address",
                "topics",
            )
        },
    ),
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | LIKELY,
    lambda one: (
        st.lists(one, max_size=4)
        | st.dictionaries(st.text(max_size=12), one, max_size=4)
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    """With a block, a receipt and a transaction to be asked about."""
    made = Ledger()
    made.fund(b"\x05" * 20, 1)
    with closing(made):
        yield made


@pytest.mark.parametrize(
    "method",
    sorted(
        {
            "web3_clientVersion",
            "net_version",
            "eth_feeHistory",
            "eth_getBalance",
            "eth_getTransactionCount",
            "eth_getCode",
            "eth_getStorageAt",
            "eth_call",
            "eth_estimateGas",
            "eth_sendRawTransaction",
            "eth_getBlockByNumber",
            "eth_getBlockByHash",
            "eth_getTransactionByHash",
            "eth_getTransactionReceipt",
            "eth_getLogs",
            *TEST_METHODS,
            FAUCET,
        }
    ),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(params=st.lists(ANYTHING, max_size=4) | ANYTHING, number=ANYTHING)
def test_any_parameters_get_an_answer_in_json_rpc(
    ledger: Ledger, method: str, params: Any, number: Any
) -> None:
    rpc = Rpc(ledger, test_methods=True)
    ask = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    answer = json.loads(json.dumps(rpc.answer(ask), allow_nan=False))
    assert {"result", "error"} & set(answer)
    if "error" in answer:
        # -32603 is for what nobody thought of.
        assert answer["error"]["code"] in (3, -32000, -32600, -32602)
        assert isinstance(answer["error"]["message"], str)
    assert rpc.answer(
        {"id": 1, "method": "eth_getBlockByNumber", "params": ["latest"]}
    )["result"]["number"] == hex(ledger.head.block_number)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=ANYTHING)
def test_any_document_gets_an_answer_in_json_rpc(ledger: Ledger, document: Any) -> None:
    answer = Rpc(ledger).answer(document)
    for one in answer if isinstance(answer, list) else [answer]:
        assert one["error"]["code"] in (-32600, -32601)
    json.dumps(answer, allow_nan=False)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    raw=st.binary(max_size=300),
    kind=st.sampled_from([b"", b"\x01", b"\x02", b"\x03", b"\x04"]),
)
def test_any_bytes_are_a_transaction_or_are_said_to_be_none(
    ledger: Ledger, raw: bytes, kind: bytes
) -> None:
    ask = {"method": "eth_sendRawTransaction", "params": ["0x" + (kind + raw).hex()]}
    assert Rpc(ledger).answer(ask)["error"]["code"] == -32000


def test_the_methods_under_test_are_those_that_take_parameters(ledger: Ledger) -> None:
    fixed = {
        "net_listening",
        "eth_chainId",
        "eth_syncing",
        "eth_accounts",
        "eth_blockNumber",
        "eth_gasPrice",
        "eth_maxPriorityFeePerGas",
    }
    [mark] = [
        one
        for one in test_any_parameters_get_an_answer_in_json_rpc.pytestmark
        if one.name == "parametrize"
    ]
    assert set(Rpc(ledger).methods) == fixed | set(mark.args[1])
