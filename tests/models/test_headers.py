# SPDX-License-Identifier: Apache-2.0
"""Headers of exact models: the word, and every limit on both sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.errors import InputError
from modelmarket.models.dense import Layer, check_layers, read_layers
from modelmarket.models.header import Advice, ExactHeader, Form, Kind, Limits

LIMITS = Limits(columns=20, outputs=3, width=8)
FOREST = ExactHeader(
    Kind.ENSEMBLE,
    Form.LANES_32,
    columns=20,
    outputs=3,
    units=100,
    rounds=0,
    depth=10,
    part=3,
    width=8,
)
BOOSTING = replace(FOREST, form=Form.SCALAR, units=300, rounds=100)
NETWORK = replace(
    FOREST, kind=Kind.DENSE, form=Form.LANES_16, units=35, depth=0, part=6
)
NUMBER = replace(LIMITS, outputs=1)
ADVICE = Advice("n_estimators", "max_depth", "max_leaf_nodes")


def header(base: ExactHeader, **changes: Any) -> ExactHeader:
    return replace(base, **changes)


HEADERS = st.builds(
    ExactHeader,
    st.sampled_from(Kind),
    st.sampled_from(Form),
    *(st.integers(0, 2**bits - 1) for bits in (16, 16, 32, 16, 8, 8, 8)),
)


@given(HEADERS)
def test_a_header_is_its_word(header: ExactHeader) -> None:
    assert ExactHeader.from_word(header.word) == header


def test_fields_stand_where_the_text_says() -> None:
    expected = (
        0x4D4D5831 << 224
        | 0 << 216
        | 2 << 208
        | 20 << 192
        | 3 << 176
        | 300 << 144
        | 100 << 128
        | 10 << 120
        | 3 << 112
        | 8 << 104
    )
    assert BOOSTING.word == expected.to_bytes(32)


@pytest.mark.parametrize(
    ("at", "flip", "said"),
    [(0, 1, "begin with MMX1"), (4, 2, "kind 2"), (5, 3, "leaves 3"), (31, 1, "bits")],
)
def test_words_that_are_no_header_are_refused(at: int, flip: int, said: str) -> None:
    word = bytearray(header(BOOSTING, form=Form.LANES_16).word)
    word[at] ^= flip
    with pytest.raises(InputError, match=said):
        ExactHeader.from_word(bytes(word))
    with pytest.raises(InputError, match="begin with MMX1"):
        ExactHeader.from_word(BOOSTING.word[:31])


def test_a_field_that_does_not_fit_makes_no_word() -> None:
    with pytest.raises(InputError, match="cannot have 65,536 columns"):
        header(FOREST, columns=2**16).word  # noqa: B018  # reading it raises


@pytest.mark.parametrize(
    ("good", "limits"),
    [
        (FOREST, LIMITS),
        (BOOSTING, LIMITS),
        (NETWORK, LIMITS),
        (FOREST, replace(LIMITS, most_units=100)),
        (FOREST, replace(LIMITS, most_parts=13)),
        (header(FOREST, columns=1_024), replace(LIMITS, columns=1_024)),
        (header(FOREST, columns=1_024, width=16), Limits(1_024, 3, 16)),
        (header(FOREST, outputs=7), replace(LIMITS, outputs=7)),
        (header(FOREST, form=Form.LANES_16, outputs=14), replace(LIMITS, outputs=14)),
        # Words of one row: each executed tree takes depth + 2 of 3,328.
        (header(FOREST, units=97, depth=32), LIMITS),
        (FOREST, replace(LIMITS, most_words=1_200)),
        (header(FOREST, units=1_024, depth=1), LIMITS),
        (header(FOREST, units=104, depth=30), LIMITS),
        # Scalar leaves: two outputs' trees are executed at most.
        (header(BOOSTING, rounds=104, units=312, depth=14), LIMITS),
        (header(BOOSTING, rounds=104, units=208, depth=14), LIMITS),
        (header(BOOSTING, rounds=512, units=1_536, depth=1), LIMITS),
        (
            header(BOOSTING, outputs=256, rounds=10, units=2_560, part=4),
            replace(LIMITS, outputs=256),
        ),
        # Two classes and one tree a round, or a regression: one output's trees.
        (
            header(BOOSTING, outputs=2, rounds=208, units=208, depth=14),
            replace(LIMITS, outputs=2),
        ),
        (header(BOOSTING, outputs=1, rounds=208, units=208, depth=14), NUMBER),
        # Parts.
        (header(FOREST, units=128, part=7), LIMITS),
        (header(FOREST, units=1_024, depth=0, part=10), LIMITS),
        (header(FOREST, units=256, depth=0, part=0), LIMITS),
        (header(FOREST, units=1, depth=0, part=0), LIMITS),
        (header(NETWORK, units=1_024, part=10), LIMITS),
    ],
)
def test_what_keeps_the_limits_is_taken(good: ExactHeader, limits: Limits) -> None:
    good.check(limits)


@pytest.mark.parametrize(
    ("bad", "limits", "said"),
    [
        (FOREST, replace(LIMITS, columns=21), "columns are 20, the contest's 21"),
        (FOREST, replace(LIMITS, outputs=2), "outputs are 3, the contest's 2"),
        (FOREST, replace(LIMITS, width=16), "width are 8, the contest's 16"),
        (header(FOREST, columns=1_025), replace(LIMITS, columns=1_025), "1 to 1,024"),
        (header(FOREST, columns=0), replace(LIMITS, columns=0), "1 to 1,024"),
        (header(FOREST, width=32), replace(LIMITS, width=32), "of 8 or 16"),
        (header(FOREST, outputs=0), replace(LIMITS, outputs=0), "1 to 256 outputs"),
        (
            header(BOOSTING, outputs=257, rounds=10, units=2_570),
            replace(LIMITS, outputs=257),
            "1 to 256 outputs",
        ),
        (FOREST, replace(LIMITS, most_units=99), "100 trees; 1 to 99.*n_estimators=99"),
        (header(FOREST, units=0), LIMITS, "0 trees"),
        (FOREST, replace(LIMITS, most_parts=12), "13 parts; 12.*n_estimators=92"),
        (header(FOREST, outputs=8), replace(LIMITS, outputs=8), "of 7 lanes"),
        (
            header(FOREST, form=Form.LANES_16, outputs=15),
            replace(LIMITS, outputs=15),
            "of 14 lanes",
        ),
        (header(FOREST, rounds=100), LIMITS, "are not 100 rounds"),
        (header(BOOSTING, units=301), LIMITS, "are not 100 rounds"),
        (header(BOOSTING, units=100), LIMITS, "are not 100 rounds"),
        (header(BOOSTING, rounds=0), LIMITS, "are not 0 rounds"),
        (header(BOOSTING, outputs=1, rounds=0, units=1), NUMBER, "are not 0 rounds"),
        (header(FOREST, units=1, part=0, depth=33), LIMITS, "33 nodes.*max_depth=32"),
        (
            header(FOREST, units=98, depth=32),
            LIMITS,
            "3,332 words.*n_estimators=97 or less, or max_depth=31 or less",
        ),
        (
            header(FOREST, units=1_025, depth=0, part=10),
            LIMITS,
            "1,025 trees of depth 0: 2,050.*n_estimators=1,024 or less, or max_depth=1",
        ),
        (
            FOREST,
            replace(LIMITS, most_words=1_199),
            "1,199 words are.*n_estimators=99 or less, or max_depth=9 or less",
        ),
        (
            header(FOREST, units=98, depth=32),
            replace(LIMITS, most_words=9_999),
            "3,328 words are allowed",
        ),
        (header(FOREST, units=105, depth=30), LIMITS, "3,360 words.*n_estimators=104"),
        (
            header(BOOSTING, rounds=105, units=315, depth=14),
            LIMITS,
            "210 trees.*3,360 words.*n_estimators=104 or less, or max_depth=13",
        ),
        (
            header(BOOSTING, outputs=2, rounds=209, units=209, depth=14),
            replace(LIMITS, outputs=2),
            "3,344 words.*n_estimators=208",
        ),
        (
            header(BOOSTING, outputs=1, rounds=209, units=209, depth=14),
            NUMBER,
            "3,344 words.*n_estimators=208",
        ),
        (header(FOREST, units=128, part=8), LIMITS, "2..8 units are too large"),
        (header(BOOSTING, part=11, rounds=512, depth=0, units=1_536), LIMITS, "2..11"),
        (header(FOREST, units=257, depth=0, part=0), LIMITS, "257 parts; 256 are"),
        (header(NETWORK, part=5), LIMITS, "is one part"),
        (header(NETWORK, units=1_025, part=11), LIMITS, "at most 1,024 make one part"),
        (header(NETWORK, form=Form.SCALAR), LIMITS, "has no leaves, rounds or"),
        (header(NETWORK, rounds=1), LIMITS, "has no leaves, rounds or"),
        (header(NETWORK, depth=1), LIMITS, "has no leaves, rounds or"),
        (header(NETWORK, width=16), replace(LIMITS, width=16), "codes of 8 bits"),
    ],
)
def test_what_passes_a_limit_is_refused_with_its_name_value_and_cure(
    bad: ExactHeader, limits: Limits, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        bad.check(limits, ADVICE)


LAYERS = (Layer(20, 32, 40_000, 17), Layer(32, 3))


def test_layers_are_their_base_words() -> None:
    base = b"".join(layer.base_word for layer in LAYERS)
    assert base[:32] == (32 << 24 | 40_000 << 8 | 17).to_bytes(32)
    assert read_layers(20, base) == LAYERS
    # Higher bits have no meaning.
    assert read_layers(20, b"\xff" * 27 + base[27:]) == LAYERS


def network(*neurons: int, columns: int = 1, mul: int = 1, shift: int = 1) -> Any:
    inputs = (columns, *neurons)
    layers = [Layer(inputs[i], neurons[i], mul, shift) for i in range(len(neurons))]
    units = sum(neurons)
    return header(NETWORK, units=units, outputs=neurons[-1]), layers


@pytest.mark.parametrize(
    "good",
    [
        network(1),
        network(*[1] * 8),
        network(2, 3, mul=65_535, shift=31),
        network(1_024),
        network(1_024, 1),
    ],
)
def test_layers_that_keep_the_limits_are_taken(good: Any) -> None:
    check_layers(*good)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ((NETWORK, []), "0 layers; 1 to 8"),
        (network(*[1] * 9), "9 layers; 1 to 8.*smaller hidden"),
        (network(3, 0), "Layer 2 has 0 neurons"),
        (network(1_025, 3), "Layer 1 has 1,025 neurons; 1 to 1,024.*smaller hidden"),
        (network(2, 3, mul=0), "multiplies by 0"),
        (network(2, 3, shift=0), "shifts by 0"),
        (network(2, 3, shift=32), "shifts by 32"),
        ((header(NETWORK, outputs=2), network(2, 3)[1]), "The last layer has 3"),
        ((header(NETWORK, units=6), network(2, 3)[1]), "5 neurons, the header 6"),
        (network(833, columns=97, mul=0), "4,165 words; at most 3,328.*hidden"),
    ],
)
def test_layers_that_pass_a_limit_are_refused(bad: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_layers(bad[0], bad[1], Advice(units="hidden_layer_sizes"))


def test_the_last_layer_multiplies_and_shifts_nothing() -> None:
    check_layers(header(NETWORK, units=5), [Layer(20, 2, 1, 1), Layer(2, 3, 0, 99)])


@pytest.mark.parametrize(("neurons", "fits"), [(832, True), (833, False)])
def test_a_row_runs_through_3328_words_at_most(neurons: int, fits: bool) -> None:
    # Four words a neuron.
    found, layers = network(neurons, columns=96)
    if fits:
        check_layers(found, layers)
        check_layers(found, layers, most_words=3_328)
        with pytest.raises(InputError, match="3,328 words; at most 3,327"):
            check_layers(found, layers, most_words=3_327)
    else:
        with pytest.raises(InputError, match="3,332 words; at most 3,328"):
            check_layers(found, layers)
