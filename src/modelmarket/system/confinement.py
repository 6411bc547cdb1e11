# SPDX-License-Identifier: Apache-2.0
"""The outer half of confinement: a process that may compute, and nothing else.

It has no network, opens no file, starts nothing, and has limits on memory, processor
time, time and what it answers; see `modelmarket.system.confined`. What it answers is a
stranger's word.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

from modelmarket.errors import ConfinementError, LimitError, ModelMarketError, said_by
from modelmarket.system.confined import (
    MOST_HEADER_BYTES,
    Limits,
    Told,
    as_told,
)
from modelmarket.system.documents import parse_json
from modelmarket.system.text import counted

__all__ = ["Confined", "Limits", "ProblemError"]

_SOURCES = Path(__file__).parents[2]
_GRACE_S = 2.0
MOST_BRACKETS = 50_000
"""Of an answer: a description of some thousand inputs."""
UNCONFINED = (
    "`--unconfined` runs it all the same, with limits alone: it could read your files "
    "and send them away."
)


class ProblemError(Exception):
    """The confined program could not do what it was asked; says why, in its words."""


class Confined:
    """A program in confinement, which answers one question after the other.

    Args:
        program: What Python is given to run it, such as `-m` and a module; it calls
            `confined.serve`.
        limits: What it may use.
        file: Open for reading; the program reads it too.
        unconfined: Run it with its limits alone.

    Raises:
        ConfinementError: This machine cannot confine it.
        ModelMarketError: It does not start.
    """

    def __init__(
        self,
        program: Sequence[str],
        limits: Limits,
        *,
        file: BinaryIO | None = None,
        unconfined: bool = False,
    ) -> None:
        self.limits = limits
        self._late, self._unconfined = False, unconfined
        self._clock = threading.Timer(limits.wall_s, self._end_late)
        self._clock.daemon = True
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(  # noqa: S603  # a module of ours
            [sys.executable, "-s", "-P", "-B", *program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder.name,
            env=_environment(self._folder.name),
            pass_fds=() if file is None else (file.fileno(),),
            start_new_session=True,
        )
        first = {
            "limits": as_told(limits),
            "confined": not unconfined,
            "file": None if file is None else file.fileno(),
        }
        try:
            self._clock.start()
            self._begin(first)
        except BaseException:
            self.close()
            raise

    def _begin(self, first: Told) -> None:
        try:
            answer, _ = self._exchange(json.dumps(first).encode())
        except (LimitError, ProblemError) as error:
            if self._late:
                raise
            raise ModelMarketError(
                f"The program that touches strangers' files does not start: "
                f"{said_by(error)}"
            ) from error
        if why := answer.get("unconfinable"):
            raise ConfinementError(
                f"This machine cannot confine a stranger's model: {why}.",
                hint=UNCONFINED,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, what: str, given: Told, data: bytes = b"") -> tuple[Told, bytes]:
        """Asks a question, with bytes behind it.

        Returns:
            The answer and the bytes behind it: a stranger's.

        Raises:
            LimitError: It went beyond a limit, or broke.
            ProblemError: It says that it cannot.
        """
        question = {**given, "ask": what, "bytes": len(data)}
        return self._exchange(json.dumps(question).encode(), data)

    def close(self) -> None:
        """Ends the program, whatever it is doing."""
        self._clock.cancel()
        self._kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # what it was still to be told
        self._folder.cleanup()

    def _exchange(self, line: bytes, data: bytes = b"") -> tuple[Told, bytes]:
        sent, told = self._process.stdin, self._process.stdout
        assert sent is not None, "it is a pipe"
        assert told is not None, "it is a pipe"
        try:
            sent.write(line + b"\n" + data)
            sent.flush()
        except BrokenPipeError:
            raise self._ended() from None
        answer = told.readline(MOST_HEADER_BYTES + 1)
        if not answer.endswith(b"\n"):
            raise self._ended()
        try:
            found = parse_json(answer, most_brackets=MOST_BRACKETS)
            size = found.pop("bytes")
            is_sound = isinstance(size, int) and 0 <= size <= self.limits.answer_bytes
        except (ValueError, KeyError, AttributeError, TypeError):
            is_sound = False
        if not is_sound:
            raise LimitError("It answers something that is no answer, or too much.")
        behind = told.read(size)
        if len(behind) < size:
            raise self._ended()
        if found.get("beyond") == "memory":
            raise self._beyond_memory()
        if "problem" in found:
            raise ProblemError(str(found["problem"]))
        return found, behind

    def _ended(self) -> LimitError:
        """Why there is no answer."""
        try:
            code = self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            return LimitError("It answers something that is no answer.")
        if self._late or code == -signal.SIGALRM:
            seconds = counted(self.limits.wall_s, "second")
            return LimitError(f"It took longer than {seconds}.")
        if code in (-signal.SIGXCPU, -signal.SIGKILL):
            return LimitError(
                f"It took more than {counted(self.limits.processor_s, 'second')} of a "
                "processor, or all of the machine's memory."
            )
        if code in (-signal.SIGABRT, -signal.SIGSEGV):
            return self._beyond_memory(" or broke")
        return LimitError(f"It broke, and ended with {code}.")

    def _beyond_memory(self, otherwise: str = "") -> LimitError:
        return LimitError(
            f"It took more than {self.limits.memory_bytes / 2**20:,.0f} MiB of memory"
            f"{otherwise}."
        )

    def _end_late(self) -> None:
        self._late = True
        self._kill()

    def _kill(self) -> None:
        """Ends it, and whatever it has started where it was not confined."""
        if self._unconfined or self._process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _environment(home: str) -> dict[str, str]:
    """No secret is in it, and nothing that libraries keep anywhere."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return kept | {
        "HOME": home,
        "TMPDIR": home,
        "PYTHONPATH": str(_SOURCES),
        "OMP_NUM_THREADS": "1",
        "ORT_DISABLE_TELEMETRY": "1",
    }
