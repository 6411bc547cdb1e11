# SPDX-License-Identifier: Apache-2.0
"""What an agent with nothing to do costs.

`PYTHONPATH=tests python benchmarks/idle.py [--write]`.

An agent with one open request waits for its deadline, on anvil with a block
every two seconds and, for comparison, on one that makes none. Processor time
is the kernel's (Linux), questions are counted by a proxy before the node.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelmarket.chain.anvil import running_anvil
from modelmarket.chain.networks import Networks
from modelmarket.chain.wallets import Keystores
from support.faults import Faults, faulty
from support.market import PASSPHRASE, Place

RESULT = Path(__file__).parent / "idle.json"
SECONDS = 60
WARM_UP_S = 15
COMMAND = [sys.executable, "-c", "from modelmarket.cli import main; main()"]


def processor_s(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes(pid: int) -> float:
    """Memory that a process has resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    [line] = [one for one in status.splitlines() if one.startswith("VmRSS")]
    return int(line.split()[1]) / 1_024


def measure(what: str, *options: str) -> dict[str, Any]:
    """An agent's minute on a node of its own."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as closing:
        node = closing.enter_context(running_anvil(options=list(options)))
        here = Place(node, Path(folder), closing)
        market = here.join("requester")
        here.create(market)
        counter = Faults(node, rate=0.0, seed=1)
        rpc = closing.enter_context(faulty(counter))
        Networks(market.home.networks).put(replace(here.network, rpc=rpc))
        Keystores(market.home.keystores).add(market.wallet, PASSPHRASE)
        environment = {
            **os.environ,
            "MODELMARKET_HOME": str(market.home.path),
            "MODELMARKET_PASSPHRASE": PASSPHRASE,
        }
        agent = subprocess.Popen(  # our own command
            [*COMMAND, "agent", "run", "--network", here.network.name],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        try:
            time.sleep(WARM_UP_S)
            asked, used = counter.answered, processor_s(agent.pid)
            time.sleep(SECONDS)
            assert agent.poll() is None, "the agent ended before it was measured"
            return {
                "what": what,
                "questions_a_minute": counter.answered - asked,
                "processor_percent": round(
                    100 * (processor_s(agent.pid) - used) / SECONDS, 2
                ),
                "megabytes": round(megabytes(agent.pid)),
            }
        finally:
            agent.kill()
            agent.wait()


def main() -> None:
    """Prints the figures, and writes them with `--write`."""
    found = [
        measure("a block every two seconds", "--block-time", "2"),
        measure("no new block"),
    ]
    print(json.dumps(found, indent=1))
    if "--write" in sys.argv:
        RESULT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
