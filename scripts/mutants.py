# SPDX-License-Identifier: Apache-2.0
"""Mutation testing of the contracts: `python scripts/mutants.py [--again]`.

Every comparison of the Vyper sources is flipped, every operator swapped,
every constant moved by one, every assertion and statement dropped and every
condition fixed, one at a time. Each mutant is compiled and the contract tests
run against it until the first of them fails; those that reach the mutated
line come first, the quickest before the slow. Whoever survives must stand in
`tests/contracts/survivors.toml` with a reason, as equivalent or not.

The verdicts are kept in `benchmarks/mutants.json`, from which the docs take
their figures. `--again` tries only those that survived the last time, or were not reached.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import io
import json
import os
import pickle
import shutil
import signal
import sys
import tempfile
import tokenize
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import vyper.ast as vy_ast

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "contracts"
RESULT = ROOT / "benchmarks" / "mutants.json"
SURVIVORS = ROOT / "tests" / "contracts" / "survivors.toml"
LEAST_PERCENT = 95.0
MOST_SECONDS = 180
PACKING = ("", "create", "schedule", "stakes", "load", "store")
ALONE = {"labels.vy": (), "ranking.vy": (), "seals.vy": (), "requests.vy": PACKING}
"""Modules that have tests of their own, in `MODULES`: for these functions, or all."""
MODULES = "test_modules.py"

SWAPS = {
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "==": ("!=",),
    "!=": ("==",),
    "+": ("-",),
    "-": ("+",),
    "*": ("//",),
    "//": ("*",),
    "%": ("//",),
    "**": ("*",),
    "&": ("|",),
    "|": ("&",),
    "<<": (">>",),
    ">>": ("<<",),
    "~": ("",),
    "+=": ("-=", "="),
    "-=": ("+=", "="),
    "and": ("or",),
    "or": ("and",),
    "not": ("",),
    "in": ("not in",),
    "True": ("False",),
    "False": ("True",),
    "min": ("max",),
    "max": ("min",),
    "unsafe_add": ("unsafe_sub",),
    "unsafe_sub": ("unsafe_add",),
    "unsafe_mul": ("unsafe_add",),
}
"""What a token may be mistaken for."""


DROPPABLE = (
    vy_ast.Assign,
    vy_ast.AugAssign,
    vy_ast.Expr,
    vy_ast.Log,
    vy_ast.Assert,
    vy_ast.Break,
)
STATEMENTS = (*DROPPABLE, vy_ast.AnnAssign, vy_ast.Return, vy_ast.If, vy_ast.For)


@dataclass(frozen=True)
class Mutant:
    """One small lie in the sources."""

    file: str
    function: str
    """In which it stands; empty at the top of a module."""
    extent: tuple[int, int]
    """The statement's lines; none at the top of a module."""
    line: int
    was: str
    """The lines that it touches, as they are."""
    became: str
    start: int
    """Where it is put, in characters of the file."""
    end: int
    text: str
    occurrence: int = 1
    """Which of those that read the same in their function."""

    @property
    def name(self) -> str:
        """What it is called where reasons are given: no line numbers."""
        again = f" #{self.occurrence}" if self.occurrence > 1 else ""
        return f"{self.file} {self.function}: {self.was} => {self.became}{again}"

    def source(self) -> str:
        """The file with the mutant in it."""
        text = (SOURCES / self.file).read_text()
        return text[: self.start] + self.text + text[self.end :]


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant."""

    name: str
    line: int
    fate: str
    """killed, survived, the same bytecode, or does not compile."""
    by: str
    """The test that failed first, or the compiler's word."""


# --- where mutants come from ---


class _Source:
    """A file, and where its lines begin."""

    def __init__(self, path: Path) -> None:
        self.file = path.name
        self.text = path.read_text()
        self.lines = self.text.splitlines(keepends=True)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))
        self.module = vy_ast.parse_to_ast(self.text)
        self.functions = self.module.get_children(vy_ast.FunctionDef)

    def at(self, line: int, column: int) -> int:
        return self.starts[line - 1] + column

    def function(self, line: int) -> str:
        for node in self.functions:
            if node.lineno <= line <= node.end_lineno:
                return str(node.name)
        return ""

    def extent(self, line: int) -> tuple[int, int]:
        """The lines of the statement around a line, without what is inside it."""
        around = [(0, -1)]
        for function in self.functions:
            for node in function.get_descendants(STATEMENTS):
                last = node.end_lineno
                if isinstance(node, (vy_ast.If, vy_ast.For)):
                    last = max(node.lineno, node.body[0].lineno - 1)
                # The compiler loses the place of a loop's variable.
                if function.lineno < node.lineno <= line <= last:
                    around.append((node.lineno, last))
        return around[-1]

    def mutant(self, start: int, end: int, text: str) -> Mutant:
        line = self.text.count("\n", 0, start) + 1
        last = self.text.count("\n", 0, max(start, end - 1)) + 1
        before, after = self.starts[line - 1], self.starts[last]
        return Mutant(
            file=self.file,
            function=self.function(line),
            extent=self.extent(line),
            line=line,
            was=" ".join(self.text[before:after].split()),
            became=" ".join(
                (self.text[before:start] + text + self.text[end:after]).split()
            ),
            start=start,
            end=end,
            text=text,
        )


def _of_tokens(source: _Source) -> Iterator[Mutant]:
    """Operators swapped and numbers moved by one, wherever they stand."""
    in_subscript_of_type = ("String", "DynArray", "Bytes")
    before = ""
    inside: list[bool] = []
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        start, end = source.at(*token.start), source.at(*token.end)
        if token.string == "[":
            inside.append(before in in_subscript_of_type)
        elif token.string == "]":
            inside.pop()
        if token.type == tokenize.NUMBER and not any(inside):
            number = int(token.string.replace("_", ""))
            for other in (number + 1, number - 1):
                if other >= 0:
                    yield source.mutant(start, end, str(other))
        elif token.type in (tokenize.OP, tokenize.NAME):
            is_loop = source.lines[token.start[0] - 1].lstrip().startswith("for ")
            if not (token.string == "in" and is_loop):
                for swapped in SWAPS.get(token.string, ()):
                    yield source.mutant(start, end, swapped)
        before = token.string


def _of_statements(source: _Source) -> Iterator[Mutant]:
    """Statements dropped and conditions fixed."""
    for function in source.functions:
        for node in function.get_descendants(DROPPABLE):
            first = source.lines[node.lineno - 1]
            is_text = isinstance(node, vy_ast.Expr) and first.lstrip()[:3] == '"""'
            if not is_text:
                column = len(first) - len(first.lstrip())
                start = source.at(node.lineno, column)
                yield source.mutant(start, source.starts[node.end_lineno] - 1, "pass")
        for node in function.get_descendants(vy_ast.If):
            start = source.at(node.test.lineno, node.test.col_offset)
            end = source.at(node.test.end_lineno, node.test.end_col_offset)
            for fixed in ("True", "False"):
                yield source.mutant(start, end, fixed)


def mutants() -> list[Mutant]:
    """All of them, in the order of the sources, none twice."""
    found: dict[tuple[str, int, int, str], Mutant] = {}
    for path in sorted(SOURCES.glob("*.vy")):
        source = _Source(path)
        for one in [*_of_tokens(source), *_of_statements(source)]:
            found.setdefault((one.file, one.start, one.end, one.text), one)
    ordered = sorted(found.values(), key=lambda one: (one.file, one.start, one.end))
    seen: Counter[str] = Counter()
    numbered = []
    for one in ordered:
        seen[one.name] += 1
        numbered.append(replace(one, occurrence=seen[one.name]))
    return numbered


# --- what becomes of them ---


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

        Those that never come to its statement cannot, but for the state machine,
        which runs in a machine that keeps no lines.
        """
        first, last = mutant.extent
        entering = {
            test
            for (file, line), tests in self.reaching.items()
            if file == mutant.file and first <= line <= last
            for test in tests
        }
        able = [
            test
            for test in self.seconds
            if not entering or test in entering or "stateful" in test
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


# --- side by side ---


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


# --- what is said of them ---


@dataclass(frozen=True)
class Reason:
    """Why a survivor may live."""

    mutant: str
    equivalent: bool
    reason: str


def reasons() -> dict[str, Reason]:
    """By the names of the mutants."""
    document = tomllib.loads(SURVIVORS.read_text()) if SURVIVORS.exists() else {}
    return {one["mutant"]: Reason(**one) for one in document.get("survivor", [])}


def summary(verdicts: list[Verdict], known: dict[str, Reason]) -> dict[str, Any]:
    """The figures, as they are kept."""
    fates = Counter(one.fate for one in verdicts)
    survived = [one for one in verdicts if one.fate == "survived"]
    equivalent = [
        one for one in survived if one.name in known and known[one.name].equivalent
    ]
    living = len(survived) - len(equivalent)
    killed = fates["killed"]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "mutants": len(verdicts),
        "killed": killed,
        "equivalent": len(equivalent) + fates["the same bytecode"],
        "not_compiling": fates["does not compile"],
        "survived": living,
        "percent": round(100 * killed / max(1, killed + living), 1),
    }


def keep(every: list[Mutant], verdicts: dict[str, Verdict]) -> dict[str, Any]:
    """Writes the verdicts that there are; returns the figures."""
    found = [verdicts[one.name] for one in every if one.name in verdicts]
    figures = {"possible": len(every), **summary(found, reasons())}
    document = {**figures, "verdicts": [asdict(one) for one in found]}
    RESULT.write_text(json.dumps(document, indent=1) + "\n")
    return figures


def main() -> None:
    """Tries mutants, prints and keeps what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--again",
        action="store_true",
        help="only those that survived the last time, or were not reached",
    )
    arguments = parser.parse_args()
    every = mutants()
    verdicts: dict[str, Verdict] = {}
    chosen = every
    if arguments.again:
        document = json.loads(RESULT.read_text())
        verdicts = {one["name"]: Verdict(**one) for one in document["verdicts"]}
        chosen = [
            one
            for one in every
            if one.name not in verdicts or verdicts[one.name].fate == "survived"
        ]
    tried = Counter[str]()
    for verdict in try_all(chosen):
        verdicts[verdict.name] = verdict
        tried[verdict.fate] += 1
        if verdict.fate == "survived":
            print(f"survived: line {verdict.line}, {verdict.name}")
        if tried.total() % 25 == 0 or tried.total() == len(chosen):
            said = ", ".join(f"{count} {fate}" for fate, count in tried.items())
            print(f"{tried.total()} of {len(chosen)}: {said}", flush=True)
            keep(every, verdicts)
    figures = keep(every, verdicts)
    found = [verdicts[one.name] for one in every]
    known = reasons()
    print(json.dumps(figures, indent=1))
    survived = {one.name for one in found if one.fate == "survived"}
    for name in sorted(survived - set(known)):
        print(f"without a reason: {name}")
    for name in sorted(set(known) - survived):
        print(f"stale reason: {name}")
    is_good = survived == set(known) and figures["percent"] >= LEAST_PERCENT
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
