# SPDX-License-Identifier: Apache-2.0
"""A contest whose key is open and a model that was shown for it, put to the court.

All of it is the reference's: what is handed in follows from the text alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from random import Random
from typing import Any

from verified import reference as ref
from verified import specimen_models, specimens
from verified.court import CHAIN_ID

REQUESTER, TRAINER = "0x" + "aa" * 20, "0x" + "bb" * 20
KEY, NONCE = 0x0102_0304 << 200, 7
MONEY_AND_WINDOWS = (1, 1, 1, 60, 900, 7_200, 0)
"""Of the terms: nothing that referee and clerk look at."""

PART_GROUPS = 64
MOST_WORDS = 3_328
MOST_DIFFERENT = 8
"""Rows that differ from each other; what comes behind them repeats them."""
Steps = list[tuple[bytes, int, int]]


def word(value: int) -> bytes:
    """A word's bytes."""
    return value.to_bytes(32)


def hashes(values: Sequence[int]) -> list[bytes]:
    """Words that a call takes as hashes."""
    return [word(one) for one in values]


@dataclass(frozen=True)
class Scene:
    """A contest, a model, and what was listed.

    Attributes:
        terms: Of the contest.
        model: That was shown.
        rows: The words of each row in the clear, with whatever is behind its columns.
        targets: The groups in the clear, with whatever is behind the last row.
        listing: The groups, likewise.
        points: Of each group, as it is stated; none for what it scores.
        lies: What is stated in place of a sum, by level and index.
    """

    terms: ref.Terms
    model: ref.Model
    rows: list[list[int]]
    targets: list[list[int]]
    listing: list[list[int]]
    points: tuple[int, ...] = ()
    lies: dict[tuple[int, int], int] = field(default_factory=dict)

    def codes(self, row: int) -> list[int]:
        """The codes of a row."""
        return ref.unpack(self.rows[row], self.terms.width, self.terms.columns)

    def listed(self, row: int) -> int:
        """What is listed for a row."""
        each = ref.in_a_group(self.terms.bits)
        group = self.listing[row // each]
        return ref.unpack(group, self.terms.bits, each)[row % each]

    def listing_of(self, row: int, value: int) -> list[list[int]]:
        """The listing with something else for a row."""
        bits = self.terms.bits
        each, per_word = ref.in_a_group(bits), 256 // bits
        found = [list(one) for one in self.listing]
        place, low = row % each // per_word, 256 - bits * (row % per_word + 1)
        group = found[row // each]
        group[place] &= ~((1 << bits) - 1 << low)
        group[place] |= value << low
        return found

    # --- what is committed to ---

    @cached_property
    def hidden_rows(self) -> list[list[int]]:
        return [
            ref.crypted(words, KEY, NONCE, "row", at)
            for at, words in enumerate(self.rows)
        ]

    @cached_property
    def row_leaves(self) -> list[int]:
        return [ref.row_leaf(at, words) for at, words in enumerate(self.hidden_rows)]

    @cached_property
    def hidden_targets(self) -> list[list[int]]:
        return [
            ref.crypted(words, KEY, NONCE, "targets", at)
            for at, words in enumerate(self.targets)
        ]

    @cached_property
    def target_leaves(self) -> list[int]:
        return [
            ref.targets_leaf(at, words) for at, words in enumerate(self.hidden_targets)
        ]

    def true_points(self, group: int) -> int:
        """What a group of the listing scores."""
        return ref.group_points(
            self.terms, group, self.targets[group], self.listing[group]
        )

    @cached_property
    def sums(self) -> list[list[ref.Pair]]:
        """The tree of sums above the listing."""
        count = len(self.listing)
        points = self.points or [self.true_points(at) for at in range(count)]
        leaves = [ref.listed_leaf(at, one) for at, one in enumerate(self.listing)]
        return ref.sum_tree(list(zip(leaves, points, strict=True)), self.lies)

    @property
    def claim(self) -> int:
        return self.sums[-1][0][1]

    # --- what calls are handed ---

    def struct(self, market: str, **changes: Any) -> tuple[Any, ...]:
        """The terms as the contracts take them."""
        of = self.terms
        found = {
            "rows": of.rows,
            "columns": of.columns,
            "width": of.width,
            "outputs": of.outputs,
            "bits": of.bits,
            "points": of.kind,
            "cap": of.cap,
            "step": of.step,
            "most_units": of.most_units,
            "most_words": MOST_WORDS,
            "most_parts": of.most_parts,
            "weights_hash": word(ref.keccak(*self.weights)),
            "rows_root": word(ref.root(self.row_leaves, ref.data_node)),
            "targets_root": word(ref.root(self.target_leaves, ref.data_node)),
            "nonce": word(NONCE),
            "key_hash": word(
                ref.key_hash(CHAIN_ID, int(market, 16), int(REQUESTER, 16), NONCE, KEY)
            ),
        } | changes
        return (*MONEY_AND_WINDOWS, *found.values(), bytes(32), bytes(32))

    @property
    def weights(self) -> list[int]:
        return ref.pack(self.terms.weights, 32) if self.terms.kind == 1 else []

    def case(self, market: str) -> tuple[Any, ...]:
        """Who is accused, and where."""
        return (market, 3, 5, REQUESTER)

    @cached_property
    def shown(self) -> tuple[Any, ...]:
        """What was shown."""
        return (
            TRAINER,
            self.model.header.word,
            word(ref.keccak(*self.model.base)),
            word(self.model.units_root),
            word(self.sums[-1][0][0]),
            self.claim,
        )

    def steps(self, path: ref.SumPath) -> Steps:
        """A way through the sums, step by step."""
        return [
            (word(digest), total, above)
            for (digest, total), above in zip(path.siblings, path.sums[1:], strict=True)
        ]

    def group(self, index: int) -> tuple[Any, ...]:
        """A group of the listing with the sums above it."""
        path = ref.sum_path(self.sums, index)
        return (tuple(self.listing[index]), path.sums[0], self.steps(path))

    @property
    def rerun_call(self) -> str:
        """The call that runs the model."""
        is_dense = self.model.header.kind == ref.DENSE
        return "rerun_dense" if is_dense else "rerun_trees"

    def rerun(
        self,
        market: str,
        row: int,
        better: int,
        words: list[int],
        siblings: list[int],
    ) -> list[Any]:
        """The arguments of a challenge of a row."""
        each = ref.in_a_group(self.terms.bits)
        proof = ref.proof(self.row_leaves, row, ref.data_node)
        return [
            self.case(market),
            self.struct(market),
            self.shown,
            word(KEY),
            (row, self.hidden_rows[row], hashes(proof)),
            self.group(row // each),
            list(self.model.base),
            better,
            words,
            hashes(siblings),
        ]

    def opened(self, row: int, better: int) -> tuple[list[int], list[int]]:
        """The words of a challenge of a row, and the siblings; none if none are read.

        Raises:
            ConcealedError: What would have to be run is not known.
        """
        terms, model = self.terms, self.model
        listed = self.listed(row)
        beyond = terms.is_of_classes and max(listed, better) >= terms.outputs
        chosen = ref.compared(terms, listed, better)
        units = ref.executed(model.header, model.base, chosen)
        if beyond or not units:
            return [], []
        words = ref.rerun_words(model, self.codes(row), chosen)
        siblings = len(ref.multiproof(model.unit_hashes, units))
        return words[: len(words) - siblings], words[len(words) - siblings :]

    def recount(self, market: str, group: int) -> list[Any]:
        """The arguments of a challenge of a group."""
        proof = ref.proof(self.target_leaves, group, ref.data_node)
        return [
            self.case(market),
            self.struct(market),
            self.shown,
            word(KEY),
            (group, tuple(self.hidden_targets[group]), hashes(proof)),
            self.group(group),
            self.weights,
        ]

    def answer(self, market: str, part: int) -> tuple[str, list[Any]]:
        """The call that posts a part of the model."""
        words = ref.part_words(self.model, part)
        if self.model.header.kind == ref.DENSE:
            base = list(self.model.base)
            return "answer_dense", [market, 5, self.shown, base, words]
        proof = hashes(ref.part_proof(self.model, part))
        return "answer_trees", [market, 5, self.shown, part, words, proof]

    def answer_listing(self, market: str, part: int) -> list[Any]:
        """The arguments of a call that posts a part of the listing."""
        begin, end = part * PART_GROUPS, (part + 1) * PART_GROUPS
        count = len(self.listing)
        level = min(6, ref.levels(count))
        path = ref.sum_path(self.sums[level:], part)
        return [
            market,
            5,
            REQUESTER,
            self.struct(market),
            self.shown,
            part,
            [one for words in self.listing[begin:end] for one in words],
            [points for _, points in self.sums[0][begin : min(end, count)]],
            self.steps(path),
        ]


def random_scene(rng: Random, most_rows: int = 40) -> Scene:
    """A contest, an honest or hostile model, and a listing that is often right."""
    terms = specimens.terms(rng)
    rows = min(terms.rows, rng.randint(1, most_rows))
    return scene_of(rng, replace(terms, rows=rows))


def scene_of(rng: Random, terms: ref.Terms, model: ref.Model | None = None) -> Scene:
    """A contest of such terms."""
    # perf: rows are put to the referee one by one, and a listing of many needs none.
    made = min(terms.rows, MOST_DIFFERENT)
    codes = [specimens.row(rng, terms) for _ in range(made)]
    words = [specimens.row_in_words(rng, terms, one) for one in codes]
    truth = specimens.targets(rng, terms)
    return Scene(
        terms,
        model or specimen_models.model(rng, terms, codes[0]),
        [words[at % made] for at in range(terms.rows)],
        specimens.groups(rng, terms, truth),
        specimens.groups(rng, terms, specimens.listing(rng, terms, truth)),
    )
