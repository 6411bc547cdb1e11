# SPDX-License-Identifier: Apache-2.0
"""Nobody but the server's own page can make it do or tell anything."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from modelmarket.system import serving
from modelmarket.web import guard
from modelmarket.web.guard import POLICY
from modelmarket.web.server import Page
from support.loopback import browser

WRITES = (
    "/account",
    "/actions",
    "/actions/1/confirm",
    "/actions/1/transaction",
    "/requests/new",
    "/requests/1",
    "/requests/v1",
    "/contests/new/" + "0" * 32,
    "/agent/backup",
    "/agent/restore",
    "/clock",
)
TEMPLATES = Path(guard.__file__).with_name("templates")
READS = ("/", "/activity", "/agent", "/requests/new", "/version", "/actions/1/state")


@pytest.fixture
def visitor(page: Page) -> Iterator[httpx.Client]:
    """A browser that opened the link that the terminal printed."""
    with browser(base_url=page.address, follow_redirects=True) as client:
        assert client.get(page.new_link()).status_code == 200
        yield client


@pytest.fixture
def stranger(page: Page) -> Iterator[httpx.Client]:
    with browser(base_url=page.address) as client:
        yield client


def own(page: Page) -> dict[str, str]:
    """What a browser says of a form on the server's own page."""
    return {"Origin": page.address, "Sec-Fetch-Site": "same-origin"}


def test_the_name_is_random_and_new_at_each_start(page: Page) -> None:
    assert re.fullmatch(r"http://[a-z2-7]{16}\.localhost:\d+", page.address)
    assert len({guard.new_name() for _ in range(100)}) == 100


def test_the_link_lets_a_browser_in_and_leaves_no_token_in_the_address(
    page: Page, stranger: httpx.Client
) -> None:
    link = page.new_link()
    answer = stranger.get(link)
    assert answer.status_code == 200
    assert 'http-equiv="refresh" content="0; url=/"' in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Domain" not in cookie
    token = link.partition("token=")[2]
    assert token not in cookie + answer.text
    assert stranger.get("/").status_code == 200


def test_a_link_is_void_once_it_was_used(page: Page, stranger: httpx.Client) -> None:
    link = page.new_link()
    with browser(base_url=page.address) as first:
        assert first.get(link).status_code == 200
        void = stranger.get(link)
        assert void.status_code == 403
        assert "set-cookie" not in void.headers
        assert "Press Enter in the terminal" in void.text
        assert stranger.get("/").status_code == 403
        # Whoever holds the session goes on, even by the old link.
        assert first.get(link).status_code == 200
        assert first.get("/").status_code == 200


def test_a_new_link_makes_the_one_before_it_void(
    page: Page, stranger: httpx.Client
) -> None:
    before, link = page.new_link(), page.new_link()
    assert stranger.get(before).status_code == 403
    assert stranger.get(link).status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}]
)
def test_looking_ahead_does_not_use_a_link_up(
    page: Page, stranger: httpx.Client, headers: dict[str, str]
) -> None:
    link = page.new_link()
    assert stranger.get(link, headers=headers).status_code == 403
    assert stranger.head(link).status_code == 403
    assert stranger.get(link).status_code == 200


def test_one_link_lets_in_one_of_many_at_once(page: Page) -> None:
    link = page.new_link()

    def come(_: int) -> int:
        with browser() as one:
            return one.get(link).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(come, range(8))) == [200, *[403] * 7]


@pytest.mark.parametrize("path", READS)
def test_without_the_token_nothing_is_shown(stranger: httpx.Client, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 403
    assert "modelmarket up" in answer.text


def test_who_is_turned_away_reads_a_page_of_whole_sentences(
    page: Page, stranger: httpx.Client
) -> None:
    used, port = page.new_link(), page.listens.rpartition(":")[2]
    assert stranger.get(page.new_link()).status_code == 200
    with browser() as other:
        for asked in (page.address, used, page.listens, f"http://localhost:{port}/"):
            answer = other.get(asked)
            assert answer.status_code == 403
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.headers["connection"] == "close"
            assert "<h1>" in answer.text
            assert "`" not in answer.text
            assert "style=" not in answer.text
            assert "<code>modelmarket up</code> runs: it prints a new link" in (
                answer.text
            )
            # Who asks for another host is not even told what else is served here.
            assert ("/static/" in answer.text) == asked.startswith(page.address)


@pytest.mark.parametrize("token", ["", "x", "old-token-of-yesterday", "ü", "%00"])
def test_an_old_or_wrong_token_is_refused(stranger: httpx.Client, token: str) -> None:
    assert stranger.get("/", params={"token": token}).status_code == 403
    headers = [(b"Cookie", f"{guard.SESSION_COOKIE}={token}".encode())]
    assert stranger.get("/", headers=headers).status_code == 403


@pytest.mark.parametrize("path", WRITES)
def test_a_cross_site_form_is_refused(visitor: httpx.Client, path: str) -> None:
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert visitor.post(path, data={"account": "x"}, headers=headers).status_code == 403


@pytest.mark.parametrize("path", WRITES)
def test_a_write_without_an_origin_is_refused(visitor: httpx.Client, path: str) -> None:
    assert visitor.post(path, data={"account": "x"}).status_code == 403
    assert visitor.post(path, json={}, headers={"Origin": "null"}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_a_cross_site_fetch_is_refused(
    visitor: httpx.Client, page: Page, site: str
) -> None:
    headers = {**own(page), "Sec-Fetch-Site": site}
    assert visitor.post("/account", json={}, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "origin",
    [
        "http://127.0.0.1:{port}",
        "http://localhost:{port}",
        "http://{name}:1",
        "http://{name}",
        "https://{name}:{port}",
        "http://x.{name}:{port}",
        "http://{name}:{port}/",
    ],
)
def test_another_name_or_port_of_this_machine_is_another_site(
    visitor: httpx.Client, page: Page, origin: str
) -> None:
    place = urlsplit(page.address)
    other = origin.format(name=place.hostname, port=place.port)
    headers = {**own(page), "Origin": other}
    assert visitor.post("/account", json={}, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "",
        "127.0.0.1",
        "127.0.0.1:{port}",
        "localhost:{port}",
        "[::1]:{port}",
        "{name}",
        "{name}:1",
        "{name}.:{port}",
        "x.{name}:{port}",
        "aaaaaaaaaaaaaaaa.localhost:{port}",
    ],
)
def test_any_other_name_is_refused_and_gets_no_cookie(
    visitor: httpx.Client, page: Page, host: str
) -> None:
    place = urlsplit(page.address)
    headers = {"Host": host.format(name=place.hostname, port=place.port)}
    for path in ("/", page.new_link(), "/static/page.js"):
        answer = visitor.get(path, headers=headers)
        assert answer.status_code in (400, 403)
        assert "set-cookie" not in answer.headers


def test_it_listens_wherever_its_name_leads(page: Page) -> None:
    """A browser tries ::1 first; another user must not be there."""
    place = urlsplit(page.address)
    try:
        line = socket.create_connection(("::1", place.port), timeout=10)
    except OSError:
        with pytest.raises(OSError, match="address|Address"):
            socket.create_server(("::1", 0), family=socket.AF_INET6)
        return
    with line:
        line.sendall(f"GET / HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
        assert b" 403 " in line.recv(1_000)


def test_the_pages_own_form_is_taken(visitor: httpx.Client, page: Page) -> None:
    offered = re.search(r'value="(here:0x\w{40})"', visitor.get("/").text)
    assert offered is not None
    data = {"account": offered[1]}
    answer = visitor.post("/account", data=data, headers=own(page))
    assert answer.status_code == 200
    assert "A key of this computer" in answer.text


def test_a_key_that_is_not_here_is_not_asked_for(
    visitor: httpx.Client, page: Page
) -> None:
    data = {"account": "here:0x" + "11" * 20}
    answer = visitor.post("/account", data=data, headers=own(page))
    assert answer.status_code == 404
    assert "This computer has no key of" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/static/../guard.py",
        "/static/%2e%2e/guard.py",
        "/static/..%2fguard.py",
        "/requests/new/..%2f..%2fvault.sqlite",
        "/requests/new/../../vault.sqlite",
        "/files/..%2f..%2fvault.sqlite/x",
        "/files/bafkqaaa/..%2f..%2fetc%2fpasswd",
    ],
)
def test_a_path_leads_nowhere_but_to_pages(visitor: httpx.Client, path: str) -> None:
    request = visitor.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=path.encode())
    answer = visitor.send(request)
    assert answer.status_code in (400, 404)
    assert "SQLite" not in answer.text
    assert "class Guard" not in answer.text


@pytest.mark.parametrize("back", ["https://evil.example", "//evil.example", "/\\evil"])
def test_a_form_cannot_send_the_browser_elsewhere(
    visitor: httpx.Client, page: Page, back: str
) -> None:
    answer = visitor.post(
        "/account",
        data={"account": "", "back": back},
        headers=own(page),
        follow_redirects=False,
    )
    assert answer.headers["location"] == "/"


def test_a_form_that_is_too_large_is_refused(visitor: httpx.Client, page: Page) -> None:
    headers = {**own(page), "Content-Type": "application/json"}
    body = b"x" * (guard.MOST_FORM_BYTES + 1)
    assert visitor.post("/account", content=body, headers=headers).status_code == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * (guard.MOST_FORM_BYTES // 10)

    answer = visitor.post("/account", content=pieces(), headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", b"\xff"),
        ("text/plain", b"account="),
        ("", b"account="),
    ],
)
def test_what_cannot_be_read_changes_nothing(
    visitor: httpx.Client, page: Page, kind: str, body: bytes
) -> None:
    """It was once taken for an empty form, which looks at the market as nobody."""
    headers = {**own(page), "Content-Type": kind} if kind else own(page)
    answer = visitor.post("/account", content=body, headers=headers)
    assert answer.status_code == 400
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/actions", {"kind": "q" * 40_000}),
        ("/account", {"account": "q" * 40_000}),
        ("/transactions/" + "q" * 15_000, None),
        ("/accounts/" + "q" * 15_000, None),
        ("/actions/" + "1" * 15_000, None),
    ],
)
def test_what_was_sent_is_not_repeated_at_length(
    visitor: httpx.Client, page: Page, path: str, form: dict[str, str] | None
) -> None:
    if form is None:
        answer = visitor.get(path)
    else:
        answer = visitor.post(path, data=form, headers=own(page))
    assert answer.status_code in (400, 404)
    said = answer.text.partition("<main")[2]
    assert said
    assert "q" * 200 not in said


def test_an_upload_that_is_too_large_is_refused(
    visitor: httpx.Client, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MOST_BODY_BYTES", 1_000)
    files = {"data": ("t.csv", b"x" * 2_000)}
    answer = visitor.post("/requests/new", files=files, headers=own(page))
    assert answer.status_code == 413


def test_an_upload_that_stops_is_given_up(
    visitor: httpx.Client, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "PATIENCE_S", 0.3)
    place, listens = urlsplit(page.address), urlsplit(page.listens)
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    head = (
        f"POST /account HTTP/1.1\r\nHost: {place.netloc}\r\nOrigin: {page.address}\r\n"
        f"Cookie: {cookie}\r\nContent-Type: application/json\r\n"
        "Content-Length: 100\r\n\r\n{"
    )
    where = (listens.hostname, listens.port)
    with socket.create_connection(where, timeout=10) as line:
        line.sendall(head.encode())
        assert b" 408 " in line.recv(1_000)


@pytest.mark.parametrize("path", ["/", "/agent", "/nowhere", "/static/page.js"])
def test_every_answer_has_the_policy(visitor: httpx.Client, path: str) -> None:
    headers = visitor.get(path).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"


def test_keys_and_vault_are_on_no_page(visitor: httpx.Client) -> None:
    for path in ("/", "/agent", "/activity", "/requests/new"):
        text = visitor.get(path).text
        assert "passphrase for tests" not in text
        assert "vault.sqlite" not in text


def test_no_passphrase_is_ever_typed_into_a_page() -> None:
    for path in TEMPLATES.glob("*.html"):
        assert 'type="password"' not in path.read_text(), path.name
    for path in TEMPLATES.parent.rglob("*.py"):
        source = path.read_text()
        assert not re.search(r"[\"']passphrase[\"']", source), path.name


def test_asking_for_the_vault_gets_a_page_and_nothing_else(
    visitor: httpx.Client, page: Page
) -> None:
    for path in ("/agent/backup", "/agent/restore"):
        data = {"passphrase": "chosen by the page"}
        answer = visitor.post(path, data=data, headers=own(page))
        assert answer.headers["content-type"].startswith("text/html")
        assert "content-disposition" not in answer.headers
        assert "answer there" in answer.text
