# SPDX-License-Identifier: Apache-2.0
"""The referee against the reference: the same verdict on every model and row."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from verified import models as reference
from verified import samples
from verified.court import Court, Scene, is_honest
from verified.interpreter import Inner, Leaf, Model, Tree, is_refuted

OUTPUTS = (1, 2, 3, 7, 10, 14, 20)


@pytest.fixture(scope="module")
def court() -> Court:
    return Court()


def scene_of(random: Random, *, near: bool = False) -> Scene:
    """A contest, and a model that was shown with what it predicts."""
    outputs = random.choice(OUTPUTS)
    make = random.choice((samples.ensemble, samples.dense))
    model = make(random, outputs=outputs, near=near)
    rule = samples.rule(random, outputs)
    count = random.choice((1, 2, 3, 5))
    rows = samples.rows(random, count, model.header.columns, model.header.width)
    targets = tuple(samples.value(random, rule.bits, outputs) for _ in rows)
    listed = tuple(model.predict(row, rule.bits) for row in rows)
    return Scene(model, rows, targets, listed, rule, random.choice((0, 2**300 - 1)))


def for_reference(model: Model) -> reference.Model:
    """The same model in the reference's own form."""

    def node(one: Tree) -> reference.Node:
        if isinstance(one, Leaf):
            return reference.Leaf(one.word)
        assert isinstance(one, Inner)
        sides = node(one.left), node(one.right)
        return reference.Inner(one.feature, one.threshold, *sides)

    neurons = [one for layer in model.layers for one in layer.neurons]
    units: list[reference.Unit] = [node(one) for one in model.trees]
    units += [reference.Neuron(one.bias, one.weights) for one in neurons]
    header = reference.read_header(model.header.word)
    return reference.Model(header, model.base, tuple(units))


def judge(court: Court, scene: Scene, row: int, better: int) -> str:
    """What the referee says of a row, which must be what the reference says."""
    said = court.says("rerun", *scene.rerun(court.market, row, better))
    told = for_reference(scene.model)
    codes, bits = scene.rows[row], scene.rule.bits
    assert told.units_root == int.from_bytes(scene.model.units_root, "big")
    outputs = reference.all_outputs(told, codes)
    assert outputs == scene.model.outputs(codes)
    assert reference.prediction(told, codes, bits) == scene.model.predict(codes, bits)
    must = is_refuted(
        scene.model, scene.rows[row], scene.listed[row], better, scene.rule.bits
    )
    assert said == ("" if must else "NothingWrong")
    return said


def one_case(court: Court, random: Random, counts: Counter[str]) -> None:
    """An honest listing stands, whatever is tried; a changed one falls."""
    near = random.random() < 0.15
    scene = scene_of(random, near=near)
    header, bits = scene.model.header, scene.rule.bits
    assert (
        court.says(
            "check_header",
            scene.terms(court.market),
            header.word,
            list(scene.model.base),
        )
        == ""
    )
    row = random.randrange(scene.count)
    better = random.randrange(header.outputs)
    judge(court, scene, row, better)
    lie = random.randrange(2**bits)
    listed = (*scene.listed[:row], lie, *scene.listed[row + 1 :])
    told = replace(scene, listed=listed)
    right = scene.model.predict(scene.rows[row], bits)
    convicted = judge(court, told, row, right if header.outputs > 1 else 0) == ""
    assert convicted == (lie != right)
    judge(court, told, row, better)
    counts[f"{header.kind} {header.form} {header.width} {near} {convicted}"] += 1


def test_rerun__of_random_honest_and_hostile_models__convicts_as_the_reference(
    court: Court,
) -> None:
    counts: Counter[str] = Counter()
    for seed in range(120):
        one_case(court, Random(seed), counts)
    assert {one.split()[-1] for one in counts} == {"True", "False"}


@pytest.mark.parametrize("seed", range(40))
def test_recount__of_random_listings__convicts_whatever_does_not_add_up(
    court: Court, seed: int
) -> None:
    random = Random(seed)
    scene = listing_scene(random)
    count = len(scene.listing.words)
    for group in range(count):
        wrong = not scene.listing.adds_up(group) or scene.listing.points[
            group
        ] != scene.true_points(group)
        if scene.score is not None and count > 1:
            top = scene.listing.levels[-2]
            wrong |= (top[0].sum + top[1].sum) % 2**256 != scene.score
        said = court.says("recount", *scene.recount(court.market, group))
        assert said == ("" if wrong else "NothingWrong"), group


def listing_scene(random: Random) -> Scene:
    """Up to five groups, with a lie in one place or in none."""
    outputs = random.choice((1, 2, 16, 200))
    rule = samples.rule(random, outputs)
    each = 8 * 256 // rule.bits
    count = random.choice((1, each, each + 1, 3 * each - 1, 4 * each + 1))
    model = samples.dense(random, outputs=2)
    model = replace(model, header=replace(model.header, columns=1, outputs=outputs))
    rows = samples.rows(random, min(count, 3), 1, 8)
    rows = tuple(rows[at % len(rows)] for at in range(count))
    targets = tuple(samples.value(random, rule.bits, outputs) for _ in rows)
    listed = tuple(
        one if random.random() < 0.5 else samples.value(random, rule.bits, outputs)
        for one in targets
    )
    scene = Scene(model, rows, targets, listed, rule, random.choice((0, 2**300 - 1)))
    groups = len(scene.listing.words)
    kind = random.choice(("honest", "points", "sum", "claim", "padding"))
    if kind == "points":
        points = list(scene.listing.points)
        points[random.randrange(groups)] += random.choice((1, 2**256 - 1 - max(points)))
        return replace(scene, points=tuple(points))
    if kind == "sum" and groups > 1:
        level = random.randrange(1, len(scene.listing.levels))
        wide = len(scene.listing.levels[level])
        return replace(scene, lies=(((level, random.randrange(wide)), 1),))
    if kind == "claim" and groups > 1:
        return replace(scene, score=scene.claim + 1)
    if kind == "padding" and groups in (3, 5):
        return replace(scene, beyond=(9,))
    return scene


def test_answer__of_every_part_of_random_models__is_taken_and_nothing_else(
    court: Court,
) -> None:
    for seed in range(50):
        random = Random(seed)
        scene = scene_of(random, near=seed % 10 == 0)
        for part in {0, scene.model.parts - 1}:
            name, arguments = scene.answer(court.market, part)
            assert court.says(name, *arguments) == ""
            spoil(court, random, name, arguments)
        part = scene.model.parts
        if name == "answer_trees":
            arguments[3] = part
            assert court.says(name, *arguments) != ""


def spoil(court: Court, random: Random, name: str, arguments: list[Any]) -> None:
    """A changed, a missing or a further word is none of the part."""
    words = arguments[4]
    for changed in (words[:-1], [*words, 0], [*words[:-1], words[-1] ^ 1]):
        if name == "answer_trees" and len(words) == 1:
            continue
        told = [*arguments[:4], changed, *arguments[5:]]
        assert court.says(name, *told) != ""


@pytest.mark.parametrize("count", [1, 2, 3, 63, 64, 65, 130])
def test_answer_listing__of_every_part__is_taken_and_nothing_else(
    court: Court, count: int
) -> None:
    random = Random(count)
    model = samples.dense(random, outputs=2)
    rule = samples.rule(random, 200)
    rule = replace(rule, kind=0, bits=16)
    rows = ((0,) * model.header.columns,) * (128 * count - 5)
    targets = tuple(random.randrange(9) for _ in rows)
    scene = Scene(model, rows, targets, targets, rule)
    parts = -(-count // 64)
    for part in range(parts):
        arguments = scene.answer_listing(court.market, part)
        assert court.says("answer_listing", *arguments) == ""
        for at, change in ((5, 1), (6, 1)):
            told = list(arguments)
            told[at] = [*told[at][:-1], told[at][-1] ^ change]
            assert court.says("answer_listing", *told) != ""
    told = list(scene.answer_listing(court.market, parts - 1))
    told[4] = parts
    assert court.says("answer_listing", *told) == "BadIndex"


def test_an_honest_scene_is_honest() -> None:
    for seed in range(20):
        assert is_honest(scene_of(Random(seed)))
