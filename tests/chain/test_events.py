# SPDX-License-Identifier: Apache-2.0
"""Whatever a contract can log can be read, and nothing that is logged raises."""

from __future__ import annotations

import hashlib
import unicodedata
from contextlib import suppress
from dataclasses import astuple
from typing import Any

import pytest
from eth_abi import encode
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.chain.abi import EventType, functions
from modelmarket.errors import ChainError
from modelmarket.protocol.conditions import Conditions, Texts
from modelmarket.protocol.events import (
    EVENT_TYPES,
    VERIFIED_EVENT_TYPES,
    ContestCreated,
    Event,
    RequestCreated,
    SubmissionFailed,
    Unreadable,
)
from modelmarket.protocol.points import read_weights
from modelmarket.protocol.seals import superhash
from modelmarket.protocol.shown import Shown
from modelmarket.protocol.terms import ABI, Terms
from modelmarket.protocol.types import Address, Seal, Wei, checksummed
from modelmarket.system.text import Undecodable, bytes_of, in_a_line, storable, text_of
from support.strangers import (
    CONTRACTS,
    EVENTS,
    HOSTILE,
    MARKET,
    POSTED,
    VERIFIED,
    VERIFIED_EVENTS,
    encoded,
    log,
    logs,
    long_texts,
)

SOMEBODY = checksummed(b"\x05" * 20)


@given(long_texts)
def test_text_gives_back_the_very_bytes_that_it_is_of(raw: bytes) -> None:
    text = text_of(raw)
    assert bytes_of(text) == raw
    assert isinstance(text, Undecodable) == (text.encode() != raw)
    assert text == text_of(raw)
    assert hash(text) == hash(text_of(raw))
    shown = storable(text)
    assert type(shown) is str
    assert "\0" not in shown
    kinds = {unicodedata.category(one) for one in in_a_line(text)}
    assert not kinds & {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


def test_texts_of_different_bytes_are_different_though_they_look_alike() -> None:
    one, other = text_of(b"a\xff"), text_of(b"a\xfe")
    assert str(one) == str(other) == "a\N{REPLACEMENT CHARACTER}"
    assert one != other
    assert one != str(one)
    assert str(one) != one


def as_sent(read: Any, sent: Any) -> Any:
    """A value that was read, as it stood in the event: text as its bytes."""
    if isinstance(read, Terms | Conditions | Texts | Shown):
        pairs = zip(read.as_struct(), sent, strict=True)
        return tuple(as_sent(one, other) for one, other in pairs)
    is_text = isinstance(read, str) and isinstance(sent, bytes)
    return bytes_of(read) if is_text else read


def as_words(sent: list[int]) -> bytes:
    return b"".join(word.to_bytes(32) for word in sent)


BOTH = [(kind, MARKET, EVENT_TYPES) for kind in EVENTS] + [
    (kind, VERIFIED, VERIFIED_EVENT_TYPES) for kind in VERIFIED_EVENTS
]
NAMES = {"matches": "score", "contest": "terms_hash"}
"""What the contracts call differently: the market counts matches, and calls them so."""


@pytest.mark.parametrize(
    ("kind", "address", "types"),
    BOTH,
    ids=[f"{kind.name}-{'v' * (where == VERIFIED)}" for kind, where, _ in BOTH],
)
@given(data=st.data())
def test_an_event_with_any_bytes_in_it_is_read_exactly(
    kind: EventType,
    address: Address,
    types: dict[str, type[Event]],
    data: st.DataObject,
) -> None:
    _, arguments, topics, plain_data = data.draw(logs([kind]))
    event = CONTRACTS.decode(log(topics, plain_data, address))
    assert type(event) is types[kind.name]
    names = [name for name, _ in (*kind.indexed, *kind.plain)]
    for name, sent in zip(names, arguments, strict=True):
        read = getattr(event, NAMES.get(name, name))
        expected = sent
        if name in ("request_id", "submission_id"):
            read = read.number
        elif name in ("words", "base"):
            expected = as_words(sent)
        elif name == "weights":
            assert isinstance(event, ContestCreated)
            expected = read_weights(as_words(sent), event.terms.outputs)
        assert as_sent(read, sent) == expected, name


@pytest.mark.parametrize("where", [MARKET, VERIFIED])
@given(st.data())
def test_a_damaged_log_is_unreadable_and_raises_nothing(
    where: Address, data: st.DataObject
) -> None:
    kinds = [kind for kind, address, _ in BOTH if address == where]
    kind, _, topics, body = data.draw(logs(kinds))
    damage, topics, body = damaged(data, topics, body)
    event = CONTRACTS.decode(log(topics, body, where))
    types = EVENT_TYPES if where == MARKET else VERIFIED_EVENT_TYPES
    assert isinstance(event, Unreadable | types[kind.name])
    if damage == "extra" or len(topics) <= len(kind.indexed):
        assert isinstance(event, Unreadable)
        assert event.name == kind.name


def damaged(
    data: st.DataObject, topics: tuple[bytes, ...], body: bytes
) -> tuple[str, tuple[bytes, ...], bytes]:
    """A log as a node may garble it, and how."""
    damage = data.draw(st.sampled_from(["cut", "noise", "topic", "extra", "offset"]))
    match damage:
        case "cut":
            body = body[: data.draw(st.integers(0, max(0, len(body) - 1)))]
        case "noise":
            body = data.draw(st.binary(max_size=200))
        case "topic":
            topics = topics[: data.draw(st.integers(1, len(topics)))]
        case "extra":
            topics = (*topics, data.draw(st.binary(min_size=32, max_size=32)))
        case "offset":
            body = b"\xff" * 32 + body[32:]
    return damage, topics, body


@given(st.data())
def test_what_a_clerk_logs_is_read_exactly_or_refused_in_words(
    data: st.DataObject,
) -> None:
    kind, arguments, topics, body = data.draw(logs(POSTED))
    names = [name for name, _ in (*kind.indexed, *kind.plain)]
    read = kind.decode(topics, body)
    for name, sent in zip(names, arguments, strict=True):
        found = read[name]
        assert (list(found) if isinstance(sent, list) else found) in (
            sent,
            str(sent).lower(),
        )
    _, topics, body = damaged(data, topics, body)
    with suppress(ChainError):
        kind.decode(topics, body)


def test_an_unknown_reason_is_unreadable_and_says_which_request_it_is_about() -> None:
    [kind] = [one for one in EVENTS if one.name == SubmissionFailed.__name__]
    arguments = [7 if name.endswith("_id") else 4 for name, _ in kind.indexed]
    event = CONTRACTS.decode(log(*encoded(kind, *arguments, *[9 for _ in kind.plain])))
    assert isinstance(event, Unreadable)
    assert (event.name, event.request_id) == (SubmissionFailed.__name__, 7)
    assert "9" in event.why


def test_a_number_that_no_database_or_calendar_takes_is_unreadable() -> None:
    [kind] = [one for one in EVENTS if one.name == RequestCreated.__name__]
    terms = (b"", b"", b"", 1, 1, 60, 60, 1, 1, 0, bytes(32))
    others = {
        "request_id": 1,
        "requester": SOMEBODY,
        "terms_hash": bytes(32),
        "terms": terms,
    }

    def created(deadline: int) -> object:
        known = others | {"deadline": deadline}
        names = [name for name, _ in (*kind.indexed, *kind.plain)]
        return CONTRACTS.decode(log(*encoded(kind, *(known[name] for name in names))))

    assert isinstance(created(2**33), RequestCreated)
    assert isinstance(created(2**64), Unreadable)
    assert isinstance(created(2**256 - 1), Unreadable)


@pytest.mark.parametrize("raw", HOSTILE)
def test_hashes_are_made_of_the_bytes_that_were_sent(raw: bytes) -> None:
    text = text_of(raw)
    assert superhash(text) == hashlib.sha256(raw).digest()
    terms = Terms(
        dataset=text,
        name=text,
        context=text,
        reward=Wei(1),
        stake=Wei(1),
        submission_window_s=60,
        response_window_s=60,
        labels=1,
        bits=1,
        minimum_matches=0,
        truth_seal=Seal(bytes(32)),
    )
    numbers = astuple(terms)[3:]
    expected = keccak(encode(("address", ABI), (SOMEBODY, (raw, raw, raw, *numbers))))
    assert terms.hash(SOMEBODY) == expected
    call = functions("ModelMarket")["create_request"]
    sent = call.encode(terms.as_struct(), (0, 0, bytes(32), bytes(32)))
    assert call.decode_arguments(sent)[0] == terms.as_struct()


@given(st.binary(max_size=300))
def test_what_is_no_call_is_refused_in_words(data: bytes) -> None:
    for function in functions("ModelMarket").values():
        for read in (function.decode_arguments, function.decode):
            try:
                read(data)
            except ChainError:
                continue
