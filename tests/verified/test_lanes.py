# SPDX-License-Identifier: Apache-2.0
"""Lanes of groups and words of rows: what is read is what is there, of every width.

Targets and predictions of any number of bits are counted and compared where they stand,
up to the last lane of a word and to the last group that a listing may have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

import pytest

from verified import reference as ref
from verified import small_models
from verified.court import Court
from verified.scenes import Scene

ROWS = 300
"""More than a word's lanes of any width, and not all of a group's of 1, 2 or 4 bits."""


@pytest.fixture(scope="module")
def court() -> Court:
    return Court()


def counted(terms: ref.Terms, seed: int) -> Scene:
    """A contest with any targets, and a listing that is right in about half the rows."""
    rng = Random(seed)
    truth = [rng.randrange(terms.outputs) for _ in range(terms.rows)]
    said = [rng.choice((one, rng.randrange(terms.outputs))) for one in truth]
    targets, listing = (ref.pack_groups(one, terms.bits) for one in (truth, said))
    scene = Scene(terms, small_models.network(), [], targets, listing)
    return without_rows(scene)


def without_rows(scene: Scene) -> Scene:
    """The same, whose rows nobody asks for: a recount reads none."""
    # perf: a million leaves of rows are not hashed.
    scene.__dict__["row_leaves"] = [0]
    return scene


def recounts(court: Court, scene: Scene, groups: Sequence[int]) -> None:
    """Each group scores what the reference says, and one point more convicts."""
    true = [scene.true_points(at) for at in range(len(scene.listing))]
    honest = without_rows(replace(scene, points=tuple(true)))
    for group in groups:
        said = court.says("recount", *honest.recount(court.market, group))
        assert said == "NothingWrong"
        points = [one + (at == group) for at, one in enumerate(true)]
        liar = without_rows(replace(scene, points=tuple(points)))
        assert court.says("recount", *liar.recount(court.market, group)) == ""


@pytest.mark.parametrize(
    ("bits", "outputs"),
    [(1, 2), (2, 4), (4, 15), (4, 16), (8, 16), (8, 17), (8, 256), (16, 3), (16, 256)],
)
@pytest.mark.parametrize("kind", [0, 1])
def test_recount__of_classes_of_any_width__counts_each_class_by_its_weight(
    court: Court, kind: int, bits: int, outputs: int
) -> None:
    weights = tuple(1 + 3 * at for at in range(outputs))
    terms = ref.Terms(kind, 3, 8, outputs, bits, ROWS, cap=1, weights=weights)
    scene = counted(terms, seed=bits << 10 | outputs)
    recounts(court, scene, range(len(scene.listing)))


def test_recount__in_a_listing_of_more_than_8192_groups__goes_up_all_its_levels(
    court: Court,
) -> None:
    """As many levels as the longest listing has, 256 parts of 64 groups."""
    groups = 8_193
    terms = ref.Terms(0, 3, 8, 3, 16, rows=128 * (groups - 1) + 1)
    word = ref.pack([1] * 16, 16)
    every = [word * 8] * groups
    scene = Scene(terms, small_models.network(), [], every, every)
    right = [128] * (groups - 1) + [1]
    honest = without_rows(replace(scene, points=tuple(right)))
    assert ref.levels(groups) == 14
    liar = without_rows(replace(scene, points=(*right[:-1], 2)))
    for told, group, said in (
        (honest, 0, "NothingWrong"),
        (honest, groups - 1, "NothingWrong"),
        (liar, 0, "NothingWrong"),
        (liar, groups - 1, ""),
    ):
        assert court.says("recount", *told.recount(court.market, group)) == said


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_rerun__of_any_row_of_a_group__compares_what_is_listed_for_that_row(
    court: Court, bits: int
) -> None:
    """Neighbours are listed as something else, and another class than the model's."""
    left, right = small_models.lanes(9, 0), small_models.lanes(0, 9)
    tree = small_models.stump(0, 100, left, right)
    model = small_models.ensemble(tree, base=(0, 0))
    rows = 256 // bits + 2  # more than a word
    terms = ref.Terms(0, 3, 8, 2, bits, rows)
    codes = [[200 * (at % 2), 0, 0] for at in range(rows)]
    words = [ref.pack(one, 8) for one in codes]
    honest = ref.pack_groups([at % 2 for at in range(rows)], bits)
    scene = Scene(terms, model, words, honest, honest)
    for row in (0, 1, 2, 256 // bits - 1, 256 // bits, rows - 1):
        is_true, other = row % 2, 1 - row % 2
        liar = replace(scene, listing=scene.listing_of(row, other))
        for told, better, said in (
            (scene, other, "NothingWrong"),
            (scene, is_true, "NothingWrong"),
            (liar, is_true, ""),
            (liar, other, "NothingWrong"),
        ):
            opened = told.opened(row, better)
            arguments = told.rerun(court.market, row, better, *opened)
            assert court.says("rerun_trees", *arguments) == said, (row, better)


@dataclass(frozen=True)
class OtherRows(Scene):
    """A contest whose committed rows have words more, or fewer."""

    spare: int = 0

    @cached_property
    def hidden_rows(self) -> list[list[int]]:
        honest = super().hidden_rows
        if self.spare < 0:
            return [one[: self.spare] for one in honest]
        return [[*one, *[0] * self.spare] for one in honest]


@pytest.mark.parametrize("columns", [3, 33, 64])
@pytest.mark.parametrize("spare", [-1, 0, 1])
def test_rerun__of_a_row_that_is_sealed_with_other_words_than_its_columns__is_refused(
    court: Court, columns: int, spare: int
) -> None:
    """Nobody can be convicted by such a row, and nobody prove anything of it."""
    tree = small_models.stump(0, 100, small_models.lanes(0, 9), small_models.lanes(9))
    model = small_models.ensemble(tree, base=(0, 0), columns=columns)
    terms = ref.Terms(0, columns, 8, 2, 1, rows=1)
    words = ref.pack([1] * columns, 8)
    groups = ref.pack_groups([0], 1)
    scene = OtherRows(terms, model, [words], groups, groups, spare=spare)
    opened = scene.opened(0, 1)
    arguments = scene.rerun(court.market, 0, 1, *opened)
    assert court.says("rerun_trees", *arguments) == ("BadRow" if spare else "")
