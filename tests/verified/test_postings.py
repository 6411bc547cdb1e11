# SPDX-License-Identifier: Apache-2.0
"""Trees in words before the clerk: what is one is taken, and nothing else.

What is sealed with words that are no tree is what their first symbols would be: so
whoever seals a tree cannot answer for it with words that nobody can read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import permutations, product
from random import Random

import pytest

from verified import reference as ref
from verified import specimens
from verified.court import BARE, Court
from verified.posting import packed, tree_words
from verified.scenes import MOST_WORDS, Scene, hashes, scene_of
from verified.traced import TracedCourt
from verified.trees import unit_node

MOST_SYMBOLS = 7

LARGEST = 2_936
"""Inner nodes of the largest tree: 3,328 words."""


@pytest.fixture(scope="module")
def court() -> Court:
    return Court()


@dataclass(frozen=True)
class Sealed:
    """Ensembles of one contest: whatever trees they are sealed with."""

    court: Court
    scene: Scene

    @classmethod
    def before(cls, court: Court) -> Sealed:
        """In a contest of three rows."""
        rng = Random(5)
        terms = replace(specimens.terms(rng), rows=3)
        return cls(court, scene_of(rng, terms))

    def says(
        self,
        words: Sequence[int],
        digests: Sequence[int],
        *,
        depth: int,
        part: int = 0,
        log: int | None = None,
        lie: tuple[int, int] | None = None,
    ) -> str:
        """Why the clerk refuses words for a part of an ensemble; empty if not.

        Args:
            words: That are posted.
            digests: Of all trees that were sealed.
            depth: That the header says.
            part: Which one.
            log: Of the trees in a part; as many as there are unless it is said.
            lie: Level and index of a node beyond the last tree, in whose place the
                sealer has another.
        """
        count = len(digests)
        whole = ref.levels(count)
        header = ref.Header(
            kind=ref.ENSEMBLE,
            form=0,
            columns=1,
            outputs=1,
            units=count,
            rounds=0,
            depth=depth,
            part=whole if log is None else log,
            width=8,
        )
        units = [ref.keccak(ref.tag("tree"), one) for one in digests]
        levels = ref.tree(units, unit_node)
        if lie is not None:
            at, index = lie
            levels[at][index] = 0xBAD
            for above in range(at + 1, len(levels)):
                index //= 2
                pair = levels[above - 1][2 * index : 2 * index + 2]
                levels[above][index] = unit_node(*pair)
        proof = [
            level[((part >> at) ^ 1) % len(level)]
            for at, level in enumerate(levels[header.part : whole])
        ]
        shown = list(self.scene.shown)
        shown[1], shown[3] = header.word, levels[-1][0].to_bytes(32)
        market = self.court.market
        arguments = [market, 5, tuple(shown), part, list(words), hashes(proof)]
        return self.court.says("answer_trees", *arguments)


@pytest.fixture(scope="module")
def sealed(court: Court) -> Sealed:
    return Sealed.before(court)


def first_of(
    symbols: Iterator[int], asks: Iterator[int], words: Iterator[int], depth: int
) -> ref.Node:
    """The tree that the first symbols are, whatever stands behind them."""
    if not next(symbols):
        return ref.Leaf(next(words))
    ask = next(asks)
    if depth == 0:
        sides: tuple[ref.Node, ref.Node] = (
            ref.Hidden(next(words) & ref.LOW_224),
            ref.Hidden(next(words) & ref.LOW_224),
        )
    else:
        left = first_of(symbols, asks, words, depth - 1)
        sides = left, first_of(symbols, asks, words, depth - 1)
    return ref.Inner(ask >> 16, ask & 0xFFFF, *sides)


@dataclass(frozen=True)
class Backwards:
    """Reads symbols from the last one on, and asks for nothing at the end.

    Attributes:
        symbols: In preorder.
        asks: As many as are said, whatever there are.
        leaves: The words behind them.
    """

    symbols: Sequence[int]
    asks: Sequence[int]
    leaves: Sequence[int]

    def tree(self, depth: int) -> ref.Node:
        """The first tree.

        Raises:
            IndexError: Something is missing that it would be made of.
        """
        asks, leaves = list(self.asks), list(self.leaves)
        cuts, sides = self._cuts(depth), list[ref.Node]()
        for at in reversed(range(len(self.symbols))):
            if not self.symbols[at]:
                sides.append(ref.Leaf(leaves.pop()))
                continue
            ask = asks.pop()
            if at in cuts:
                right, left = (ref.Hidden(leaves.pop() & ref.LOW_224) for _ in "rl")
                sides.append(ref.Inner(ask >> 16, ask & 0xFFFF, left, right))
                continue
            pair = sides.pop(), sides.pop()
            sides.append(ref.Inner(ask >> 16, ask & 0xFFFF, *pair))
        return sides.pop()

    def _cuts(self, depth: int) -> set[int]:
        """Which symbols stand below so many inner nodes."""
        cuts, waiting, above = set[int](), list[int](), 0
        for at, symbol in enumerate(self.symbols):
            if symbol and above < depth:
                waiting.append(above)
                above += 1
                continue
            if symbol:
                cuts.add(at)
            above = waiting.pop() + 1 if waiting else 0
        return cuts


def postings(depth: int) -> Iterator[tuple[list[int], int]]:
    """All short words, with what they would be sealed as, from both ends."""
    rng = Random(depth)
    for count in range(1, MOST_SYMBOLS + 1):
        for symbols in product((0, 1), repeat=count):
            inner = sum(symbols)
            for said in {inner, max(inner - 1, 0), inner + 1}:
                asks = [rng.getrandbits(32) for _ in range(said)]
                leaves = [rng.getrandbits(256) for _ in range(said + 1)]
                first = count << 16 | said
                words = [first, *packed(symbols, 1), *packed(asks, 32), *leaves]
                # Of what is not found nobody can seal anything.
                digests = set()
                with suppress(StopIteration, RuntimeError):
                    tree = first_of(iter(symbols), iter(asks), iter(leaves), depth)
                    digests.add(tree.h)
                with suppress(IndexError):
                    digests.add(Backwards(symbols, asks, leaves).tree(depth).h)
                yield from ((words, one) for one in digests)


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 31, 32])
def test_answer__of_any_few_symbols__is_taken_if_they_are_one_tree(
    sealed: Sealed, depth: int
) -> None:
    taken = 0
    for words, digest in postings(depth):
        taking = ref.Words(words)
        try:
            found = ref.read_tree(taking, depth)
            is_tree = not taking.rest() and found.h == digest
        except ref.MalformedError:
            is_tree = False
        said = sealed.says(words, [digest], depth=depth)
        assert (said == "") == is_tree, (said, [hex(one) for one in words])
        taken += is_tree
    assert taken


def chain(depth: int, sides: Sequence[bool]) -> ref.Node:
    """A tree with one way down, to the left or the right at each node."""
    node: ref.Node = ref.Leaf(depth)
    for at in range(depth):
        beside = ref.Leaf(1_000 + at)
        pair = (beside, node) if sides[at % len(sides)] else (node, beside)
        node = ref.Inner(at, at, *pair)
    return node


WAYS = {"left": [False], "right": [True], "both": [True, False, False]}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("depth", [0, 1, 5, 31, 32])
def test_answer__of_a_tree_as_deep_as_is_said__is_taken_and_none_deeper(
    sealed: Sealed, depth: int, way: str
) -> None:
    sides = WAYS[way]
    whole, deeper = chain(depth, sides), chain(depth + 1, sides)
    words = tree_words(whole, depth)
    assert sealed.says(words, [whole.h], depth=depth) == ""
    # One more is cut, and posted as a cut: never with what is below it.
    words = tree_words(deeper, depth)
    assert sealed.says(words, [deeper.h], depth=depth) == ""
    words = tree_words(deeper, depth + 1)
    assert sealed.says(words, [deeper.h], depth=depth) != ""


def bush(inner: int, rng: Random) -> ref.Node:
    """A tree of so many inner nodes, as low as it can be."""
    if not inner:
        return ref.Leaf(rng.getrandbits(256))
    left = (inner - 1) // 2
    sides = bush(left, rng), bush(inner - 1 - left, rng)
    return ref.Inner(rng.getrandbits(16), rng.getrandbits(16), *sides)


@pytest.mark.parametrize("depth", [9, 12, 32])
def test_answer__of_the_largest_tree_that_a_part_has_room_for__is_taken(
    sealed: Sealed, depth: int
) -> None:
    """Cut, whole, and at the depth at which the root is taken by itself."""
    largest = {9: 1_023, 12: LARGEST, 32: LARGEST}[depth]
    tree = bush(largest, Random(depth))
    words = tree_words(tree, depth)
    assert depth == 9 or len(words) == MOST_WORDS
    assert sealed.says(words, [tree.h], depth=depth) == ""
    for at in (1, len(words) // 2, len(words) - 1):
        other = [*words[:at], words[at] ^ 1, *words[at + 1 :]]
        assert sealed.says(other, [tree.h], depth=depth) != ""
    assert sealed.says(words, [tree.h], depth=11 if depth > 9 else 10) != ""


@pytest.mark.parametrize("depth", [8, 31])
def test_answer__of_a_whole_tree__is_walked_through_once(
    sealed: Sealed, depth: int
) -> None:
    """Of the greatest depth, too: there the root alone is taken by itself."""
    tree = bush(200, Random(depth))
    gas = {}
    # The first call of a court touches what is cold.
    for said in (depth, depth, 32):
        assert sealed.says(tree_words(tree, said), [tree.h], depth=said) == ""
        gas[said] = sealed.court.gas
    assert gas[32] < 1.01 * gas[depth]


def test_answer__of_the_largest_tree__costs_a_twentieth_more_than_its_bytes(
    sealed: Sealed,
) -> None:
    """A leaf with a node on its right, and two leaves, are taken with what is above; and
    nothing is walked through for cuts where there are none."""
    tree = bush(LARGEST, Random(12))
    # The first call of a court touches what is cold.
    for _ in range(2):
        assert sealed.says(tree_words(tree, 12), [tree.h], depth=12) == ""
    assert sealed.court.gas < 1.055 * sealed.court.floor


@pytest.mark.parametrize("depth", [10, 11])
def test_answer__of_the_largest_tree_that_is_cut__is_taken(
    sealed: Sealed, depth: int
) -> None:
    """Cuts are looked for in each of its halves."""
    tree = bush(LARGEST, Random(depth))
    words = tree_words(tree, depth)
    assert words[0] >> 16 == 2**depth - 1 + 2**depth
    assert sealed.says(words, [tree.h], depth=depth) == ""
    last = 1 + (words[0] >> 16) // 256
    other = [*words[:last], words[last] ^ 1 << 2, *words[last + 1 :]]
    assert sealed.says(other, [tree.h], depth=depth) in refusals(other, depth)


def wild(inner: int, chance: Random) -> ref.Node:
    """A tree of so many inner nodes, of any shape."""
    if not inner:
        return ref.Leaf(chance.getrandbits(256))
    left = chance.randrange(inner)
    sides = wild(left, chance), wild(inner - 1 - left, chance)
    return ref.Inner(chance.getrandbits(16), chance.getrandbits(16), *sides)


WORDS_AND_HALVES = [62, 63, 64, 65, 126, 127, 128, 129, 191, 192, 255, 256, 383, 384]


@pytest.mark.parametrize("inner", WORDS_AND_HALVES)
def test_answer__of_symbols_that_end_about_a_word_or_half__is_taken_and_no_other_shape(
    sealed: Sealed, inner: int
) -> None:
    chance = Random(inner)
    for depth in (5, 31, 32):
        tree = wild(inner, chance)
        words = tree_words(tree, depth)
        assert sealed.says(words, [tree.h], depth=depth) == ""
        count = words[0] >> 16
        ends = {0, 126, 127, 128, 254, 255, 256, count - 2, count - 1}
        for at in ends & set(range(count)):
            other = list(words)
            other[1 + at // 256] ^= 1 << 255 - at % 256
            assert sealed.says(other, [tree.h], depth=depth) in refusals(other, depth)


def refusals(words: Sequence[int], depth: int) -> set[str]:
    """What may be said of words that are not the tree that was sealed.

    Of what is no tree the clerk says so itself, whatever was sealed, unless it comes
    to where there are no words, or no nodes, before.
    """
    taking = ref.Words(words)
    try:
        ref.read_tree(taking, depth)
        is_tree = not taking.rest()
    except ref.MalformedError:
        is_tree = False
    return {"WrongModel"} if is_tree else {"BadTree", "BadLength", BARE}


def outgrown(node: ref.Node, depth: int, chance: Random) -> ref.Node:
    """A tree of so many levels, with more below each leaf of the last one."""
    if isinstance(node, ref.Inner):
        left = outgrown(node.left, depth - 1, chance)
        return replace(node, left=left, right=outgrown(node.right, depth - 1, chance))
    return node if depth else wild(chance.randrange(1, 4), chance)


def cut(symbols: int, chance: Random) -> tuple[ref.Node, int]:
    """A tree of which so many symbols are posted, and the depth at which it is cut."""
    inner = symbols // 2
    depth = inner.bit_length()
    return outgrown(bush(inner, chance), depth, chance), depth


@pytest.mark.parametrize("symbols", [127, 129, 255, 257, 383, 385])
def test_answer__of_cuts_that_end_about_a_word_or_half__is_taken_and_no_other_shape(
    sealed: Sealed, symbols: int
) -> None:
    chance = Random(symbols)
    tree, depth = cut(symbols, chance)
    words = tree_words(tree, depth)
    assert words[0] >> 16 == symbols
    assert words[0] & 0xFFFF > symbols // 2
    assert sealed.says(words, [tree.h], depth=depth) == ""
    ends = {0, 126, 127, 128, 254, 255, 256, symbols - 2, symbols - 1}
    for at in ends & set(range(symbols)):
        other = list(words)
        other[1 + at // 256] ^= 1 << 255 - at % 256
        assert sealed.says(other, [tree.h], depth=depth) in refusals(other, depth)


def comb(leaves: Sequence[ref.Node], node: ref.Node) -> ref.Node:
    """A way to the left: in preorder as many inner nodes, what is below, the leaves."""
    for leaf in leaves:
        node = ref.Inner(len(leaves), 7, node, leaf)
    return node


def says_of_each_flip(
    sealed: Sealed, tree: ref.Node, depth: int, places: Iterable[int]
) -> None:
    """Takes a tree, and nothing with another symbol at any of these places."""
    words = tree_words(tree, depth)
    assert sealed.says(words, [tree.h], depth=depth) == ""
    for at in set(places) & set(range(words[0] >> 16)):
        other = list(words)
        other[1 + at // 256] ^= 1 << 255 - at % 256
        assert sealed.says(other, [tree.h], depth=depth) in refusals(other, depth)


@pytest.mark.parametrize("half", [128, 256])
@pytest.mark.parametrize("long", [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 29])
def test_answer__of_runs_about_the_end_of_a_half__is_taken_and_no_other_shape(
    sealed: Sealed, long: int, half: int
) -> None:
    """Leaves, and the inner nodes that they are the right sides of, begin and end at
    each place before and behind it; what is asked fills its words to each place."""
    chance = Random(half * long)
    for before in range(half // 2 - long - 2, half // 2 + 2):
        sides = [ref.Leaf(chance.getrandbits(256)) for _ in range(long)]
        for below in (0, 1, 2):
            way = comb(sides, bush(below, chance))
            tree = ref.Inner(1, 2, bush(before, chance), way)
            ends = {half - 2, half - 1, half, half + 1}
            says_of_each_flip(sealed, tree, 31 + before % 2, ends)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("way", WAYS)
def test_answer__of_one_side_as_high_as_can_be__is_taken_and_none_higher(
    sealed: Sealed, way: str, side: str
) -> None:
    chance = Random(3)
    for inner, more in product((0, 1, 60, 130), (0, 1)):
        pair = [bush(inner, chance), chain(31 + more, WAYS[way])]
        tree = ref.Inner(1, 2, *(pair if side == "right" else reversed(pair)))
        # As a whole tree of 33 levels, and with a cut where the clerk must see one.
        whole, posted = tree_words(tree, 33), tree_words(tree, 32)
        assert sealed.says(posted, [tree.h], depth=32) == ""
        assert (sealed.says(whole, [tree.h], depth=32) == "") == (not more)
        assert sealed.says(posted, [tree.h], depth=31) != ""


def levelled(depth: int, is_cut: Callable[[int], bool], chance: Random) -> ref.Node:
    """A tree of so many levels, of whose last nodes those are cut that are said."""
    count = iter(range(1 << depth))

    def grown(above: int) -> ref.Node:
        if above < depth:
            sides = grown(above + 1), grown(above + 1)
            return ref.Inner(chance.getrandbits(16), above, *sides)
        return wild(chance.randrange(1, 3) * is_cut(next(count)), chance)

    return grown(0)


CUTS: dict[str, Callable[[int], bool]] = {
    "all": lambda at: True,
    "the first": lambda at: at == 0,
    "the last": lambda at: at == 127,
    "every other": lambda at: at % 2 == 0,
    "the other ones": lambda at: at % 2 == 1,
    "by threes": lambda at: at % 3 == 0,
    "by fives": lambda at: at % 5 == 3,
    "all but one": lambda at: at != 70,
    "the first half": lambda at: at < 64,
    "the second half": lambda at: at >= 64,
}


@pytest.mark.parametrize("which", CUTS)
def test_answer__of_a_level_of_which_some_are_cut__is_taken_and_no_other_shape(
    sealed: Sealed, which: str
) -> None:
    tree = levelled(7, CUTS[which], Random(len(which)))
    says_of_each_flip(sealed, tree, 7, range(0, 255, 2 if which == "all" else 1))
    words = tree_words(tree, 7)
    for depth in (6, 8, 32):
        assert sealed.says(words, [tree.h], depth=depth) != ""


@pytest.mark.parametrize("depth", [8, 31, 32])
@pytest.mark.parametrize("first", range(120, 131))
def test_answer__of_a_cut_about_the_end_of_a_half__is_taken_in_its_place_alone(
    sealed: Sealed, first: int, depth: int
) -> None:
    """So many symbols stand before the way that it ends, and one or two cuts, and the
    words tell of no more cuts and no fewer."""
    chance = Random(first)
    for sides in product((False, True), repeat=2):
        way = chain(depth + first % 2, sides)
        before = bush(max(0, first - depth) // 2, chance)
        tree = ref.Inner(1, 2, before, way)
        words = tree_words(tree, depth)
        says_of_each_flip(sealed, tree, depth, range(first - 4, first + 9))
        for more in (-2, 2):
            other = [words[0] + (more << 16), *words[1:]]
            assert sealed.says(other, [tree.h], depth=depth) in refusals(other, depth)


@pytest.mark.parametrize("depth", [7, 32])
def test_answer__of_large_trees__leaves_nothing_of_one_for_the_next(
    sealed: Sealed, depth: int
) -> None:
    """Cut and whole, in every order."""
    chance = Random(depth)
    wholes = [bush(inner, chance) for inner in (64, 100)]
    if depth == 7:
        cuts = [cut(symbols, chance)[0] for symbols in (129, 255)]
    else:
        ways = [chain(depth + 1, WAYS[one]) for one in ("left", "both")]
        cuts = [ref.Inner(1, 2, bush(90, chance), one) for one in ways]
    for trees in permutations([*wholes, *cuts]):
        words = [word for one in trees for word in tree_words(one, depth)]
        assert sealed.says(words, [one.h for one in trees], depth=depth) == ""


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 11])
def test_answer__of_each_part_of_so_many_trees__is_taken_in_its_place_alone(
    sealed: Sealed, count: int
) -> None:
    """Trees of all shapes, some cut and some not, so that nothing of one is left for
    the next."""
    depth, chance = 3, Random(count)
    trees = [
        wild(chance.randrange(4, 12), chance)
        if at % 3
        else chain(at % 5, WAYS["both"][at % 2 :])
        for at in range(count)
    ]
    digests = [one.h for one in trees]
    for log in range(ref.levels(count) + 1):
        parts = [trees[at : at + (1 << log)] for at in range(0, count, 1 << log)]
        posted = [[w for one in part for w in tree_words(one, depth)] for part in parts]
        for part, words in enumerate(posted):

            def says(words: list[int], at: int, log: int = log) -> str:
                return sealed.says(words, digests, depth=depth, part=at, log=log)

            assert says(words, part) == ""
            assert says([*words, 0], part) == "BadLength"
            assert says(words[:-1], part) != ""
            for other in range(len(parts)):
                if posted[other] != words:
                    assert says(words, other) != ""
        # No part lies beyond the last, nor does one that leads to the first.
        for beyond in (len(parts), 1 << 255, 1 << (256 - log) % 256):
            if beyond >= len(parts):
                assert says(posted[0], beyond) == "BadIndex"


@pytest.mark.parametrize("count", [511, 512, 513, 1_023, 1_024])
def test_answer__of_as_many_trees_as_a_part_has_room_for__is_taken(
    sealed: Sealed, count: int
) -> None:
    """They are single leaves, each of another word."""
    leaves = [ref.Leaf(one) for one in range(count)]
    words = [word for one in leaves for word in tree_words(one, 1)]
    digests = [one.h for one in leaves]
    assert sealed.says(words, digests, depth=1) == ""
    words[-1] += 1
    assert sealed.says(words, digests, depth=1) == "WrongModel"


@pytest.mark.parametrize("log", [0, 1, 2])
@pytest.mark.parametrize("count", [5, 9, 11, 17])
def test_answer__beside_what_the_sealer_put_beyond_the_last_tree__is_refused(
    sealed: Sealed, count: int, log: int
) -> None:
    """At every level: of such a node nobody else would know what it is made of, and so
    nobody who has read all parts could prove anything."""
    leaves = [ref.Leaf(one) for one in range(count)]
    digests, tall = [one.h for one in leaves], ref.levels(count)
    parts = range(-(-count >> log))
    for level in range(log, tall):
        for index in range(-(-count >> level), 1 << (tall - level)):
            # Itself, and what is above it and beyond the last tree, too.
            beyond = {
                (up, index >> (up - level))
                for up in range(level, tall)
                if index >> (up - level) << up >= count
            }
            for part in parts:
                some = leaves[part << log : (part + 1) << log]
                words = [word for one in some for word in tree_words(one, 1)]
                said = sealed.says(
                    words, digests, depth=1, part=part, log=log, lie=(level, index)
                )
                beside = {(up, (part << log >> up) ^ 1) for up in range(log, tall)}
                assert said == ("BadPadding" if beyond & beside else "")


def test_answer__of_symbols_and_counts_that_lead_beyond_the_words__is_refused(
    sealed: Sealed,
) -> None:
    leaf = ref.Leaf(7)
    for symbols, inner in product((0, 1, 3, 256, 257, 65_535), (0, 1, 2, 8, 65_535)):
        if (symbols, inner) == (1, 0):
            continue
        for length in (1, 2, 3, 4, 40):
            words = [symbols << 16 | inner, *[7] * (length - 1)]
            for depth in (0, 1, 32):
                assert sealed.says(words, [leaf.h], depth=depth) != ""
    assert sealed.says([], [leaf.h], depth=0) != ""
    # More symbols than nodes are none, however many words there are for them.
    for symbols in (2, 3, 255, 256, 257, 6_656, 6_657, 65_535):
        words = [symbols << 16, *[0] * (-(-symbols // 256) + 1)]
        assert sealed.says(words, [leaf.h], depth=0) == "BadTree"
    # What is behind symbols and inner nodes in their words is nobody's.
    words = tree_words(leaf, 0)
    assert sealed.says([words[0] | 1 << 200, *words[1:]], [leaf.h], depth=0) == ""
    assert sealed.says([words[0], words[1] | 1, *words[2:]], [leaf.h], depth=0) == ""


def specimens_of_each_way() -> dict[str, tuple[ref.Node, int]]:
    """Trees that lead the clerk through each of its ways, and the depths said of them."""
    chance = Random(8)
    cuts = levelled(7, CUTS["by threes"], chance)
    return {
        "leaves": (comb([ref.Leaf(one) for one in range(9)], bush(2, chance)), 12),
        "wild": (wild(80, chance), 31),
        "high": (bush(80, chance), 32),
        "high, full words": (bush(81, chance), 32),
        "highest": (chain(32, WAYS["both"]), 32),
        "too high": (chain(33, WAYS["both"]), 32),
        "cut": (cuts, 7),
        "cut at the end": (cut(257, chance)[0], cut(257, chance)[1]),
        "cut in a half": (ref.Inner(1, 2, bush(48, chance), chain(33, [True])), 32),
    }


@pytest.mark.parametrize("which", specimens_of_each_way())
def test_answer__in_the_machine_that_shows_its_lines__says_what_the_other_one_says(
    sealed: Sealed, which: str
) -> None:
    """So that what is covered is what was judged."""
    traced = replace(sealed, court=TracedCourt())
    tree, depth = specimens_of_each_way()[which]
    words = tree_words(tree, depth)
    others = [[*words[:at], words[at] ^ 1 << 255, *words[at + 1 :]] for at in (1, 2)]
    # So many leaves in the place of inner nodes that a word of asks is left over.
    ones = [at for at in range(1, 256) if words[1] >> 255 - at & 1]
    fewer = sum(1 << 255 - at for at in ones[:7])
    others.append([words[0], words[1] ^ fewer, *words[2:]])
    for told in (words, *others):
        said = sealed.says(told, [tree.h], depth=depth)
        assert traced.says(told, [tree.h], depth=depth) == said
        assert (said == "") == (told is words)
