# SPDX-License-Identifier: Apache-2.0
"""Whatever a contract can log can be read, and nothing that is logged raises."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import astuple
from typing import Any

import pytest
from eth_abi import encode
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.chain.abi import EventType, functions
from modelmarket.errors import ChainError
from modelmarket.protocol.events import (
    EVENT_TYPES,
    RequestCreated,
    SubmissionFailed,
    Unreadable,
)
from modelmarket.protocol.seals import superhash
from modelmarket.protocol.terms import ABI, Terms
from modelmarket.protocol.types import Seal, Wei, checksummed
from modelmarket.system.text import Undecodable, bytes_of, in_a_line, storable, text_of
from support.strangers import (
    CONTRACTS,
    EVENTS,
    HOSTILE,
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


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.name)
@given(data=st.data())
def test_an_event_with_any_bytes_in_it_is_read_exactly(
    kind: EventType, data: st.DataObject
) -> None:
    _, arguments, topics, plain_data = data.draw(logs(kind))
    event = CONTRACTS.decode(log(topics, plain_data))
    assert type(event) is EVENT_TYPES[kind.name]
    names = [name for name, _ in (*kind.indexed, *kind.plain)]
    for name, sent in zip(names, arguments, strict=True):
        # The market counts matches, and calls them so.
        read = getattr(event, "score" if name == "matches" else name)
        if isinstance(read, str) and isinstance(sent, bytes):
            read = bytes_of(read)
        if isinstance(read, Terms):
            read = tuple(
                bytes_of(one) if isinstance(one, str) else one
                for one in read.as_struct()
            )
        expected = sent
        if name == "words":
            expected = b"".join(word.to_bytes(32) for word in sent)
        assert read == expected, name


@given(logs(), st.data())
def test_a_damaged_log_is_unreadable_and_raises_nothing(
    logged: tuple[Any, ...], data: st.DataObject
) -> None:
    kind, _, topics, body = logged
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
    event = CONTRACTS.decode(log(topics, body))
    assert isinstance(event, Unreadable | EVENT_TYPES[kind.name])
    if damage == "extra" or len(topics) <= len(kind.indexed):
        assert isinstance(event, Unreadable)
        assert event.name == kind.name


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
