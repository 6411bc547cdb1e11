# SPDX-License-Identifier: Apache-2.0
"""Referee and clerk against the reference: the same verdict on every model and row.

What the product makes of the same models, rows and listings is held to both.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from verified import reference as ref
from verified import specimen_models, specimens
from verified.court import Court
from verified.judging import Tally, judge_listing, judge_parts, judge_rows
from verified.scenes import Scene, hashes, random_scene, scene_of
from verified.traced import TracedCourt

MOST_BASE_WORDS = 64


@pytest.fixture(scope="module")
def court() -> Court:
    return Court()


@pytest.fixture
def traced() -> Court:
    """Where it shows which lines ran."""
    return TracedCourt()


@pytest.mark.parametrize("seed", range(60))
def test_rerun__of_random_honest_and_hostile_models__convicts_as_the_reference(
    court: Court, seed: int
) -> None:
    rng = Random(seed)
    tally = Tally()
    judge_rows(court, rng, random_scene(rng), tally)
    assert tally.cases


@pytest.mark.parametrize("seed", range(40))
def test_recount__of_random_listings__convicts_whatever_does_not_add_up(
    court: Court, seed: int
) -> None:
    rng = Random(seed)
    judge_listing(court, rng, random_scene(rng, most_rows=9_000), Tally())


@pytest.mark.parametrize("seed", range(50))
def test_answer__of_every_part_of_random_models__is_taken_and_nothing_else(
    court: Court, seed: int
) -> None:
    rng = Random(seed)
    terms = replace(specimens.terms(rng), rows=3)
    scene = scene_of(rng, terms, specimen_models.model(rng, terms))
    judge_parts(court, rng, scene, Tally())
    parts = ref.parts(scene.model.header)
    name, arguments = scene.answer(court.market, parts - 1)
    if name == "answer_trees":
        arguments[3] = parts
        assert court.says(name, *arguments) == "BadIndex"


def listing_scene(rng: Random, count: int) -> Scene:
    """A contest of so many groups of 128 rows, the last one not full."""
    terms = ref.Terms(0, 1, 8, 2, 16, 128 * count - 5)
    model = specimen_models.dense(rng, terms)
    values = [rng.randrange(2) for _ in range(terms.rows)]
    groups = ref.pack_groups(values, terms.bits)
    return Scene(terms, model, [[0]] * terms.rows, groups, groups)


@pytest.mark.parametrize("count", [1, 2, 3, 63, 64, 65, 130])
def test_answer_listing__of_every_part__is_taken_and_nothing_else(
    court: Court, count: int
) -> None:
    scene = listing_scene(Random(count), count)
    parts = -(-count // 64)
    for part in range(parts):
        arguments = scene.answer_listing(court.market, part)
        assert court.says("answer_listing", *arguments) == ""
        for at, change in ((6, 1), (7, 1)):
            told = list(arguments)
            told[at] = [*told[at][:-1], told[at][-1] ^ change]
            assert court.says("answer_listing", *told) != ""
    told = list(scene.answer_listing(court.market, parts - 1))
    told[5] = parts
    assert court.says("answer_listing", *told) == "BadIndex"


# --- where it shows which lines ran ---


@pytest.mark.parametrize("seed", range(24))
def test_rerun__line_by_line__convicts_as_the_reference(
    traced: Court, seed: int
) -> None:
    rng = Random(1_000 + seed)
    scene = random_scene(rng, most_rows=3)
    judge_rows(traced, rng, scene, Tally())
    parts = ref.parts(scene.model.header)
    for part in {0, parts - 1}:
        try:
            name, arguments = scene.answer(traced.market, part)
        except ref.ConcealedError:
            continue
        assert traced.says(name, *arguments) == ""


@pytest.mark.parametrize("seed", range(24))
def test_recount__line_by_line__convicts_whatever_does_not_add_up(
    traced: Court, seed: int
) -> None:
    rng = Random(seed)
    judge_listing(traced, rng, random_scene(rng, most_rows=2_000), Tally())


def test_answer_listing__line_by_line__is_taken(traced: Court) -> None:
    scene = listing_scene(Random(3), 65)
    for part in range(2):
        arguments = scene.answer_listing(traced.market, part)
        assert traced.says("answer_listing", *arguments) == ""


@pytest.mark.parametrize("seed", range(60))
def test_check_header__of_anything__refuses_what_the_reference_refuses(
    traced: Court, seed: int
) -> None:
    rng = Random(seed)
    for _ in range(5):
        terms = specimens.terms(rng)
        scene = scene_of(rng, replace(terms, rows=1))
        word, base = specimen_models.doubtful_header(rng, terms)
        if len(base) > MOST_BASE_WORDS:
            continue
        said = traced.says(
            "check_header", scene.struct(traced.market), word, list(base)
        )
        assert bool(said) == bool(ref.check_header(word, base, terms)), said


def test_rerun__of_a_listed_class_that_there_is_not__convicts_at_once(
    traced: Court,
) -> None:
    rng = Random(7)
    terms = ref.Terms(0, 3, 8, 3, 4, 2)
    scene = scene_of(rng, terms, specimen_models.ensemble(rng, terms, hostile=False))
    right = ref.prediction(scene.model, scene.codes(1), terms.bits)
    scene = replace(scene, listing=scene.listing_of(0, 3))
    scene = replace(scene, listing=scene.listing_of(1, right))
    assert scene.opened(0, 0) == ([], [])
    assert traced.says("rerun_trees", *scene.rerun(traced.market, 0, 0, [], [])) == ""
    for better in range(3):
        words, siblings = scene.opened(1, better)
        arguments = scene.rerun(traced.market, 1, better, words, siblings)
        assert traced.says(scene.rerun_call, *arguments) == "NothingWrong"


def test_a_rerun__of_other_words__never_convicts_an_honest_listing(
    court: Court,
) -> None:
    for seed in range(120):
        rng = Random(seed)
        scene = random_scene(rng, most_rows=3)
        bits = scene.terms.bits
        honest = ref.prediction(scene.model, scene.codes(0), bits)
        scene = replace(scene, listing=scene.listing_of(0, honest))
        better = rng.randrange(scene.terms.outputs)
        words, siblings = scene.opened(0, better)
        arguments = scene.rerun(court.market, 0, better, words, siblings)
        assert court.says(scene.rerun_call, *arguments) == "NothingWrong"
        spoiled = specimens.tampered(rng, [*words, *siblings])
        cut = rng.choice((len(words), rng.randrange(len(spoiled) + 1)))
        told = [*arguments[:8], spoiled[:cut], hashes(spoiled[cut:])]
        assert court.says(scene.rerun_call, *told) != ""
