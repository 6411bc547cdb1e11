# SPDX-License-Identifier: Apache-2.0
"""Runs anvil, Foundry's development node, where it is installed."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from modelmarket.errors import ChainError, NotFoundError

PATH_VARIABLE = "MODELMARKET_ANVIL"
MOST_GREETING_BYTES = 65_536
PATIENCE_S = 60


def find_anvil() -> Path | None:
    """The anvil of `MODELMARKET_ANVIL`, or else of the path; None without."""
    named = os.environ.get(PATH_VARIABLE) or shutil.which("anvil")
    return Path(named) if named and Path(named).exists() else None


@contextmanager
def running_anvil(
    *, port: int = 0, state: Path | None = None, options: Sequence[str] = ()
) -> Iterator[str]:
    """Runs anvil under Osaka's rules and yields its address.

    Args:
        port: On loopback; 0 for any that is free.
        state: A file that keeps the chain across restarts.
        options: More of anvil's own options.

    Raises:
        NotFoundError: anvil is not installed.
        ChainError: It ended at once, or says nothing.
    """
    program = find_anvil()
    if program is None:
        raise NotFoundError(
            "anvil is not installed.",
            hint="Install Foundry, or name its path in MODELMARKET_ANVIL.",
        )
    command = [str(program), "--port", str(port), "--hardfork", "osaka"]
    command += ["--enable-tx-gas-limit", *options]
    if state is not None:
        command += ["--state", str(state)]
    # A pipe would fill up, and anvil would wait for ever for somebody to read it.
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(command, stdout=output, stderr=output) as process,  # noqa: S603  # the user's own anvil
    ):
        try:
            yield f"http://{_listening_at(process, output)}"
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _listening_at(process: "subprocess.Popen[bytes]", output: IO[bytes]) -> str:
    """Waits until anvil has said where it listens."""
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        said = os.pread(output.fileno(), MOST_GREETING_BYTES, 0).decode()
        found = re.search(r"^Listening on (\S+)$", said, re.MULTILINE)
        if found:
            return found[1]
        if process.poll() is not None:
            raise ChainError(f"anvil ended at once: {said.strip()[-300:]}")
        time.sleep(0.01)
    raise ChainError(f"anvil did not say where it listens within {PATIENCE_S} s.")
