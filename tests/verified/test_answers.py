# SPDX-License-Identifier: Apache-2.0
"""What is taken for a part of a listing, or for a dense model: that, and no more.

Whatever is sealed, there is one way to post it, or none: sums that do not add up, or
groups that are a hash of nothing, cannot be answered for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import Any

import pytest

from verified import reference as ref
from verified import small_models, specimen_models
from verified.court import BARE, Court
from verified.scenes import Scene

ROWS_OF_A_GROUP = 128
"""Of targets of 16 bits."""


@pytest.fixture(scope="module")
def court() -> Court:
    return Court()


def listed(groups: int, **changes: Any) -> Scene:
    """A contest of so many groups, the last one not full, and an honest listing."""
    rng = Random(groups)
    terms = ref.Terms(0, 1, 8, 2, 16, ROWS_OF_A_GROUP * groups - 5)
    values = [rng.randrange(2) for _ in range(terms.rows)]
    packed = ref.pack_groups(values, terms.bits)
    model = specimen_models.dense(rng, terms)
    scene = Scene(terms, model, [[0]] * terms.rows, packed, packed)
    return replace(scene, **changes)


# --- listings ---


PARTS = 3
GROUPS = 130
"""Two full parts, and one of two groups; their tree has room for a fourth part."""


@pytest.mark.parametrize(
    ("level", "index", "refused"),
    [
        pytest.param(6, 3, {2}, id="beyond-the-last"),
        pytest.param(7, 0, {0, 1}, id="above-the-first-two"),
        pytest.param(7, 1, {2}, id="above-the-last"),
        pytest.param(8, 0, {0, 1, 2}, id="at-the-root"),
    ],
)
def test_answer_listing__whose_sums_above_the_part_do_not_add_up__is_refused(
    court: Court, level: int, index: int, refused: set[int]
) -> None:
    """Whoever seals a sum that is none cannot post what is below it."""
    honest = listed(GROUPS)
    _, true = honest.sums[level][index]
    liar = listed(GROUPS, lies={(level, index): true + 1})
    for part in range(PARTS):
        right = honest.answer_listing(court.market, part)
        assert court.says("answer_listing", *right) == ""
        said = court.says("answer_listing", *liar.answer_listing(court.market, part))
        assert said == ("BadSums" if part in refused else "")


@dataclass(frozen=True)
class WithoutTheLast(Scene):
    """A listing sealed with nothing in place of its last group."""

    @cached_property
    def sums(self) -> list[list[ref.Pair]]:
        *leaves, _ = (
            (ref.listed_leaf(at, one), self.true_points(at))
            for at, one in enumerate(self.listing)
        )
        return ref.sum_tree([*leaves, (0, 0)])


@pytest.mark.parametrize("groups", [2, 3, 64, 67])
def test_answer_listing__sealed_without_a_group__cannot_be_posted_without_it(
    court: Court, groups: int
) -> None:
    """What stands for a group that is not there is a hash of nothing."""
    honest = listed(groups)
    liar = WithoutTheLast(**vars(honest))
    last = (groups - 1) // 64
    arguments = liar.answer_listing(court.market, last)
    whole, sums = arguments[6], arguments[7]
    assert court.says("answer_listing", *arguments) == "NotListed"
    arguments[6:8] = whole[:-8], sums[:-1]
    assert court.says("answer_listing", *arguments) == "BadLength"
    arguments[6:8] = [*whole[:-8], *[0] * 8], sums
    assert court.says("answer_listing", *arguments) == "NotListed"


@pytest.mark.parametrize("groups", [1, 63, 64, 65])
def test_answer_listing__of_one_word_or_sum_more_or_less__is_refused(
    court: Court, groups: int
) -> None:
    arguments = listed(groups).answer_listing(court.market, (groups - 1) // 64)
    assert court.says("answer_listing", *arguments) == ""
    words, sums = arguments[6], arguments[7]
    others = [(words[:-1], sums), (words[:-8], sums), (words, sums[:-1])]
    if groups != 64:  # more than a part has is not even read
        others += [([*words, 0], sums), ([*words, *[0] * 8], sums), (words, [*sums, 0])]
    for other in others:
        arguments[6:8] = other
        assert court.says("answer_listing", *arguments) == "BadLength"


# --- dense models ---


@pytest.fixture(scope="module")
def network() -> Scene:
    """Two layers, sealed by somebody honest."""
    terms = ref.Terms(kind=0, columns=3, width=8, outputs=3, bits=2, rows=1)
    groups = ref.pack_groups([0], terms.bits)
    return Scene(terms, small_models.network(), [[0]], groups, groups)


def test_answer_dense__of_one_word_more_or_less__is_refused(
    court: Court, network: Scene
) -> None:
    name, arguments = network.answer(court.market, 0)
    assert court.says(name, *arguments) == ""
    words = arguments[4]
    for other in ([*words, 0], [*words, *words]):
        arguments[4] = other
        assert court.says(name, *arguments) == "BadLength"
    # A word that is missing is not read.
    for other in (words[:-1], []):
        arguments[4] = other
        assert court.says(name, *arguments) == BARE


@pytest.mark.parametrize("count", [511, 512, 1_023, 1_024])
def test_answer_dense__of_as_many_neurons_as_a_model_may_have__is_taken(
    court: Court, network: Scene, count: int
) -> None:
    hidden = tuple(small_models.neuron(one, 1, 2, 3) for one in range(count - 3))
    inputs = -(-len(hidden) // 32)
    last = tuple(ref.Neuron(one, tuple(range(inputs))) for one in range(3))
    layers = (ref.Layer(len(hidden), 300, 9), hidden), (ref.Layer(3, 0, 0), last)
    large = replace(network, model=small_models.dense(*layers))
    name, arguments = large.answer(court.market, 0)
    assert court.says(name, *arguments) == ""
    arguments[4][-1] += 1
    assert court.says(name, *arguments) == "WrongModel"


def test_answer_dense__with_layers_that_were_not_shown__is_refused(
    court: Court, network: Scene
) -> None:
    """Others that have as many neurons: the words would be the same."""
    name, arguments = network.answer(court.market, 0)
    first, second = arguments[3]
    for other in (
        [first + (1 << 8), second],
        [first, second | 1],
        [first | 1 << 200, second],
        [first, second, 0],
    ):
        arguments[3] = other
        assert court.says(name, *arguments) == "BadBase"


# --- kinds ---


def test_answer_trees__of_what_is_shown_as_a_network__is_refused(
    court: Court, network: Scene
) -> None:
    """A network sealed with the root of trees: nobody could run what is posted."""
    trees = replace(network, model=small_models.forest(part=2))
    name, arguments = trees.answer(court.market, 0)
    assert (name, court.says(name, *arguments)) == ("answer_trees", "")
    shown = list(arguments[2])
    shown[1] = replace(trees.model.header, kind=ref.DENSE).word
    arguments[2] = tuple(shown)
    assert court.says(name, *arguments) == "BadKind"


def test_answer_dense__of_what_is_shown_as_an_ensemble__is_refused(
    court: Court, network: Scene
) -> None:
    name, arguments = network.answer(court.market, 0)
    shown = list(arguments[2])
    shown[1] = replace(network.model.header, kind=ref.ENSEMBLE).word
    arguments[2] = tuple(shown)
    assert court.says(name, *arguments) == "BadKind"


def test_rerun__as_the_other_kind__is_refused(court: Court, network: Scene) -> None:
    """A model is run as what it was shown as, whatever the challenger calls it."""
    trees = replace(network, model=small_models.forest())
    for shown, other in ((network, "rerun_trees"), (trees, "rerun_dense")):
        scene = replace(shown, listing=shown.listing_of(0, 3))
        arguments = scene.rerun(court.market, 0, 0, [], [])
        assert court.says(other, *arguments) == "BadKind"
        assert court.says(scene.rerun_call, *arguments) == ""


def test_rerun__with_a_base_that_was_not_shown__is_refused(
    court: Court, network: Scene
) -> None:
    """Another start of the outputs, or other layers, would give another class."""
    trees = replace(network, model=small_models.forest())
    for scene in (network, trees):
        for better in range(scene.terms.outputs):
            words, siblings = scene.opened(0, better)
            arguments = scene.rerun(court.market, 0, better, words, siblings)
            base = arguments[6]
            for other in ([*base[:-1], base[-1] ^ 1 << 8], [*base, 0], base[:-1]):
                arguments[6] = other
                assert court.says(scene.rerun_call, *arguments) == "BadBase"


@pytest.mark.parametrize("spare", [-1, 0, 1])
def test_check_header__of_a_network_of_more_words_than_the_terms_allow__is_refused(
    court: Court, network: Scene, spare: int
) -> None:
    header, base = network.model.header, network.model.base
    layers = [ref.read_layer(one) for one in base]
    words = ref.words_of_neurons(header, layers)
    terms = network.struct(court.market, most_words=words + spare)
    said = court.says("check_header", terms, header.word, list(base))
    assert said == ("TooManyWords" if spare < 0 else "")
