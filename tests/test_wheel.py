# SPDX-License-Identifier: Apache-2.0
"""What is installed from the wheel is all there, and its types are known."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = """
from modelmarket import Market
request = Market.connect().request(7)
request.submit("model.onnx", ["cat", "dog"])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_what_the_package_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "src").rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            assert str(path.relative_to(ROOT / "src")) in names


@pytest.mark.parametrize(
    ("program", "code"),
    [(PROGRAM, 0), (PROGRAM.replace("request(7)", 'request("seven")'), 1)],
    ids=["a program of three lines", "one that is wrong"],
)
def test_a_users_program_is_checked_against_the_wheel(
    wheel: Path, tmp_path: Path, program: str, code: int
) -> None:
    venv.create(tmp_path / "venv", symlinks=True)
    python = tmp_path / "venv/bin/python"
    packages = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(packages)
    # What it needs is where we have it.
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (tmp_path / "program.py").write_text(program)
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--python-executable", python),
            *("--config-file", "", "--cache-dir", wheel.parent / "cache", "program.py"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == code, checked.stdout + checked.stderr
