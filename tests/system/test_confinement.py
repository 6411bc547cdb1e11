# SPDX-License-Identifier: Apache-2.0
"""What strangers made runs in a process that can compute, and do nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelmarket.errors import ConfinementError, LimitError, ModelMarketError
from modelmarket.models.inspecting.inspect import PROGRAM as LOOKING
from modelmarket.models.onnx.strangers import PROGRAM as RUNNING
from modelmarket.system.confined import HARMLESS, MACHINES, MAPPING, filter_of
from modelmarket.system.confinement import Confined, Limits, ProblemError

SERVE = "from modelmarket.system.confined import serve\n"
SMALL = Limits(memory_bytes=256 * 2**20, processor_s=20, wall_s=120)

ATTEMPTS = f"""
import ctypes, mmap, os, signal, socket, subprocess, sys, threading
{SERVE}
libc = ctypes.CDLL(None, use_errno=True)

def system(name, *arguments):
    if getattr(libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)

ATTEMPTS = {{
    "read a file": lambda: open("/etc/hostname").read(),
    "write a file": lambda: open("written", "w"),
    "read what it is started from": lambda: open("/proc/self/environ").read(),
    "look into a folder": lambda: os.listdir("."),
    "ask what there is": lambda: os.stat("/etc/shadow"),
    "remove a file": lambda: os.unlink(sys.argv[0]),
    "make a folder": lambda: os.mkdir("folder"),
    "link a file": lambda: os.symlink("/etc", "link"),
    "rename a file": lambda: os.rename("a", "b"),
    "allow a file": lambda: os.chmod(".", 0o777),
    "go elsewhere": lambda: os.chdir("/"),
    "open a socket": lambda: socket.socket(),
    "open a socket of this machine's": lambda: socket.socket(socket.AF_UNIX),
    "open two": lambda: socket.socketpair(),
    "make a process": os.fork,
    "run a program": lambda: subprocess.run(["true"]),
    "become a program": lambda: os.execv("/bin/true", ["true"]),
    "start a thread": lambda: threading.Thread(target=print).start(),
    "end another process": lambda: os.kill(os.getppid(), 0),
    "look into another process": lambda: system("ptrace", 16, os.getppid(), 0, 0),
    "run what it has written": lambda: mmap.mmap(
        -1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    ),
    "take back its limits": lambda: __import__("resource").setrlimit(
        __import__("resource").RLIMIT_CPU, (9, 9)
    ),
    "leave its namespaces": lambda: system("unshare", 0x10000000),
    "make a file of memory": lambda: os.memfd_create("x"),
    "watch for events": lambda: __import__("select").epoll(),
    "duplicate what is open": lambda: os.dup(0),
    "make a pipe": os.pipe,
    "change its filter": lambda: system("prctl", 22, 2, 0, 0, 0),
}}

def attempt(question, data):
    try:
        ATTEMPTS[question["what"]]()
    except PermissionError:
        return {{"refused": True}}, b""
    except ValueError as error:  # Python's own word for a limit that is refused
        return {{"refused": "not allowed" in str(error)}}, b""
    except RuntimeError as error:  # and for a thread
        return {{"refused": "start new thread" in str(error)}}, b""
    return {{"refused": False}}, b""

import resource, select
serve(lambda file: {{
    "attempt": attempt,
    "names": lambda *_: ({{"names": list(ATTEMPTS)}}, b""),
}})
"""


def program(code: str) -> tuple[str, str]:
    return "-c", code


@pytest.fixture(scope="module")
def shut_in() -> Iterator[Confined]:
    with Confined(program(ATTEMPTS), SMALL) as found:
        yield found


def attempts() -> list[str]:
    lines = ATTEMPTS.splitlines()
    return [line.split('"')[1] for line in lines if line.startswith('    "')][:28]


def test_what_is_attempted_is_all_that_is_tried(shut_in: Confined) -> None:
    told, _ = shut_in.ask("names", {})
    assert told["names"] == attempts()


@pytest.mark.parametrize("what", attempts())
def test_a_confined_program__cannot(shut_in: Confined, what: str) -> None:
    told, _ = shut_in.ask("attempt", {"what": what})
    assert told == {"refused": True}


def answering(code: str, *, before: str = "", limits: Limits = SMALL) -> Confined:
    """A program with one answer, `do`."""
    body = "".join(f"    {line}\n" for line in code.splitlines())
    text = f"{SERVE}{before}\ndef do(question, data):\n{body}\n"
    return Confined(program(f"{text}serve(lambda file: {{'do': do}})"), limits)


def test_it_is_told_bytes_and_answers_bytes() -> None:
    echo = "return {'of': question['of']}, data[::-1]"
    with answering(echo) as found:
        for data in (b"", b"a\nb", bytes(range(256)) * 4_096):
            assert found.ask("do", {"of": "it"}, data) == ({"of": "it"}, data[::-1])


def test_what_a_library_prints_is_no_answer() -> None:
    with answering("print('{}'); return {'a': 1}, b''") as found:
        assert found.ask("do", {}) == ({"a": 1}, b"")


def test_it_reads_the_file_that_it_is_given_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "given"
    path.write_bytes(b"so many bytes")
    code = f"{SERVE}serve(lambda file: {{'do': lambda *_: ({{}}, file.read())}})"
    with path.open("rb") as file, Confined(program(code), SMALL, file=file) as found:
        assert found.ask("do", {}) == ({}, b"so many bytes")


def test_it_knows_nothing_of_what_this_program_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MODELMARKET_PASSPHRASE", "secret")
    with answering(
        "return {'env': sorted(os.environ), 'cwd': os.getcwd()}, b''",
        before="import os",
    ) as found:
        # getcwd(2) is no call that it may make.
        with pytest.raises(ProblemError):
            found.ask("do", {})
    before = "import os\nknown = sorted(os.environ)"
    with answering("return {'env': known}, b''", before=before) as found:
        told, _ = found.ask("do", {})
    assert set(told["env"]) <= {
        *("HOME", "LANG", "LC_CTYPE", "OMP_NUM_THREADS", "ORT_DISABLE_TELEMETRY"),
        *("PATH", "PYTHONPATH", "TMPDIR"),
    }


def test_what_it_cannot_do_is_told_in_its_words_and_it_goes_on() -> None:
    with answering("return {'half': 1 / question['by']}, b''") as found:
        with pytest.raises(ProblemError, match="ZeroDivisionError: division by zero"):
            found.ask("do", {"by": 0})
        assert found.ask("do", {"by": 2}) == ({"half": 0.5}, b"")


BEYOND: dict[str, tuple[str, Limits, str]] = {
    "memory": (
        "return {'n': len(bytearray(2**40))}, b''",
        SMALL,
        "It took more than 256 MiB of memory",
    ),
    "memory-bit-by-bit": (
        "found = []\nwhile True: found.append(bytes(2**20))",
        SMALL,
        "It took more than 256 MiB of memory",
    ),
    "processor": (
        "while True: pass",
        Limits(processor_s=1, wall_s=60),
        "It took more than 1 second of a processor",
    ),
    "time": (
        "import time\ntime.sleep(60)",
        Limits(processor_s=60, wall_s=5),
        "It took longer than 5 seconds.",
    ),
    "ends": ("import os\nos._exit(3)", SMALL, "It broke, and ended with 3"),
    "breaks": (
        "import ctypes\nctypes.string_at(0)",
        SMALL,
        "memory or broke",
    ),
}


@pytest.mark.parametrize("what", BEYOND)
def test_what_goes_beyond_a_limit__is_ended(what: str) -> None:
    code, limits, said = BEYOND[what]
    with answering(code, before="import ctypes, os, time", limits=limits) as found:
        with pytest.raises(LimitError) as told:
            found.ask("do", {})
        assert said in told.value.message
        assert told.value.exit_code == 10


LIES = {
    "no-json": b"nothing\n",
    "no-end": b"{" * (2**20 + 2),
    "a-list": b"[1]\n",
    "no-size": b"{}\n",
    "size-of-a-word": b'{"bytes": "7"}\n',
    "below-0": b'{"bytes": -1}\n',
    "too-many": b'{"bytes": 1048577}\n',
    "too-many-brackets": b'{"a": [' + b"[]," * 60_000 + b"[]]}\n",
    "too-few": b'{"bytes": 7}\n123456',
    "deep": b"[" * 100_000 + b"\n",
    "nothing": b"",
}


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_is_none__is_told_as_such(lie: str) -> None:
    code = f"os.write(1, {LIES[lie][:99]!r} + {LIES[lie][99:100]!r} * {len(LIES[lie]) - 99})"
    if len(LIES[lie]) < 100:
        code = f"os.write(1, {LIES[lie]!r})"
    if lie == "deep":
        code += "\nos.write(1, b'\\n')"
    code += "\nos._exit(0)"
    with answering(code, before="import os") as found, pytest.raises(LimitError):
        found.ask("do", {})


UNABLE = {
    "of-an-unknown-machine": "confined.platform.machine = lambda: 'riscv64'",
    "of-another-system": "confined.sys = type('s', (), {'platform': 'darwin'})",
    "that-refuses-nothing": "confined._REFUSED = confined._ALLOWED",
    "without-seccomp": "confined._SET_FILTER = 9_999",
}


@pytest.mark.parametrize("why", UNABLE)
def test_a_machine__cannot_confine(why: str) -> None:
    code = f"""
from modelmarket.system import confined
import sys
out = sys.stdout.buffer
{UNABLE[why]}
confined.sys = sys
{"confined.platform.system = lambda: 'Plan 9'" if "unknown" in why else ""}
confined.serve(lambda file: {{}})
"""
    if why == "of-another-system":
        code = f"{SERVE}import sys\nsys.platform = 'darwin'\nserve(lambda file: {{}})"
    with pytest.raises(ConfinementError) as told:
        Confined(program(code), SMALL)
    assert "This machine cannot confine a stranger's model" in told.value.message
    assert "--unconfined" in told.value.hint
    assert told.value.exit_code == 10


def test_without_confinement__the_limits_stay() -> None:
    code = f"{SERVE}import os\nserve(lambda file: {{'do': lambda *_: ({{}}, os.getcwd().encode())}})"
    with Confined(program(code), SMALL, unconfined=True) as found:
        _, folder = found.ask("do", {})
        assert Path(os.fsdecode(folder)).is_dir()
    assert not Path(os.fsdecode(folder)).exists()
    code = f"{SERVE}serve(lambda file: {{'do': lambda *_: (bytes(2**40), b'')}})"
    with Confined(program(code), SMALL, unconfined=True) as found:
        with pytest.raises(LimitError, match="256 MiB"):
            found.ask("do", {})


def test_what_is_closed_has_ended() -> None:
    with answering("return {}, b''") as found:
        process: Any = found._process
    assert process.returncode is not None
    found.close()


def test_a_thread_that_a_library_has_started_is_shut_in_too() -> None:
    """It waits for a word, and tries then what the others may not."""
    before = """
import os, threading
asked, tried = threading.Event(), threading.Event()
said = []
def work():
    asked.wait()
    for attempt in (lambda: os.open("/etc/hostname", 0), os.fork):
        try:
            attempt()
            said.append("done")
        except PermissionError:
            said.append("refused")
    tried.set()
threading.Thread(target=work, daemon=True).start()
"""
    code = "asked.set()\ntried.wait(10)\nreturn {'said': said}, b''"
    with answering(code, before=before) as found:
        assert found.ask("do", {}) == ({"said": ["refused", "refused"]}, b"")


def test_what_a_library_has_opened_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "mine"
    path.write_text("mine")
    before = f"import os\nnumber = os.open({str(path)!r}, os.O_RDWR)"
    with answering(
        "return {'n': os.write(number, b'theirs')}, b''", before=before
    ) as it:
        with pytest.raises(ProblemError, match="Bad file descriptor"):
            it.ask("do", {})
    assert path.read_text() == "mine"


REAL = {"onnx": RUNNING, "inspecting": LOOKING}


@pytest.mark.parametrize("name", REAL)
def test_the_real_programs_have_one_thread_and_nothing_open(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    with path.open("rb") as file, Confined(REAL[name], SMALL, file=file) as found:
        process = Path(f"/proc/{found._process.pid}")
        tasks = list((process / "task").iterdir())
        said = [(one / "status").read_text() for one in tasks]
        opened = {one.name: str(one.readlink()) for one in (process / "fd").iterdir()}
        number = str(file.fileno())
        home = Path(found._folder.name)
        assert list(home.rglob("*")) == []
    assert len(tasks) == 1
    assert all("Seccomp:\t2" in one and "NoNewPrivs:\t1" in one for one in said)
    assert set(opened) == {"0", "1", "2", number}
    assert opened["2"] == os.devnull


OF_ANOTHER = """
import os, signal, sys, time
from modelmarket.system.confinement import Confined, Limits

code = "from modelmarket.system.confined import serve; import time\\n"
code += "serve(lambda file: {'do': lambda *_: time.sleep(60)})"
found = Confined(("-c", code), Limits(wall_s=50))
print(found._process.pid, flush=True)
if sys.argv[1] == "interrupted":
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    signal.alarm(1)
try:
    with found:
        found.ask("do", {})
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="other systems have no seccomp, and run no models"
)


def is_gone(number: int) -> bool:
    """Whether a process ends within some seconds."""
    for _ in range(100):
        try:
            if "Z" in Path(f"/proc/{number}/stat").read_text().split(")")[1][:3]:
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("how", ["interrupted", "killed"])
def test_it_ends_with_whoever_has_started_it(how: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", OF_ANOTHER, how], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    number = int(process.stdout.readline())
    if how == "killed":
        process.kill()
    process.wait(20)
    process.stdout.close()
    assert is_gone(number)


def test_what_cannot_begin_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    real = subprocess.Popen

    def kept(*words: Any, **options: Any) -> Any:
        started.append(real(*words, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", kept)
    monkeypatch.setattr(Confined, "_begin", interrupted)
    with pytest.raises(KeyboardInterrupt):
        answering("return {}, b''")
    [process] = started
    assert process.returncode is not None
    monkeypatch.undo()
    with pytest.raises(ModelMarketError, match="does not start") as told:
        Confined(program("raise SystemExit(4)"), SMALL)
    assert told.value.exit_code == 1


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_without_confinement__what_it_has_started_ends_with_it() -> None:
    code = f"{SERVE}import os, time\nserve(lambda file: {{'do': lambda *_: (os.fork(), time.sleep(60))}})"
    limits = Limits(wall_s=5)
    begin = time.monotonic()
    with Confined(program(code), limits, unconfined=True) as found:
        with pytest.raises(LimitError, match="longer than 5 seconds"):
            found.ask("do", {})
    assert time.monotonic() - begin < 50


@pytest.mark.parametrize("machine", MACHINES)
def test_a_filter__has_each_call_once_and_refuses_all_others(machine: str) -> None:
    which, _ = MACHINES[machine]
    numbers = [one[which] for one in (*HARMLESS.values(), *MAPPING.values())]
    assert len(set(numbers)) == len(numbers)
    steps = filter_of(machine)
    assert steps[-1] == (0x06, 0, 0, 0x0005_0001)
    assert len(steps) < 4_096


def test_the_program_is_one_that_python_finds_alone() -> None:
    """No folder that this one was started in, and nothing of its own site."""
    code = f"{SERVE}import sys\nserve(lambda file: {{'do': lambda *_: ({{'p': sys.path}}, b'')}})"
    with Confined(program(code), SMALL) as found:
        told, _ = found.ask("do", {})
    assert "" not in told["p"]
    assert str(Path.cwd()) not in told["p"]
