# SPDX-License-Identifier: Apache-2.0
"""The rules in Python: labels, pages, seals, phases, terms, money."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.errors import DataError, InputError, TermsError
from modelmarket.protocol import labels, seals
from modelmarket.protocol.classes import Classes, bits_for
from modelmarket.protocol.money import (
    DIGITS,
    ONE_MDC,
    format_about,
    format_mdc,
    parse_mdc,
    read_amount,
    read_sum,
    rounded_up,
)
from modelmarket.protocol.phases import TRANSITIONS, Clock, Phase
from modelmarket.protocol.terms import least_stake, price_of_delay, proposed_stake
from modelmarket.protocol.types import Salt, Wei, checksummed
from modelmarket.system.text import counted, percent

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "protocol.json").read_text()
)
WIDTHS = (1, 2, 4, 8, 16)


@pytest.mark.parametrize(
    ("classes", "bits"),
    [
        (1, 1),
        (2, 1),
        (3, 2),
        (4, 2),
        (5, 4),
        (16, 4),
        (17, 8),
        (256, 8),
        (257, 16),
        (65_536, 16),
    ],
)
def test_a_label_takes_the_smallest_width_that_holds_the_classes(
    classes: int, bits: int
) -> None:
    assert bits_for(classes) == bits


def test_more_than_65_536_classes_are_refused() -> None:
    with pytest.raises(DataError, match="65,537 classes"):
        bits_for(65_537)


def test_an_unseen_class_names_row_and_value() -> None:
    classes = Classes(("cat", "dog"))
    with pytest.raises(DataError, match=r"Row 3: 'cow' is not one of the 2 classes"):
        classes.encode(["cat", "dog", "cow"])
    with pytest.raises(DataError, match=r"Row 12: 'cow'"):
        classes.encode(["cow"], row=lambda place: f"Row {place + 11}")


def test_a_code_without_a_class_names_row_and_value() -> None:
    with pytest.raises(DataError, match="Row 2: code 2 has no class"):
        Classes(("cat", "dog")).decode(np.array([0, 2], dtype=np.uint16))


@given(st.lists(st.text(min_size=1), min_size=1, max_size=40, unique=True), st.data())
def test_names_and_codes_are_two_ways_of_saying_the_same(
    names: list[str], data: st.DataObject
) -> None:
    classes = Classes(tuple(names))
    rows = data.draw(st.lists(st.sampled_from(names), max_size=50))
    assert classes.decode(classes.encode(rows)) == rows


def test_two_classes_of_one_name_are_refused() -> None:
    with pytest.raises(DataError):
        Classes(("a", "a"))


@pytest.mark.parametrize("bits", WIDTHS)
@given(data=st.data())
def test_packing_and_unpacking_give_the_labels_back(
    bits: int, data: st.DataObject
) -> None:
    codes = np.array(
        data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=1, max_size=600)),
        dtype=np.uint16,
    )
    pages = labels.pack(codes, bits)
    assert (labels.unpack(pages, codes.size, bits) == codes).all()
    assert sum(map(len, pages)) == 32 * labels.word_count(codes.size, bits)
    assert labels.from_words(labels.words(pages[0])) == pages[0]


@pytest.mark.parametrize("bits", WIDTHS)
def test_every_page_but_the_last_is_full(bits: int) -> None:
    per_page = 768 * 256 // bits
    for count in (per_page - 1, per_page, per_page + 1):
        pages = labels.pack(np.zeros(count, dtype=np.uint16), bits)
        assert len(pages) == labels.page_count(count, bits) == 1 + (count > per_page)
        assert len(pages[0]) == 24_576


def test_a_code_that_does_not_fit_names_its_row() -> None:
    with pytest.raises(InputError, match="Row 2: code 4 needs over 2 bits"):
        labels.pack(np.array([3, 4], dtype=np.uint16), 2)


def test_pages_of_another_length_cannot_be_unpacked() -> None:
    with pytest.raises(InputError, match="cannot be 65 labels of 4 bits"):
        labels.unpack([bytes(32)], 65, 4)


def test_lists_of_different_lengths_cannot_be_compared() -> None:
    with pytest.raises(InputError):
        labels.count_matches(np.zeros(2, np.uint16), np.zeros(3, np.uint16))


def test_an_empty_list_cannot_be_sealed() -> None:
    owner = checksummed(bytes(20))
    with pytest.raises(InputError):
        seals.seal([], seals.Core.of_truth(1, owner, owner, Salt(bytes(32))))


@pytest.mark.parametrize(
    "vector", VECTORS["packing"], ids=lambda v: f"{v['bits']}x{v['labels']}"
)
def test_golden_pages_hold(vector: dict[str, Any]) -> None:
    codes = vector["seed_codes"] or [vector["constant"]] * vector["labels"]
    pages = labels.pack(np.array(codes, dtype=np.uint16), vector["bits"])
    if vector["pages"]:
        assert [page.hex() for page in pages] == vector["pages"]
    assert [seals.page_hash(page).hex() for page in pages] == vector["page_hashes"]


@pytest.mark.parametrize("vector", VECTORS["counts"], ids=str)
def test_golden_counts_hold(vector: dict[str, Any]) -> None:
    bits = vector["bits"]
    truth, guess = (
        labels.unpack([bytes.fromhex(vector[name])], 256 // bits, bits)
        for name in ("truth", "predictions")
    )
    assert truth.size - labels.count_matches(truth, guess) == vector["differing"]


@pytest.mark.parametrize("vector", VECTORS["seals"], ids=lambda v: v["name"])
def test_golden_seals_hold(vector: dict[str, Any]) -> None:
    core = seals.Core(
        seals.TRUTH if vector["domain"] == "truth" else seals.PREDICTIONS,
        vector["chain_id"],
        vector["market"],
        vector["owner"],
        bytes.fromhex(vector["terms_hash"]),
        bytes.fromhex(vector["superhash"]),
        Salt(bytes.fromhex(vector["salt"])),
    )
    opening = seals.seal([bytes.fromhex(page) for page in vector["pages"]], core)
    assert core.hash().hex() == vector["core"]
    assert opening.layers[0].hex() == vector["layer"]
    assert opening.seal.hex() == vector["seal"]
    last = len(opening.pages) - 1
    assert opening.inner(last) == core.salt
    assert all(opening.inner(n) == opening.layers[n + 1] for n in range(last))


# --- phases ---


def clock(stage: Phase, started: int = 100, *, candidate: bool = True) -> Clock:
    return Clock(stage, started, 100, 10, 15, has_candidate=candidate)


@pytest.mark.parametrize(
    ("stage", "started", "candidate", "now", "expected"),
    [
        (Phase.OPEN, 100, False, 99, (Phase.OPEN, 100, False)),
        (Phase.OPEN, 100, False, 100, (Phase.TRUTH, 115, False)),
        (Phase.OPEN, 100, False, 114, (Phase.TRUTH, 115, False)),
        (Phase.OPEN, 100, False, 115, (Phase.TRUTH, 115, True)),
        (Phase.CLAIMS, 105, True, 114, (Phase.CLAIMS, 115, False)),
        (Phase.CLAIMS, 105, True, 115, (Phase.VALIDATION, 130, False)),
        (Phase.CLAIMS, 105, True, 129, (Phase.VALIDATION, 130, False)),
        (Phase.CLAIMS, 105, True, 130, (Phase.VALIDATION, 130, True)),
        (Phase.CLAIMS, 105, False, 115, (Phase.CLAIMS, 115, True)),
        (Phase.VALIDATION, 130, True, 144, (Phase.VALIDATION, 145, False)),
        (Phase.VALIDATION, 130, True, 145, (Phase.VALIDATION, 145, True)),
        (Phase.REFUNDED, 130, False, 10**9, (Phase.REFUNDED, 0, False)),
    ],
)
def test_the_clock_says_phase_end_and_overdue(
    stage: Phase,
    started: int,
    candidate: bool,
    now: int,
    expected: tuple[Phase, int, bool],
) -> None:
    position = clock(stage, started, candidate=candidate).at(now)
    assert (position.phase, position.step_ends, position.overdue) == expected


def test_every_phase_can_be_reached_and_final_ones_never_left() -> None:
    assert {one.target for one in TRANSITIONS} == set(Phase)
    assert not any(one.source and one.source.is_final for one in TRANSITIONS)


# --- money and terms ---


@pytest.mark.parametrize(
    ("text", "wei"),
    [
        ("1", ONE_MDC),
        ("0.5", ONE_MDC // 2),
        ("1.25 MDC", ONE_MDC * 5 // 4),
        ("0.000000000000000001", 1),
        ("1000000", 10**24),
    ],
)
def test_amounts_are_read_exactly(text: str, wei: int) -> None:
    assert parse_mdc(text) == wei


@pytest.mark.parametrize(
    "text", ["", "-1", "1e3", "1,5", ".5", "1.", "0x1", "1.0000000000000000001"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not an amount"):
        parse_mdc(text)


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [(0, 0), (7, 7), (999, 999), (1_000, 1_000), (1_001, 1_010), (9_991, 10_000)],
)
def test_what_is_proposed_is_rounded_up_to_three_digits(
    amount: int, rounded: int
) -> None:
    assert rounded_up(amount) == rounded


@given(st.integers(0, 2**96))
def test_what_is_rounded_up_is_at_most_a_hundredth_more(amount: int) -> None:
    rounded = rounded_up(amount)
    assert amount <= rounded <= amount + amount // 100
    assert not str(rounded)[DIGITS:].strip("0")


@given(st.integers(0, 2**96))
def test_amounts_are_written_as_they_are_read(wei: int) -> None:
    assert parse_mdc(format_mdc(wei).replace(",", "")) == wei


@pytest.mark.parametrize(
    ("given", "wei"),
    [
        ("100", 100 * ONE_MDC),
        ("0.5 MDC", ONE_MDC // 2),
        (Decimal("0.25"), ONE_MDC // 4),
        (Decimal("1E+2"), 100 * ONE_MDC),
        (7 * ONE_MDC, 7 * ONE_MDC),
        (10**9, 10**9),
        (0, 0),
    ],
)
def test_an_amount_is_wei_or_mdc_as_text(given: Any, wei: int) -> None:
    assert read_amount(given) == wei


@pytest.mark.parametrize("given", [100.0, True, None, [1], "1e5", Decimal("NaN"), -1])
def test_what_a_program_gives_that_is_no_amount_is_refused(given: Any) -> None:
    with pytest.raises(InputError):
        read_amount(given)


def test_a_reward_is_an_amount() -> None:
    for one in ("0.000000000000000001", Wei(10**9), Wei(0)):
        assert read_sum(one) == read_amount(one)


@pytest.mark.parametrize("given", [1, 100, 10**9 - 1])
def test_who_writes_a_small_number_is_asked_for_mdc_as_text(given: Any) -> None:
    with pytest.raises(InputError, match=f"{given:,} wei (is|are) ") as told:
        read_sum(given)
    assert told.value.hint == f'For MDC, write it as text: "{given}".'


@pytest.mark.parametrize(
    ("wei", "digits", "text"),
    [
        (0, 2, "0"),
        (1, 2, "0.000000000000000001"),
        (205_433 * 10**9, 2, "0.00021"),
        (99_996_538_877_098_229_511, 6, "99.9965"),
        (1_234_567 * ONE_MDC, 2, "1,200,000"),
        (ONE_MDC, 6, "1"),
    ],
)
def test_amounts_that_change_are_told_in_significant_digits(
    wei: int, digits: int, text: str
) -> None:
    assert format_about(wei, digits) == text


@pytest.mark.parametrize(
    ("reward", "stake"), [(1, 1), (99, 1), (100, 1), (101, 2), (10**20, 10**18)]
)
def test_the_least_stake_is_a_hundredth_rounded_up(reward: int, stake: int) -> None:
    assert least_stake(reward) == stake


@pytest.mark.parametrize(
    ("pages", "basis_points"), [(1, 100), (2, 107), (22, 240), (342, 2_380)]
)
def test_the_proposed_stake_keeps_the_price_of_delay(
    pages: int, basis_points: int
) -> None:
    reward = 100 * 10**18
    stake = proposed_stake(reward, 900, pages)
    assert round(stake * 10_000 / reward) == basis_points
    # In three digits, so at most a hundredth more.
    price = price_of_delay(stake, reward, 900, pages)
    assert Fraction(400, 10_000) <= price < Fraction(404, 10_000)
    assert stake % 10**16 == 0
    if pages == 22:  # with the lowest stake, as the protocol says
        lowest = price_of_delay(least_stake(reward), reward, 900, pages)
        assert round(float(lowest), 3) == 0.017


@given(
    reward=st.integers(1, 2**96 - 1),
    window=st.integers(60, 7 * 86_400),
    pages=st.integers(1, 342),
)
def test_the_proposed_stake_is_one_that_the_contract_takes(
    reward: int, window: int, pages: int
) -> None:
    stake = proposed_stake(reward, window, pages)
    assert least_stake(reward) <= stake <= reward
    price = price_of_delay(stake, reward, window, pages)
    assert stake == reward or price >= Fraction(4, 100)


def test_terms_say_what_is_wrong_before_money_is_spent() -> None:
    from modelmarket.protocol.terms import Terms
    from modelmarket.protocol.types import Seal, Wei

    terms = Terms(
        dataset="d",
        name="é" * 33,
        context="",
        reward=Wei(1),
        stake=Wei(1),
        submission_window_s=60,
        response_window_s=60,
        labels=1,
        bits=1,
        minimum_matches=0,
        truth_seal=Seal(bytes(32)),
    )
    with pytest.raises(TermsError, match="The name takes 66 bytes; 64 are allowed"):
        terms.check()


@pytest.mark.parametrize(
    ("share", "text"),
    [(Fraction(4, 100), "4%"), (Fraction(1, 60), "1.7%"), (Fraction(12), "1,200%")],
)
def test_a_share_is_told_to_a_tenth_of_a_percent(share: Fraction, text: str) -> None:
    assert percent(share) == text


def test_one_thing_is_told_as_one() -> None:
    assert [counted(one, "row") for one in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]
    told = [counted(one, "class", "classes") for one in (1, 2_000)]
    assert told == ["1 class", "2,000 classes"]
