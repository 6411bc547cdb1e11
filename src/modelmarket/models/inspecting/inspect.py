# SPDX-License-Identifier: Apache-2.0
"""Has a process of its own look into a file, and tells what it saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

from modelmarket.errors import ConfinementError, LimitError, how_to_install
from modelmarket.system.confinement import Confined, Limits, ProblemError

PROGRAM = ("-m", "modelmarket.models.inspecting.confined_looking")
LIMITS = Limits(memory_bytes=2 * 2**30, processor_s=60, wall_s=120)
NO_ONNX = f"It may be an ONNX model: `{how_to_install('onnx')}` to look into it."


@dataclass(frozen=True)
class Inspected:
    """What is in a file.

    Attributes:
        path: Where it is, from the folder that was inspected.
        size: In bytes.
        kind: What it is, whatever it is called.
        facts: What is so; sentences.
        dangers: What could harm whoever opens it; sentences.
    """

    path: str
    size: int
    kind: str
    facts: tuple[str, ...] = ()
    dangers: tuple[str, ...] = ()

    def as_document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "path": self.path,
            "bytes": self.size,
            "kind": self.kind,
            "facts": list(self.facts),
            "dangers": list(self.dangers),
        }


def inspect_file(
    path: str, size: int, file: BinaryIO, limits: Limits = LIMITS
) -> Inspected:
    """Tells what is in a file; nothing of it is executed.

    Args:
        path: What it is called.
        size: In bytes.
        file: Open for reading, at its beginning.
        limits: What looking may take.
    """
    seen: dict[str, Any]
    try:
        seen = _looked(file, size, limits)
    except LimitError as error:
        why = f"It could not be looked into: {error.message}"
        return Inspected(path, size, "file that breaks its reader", dangers=(why,))
    except ProblemError as error:
        why = _why(str(error))
        return Inspected(path, size, "file of no known kind", dangers=(why,))
    kind, facts, dangers = seen["kind"], seen["facts"], seen["dangers"]
    called = f"It is called {path.rpartition('/')[2]} and is: {kind}."
    is_other = path.lower().endswith(".onnx") and kind != "ONNX model"
    return Inspected(
        path,
        size,
        str(kind),
        tuple(str(one) for one in facts),
        (*([called] if is_other else []), *(str(one) for one in dangers)),
    )


def _looked(file: BinaryIO, size: int, limits: Limits) -> dict[str, Any]:
    """What is seen from within.

    Raises:
        LimitError: It went beyond a limit.
        ProblemError: It could not be looked into.
    """
    said = ""
    try:
        confined = Confined(PROGRAM, limits, file=file)
    except ConfinementError as error:
        # Nothing is executed, so that its limits alone will do.
        confined = Confined(PROGRAM, limits, file=file, unconfined=True)
        said = error.message
    with confined:
        told, _ = confined.ask("look", {"size": size})
    if said and isinstance(told.get("facts"), list):
        told["facts"].append(f"Looked into with limits alone. {said}")
    lists = (told.get("facts"), told.get("dangers"))
    if not isinstance(told.get("kind"), str) or not all(
        isinstance(one, list) for one in lists
    ):
        raise LimitError("It answers something that is no description of a file.")
    return told


def _why(problem: str) -> str:
    return NO_ONNX if "No module named" in problem else problem[:200]
