# SPDX-License-Identifier: Apache-2.0
"""What becomes of mutants: their market's tests run against each, side by side.

The tests that reach a mutated line come first, the quickest before the slow,
and the first that fails decides. Random stories are left out: what they find
depends on their seed. Of tests with random examples, lies about meaning meet
only those examples that are written down.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import multiprocessing
import os
import pickle
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from itertools import count, zip_longest
from pathlib import Path
from typing import Any

from compile import hash_of
from deployed import Deployed, compile_in_half_the_time
from markets import ROOT, Market
from mutation import SOURCES, Mutant
from patches import Patch

Lie = Mutant | Patch

PACKING = ("", "create", "schedule", "stakes", "load", "store")
ALONE = {"labels.vy": (), "ranking.vy": (), "seals.vy": (), "requests.vy": PACKING}
"""Modules that have tests of their own, in `MODULES`: for these functions, or all."""
MODULES = "test_modules.py"
SHARES = 4
"""In so many parts the tests are run before any mutant."""


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant."""

    name: str
    line: int
    fate: str
    """killed, survived, the same bytecode, or does not compile."""
    by: str
    """The test that failed first, or the compiler's word."""
    sources: str
    """SHA-256 of the lie and of what it changes: for so long the verdict holds."""


def changed_by(lie: Lie) -> str:
    """SHA-256 over a lie and the sources that it changes."""
    said = lie.path.read_text() if isinstance(lie, Patch) else lie.name
    told = hash_of(SOURCES / one for one in sorted(lie.files))
    return hashlib.sha256(f"{told}\0{said}".encode()).hexdigest()


@dataclass(frozen=True)
class Known:
    """What the sources do as they are."""

    seconds: dict[str, float]
    """How long each test takes."""
    reaching: dict[tuple[str, int], set[str]]
    """The tests that run a line."""
    calling: dict[str, set[str]]
    """The contracts that a test may call in a machine that keeps no lines."""

    def order(self, market: Market, lie: Lie, first: AbstractSet[str]) -> list[str]:
        """The tests that can notice a lie, the likeliest and quickest first.

        Likeliest are those of `first`, which noticed others that stood beside it. Those that never come to a mutant's statement cannot, nor those that call no
        contract that it is part of; those that come to a patch's lines are only likelier
        to. Of what stands in no statement all tests can that come to its file.
        """
        entering = self._reaching(market, lie)
        if isinstance(lie, Patch):
            entering = entering or self._reaching_next(lie)
            able = list(self.seconds)
        else:
            traced = {test for tests in self.reaching.values() for test in tests}
            changed = market.changed(lie.files)
            able = [
                test
                for test in self.seconds
                if not entering
                or test in entering
                or (test not in traced and changed & self.calling.get(test, changed))
            ]
        return sorted(
            able,
            key=lambda test: (
                test not in first, test not in entering, self.seconds[test]
            ),
        )  # fmt: skip

    def _reaching(self, market: Market, lie: Lie) -> set[str]:
        """The tests that run a lie's lines, or those of its file."""
        if lie.places:
            places = lie.places
        else:
            files = market.importing(lie.files)
            places = frozenset(one for one in self.reaching if one[0] in files)
        return {test for place in places for test in self.reaching.get(place, ())}

    def _reaching_next(self, patch: Patch) -> set[str]:
        """The tests that run the next line that any runs: of a decorator, say."""
        place = max(patch.places)
        after = [one for one in self.reaching if one[0] == place[0] and one > place]
        return self.reaching[min(after)] if after else set()


class _Baseline:
    """Notes for each test how long it takes, which lines it runs, and whom it calls."""

    def __init__(self, share: int) -> None:
        self._share = share
        self.seconds: Counter[str] = Counter()
        self.reaching: dict[tuple[str, int], set[str]] = {}
        self.calling: dict[str, set[str]] = {}
        self._called: set[str] = set()

    def listen(self, machines: Any) -> None:
        """Notes from here on what is deployed where a test calls something."""
        deploy, send = machines.deploy, machines.send
        deployed: dict[Any, set[str]] = {}

        def deploying(machine: Any, name: str, *arguments: Any) -> Any:
            deployed.setdefault(machine, set()).add(name)
            return deploy(machine, name, *arguments)

        def sending(machine: Any, *arguments: Any, **options: Any) -> Any:
            self._called |= deployed.get(machine, set())
            return send(machine, *arguments, **options)

        machines.deploy, machines.send = deploying, sending

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = items[self._share :: SHARES]

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] += report.duration

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        coverage = sys.modules["contracts.vyper_coverage"]
        for place, times in coverage.RECORDER.lines().items():
            if times:
                self.reaching.setdefault(place, set()).add(nodeid)
        coverage.RECORDER.__init__()
        if self._called:
            self.calling[nodeid], self._called = self._called, set()


class _Failure:
    """Remembers which test failed first, and when: in its setup, its call, after."""

    def __init__(self) -> None:
        self.test = self.when = ""
        self.is_first = True
        """Whether no other test ran before it."""

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.test:
            self.test, self.when = report.nodeid, report.when

    def pytest_runtest_logfinish(self) -> None:
        self.is_first = self.is_first and bool(self.test)


class _Collected:
    """Has the tests collected, once for all lies, and hands them on instead of
    running them.
    """

    def __init__(self, use: Callable[[dict[str, Any]], None]) -> None:
        self._use = use

    def pytest_runtestloop(self, session: Any) -> bool:
        tests = {item.nodeid: item for item in session.items}
        # Children do not walk, and so copy, what is here before them.
        gc.freeze()
        self._use(tests)
        return True


def _pytest(market: Market, *plugins: Any, is_random: bool = True) -> int:
    """Runs a market's tests in this process, in silence."""
    import pytest

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    quietly = ("-p", "no:randomly", "-p", "no:cacheprovider", "--assert=plain", "-s")
    # Whether there is an example matters, not which is the smallest.
    import hypothesis

    phase = hypothesis.Phase.generate if is_random else hypothesis.Phase.explicit
    hypothesis.settings.register_profile(
        "found is enough", deadline=None, phases=[phase]
    )
    return pytest.main(
        [
            *quietly,
            "--hypothesis-profile=found is enough",
            "--hypothesis-seed=0",
            *(f"--ignore={market.tests / one}" for one in market.left_out),
            str(market.tests),
        ],
        plugins=plugins,
    )


def _know(market: Market, share: int, *, is_random: bool) -> Known:
    """Runs a share of the tests on the sources as they are."""
    baseline = _Baseline(share)
    importlib.import_module("contracts.vyper_coverage").install()
    baseline.listen(importlib.import_module("contracts.machine").Machine)
    if _pytest(market, baseline, is_random=is_random):
        raise RuntimeError("The tests fail without any mutant.")
    return Known(dict(baseline.seconds), baseline.reaching, baseline.calling)


def _know_all(
    market: Market, folder: Path, processes: int, *, is_random: bool
) -> Known:
    """The same of all tests, the shares side by side; what is there is used."""
    places = [folder / f"{market.room}-{share}" for share in range(SHARES)]
    missing = [share for share, place in enumerate(places) if not place.exists()]
    for begun, share in enumerate(missing):
        if begun >= processes:
            os.wait()
        _forked(partial(_know, market, share, is_random=is_random), places[share])
    for _ in missing[-processes:]:
        os.wait()
    if not all(place.exists() for place in places):
        sys.exit(f"The tests of {market.tests} fail without any mutant: see pytest.")
    known: list[Known] = [
        pickle.loads(place.read_bytes())  # noqa: S301  # our own
        for place in places
    ]
    reaching: dict[tuple[str, int], set[str]] = {}
    for one in known:
        for line, tests in one.reaching.items():
            reaching.setdefault(line, set()).update(tests)
    seconds = {test: time for one in known for test, time in one.seconds.items()}
    calling = {test: called for one in known for test, called in one.calling.items()}
    return Known(seconds, reaching, calling)


@dataclass(frozen=True)
class _Trial:
    """Where lies are tried: each in a child, of which nothing is left."""

    market: Market
    known: Known
    deployed: Deployed
    tests: dict[str, Any]
    """All of them, by name, as pytest has collected them."""
    failure: _Failure

    def attempt(
        self, lie: Lie, first: AbstractSet[str], only: str
    ) -> tuple[Verdict, bool]:
        """What becomes of a lie, and whether no test came before that which decided."""
        return self.judge(lie, first, only), self.failure.is_first

    def judge(self, lie: Lie, first: AbstractSet[str], only: str = "") -> Verdict:
        """Runs the tests on one lie, or `only` one, until the first of them fails."""

        def verdict(fate: str, by: str = "") -> Verdict:
            room = f"tests/{self.market.room}/"
            return Verdict(
                lie.name, lie.line, fate, by.removeprefix(room), changed_by(lie)
            )

        # Of processor time: on a busy machine the clock says nothing.
        signal.setitimer(signal.ITIMER_PROF, self.market.most_seconds)
        order = self.known.order(self.market, lie, first)
        # What is of one contract needs no other compiled.
        order.sort(key=lambda test: (test not in first, self._is_of_all(test)))
        order = [only] if only else order
        changed = self.market.changed(lie.files)
        with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
            shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
            lie.put(Path(folder))
            before = {name: self.deployed.bytecode(name) for name in changed}
            self.deployed.lie(Path(folder), changed)
            if isinstance(lie, Mutant) and _has_tests_alone(lie):
                killer = self._run([test for test in order if MODULES in test])
                # What does not compile fails before, and is not killed.
                if killer and self.failure.when == "call":
                    return verdict("killed", killer)
                self.failure.test = ""
            try:
                # One that differs is enough.
                is_same = all(
                    self.deployed.bytecode(name) == before[name]
                    for name in self.market.deployed
                    if name in changed
                )
                if is_same:
                    return verdict("the same bytecode")
                killer = self._run(order)
            except Exception as error:
                if not self.deployed.refused:
                    raise
                return verdict("does not compile", type(error).__name__)
            if self.deployed.refused:
                return verdict("does not compile", self.deployed.refused)
            return verdict("killed", killer) if killer else verdict("survived")

    def control(self) -> str:
        """The first test that fails where nothing is lied about; empty if none does.

        As lies are tried: contracts compiled when they are asked for, and tests in the
        order of their lengths. Else all that fails so would be taken for killed.
        """
        with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
            shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
            self.deployed.lie(Path(folder), self.market.deployed)
            return self._run(sorted(self.tests, key=self.known.seconds.__getitem__))

    def _is_of_all(self, test: str) -> bool:
        """Whether a test has a whole market deployed."""
        return "world" in getattr(self.tests.get(test), "fixturenames", ())

    def _run(self, names: Sequence[str]) -> str:
        """The first of some tests that fails; empty if none does."""
        tests = [self.tests[name] for name in names if name in self.tests]
        for test, following in zip_longest(tests, tests[1:]):
            test.ihook.pytest_runtest_protocol(item=test, nextitem=following)
            if self.failure.test:
                break
        return self.failure.test


def _has_tests_alone(mutant: Mutant) -> bool:
    functions = ALONE.get(mutant.file)
    return functions == () or mutant.function in (functions or ())


def _place(lie: Lie) -> str:
    """What lies share that stand beside each other: a file, and a function."""
    of = lie.function if isinstance(lie, Mutant) else ""
    return " ".join((*sorted(lie.files), of))


def _forked(work: Callable[[], Any], result: Path) -> int:
    """Has a child do a piece of work and leave in a file what it returns, or the text
    of what went wrong.
    """
    if child := os.fork():
        return child
    try:
        found = work()
    except BaseException:  # noqa: BLE001  # it is told
        found = traceback.format_exc()
    part = result.with_suffix(".part")
    part.write_bytes(pickle.dumps(found))
    part.replace(result)
    os._exit(0)


def _refuse_false_kills(trial: _Trial, place: Path) -> str:
    """What fails without a lie, in words; empty for nothing, as the file then says."""
    if not place.exists():
        _forked(trial.control, place)
        os.wait()
    found = pickle.loads(place.read_bytes())  # noqa: S301  # our own
    if found:
        place.unlink()
        return f"This fails where nothing was lied about: {found}"
    return ""


def _judge_all(trial: _Trial, chosen: Sequence[Lie], processes: int) -> Iterator[Any]:
    """The verdicts as they come; a text, the last, says what went wrong.

    A test that fails after others is run again alone. If it passes then, it is what
    they left behind that it found, and no lie.
    """
    waiting = [(lie, "") for lie in reversed(chosen)]
    running: dict[int, tuple[Lie, str, Path]] = {}
    numbers = count()
    killers: dict[str, set[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        while waiting or running:
            while waiting and len(running) < processes:
                lie, only = waiting.pop()
                place = Path(folder) / str(next(numbers))
                first = killers.get(_place(lie), frozenset[str]())
                attempt = partial(trial.attempt, lie, first, only)
                running[_forked(attempt, place)] = lie, only, place
            child, status = os.wait()
            lie, only, place = running.pop(child)
            if place.exists():
                found = pickle.loads(place.read_bytes())  # noqa: S301  # our own
                if isinstance(found, str):
                    yield found
                    return
                verdict, is_first = found
                killer = f"tests/{trial.market.room}/{verdict.by}"
                is_killed = verdict.fate == "killed"
                if only and not is_killed:
                    yield f"{only} fails under {lie.name} after other tests only."
                    return
                if is_killed and not is_first:
                    waiting.append((lie, killer))
                    continue
                if is_killed:
                    killers.setdefault(_place(lie), set()).add(killer)
                yield verdict
            else:
                ended = signal.Signals(os.WTERMSIG(status)).name
                yield Verdict(lie.name, lie.line, "killed", ended, changed_by(lie))


def try_all(
    market: Market,
    chosen: Sequence[Lie],
    processes: int,
    baseline: Path | None = None,
) -> Iterator[Verdict]:
    """Tries lies about a market side by side, each in a child of its own.

    What the tests do without any is kept in the folder `baseline` and taken from
    there, for runs on the same sources and tests.
    """
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]
    import boa  # slow to load, and used by all the children

    compile_in_half_the_time()
    with tempfile.TemporaryDirectory() as folder:
        boa.interpret.set_cache_dir(f"{folder}/compiled")
        deployed = Deployed(market)
        is_random = all(isinstance(one, Mutant) for one in chosen)
        at = baseline or Path(folder)
        known = _know_all(market, at, processes, is_random=is_random)
        # Pytest has a process to itself, and keeps silent there.
        telling = multiprocessing.get_context("fork")
        hears, says = telling.Pipe(duplex=False)

        def judge(tests: dict[str, Any]) -> None:
            trial = _Trial(market, known, deployed, tests, failure)
            if wrong := _refuse_false_kills(trial, at / f"{market.room}-control"):
                says.send(wrong)
                return
            for found in _judge_all(trial, chosen, processes):
                says.send(found)

        failure = _Failure()
        court = telling.Process(
            target=partial(_pytest, is_random=is_random),
            args=(market, _Collected(judge), failure),
        )
        court.start()
        says.close()
        try:
            for _ in chosen:
                found: Verdict | str = hears.recv()
                if isinstance(found, str):
                    sys.exit(f"A lie could not be tried:\n{found}")
                yield found
        except EOFError:
            sys.exit(f"The tests of {market.tests} cannot be collected: see pytest.")
        finally:
            court.terminate()
            court.join()
