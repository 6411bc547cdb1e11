# SPDX-License-Identifier: Apache-2.0
"""The long run of the agents: `make soak`.

On anvil with a block each second, three people create requests and enter each
other's, and their agents keep all appointments: each behind two nodes that
delay, drop, cut, refuse, forget and lie, and each killed again and again.
Afterwards every step must have been made in time and every wei be accounted
for. What was injected and survived is printed and kept in
`benchmarks/soak.json`.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from modelmarket.agent import plan
from modelmarket.chain.anvil import running_anvil
from modelmarket.chain.networks import Networks
from modelmarket.chain.wallets import Keystores
from modelmarket.errors import ChainError, StepError
from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.phases import Phase, Status
from modelmarket.protocol.types import Wei
from support.faults import Fault, Faults, faulty
from support.market import PASSPHRASE, Place

if TYPE_CHECKING:
    from modelmarket.market import Market

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "soak.json"
MINUTES = 20.0
REQUESTS = 50
ENTRIES = 4
REWARD = Wei(10 * ONE_MDC)
TERMS = {"reward": REWARD, "submission_window_s": 90, "response_window_s": 60}
DRAIN_S = 240
FAULT_RATE = 0.08
KILL_S = (40.0, 120.0)
COMMAND = [sys.executable, "-c", "from modelmarket.cli import main; main()"]
_Result = TypeVar("_Result")


class Agent:
    """Somebody's agent as a process of its own, behind bad nodes.

    Args:
        market: As its owner sees it.
        node: The good node's address.
        seed: Of the faults.
        closing: Ends the nodes.
    """

    def __init__(
        self, name: str, market: Market, node: str, seed: int, closing: ExitStack
    ) -> None:
        self.faults = [
            Faults(node, rate=FAULT_RATE, seed=10 * seed + n, longest_s=2.0)
            for n in range(2)
        ]
        bad = [closing.enter_context(faulty(one)) for one in self.faults]
        profile = replace(market.network, name="soak", rpc=bad[0], other_rpcs=(bad[1],))
        Networks(market.home.networks).put(profile)
        Keystores(market.home.keystores).add(market.wallet, PASSPHRASE)
        self.log = market.home.path / "agent.log"
        self.name = name
        self.kills = 0
        self._home = market.home.path
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, again or for the first time."""
        environment = {
            **os.environ,
            "MODELMARKET_HOME": str(self._home),
            "MODELMARKET_PASSPHRASE": PASSPHRASE,
            "PYTHONWARNINGS": "ignore",
        }
        command = [*COMMAND, "agent", "run", "--network", "soak", "--json"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own command
                command, stdout=log, stderr=log, env=environment
            )

    def kill(self) -> None:
        """Ends it as a power cut does."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.kill()
            self.kills += 1
        self._process.wait()

    def look_after(self, stop: threading.Event, seed: int) -> None:
        """Kills it now and then, and starts it again; also when it gave up."""
        draw = random.Random(seed)  # noqa: S311  # no secret
        self.start()
        while not stop.is_set():
            ends = time.monotonic() + draw.uniform(*KILL_S)
            while time.monotonic() < ends and not stop.wait(0.5):
                assert self._process is not None
                if self._process.poll() is not None:
                    # A service manager starts what could not reach its node.
                    self.start()
            if not stop.is_set():
                self.kill()
                self.start()
        self.kill()


def insist(act: Callable[[], _Result]) -> _Result | None:
    """Does something beside an agent that uses the same key.

    Returns:
        None where an interrupted run has done it already.
    """
    while True:
        try:
            return act()
        except StepError:
            return None
        except ChainError as error:
            print(f"  again: {error.message[:100]}", flush=True)
            time.sleep(0.5)


def trade(here: Place, people: list[Market], spacing_s: float) -> None:
    """Creates requests one after the other, each entered by the others."""
    mistakes = random.Random(1)  # noqa: S311  # no secret
    for number in range(REQUESTS):
        begun = time.monotonic()
        owner = people[number % len(people)]
        created = len(owner.requests(mine=True))
        insist(partial(here.create, owner, **TERMS))
        mine = owner.requests(mine=True)
        assert len(mine) == created + 1
        for entry in range(ENTRIES):
            trainer = people[(number + 1 + entry % 2) % len(people)]
            wrong = mistakes.randrange(8)
            insist(partial(here.submit, trainer, mine[0].id, wrong))
        print(f"request {number + 1} of {REQUESTS}", flush=True)
        time.sleep(max(0.0, spacing_s - (time.monotonic() - begun)))


def verify(here: Place, people: list[Market]) -> Counter[str]:
    """Holds everything against the rules; returns what was counted."""
    seen = people[0]
    seen.index.sync()
    requests = seen.requests()
    assert len(requests) == REQUESTS, f"{len(requests)} requests"
    counts: Counter[str] = Counter()
    for request in requests:
        record = request.record
        entries = list(record.submissions.values())
        counts["submissions"] += len(entries)
        silent = [one.id for one in entries if one.score is None]
        failed = [one.id for one in entries if one.status is Status.FAILED]
        is_stuck = record.stage is not Phase.FULFILLED
        counts["missed"] += len(silent) + len(failed) + is_stuck
        if silent or failed or is_stuck:
            print(f"{request}: {record.stage.name}, {silent=}, {failed=}")
            continue
        best = min(entries, key=lambda one: (-(one.score or 0), one.id))
        assert record.winner == best.id, f"{request}: won by {record.winner}"
        for one in entries:
            wanted = Status.WON if one is best else Status.WITHDRAWN
            assert one.status is wanted, f"{one.id}: {one.status.name}"
            counts["claims"] += 1
            counts["withdrawals"] += one is not best
        counts["truths opened"] += 1
        counts["predictions opened"] += 1
    assert not counts["missed"], f"{counts['missed']} steps were missed"
    assert seen.contract.slashed() == 0
    assert seen.coin.balance(here.network.market) == 0
    held = sum(seen.coin.balance(one.wallet.address) for one in people)
    assert held == len(people) * 1_000 * ONE_MDC
    return counts


def main() -> None:
    """Plays, waits for the end, and tells."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    spacing_s = 60 * minutes / REQUESTS
    with tempfile.TemporaryDirectory() as folder, ExitStack() as closing:
        options = ["--block-time", "1", "--prune-history"]
        node = closing.enter_context(running_anvil(options=options))
        here = Place(node, Path(folder), closing)
        here.network = replace(here.network, confirmations=2)
        people = [here.join(name) for name in ("ann", "bob", "eve")]
        agents = [
            Agent(name, market, node, seed, closing)
            for seed, (name, market) in enumerate(here.markets.items())
        ]
        stop = threading.Event()
        keepers = [
            threading.Thread(target=agent.look_after, args=(stop, seed))
            for seed, agent in enumerate(agents)
        ]
        began = time.monotonic()
        for keeper in keepers:
            keeper.start()
        try:
            trade(here, people, spacing_s)
            ends = time.monotonic() + 2 * DRAIN_S
            while any(plan(one) for one in people) and time.monotonic() < ends:
                time.sleep(1)
            took = time.monotonic() - began
        finally:
            stop.set()
            for keeper in keepers:
                keeper.join()
        logs = [agent.log.read_text() for agent in agents]
        counts = verify(here, people)
        assert not any("Traceback" in log or PASSPHRASE in log for log in logs)
        injected: Counter[Fault] = sum(
            (one.injected for a in agents for one in a.faults), Counter()
        )
        asked = sum(one.answered for a in agents for one in a.faults)
        document: dict[str, Any] = {
            "date": datetime.now(UTC).date().isoformat(),
            "minutes": round(took / 60, 1),
            "requests": REQUESTS,
            **counts,
            "agents": len(agents),
            "kills": sum(agent.kills for agent in agents),
            "asked": asked,
            "faults": {fault.value: count for fault, count in injected.most_common()},
            "missed": counts["missed"],
        }
    RESULT.write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
