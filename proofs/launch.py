# SPDX-License-Identifier: Apache-2.0
"""Starts halmos, with two things changed: `python launch.py ARGUMENTS...`."""

from __future__ import annotations

import gc
import sys
from typing import Any

import z3
import z3.z3
from halmos import __main__, sevm
from halmos.bitvec import HalmosBitVec
from halmos.exceptions import InfeasiblePath, NotConcreteError

# perf: most of the time goes into Python's side of z3, which would check each
# argument's type, and into collecting what is still in use.
z3.z3.Z3_DEBUG = False
gc.set_threshold(50_000, 20, 50)

MOST_MS = 60_000


def only_value(conditions: list[Any], term: Any) -> int:
    """The one value that a term can have under a path's conditions.

    Raises:
        InfeasiblePath: It can have none: nothing ever comes this way.
        NotConcreteError: It can have two, or nobody knows in time.
    """
    solver = z3.Solver()
    solver.set(timeout=MOST_MS)
    solver.add(*conditions)
    answer = solver.check()
    if answer == z3.unsat:
        raise InfeasiblePath
    if answer != z3.sat:
        raise NotConcreteError("nobody knows a model of the path in time")
    value = solver.model().eval(term, model_completion=True)
    solver.add(term != value)
    if solver.check() != z3.unsat:
        raise NotConcreteError("two values, or nobody knows in time")
    return int(value.as_long())


def where(ex: Any, check_size: bool = True) -> int:
    """Where in memory; halmos would give up on what is no number at first sight."""
    term = ex.st.topi()
    try:
        return int(known(ex, check_size=check_size))
    except NotConcreteError:
        value = only_value(list(ex.path.conditions), term.as_z3())
        ex.st.push(HalmosBitVec(value))
        return int(known(ex, check_size=check_size))


def function(name: str, *sorts: z3.SortRef) -> z3.FuncDeclRef:
    """An unknown function; halmos takes bytes for bits where it is SHA-256."""
    start = "f_sha256_"
    if name.startswith(start):
        size = int(name.removeprefix(start))
        sorts = (z3.BitVecSort(8 * size), *sorts[1:])
    return z3.Function(name, *sorts)


def product(
    x: HalmosBitVec, y: HalmosBitVec, *, abstraction: Any = None
) -> HalmosBitVec:
    """A product; halmos leaves it open where both factors are unknown.

    Vyper's `min` and `max` multiply by a truth value, which is a choice.
    """
    for flag, other in ((x, y), (y, x)):
        term = flag.value
        if isinstance(term, int) or not z3.is_app_of(term, z3.Z3_OP_ITE):
            continue
        ways = [one.as_long() for one in term.children()[1:] if z3.is_bv_value(one)]
        if sorted(ways) == [0, 1] and not other.is_concrete:
            chosen = [z3.BitVecVal(0, x.size), other.value]
            return HalmosBitVec(
                z3.If(term.arg(0), chosen[ways[0]], chosen[ways[1]]), size=x.size
            )
    return multiplied(x, y, abstraction=abstraction)


known, multiplied = sevm.Exec.mloc, HalmosBitVec.mul
sevm.Exec.mloc, HalmosBitVec.mul = where, product
sevm.Function = function

if __name__ == "__main__":
    sys.exit(__main__.main())
