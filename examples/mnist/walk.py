# SPDX-License-Identifier: Apache-2.0
"""Walks through the README's commands and writes them down with their output.

`python walk.py MNIST` runs them one after the other in a folder of its own,
with a chain, two homes and two gateways, and renews README.md. MNIST is a
folder with the four IDX files.
"""

from __future__ import annotations

import os
import re
import select
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).parent
PASSPHRASE = "an example, not a secret"  # noqa: S105  # as it says

QUIET_S = 0.5
"""A command that goes on has said what it has to say."""

HEAD = """# MNIST by hand

The life of a verified contest with all 70,000 images of MNIST, command by command,
each with its real output. Two people take part: rita, the requester, and tom, a
trainer. Each has a terminal with a home of its own:

```console
$ export MODELMARKET_HOME=$PWD/rita MODELMARKET_PASSPHRASE_FILE=$PWD/passphrase
```

and the other one with `tom`. MNIST's four IDX files lie in the folder `mnist`.
This page was written by `python walk.py mnist`, which ran every command below.
"""


class Walk:
    """What was done so far, as Markdown."""

    def __init__(self, folder: Path, closing: ExitStack) -> None:
        self.folder = folder
        self.text = [HEAD]
        self._closing = closing

    def say(self, *lines: str) -> None:
        """Adds prose."""
        self.text.append("\n" + "\n".join(lines) + "\n")

    def _environment(self, who: str) -> dict[str, str]:
        return {
            **os.environ,
            "MODELMARKET_HOME": str(self.folder / who),
            "MODELMARKET_PASSPHRASE": PASSPHRASE,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def run(self, who: str, *commands: str) -> str:
        """Runs commands and notes them with what they printed."""
        out = ""
        self.text.append("\n```console\n")
        for command in commands:
            done = subprocess.run(  # noqa: S602  # the commands stand below
                command,
                shell=True,
                cwd=self.folder,
                env=self._environment(who),
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                sys.exit(f"{command}: {done.stderr}")
            out = done.stdout
            self.text.append(f"{who}$ {command}\n{out}")
        self.text.append("```\n")
        return out

    def start(self, who: str, command: str) -> None:
        """Starts a command that goes on, and notes what it said first."""
        process = subprocess.Popen(  # noqa: S603  # the commands stand below
            shlex.split(command),
            cwd=self.folder,
            env={**self._environment(who), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._closing.callback(process.wait)
        self._closing.callback(process.kill)
        assert process.stdout is not None
        output, said = process.stdout.fileno(), ""
        while not said.endswith("\n") or select.select([output], [], [], QUIET_S)[0]:
            more = os.read(output, 4096).decode()
            if not more:
                raise SystemExit(f"{command} ended: {said}")
            said += more
        self.text.append(f"\n```console\n{who}$ {command}\n{said}```\n")


def walk(mnist: Path, steps: Walk) -> None:
    """The whole of it."""
    (steps.folder / "mnist").symlink_to(mnist.absolute())
    for name in ("make_files.py", "fit.py"):
        (steps.folder / name).symlink_to(HERE / name)
    steps.say("## The files")
    steps.run("rita", "python make_files.py mnist .", "ls mnist*.csv")
    steps.say("## A chain and a market", "", "The chain runs in a terminal of its own.")
    steps.start("rita", "modelmarket node start --test-methods")
    steps.run("rita", "modelmarket account new", "modelmarket deploy")
    steps.say(
        "`deploy` made rita's account the pot of the airdrops. A second",
        "account, a key that asks for nothing else, will be the requester.",
    )
    steps.run("rita", "modelmarket account new")
    accounts = steps.run("rita", "modelmarket account list --json")
    rita = re.findall(r'"address": "(0x\w+)"', accounts)[1]
    steps.run(
        "rita",
        f"modelmarket node fund {rita}",
        f"modelmarket airdrop --account {rita}",
    )
    status = steps.run("rita", "modelmarket node status")
    market = re.findall(r"market (0x\w+)", status)[0]
    verified = re.findall(r"verified contests (0x\w+)", status)[0]
    steps.say("## The trainer joins", "", "Both serve their stores.")
    steps.start("rita", "modelmarket store serve --port 8081")
    steps.start("tom", "modelmarket store serve --port 8082")
    gateways = "--gateway http://127.0.0.1:8081 --gateway http://127.0.0.1:8082"
    steps.run("rita", f"modelmarket node add local {gateways}")
    join = f"--rpc http://127.0.0.1:8545 --market {market} --verified {verified}"
    steps.run(
        "tom",
        f"modelmarket node add local {join} {gateways}",
        "modelmarket account new",
    )
    listed = steps.run("tom", "modelmarket account list --json")
    tom = re.findall(r'"address": "(0x\w+)"', listed)[0]
    steps.run("tom", f"modelmarket node fund {tom}", "modelmarket airdrop")
    contest(steps, rita)


def contest(steps: Walk, rita: str) -> None:
    """From the data to the model that was bought."""
    once = f"modelmarket agent once --account {rita}"
    steps.say(
        "## The contest",
        "",
        "Nobody reads the test rows before the deadline, and the model that is paid is",
        "the one that scored.",
    )
    steps.run(
        "rita",
        "modelmarket dataset check mnist.csv --labels mnist_labels.csv --header "
        "--verified",
        "modelmarket request create mnist.csv --labels mnist_labels.csv --header "
        f"--reward 100 --name MNIST --minutes 60 --verified --account {rita}",
    )
    steps.say("## The model", "", "Tom's three lines are in [`fit.py`](fit.py).")
    steps.run(
        "tom", "modelmarket request list", "python fit.py v1", "modelmarket agent plan"
    )
    steps.say(
        "## The end",
        "",
        "An hour passes; here the clock is moved. `agent once` does what `agent run`",
        "would have done by itself: rita's opens the key to the test rows, tom's",
        "claims what his model scores, and shows it.",
    )
    steps.run("rita", "modelmarket node move-clock 3600", once)
    steps.run("tom", "modelmarket agent once")
    steps.run("rita", "modelmarket node move-clock 900")
    steps.run("tom", "modelmarket agent once")
    steps.say(
        "For another hour anybody may prove on the chain that a row of it is false.",
        "Rita's agent has looked at each; there is none.",
    )
    steps.run("rita", once, "modelmarket node move-clock 3600", once)
    steps.run("tom", "modelmarket agent once", "modelmarket account show")
    steps.run(
        "rita",
        "modelmarket request show v1",
        "modelmarket audit v1",
        "modelmarket model show v1",
        "head -6 mnist.csv > new.csv",
        "modelmarket model predict v1 new.csv",
    )


def main(arguments: Sequence[str]) -> None:
    """Walks, and writes the README."""
    if len(arguments) != 1:
        sys.exit(__doc__)
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        steps = Walk(folder, closing)
        walk(Path(arguments[0]), steps)
        time.sleep(0.1)
    text = "".join(steps.text).replace(str(folder), "~")
    # Key files are named after the second they were made in.
    text = re.sub(r"UTC--\S+?--(\w{6})\w+", r"UTC--…--\1…", text)
    (HERE / "README.md").write_text(
        "\n".join(line.rstrip() for line in text.split("\n"))
    )


if __name__ == "__main__":
    main(sys.argv[1:])
