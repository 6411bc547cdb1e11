# SPDX-License-Identifier: Apache-2.0
"""Indexing beside the node: `python benchmarks/scale.py [--requests N …] [--write]`.

A market on anvil gets so many requests, each with a submission for every
tenth. Then it is read once by `eth_getLogs` alone and once by the index.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from gas import Bench
from modelmarket.chain.anvil import running_anvil
from modelmarket.chain.networks import Network
from modelmarket.market import Market, Sort, Wanted
from modelmarket.protocol.types import RequestId, Wei
from modelmarket.system.home import Home
from modelmarket.vault.vault import Vault
from modelmarket.web.server import running_page
from modelmarket.web.workspace import Workspace

RESULT = Path(__file__).with_name("scale.json")
PAGE_ROWS = 50
SPAN_BLOCKS = 10_000
"""Of one question for logs, as the index asks."""

RUNS = 20


def seconds(work: Callable[[], Any], runs: int = 1) -> float:
    """The middle one of so many runs, in seconds."""
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return sorted(took)[runs // 2]


def fill(bench: Bench, requests: int) -> None:
    """Creates requests in blocks of a hundred, some with a submission."""
    bench.labels, bench.bits = 1_000, 4
    bench.connection.ask("anvil_setBalance", bench.requester, hex(10**30))
    bench.connection.ask("anvil_setBalance", bench.trainer, hex(10**30))
    _, opening = bench.truth()
    terms = replace(bench.terms(opening), reward=Wei(10**12), stake=Wei(10**10))
    first = bench.create(terms)
    calls = [
        bench.market.create_request(replace(terms, name=f"request number {n}"))
        for n in range(2, requests + 1)
    ]
    bench.send_many(calls, bench.requester)
    entry = bench.submission(first, opening)
    bench.send_many([entry] * (requests // 10), bench.trainer)


def measure(bench: Bench, folder: Path, requests: int) -> dict[str, Any]:
    """Reads the market once by the node and once by the index; then asks."""
    connection, address = bench.connection, bench.market.address
    head = connection.block().number

    def read_logs() -> None:
        for block in range(0, head + 1, SPAN_BLOCKS):
            connection.logs([address], block, min(block + SPAN_BLOCKS - 1, head))

    node = seconds(read_logs)
    home = Home(folder)
    home.prepare()
    network = Network("bench", connection.name, connection.chain_id, address)
    vault = Vault(home.vault, "a passphrase")
    market = Market(home, network, wallet=bench.wallets[0], vault=vault)
    index = market.index
    ours = seconds(index.sync)
    some, far = Wanted(search="number 777"), requests * 45 // 100
    questions: dict[str, Callable[[], Any]] = {
        "the newest": lambda: index.find(limit=PAGE_ROWS),
        "sorted by reward, 45% down": lambda: index.find(
            sort=Sort.REWARD, limit=PAGE_ROWS, offset=far
        ),
        "a search, with its count": lambda: (
            index.find(some, limit=PAGE_ROWS),
            index.count(some),
        ),
        "a request": lambda: index.request(RequestId(requests // 2)),
        "a request with many submissions": lambda: index.request(RequestId(1)),
    }
    transaction = index.logs(RequestId(1))[0].log.transaction
    with (
        running_page(Workspace(market)) as page,
        httpx.Client(base_url=page.listens, headers={"Host": page.host}) as client,
    ):
        client.get(page.link.removeprefix(page.address))
        for what, path in (
            ("page: the market", "/"),
            ("page: a search", "/?q=number+777"),
            ("page: sorted, far down", f"/?sort=reward&page={far // 25}"),
            ("page: a request", f"/requests/{requests // 2}"),
            ("page: a request with many submissions", "/requests/1"),
            ("page: a new request", "/requests/new"),
            ("page: an account", f"/accounts/{bench.requester}"),
            ("page: a transaction", f"/transactions/0x{transaction.hex()}"),
            ("page: the activity", "/activity"),
            ("page: the agent", "/agent"),
        ):
            assert client.get(path).is_success, path
            questions[what] = partial(client.get, path)
        took = {
            what: round(seconds(question, RUNS) * 1_000, 1)
            for what, question in questions.items()
        }
    index.close()
    return {
        "requests": requests,
        "events": requests + requests // 10,
        "node_s": round(node, 2),
        "index_s": round(ours, 2),
        "pages_ms": took,
    }


def main() -> None:
    """Prints the figures, and writes them with `--write`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    for requests in options.requests:
        with (
            # Else anvil keeps the state of each of the thousand blocks on disk.
            running_anvil(options=("--prune-history",)) as rpc,
            tempfile.TemporaryDirectory() as folder,
        ):
            bench = Bench(rpc)
            fill(bench, requests)
            found = measure(bench, Path(folder), requests)
        print(json.dumps(found, indent=1))
        if options.write:
            known = {one["requests"]: one for one in json.loads(RESULT.read_text())}
            runs = sorted((known | {requests: found}).items())
            RESULT.write_text(json.dumps([one for _, one in runs], indent=1) + "\n")


if __name__ == "__main__":
    main()
