# SPDX-License-Identifier: Apache-2.0
"""The inner half of confinement: a program shuts itself in, and answers questions.

What strangers made is looked at by a process of its own, which gives away everything
first that it could do harm with: whatever it is made to do then, it can compute, and
write to whoever started it. `modelmarket.system.confinement` is the outer half.

On Linux seccomp allows it the system calls of a program that reads and writes what is
open already, and takes and gives back memory: no file is opened, no socket, process or
thread made, no memory made executable. It binds each thread that a library has
started. See seccomp(2), and for the program's words linux/filter.h. Everywhere
`setrlimit` bounds processor time and memory, and an alarm all time.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

Told = dict[str, Any]
"""What is asked or answered, as JSON."""
Answer = Callable[[Told, bytes], tuple[Told, bytes]]
"""Answers a question that came with bytes."""
Answers = Callable[[BinaryIO | None], dict[str, Answer]]
"""What can be asked about a file, by its name; the file is open, and none may be."""

MOST_HEADER_BYTES = 2**20
"""Of a question or an answer, without the bytes behind it."""

MOST_FILES = 65_536
NO_MEMORY = ("bad_alloc", "Failed to allocate memory", "BFCArena::Extend")

# linux/prctl.h, linux/seccomp.h, linux/bpf_common.h
_NO_NEW_PRIVILEGES, _SIGNAL_OF_PARENT = 38, 1
_SET_FILTER, _FOR_ALL_THREADS = 1, 1
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _MACHINE, _THIRD_ARGUMENT = 0, 4, 16 + 8 * 2
"""Where things stand in `struct seccomp_data`; the low half of an argument first."""
_ANY_BITS = 0x45
_ALLOWED, _REFUSED, _KILLED = 0x7FFF_0000, 0x0005_0000 | errno.EPERM, 0x8000_0000
_EXECUTABLE = 4
_OTHER_ABI = 0x4000_0000
"""From here on are numbers of a second kind, of x86 alone."""


HARMLESS = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "pread64": (17, 67),
    "readv": (19, 65),
    "writev": (20, 66),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "getpid": (39, 172),
    "exit": (60, 93),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "times": (100, 153),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "rseq": (334, 293),
}
"""Calls that may be made as they please: their numbers on x86_64 and on aarch64, by
asm/unistd_64.h and asm-generic/unistd.h."""
MAPPING = {"mmap": (9, 222), "mprotect": (10, 226)}
"""Calls whose third argument must not make memory executable."""
MACHINES = {"x86_64": (0, 0xC000_003E), "aarch64": (1, 0xC000_00B7)}
"""Which of the numbers a machine has, and what the kernel calls it; linux/audit.h."""
SECCOMP = (317, 277)
"""The number of seccomp(2)."""


@dataclass(frozen=True)
class Limits:
    """What a confined program may use.

    Attributes:
        memory_bytes: Beside what it has when it shuts itself in.
        processor_s: Seconds of a processor.
        wall_s: Seconds in all.
        answer_bytes: Of one answer.
    """

    memory_bytes: int = 4 * 2**30
    processor_s: int = 600
    wall_s: int = 600
    answer_bytes: int = 2**20


class UnconfinableError(Exception):
    """This machine cannot confine a program."""


class _Step(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("then", ctypes.c_ubyte),
        ("otherwise", ctypes.c_ubyte),
        ("operand", ctypes.c_uint),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.POINTER(_Step)))


def filter_of(machine: str) -> list[tuple[int, int, int, int]]:
    """The filter: code, steps to skip if so, and if not, and operand.

    Raises:
        KeyError: Nothing is known of such a machine.
    """
    which, audit = MACHINES[machine]
    found = [
        (_LOAD, 0, 0, _MACHINE),
        (_EQUAL, 1, 0, audit),
        (_RETURN, 0, 0, _KILLED),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _OTHER_ABI),
        (_RETURN, 0, 0, _KILLED),
    ]
    for numbers in HARMLESS.values():
        found += [(_EQUAL, 0, 1, numbers[which]), (_RETURN, 0, 0, _ALLOWED)]
    for numbers in MAPPING.values():
        found += [
            (_EQUAL, 0, 4, numbers[which]),
            (_LOAD, 0, 0, _THIRD_ARGUMENT),
            (_ANY_BITS, 0, 1, _EXECUTABLE),
            (_RETURN, 0, 0, _REFUSED),
            (_RETURN, 0, 0, _ALLOWED),
        ]
    return [*found, (_RETURN, 0, 0, _REFUSED)]


def limit(limits: Limits) -> None:
    """Bounds memory and time for good, as far as the system can."""
    import resource

    signal.setitimer(signal.ITIMER_REAL, limits.wall_s)

    taken = _memory_now()
    for name, most in (
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_CPU", limits.processor_s),
        ("RLIMIT_AS", taken + limits.memory_bytes),
    ):
        which = getattr(resource, name, None)
        if which is not None:
            try:
                resource.setrlimit(which, (most, most))
            except (OSError, ValueError):
                continue  # some systems have the name, and no such limit


def _memory_now() -> int:
    """Bytes of address space that this process has; 0 where nobody says."""
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def shut_in() -> None:
    """Gives up all but computing, reading and writing, for good.

    Raises:
        UnconfinableError: It did not work; says why.
    """
    machine = platform.machine()
    if sys.platform != "linux" or machine not in MACHINES:
        raise UnconfinableError(f"{platform.system()} on {machine} has no such way")
    libc = ctypes.CDLL(None, use_errno=True)
    steps = [_Step(*one) for one in filter_of(machine)]
    program = _Program(len(steps), (_Step * len(steps))(*steps))
    libc.prctl(_SIGNAL_OF_PARENT, signal.SIGKILL, 0, 0, 0)
    number = SECCOMP[MACHINES[machine][0]]
    # It binds this thread alone unless it is told to bind all.
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.syscall(
        number, _SET_FILTER, _FOR_ALL_THREADS, ctypes.byref(program)
    ):
        raise UnconfinableError(f"seccomp: {os.strerror(ctypes.get_errno())}")
    # A filter that lets something through would be worse than none.
    for what, attempt in (
        ("a file", lambda: os.open(os.devnull, os.O_RDONLY)),
        ("a socket", socket.socket),
        ("a process", os.fork),
    ):
        try:
            found = attempt()
        except OSError:
            continue
        if found == 0:
            os._exit(1)  # the process that should not be
        raise UnconfinableError(f"seccomp did not refuse {what}")


def serve(answers_about: Answers) -> None:
    """Shuts this process in, and answers what is asked until nobody asks any more.

    All that is needed must have been imported: no module is found any more.

    Args:
        answers_about: Gives what can be asked. What it raises is told in words.
    """
    asked, told = sys.stdin.buffer, sys.stdout.buffer
    # Whatever a library prints must not pass for an answer.
    sys.stdout = sys.stderr
    first = json.loads(asked.readline())
    number = first["file"]
    _close_all_but(0, 1, 2, number)
    file = None if number is None else os.fdopen(number, "rb")
    answers = answers_about(file)
    limit(Limits(**first["limits"]))
    try:
        if first["confined"]:
            shut_in()
    except UnconfinableError as error:
        _tell(told, {"unconfinable": str(error)})
        return
    _tell(told, {"ready": True})
    while line := asked.readline():
        question = json.loads(line)
        data = asked.read(question.pop("bytes", 0))
        try:
            answer, behind = answers[question.pop("ask")](question, data)
        except Exception as error:  # noqa: BLE001  # strangers' files break everything
            answer, behind = _problem(error), b""
        _tell(told, answer, behind)


def _close_all_but(*kept: int | None) -> None:
    """Closes whatever libraries have opened."""
    most = os.sysconf("SC_OPEN_MAX")
    for number in range(3, min(most, MOST_FILES)):
        if number not in kept:
            with suppress(OSError):
                os.close(number)


def _problem(error: Exception) -> Told:
    """What went wrong, as an answer; libraries of C++ have their words for memory."""
    said = str(error)
    if isinstance(error, MemoryError) or any(one in said for one in NO_MEMORY):
        return {"beyond": "memory"}
    return {"problem": f"{type(error).__name__}: {said}"}


def _tell(told: BinaryIO, answer: Told, behind: bytes = b"") -> None:
    line = json.dumps({**answer, "bytes": len(behind)}).encode()
    if len(line) > MOST_HEADER_BYTES:
        line = json.dumps({"problem": "there is too much to tell", "bytes": 0}).encode()
        behind = b""
    told.write(line + b"\n" + behind)
    told.flush()


def as_told(limits: Limits) -> Told:
    """Limits as the first line has them."""
    return asdict(limits)
