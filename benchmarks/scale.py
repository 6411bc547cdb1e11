# SPDX-License-Identifier: Apache-2.0
"""Indexing beside the node: `python benchmarks/scale.py [--requests N] [--write]`.

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
from pathlib import Path
from typing import Any

from gas import Bench
from modelmarket.chain.anvil import running_anvil
from modelmarket.index.index import SPAN_BLOCKS, Index
from modelmarket.index.summaries import Sort, Wanted
from modelmarket.protocol.types import RequestId, Wei

RESULT = Path(__file__).with_name("scale.json")
PAGE_ROWS = 50
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


def main() -> None:
    """Prints the figures, and writes them with `--write`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    # Else anvil keeps the state of each of the thousand blocks on disk.
    options_of_anvil = ("--prune-history",)
    with (
        running_anvil(options=options_of_anvil) as rpc,
        tempfile.TemporaryDirectory() as folder,
    ):
        bench = Bench(rpc)
        fill(bench, options.requests)
        connection, market = bench.connection, bench.market.address
        head = connection.block().number

        def read_logs() -> None:
            for block in range(0, head + 1, SPAN_BLOCKS):
                connection.logs(market, block, min(block + SPAN_BLOCKS - 1, head))

        node = seconds(read_logs)
        index = Index(f"sqlite:///{folder}/index.sqlite", connection, market, 0)
        ours = seconds(index.sync)
        pages = {
            "the newest": lambda: index.find(limit=PAGE_ROWS),
            "by reward, page 900": lambda: index.find(
                sort=Sort.REWARD, limit=PAGE_ROWS, offset=options.requests * 45 // 100
            ),
            "a search, with its count": lambda: (
                index.find(Wanted(search="number 777"), limit=PAGE_ROWS),
                index.count(Wanted(search="number 777")),
            ),
            "a request": lambda: index.request(RequestId(options.requests // 2)),
            "one with 10,000 submissions": lambda: index.request(RequestId(1)),
        }
        found = {
            "requests": options.requests,
            "events": options.requests + options.requests // 10,
            "node_s": round(node, 2),
            "index_s": round(ours, 2),
            "pages_ms": {
                what: round(seconds(page, RUNS) * 1_000, 1)
                for what, page in pages.items()
            },
        }
        index.close()
    print(json.dumps(found, indent=1))
    if options.write:
        RESULT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
