# SPDX-License-Identifier: Apache-2.0
"""Headers of shown models: every limit of the referee's on both of its sides, where the
reference and the client say the same.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from modelmarket.errors import InputError
from modelmarket.models.dense import check_layers, read_layers
from modelmarket.models.header import ExactHeader, Limits
from verified import reference as ref
from verified.court import Court
from verified.scenes import Scene, scene_of
from verified.world import header_of

TERMS = ref.Terms(kind=0, columns=3, width=8, outputs=3, bits=2, rows=1)
FOREST = {"outputs": 3, "units": 100, "part": 0}
BOOSTING = FOREST | {"form": 2, "rounds": 50, "units": 150}
NETWORK = {"outputs": 3, "kind": 1, "units": 5, "depth": 0, "part": 3}
HIDDEN, LAST = ref.Layer(2, 300, 9), ref.Layer(3, 0, 0)


@pytest.fixture(scope="module")
def court() -> Court:
    return Court()


def of(fields: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A header's fields, some of them changed."""
    return fields | changes


def ensembles() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Words of refusal or nothing, fields, and what the terms say."""
    numbers = {"outputs": 1, "kind": 2, "bits": 32, "cap": 100}
    return [
        ("", FOREST, {}),
        ("", BOOSTING, {}),
        ("BadHeader", of(FOREST, magic=0x4D4D5830), {}),
        ("BadHeader", of(FOREST, rest=1), {}),
        ("BadHeader", of(FOREST, rest=2**103), {}),
        ("BadColumns", of(FOREST, columns=2), {}),
        ("BadColumns", of(FOREST, columns=4), {}),
        ("BadOutputs", of(FOREST, outputs=2), {}),
        ("BadOutputs", of(FOREST, outputs=4), {}),
        ("BadWidth", of(FOREST, width=16), {}),
        ("BadWidth", of(FOREST, width=9), {}),
        ("", of(FOREST, width=16), {"width": 16}),
        ("BadKind", of(FOREST, kind=2), {}),
        # As many units as the terms allow.
        ("BadUnits", of(FOREST, units=0), {}),
        ("BadUnits", of(FOREST, units=100 + 2**31), {}),
        ("", of(FOREST, units=1), {}),
        ("", FOREST, {"most_units": 100}),
        ("BadUnits", FOREST, {"most_units": 99}),
        # As many parts, none of which has more than there are or than fit in a call.
        ("", of(FOREST, units=101, part=2), {"most_parts": 26}),
        ("BadPart", of(FOREST, units=101, part=2), {"most_parts": 25}),
        ("", of(FOREST, part=7), {}),
        ("BadPart", of(FOREST, part=8), {}),
        ("", of(FOREST, units=256, depth=1), {}),
        ("BadPart", of(FOREST, units=257, depth=1), {}),
        ("", of(BOOSTING, units=1_536, rounds=512, depth=1, part=10), {}),
        ("BadPart", of(BOOSTING, units=1_536, rounds=512, depth=1, part=11), {}),
        # Leaves.
        ("", of(FOREST, outputs=14), {"outputs": 14, "bits": 4}),
        ("BadForm", of(FOREST, outputs=15), {"outputs": 15, "bits": 4}),
        ("", of(FOREST, form=1, outputs=7), {"outputs": 7, "bits": 4}),
        ("BadForm", of(FOREST, form=1, outputs=8), {"outputs": 8, "bits": 4}),
        ("BadForm", of(FOREST, form=3), {}),
        # A round has a tree for each output, or for each but the first.
        ("", of(BOOSTING, units=100), {}),
        ("BadRounds", of(BOOSTING, units=50), {}),
        ("BadRounds", of(BOOSTING, units=200), {}),
        ("BadRounds", of(BOOSTING, units=151), {}),
        ("BadRounds", of(BOOSTING, units=149), {}),
        ("BadRounds", of(BOOSTING, rounds=0), {}),
        ("BadRounds", of(FOREST, rounds=1), {}),
        ("", of(BOOSTING, outputs=1, units=50), numbers),
        ("BadRounds", of(BOOSTING, outputs=1, units=100), numbers),
        # Depth, and what a row runs through: words of 3,328, trees of 1,024.
        ("", of(FOREST, depth=0), {}),
        ("", of(FOREST, units=97, depth=32), {}),
        ("BadDepth", of(FOREST, units=97, depth=33), {}),
        ("TooManyWords", of(FOREST, units=98, depth=32), {}),
        ("", of(FOREST, units=1_024, depth=1, part=4), {}),
        ("TooManyWords", of(FOREST, units=1_024, depth=2, part=4), {}),
        ("TooManyUnits", of(FOREST, units=1_025, depth=1, part=4), {}),
        ("TooManyUnits", of(FOREST, units=2**18, part=10), {}),
        ("BadUnits", of(FOREST, units=2**18 + 1, part=10), {}),
        ("", of(BOOSTING, units=312, rounds=104, depth=14, part=2), {}),
        ("TooManyWords", of(BOOSTING, units=315, rounds=105, depth=14, part=2), {}),
        ("", of(BOOSTING, units=1_536, rounds=512, depth=1, part=4), {}),
        ("TooManyUnits", of(BOOSTING, units=1_539, rounds=513, depth=1, part=4), {}),
        # Of two classes with a tree a round, or of numbers, each is run through once.
        (
            "",
            of(BOOSTING, outputs=2, units=208, rounds=208, depth=14),
            {"outputs": 2, "bits": 1},
        ),
        (
            "TooManyWords",
            of(BOOSTING, outputs=2, units=209, rounds=209, depth=14),
            {"outputs": 2, "bits": 1},
        ),
        ("", of(BOOSTING, outputs=1, units=208, rounds=208, depth=14), numbers),
        (
            "TooManyWords",
            of(BOOSTING, outputs=1, units=209, rounds=209, depth=14),
            numbers,
        ),
    ]


def networks() -> list[tuple[str, dict[str, Any], tuple[ref.Layer, ...]]]:
    """Words of refusal or nothing, fields, and layers."""
    many = tuple(ref.Layer(1, 1, 1) for _ in range(7))
    return [
        ("", NETWORK, (HIDDEN, LAST)),
        ("", of(NETWORK, units=3, part=2), (LAST,)),
        ("BadForm", of(NETWORK, form=1), (HIDDEN, LAST)),
        ("BadForm", of(NETWORK, rounds=1), (HIDDEN, LAST)),
        ("BadForm", of(NETWORK, depth=1), (HIDDEN, LAST)),
        ("BadPart", of(NETWORK, part=2), (HIDDEN, LAST)),
        ("BadPart", of(NETWORK, part=4), (HIDDEN, LAST)),
        ("BadLayers", NETWORK, ()),
        ("", of(NETWORK, units=10, part=4), (*many, LAST)),
        ("BadLayers", of(NETWORK, units=11, part=4), (*many, many[0], LAST)),
        ("BadLayers", NETWORK, (replace(HIDDEN, neurons=0), LAST)),
        ("BadLayers", of(NETWORK, units=3, part=2), (replace(HIDDEN, neurons=0), LAST)),
        ("", of(NETWORK, units=4, part=2), (replace(HIDDEN, neurons=1), LAST)),
        ("BadLayers", of(NETWORK, units=4, part=2), (HIDDEN, LAST)),
        ("BadLayers", of(NETWORK, units=6), (HIDDEN, LAST)),
        ("BadLayers", of(NETWORK, units=4, part=2), (HIDDEN, replace(LAST, neurons=2))),
        ("", NETWORK, (replace(HIDDEN, mul=1, shift=1), LAST)),
        ("BadLayers", NETWORK, (replace(HIDDEN, mul=0), LAST)),
        ("BadLayers", NETWORK, (replace(HIDDEN, shift=0), LAST)),
        ("", NETWORK, (replace(HIDDEN, shift=31), LAST)),
        ("BadLayers", NETWORK, (replace(HIDDEN, shift=32), LAST)),
        # A neuron of a hidden layer has two words, and each of the last one for all.
        ("", of(NETWORK, units=1_024, part=10), (replace(HIDDEN, neurons=1_021), LAST)),
        ("BadPart", of(NETWORK, units=1_025, part=10), (HIDDEN, LAST)),
        ("BadPart", of(NETWORK, units=1_025, part=11), (HIDDEN, LAST)),
    ]


def scene(terms: ref.Terms) -> Scene:
    return scene_of(Random(1), terms)


def client_takes(word: int, base: list[int], terms: ref.Terms) -> bool:
    """Whether the client would have a model with that header sealed."""
    limits = Limits(
        terms.columns, terms.outputs, terms.width, terms.most_units, terms.most_parts
    )
    try:
        header = ExactHeader.from_word(word.to_bytes(32))
        header.check(limits)
        if header.kind:
            joined = b"".join(one.to_bytes(32) for one in base)
            check_layers(header, read_layers(header.columns, joined))
    except InputError:
        return False
    return True


def is_judged(
    court: Court, said: str, fields: dict[str, Any], base: list[int], terms: ref.Terms
) -> None:
    word = header_of(**fields)
    shown = scene(terms).struct(court.market)
    assert court.says("check_header", shown, word, base) == said
    assert bool(ref.check_header(word, base, terms)) == bool(said)
    assert client_takes(word, base, terms) == (not said)


@pytest.mark.parametrize(("said", "fields", "changes"), ensembles())
def test_an_ensemble_keeps_every_limit_or_is_refused(
    court: Court, said: str, fields: dict[str, Any], changes: dict[str, Any]
) -> None:
    terms = replace(TERMS, **changes)
    base = [0] * -(-fields["outputs"] // 4)
    is_judged(court, said, fields, base, terms)


@pytest.mark.parametrize("spare", [-1, 1])
@pytest.mark.parametrize("outputs", [4, 5])
def test_an_ensemble_has_a_base_word_for_each_four_outputs(
    court: Court, outputs: int, spare: int
) -> None:
    fields = of(FOREST, outputs=outputs)
    terms = replace(TERMS, outputs=outputs, bits=4)
    shown, words = scene(terms).struct(court.market), -(-outputs // 4)
    for count, said in ((words, ""), (words + spare, "BadBase")):
        base = [0] * count
        word = header_of(**fields)
        assert court.says("check_header", shown, word, base) == said
        assert bool(ref.check_header(word, base, terms)) == bool(said)


@pytest.mark.parametrize(("said", "fields", "layers"), networks())
def test_a_network_keeps_every_limit_or_is_refused(
    court: Court, said: str, fields: dict[str, Any], layers: tuple[ref.Layer, ...]
) -> None:
    is_judged(court, said, fields, [one.word for one in layers], TERMS)


def test_a_network__of_a_contest_of_wide_codes__is_refused(court: Court) -> None:
    """A neuron's weights are for codes of a byte."""
    terms = replace(TERMS, width=16)
    is_judged(court, "BadWidth", of(NETWORK, width=16), [HIDDEN.word, LAST.word], terms)


@pytest.mark.parametrize(("columns", "words"), [(32, 6), (33, 9), (64, 9), (65, 12)])
def test_a_neuron__has_a_word_and_one_for_each_32_inputs(
    court: Court, columns: int, words: int
) -> None:
    terms = replace(TERMS, columns=columns)
    word = header_of(**of(NETWORK, columns=columns, units=3, part=2))
    for most, said in ((words, ""), (words - 1, "TooManyWords")):
        shown = scene(terms).struct(court.market, most_words=most)
        assert court.says("check_header", shown, word, [LAST.word]) == said
