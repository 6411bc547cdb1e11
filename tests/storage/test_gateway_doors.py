# SPDX-License-Identifier: Apache-2.0
"""Who may ask a gateway: programs that know it by a name of its own."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from modelmarket.storage.gateway import application
from modelmarket.storage.store import Store
from modelmarket.system.serving import serving

REBOUND = (
    "evil.example",
    "evil.example:{port}",
    "localhost.evil.example",
    "127.0.0.1.evil.example:{port}",
    "x.localhost:{port}",
    "localhost.:{port}",
    "user@localhost:{port}",
    "10.0.0.1:{port}",
    "[::1",
    "",
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def status(gateway: str, cid: object, host: str) -> int:
    port = urlsplit(gateway).port
    headers = {"Host": host.format(port=port)}
    return httpx.get(f"{gateway}/ipfs/{cid}?format=raw", headers=headers).status_code


def test_on_loopback_no_website_reads_the_store(store: Store) -> None:
    added = store.add_bytes(b"a secret of the house", "x")
    with serving(application(store)) as gateway:
        for host in (
            "127.0.0.1:{port}",
            "localhost:{port}",
            "localhost",
            "[::1]:{port}",
        ):
            assert status(gateway, added.cid, host) == 200, host
        for host in REBOUND:
            assert status(gateway, added.cid, host) == 400, host


def test_served_to_the_world_it_answers_to_its_names_and_addresses(
    store: Store,
) -> None:
    added = store.add_bytes(b"for everybody", "x")
    served = application(store, names=["Files.example"])
    with serving(served, host="0.0.0.0") as gateway:
        here = gateway.replace("0.0.0.0", "127.0.0.1")
        for host in ("files.example", "FILES.example:8080", "localhost"):
            assert status(here, added.cid, host) == 200, host
        for host in ("evil.example", "x.files.example", ""):
            assert status(here, added.cid, host) == 400, host
        ours = own_address()
        if ours:
            there = gateway.replace("0.0.0.0", ours)
            assert status(there, added.cid, f"{ours}:{{port}}") == 200
            assert status(there, added.cid, "evil.example") == 400


def own_address() -> str:
    """An address of this machine that is not loopback; empty without a network."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return ""
        found = str(probe.getsockname()[0])
    return "" if found.startswith("127.") else found
