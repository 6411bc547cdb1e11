# SPDX-License-Identifier: Apache-2.0
"""The index's tables, and how its database is opened.

The events are the truth; requests and submissions are made from them and can
be made again at any time.
"""

from __future__ import annotations

import sqlite3

import sqlalchemy as sa

from modelmarket.errors import InputError, how_to_install
from modelmarket.system.databases import Line

BUSY_MS = 30_000
KINDS = ("sqlite", "postgresql")
KNOWN = (
    "Write postgresql+psycopg://USER@HOST/DATABASE; the password is taken from "
    "~/.pgpass or PGPASSWORD."
)
WRITING = int.from_bytes(b"modelmkt")
"""The number of the lock that whoever writes takes in PostgreSQL."""

meta = sa.MetaData()

settings = sa.Table(
    "settings",
    meta,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)
blocks = sa.Table(
    "blocks",
    meta,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("timestamp", sa.BigInteger, nullable=False),
)
events = sa.Table(
    "events",
    meta,
    sa.Column("block", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("request_id", sa.BigInteger, index=True),
    sa.Column("contract", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("transaction", sa.LargeBinary, nullable=False),
    sa.Column("block_hash", sa.LargeBinary, nullable=False),
    sa.Column("topics", sa.LargeBinary, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)
requests = sa.Table(
    "requests",
    meta,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("requester", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("words", sa.String, nullable=False, index=True),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("reward", sa.String, nullable=False, index=True),
    sa.Column("stake", sa.String, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("least", sa.Float, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False, index=True),
    sa.Column("deadline", sa.BigInteger, nullable=False, index=True),
    sa.Column("response_window", sa.Integer, nullable=False),
    sa.Column("opening_window", sa.Integer, nullable=False),
    sa.Column("challenge_window", sa.Integer, nullable=False),
    sa.Column("is_shown", sa.Boolean, nullable=False),
    sa.Column("is_owed", sa.Boolean, nullable=False),
    sa.Column("stage", sa.Integer, nullable=False, index=True),
    sa.Column("started", sa.BigInteger, nullable=False),
    sa.Column("has_candidate", sa.Boolean, nullable=False),
    sa.Column("entries", sa.Integer, nullable=False),
    sa.Column("live", sa.Integer, nullable=False),
    sa.Column("winner", sa.BigInteger, nullable=False),
    sa.Column("secret", sa.LargeBinary, nullable=False, index=True),
    sa.Column("outcome", sa.Integer, nullable=False),
    # perf: outcomes are counted in the SQL index alone, 100,000 of one in 10 ms.
    sa.Index("by_requester", "requester", "outcome"),
)
submissions = sa.Table(
    "submissions",
    meta,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("request_id", sa.BigInteger, nullable=False),
    sa.Column("trainer", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("seal", sa.LargeBinary, nullable=False, index=True),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("score", sa.BigInteger),
    sa.Column("is_ranked", sa.Boolean, nullable=False),
    sa.Column("outcome", sa.Integer, nullable=False),
    sa.Index("by_trainer", "trainer", "outcome"),
    sa.Index("ranking", "request_id", "is_ranked", "score", "id"),
)
set_aside = sa.Table(
    "set_aside",
    meta,
    sa.Column("request_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("why", sa.String, nullable=False),
)
"""Requests whose events make no sense: they have no row among the requests."""
reproductions = sa.Table(
    "reproductions",
    meta,
    sa.Column("seal", sa.LargeBinary, primary_key=True),
    sa.Column("request_id", sa.BigInteger, nullable=False),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("alike", sa.BigInteger),
    sa.Column("why", sa.String, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)
"""What was found out about models that won, by the seals of their submissions: no chain
tells it, so it stays when the index is made anew."""
MADE_FROM_THE_CHAIN = (blocks, events, requests, submissions, set_aside)
LAYOUT = "; ".join(
    f"{one.name}: {' '.join(one.columns.keys())}" for one in MADE_FROM_THE_CHAIN
)
"""What an index of this version looks like; one of another is read anew."""


def open_engine(url: str) -> sa.Engine:
    """The database at an SQLAlchemy address: of SQLite or PostgreSQL.

    A transaction with the option `writes` is the only one that writes, in whichever
    program; all others see one state of the database from their begin on.

    Raises:
        InputError: It is another kind, holds a password, or there is no program for
            it here.
    """
    try:
        address = sa.make_url(url)
        kind = address.get_backend_name()
        if kind not in KINDS:
            raise InputError(f"No index can be kept in {kind}.", hint=KNOWN)
        if address.password is not None:
            # It would stand in the profile, and be shown with it.
            raise InputError("The database's address holds a password.", hint=KNOWN)
        if kind == "sqlite":
            engine = sa.create_engine(address, connect_args={"factory": Line})
        else:
            engine = sa.create_engine(address, isolation_level="REPEATABLE READ")
    except sa.exc.ArgumentError:
        # Whatever it is, it may hold a password.
        raise InputError("That is no database's address.", hint=KNOWN) from None
    except ModuleNotFoundError:
        raise InputError(
            "psycopg is not installed, which PostgreSQL needs.",
            hint=how_to_install("postgres"),
        ) from None
    if engine.dialect.name == "sqlite":
        # SQLAlchemy's own advice for transactions that SQLite keeps apart.
        @sa.event.listens_for(engine, "connect")
        def connected(connection: sqlite3.Connection, _: object) -> None:
            connection.isolation_level = None
            connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            writes = connection.get_execution_options().get("writes")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
