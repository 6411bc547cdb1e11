# SPDX-License-Identifier: Apache-2.0
"""Reputations are counted from the index alone, in SQLite and in PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from modelmarket.chain.connection import Connection
from modelmarket.chain.devnode.server import running_node
from modelmarket.chain.events import Contracts
from modelmarket.chain.wallets import Wallet
from modelmarket.index import schema
from modelmarket.index.index import Index
from modelmarket.index.schema import open_engine
from modelmarket.protocol.phases import Failure
from modelmarket.protocol.reputation import Reputation
from modelmarket.protocol.types import Address, RequestId, SubmissionId, checksummed
from support.lives import PEOPLE, Life, any_life, counted_again
from support.strangers import Echo

RITA, ANN, BEN, _ = PEOPLE
NOBODY_YET = checksummed(b"\x99" * 20)


class Markets:
    """Two contracts that log whatever they are told to, and indexes of both."""

    def __init__(
        self, connection: Connection, wallet: Wallet, new_database: Callable[[], str]
    ) -> None:
        self._connection, self._address = connection, new_database()
        self._echoes = [Echo(connection, wallet) for _ in range(2)]
        self._told: dict[RequestId, int] = {}

    def index(self) -> Index:
        """One more index in the same database."""
        contracts = Contracts(*(one.address for one in self._echoes))
        first = self._echoes[0].block
        return Index(self._address, self._connection, contracts, first)

    def tell(self, life: Life, *, most: int = 1_000) -> bool:
        """Logs what is new in a life, at most so much; whether there was any."""
        begins = self._told.get(life.id, 0)
        new = life.logs[begins : begins + most]
        for one in new:
            self._echoes[life.is_verified].log(*one)
        self._told[life.id] = begins + len(new)
        return bool(new)


@pytest.fixture(scope="module")
def node() -> Iterator[tuple[Connection, Wallet]]:
    with running_node(None) as rpc:
        connection, wallet = Connection(rpc), Wallet.new()
        connection.ask("modelmarket_fund", wallet.address)
        yield connection, wallet


@pytest.fixture
def markets(
    node: tuple[Connection, Wallet], new_database: Callable[[], str]
) -> Markets:
    return Markets(*node, new_database)


def reputation(index: Index, who: Address) -> Reputation:
    return index.reputations([who])[who]


def agree(index: Index, lives: list[Life]) -> None:
    """What is counted in SQL is what the replayed requests come to."""
    records = [index.request(one.id) for one in lives if index_has(index, one)]
    found = index.reputations(PEOPLE)
    assert found == {who: counted_again(records, who) for who in PEOPLE}


def index_has(index: Index, life: Life) -> bool:
    return life.id in [one.id for one in index.find()]


@pytest.mark.parametrize("seed", [1, 2])
def test_reputations_are_what_each_requests_replay_comes_to_at_every_step(
    markets: Markets, seed: int
) -> None:
    chance = random.Random(seed)
    lives = [
        any_life(chance, number, is_verified=is_verified)
        for number in range(1, 7)
        for is_verified in (False, True)
    ]
    with closing(markets.index()) as index:
        waiting = list(lives)
        while waiting:
            life = chance.choice(waiting)
            if not markets.tell(life, most=chance.randrange(1, 5)):
                waiting.remove(life)
            elif chance.random() < 0.5:
                index.sync()
                agree(index, lives)
        index.sync()
        agree(index, lives)
        before = index.reputations(PEOPLE)
        assert sum(one.as_requester.created for one in before.values()) == len(lives)
        index.rebuild()
        assert index.reputations(PEOPLE) == before


def test_requests_of_both_kinds_count_together(markets: Markets) -> None:
    with closing(markets.index()) as index:
        for is_verified in (False, True):
            life = Life(1, RITA, is_verified=is_verified)
            one, other = life.enter(ANN), life.enter(RITA)
            life.open()
            life.claim(one, 2)
            life.claim(other, 1)
            life.fulfil(one)
            markets.tell(life)
        index.sync()
        found = index.reputations([RITA, ANN, NOBODY_YET])
    assert [found[one].as_requester.short for one in (RITA, ANN, NOBODY_YET)] == [
        *("2 paid", "new here", "new here")
    ]
    assert [found[one].as_trainer.short for one in (RITA, ANN, NOBODY_YET)] == [
        *("0 won of 2", "2 won of 2", "new here")
    ]


def test_those_who_were_in_at_the_end_count_though_nothing_more_was_logged_of_them(
    markets: Markets,
) -> None:
    with closing(markets.index()) as index:
        life = Life(1, RITA)
        one, _ = life.enter(ANN), life.enter(BEN)
        life.open()
        life.claim(one)
        markets.tell(life)
        index.sync()
        assert reputation(index, BEN).as_trainer.going_on == 1
        life.fulfil(one)
        markets.tell(life)
        index.sync()
        found = reputation(index, BEN).as_trainer
        assert (found.going_on, found.silent) == (0, 1)


def test_what_a_reorganisation_takes_back_counts_no_more(markets: Markets) -> None:
    """Whichever program had read it, and whichever takes it back."""
    with closing(markets.index()) as reader, closing(markets.index()) as other:
        life = Life(1, RITA)
        one, two = life.enter(ANN), life.enter(BEN)
        life.open()
        markets.tell(life)
        reader.sync()
        # The reader has looked, and remembers this state of it.
        reader.request(life.id)
        before, block = reader.reputations(PEOPLE), reader.request_as_of(life.id)[1]
        life.claim(one)
        life.fail(two, Failure.CANCELLED_LATE)
        life.fulfil(one)
        markets.tell(life)
        other.sync()
        after = reader.reputations(PEOPLE)
        assert after[ANN].as_trainer.won == 1
        assert after[BEN].as_trainer.failures == {Failure.CANCELLED_LATE: 1}
        assert reader.hint(life.id, SubmissionId(999), 0) == one
        reader._take_back(block.number)
        assert reader.reputations(PEOPLE) == before
        assert reader.hint(life.id, SubmissionId(999), 0) == 0
        reader.sync()
        assert reader.reputations(PEOPLE) == after


def test_a_request_that_is_set_aside_counts_for_nobody(markets: Markets) -> None:
    with closing(markets.index()) as index:
        sound, odd = Life(1, RITA), Life(2, RITA)
        for life in (sound, odd):
            life.enter(ANN)
            life.forfeit()
        markets.tell(sound)
        markets.tell(odd)
        index.sync()
        assert reputation(index, RITA).as_requester.forfeited == 2
        odd.claim(12345)
        markets.tell(odd)
        index.sync()
        assert [*index.set_aside()] == [odd.id]
        assert reputation(index, RITA).as_requester.forfeited == 1
        assert reputation(index, ANN).as_trainer.unjudged == 1


def test_many_addresses_are_one_question(markets: Markets) -> None:
    life = Life(1, RITA)
    life.enter(ANN)
    markets.tell(life)
    asked: list[str] = []
    many = [checksummed(number.to_bytes(20)) for number in range(1, 300)]
    with closing(markets.index()) as index:
        index.sync()
        sa.event.listen(
            index._engine,
            "before_cursor_execute",
            lambda _a, _b, said, *_: asked.append(said),
        )
        found = index.reputations([*many, RITA, ANN, *many])
    assert len([one for one in asked if "SELECT" in one]) == 1
    assert set(found) == {*many, RITA, ANN}
    assert found[ANN].as_trainer.going_on == found[RITA].as_requester.going_on == 1
    assert {found[one].as_trainer.short for one in many} == {"new here"}


def test_counting_reads_an_sql_index_and_no_row() -> None:
    engine = open_engine("sqlite://")
    with engine.begin() as sql:
        schema.meta.create_all(sql)
        for table, who, by in (
            ("requests", "requester", "by_requester"),
            ("submissions", "trainer", "by_trainer"),
        ):
            question = f"SELECT {who}, outcome, count(*) FROM {table} WHERE {who} IN "
            question += f"('a', 'b') GROUP BY {who}, outcome"
            [plan] = sql.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}").all()
            assert f"USING COVERING INDEX {by}" in plan[-1]
    engine.dispose()


def test_nobody_asked_about_is_nobody_told_of(markets: Markets) -> None:
    with closing(markets.index()) as index:
        assert index.reputations([]) == {}


def test_an_index_of_an_earlier_version_is_read_anew(markets: Markets) -> None:
    life = Life(1, RITA)
    life.enter(ANN)
    life.forfeit()
    markets.tell(life)
    with closing(markets.index()) as index:
        index.sync()
        before = index.reputations(PEOPLE)
        with index._engine.begin() as sql:
            # As it was before outcomes were kept.
            sql.exec_driver_sql("DELETE FROM settings WHERE name = 'layout'")
            for table, by in (("requests", "requester"), ("submissions", "trainer")):
                sql.exec_driver_sql(f"DROP INDEX by_{by}")
                sql.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN outcome")
    with closing(markets.index()) as index:
        assert index.counts() == (0, 0)
        index.sync()
        assert index.reputations(PEOPLE) == before
        assert before[RITA].as_requester.forfeited == 1
    with closing(markets.index()) as index:
        # And what is of this version is kept.
        assert index.counts() == (1, 1)
        with index._engine.begin() as sql:
            kept = sql.scalar(
                sa.select(schema.settings.c.value).where(
                    schema.settings.c.name == "layout"
                )
            )
        assert kept == schema.LAYOUT
