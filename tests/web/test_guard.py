# SPDX-License-Identifier: Apache-2.0
"""Nobody but the server's own page can make it do or tell anything."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from modelmarket.web import guard
from modelmarket.web.guard import POLICY
from modelmarket.web.server import Page

WRITES = (
    "/account",
    "/errands",
    "/errands/1/confirm",
    "/errands/1/transaction",
    "/requests/new",
    "/requests/1",
    "/agent/backup",
    "/agent/restore",
    "/clock",
)
READS = ("/", "/activity", "/agent", "/requests/new", "/events", "/errands/1/state")


@pytest.fixture
def visitor(page: Page) -> Iterator[httpx.Client]:
    """A browser that opened the link that the terminal printed."""
    with httpx.Client(base_url=page.address, follow_redirects=True) as client:
        assert client.get(page.link).status_code == 200
        yield client


@pytest.fixture
def stranger(page: Page) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=page.address) as client:
        yield client


def own(page: Page) -> dict[str, str]:
    """What a browser says of a form on the server's own page."""
    return {"Origin": page.address, "Sec-Fetch-Site": "same-origin"}


def test_the_link_lets_a_browser_in_and_leaves_no_token_in_the_address(
    page: Page, stranger: httpx.Client
) -> None:
    answer = stranger.get(page.link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert stranger.get("/").status_code == 200


@pytest.mark.parametrize("path", READS)
def test_without_the_token_nothing_is_shown(stranger: httpx.Client, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 403
    assert "modelmarket up" in answer.text


@pytest.mark.parametrize("token", ["", "x", "old-token-of-yesterday", "ü", "%00"])
def test_an_old_or_wrong_token_is_refused(stranger: httpx.Client, token: str) -> None:
    port = urlsplit(str(stranger.base_url)).port
    assert stranger.get("/", params={"token": token}).status_code == 403
    headers = [(b"Cookie", f"modelmarket-{port}={token}".encode())]
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


def test_another_port_of_this_machine_is_another_site(
    visitor: httpx.Client, page: Page
) -> None:
    headers = {**own(page), "Origin": "http://127.0.0.1:1"}
    assert visitor.post("/account", json={}, headers=headers).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1"])
def test_a_rebound_name_is_refused(visitor: httpx.Client, host: str) -> None:
    assert visitor.get("/", headers={"Host": host}).status_code in (400, 403)


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
    monkeypatch.setattr(guard, "PATIENCE_S", 0.3)
    place = urlsplit(page.address)
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    head = (
        f"POST /account HTTP/1.1\r\nHost: {place.netloc}\r\nOrigin: {page.address}\r\n"
        f"Cookie: {cookie}\r\nContent-Type: application/json\r\n"
        "Content-Length: 100\r\n\r\n{"
    )
    with socket.create_connection((place.hostname, place.port), timeout=10) as line:
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
