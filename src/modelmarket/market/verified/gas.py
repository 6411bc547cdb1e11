# SPDX-License-Identifier: Apache-2.0
"""What the calls of a dispute cost in gas, long before they can be made.

A node estimates only what would succeed now: nothing can be answered before it is
demanded, or refuted before it is shown. So the gas is computed: what the chain charges
for the bytes (EIP-7623), or what executing took on a node besides. A test holds this
against each line of `benchmarks/verified-gas.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmarket.models.ensembles import Trees
from modelmarket.models.header import MOST_DEPTH, MOST_EXECUTED
from modelmarket.models.proofs import part
from modelmarket.protocol.conditions import PART_GROUPS
from modelmarket.protocol.hidden import row_words
from modelmarket.protocol.labels import WORD_BITS, WORD_BYTES
from modelmarket.protocol.merkle import GROUP_WORDS, levels

if TYPE_CHECKING:
    from modelmarket.models import ExactModel
    from modelmarket.protocol.conditions import Conditions

A_CALL = 21_000
OF_A_BYTE = 4
"""Tokens of a byte that is not zero; a zero is one."""
FLOOR_OF_A_TOKEN, OF_A_TOKEN = 10, 4

_HEADS = 47
"""Words of a call besides those of its lists: terms, what was shown, lengths."""
_POINTS_BYTES = 4
"""Of a sum; those before them are zero."""
_MOST_CHALLENGED = 3_800
"""Words of a challenge that the referee takes, all together."""


@dataclass(frozen=True)
class Execution:
    """Gas that executing takes at most, as measured; rounded up.

    Attributes:
        a_call: Of a call.
        a_word: Of a word that is sent.
        a_tree: Of a tree that is run.
    """

    a_call: int
    a_word: int
    a_tree: int = 0

    def gas(self, tokens: int, words: int, trees: int = 0) -> int:
        """Gas of a call.

        Args:
            tokens: A byte that is zero is one, another four.
            words: That are sent.
            trees: That are run.
        """
        executed = self.a_call + self.a_word * words + self.a_tree * trees
        return A_CALL + max(FLOOR_OF_A_TOKEN * tokens, OF_A_TOKEN * tokens + executed)


ANSWER_TREES = Execution(60_000, 1_080)
ANSWER_DENSE = Execution(60_000, 560)
ANSWER_LISTING = Execution(66_000, 590)
RERUN = Execution(125_000, 380, 1_110)
RECOUNT = Execution(210_000, 0)


def tokens_of(data: bytes) -> int:
    """What the bytes of a call count for."""
    return OF_A_BYTE * len(data) - (OF_A_BYTE - 1) * data.count(0)


def _tokens(words: int) -> int:
    """Of words without a zero."""
    return OF_A_BYTE * WORD_BYTES * words


def answer_gas(model: ExactModel, terms: Conditions) -> int:
    """Gas at most of posting all of a model and of its listing, once demanded.

    Args:
        model: That is sealed.
        terms: Of the contest.
    """
    execution, gas = _posting(model), 0
    for index in range(model.header.parts):
        found = part(model, index)
        data = found.words + b"".join(found.proof) + model.base
        words = _HEADS + len(data) // WORD_BYTES
        gas += execution.gas(tokens_of(data) + _tokens(_HEADS), words)
    return gas + _listing_gas(terms)


def _posting(model: ExactModel) -> Execution:
    """What posting its parts takes."""
    return ANSWER_TREES if isinstance(model.units, Trees) else ANSWER_DENSE


def _listing_gas(terms: Conditions) -> int:
    """Of all parts of a listing, whatever it lists."""
    of_sum = WORD_BYTES + (OF_A_BYTE - 1) * _POINTS_BYTES
    gas, left = 0, terms.groups
    steps = max(0, levels(terms.groups) - levels(PART_GROUPS))
    while left > 0:
        groups = min(left, PART_GROUPS)
        left -= groups
        plain = _HEADS + GROUP_WORDS * groups + steps
        sums = groups + 2 * steps
        tokens = _tokens(plain) + of_sum * sums
        gas += ANSWER_LISTING.gas(tokens, plain + sums)
    return gas


def challenge_gas(terms: Conditions) -> int:
    """Gas of the dearest challenge that a model within a contest's limits can need.

    Args:
        terms: Of the contest.
    """
    beside = (
        _HEADS
        + row_words(terms.columns, terms.width)
        + levels(terms.rows)
        + GROUP_WORDS
        + 3 * levels(terms.groups)
        + terms.outputs
    )
    recount = RECOUNT.gas(_tokens(beside + GROUP_WORDS), 0)
    return max(
        recount,
        _rerun(beside + terms.most_words, 0),
        *(_deepest(terms, depth, beside) for depth in range(MOST_DEPTH + 1)),
    )


def _deepest(terms: Conditions, depth: int, beside: int) -> int:
    """Of as many trees of a depth as a row's execution may take."""
    fit = terms.most_words // (depth + 2)
    trees = max(1, min(MOST_EXECUTED, terms.most_units, fit))
    paths = trees * (depth + 1) + -(-trees * 8 // WORD_BITS)
    # Of two outputs, whose trees stand in a row each.
    proof = 4 * levels(terms.most_units)
    return _rerun(beside + paths + proof, trees)


def _rerun(words: int, trees: int) -> int:
    words = min(words, _MOST_CHALLENGED)
    return RERUN.gas(_tokens(words), words, trees)
