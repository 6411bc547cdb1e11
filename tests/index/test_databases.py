# SPDX-License-Identifier: Apache-2.0
"""An index lies in SQLite or in PostgreSQL: the same is true of both."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from modelmarket.chain.abi import EventType
from modelmarket.errors import ChainError, DiskError, InputError, in_words
from modelmarket.index.index import Index
from modelmarket.index.schema import open_engine
from modelmarket.index.sorting import Sort
from modelmarket.index.summaries import Wanted
from modelmarket.market import Market
from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.types import RequestId
from modelmarket.system.home import Home
from support.market import Place, place


@pytest.fixture
def here(tmp_path: Path, new_database: Callable[[], str]) -> Iterator[Place]:
    with place("embedded", tmp_path / "people", new_database()) as found:
        yield found


def index_of(here: Place) -> Index:
    network = here.network
    return Index(network.index, here.connection, network.contracts, network.first_block)


def test_several_programs_follow_one_index(here: Place) -> None:
    """Each span of blocks is stored whole, by whoever comes first."""
    requester = here.join("requester")
    for _ in range(6):
        here.create(requester, rows=10, reward=ONE_MDC)
    requester.index.rebuild()
    indexes = [index_of(here) for _ in range(4)]
    for one in indexes:
        with suppress(ChainError):
            one.forget(requester.request(3).id)
    with ThreadPoolExecutor(4) as threads:
        heads = set(threads.map(Index.sync, indexes * 5))
    assert heads == {here.connection.block().number}
    for one in indexes:
        assert one.counts() == (6, 0)
        one.close()


def test_a_reader_sees_one_state_from_beginning_to_end(here: Place) -> None:
    requester = here.join("requester")
    here.create(requester, rows=10)
    with closing(index_of(here)) as reading, closing(index_of(here)) as writing:
        with reading._engine.begin() as sql:
            before = sql.exec_driver_sql("SELECT count(*) FROM blocks").scalar()
            here.create(requester, rows=10)
            writing.sync()
            after = sql.exec_driver_sql("SELECT count(*) FROM blocks").scalar()
        assert before == after
        assert reading.counts() == (2, 0)


def test_what_is_looked_for_is_found_in_order(here: Place) -> None:
    requester, ann = here.join("requester"), here.join("ann")
    names = ["Grün", "50% off_", "a b", "Zoë's"]
    for number, name in enumerate(names, 1):
        here.create(requester, rows=10, name=name, reward=number * 7 * ONE_MDC)
    here.submit(ann, 2)
    index = ann.index
    ann.look()

    def ids(wanted: Wanted, sort: Sort = Sort.NEWEST) -> list[int]:
        assert index.count(wanted) == len(index.find(wanted, sort=sort))
        return [one.id for one in index.find(wanted, sort=sort)]

    assert ids(Wanted()) == [4, 3, 2, 1]
    assert ids(Wanted(), Sort.DEADLINE) == [1, 2, 3, 4]
    # By amount, not by its first digit.
    assert ids(Wanted(), Sort.REWARD) == [4, 3, 2, 1]
    assert ids(Wanted(search="GRÜN")) == [1]
    assert ids(Wanted(search="%")) == [2]
    assert ids(Wanted(search="_")) == [2]
    assert ids(Wanted(search="'")) == [4]
    assert ids(Wanted(search="\0")) == []
    assert ids(Wanted(trainer=ann.wallet.address)) == [2]
    assert ids(Wanted(requester=ann.wallet.address)) == []


def test_the_last_events_are_told_without_decoding_any(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    requester, ann = here.join("requester"), here.join("ann")
    request = here.create(requester, rows=10)
    here.create(requester, rows=10)
    here.submit(ann, request.id)
    index = ann.index
    index.sync()
    told = index.logs(request.id)[::-1]
    names = [type(ann.decode(one.log)).__name__ for one in told]
    assert names == ["SubmissionCreated", "RequestCreated"]

    def refuse(*_: object) -> None:
        raise AssertionError("a log was decoded")

    monkeypatch.setattr(EventType, "decode", refuse)
    assert index.newest(request.id, limit=100) == told
    assert index.newest(request.id, limit=1) == told[:1]
    assert index.newest(request.id, limit=9, named=["RequestCreated"]) == told[1:]
    assert index.newest(request.id, limit=9, named=["RequestFulfilled"]) == []
    assert index.newest(RequestId(99), limit=100) == []


def test_an_index_of_another_market_is_refused(here: Place, tmp_path: Path) -> None:
    here.join("requester")
    other = replace(here.network, market=here.deployer.address)
    with pytest.raises(ChainError, match="This index is of another market"):
        Market(Home(tmp_path / "other"), other)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mysql://me:secret@host/name", "No index can be kept in mysql"),
        ("postgresql+psycopg://me:secret@host/name", "holds a password"),
        ("nonsense", "That is no database's address"),
        ("://secret", "That is no database's address"),
        ("", "That is no database's address"),
        ("postgresql+nothing://me@host/name", "That is no database's address"),
    ],
)
def test_an_address_that_is_none_is_told_without_what_is_in_it(
    address: str, said: str
) -> None:
    with pytest.raises(InputError, match=said) as told:
        open_engine(address)
    assert "secret" not in f"{told.value} {told.value.hint}"


def test_a_server_that_is_away_is_told_in_words(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    engine = open_engine(f"postgresql+psycopg://me@/x?host={tmp_path}")
    with pytest.raises(Exception, match="connection") as told:
        engine.connect()
    assert isinstance(told.value, Exception)
    words = in_words(told.value)
    assert isinstance(words, DiskError)
    assert "cannot be used" in words.message
    assert os.fspath(tmp_path) in words.message
