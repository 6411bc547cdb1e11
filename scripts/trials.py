# SPDX-License-Identifier: Apache-2.0
"""What becomes of mutants: the contract tests run against each, side by side.

The tests that reach a mutated line come first, the quickest before the slow,
and the first that fails decides.
"""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from mutation import SOURCES, Mutant

ROOT = Path(__file__).parents[1]
MOST_SECONDS = 180
PACKING = ("", "create", "schedule", "stakes", "load", "store")
ALONE = {"labels.vy": (), "ranking.vy": (), "seals.vy": (), "requests.vy": PACKING}
"""Modules that have tests of their own, in `MODULES`: for these functions, or all."""
MODULES = "test_modules.py"


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant."""

    name: str
    line: int
    fate: str
    """killed, survived, the same bytecode, or does not compile."""
    by: str
    """The test that failed first, or the compiler's word."""


@dataclass(frozen=True)
class Known:
    """What the sources do as they are."""

    bytecodes: dict[str, bytes]
    seconds: dict[str, float]
    """How long each test takes."""
    reaching: dict[tuple[str, int], set[str]]
    """The tests that run a line."""

    def order(self, mutant: Mutant) -> list[str]:
        """The tests that can notice a mutant, the likeliest and quickest first.

        Those that never come to its statement cannot, but for those that run in a
        machine that keeps no lines.
        """
        first, last = mutant.extent
        entering = {
            test
            for (file, line), tests in self.reaching.items()
            if file == mutant.file and first <= line <= last
            for test in tests
        }
        traced = {test for tests in self.reaching.values() for test in tests}
        able = [
            test
            for test in self.seconds
            if not entering or test in entering or test not in traced
        ]
        return sorted(able, key=lambda test: self.seconds[test])


class _Baseline:
    """Notes for each test how long it takes and which lines it runs."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.reaching: dict[tuple[str, int], set[str]] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] += report.duration

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        coverage = sys.modules["contracts.vyper_coverage"]
        for place, times in coverage.RECORDER.lines().items():
            if times:
                self.reaching.setdefault(place, set()).add(nodeid)
        coverage.RECORDER.__init__()


class _Order:
    """Chooses and sorts the tests, and remembers which one failed first."""

    def __init__(self, order: list[str]) -> None:
        self._places = {test: place for place, test in enumerate(order)}
        self.failed = self.when = ""

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = [item for item in items if item.nodeid in self._places]
        items.sort(key=lambda item: self._places[item.nodeid])

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.failed:
            self.when = report.when
            self.failed = report.nodeid.removeprefix("tests/contracts/")


def _run_tests(plugin: Any, *options: str) -> int:
    """Runs the contract tests in this process, in silence."""
    import pytest

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    quietly = ("-p", "no:randomly", "-p", "no:cacheprovider", "--assert=plain")
    # Whether there is an example matters, not which is the smallest.
    import hypothesis

    hypothesis.settings.register_profile(
        "found is enough", deadline=None, phases=[hypothesis.Phase.generate]
    )
    tests = str(ROOT / "tests" / "contracts")
    return pytest.main(
        [
            *quietly,
            "--hypothesis-profile=found is enough",
            "--hypothesis-seed=0",
            *options,
            tests,
        ],
        plugins=[plugin],
    )


def _compile(sources: Path, changed: str = "") -> dict[str, bytes]:
    """The bytecode of both contracts, the one that changed out of a folder."""
    world: Any = importlib.import_module("contracts.world")
    # The compiler makes millions of objects and hardly a cycle.
    gc.disable()
    # `compiled` remembers, so that the tests use what is made here.
    names = ("ModelCoin", "ModelMarket")
    for name in names[:: -1 if changed == "ModelCoin.vy" else 1]:
        is_changed = (name == "ModelCoin") is (changed == "ModelCoin.vy")
        world.SOURCES = sources if is_changed else SOURCES
        world.compiled(name)
    gc.enable()
    return {name: bytes(world.compiled(name).compiler_data.bytecode) for name in names}


def _fails_alone(sources: Path, tests: list[str]) -> str:
    """The first test of a module by itself that fails; empty if none does.

    The modules compile in a fraction of the time that the market takes.
    """
    world: Any = importlib.import_module("contracts.world")
    world.SOURCES = sources
    world.compiled.cache_clear()
    order = _Order(tests)
    _run_tests(order, "-x")
    world.compiled.cache_clear()
    # What does not compile fails before, and is not killed.
    return order.failed if order.when == "call" else ""


def _know() -> Known:
    """Runs every test on the sources as they are."""
    baseline = _Baseline()
    importlib.import_module("contracts.vyper_coverage").install()
    bytecodes = _compile(SOURCES)
    if _run_tests(baseline):
        raise RuntimeError("The contract tests fail without any mutant.")
    return Known(bytecodes, dict(baseline.seconds), baseline.reaching)


def _try(mutant: Mutant, known: Known) -> Verdict:
    """Runs the tests on one mutant, until the first of them fails."""
    machine: Any = importlib.import_module("contracts.machine")

    def verdict(fate: str, by: str = "") -> Verdict:
        return Verdict(mutant.name, mutant.line, fate, by)

    # Of processor time: on a busy machine the clock says nothing.
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
        (Path(folder) / mutant.file).write_text(mutant.source())
        alone = [test for test in known.order(mutant) if MODULES in test]
        functions = ALONE.get(mutant.file)
        is_alone = functions == () or mutant.function in (functions or ())
        if is_alone and (found := _fails_alone(Path(folder), alone)):
            return verdict("killed", found)
        try:
            bytecodes = _compile(Path(folder), mutant.file)
        except Exception as error:  # noqa: BLE001  # the compiler has many
            return verdict("does not compile", type(error).__name__)
        if bytecodes == known.bytecodes:
            return verdict("the same bytecode")
        artifact = machine.artifact
        machine.artifact = lambda name: replace(
            artifact(name), bytecode="0x" + bytecodes[name].hex()
        )
        order = _Order(known.order(mutant))
        _run_tests(order, "-x")
        return verdict("killed", order.failed) if order.failed else verdict("survived")


def _forked(work: Callable[[], Any], result: Path) -> int:
    """Has a child do a piece of work and leave what it returns in a file."""
    if child := os.fork():
        return child
    code = 1
    try:
        result.write_bytes(pickle.dumps(work()))
        code = 0
    finally:
        os._exit(code)


def try_all(chosen: list[Mutant]) -> Iterator[Verdict]:
    """Tries mutants side by side, each in a child of its own."""
    # Loaded once, for all the children.
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]
    import boa  # noqa: F401  # slow to load, and used by all the children

    for module in ("contracts.stateful", "contracts.vyper_coverage"):
        importlib.import_module(module)

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "known"
        os.waitpid(_forked(_know, place), 0)
        if not place.exists():
            sys.exit("The contract tests fail without any mutant: see pytest.")
        known: Known = pickle.loads(place.read_bytes())  # noqa: S301  # our own

        waiting, running = list(reversed(chosen)), dict[int, tuple[Mutant, Path]]()
        while waiting or running:
            while waiting and len(running) < (os.cpu_count() or 1):
                mutant = waiting.pop()
                place = Path(folder) / str(len(waiting))
                running[_forked(partial(_try, mutant, known), place)] = mutant, place
            child, status = os.wait()
            mutant, place = running.pop(child)
            yield (
                pickle.loads(place.read_bytes())  # noqa: S301  # our own
                if place.exists()
                else Verdict(mutant.name, mutant.line, "killed", f"status {status}")
            )
