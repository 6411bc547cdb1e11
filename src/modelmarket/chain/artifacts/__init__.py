# SPDX-License-Identifier: Apache-2.0
"""The compiled contracts, as `scripts/compile.py` wrote them."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Artifact:
    """A compiled contract.

    Attributes:
        name: `ModelCoin` or `ModelMarket`.
        abi: As the Solidity ABI specification has it.
        bytecode: What a deployment sends, in hexadecimal.
        compiler: Name and version.
        sources_sha256: Over all contract sources.
    """

    name: str
    abi: list[dict[str, Any]]
    bytecode: str
    compiler: str
    sources_sha256: str


@cache
def artifact(name: str) -> Artifact:
    """Reads a compiled contract from the package."""
    stored = json.loads((files(__package__) / f"{name}.json").read_text())
    return Artifact(
        name,
        stored["abi"],
        stored["bytecode"],
        stored["compiler"],
        stored["sources_sha256"],
    )
