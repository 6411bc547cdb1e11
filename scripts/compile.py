# SPDX-License-Identifier: Apache-2.0
"""Compiles the contracts into the package: `python scripts/compile.py`.

Each artifact carries ABI, bytecode, the compiler's version and a hash of the
sources, so that users need no compiler and a test can prove them fresh.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import snekmate
import vyper
from vyper.compiler import compile_from_file_input
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.settings import OptimizationLevel, Settings

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "contracts"
ARTIFACTS = ROOT / "src/modelmarket/chain/artifacts"
PREDICTION = ("ModelCoin", "ModelMarket")
"""Contracts of the market of predictions."""
VERIFIED = ("VerifiedMarket", "Referee", "Clerk")
"""Contracts of the market of verified models."""
CONTRACTS = PREDICTION + VERIFIED
IMPORT = re.compile(r"^(?:from interfaces )?import (\w+)$", re.MULTILINE)


def sources(contracts: Iterable[str] = PREDICTION) -> list[Path]:
    """The files of contracts, with all that they import from here."""
    found: set[Path] = set()
    pending = list(contracts)
    while pending:
        name = pending.pop()
        for path in (SOURCES / f"{name}.vy", SOURCES / f"interfaces/{name}.vyi"):
            if path.exists() and path not in found:
                found.add(path)
                pending += IMPORT.findall(path.read_text())
    return sorted(found)


def source_hash(contracts: Iterable[str] = PREDICTION) -> str:
    """SHA-256 over the names and bytes of the contracts' sources."""
    return hash_of(sources(contracts))


def hash_of(paths: Iterable[Path]) -> str:
    """SHA-256 over the names and bytes of some of the sources."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.relative_to(SOURCES).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def compiled(name: str, formats: list[str], sources: Path = SOURCES) -> dict[str, Any]:
    """What the compiler makes of one contract."""
    site_packages = Path(next(iter(snekmate.__path__))).parent
    bundle = FilesystemInputBundle([site_packages, sources])
    output: dict[str, Any] = compile_from_file_input(
        bundle.load_file(sources / f"{name}.vy"),
        input_bundle=bundle,
        output_formats=formats,
        settings=Settings(evm_version="prague", optimize=OptimizationLevel.GAS),
    )
    return output


def build(name: str) -> dict[str, Any]:
    """The artifact of one contract."""
    output = compiled(name, ["abi", "bytecode", "bytecode_runtime"])
    return {
        "name": name,
        "compiler": f"vyper {vyper.__version__}",
        "evm": "prague",
        "sources_sha256": source_hash(PREDICTION if name in PREDICTION else VERIFIED),
        "abi": output["abi"],
        "bytecode": output["bytecode"],
        "runtime_bytes": len(output["bytecode_runtime"]) // 2 - 1,
    }


def main() -> None:
    """Writes the artifacts of all contracts."""
    for name in CONTRACTS:
        artifact = build(name)
        path = ARTIFACTS / f"{name}.json"
        path.write_text(json.dumps(artifact, indent=1) + "\n")
        print(f"{path.relative_to(ROOT)}: {artifact['runtime_bytes']:,} bytes")


if __name__ == "__main__":
    main()
