# SPDX-License-Identifier: Apache-2.0
"""Line and branch coverage of the Vyper sources, as `pytest --vyper-coverage`.

titanoboa's own plugin loses the arcs of `if` statements over several lines
and of calls in conditions. Here a line is covered when any of its
instructions ran; a branch by the number of times that the condition was
evaluated and that its body was entered: fewer entries than evaluations mean
that the other way was taken.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import vyper.ast as vy_ast
from boa.environment import Env

SOURCES = Path(__file__).parents[2] / "contracts"
LEAST_PERCENT = 98.0

Place = tuple[str, int]
"""A file's name and a line."""


def functions_of(module: Any) -> Iterator[Any]:
    """A module's functions, but for constructors, which run once."""
    for node in module.get_children(vy_ast.FunctionDef):
        if node.name != "__init__":
            yield node


class Recorder:
    """How often each line ran: as often as its busiest instruction."""

    def __init__(self) -> None:
        self._ran: dict[Any, Counter[int]] = {}

    def record(self, computation: Any, contract: Any) -> None:
        """Adds what a call ran."""
        is_call = contract is not None and not computation.msg.is_create
        if is_call and hasattr(contract, "source_map"):
            ran = self._ran.setdefault(contract.compiler_data, Counter())
            ran.update(computation.code._trace)

    def lines(self) -> Counter[Place]:
        """How often each line ran, over all contracts that have it.

        Lines without an instruction of their own are not among them.
        """
        total: Counter[Place] = Counter()
        for data, ran in self._ran.items():
            lines: Counter[Place] = Counter()
            for pc, node in data.source_map["pc_raw_ast_map"].items():
                path = Path(node.module_node.resolved_path)
                if path.parent == SOURCES:
                    place = (path.name, node.lineno)
                    lines[place] = max(lines[place], ran[pc])
            for place, times in lines.items():
                total[place] += times
        return total


RECORDER = Recorder()


def install() -> None:
    """Has titanoboa report every call to the recorder."""

    def trace(self: Env, computation: Any, contract: Any = None) -> None:
        RECORDER.record(computation, contract)
        for child in computation.children:
            if child.msg.code_address:
                trace(self, child, self._lookup_contract_fast(child.msg.code_address))

    Env._coverage_enabled = True
    Env._trace_computation = trace


class Report:
    """Lines and branches of a file, covered and not."""

    def __init__(self, path: Path, ran: Counter[Place]) -> None:
        self.name = path.name
        self.lines: dict[int, bool] = {}
        self.branches: dict[tuple[int, bool], bool] = {}
        module = vy_ast.parse_to_ast(path.read_text())
        self._ran = {
            line: times for (name, line), times in ran.items() if name == path.name
        }
        for function in functions_of(module):
            self._walk(function.body)

    def _counts(self, node: Any) -> list[int]:
        """How often each line of a statement, or of a condition, ran."""
        part = node.test if isinstance(node, vy_ast.If) else node
        if isinstance(node, vy_ast.For):
            part = node.iter
        lines = range(node.lineno, (part.end_lineno or node.lineno) + 1)
        return [self._ran[line] for line in lines if line in self._ran]

    def _entered(self, body: list[Any]) -> int:
        """How often a block was entered: by its first statement that has
        instructions of its own, as often as its laziest line."""
        for node in body:
            if counts := self._counts(node):
                return min(counts)
        return 0

    def _walk(self, statements: list[Any]) -> None:
        for node in statements:
            if counts := self._counts(node):
                self.lines[node.lineno] = max(counts) > 0
            if isinstance(node, vy_ast.If):
                evaluated = max(counts, default=0)
                entered = self._entered(node.body)
                self.branches[node.lineno, True] = entered > 0
                other = (
                    self._entered(node.orelse) > 0
                    if node.orelse
                    else evaluated > entered
                )
                self.branches[node.lineno, False] = other
                self._walk(node.body)
                self._walk(node.orelse)
            elif isinstance(node, vy_ast.For):
                self._walk(node.body)

    @property
    def percent(self) -> float:
        every = [*self.lines.values(), *self.branches.values()]
        return 100 * sum(every) / len(every) if every else 100.0

    def missing(self) -> str:
        lines = [str(line) for line, hit in self.lines.items() if not hit]
        ways = [
            f"{line} {'true' if way else 'false'}"
            for (line, way), hit in self.branches.items()
            if not hit
        ]
        return ", ".join(lines + ways)


# --- the plugin ---


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--vyper-coverage", action="store_true", help="cover the Vyper sources"
    )
    parser.addoption(
        "--vyper-coverage-to", type=Path, help="write the figures to a JSON file"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--vyper-coverage"):
        install()
        config.pluginmanager.register(_Plugin(), "vyper-coverage")


class _Plugin:
    def __init__(self) -> None:
        self._merged: Counter[Place] = Counter()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        for name, line, times in getattr(node, "workeroutput", {}).get("vyper", []):
            self._merged[name, line] += times

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)
        ran = [(name, line, times) for (name, line), times in RECORDER.lines().items()]
        if output is not None:
            output["vyper"] = ran
            return
        for name, line, times in ran:
            self._merged[name, line] += times
        self._reports = [
            Report(path, self._merged) for path in sorted(SOURCES.glob("*.vy"))
        ]
        totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for report in self._reports:
            for hit in [*report.lines.values(), *report.branches.values()]:
                totals["all"][0] += hit
                totals["all"][1] += 1
        self._total = 100 * totals["all"][0] / totals["all"][1]
        target = session.config.getoption("--vyper-coverage-to")
        if target is not None:
            document = {
                "percent": round(self._total, 2),
                "files": [
                    {
                        "name": one.name,
                        "lines": [sum(one.lines.values()), len(one.lines)],
                        "branches": [sum(one.branches.values()), len(one.branches)],
                    }
                    for one in self._reports
                ],
            }
            target.write_text(json.dumps(document, indent=1) + "\n")
        if self._total < LEAST_PERCENT and not session.testsfailed:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        write = terminalreporter.write_line
        terminalreporter.section("coverage of the Vyper sources")
        for one in self._reports:
            lines, branches = one.lines.values(), one.branches.values()
            write(
                f"{one.name:16} {sum(lines):4}/{len(lines):<4} lines "
                f"{sum(branches):4}/{len(branches):<4} branches {one.percent:6.1f}% "
                f" {one.missing()}"
            )
        verdict = "" if self._total >= LEAST_PERCENT else f" is under {LEAST_PERCENT}%"
        write(f"{'together':47} {self._total:6.1f}%{verdict}")
