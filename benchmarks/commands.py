# SPDX-License-Identifier: Apache-2.0
"""How long commands take that only read: `python benchmarks/commands.py [--write]`.

Each is a process of its own, from nothing, whose output is piped, beside an embedded
node that does nothing else. The market has requests of both kinds, some with a winner;
all of it is made by commands, too. Processor time is the kernel's, and holds that of
the command's own children. Others on the machine only add to what a command takes, so
the least of several runs counts, which lie far apart: each round gives all commands.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULT = Path(__file__).with_name("commands.json")
RUNS = 5
PROGRAM = (sys.executable, "-m", "modelmarket")
PASSPHRASE = "a passphrase of the benchmark"
STEP_S, MOST_ROUNDS = 600, 40
"""No window is shorter, so nobody misses one."""

VAULT = "unlocks the vault, which is meant to cost"
KEY = "unlocks the key and the vault, as the agent does"
FORESTS = "fits small forests to the table, by cross-validation"
STRANGER = "runs a stranger's model in confinement"
EXACT = "runs the exact model on"
INTERVALS = "draws the test rows again for each interval"
LIBRARIES = "import httpx, numpy, sqlalchemy, eth_abi"
"""What nearly every command needs of others, to be measured beside them."""


@dataclass(frozen=True)
class Reading:
    """A command that only reads, in one form.

    Attributes:
        command: Its name.
        words: Its arguments; `{folder}`, `{model}` and `{address}` are filled in.
        besides: What it does besides reading; empty for nothing.
    """

    command: str
    words: str = ""
    besides: str = ""


READINGS = (
    Reading("account list"),
    Reading("account show"),
    Reading("account reputation"),
    Reading("account reputation", "{address}"),
    Reading("agent plan", "", VAULT),
    Reading("audit", "1", f"checks everything, and {STRANGER}"),
    Reading("audit", "v1", f"checks everything, and {EXACT} all hidden rows"),
    Reading("dataset check", "{folder}/digits.csv --label digit", FORESTS),
    Reading(
        "dataset check",
        "{folder}/digits.csv --label digit --verified",
        f"{FORESTS}, and to its codes of either width",
    ),
    Reading("dataset report", "1"),
    Reading("dataset report", "v1"),
    Reading("doctor", "", KEY),
    Reading("model card", "1", INTERVALS),
    Reading("model card", "v1", INTERVALS),
    Reading(
        "model inspect", "{model}", "opens each of three files in a confined process"
    ),
    Reading(
        "model inspect",
        "{folder}/won-v1/model.exact",
        "opens the file in a confined process",
    ),
    Reading("model predict", "1 {folder}/new.csv", STRANGER),
    Reading("model predict", "v1 {folder}/new.csv", f"{EXACT} ten rows"),
    Reading("model show", "v1", f"{EXACT} the training part"),
    Reading("node list"),
    Reading("node status"),
    Reading("reproduce", "1", STRANGER),
    Reading("reproduce", "v1", f"{EXACT} all hidden rows"),
    Reading("request list"),
    Reading("request list", "--mine", VAULT),
    Reading("request metrics", "1", INTERVALS),
    Reading("request metrics", "v1", INTERVALS),
    Reading("request show", "1"),
    Reading("request show", "v1"),
    Reading("store list"),
    Reading("submission check", "2 {folder}/guess.csv"),
    Reading(
        "submission check",
        "1 {folder}/won/predictions.csv",
        INTERVALS,
    ),
    Reading(
        "submission check",
        "2 {folder}/won/model.onnx",
        "runs the model on the test rows",
    ),
    Reading(
        "submission check",
        "v1 {folder}/won-v1/model.exact",
        f"{EXACT} the training part and all hidden rows, and {INTERVALS}",
    ),
    Reading("submission list", "", VAULT),
    Reading("submission show", "1"),
    Reading("submission show", "v1"),
    Reading("trainer run", "--once --dry-run", f"{VAULT}; nothing is left to train"),
    Reading("vault copies", "", VAULT),
)
"""Every command that only reads, in the forms that it has."""

CHANGING = frozenset(
    {
        *("account import", "account new", "account send"),
        *("agent once", "airdrop", "deploy"),
        *("dataset fetch", "model export", "request model"),
        *("node add", "node fund", "node move-clock"),
        *("request cancel", "request create", "request enforce", "request open"),
        *("request settle", "submit"),
        *("store add", "store export", "store fetch", "store import-car"),
        *("submission answer", "submission cancel", "submission claim"),
        *("submission demand", "submission show-model", "submission validate"),
        *("submission watch", "submission withdraw", "submission withdraw-bond"),
        *("vault backup", "vault recover", "vault restore", "vault share"),
    }
)
"""What sends something, or leaves something in a file."""

LASTING = frozenset({"agent run", "demo", "node start", "store serve", "up"})
"""What goes on until it is interrupted, or plays whole lives."""


class Home:
    """Somebody's folder, and commands that they give.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def environment(self) -> dict[str, str]:
        """Of a command."""
        # Nor Python's own: people's may keep what it has compiled.
        foreign = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MODELMARKET_", "PYTHON"))
        }
        return foreign | {
            "MODELMARKET_HOME": str(self.path),
            "MODELMARKET_PASSPHRASE": PASSPHRASE,
        }

    def say(self, *words: str) -> Any:
        """Gives a command.

        Returns:
            Its document.
        """
        done = subprocess.run(
            [*PROGRAM, "--json", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.returncode, (words, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def measure(self, command: Sequence[str]) -> tuple[float, float]:
        """Gives a command of the system in a pipe.

        Returns:
            Seconds by the clock, and of the processors.
        """
        began = time.perf_counter()
        with tempfile.TemporaryFile() as errors:
            given = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
            assert given.stdout is not None
            said = given.stdout.read()
            given.stdout.close()
            _, status, used = os.wait4(given.pid, 0)
            took = time.perf_counter() - began
            given.returncode = os.waitstatus_to_exitcode(status)
            errors.seek(0)
            told = errors.read()
        # One is that something was found which is not as it must be.
        assert given.returncode in (0, 1), (command, said, told)
        assert b"Error" not in told, (command, told)
        return took, used.ru_utime + used.ru_stime


@contextmanager
def serving(home: Home, *words: str) -> Iterator[str]:
    """A server, as people start it.

    Yields:
        Its address.
    """
    started = subprocess.Popen(
        [*PROGRAM, *words, "--port", "0"],
        env=home.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert started.stdout is not None
        found = re.search(r"http://[^\s;]+", started.stdout.readline())
        assert found, f"{' '.join(words)} does not run"
        yield found[0]
    finally:
        started.terminate()
        started.wait()


def write_digits(path: Path, turns: int, rows: int | None = None) -> None:
    """scikit-learn's handwritten digits, as a table.

    Args:
        path: Of a CSV.
        turns: By how many right angles they are turned: no table has rows of another.
        rows: How many, without their labels; None for all, with them.
    """
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.rot90(digits.images, turns, axes=(1, 2)).reshape(-1, 64)[:rows]
    table = images if rows else np.column_stack([images, digits.target])
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*digits.feature_names, *([] if rows else ["digit"])])
        writer.writerows(table.astype(int).tolist())


def live(people: list[Home], numbers: list[str]) -> None:
    """Lets time pass and agents work until requests have ended."""
    for _ in range(MOST_ROUNDS):
        for one in people:
            one.say("agent", "once")
        phases = {one.say("request", "show", each)["phase"] for each in numbers}
        if phases == {"FULFILLED"}:
            return
        one.say("node", "move-clock", str(STEP_S))
    raise AssertionError(f"they did not end: {phases}")


@contextmanager
def market(folder: Path) -> Iterator[tuple[Home, dict[str, str]]]:
    """A market with requests of both kinds, half of them ended.

    Yields:
        The trainer's home, and what stands for names in a reading's words.
    """
    rita, ann = Home(folder / "rita"), Home(folder / "ann")
    with (
        serving(rita, "node", "start", "--test-methods") as rpc,
        serving(rita, "store", "serve") as hers,
        serving(ann, "store", "serve") as his,
    ):
        for one in (rita, ann):
            address = one.say("account", "new")["address"]
            one.say("node", "fund", address, "--rpc", rpc)
        made = rita.say("deploy", "--rpc", rpc)
        rita.say("node", "add", "local", "--gateway", his)
        contracts = ("--market", made["market"], "--verified", made["verified"])
        ann.say("node", "add", "local", "--rpc", rpc, *contracts, "--gateway", hers)
        for one in (rita, ann):
            one.say("airdrop")
        cid = trade(folder, rita, ann)
        yield ann, {"model": cid, "folder": str(folder), "address": address}


def trade(folder: Path, rita: Home, ann: Home) -> str:
    """Two requests that end, two that are open, and one that was cancelled.

    Returns:
        The CID of the model that won the first.
    """
    write_digits(folder / "new.csv", 0, rows=10)

    def make(name: str, turns: int, *options: str) -> None:
        data = folder / f"{name}.csv"
        write_digits(data, turns)
        said = ("--label", "digit", "--reward", "100", "--name", name, *options)
        rita.say("request", "create", str(data), *said)

    def enter(number: str) -> None:
        ann.say("trainer", "run", "--once", "--seconds", "2")
        model, labels = folder / "model.txt", folder / "guess.csv"
        model.write_text("always 3")
        rows = ann.say("request", "show", number)["labels"]
        labels.write_text("label\n" + "3\n" * rows)
        files = (str(labels), str(model))
        ann.say("submit", number, *files, "--again", "--accept-stake")

    make("digits", 0)
    make("digits, verified", 1, "--verified")
    enter("1")
    live([rita, ann], ["1", "v1"])
    make("digits again", 2)
    make("digits again, verified", 3, "--verified")
    enter("2")
    make("not wanted", 2, "--again")
    rita.say("request", "cancel", "3")
    for number, name in (("1", "won"), ("v1", "won-v1")):
        ann.say("request", "model", number, str(folder / name))
    return str(ann.say("request", "show", "1")["model"])


def measure(commands: Sequence[Sequence[str]], home: Home) -> list[dict[str, float]]:
    """Commands of the system, so many times; once before, that files are at hand."""
    for one in commands:
        home.measure(one)
    rounds = [[home.measure(one) for one in commands] for _ in range(RUNS)]
    return [
        {
            "processor_s": round(min(used for _, used in runs), 2),
            "wall_s": round(min(took for took, _ in runs), 2),
        }
        for runs in zip(*rounds, strict=True)
    ]


def main() -> None:
    """Prints the table, and writes it with `--write`."""
    with (
        tempfile.TemporaryDirectory() as name,
        market(Path(name)) as (home, where),
    ):
        commands = [
            [*PROGRAM, *one.command.split(), *one.words.format(**where).split()]
            for one in READINGS
        ]
        bare = [(sys.executable, "-c", program) for program in ("pass", LIBRARIES)]
        python, libraries, *figures = measure([*bare, *commands], home)
    found = [asdict(one) | took for one, took in zip(READINGS, figures, strict=True)]
    for one in found:
        what = f"{one['command']} {one['words']}".strip()
        took = f"{one['processor_s']:6.2f} {one['wall_s']:6.2f}"
        print(f"{what:60} {took}  {one['besides']}")
    document = {
        "date": datetime.now(UTC).date().isoformat(),
        "runs": RUNS,
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[1], 1),
        "python": python,
        "libraries": {"program": LIBRARIES} | libraries,
        "commands": found,
    }
    print(python, libraries)
    if "--write" in sys.argv:
        RESULT.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
