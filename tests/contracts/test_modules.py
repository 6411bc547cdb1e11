# SPDX-License-Identifier: Apache-2.0
"""Labels, seals and ranking alone, and bit for bit as in Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boa
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts.sources import search
from modelmarket.protocol import labels, seals
from modelmarket.protocol.terms import Terms
from modelmarket.protocol.types import Salt, Seal, Wei, checksummed

HARNESS = Path(__file__).parent / "harness"
VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "protocol.json").read_text()
)
WIDTHS = (1, 2, 4, 8, 16)


def load(name: str) -> Any:
    search()
    return boa.load(str(HARNESS / f"{name}_harness.vy"))


@pytest.fixture(scope="session")
def labels_vy() -> Any:
    return load("labels")


@pytest.fixture(scope="session")
def seals_vy() -> Any:
    return load("seals")


@pytest.fixture(scope="session")
def ranking_vy() -> Any:
    return load("ranking")


@pytest.fixture(scope="session")
def requests_vy() -> Any:
    return load("requests")


@pytest.fixture
def ranking() -> Iterator[Any]:
    with boa.env.anchor():
        yield load("ranking")


@pytest.mark.parametrize("bits", WIDTHS)
@given(count=st.integers(1, 2**22), page=st.integers(0, 400))
@settings(max_examples=25)
def test_labels__of_any_count_and_width__fill_as_many_words_and_pages_as_in_python(
    labels_vy: Any, bits: int, count: int, page: int
) -> None:
    words = labels.word_count(count, bits)
    assert labels_vy.word_count(count, bits) == words
    assert labels_vy.page_count(words) == labels.page_count(count, bits)
    page %= labels.page_count(count, bits)
    expected = min(labels.PAGE_WORDS, words - page * labels.PAGE_WORDS)
    assert labels_vy.page_words(words, page) == expected


@pytest.mark.parametrize("bits", WIDTHS)
@given(data=st.data())
@settings(max_examples=40)
def test_count_differing__on_any_word__counts_as_in_python(
    labels_vy: Any, bits: int, data: st.DataObject
) -> None:
    per_word = 256 // bits
    lanes = st.lists(st.integers(0, 2**bits - 1), min_size=per_word, max_size=per_word)
    truth, guess = data.draw(lanes), data.draw(lanes)
    pages = [
        labels.pack(np.array(one, dtype=np.uint16), bits)[0] for one in (truth, guess)
    ]
    word = int.from_bytes(labels.difference(*pages))
    differing = sum(a != b for a, b in zip(truth, guess, strict=True))
    assert labels_vy.count_differing(word, bits) == differing


@pytest.mark.parametrize("bits", WIDTHS)
def test_count_differing__on_the_extreme_words__counts_each_lane_once(
    labels_vy: Any, bits: int
) -> None:
    lanes = 256 // bits
    assert labels_vy.count_differing(0, bits) == 0
    assert labels_vy.count_differing(2**256 - 1, bits) == lanes
    for lane in range(0, lanes, max(1, lanes // 8)):
        for bit in {0, bits - 1}:
            assert labels_vy.count_differing(1 << (lane * bits + bit), bits) == 1


@pytest.mark.parametrize("bits", WIDTHS)
def test_last_word_mask__for_every_filling_of_the_word__leaves_out_its_padding(
    labels_vy: Any, bits: int
) -> None:
    lanes = 256 // bits
    for used in range(1, lanes + 1):
        mask = labels_vy.last_word_mask(lanes + used, bits)
        codes = np.full(used, 2**bits - 1, dtype=np.uint16)
        assert mask == labels.words(labels.pack(codes, bits)[0])[0]


def test_are_valid_bits__of_each_width_below_300__is_true_of_five(
    labels_vy: Any,
) -> None:
    valid = [bits for bits in range(300) if labels_vy.are_valid_bits(bits)]
    assert tuple(valid) == WIDTHS


@given(
    page=st.lists(st.integers(0, 2**256 - 1), min_size=1, max_size=768),
    inner=st.binary(min_size=32, max_size=32),
)
@settings(max_examples=30)
def test_layer__of_any_page__is_hashed_as_in_python(
    seals_vy: Any, page: list[int], inner: bytes
) -> None:
    packed = labels.from_words(page)
    assert seals_vy.layer(page, inner) == seals.layer(packed, inner)


@given(
    is_truth=st.booleans(),
    chain_id=st.integers(0, 2**256 - 1),
    addresses=st.tuples(*[st.binary(min_size=20, max_size=20)] * 2),
    words=st.tuples(*[st.binary(min_size=32, max_size=32)] * 3),
)
@settings(max_examples=30)
def test_core__of_any_parts__is_hashed_as_in_python(
    seals_vy: Any,
    is_truth: bool,
    chain_id: int,
    addresses: tuple[bytes, bytes],
    words: tuple[bytes, bytes, bytes],
) -> None:
    market, owner = (checksummed(one) for one in addresses)
    domain = seals.TRUTH if is_truth else seals.PREDICTIONS
    core = seals.Core(domain, chain_id, market, owner, *words[:2], Salt(words[2]))
    assert seals_vy.core(is_truth, chain_id, market, owner, *words) == core.hash()


@pytest.mark.parametrize("vector", VECTORS["counts"], ids=str)
def test_count_differing__on_the_golden_vectors__counts_what_they_say(
    labels_vy: Any, vector: dict[str, Any]
) -> None:
    word = int(vector["truth"], 16) ^ int(vector["predictions"], 16)
    found = labels_vy.count_differing(word, vector["bits"])
    assert found == vector["differing"]


@pytest.mark.parametrize("vector", VECTORS["seals"], ids=lambda one: one["name"])
def test_seals__of_the_golden_vectors__are_what_they_say(
    seals_vy: Any, vector: dict[str, Any]
) -> None:
    inner = seals_vy.core(
        vector["domain"] == "truth",
        vector["chain_id"],
        vector["market"],
        vector["owner"],
        bytes.fromhex(vector["terms_hash"]),
        bytes.fromhex(vector["superhash"]),
        bytes.fromhex(vector["salt"]),
    )
    assert inner.hex() == vector["core"]
    for page in reversed(vector["pages"]):
        inner = seals_vy.layer(labels.words(bytes.fromhex(page)), inner)
    assert inner.hex() == vector["layer"]
    if vector["domain"] == "predictions":
        inner = seals_vy.bound(inner, bytes.fromhex(vector["superhash"]))
    assert inner.hex() == vector["seal"]


# --- the ranking, against a sorted list ---


def _listed(ranking: Any) -> list[int]:
    here, found = ranking.head(), []
    while here:
        assert here not in found, "the list is a circle"
        found.append(here)
        here = ranking.entry(here).behind
    return found


@given(data=st.data())
@settings(max_examples=15)
def test_ranking__after_any_order_of_claims_and_removals__is_the_sorted_list(
    data: st.DataObject,
) -> None:
    with boa.env.anchor():
        vyper = load("ranking")
        count = data.draw(st.integers(1, 8))
        for one in range(1, count + 1):
            vyper.enter(one, 1)
        claims: dict[int, int] = {}
        for one in data.draw(st.permutations(range(1, count + 1))):
            matches = data.draw(st.integers(0, 3))
            hint = data.draw(st.sampled_from([0, *claims]))
            vyper.insert(one, matches, hint)
            claims[one] = matches
            if data.draw(st.integers(0, 3)) == 0:
                gone = data.draw(st.sampled_from(sorted(claims)))
                vyper.remove(gone)
                del claims[gone]
            assert _listed(vyper) == sorted(claims, key=lambda n: (-claims[n], n))
            assert not any(vyper.entry(0)), "nobody's entry was written"


def test_remove__of_the_last_one__writes_nobodys_entry(ranking: Any) -> None:
    for one in (1, 2):
        ranking.enter(one, 1)
        ranking.insert(one, 5, one - 1)
    ranking.remove(2)
    assert not any(ranking.entry(0))
    assert _listed(ranking) == [1]


@pytest.mark.parametrize("hint", ["itself", "another request", "removed", "nothing"])
def test_insert__with_a_hint_that_is_not_ranked_here__is_refused(
    ranking: Any, hint: str
) -> None:
    for one in (1, 2, 3):
        ranking.enter(one, 1)
    ranking.enter(4, 2)
    ranking.insert(1, 5, 0)
    ranking.insert(2, 4, 1)
    ranking.remove(2)
    wrong = {"itself": 3, "another request": 4, "removed": 2, "nothing": 99}[hint]
    with boa.reverts("BadHint"):
        ranking.insert(3, 3, wrong)


# --- what is packed comes out as it went in ---


def up_to(bits: int) -> st.SearchStrategy[int]:
    """A field of so many bits, most often at its ends."""
    most = 2**bits - 1
    return st.sampled_from([0, 1, most - 1, most]) | st.integers(0, most)


@given(fields=st.tuples(*map(up_to, (8, 64, 32, 64, 64))))
@example(fields=(2**8 - 1, 2**64 - 1, 2**32 - 1, 2**64 - 1, 2**64 - 1))
@settings(max_examples=20)
def test_store__of_any_entry__keeps_every_bit(
    ranking_vy: Any, fields: tuple[int, ...]
) -> None:
    ranking_vy.keep(7, fields)
    assert tuple(ranking_vy.entry(7)) == fields


@given(fields=st.tuples(*map(up_to, (8, 40, 32, 32, 64, 32, 32))))
@example(fields=tuple(2**bits - 1 for bits in (8, 40, 32, 32, 64, 32, 32)))
@settings(max_examples=20)
def test_store__of_any_state__keeps_every_bit(
    requests_vy: Any, fields: tuple[int, ...]
) -> None:
    requests_vy.keep(7, fields)
    if any(fields):
        assert tuple(requests_vy.load(7)) == fields
    else:
        with boa.reverts("UnknownRequest"):
            requests_vy.load(7)


@given(
    requester=st.binary(min_size=20, max_size=20),
    reward=up_to(96),
    stake=up_to(96),
    second=st.integers(2**31, 2**40 - 1),
    response_window=up_to(24),
    count=st.integers(1, 2**22),
    minimum=up_to(32),
    bits=st.sampled_from([1, 2, 4, 8, 16]),
)
@example(b"\xff" * 20, *(2**n - 1 for n in (96, 96, 40, 24)), 2**22, 2**32 - 1, 16)
@settings(max_examples=20)
def test_create__of_any_terms__keeps_every_bit(
    requests_vy: Any,
    requester: bytes,
    reward: int,
    stake: int,
    second: int,
    response_window: int,
    count: int,
    minimum: int,
    bits: int,
) -> None:
    window = 60
    who = checksummed(requester)
    terms = Terms(
        dataset="",
        name="",
        context="",
        reward=Wei(reward),
        stake=Wei(stake),
        submission_window_s=window,
        response_window_s=response_window,
        labels=count,
        bits=bits,
        minimum_matches=minimum,
        truth_seal=Seal(bytes(32)),
    )
    with boa.env.anchor():
        boa.env.timestamp = second - window
        assert requests_vy.create(7, who, terms.as_struct()) == second
        schedule, stakes = requests_vy.schedule(7), requests_vy.stakes(7)
        state = requests_vy.load(7)
    pages = labels.page_count(count, bits)
    assert tuple(schedule) == (who, second, response_window, count, pages)
    assert tuple(stakes) == (reward, stake, minimum, bits)
    assert tuple(state) == (1, second, 0, 0, 0, 0, 0)
