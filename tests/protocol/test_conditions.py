# SPDX-License-Identifier: Apache-2.0
"""Terms of verified contests: Python and the contract refuse the same ones."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts.machine import Machine, Reverted
from modelmarket.chain.abi import functions
from modelmarket.errors import TermsError
from modelmarket.protocol.conditions import Conditions, Texts
from modelmarket.protocol.labels import words
from modelmarket.protocol.point_kinds import Kind
from modelmarket.protocol.points import weight_words, weights_hash
from modelmarket.protocol.shown import ModelSeal, Shown
from modelmarket.protocol.types import Salt, Superhash, TermsHash, Wei, checksummed
from verified.world import TERMS as STRUCT

SOMEBODY = checksummed("0x" + "ab" * 20)
DAY_S = 86_400
MDC = 10**18

TERMS = Conditions(
    reward=Wei(100 * MDC),
    stake=Wei(10 * MDC),
    demand_bond=Wei(2 * MDC),
    submission_window_s=DAY_S,
    response_window_s=900,
    challenge_window_s=7_200,
    minimum_score=3,
    rows=1_000,
    columns=64,
    width=8,
    outputs=10,
    bits=4,
    points=Kind.ACCURACY,
    cap=1,
    step=1,
    most_units=1_000,
    most_words=3_328,
    most_parts=16,
    weights_hash=weights_hash(()),
    rows_root=b"\x01" * 32,
    targets_root=b"\x02" * 32,
    nonce=b"\x03" * 32,
    key_hash=b"\x04" * 32,
    schema_hash=b"\x05" * 32,
    texts_hash=b"\x06" * 32,
)


@pytest.fixture(scope="module")
def clerk() -> tuple[Machine, str]:
    machine = Machine()
    return machine, machine.deploy("Clerk", SOMEBODY)


def around(*values: int) -> st.SearchStrategy[int]:
    """The values, and those beside them."""
    near = sorted({one + by for one in values for by in (-1, 0, 1)} - {-1})
    return st.sampled_from(near)


CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "reward": around(0, 1, 19, 20, 2**96),
    "stake": around(0, 1, 5 * MDC, 10 * MDC, 2**96),
    "demand_bond": around(0, 1, MDC, 10 * MDC),
    "submission_window_s": around(60, 365 * DAY_S),
    "response_window_s": around(60, 900, 1_800, 7 * DAY_S),
    "challenge_window_s": around(3_600, 4_000, 28 * DAY_S),
    "minimum_score": around(0, 1_000, 2**32),
    "rows": around(0, 1, 2**17 * 44, 4_326_923, 10_817_307, 21_634_615, 2**26),
    "columns": around(0, 1, 32, 33, 1_024),
    "width": st.sampled_from([0, 4, 8, 16, 32]),
    "outputs": around(0, 1, 2, 4, 16, 256),
    "bits": st.sampled_from([0, 1, 2, 3, 4, 8, 16, 32, 64]),
    "points": st.sampled_from(list(Kind)),
    "cap": around(0, 1, 255, 2**16),
    "step": around(0, 1, 2**256 - 2),
    "most_units": around(0, 1, 2**18),
    "most_words": around(0, 1, 3_328),
    "most_parts": around(0, 1, 256),
}
WEIGHTS = st.one_of(
    st.just(()),
    st.lists(st.integers(0, 3), min_size=1, max_size=12).map(tuple),
    st.lists(st.sampled_from([0, 2**16, 2**16 + 1]), min_size=1, max_size=9).map(tuple),
)


@st.composite
def changed(draw: st.DrawFn) -> tuple[Conditions, tuple[int, ...]]:
    """Terms of which up to four fields are at or beyond a bound."""
    names = draw(st.lists(st.sampled_from(sorted(CHANGES)), max_size=4, unique=True))
    changes = {name: draw(CHANGES[name]) for name in names}
    weights = draw(WEIGHTS)
    fits, is_hashed = draw(
        st.tuples(st.booleans(), st.sampled_from([True, True, False]))
    )
    if weights and fits:
        fitting = {"points": Kind.WEIGHTED, "outputs": len(weights)}
        changes |= fitting | {"cap": max(weights)}
    hashed = weights if is_hashed else ()
    return replace(TERMS, **changes, weights_hash=weights_hash(hashed)), weights


@settings(max_examples=600, deadline=None)
@given(changed())
@example((replace(TERMS, outputs=3, bits=2, rows=10_817_307), ()))
@example((replace(TERMS, outputs=3, bits=2, rows=10_817_308), ()))
def test_terms_are_refused_by_python_exactly_if_the_contract_refuses_them(
    clerk: tuple[Machine, str], given: tuple[Conditions, tuple[int, ...]]
) -> None:
    machine, address = clerk
    terms, weights = given
    call = functions("Clerk")["check_terms"].encode(
        terms.as_struct(), words(weight_words(weights))
    )
    try:
        machine.send(address, SOMEBODY, call)
        said = ""
    except Reverted as error:
        said = str(error)
    problems = list(terms.problems(weights))
    assert bool(problems) == bool(said), problems
    if said:
        assert said in [reason for reason, _ in problems]
        with pytest.raises(TermsError, match=r"\."):
            terms.check(weights)
    else:
        terms.check(weights)


def test_the_fields_stand_in_the_order_of_the_contracts_struct() -> None:
    ours = [field.name.removesuffix("_s") for field in fields(Conditions)]
    assert ours == list(STRUCT)


def test_texts_that_are_too_long_are_refused_by_name() -> None:
    texts = Texts(dataset="d" * 128, name="n" * 64, context="c" * 1_024)
    assert not list(texts.problems())
    for name in ("dataset", "name", "context"):
        longer = replace(texts, **{name: getattr(texts, name) + "é"})
        [(_, problem)] = longer.problems()
        assert name in problem


# --- hashes, beside what the contracts' own encoder says ---


def encoded(*types_and_values: tuple[str, Any]) -> bytes:
    from eth_abi import encode
    from eth_hash.auto import keccak

    kinds, values = zip(*types_and_values, strict=True)
    return keccak(encode(kinds, values))


def test_the_hash_of_terms_is_that_of_the_contract() -> None:
    struct = f"({','.join(STRUCT.values())})"
    expected = encoded(("address", SOMEBODY), (struct, TERMS.as_struct()))
    assert TERMS.hash(SOMEBODY) == expected


def test_the_hash_of_texts_is_that_of_the_contract() -> None:
    texts = ("bafydata", "a \ud83e contest".encode("utf-8", "ignore").decode(), "é")
    given = Texts(dataset=texts[0], name=texts[1], context=texts[2])
    assert given.hash() == encoded(("(string,string,string)", texts))


def test_the_hash_of_what_was_shown_is_that_of_the_contract() -> None:
    shown = Shown(SOMEBODY, b"\x01" * 32, b"\x02" * 32, b"\x03" * 32, b"\x04" * 32, 9)
    kinds = "(address,uint256,bytes32,bytes32,bytes32,uint256)"
    assert shown.hash() == encoded((kinds, shown.as_struct()))


def test_the_seal_of_a_model_binds_all_that_it_names() -> None:
    seal = ModelSeal(
        61,
        SOMEBODY,
        checksummed("0x" + "cd" * 20),
        TermsHash(b"\x01" * 32),
        b"\x02" * 32,
        Superhash(b"\x03" * 32),
        Salt(b"\x04" * 32),
    )
    from eth_hash.auto import keccak

    assert seal.seal == encoded(
        ("bytes32", keccak(b"ModelMarket sealed model 1")),
        ("uint256", 61),
        ("address", seal.market),
        ("address", seal.owner),
        *(("bytes32", getattr(seal, one)) for one in SEALED),
    )
    changes: list[dict[str, Any]] = [
        {"chain_id": 62},
        {"market": SOMEBODY.replace("ab", "ac", 1)},
        {"owner": SOMEBODY},
        *({one: b"\xff" * 32} for one in SEALED),
    ]
    seals = {replace(seal, **one).seal for one in changes}
    assert len(seals | {seal.seal}) == len(changes) + 1


SEALED = ("terms_hash", "model_root", "superhash", "salt")
