# SPDX-License-Identifier: Apache-2.0
"""The long run of the agents in verified contests: `make soak`, too.

As in `soak.py`, agents live behind bad nodes and are killed again and again, on anvil
with a block each second; each block is 20 seconds later than the one before, since a
challenge window has an hour at least. Two people without agents enter every contest:
one shows predictions that he mended by hand, the other a model that nobody can fetch.
Afterwards every step must have been made in time, every lie that was shown refuted, all
that was missing demanded, and every wei accounted for.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soak import Agent, insist

from modelmarket.agent import plan
from modelmarket.chain.anvil import running_anvil
from modelmarket.errors import ModelMarketError
from modelmarket.market import VerifiedRequest, VerifiedSubmission
from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.phases import Failure, Phase, Status
from modelmarket.protocol.types import Wei
from support.contests import cheat_with, table, tree_of
from support.faults import Fault
from support.market import PASSPHRASE, Place

if TYPE_CHECKING:
    from modelmarket.market import Market

RESULT = Path(__file__).parents[1] / "benchmarks" / "soak-contests.json"
CONTESTS = 5
SPACING_S = 60.0
SECONDS_A_BLOCK = 20
REWARD = Wei(10 * ONE_MDC)
SUBMISSION_WINDOW_S = 1_800
MOST_S = 1_800
HONEST = ("ann", "bob", "eve")
CHEATS = {"liar": 0, "ghost": 1}
"""How many rows less than all each claims: the liar is candidate first."""


def cheat(here: Place, stop: threading.Event) -> None:
    """What liar and ghost do whenever they can, without an agent."""
    while not stop.wait(1.0):
        for name, short in CHEATS.items():
            # A node may be busy; there is another time.
            with suppress(ModelMarketError):
                _cheat(here.markets[name], short)


def _cheat(market: Market, short: int) -> None:
    for one in market.submissions():
        if isinstance(one, VerifiedSubmission):
            cheat_with(one, short)


def enter(market: Market, contest: VerifiedRequest, depth: int) -> None:
    """Enters a tree; what it may come to is no matter here."""
    mine = market.any_request(contest.id)
    assert isinstance(mine, VerifiedRequest)
    tree = tree_of(mine, depth)
    insist(partial(mine.submit, tree, again=True, tell=lambda _: None))


def trade(here: Place) -> None:
    """Opens contests one after the other, each entered by all others."""
    for number in range(CONTESTS):
        begun = time.monotonic()
        owner, *others = (
            here.markets[HONEST[(number + turn) % len(HONEST)]] for turn in range(3)
        )
        source = table(here, seed=number + 1)
        create = partial(
            owner.create_contest,
            source,
            reward=REWARD,
            name=f"contest {number + 1}",
            stratified=True,
            submission_window_s=SUBMISSION_WINDOW_S,
        )
        insist(create)
        contest = owner.requests(mine=True)[0]
        assert isinstance(contest, VerifiedRequest)
        for depth, market in enumerate(others, 3):
            enter(market, contest, depth)
        for name in CHEATS:
            enter(here.markets[name], contest, 1)
        print(f"contest {number + 1} of {CONTESTS}", flush=True)
        time.sleep(max(0.0, SPACING_S - (time.monotonic() - begun)))


def verify(here: Place) -> Counter[str]:
    """Holds everything against the rules; returns what was counted."""
    seen = here.markets["ann"]
    seen.index.sync()
    cheats = {here.markets[name].wallet.address for name in CHEATS}
    contests = [one for one in seen.requests() if isinstance(one, VerifiedRequest)]
    assert len(contests) == CONTESTS, f"{len(contests)} contests"
    counts: Counter[str] = Counter()
    for contest in contests:
        record = contest.record
        entries = list(record.submissions.values())
        counts["submissions"] += len(entries)
        honest = [one for one in entries if one.trainer not in cheats]
        bad = [one for one in entries if one.trainer in cheats]
        missed = [one.id for one in honest if one.score is None or not one.is_live]
        for one in bad:
            demand = one.demand
            counts["models shown"] += one.showing is not None
            counts["demands"] += demand is not None
            counts["refuted"] += one.failure is Failure.REFUTED
            counts["withheld"] += one.failure is Failure.WITHHELD
            if one.showing is not None and one.failure not in (
                Failure.REFUTED,
                Failure.WITHHELD,
            ):
                missed.append(one.id)
            if demand is not None and demand.returned != contest.terms.demand_bond:
                missed.append(one.id)
        is_stuck = record.stage is not Phase.FULFILLED
        counts["missed"] += len(missed) + is_stuck
        if missed or is_stuck:
            print(f"{contest}: {record.stage.name}, {missed=}")
            continue
        best = min(honest, key=lambda one: (-(one.score or 0), one.id))
        assert record.winner == best.id, f"{contest}: won by {record.winner}"
        for one in honest:
            wanted = Status.WON if one is best else Status.WITHDRAWN
            assert one.status is wanted, f"{one.id}: {one.status.name}"
            counts["models shown"] += one.showing is not None
            counts["claims"] += 1
            counts["withdrawals"] += one is not best
        counts["keys opened"] += 1
    assert not counts["missed"], f"{counts['missed']} steps or lies were missed"
    assert counts["refuted"], "no lie was shown"
    assert counts["withheld"], "nothing was missing"
    slashed = here.verified.slashed()
    assert seen.coin.balance(here.verified.address) == slashed
    held = sum(seen.coin.balance(one.wallet.address) for one in here.markets.values())
    assert held + slashed == len(here.markets) * 1_000 * ONE_MDC
    return counts


def main() -> None:
    """Plays, waits for the end, and tells."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as closing:
        options = ["--block-time", "1", "--prune-history"]
        node = closing.enter_context(running_anvil(options=options))
        here = Place(node, Path(folder), closing)
        here.connection.ask("anvil_setBlockTimestampInterval", SECONDS_A_BLOCK)
        here.network = replace(here.network, confirmations=2)
        people = [here.join(name) for name in (*HONEST, "liar")]
        here.join("ghost", is_served=False)
        agents = [
            Agent(name, here.markets[name], node, seed, closing)
            for seed, name in enumerate(HONEST)
        ]
        stop = threading.Event()
        keepers = [
            threading.Thread(target=agent.look_after, args=(stop, seed))
            for seed, agent in enumerate(agents)
        ]
        keepers.append(threading.Thread(target=cheat, args=(here, stop)))
        began = time.monotonic()
        for keeper in keepers:
            keeper.start()
        try:
            trade(here)
            while time.monotonic() < began + MOST_S:
                if not any(plan(one) for one in people[: len(HONEST)]):
                    break
                time.sleep(1)
            took = time.monotonic() - began
        finally:
            stop.set()
            for keeper in keepers:
                keeper.join()
        logs = [agent.log.read_text() for agent in agents]
        counts = verify(here)
        assert not any("Traceback" in log or PASSPHRASE in log for log in logs)
        injected: Counter[Fault] = sum(
            (one.injected for a in agents for one in a.faults), Counter()
        )
        document: dict[str, Any] = {
            "date": datetime.now(UTC).date().isoformat(),
            "minutes": round(took / 60, 1),
            "contests": CONTESTS,
            **counts,
            "agents": len(agents),
            "kills": sum(agent.kills for agent in agents),
            "asked": sum(one.answered for a in agents for one in a.faults),
            "met a fault": injected.total(),
            "missed": counts["missed"],
        }
    RESULT.write_text(json.dumps(document, indent=2) + "\n")
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
