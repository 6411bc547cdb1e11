# SPDX-License-Identifier: Apache-2.0
"""Proofs on the market's bytecode: `make prove`, or `python scripts/prove.py [--again]`.

halmos runs every call of the market with any arguments, at any time, in any
consistent state of a request with up to two submissions (`proofs/src`). The
contracts are compiled as they are, but with pages of two words. Each proof
then has to fail on the mutants that say so (`proofs/mutants`).

The verdicts are kept in `benchmarks/prove.json`, from which the docs take
their figures. `--again` asks only for what is not settled for these sources.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from compile import PREDICTION, SOURCES, compiled
from patches import Patch

ROOT = Path(__file__).parents[1]
PROOFS = ROOT / "proofs"
MUTANTS = PROOFS / "mutants"
TOOLS = ROOT / ".tools" / "prove"
RESULT = ROOT / "benchmarks" / "prove.json"

PAGE_WORDS = 2
SMALLER = (
    ("labels.vy", "PAGE_WORDS: constant(uint256) = {}\n"),
    ("interfaces/IModelMarket.vyi", "DynArray[uint256, {}]\n"),
)
"""Where the size of a page stands in the contracts."""
MOST_SECONDS = 600
HALMOS = PROOFS / "launch.py"
ALL = "Every"
"""The contract of `Proofs.sol` that asks all of its questions at once."""

PROVED, REFUTED, UNDECIDED = "proved", "refuted", "not decided"


@dataclass(frozen=True)
class Mutant:
    """A lie about the contracts, and the proofs that must find it."""

    name: str
    says: str
    """What it breaks, in a sentence."""
    refutes: tuple[str, ...]
    """Proofs with their question: `Conserved.check_withdraw`."""
    patch: Path


@dataclass(frozen=True)
class Verdict:
    """What came of one proof, on the market itself or on a mutant."""

    proof: str
    """Question and call: `Every.check_withdraw`."""
    mutant: str
    """Its name; empty for the market itself."""
    verdict: str
    paths: int
    seconds: int
    """Of processor time: others may use the machine too."""


def proofs() -> list[str]:
    """The names of all proofs, in the order in which they stand."""
    text = (PROOFS / "src" / "Proofs.sol").read_text()
    return re.findall(r"function (check_\w+)\(\) public", text)


def mutants() -> list[Mutant]:
    """All mutants, by name."""
    found = []
    for patch in sorted(MUTANTS.glob("*.patch")):
        head = patch.read_text().split("\n--- ")[0].splitlines()
        mark = "Refutes: "
        refutes = tuple(one.removeprefix(mark) for one in head if one.startswith(mark))
        found.append(Mutant(patch.stem, head[2], refutes, patch))
    return found


# --- What is proved about ---


def copy_sources(folder: Path, mutant: Mutant | None = None) -> Path:
    """The contracts in a folder of their own, with small pages.

    Raises:
        ValueError: The mutant's patch does not apply.
    """
    sources = folder / "contracts"
    shutil.copytree(SOURCES, sources)
    if mutant is not None:
        Patch(mutant.patch).put(folder)
    for file, form in SMALLER:
        path = sources / file
        text, old = path.read_text(), form.format(768)
        if text.count(old) != 1:
            sys.exit(f"{file}: {old.strip()!r} does not stand there once.")
        path.write_text(text.replace(old, form.format(PAGE_WORDS)))
    return sources


def code_hash() -> str:
    """SHA-256 of the runtime code that is proved about; comments do not matter."""
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory() as folder:
        sources = copy_sources(Path(folder))
        for name in PREDICTION:
            output = compiled(name, ["bytecode_runtime"], sources)
            digest.update(output["bytecode_runtime"].encode())
    return digest.hexdigest()


def proofs_hash() -> str:
    """SHA-256 over the names and bytes of the proofs and their mutants."""
    digest = hashlib.sha256()
    files = [HALMOS, *PROOFS.glob("src/*.sol"), *MUTANTS.glob("*.patch")]
    for path in sorted(files):
        digest.update(path.relative_to(PROOFS).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


# --- The Solidity that is written from the contracts ---


def solidity(sources: Path) -> str:
    """Interfaces, bytecodes and slots of the contracts, for the proofs."""
    parts = ["// SPDX-License-Identifier: Apache-2.0", "pragma solidity ^0.8.30;"]
    for name in PREDICTION:
        output = compiled(name, ["abi", "bytecode", "layout"], sources)
        parts += _interface(name, output["abi"])
        parts.append(f'bytes constant {name}Code = hex"{output["bytecode"][2:]}";')
        parts.append(f"library {name}Slots {{")
        parts += [
            f"    uint256 constant {variable} = {slot};"
            for variable, slot in _slots(output["layout"]["storage_layout"])
        ]
        parts.append("}")
    return "\n".join(parts) + "\n"


def _interface(contract: str, abi: list[dict[str, Any]]) -> list[str]:
    """Names end in an underscore: some are reserved words in Solidity."""
    structs: dict[str, str] = {}

    def typed(one: dict[str, Any], name: str) -> str:
        kind = one["type"]
        if kind.startswith("tuple"):
            struct = contract + name.title().replace("_", "")
            fields = (
                f"    {typed(part, part['name']).replace(' memory', '')}"
                f" {part['name']}_;"
                for part in one["components"]
            )
            structs[struct] = "\n".join([f"struct {struct} {{", *fields, "}"])
            kind = struct + kind.removeprefix("tuple")
        is_long = kind[0].isupper() or kind in {"string", "bytes"} or "[" in kind
        return f"{kind} memory" if is_long else str(kind)

    functions = []
    for entry in abi:
        if entry["type"] != "function":
            continue
        name = entry["name"]
        given = ", ".join(
            f"{typed(one, one['name'])} {one['name']}_" for one in entry["inputs"]
        )
        back = ", ".join(typed(one, one["name"] or name) for one in entry["outputs"])
        kind = entry["stateMutability"].replace("nonpayable", "")
        returns = f" returns ({back})" if back else ""
        functions.append(f"    function {name}({given}) external {kind}{returns};")
    return [*structs.values(), f"interface {contract} {{", *functions, "}"]


def _slots(layout: dict[str, Any]) -> Iterator[tuple[str, int]]:
    for name, one in layout.items():
        if "slot" in one:
            yield name, one["slot"]
        else:
            yield from _slots(one)


# --- halmos ---


def _environment() -> dict[str, str]:
    forge = next(TOOLS.glob("node_modules/@foundry-rs/forge-*/bin/forge"), None)
    if forge is None or not (TOOLS / "venv" / "bin" / "halmos").exists():
        sys.exit("forge or halmos is not there. Run: make prove")
    path = [str(forge.parent), str(TOOLS / "venv" / "bin"), os.environ["PATH"]]
    return {
        **os.environ,
        "PATH": os.pathsep.join(path),
        "MODELMARKET_SOLC": str(TOOLS / "node_modules" / "solc"),
    }


def prepare(folder: Path, mutant: Mutant | None = None) -> None:
    """A forge project of the proofs and of the market, or of a mutant of it."""
    for file in ("foundry.toml", "solc"):
        shutil.copy(PROOFS / file, folder / file)
    shutil.copytree(PROOFS / "src", folder / "src")
    sources = copy_sources(folder, mutant)
    (folder / "src" / "Market.sol").write_text(solidity(sources))


def attempt(folder: Path, proof: str, mutant: str) -> Verdict:
    """Lets halmos try one proof, for ten minutes of processor time at most."""
    contract, function = proof.split(".")
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    command = [
        *("sh", "-c", f'ulimit -t {MOST_SECONDS} && exec "$@"', "sh"),
        *(str(TOOLS / "venv" / "bin" / "python"), str(HALMOS)),
        *("--root", str(folder), "--contract", contract),
        *("--match-test", f"^{function}\\("),
        *("--storage-layout", "generic", "--loop", "64"),
        # An overflow in a proof of ours is no proof either.
        *("--panic-error-codes", "0x01,0x11,0x12"),
        *("--solver-threads", "2", "--solver-timeout-assertion", "5m"),
        # In a millisecond, as it is set, nothing is found out, and every path
        # that is none is followed to its end.
        *("--solver-timeout-branching", "10ms"),
        *("--no-status", "--json-output", str(result)),
        *(["--early-exit"] if mutant else []),
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(  # noqa: S603  # our own command
        command,
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said, _ = process.communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = round(after.ru_utime - before.ru_utime)
    if not result.exists():
        if seconds < MOST_SECONDS - 1:
            sys.exit(f"{proof}: halmos said nothing.\n{said}")
        return Verdict(proof, mutant, UNDECIDED, 0, seconds)
    ((found,),) = json.loads(result.read_text())["test_results"].values()
    return Verdict(proof, mutant, _verdict(found), found["num_paths"][0], seconds)


def _verdict(found: dict[str, Any]) -> str:
    if any(model["is_valid"] for model in found["models"]):
        return REFUTED
    is_whole = found["num_bounded_loops"] == 0 and found["num_paths"][2] == 0
    return PROVED if found["exitcode"] == 0 and is_whole else UNDECIDED


# --- All of it ---


def _known(code: str, proofs_sha256: str) -> list[Verdict]:
    """What is settled for these sources already."""
    if not RESULT.exists():
        return []
    document = json.loads(RESULT.read_text())
    if (document["code_sha256"], document["proofs_sha256"]) != (code, proofs_sha256):
        return []
    every = [Verdict(**one) for one in document["verdicts"]]
    return [one for one in every if _is_good(one)]


def _is_good(one: Verdict) -> bool:
    return one.verdict == (REFUTED if one.mutant else PROVED)


def main() -> None:
    """Proves what there is to prove, prints and keeps what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--again",
        action="store_true",
        help="only what is not settled for these sources",
    )
    arguments = parser.parse_args()
    code, proofs_sha256 = code_hash(), proofs_hash()
    known = _known(code, proofs_sha256) if arguments.again else []
    verdicts: list[Verdict] = []
    plan: list[tuple[Mutant | None, list[str]]] = [
        (None, [f"{ALL}.{name}" for name in proofs()]),
        *((one, list(one.refutes)) for one in mutants()),
    ]
    for mutant, names in plan:
        name = mutant.name if mutant else ""
        kept = [one for one in known if one.mutant == name and one.proof in names]
        verdicts += kept
        missing = [one for one in names if one not in {two.proof for two in kept}]
        if not missing:
            continue
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder), mutant)
            for proof in missing:
                verdict = attempt(Path(folder), proof, name)
                verdicts.append(verdict)
                mark = "" if _is_good(verdict) else "  <- should not be"
                print(
                    f"{verdict.seconds:4d} s  {name or 'the market':24s} {proof}:"
                    f" {verdict.verdict}{mark}",
                    flush=True,
                )
                _keep(code, proofs_sha256, verdicts)
    bad = [one for one in verdicts if not _is_good(one)]
    _keep(code, proofs_sha256, verdicts)
    sys.exit(1 if bad else 0)


def _keep(code: str, proofs_sha256: str, verdicts: list[Verdict]) -> None:
    document = {
        "date": datetime.now(UTC).date().isoformat(),
        "page_words": PAGE_WORDS,
        "most_seconds": MOST_SECONDS,
        "code_sha256": code,
        "proofs_sha256": proofs_sha256,
        "mutants": {one.name: one.says for one in mutants()},
        "verdicts": [asdict(one) for one in verdicts],
    }
    RESULT.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
