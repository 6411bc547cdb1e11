# SPDX-License-Identifier: Apache-2.0
"""Small lies that can be put into the contracts: where, and which.

Every comparison of the Vyper sources is flipped, every operator swapped,
every constant moved by one, every assertion and statement dropped and every
condition fixed, one at a time.
"""

from __future__ import annotations

import io
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import vyper.ast as vy_ast
from compile import sources
from markets import Market

SOURCES = Path(__file__).parents[1] / "contracts"

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

    @property
    def places(self) -> frozenset[tuple[str, int]]:
        """The file and the lines of its statement."""
        first, last = self.extent
        return frozenset((self.file, line) for line in range(first, last + 1))

    @property
    def files(self) -> frozenset[str]:
        """The one that it changes."""
        return frozenset((self.file,))

    def put(self, folder: Path) -> None:
        """Changes a copy of the sources."""
        path = folder / self.file
        text = path.read_text()
        path.write_text(text[: self.start] + self.text + text[self.end :])


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


def mutants(market: Market) -> list[Mutant]:
    """All of a market, in the order of the sources, none twice."""
    found: dict[tuple[str, int, int, str], Mutant] = {}
    for path in sources(market.contracts):
        if path.name not in market.files:
            continue
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
