# SPDX-License-Identifier: Apache-2.0
"""What a requester publishes and what a trainer lists, from the reference's parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from verified.data import (
    GROUP_WORDS,
    Terms,
    crypted,
    group_points,
    pack,
    pack_groups,
    row_words,
    weights_hash,
)
from verified.models import Model, prediction
from verified.trees import (
    Pair,
    data_node,
    listed_leaf,
    proof,
    root,
    row_leaf,
    sum_path,
    sum_tree,
    targets_leaf,
)
from verified.world import KEY, NONCE

Rows = tuple[tuple[int, ...], ...]


def as_bytes(word: int) -> bytes:
    """A word of the reference, as the contracts take hashes."""
    return word.to_bytes(32, "big")


def all_bytes(words: list[int]) -> list[bytes]:
    """Words of the reference, as the contracts take hashes."""
    return [as_bytes(one) for one in words]


# --- what a requester publishes ---


@dataclass(frozen=True)
class Hidden:
    """Rows and targets of a contest, with its key.

    Args:
        terms: How they are packed and score.
        rows: Codes of each row.
        targets: One for each row.
        row_padding: What is put behind the codes of each row, cut to what is free.
        target_padding: What is put behind the last target.
    """

    terms: Terms
    rows: Rows
    targets: tuple[int, ...]
    row_padding: int = 0
    target_padding: int = 0
    key: bytes = KEY
    nonce: bytes = NONCE

    @cached_property
    def row_words(self) -> list[list[int]]:
        """Each row's ciphertext."""
        terms, found = self.terms, []
        free = 256 * row_words(terms.columns, terms.width) - terms.columns * terms.width
        for at, codes in enumerate(self.rows):
            words = pack(codes, terms.width)
            words[-1] |= self.row_padding % 2**free
            found.append(self._crypted(words, "row", at))
        return found

    @cached_property
    def plain_targets(self) -> list[list[int]]:
        """Each group of targets, as the key makes it."""
        return padded(self.targets, self.terms.bits, self.target_padding)

    @cached_property
    def target_words(self) -> list[list[int]]:
        """The ciphertext of each group of targets."""
        return [
            self._crypted(words, "targets", at)
            for at, words in enumerate(self.plain_targets)
        ]

    def _crypted(self, words: list[int], name: str, index: int) -> list[int]:
        key, nonce = (int.from_bytes(one, "big") for one in (self.key, self.nonce))
        return crypted(words, key, nonce, name, index)

    @cached_property
    def row_leaves(self) -> list[int]:
        return [row_leaf(*one) for one in enumerate(self.row_words)]

    @cached_property
    def target_leaves(self) -> list[int]:
        return [targets_leaf(*one) for one in enumerate(self.target_words)]

    def row(self, index: int) -> tuple[Any, ...]:
        """A row as it was published, with its proof."""
        siblings = proof(self.row_leaves, index, data_node)
        return (index, self.row_words[index], all_bytes(siblings))

    def group(self, index: int) -> tuple[Any, ...]:
        """A group of targets as it was published, with its proof."""
        siblings = proof(self.target_leaves, index, data_node)
        return (index, self.target_words[index], all_bytes(siblings))

    @property
    def for_terms(self) -> dict[str, Any]:
        """What the market's terms say of it."""
        terms = self.terms
        names = ("rows", "columns", "width", "outputs", "bits", "cap", "step")
        return {name: getattr(terms, name) for name in names} | {
            "points": terms.kind,
            "weights_hash": as_bytes(weights_hash(terms.weights)),
            "rows_root": as_bytes(root(self.row_leaves, data_node)),
            "targets_root": as_bytes(root(self.target_leaves, data_node)),
            "nonce": self.nonce,
        }


def padded(values: tuple[int, ...], bits: int, padding: int) -> list[list[int]]:
    """Groups with something behind the last value."""
    groups = pack_groups(values, bits)
    free = 256 * GROUP_WORDS * len(groups) - bits * len(values)
    for at in range(len(groups) * GROUP_WORDS - 1, -1, -1):
        here = min(free, 256)
        groups[at // GROUP_WORDS][at % GROUP_WORDS] |= padding % 2**here
        free -= here
        if free == 0:
            break
    return groups


# --- what a trainer says ---


@dataclass(frozen=True)
class Listing:
    """What is said of all rows; honest unless it is told otherwise.

    Args:
        hidden: Of the contest.
        predictions: One for each row.
        padding: What is put behind the last one.
        lies: What is stated in place of a sum, by level and index.
        unknown: Groups of which nobody has more than a hash.
    """

    hidden: Hidden
    predictions: tuple[int, ...]
    padding: int = 0
    lies: tuple[tuple[tuple[int, int], int], ...] = ()
    unknown: tuple[int, ...] = ()

    @cached_property
    def groups(self) -> list[list[int]]:
        return padded(self.predictions, self.hidden.terms.bits, self.padding)

    def points(self, group: int) -> int:
        """What a group truly scores."""
        targets = self.hidden.plain_targets[group]
        return group_points(self.hidden.terms, group, targets, self.groups[group])

    @cached_property
    def nodes(self) -> list[list[Pair]]:
        pairs = [
            (7 if at in self.unknown else listed_leaf(at, words), self.points(at))
            for at, words in enumerate(self.groups)
        ]
        return sum_tree(pairs, dict(self.lies))

    @property
    def root(self) -> bytes:
        return as_bytes(self.nodes[-1][0][0])

    @property
    def score(self) -> int:
        """The claim that it leads to."""
        return self.nodes[-1][0][1]

    def steps(self, index: int, level: int = 0) -> list[tuple[bytes, int, int]]:
        """The way of a node up to the claim."""
        path = sum_path(self.nodes[level:], index)
        above = zip(path.siblings, path.sums[1:], strict=True)
        return [(as_bytes(digest), total, parent) for (digest, total), parent in above]

    def group(self, index: int) -> tuple[Any, ...]:
        """A group, with its place in the listing."""
        return (self.groups[index], self.nodes[0][index][1], self.steps(index))


# --- small contests ---


CLASSES = Terms(kind=0, columns=3, width=8, outputs=3, bits=2, rows=5, cap=1)
"""Three of the four classes that two bits can name."""
WIDE = replace(CLASSES, bits=16)
"""Of which a group has 128 rows."""
ROWS: Rows = ((1, 2, 3), (200, 9, 0), (0, 255, 7), (50, 60, 70), (255, 0, 128))


def hidden(
    targets: tuple[int, ...], terms: Terms = CLASSES, rows: Rows = ROWS, **more: Any
) -> Hidden:
    """Rows and targets of a contest; rows are repeated until there is one for each."""
    many = tuple(rows[at % len(rows)] for at in range(len(targets)))
    return Hidden(replace(terms, rows=len(targets)), many, targets, **more)


def truth(model: Model, of: Hidden) -> tuple[int, ...]:
    """What a model says of all rows."""
    return tuple(prediction(model, row, of.terms.bits) for row in of.rows)


def of_rows(model: Model, terms: Terms = CLASSES, count: int = 5) -> tuple[int, ...]:
    """What a model says of so many rows of the small contests."""
    return truth(model, hidden((0,) * count, terms))


def another(terms: Terms, listed: int) -> int:
    """A prediction that is not the one listed."""
    return (listed + 1) % terms.outputs if terms.is_of_classes else listed ^ 3


def replaced(values: tuple[int, ...], changes: dict[int, int]) -> tuple[int, ...]:
    """Values of which some, by their place, are others."""
    return tuple(changes.get(at, one) for at, one in enumerate(values))
