# SPDX-License-Identifier: Apache-2.0
"""Lies about meaning: patches to the contracts, one for each mutant.

A patch is a unified diff against `contracts/` whose first line says in one
sentence what it breaks. It may touch several lines, and so say things that
no swapped operator says.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markets import Market

HUNK = re.compile(r"@@ -(\d+)")


@dataclass(frozen=True)
class Patch:
    """One lie about meaning."""

    path: Path

    @property
    def name(self) -> str:
        """What it is called in the verdicts."""
        return self.path.stem

    @cached_property
    def _lines(self) -> list[str]:
        return self.path.read_text().splitlines()

    @property
    def sentence(self) -> str:
        """What it breaks."""
        return self._lines[0]

    @cached_property
    def places(self) -> frozenset[tuple[str, int]]:
        """The files and lines around what it changes, as the sources are."""
        found, file, line = set(), "", 0
        for text in self._lines:
            if text.startswith("--- a/"):
                file = text.removeprefix("--- a/")
            elif hunk := HUNK.match(text):
                line = int(hunk[1])
            elif line and text[:1] in ("-", "+") and not text.startswith("+++"):
                found |= {(file, line - 1), (file, line)}
                line += text[0] == "-"
            elif line:
                line += 1
        return frozenset(found)

    @property
    def line(self) -> int:
        """The first that it touches."""
        return min(line for _, line in self.places)

    @property
    def files(self) -> frozenset[str]:
        """Those that it changes."""
        return frozenset(file for file, _ in self.places)

    def put(self, folder: Path, *options: str) -> None:
        """Changes a copy of the sources; with `--check` only says if it could.

        Raises:
            ValueError: It does not apply to them.
        """
        git = ["git", "apply", "--whitespace=nowarn"]
        done = subprocess.run(  # noqa: S603  # a file of the repository's
            [*git, *options, str(self.path)],
            cwd=folder,
            # Inside a work tree git would look for the files at its top.
            env=os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.resolve().parent)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ValueError(
                f"{self.path.name} no longer applies to contracts/."
                f" Make it anew for the present sources. {done.stderr.strip()}"
            )


def patches(market: Market) -> list[Patch]:
    """All of a market, by their names."""
    return [Patch(path) for path in sorted(market.patches.glob("*.patch"))]


def not_applying(sources: Path, tried: Sequence[Patch]) -> list[str]:
    """What is wrong with those patches that do not fit the sources."""
    found = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        shutil.copytree(sources, folder, dirs_exist_ok=True)
        for patch in tried:
            try:
                patch.put(Path(folder), "--check")
            except ValueError as error:
                found.append(str(error))
    return found
