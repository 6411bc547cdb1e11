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
import os
import pickle
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from compile import hash_of
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

    bytecodes: dict[str, bytes]
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


class _Order:
    """Chooses and sorts the tests, and remembers which one failed first."""

    def __init__(self, market: Market, order: list[str]) -> None:
        self._room = f"tests/{market.room}/"
        self._places = {test: place for place, test in enumerate(order)}
        self.failed = self.when = ""

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = [item for item in items if item.nodeid in self._places]
        items.sort(key=lambda item: self._places[item.nodeid])

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.failed:
            self.when = report.when
            self.failed = report.nodeid.removeprefix(self._room)


def _run_tests(
    market: Market, plugin: Any, *options: str, is_random: bool = True
) -> int:
    """Runs a market's tests in this process, in silence."""
    import pytest

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    quietly = ("-p", "no:randomly", "-p", "no:cacheprovider", "--assert=plain")
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
            *options,
            str(market.tests),
        ],
        plugins=[plugin],
    )


def _world(market: Market) -> Any:
    """The module that compiles a market's contracts for its tests."""
    return importlib.import_module(f"{market.room}.world")


def _compile(
    market: Market, sources: Path = SOURCES, changed: frozenset[str] = frozenset()
) -> dict[str, bytes]:
    """The bytecode of a market's contracts, those that changed out of a folder."""
    world = _world(market)
    # The compiler makes millions of objects and hardly a cycle.
    gc.disable()
    compiled, world.SOURCES = world.compiled, SOURCES
    found = {name: compiled(name) for name in market.deployed}
    # Whoever has imported it by now finds nothing there that is no lie.
    compiled.cache_clear()
    # What is compiled last says where tests find the modules that they compile alone.
    world.SOURCES = sources
    found |= {name: compiled.__wrapped__(name) for name in sorted(changed)}
    gc.enable()
    world.compiled = found.__getitem__
    return {name: bytes(one.compiler_data.bytecode) for name, one in found.items()}


def _compile_in_half_the_time() -> None:
    """The compiler's optimizer goes over each expression anew for all that it is part
    of; here what it has left as it is is left so.

    The bytecode is the same: `_know` holds that of the sources against what is shipped.
    """
    optimizer: Any = importlib.import_module("vyper.ir.optimizer")
    slowly = optimizer._optimize  # noqa: SLF001  # there is no other way in

    def optimize(node: Any, parent: Any) -> tuple[bool, Any]:
        below = parent.value if parent is not None else None
        if below in vars(node).get("settled", ()):
            return False, node
        is_changed, found = slowly(node, parent)
        vars(found).setdefault("settled", set()).add(below)
        return is_changed, found

    optimizer._optimize = optimize  # noqa: SLF001  # there is no other way in


def _fails_alone(market: Market, sources: Path, tests: list[str]) -> str:
    """The first test of a module by itself that fails; empty if none does.

    The modules compile in a fraction of the time that the market takes.
    """
    world = _world(market)
    world.SOURCES = sources
    world.compiled.cache_clear()
    order = _Order(market, tests)
    _run_tests(market, order, "-x")
    world.compiled.cache_clear()
    # What does not compile fails before, and is not killed.
    return order.failed if order.when == "call" else ""


def _know(market: Market, share: int, *, is_random: bool) -> Known:
    """Runs a share of the tests on the sources as they are."""
    baseline = _Baseline(share)
    importlib.import_module("contracts.vyper_coverage").install()
    baseline.listen(importlib.import_module("contracts.machine").Machine)
    bytecodes = _compile(market)
    shipped = importlib.import_module("contracts.machine").artifact
    for name, code in bytecodes.items():
        if code.hex() != shipped(name).bytecode.removeprefix("0x"):
            raise RuntimeError(f"{name} is shipped as another: `make compile`.")
    if _run_tests(market, baseline, is_random=is_random):
        raise RuntimeError("The tests fail without any mutant.")
    return Known(bytecodes, dict(baseline.seconds), baseline.reaching, baseline.calling)


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
    return Known(known[0].bytecodes, seconds, reaching, calling)


def _has_tests_alone(mutant: Mutant) -> bool:
    functions = ALONE.get(mutant.file)
    return functions == () or mutant.function in (functions or ())


def _try(
    market: Market, lie: Lie, known: Known, first: AbstractSet[str] = frozenset()
) -> Verdict:
    """Runs the tests on one lie, until the first of them fails."""
    machine: Any = importlib.import_module("contracts.machine")

    def verdict(fate: str, by: str = "") -> Verdict:
        return Verdict(lie.name, lie.line, fate, by, changed_by(lie))

    # Of processor time: on a busy machine the clock says nothing.
    signal.setitimer(signal.ITIMER_PROF, market.most_seconds)
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
        lie.put(Path(folder))
        if isinstance(lie, Mutant) and _has_tests_alone(lie):
            alone = [
                test for test in known.order(market, lie, first) if MODULES in test
            ]
            if found := _fails_alone(market, Path(folder), alone):
                return verdict("killed", found)
        try:
            bytecodes = _compile(market, Path(folder), market.changed(lie.files))
        except Exception as error:  # noqa: BLE001  # the compiler has many
            return verdict("does not compile", type(error).__name__)
        if bytecodes == known.bytecodes:
            return verdict("the same bytecode")
        artifact = machine.artifact
        machine.artifact = lambda name: replace(
            artifact(name), bytecode="0x" + bytecodes[name].hex()
        )
        order = _Order(market, known.order(market, lie, first))
        _run_tests(market, order, "-x", is_random=isinstance(lie, Mutant))
        return verdict("killed", order.failed) if order.failed else verdict("survived")


def _place(lie: Lie) -> str:
    """What lies share that stand beside each other: a file, and a function."""
    of = lie.function if isinstance(lie, Mutant) else ""
    return " ".join((*sorted(lie.files), of))


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
    # Loaded once, for all the children.
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]
    import boa  # slow to load, and used by all the children

    _compile_in_half_the_time()
    for module in ("contracts.machine", "contracts.vyper_coverage"):
        importlib.import_module(module)

    with tempfile.TemporaryDirectory() as folder:
        boa.interpret.set_cache_dir(f"{folder}/compiled")
        for name in market.deployed:
            _world(market).compiled(name)
        is_random = all(isinstance(one, Mutant) for one in chosen)
        at = baseline or Path(folder)
        known = _know_all(market, at, processes, is_random=is_random)
        waiting, running = list(reversed(chosen)), dict[int, tuple[Lie, Path]]()
        killers: dict[str, set[str]] = {}
        while waiting or running:
            while waiting and len(running) < processes:
                lie = waiting.pop()
                place = Path(folder) / str(len(waiting))
                first = killers.get(_place(lie), frozenset[str]())
                attempt = partial(_try, market, lie, known, first)
                running[_forked(attempt, place)] = lie, place
            child, status = os.wait()
            lie, place = running.pop(child)
            if place.exists():
                verdict: Verdict = pickle.loads(place.read_bytes())  # noqa: S301  # our own
                if verdict.fate == "killed":
                    killer = f"tests/{market.room}/{verdict.by}"
                    killers.setdefault(_place(lie), set()).add(killer)
                yield verdict
            elif os.WIFSIGNALED(status):
                ended = signal.Signals(os.WTERMSIG(status)).name
                yield Verdict(lie.name, lie.line, "killed", ended, changed_by(lie))
            else:
                sys.exit(f"{lie.name} could not be tried: see above.")
