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
from verified.hashing import Rule
from verified.interpreter import (
    Header,
    Inner,
    Leaf,
    Model,
    Tree,
    header_fault,
    is_refuted,
)
from verified.traced import TracedCourt

OUTPUTS = (1, 2, 3, 7, 10, 14, 20)


@pytest.fixture(scope="module")
def court() -> Court:
    return Court()


@pytest.fixture(scope="module")
def traced() -> Court:
    """Where it shows which lines ran."""
    return TracedCourt()


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
        said = court.says("recount", *scene.recount(court.market, group))
        assert said == ("" if is_wrong(scene, group) else "NothingWrong"), group


def is_wrong(scene: Scene, group: int) -> bool:
    """Whether a group convicts: by its points, or by a sum above it."""
    if scene.score is not None and len(scene.listing.words) > 1:
        top = scene.listing.levels[-2]
        if (top[0].sum + top[1].sum) % 2**256 != scene.score:
            return True
    is_true = scene.listing.points[group] == scene.true_points(group)
    return not is_true or not scene.listing.adds_up(group)


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


# --- where it shows which lines ran ---


@pytest.mark.parametrize("seed", range(24))
def test_rerun__line_by_line__convicts_as_the_reference(
    traced: Court, seed: int
) -> None:
    random = Random(1_000 + seed)
    scene = scene_of(random)
    row = random.randrange(scene.count)
    outputs = scene.model.header.outputs
    judge(traced, scene, row, random.randrange(outputs))
    lie = random.randrange(2**scene.rule.bits)
    listed = (*scene.listed[:row], lie, *scene.listed[row + 1 :])
    right = scene.model.predict(scene.rows[row], scene.rule.bits)
    judge(traced, replace(scene, listed=listed), row, right if outputs > 1 else 0)
    for part in {0, scene.model.parts - 1}:
        name, arguments = scene.answer(traced.market, part)
        assert traced.says(name, *arguments) == ""


@pytest.mark.parametrize("seed", range(24))
def test_recount__line_by_line__convicts_whatever_does_not_add_up(
    traced: Court, seed: int
) -> None:
    scene = listing_scene(Random(seed))
    for group in range(len(scene.listing.words)):
        said = traced.says("recount", *scene.recount(traced.market, group))
        assert said == ("" if is_wrong(scene, group) else "NothingWrong")


def test_answer_listing__line_by_line__is_taken(traced: Court) -> None:
    random = Random(3)
    model = samples.dense(random, outputs=2)
    rule = replace(samples.rule(random, 200), kind=0, bits=16)
    rows = ((0,) * model.header.columns,) * (128 * 65)
    scene = Scene(model, rows, (1,) * len(rows), (1,) * len(rows), rule)
    for part in range(2):
        arguments = scene.answer_listing(traced.market, part)
        assert traced.says("answer_listing", *arguments) == ""


CHANGES: list[dict[str, Any]] = [
    {},
    *(
        {name: value}
        for name in ("kind", "form", "rounds", "depth", "part")
        for value in range(4)
    ),
    *(
        {name: value}
        for name in ("units", "outputs", "columns")
        for value in (0, 1, 5, 14, 15)
    ),
    {"width": 16},
    {"width": 9},
    {"magic": 1},
    {"rest": 1},
    {"depth": 32},
    {"depth": 33},
    {"units": 2**18, "part": 10},
    {"units": 2**18 + 1, "part": 10},
    {"units": 1_025, "depth": 0, "part": 10},
    {"units": 1_024, "depth": 1, "part": 10},
    {"units": 1_024, "depth": 2, "part": 10},
    {"form": 1, "outputs": 7, "units": 1},
    {"form": 1, "outputs": 8, "units": 1},
    {"form": 2, "units": 6, "rounds": 3, "outputs": 2},
    {"form": 2, "units": 3, "rounds": 3, "outputs": 2},
    {"form": 2, "units": 1, "rounds": 3, "outputs": 2},
    {"form": 2, "units": 9, "rounds": 3, "outputs": 2},
    {"form": 2, "units": 512, "rounds": 512, "outputs": 1, "part": 9},
]
BASES: list[tuple[int, ...]] = [
    (),
    (0,),
    (0, 0),
    (2 << 24,),
    (3 << 24 | 1 << 8 | 1, 2 << 24),
    (3 << 24 | 0 << 8 | 1, 2 << 24),
    (3 << 24 | 1 << 8 | 0, 2 << 24),
    (3 << 24 | 1 << 8 | 31, 2 << 24),
    (3 << 24 | 1 << 8 | 32, 2 << 24),
    (0, 2 << 24),
    (1_025 << 24 | 1 << 8 | 1, 2 << 24),
    (1 << 24 | 1 << 8 | 1,) * 9,
    (900 << 24 | 1 << 8 | 1, 2 << 24),
]


@pytest.mark.parametrize("base", BASES, ids=str)
def test_check_header__of_anything__says_what_the_reference_says(
    traced: Court, base: tuple[int, ...]
) -> None:
    random = Random(0)
    scene = scene_of(random)
    units = sum(one >> 24 for one in base) if len(base) != 1 or base[0] else 4
    for at, change in enumerate(
        [*CHANGES, *({"kind": 1} | one for one in CHANGES[:30])]
    ):
        fields = {"kind": 0, "form": 0, "columns": 3, "outputs": 2, "units": units}
        fields |= {"rounds": 0, "depth": 3, "part": 0, "width": 8}
        if change.get("kind") == 1:
            fields |= {"depth": 0, "part": max(units - 1, 0).bit_length()}
        header = Header(**(fields | change))
        terms = scene.terms(
            traced.market, columns=3, outputs=header.outputs if at % 2 else 2, width=8
        )
        must = header_fault(
            header,
            base,
            columns=3,
            outputs=terms[10],
            width=8,
            units=2**18,
            words=3_328,
            parts=256,
        )
        assert traced.says("check_header", terms, header.word, list(base)) == must


def test_rerun__of_a_listed_class_that_there_is_not__convicts_at_once(
    traced: Court,
) -> None:
    random = Random(7)
    model = samples.ensemble(random, outputs=3)
    rows = samples.rows(random, 2, model.header.columns, model.header.width)
    scene = Scene(model, rows, (0, 1), (3, model.predict(rows[1], 4)), Rule(0, 4, 3))
    arguments = scene.rerun(traced.market, 0, 0)
    assert arguments[8:] == [[], []]
    assert traced.says("rerun", *arguments) == ""
    assert traced.says("rerun", *scene.rerun(traced.market, 1, 0)) == "NothingWrong"
