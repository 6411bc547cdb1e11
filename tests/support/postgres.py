# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL server, for the tests of whatever keeps an index in one."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FOLDERS = "/usr/lib/postgresql/*/bin"
"""Where Debian has it; elsewhere it is on the path."""
NOBODY = "nobody"
"""Who runs it for root, whom the server refuses."""


def find_server() -> Path | None:
    """The folder of the server's programs."""
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).parent
    here = sorted(Path("/").glob(FOLDERS[1:]))
    return here[-1] if here else None


def _as_nobody() -> dict[str, Any]:
    """Options of a program that root may not run."""
    if os.geteuid() != 0:
        return {}
    who = pwd.getpwnam(NOBODY)
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}


@contextmanager
def postgres() -> Iterator[Callable[[], str]]:
    """Runs a server, and makes an empty database at each call.

    Yields:
        Gives the SQLAlchemy address of a new database.
    """
    programs = find_server()
    if programs is None:
        if os.environ.get("CI"):
            pytest.fail("postgresql must be installed in CI")
        pytest.skip("postgresql is not installed: apt-get install postgresql")
    import psycopg

    # Not among pytest's own folders, which nobody but their owner enters.
    folder = Path(tempfile.mkdtemp(prefix="modelmarket-postgres-"))
    options = _as_nobody()
    if options:
        os.chown(folder, options["user"], options["group"])
    data = folder / "data"

    def run(program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [programs / program, "-D", data, *arguments],
            cwd="/",
            check=False,
            # The server keeps what it is given open: a pipe would never end.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **options,
        )
        assert done.returncode == 0, f"{program} ended with {done.returncode}"

    try:
        run("initdb", "-U", "modelmarket", "-A", "trust", "-E", "UTF8", "-N")
        # On a socket in its own folder alone; what is lost with the power is lost.
        how = f"-k {folder} -c listen_addresses= -F"
        run("pg_ctl", "-l", folder / "log", "-o", how, "-w", "start")

        def new() -> str:
            name = f"index_{uuid.uuid4().hex}"
            where = f"host={folder} user=modelmarket dbname=postgres"
            with psycopg.connect(where, autocommit=True) as server:
                server.execute(f"CREATE DATABASE {name}".encode())
            return f"postgresql+psycopg://modelmarket@/{name}?host={folder}"

        try:
            yield new
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
