# SPDX-License-Identifier: Apache-2.0
"""An index follows a contract that logs any bytes whatever, and stops at none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelmarket.chain.abi import EventType
from modelmarket.chain.connection import Connection
from modelmarket.chain.devnode.server import running_node
from modelmarket.chain.events import Contracts
from modelmarket.chain.wallets import Wallet
from modelmarket.errors import NotFoundError, UnreadableError
from modelmarket.index.index import Index
from modelmarket.index.sorting import Sort
from modelmarket.index.summaries import Wanted
from modelmarket.protocol.types import Address, RequestId, checksummed
from modelmarket.web.ranking import ranking
from modelmarket.web.rendering import markdown, strangers
from modelmarket.web.timeline import standing, time_line
from support.strangers import EVENTS, VERIFIED_EVENTS, Echo, encoded, values

SOMEBODY = checksummed(b"\x05" * 20)


@dataclass(frozen=True)
class Side:
    """Which of the two markets a contract passes itself off as.

    Attributes:
        is_verified: Whether it is that of verified contests.
        events: That it logs.
    """

    is_verified: bool
    events: list[EventType]

    def id(self, number: int) -> RequestId:
        """How a request of it is called."""
        return RequestId.of(number, is_verified=self.is_verified)

    @property
    def honest(self) -> RequestId:
        """A request that makes sense."""
        return self.id(1)

    @property
    def hostile(self) -> RequestId:
        """One about which anything is logged."""
        return self.id(2)

    def contracts(self, address: Address) -> Contracts:
        """With the other market where nobody is."""
        return Contracts(SOMEBODY, address) if self.is_verified else Contracts(address)

    def event(self, name: str, **known: Any) -> tuple[tuple[bytes, ...], bytes]:
        """An event, with zeros for what is not given."""
        [kind] = [one for one in self.events if one.name == name]
        zeros: dict[str, Any] = {
            "uint256": 0,
            "uint256[]": [],
            "address": SOMEBODY,
            "string": b"",
            "bytes32": bytes(32),
            "bool": False,
        }
        found = (
            known[one] if one in known else zeros[what]
            for one, what in (*kind.indexed, *kind.plain)
        )
        return encoded(kind, *found)

    def created(
        self, number: int, text: bytes = b"a name"
    ) -> tuple[tuple[bytes, ...], bytes]:
        """That somebody created a request."""
        terms: tuple[Any, ...] = (text, text, text, 100, 1, 60, 60, 8, 1, 0, bytes(32))
        known: dict[str, Any] = {"request_id": number, "deadline": 1_000}
        if self.is_verified:
            terms = (100, 10, 1, 60, 900, 3_600, 0, 8, 2, 8, 2, 1, 0, 1, 1, 9, 9, 1)
            terms += (bytes(32),) * 7
            known["texts"] = (text, text, text)
        return self.event("RequestCreated", terms=terms, **known)


PREDICTIONS = Side(is_verified=False, events=EVENTS)
CONTESTS = Side(is_verified=True, events=VERIFIED_EVENTS)
both = pytest.mark.parametrize("side", [PREDICTIONS, CONTESTS], ids=["", "v"])


@pytest.fixture(scope="module")
def echo() -> Iterator[tuple[Echo, Connection]]:
    with running_node(None) as rpc:
        connection, wallet = Connection(rpc), Wallet.new()
        connection.ask("modelmarket_fund", wallet.address)
        yield Echo(connection, wallet), connection


@st.composite
def hostile(draw: st.DrawFn, side: Side) -> tuple[tuple[bytes, ...], bytes]:
    """Anything about the hostile request; often of a shape that makes sense."""
    kind: EventType = draw(st.sampled_from(side.events))
    known = {
        "request_id": side.hostile.number,
        "submission_id": draw(st.integers(1, 2)),
    }
    topics, data = encoded(
        kind,
        *(
            known[name] if name in known else draw(values(what, name))
            for name, what in (*kind.indexed, *kind.plain)
        ),
    )
    if draw(st.integers(0, 5)) == 0:
        data = data[: draw(st.integers(0, len(data)))]
    return topics, data


@both
@settings(
    max_examples=15,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(data=st.data())
def test_no_events_of_one_request_stop_the_index_at_another(
    echo: tuple[Echo, Connection],
    side: Side,
    data: st.DataObject,
    new_database: Callable[[], str],
) -> None:
    contract, connection = echo
    first = connection.block().number + 1
    text = data.draw(values("string", "context"))
    contract.log(*side.created(1))
    if data.draw(st.booleans()):
        contract.log(*side.created(2, text))
    address = new_database()
    with closing(
        Index(address, connection, side.contracts(contract.address), first)
    ) as index:
        index.sync()
        for one in data.draw(st.lists(hostile(side), min_size=1, max_size=5)):
            contract.log(*one)
            if data.draw(st.booleans()):
                index.sync()
        contract.log(*side.event("SubmissionCreated", submission_id=9, request_id=1))
        index.sync()
        before = _all_that_is_said(index, side)
        index.rebuild()
        assert _all_that_is_said(index, side) == before


def _all_that_is_said(index: Index, side: Side) -> list[object]:
    record = index.request(side.honest)
    assert [one.number for one in record.submissions] == [9]
    summaries = index.find()
    said: list[object] = [record, summaries, index.counts(), index.set_aside()]
    assert side.honest in [one.id for one in summaries]
    for order in Sort:
        assert len(index.find(sort=order)) == index.count() == len(summaries)
    for one in summaries:
        assert one.id in [same.id for same in index.find(Wanted(search=one.name))]
        one.name.encode()
        assert "\0" not in one.name + one.dataset
    try:
        strange = index.request(side.hostile)
    except (UnreadableError, NotFoundError) as error:
        assert isinstance(error, NotFoundError) or side.hostile in index.set_aside()
        said.append(str(error))
    else:
        assert side.hostile not in index.set_aside()
        said.append(strange)
        _can_be_shown(strange)
    return said


def _can_be_shown(record: Any) -> None:
    """As a page shows it."""
    position = record.at(2_000)
    for place in ranking(record, SOMEBODY):
        strangers(place.record.name).encode()
    time_line(record, position, None)
    standing(record, position)
    for text in (record.name, record.dataset, record.model):
        strangers(text).encode()
    markdown(record.context).encode()


@both
def test_a_request_whose_log_is_none_is_set_aside_until_it_makes_sense(
    echo: tuple[Echo, Connection], side: Side, new_database: Callable[[], str]
) -> None:
    contract, connection = echo
    first = connection.block().number + 1
    address = new_database()
    with closing(
        Index(address, connection, side.contracts(contract.address), first)
    ) as index:
        contract.log(*side.created(1))
        contract.log(*side.created(2))
        contract.log(*side.event("SubmissionCreated", submission_id=3, request_id=2))
        index.sync()
        assert index.set_aside() == {}
        assert index.counts() == (2, 1)
        topics, data = side.event("SubmissionFailed", submission_id=3, request_id=2)
        contract.log(topics, data)
        index.sync()
        assert [one.id for one in index.find()] == [side.honest]
        assert [*index.set_aside()] == [side.hostile]
        assert index.counts() == (2, 1)
        with pytest.raises(UnreadableError, match="as SubmissionFailed is none: 0 is"):
            index.request(side.hostile)
        # By what it should be.
        failed = index.newest(side.hostile, limit=9, named=["SubmissionFailed"])
        assert failed == index.newest(side.hostile, limit=1)
        # What comes later changes nothing about that.
        contract.log(*side.event("Claimed", submission_id=3, request_id=2))
        index.sync()
        assert [*index.set_aside()] == [side.hostile]
