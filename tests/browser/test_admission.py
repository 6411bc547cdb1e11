# SPDX-License-Identifier: Apache-2.0
"""Who gets in, with a real browser: by the link, once, and nobody beside it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from modelmarket.chain.networks import Networks
from modelmarket.chain.wallets import Keystores, Wallet
from modelmarket.system.home import Home
from modelmarket.web.guard import SESSION_COOKIE
from support.browser import House
from support.children import child
from support.market import PASSPHRASE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROGRAM = "from modelmarket.cli import main; main()"
PATIENCE_S = 60


@contextmanager
def neighbour() -> Iterator[tuple[int, list[str]]]:
    """Another server of this machine: its port, and the cookies it was sent."""
    seen: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Cookie", ""))
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>neighbour</title>")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], seen
    server.shutdown()
    server.server_close()


def test_no_other_server_of_the_machine_is_sent_the_cookie(shared_house: House) -> None:
    visitor = shared_house.visit("neighbourly", wallet=False)
    expect(visitor.tab.locator("h1")).to_be_visible()
    [cookie] = [
        one for one in visitor.context.cookies() if one["name"] == SESSION_COOKIE
    ]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert cookie["domain"] == urlsplit(visitor.page.address).hostname
    with neighbour() as (port, seen):
        tab = visitor.another_tab()
        for host in ("127.0.0.1", "localhost", "other.localhost"):
            tab.goto(f"http://{host}:{port}/")
        for path in ("/", "/agent"):
            # Nor can its page read ours.
            read = tab.evaluate(
                """async (address) => {
                    try {
                        const answer = await fetch(address, { credentials: "include" });
                        return await answer.text();
                    } catch (error) { return ""; }
                }""",
                visitor.page.address + path,
            )
            assert read == ""
    assert len(seen) >= 3
    assert not any(cookie["value"] in one or "modelmarket" in one for one in seen)
    # The port is not looked at: by 127.0.0.1 the page's own server stays shut.
    tab.goto(visitor.page.listens)
    expect(tab.locator("body")).to_contain_text("only under its own address")


def test_the_link_is_in_no_address_and_an_open_page_lives_on(
    shared_house: House, browser: Browser
) -> None:
    visitor = shared_house.visit("visitor", wallet=False)
    tab, link = visitor.tab, visitor.page.link
    tab.wait_for_url(visitor.page.address + "/")
    tab.reload()
    expect(tab.locator("#lost")).to_be_hidden()
    visitor.go("/agent")
    tab.go_back()
    assert tab.url == visitor.page.address + "/"
    tab.go_back()
    assert "token" not in tab.url
    other = browser.new_context().new_page()
    other.goto(link)
    expect(other.locator("body")).to_contain_text("This link is void")
    expect(other.locator("body")).to_contain_text("Press Enter in the terminal")
    other.goto(visitor.page.new_link())
    other.wait_for_url(visitor.page.address + "/")
    expect(other.locator("h1")).to_be_visible()
    visitor.another_tab().goto(link)
    visitor.go("/activity")
    expect(tab.locator("h1")).to_be_visible()
    other.context.close()


@dataclass(frozen=True)
class Opened:
    """What `modelmarket up` printed, and how it called the browser."""

    link: str
    address: str
    arguments: list[str]
    process: int


@pytest.fixture
def opened(house: House, tmp_path: Path) -> Iterator[Opened]:
    home, wallet = Home(tmp_path / "home"), Wallet.new()
    home.prepare()
    Keystores(home.keystores).add(wallet, PASSPHRASE)
    house.place.fund(wallet.address)
    Networks(home.networks).put(house.place.network)
    called, fake = tmp_path / "called", tmp_path / "fake-browser"
    fake.write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {called}.new\n"
        f"mv {called}.new {called}\nsleep 60\n"
    )
    fake.chmod(0o700)
    command = [sys.executable, "-c", PROGRAM, "up", "--network", "test"]
    with child(
        [*command, "--port", "0", "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={
            **os.environ,
            "MODELMARKET_HOME": str(home.path),
            "MODELMARKET_PASSPHRASE": PASSPHRASE,
            "PYTHONWARNINGS": "ignore",
            "BROWSER": f"{fake} %s &",
        },
    ) as up:
        assert up.stdout is not None
        text = ""
        while not text.endswith("}\n"):
            line = up.stdout.readline().decode()
            assert line, f"it ended with {up.wait()}"
            text += line
        ends = time.monotonic() + PATIENCE_S
        while not called.exists():
            assert time.monotonic() < ends
            time.sleep(0.05)
        said = json.loads(text)
        yield Opened(
            said["link"], said["address"], called.read_text().splitlines(), up.pid
        )
        up.terminate()
        up.wait(timeout=30)
        assert not list((home.path / "scratch").glob("link-*"))


def test_the_browser_is_let_in_by_a_private_file_and_no_argument(
    opened: Opened, browser: Browser
) -> None:
    token = opened.link.partition("token=")[2]
    assert len(token) > 40
    [address] = opened.arguments
    assert address.startswith("file:///")
    file = Path(address.removeprefix("file://"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert token in file.read_text()
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert token.encode() not in one.read_bytes()
        except OSError:
            continue
    tab = browser.new_context().new_page()
    tab.goto(address)
    tab.wait_for_url(opened.address + "/")
    expect(tab.locator("h1")).to_be_visible()
    expect(tab.locator("#lost")).to_be_hidden()
    assert not file.exists()
    tab.reload()
    expect(tab.locator("h1")).to_be_visible()
    tab.context.close()
