# SPDX-License-Identifier: Apache-2.0
"""An index follows a contract that logs any bytes whatever, and stops at none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
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
from modelmarket.protocol.types import RequestId, checksummed
from modelmarket.web.rendering import markdown, strangers
from modelmarket.web.views import ranking, time_line
from support.strangers import EVENTS, Echo, encoded, values

HONEST, HOSTILE = RequestId(1), RequestId(2)
SOMEBODY = checksummed(b"\x05" * 20)


@pytest.fixture(scope="module")
def echo() -> Iterator[tuple[Echo, Connection]]:
    with running_node(None) as rpc:
        connection, wallet = Connection(rpc), Wallet.new()
        connection.ask("modelmarket_fund", wallet.address)
        yield Echo(connection, wallet), connection


def event(name: str, **known: Any) -> tuple[tuple[bytes, ...], bytes]:
    """An event, with zeros for what is not given."""
    [kind] = [one for one in EVENTS if one.name == name]
    zeros: dict[str, Any] = {
        "uint256": 0,
        "uint256[]": [0],
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


def created(request_id: int, text: bytes = b"a name") -> tuple[Any, ...]:
    terms = (text, text, text, 100, 1, 60, 60, 8, 1, 0, bytes(32))
    return event("RequestCreated", request_id=request_id, deadline=1_000, terms=terms)


@st.composite
def hostile(draw: st.DrawFn) -> tuple[tuple[bytes, ...], bytes]:
    """Anything about the hostile request; often of a shape that makes sense."""
    kind: EventType = draw(st.sampled_from(EVENTS))
    known = {"request_id": HOSTILE, "submission_id": draw(st.integers(1, 2))}
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


@settings(
    max_examples=25,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(data=st.data())
def test_no_events_of_one_request_stop_the_index_at_another(
    echo: tuple[Echo, Connection],
    data: st.DataObject,
    new_database: Callable[[], str],
) -> None:
    contract, connection = echo
    first = connection.block().number + 1
    text = data.draw(values("string", "context"))
    contract.log(*created(HONEST))
    if data.draw(st.booleans()):
        contract.log(*created(HOSTILE, text))
    address = new_database()
    with closing(
        Index(address, connection, Contracts(contract.address), first)
    ) as index:
        index.sync()
        for one in data.draw(st.lists(hostile(), min_size=1, max_size=5)):
            contract.log(*one)
            if data.draw(st.booleans()):
                index.sync()
        contract.log(*event("SubmissionCreated", submission_id=9, request_id=HONEST))
        index.sync()
        before = _all_that_is_said(index)
        index.rebuild()
        assert _all_that_is_said(index) == before


def _all_that_is_said(index: Index) -> list[object]:
    record = index.request(HONEST)
    assert [*record.submissions] == [9]
    summaries = index.find()
    said: list[object] = [record, summaries, index.counts(), index.set_aside()]
    assert HONEST in [one.id for one in summaries]
    for order in Sort:
        assert len(index.find(sort=order)) == index.count() == len(summaries)
    for one in summaries:
        assert one.id in [same.id for same in index.find(Wanted(search=one.name))]
        one.name.encode()
        assert "\0" not in one.name + one.dataset
    try:
        strange = index.request(HOSTILE)
    except (UnreadableError, NotFoundError) as error:
        assert isinstance(error, NotFoundError) or HOSTILE in index.set_aside()
        said.append(str(error))
    else:
        assert HOSTILE not in index.set_aside()
        said.append(strange)
        _can_be_shown(strange)
    return said


def _can_be_shown(record: Any) -> None:
    """As a page shows it."""
    position = record.at(2_000)
    for place in ranking(record, SOMEBODY):
        strangers(place.record.name).encode()
    time_line(record, position)
    for text in (record.terms.name, record.terms.dataset, record.model):
        strangers(text).encode()
    markdown(record.terms.context).encode()


def test_a_request_whose_log_is_none_is_set_aside_until_it_makes_sense(
    echo: tuple[Echo, Connection], new_database: Callable[[], str]
) -> None:
    contract, connection = echo
    first = connection.block().number + 1
    address = new_database()
    with closing(
        Index(address, connection, Contracts(contract.address), first)
    ) as index:
        contract.log(*created(HONEST))
        contract.log(*created(HOSTILE))
        contract.log(*event("SubmissionCreated", submission_id=3, request_id=HOSTILE))
        index.sync()
        assert index.set_aside() == {}
        assert index.counts() == (2, 1)
        topics, data = event("SubmissionFailed", submission_id=3, request_id=HOSTILE)
        contract.log(topics, data)
        index.sync()
        assert [one.id for one in index.find()] == [HONEST]
        assert [*index.set_aside()] == [HOSTILE]
        assert index.counts() == (2, 1)
        with pytest.raises(UnreadableError, match="as SubmissionFailed is none: 0 is"):
            index.request(HOSTILE)
        # By what it should be.
        [last] = index.events(HOSTILE, limit=1)
        assert last.name == "SubmissionFailed"
        # What comes later changes nothing about that.
        contract.log(*event("Claimed", submission_id=3, request_id=HOSTILE))
        index.sync()
        assert [*index.set_aside()] == [HOSTILE]
