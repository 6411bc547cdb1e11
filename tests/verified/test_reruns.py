# SPDX-License-Identifier: Apache-2.0
"""Which units a rerun needs: of any two outputs of any model, these and no others.

A model of which some two outputs could not be opened could list what it wants for
them: so each pair of each small model is opened, with one sibling too many, too.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from random import Random

import pytest

from verified import reference as ref
from verified.court import Court
from verified.scenes import Scene, hashes

OUTPUTS = range(2, 7)
ROUNDS = (1, 2, 3, 4, 5, 8)


@pytest.fixture(scope="module")
def court() -> Court:
    return Court()


def contest(outputs: int, model: ref.Model) -> Scene:
    """A contest of one row and so many classes."""
    terms = ref.Terms(kind=0, columns=1, width=8, outputs=outputs, bits=4, rows=1)
    groups = ref.pack_groups([0], terms.bits)
    return Scene(terms, model, [[0]], groups, groups)


def opens_each_pair(court: Court, scene: Scene) -> None:
    """Each class is listed, and each other one said to be better."""
    outputs = ref.all_outputs(scene.model, scene.codes(0))
    convicted = 0
    for listed, better in permutations(range(scene.terms.outputs), 2):
        told = replace(scene, listing=scene.listing_of(0, listed))
        words, siblings = told.opened(0, better)
        arguments = told.rerun(court.market, 0, better, words, siblings)
        said = court.says(told.rerun_call, *arguments)
        beats = (outputs[better], -better) > (outputs[listed], -listed)
        assert said == ("" if beats else "NothingWrong"), (listed, better)
        for other in ([*siblings, 0], siblings[:-1]):
            if other != siblings:
                arguments[9] = hashes(other)
                assert court.says(told.rerun_call, *arguments) == "BadProof"
        convicted += beats
    assert convicted == scene.terms.outputs * (scene.terms.outputs - 1) // 2


@pytest.mark.parametrize("outputs", OUTPUTS)
@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("has_first", [True, False])
def test_rerun__of_any_two_outputs_of_boosting__opens_their_trees(
    court: Court, outputs: int, rounds: int, has_first: bool
) -> None:
    """With trees for each output, and with none for the first."""
    chance = Random(outputs << 8 | rounds)
    count = rounds * (outputs if has_first else outputs - 1)
    header = ref.Header(
        kind=ref.ENSEMBLE,
        form=2,
        columns=1,
        outputs=outputs,
        units=count,
        rounds=rounds,
        depth=0,
        part=ref.levels(count),
        width=8,
    )
    trees = tuple(ref.Leaf(chance.randrange(4)) for _ in range(count))
    model = ref.Model(header, ref.pack_base([0] * outputs), trees)
    opens_each_pair(court, contest(outputs, model))


@pytest.mark.parametrize("outputs", OUTPUTS)
@pytest.mark.parametrize("hidden", [(), (1,), (2,), (3,), (4, 1), (5, 3), (32,)])
def test_rerun__of_any_two_outputs_of_a_network__opens_all_neurons_before_them(
    court: Court, outputs: int, hidden: tuple[int, ...]
) -> None:
    chance = Random(outputs)
    base, units, inputs = [], [], 1
    for neurons in (*hidden, outputs):
        base.append(ref.Layer(neurons, 1, 1).word)
        for _ in range(neurons):
            weights = [chance.getrandbits(256) for _ in range(ref.weight_words(inputs))]
            units.append(ref.Neuron(chance.randrange(4), tuple(weights)))
        inputs = neurons
    count = len(units)
    header = ref.Header(
        kind=ref.DENSE,
        form=0,
        columns=1,
        outputs=outputs,
        units=count,
        rounds=0,
        depth=0,
        part=ref.levels(count),
        width=8,
    )
    model = ref.Model(header, tuple(base), tuple(units))
    opens_each_pair(court, contest(outputs, model))
