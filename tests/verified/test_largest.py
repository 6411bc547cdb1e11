# SPDX-License-Identifier: Apache-2.0
"""The largest contest that terms allow, of which one row and its group are known.

It has 2**25 rows of a word each: a tree of 25 levels, beside 2**14 groups. All else is
made up: each sibling on the way up is a hash of nothing, and the root is what the leaf
leads to with them. A contest of one row more would have a part of a listing too many.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pytest

from verified import small_models as models
from verified.data import Terms, in_a_group, pack
from verified.openings import rerun_words
from verified.published import Hidden, Listing, all_bytes, as_bytes
from verified.trees import (
    SumPath,
    data_node,
    levels,
    listed_leaf,
    proven_root,
    row_leaf,
    sha256,
    sum_path_root,
    targets_leaf,
)
from verified.trial import Candidate, Rerun, Trial
from verified.verdicts import compared
from verified.world import World

TERMS = Terms(kind=0, columns=3, width=8, outputs=2, bits=1, rows=2**25, cap=1)
EACH = in_a_group(TERMS.bits)
ROWS = (0, 1, 0b10110011100011110000110, TERMS.rows - 2, TERMS.rows - 1)
CODES = (1, 2, 3)
"""Of the row that is known."""
MODEL = models.ensemble(
    models.stump(0, 100, models.lanes(9, 0), models.lanes(0, 9)), base=(0, 0)
)
GIVEN, OTHER = 0, 1
"""The class that the model gives that row, and the other one."""


def made_up(count: int) -> list[int]:
    """Hashes of nothing that anybody has."""
    return [sha256(at) for at in range(count)]


def group_of(row: int, value: int) -> list[int]:
    """A group in which zeros stand beside a row's value."""
    return pack([value if at == row % EACH else 0 for at in range(EACH)], TERMS.bits)


@dataclass(frozen=True)
class HiddenRow(Hidden):
    """What is known of the contest: one row, whose target is the other class."""

    known: int = 0

    @cached_property
    def row_words(self) -> list[list[int]]:
        return [self._crypted(pack(CODES, TERMS.width), "row", self.known)]

    @cached_property
    def target_words(self) -> list[list[int]]:
        words = group_of(self.known, OTHER)
        return [self._crypted(words, "targets", self.known // EACH)]

    def row(self, index: int) -> tuple[Any, ...]:
        assert index == self.known
        return (index, self.row_words[0], all_bytes(made_up(levels(TERMS.rows))))

    def group(self, index: int) -> tuple[Any, ...]:
        assert index == self.known // EACH
        return (index, self.target_words[0], all_bytes(made_up(levels(TERMS.groups))))

    @property
    def for_terms(self) -> dict[str, Any]:
        at, group = self.known, self.known // EACH
        row = row_leaf(at, self.row_words[0])
        targets = targets_leaf(group, self.target_words[0])
        names = ("rows", "columns", "width", "outputs", "bits", "cap", "step")
        return {name: getattr(TERMS, name) for name in names} | {
            "rows_root": self._root(row, at, TERMS.rows),
            "targets_root": self._root(targets, group, TERMS.groups),
        }

    def _root(self, leaf: int, index: int, count: int) -> bytes:
        siblings = made_up(levels(count))
        return as_bytes(proven_root(leaf, index, count, siblings, data_node))


@dataclass(frozen=True)
class ListedRow(Listing):
    """What is known of a listing: one row's class, and what its group is to score."""

    known: int = 0
    stated: int = 0

    @property
    def words(self) -> list[int]:
        return group_of(self.known, self.predictions[0])

    @cached_property
    def path(self) -> SumPath:
        """Each group beside the way is said to score 100, and nothing is a lie."""
        siblings = tuple((one, 100) for one in made_up(levels(TERMS.groups)))
        sums = tuple(self.stated + 100 * at for at in range(len(siblings) + 1))
        return SumPath(sums, siblings)

    @property
    def root(self) -> bytes:
        at = self.known // EACH
        leaf = listed_leaf(at, self.words)
        return as_bytes(sum_path_root(leaf, at, TERMS.groups, self.path))

    @property
    def score(self) -> int:
        return self.path.sums[-1]

    def steps(self, index: int, level: int = 0) -> list[tuple[bytes, int, int]]:
        assert (index, level) == (self.known // EACH, 0)
        above = zip(self.path.siblings, self.path.sums[1:], strict=True)
        return [(as_bytes(digest), total, parent) for (digest, total), parent in above]

    def group(self, index: int) -> tuple[Any, ...]:
        return (self.words, self.stated, self.steps(index))


def shown(
    world: World, row: int, listed: int, stated: int | None = None
) -> tuple[Trial, Candidate]:
    """A candidate that listed a class for the row, and points for its group.

    Args:
        stated: By default what the group truly scores: all of it, but for the row if
            it lists what the model gives.
    """
    told = HiddenRow(TERMS, (), (), known=row)
    if stated is None:
        stated = EACH - (listed == GIVEN)
    # Of larger models, so many rows would ask too much of whoever watches.
    trial = Trial(world, told, most_words=2_000)
    one = trial.enter(
        "ann", MODEL, ListedRow(told, (listed,), known=row, stated=stated)
    )
    trial.close()
    trial.show(one)
    return trial, one


def rerun(trial: Trial, candidate: Candidate, row: int, better: int) -> Rerun:
    """The challenge of the row."""
    listed = candidate.listing.predictions[0]
    wanted = compared(TERMS, listed, better)
    return Rerun(
        trial.case(candidate),
        trial.contest.struct,
        trial.shown(candidate),
        trial.hidden.key,
        trial.hidden.row(row),
        candidate.listing.group(row // EACH),
        list(MODEL.base),
        better,
        rerun_words(MODEL, CODES, wanted),
        [],
    )


@pytest.mark.parametrize("row", ROWS)
def test_rerun__of_a_row_of_as_many_as_there_may_be__convicts_who_listed_another_class(
    world: World, row: int
) -> None:
    trial, liar = shown(world, row, OTHER)
    trial.convicts(rerun(trial, liar, row, GIVEN), liar)


@pytest.mark.parametrize("row", ROWS)
def test_rerun__of_a_row_of_as_many_as_there_may_be__convicts_no_honest_candidate(
    world: World, row: int
) -> None:
    trial, honest = shown(world, row, GIVEN)
    trial.is_refused(rerun(trial, honest, row, OTHER), "NothingWrong")
    trial.stands_and_is_paid(honest)


@pytest.mark.parametrize("row", ROWS)
def test_recount__of_the_groups_of_as_many_rows__convicts_who_counted_one_too_many(
    world: World, row: int
) -> None:
    trial, liar = shown(world, row, GIVEN, stated=EACH)
    trial.convicts(trial.recount(liar, row // EACH), liar)


@pytest.mark.parametrize("row", ROWS)
def test_recount__of_the_groups_of_as_many_rows__convicts_no_honest_candidate(
    world: World, row: int
) -> None:
    trial, honest = shown(world, row, GIVEN)
    trial.is_refused(trial.recount(honest, row // EACH), "NothingWrong")
    trial.stands_and_is_paid(honest)


@pytest.mark.parametrize("siblings", [24, 26])
def test_rerun__with_a_sibling_too_few_or_too_many_of_the_tallest_tree__says_so(
    world: World, siblings: int
) -> None:
    """The word is the referee's, and not a call that cannot even be read: whoever put
    the proof together wrongly is told what is wrong with it."""
    row = ROWS[2]
    trial, liar = shown(world, row, OTHER)
    call = rerun(trial, liar, row, GIVEN)
    proof = all_bytes(made_up(siblings))
    trial.is_refused(replace(call, row=(*call.row[:2], proof)), "BadProof")
    trial.convicts(call, liar)


def test_rerun__with_a_proof_taller_than_any_tree__cannot_be_read(
    world: World,
) -> None:
    row = ROWS[2]
    trial, liar = shown(world, row, OTHER)
    call = rerun(trial, liar, row, GIVEN)
    proof = all_bytes(made_up(27))
    trial.is_refused(replace(call, row=(*call.row[:2], proof)), "")


def test_rerun__of_more_rows_than_there_may_be__has_no_way_through_a_listing(
    world: World,
) -> None:
    """Whatever a market says that it agreed on: a tree of rows of 26 levels stands
    beside a listing of 15, and no path has so many steps."""
    row = ROWS[2]
    trial, liar = shown(world, row, OTHER)
    call = rerun(trial, liar, row, GIVEN)
    names = list(trial.contest.terms)
    told = list(call.terms)
    told[names.index("rows")] = TERMS.rows + 1
    words, points, path = call.group
    longer = (*call.row[:2], all_bytes(made_up(26)))
    call = replace(call, terms=tuple(told), row=longer)
    trial.is_refused(call, "BadProof")
    trial.is_refused(replace(call, group=(words, points, [*path, path[0]])), "")
