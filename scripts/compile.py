# SPDX-License-Identifier: Apache-2.0
"""Compiles the contracts into the package: `python scripts/compile.py`.

Each artifact carries ABI, bytecode, the compiler's version and a hash of the
sources, so that users need no compiler and a test can prove them fresh.
"""

import hashlib
import json
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
CONTRACTS = ("ModelCoin", "ModelMarket")


def source_hash() -> str:
    """SHA-256 over the names and bytes of all contract sources."""
    digest = hashlib.sha256()
    for path in sorted(SOURCES.rglob("*.vy*")):
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
        "sources_sha256": source_hash(),
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
