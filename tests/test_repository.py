# SPDX-License-Identifier: Apache-2.0
"""What must be true of the repository itself."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import modelmarket
from modelmarket.chain.artifacts import artifact
from modelmarket.chain.reasons import REASONS

ROOT = Path(__file__).parents[1]
CONTRACTS = ROOT / "contracts"


def test_the_artifacts_are_what_the_sources_compile_to() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        compile_script = importlib.import_module("compile")
    finally:
        sys.path.pop(0)
    for name in compile_script.CONTRACTS:
        built, kept = compile_script.build(name), artifact(name)
        assert built["abi"] == kept.abi, "run: make compile"
        assert built["bytecode"] == kept.bytecode, "run: make compile"
        assert built["sources_sha256"] == kept.sources_sha256, "run: make compile"


SILENCED = re.compile(r"# (noqa|type: ignore)\b[^#\n]*(?P<reason># \S)?")


def test_whatever_is_silenced_has_its_reason_beside_it() -> None:
    folders = ("src", "tests", "scripts", "benchmarks", "examples", "proofs")
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (found := SILENCED.search(line)) and not found["reason"]
    ]
    assert not bare


def test_the_runtime_code_of_every_contract_fits() -> None:
    for path in (ROOT / "src/modelmarket/chain/artifacts").glob("*.json"):
        assert json.loads(path.read_text())["runtime_bytes"] < 24_576, path.name


def test_every_reason_of_the_contracts_has_a_sentence() -> None:
    used: set[str] = set()
    for path in CONTRACTS.glob("*.vy"):
        used |= set(re.findall(r',\s*"([A-Z][A-Za-z]+)"', path.read_text()))
    used -= {"ModelCoin", "MDC"}
    assert used == set(REASONS)
    for meaning in REASONS.values():
        assert meaning.sentence.endswith(".")


def test_every_external_function_has_natspec() -> None:
    for path in CONTRACTS.glob("*.vy"):
        found = re.findall(
            r"@external\n(?:@\w+\n)*def (\w+)\([^\"]*?:\n(\s+\"\"\"\n\s+@notice)?",
            path.read_text(),
        )
        assert all(doc for _, doc in found), f"{path.name}: {found}"


def test_every_source_names_its_licence() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "*.py", "*.vy", "*.vyi", "*.toml", "Makefile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    for name in tracked:
        head = (ROOT / name).read_text()[:200]
        assert "SPDX-License-Identifier: " in head, name
        is_agpl = "AGPL-3.0-only" in head
        assert is_agpl == (name == "contracts/ModelCoin.vy"), name


def test_every_test_of_the_contracts_is_named_by_call_situation_and_promise() -> None:
    words = "[a-z0-9]+(?:_[a-z0-9]+)*"
    form = re.compile(f"test_({words})__{words}__{words}")
    definitions = re.compile(r"^(?:def (\w+)\(|(\w+): public\()", re.MULTILINE)
    # What a test is about that is not about one call.
    subjects = {"books", "clock", "every_call", "model_coin", "pages", "story"}
    for path in CONTRACTS.glob("*.vy"):
        found = definitions.findall(path.read_text())
        subjects |= {path.stem, *(one or other for one, other in found)}
    for path in (ROOT / "tests" / "contracts").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if not node.name.startswith("test"):
                continue
            where = f"{path.name}:{node.lineno}: {node.name}"
            match = form.fullmatch(node.name)
            assert match, f"{where} is not test_<call>__<when>__<what>"
            is_attack = match[1].startswith("attack_")
            assert is_attack or match[1] in subjects, f"{where}: {match[1]} is no call"


def _public_objects() -> list[tuple[str, object]]:
    found = []
    for info in pkgutil.walk_packages(modelmarket.__path__, "modelmarket."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            is_own = getattr(value, "__module__", None) == info.name
            if is_own and not name.startswith("_") and callable(value):
                found.append((f"{info.name}.{name}", value))
    return found


def test_every_public_function_and_class_says_what_it_is_for() -> None:
    silent = [
        name
        for name, value in _public_objects()
        if (inspect.isfunction(value) or inspect.isclass(value))
        and not (value.__doc__ or "").strip()
    ]
    # The events say it once, in the contract's interface file.
    silent = [
        name for name in silent if not name.startswith("modelmarket.protocol.events.")
    ]
    assert silent == []


def test_the_public_names_are_these() -> None:
    assert modelmarket.__all__ == ["Market", "Request", "Submission", "__version__"]
    assert all(getattr(modelmarket, name) for name in modelmarket.__all__)
    with pytest.raises(AttributeError):
        _ = modelmarket.Markets


def test_the_versions_agree() -> None:
    assert (
        f'version = "{modelmarket.__version__}"'
        in (ROOT / "pyproject.toml").read_text()
    )
    assert f"## {modelmarket.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_heavy_libraries_are_tried_by_a_command_that_is_named() -> None:
    """`make test` leaves them out, whoever names them without having them is told."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/frameworks"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stderr.strip().endswith("make frameworks")
    assert "\nframeworks: " in (ROOT / "Makefile").read_text()


def test_nothing_that_was_built_or_fetched_is_tracked() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no checkout")
    for name in filter(None, listed.stdout.decode().split("\0")):
        assert Path(name).suffix not in (".whl", ".gz", ".zip", ".so", ".pyc"), name
        top = (ROOT / name).parent == ROOT
        assert not top or Path(name).suffix in ("", ".md", ".toml", ".lock", ".yaml"), (
            f"{name} belongs into a folder"
        )
