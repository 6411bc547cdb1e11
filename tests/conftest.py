# SPDX-License-Identifier: Apache-2.0
"""What all tests share."""

from __future__ import annotations

import gc
import os
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from modelmarket.vault import encryption

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Helper modules beside the tests are imported by name.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

# py-evm raises the limit when it first runs; in the middle of a parse that
# would upset Python 3.11 (SystemError: AST constructor recursion depth).
sys.setrecursionlimit(max(sys.getrecursionlimit(), 10_240))

# What a shell starts in the background does not hear Ctrl+C, nor do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Most vaults here are made to be opened at once; how long it takes to guess the
# passphrase of a true one is asked in a process of its own.
encryption.SCRYPT_N = 2**4

pytest_plugins = ["contracts.vyper_coverage"]

hypothesis.settings.register_profile(
    "quick",
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("quick")


AGAIN_EVERY = 5
"""Modules after which all that was in use is looked through again."""
_modules_ended: list[None] = []


@pytest.fixture(scope="module", autouse=True)
def left_open() -> Iterator[None]:
    """What a module leaves open is told there, and not wherever it is collected."""
    yield
    _modules_ended.append(None)
    if len(_modules_ended) % AGAIN_EVERY == 0:
        # What has gone since holds files, and a process may have few of them.
        gc.unfreeze()
    gc.collect()
    # What is still in use need not be looked through again by the next module.
    gc.freeze()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests of a worker: playwright is not started twice in one."""
    from support.browser import chromium

    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def new_postgres() -> Iterator[Callable[[], str]]:
    """One server for all tests of a worker; each call makes a database."""
    from support.postgres import postgres

    with postgres() as new:
        yield new


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def new_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], str]:
    """Makes a database for an index, of either kind."""
    if request.param == "postgres":
        new: Callable[[], str] = request.getfixturevalue("new_postgres")
        return new
    folder = tmp_path_factory.mktemp("databases")
    return lambda: f"sqlite:///{folder}/{uuid.uuid4().hex}.sqlite"


def pytest_report_header(config: pytest.Config) -> str:
    if any("frameworks" in one for one in config.args):
        return ""
    return "tests/frameworks is no part of this: `make frameworks` runs it"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest one begins first, so that nobody waits for it at the end."""
    items.sort(key=lambda one: "test_by_the_guide" not in one.nodeid)


@pytest.fixture(autouse=True)
def _nobodys_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the developer's own home, key or passphrase."""
    for name in list(os.environ):
        if name.startswith("MODELMARKET_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MODELMARKET_HOME", str(tmp_path / "home"))
