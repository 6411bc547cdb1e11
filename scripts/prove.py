# SPDX-License-Identifier: Apache-2.0
"""draft"""
from __future__ import annotations
import json, os, shutil, subprocess, sys, tempfile, time
from pathlib import Path
from typing import Any
import snekmate
from vyper.compiler import compile_from_file_input
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.settings import OptimizationLevel, Settings

ROOT = Path(__file__).parents[1]
PROOFS = ROOT / "proofs"
PAGE_WORDS = 2

def compiled(sources: Path, name: str) -> dict[str, Any]:
    site_packages = Path(next(iter(snekmate.__path__))).parent
    bundle = FilesystemInputBundle([site_packages, sources])
    return compile_from_file_input(
        bundle.load_file(sources / f"{name}.vy"),
        input_bundle=bundle,
        output_formats=["abi", "bytecode", "layout"],
        settings=Settings(evm_version="prague", optimize=OptimizationLevel.GAS),
    )

class Interface:
    def __init__(self, name, abi):
        self.name, self.structs, self.lines = name, {}, []
        for entry in abi:
            if entry["type"] != "function":
                continue
            ins = ", ".join(self.typed(one) for one in entry["inputs"])
            outs = ", ".join(
                self.typed({**one, "name": one["name"] or entry["name"]}, named=False)
                for one in entry["outputs"]
            )
            mut = "" if entry["stateMutability"] == "nonpayable" else f" {entry['stateMutability']}"
            ret = f" returns ({outs})" if outs else ""
            self.lines.append(f"    function {entry['name']}({ins}) external{mut}{ret};")

    def typed(self, one, named=True):
        kind = one["type"]
        if kind.startswith("tuple"):
            struct = self.name + one["name"].title().replace("_", "")
            self.structs[struct] = [self.typed(c).replace(" memory ", " ") for c in one["components"]]
            kind = struct + kind[5:]
        place = " memory" if kind[0].isupper() or kind in ("string", "bytes") or kind.endswith("]") else ""
        return f"{kind}{place}" + (f" {one['name']}_" if named else "")

    def text(self):
        parts = [
            f"struct {name} {{\n" + "".join(f"    {f};\n" for f in fields) + "}\n"
            for name, fields in self.structs.items()
        ]
        return "\n".join(parts) + f"\ninterface {self.name} {{\n" + "\n".join(self.lines) + "\n}\n"

def slots(layout, prefix="") :
    for name, one in layout.items():
        if "slot" in one:
            yield name, one["slot"]
        else:
            yield from slots(one)

def generate(sources: Path, target: Path) -> None:
    parts = ["// SPDX-License-Identifier: Apache-2.0", "pragma solidity ^0.8.30;", ""]
    for name in ("ModelCoin", "ModelMarket"):
        out = compiled(sources, name)
        parts.append(Interface(name, out["abi"]).text())
        parts.append(f'bytes constant {name}Code = hex"{out["bytecode"][2:]}";')
        parts.append(f"library {name}Slots {{")
        parts += [f"    uint256 constant {n} = {s};" for n, s in slots(out["layout"]["storage_layout"])]
        parts.append("}")
    target.write_text("\n".join(parts) + "\n")

if __name__ == "__main__":
    # draft: contracts folder, work folder
    src, work = Path(sys.argv[1]), Path(sys.argv[2])
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(PROOFS, work)
    con = work / "contracts"
    shutil.copytree(src, con)
    for f in con.rglob("*.vy*"):
        t = f.read_text()
        t = t.replace("PAGE_WORDS: constant(uint256) = 768", "PAGE_WORDS: constant(uint256) = 2").replace("DynArray[uint256, 768]", "DynArray[uint256, 2]")
        f.write_text(t)
    generate(con, work / "src/Market.sol")
