# SPDX-License-Identifier: Apache-2.0
"""What the tests of a market deploy: its contracts as they are, or with a lie in them.

A contract with a lie is compiled when a test first asks for it: most lies are found out
by a test of one contract alone.
"""

from __future__ import annotations

import gc
import importlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from markets import Market


def compile_in_half_the_time() -> None:
    """The compiler's optimizer goes over each expression anew for all that it is part
    of; here what it has left as it is is left so.

    The bytecode is the same: `Deployed` holds that of the sources against what is
    shipped.
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


class Deployed:
    """Stands where tests get their contracts from, in titanoboa and in revm.

    Raises:
        RuntimeError: If a contract is shipped as another than its source says.
    """

    def __init__(self, market: Market) -> None:
        # Not before: they take seconds, and whoever lists mutants needs none of it.
        sources: Any = importlib.import_module("contracts.sources")
        machine: Any = importlib.import_module("contracts.machine")
        self._sources = sources
        self._compile = sources.compiled.__wrapped__
        self._shipped = machine.artifact
        self._found: dict[str, Any] = {}
        self.refused = ""
        """What the compiler said to a lie; empty if it has taken all so far."""
        sources.compiled, machine.artifact = self.compiled, self.artifact
        for name in market.deployed:
            shipped = self._shipped(name).bytecode.removeprefix("0x")
            if self.bytecode(name).hex() != shipped:
                raise RuntimeError(f"{name} is shipped as another: `make compile`.")

    def lie(self, sources: Path, contracts: Iterable[str]) -> None:
        """Has these contracts, and what tests compile alone, come from other sources."""
        self._sources.SOURCES = sources
        self._sources.search()
        for name in contracts:
            del self._found[name]

    def compiled(self, name: str) -> Any:
        """A deployer of a contract."""
        if name not in self._found:
            # The compiler makes millions of objects that stay, and hardly a cycle.
            gc.disable()
            try:
                found = self._compile(name)
                _ = found.compiler_data.bytecode
            except Exception as error:
                self.refused = type(error).__name__
                raise
            finally:
                gc.freeze()
                gc.enable()
            self._found[name] = found
        return self._found[name]

    def bytecode(self, name: str) -> bytes:
        """What makes a contract."""
        return bytes(self.compiled(name).compiler_data.bytecode)

    def artifact(self, name: str) -> Any:
        """A contract as it would be shipped."""
        return replace(self._shipped(name), bytecode="0x" + self.bytecode(name).hex())
