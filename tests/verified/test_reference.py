# SPDX-License-Identifier: Apache-2.0
"""The reference itself: what a person works out by hand, and what must always hold."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from random import Random

import pytest
from eth_hash.auto import keccak as keccak256

from verified import reference as ref
from verified import specimens

SEEDS = range(25)
CLASSES = ref.Terms(
    kind=0, columns=3, width=8, outputs=3, bits=2, rows=5, weights=(1, 2, 3)
)
HEADER = ref.Header(0, 0, 3, 3, 1, 0, 2, 0, 8)


def word(text: str) -> bytes:
    return bytes.fromhex(text).rjust(32, b"\0")


def lanes(*values: int, width: int = 16) -> int:
    """A leaf word of lanes, spelled out from the top of its low 224 bits."""
    text = "".join(f"{value:0{width // 4}x}" for value in values)
    return int(text.ljust(56, "0"), 16)


def ensemble(*trees: ref.Node, base: tuple[int, ...] = (0, 0, 0)) -> ref.Model:
    header = replace(HEADER, units=len(trees), outputs=len(base))
    return ref.Model(header, ref.pack_base(base), trees)


# By hand: hashes and trees


def test_a_tag_is_the_hash_of_its_text() -> None:
    text = b"ModelMarket data node 1"
    assert ref.tag("data node").to_bytes(32, "big") == keccak256(text)


def test_the_leaf_of_a_row_is_its_abi_encoding_hashed() -> None:
    tag = keccak256(b"ModelMarket row 1")
    words = word("aa") + word("bb")
    spelled = hashlib.sha256(tag + word("07") + word("60") + word("02") + words)
    assert ref.row_leaf(7, [0xAA, 0xBB]).to_bytes(32, "big") == spelled.digest()


def test_three_leaves_are_filled_up_with_the_word_zero() -> None:
    def node(left: int, right: int) -> int:
        return ref.keccak(ref.tag("unit node"), left, right)

    assert ref.root([1, 2, 3], ref.unit_node) == node(node(1, 2), node(3, 0))
    assert ref.proof([1, 2, 3], 2, ref.unit_node) == [0, node(1, 2)]
    five = node(node(node(1, 2), node(3, 4)), node(node(5, 0), node(0, 0)))
    assert ref.root([1, 2, 3, 4, 5], ref.unit_node) == five
    assert ref.root([9], ref.unit_node) == 9


def test_a_multiproof_goes_level_by_level_from_the_left() -> None:
    def node(left: int, right: int) -> int:
        return ref.keccak(ref.tag("unit node"), left, right)

    units = [1, 2, 3, 4, 5]
    proof = ref.multiproof(units, [1, 2, 4])
    assert proof == [1, 4, 0, node(0, 0)]
    found = ref.multiproven_root({1: 2, 2: 3, 4: 5}, 5, proof)
    assert found == ref.root(units, ref.unit_node)


def test_a_parent_of_sums_commits_to_both_pairs() -> None:
    hashes = [ref.sum_node((7, 2), (8, 3)), ref.sum_node((9, 4), (0, 0))]
    assert hashes[0] == ref.keccak(ref.tag("sum node"), 7, 2, 8, 3)
    nodes = ref.sum_tree([(7, 2), (8, 3), (9, 4)])
    assert nodes[-1] == [(ref.sum_node((hashes[0], 5), (hashes[1], 4)), 9)]
    path = ref.SumPath((4, 4, 9), ((0, 0), (hashes[0], 5)))
    assert ref.sum_path(nodes, 2) == path


# By hand: rows and points


def test_codes_are_packed_most_significant_first() -> None:
    assert ref.pack([1, 2, 3], 8) == [0x010203 << 232]
    seventeen = ref.pack(list(range(17)), 16)
    assert seventeen[0] & 0xFFFF == 15
    assert seventeen[1] == 16 << 240
    assert ref.row_words(1_024, 16) == 64
    assert ref.code([4, 5], 2) == 0


def test_a_word_is_encrypted_by_its_rows_key() -> None:
    tag = keccak256(b"ModelMarket row 1")
    row_key = hashlib.sha256(word("05") + word("06") + tag + bytes([0, 0, 1, 2]))
    stream = hashlib.sha256(row_key.digest() + bytes([0, 0, 0, 1])).digest()
    found = ref.crypted([0, 1], 5, 6, "row", 0x102)[1]
    assert found == int.from_bytes(stream, "big") ^ 1


@pytest.mark.parametrize(
    ("kind", "target", "prediction", "points"),
    [
        (0, 2, 2, 1),
        (0, 2, 1, 0),
        (0, 3, 3, 1),
        (1, 2, 2, 30),
        (1, 2, 1, 0),
        (1, 3, 3, 0),
        (2, 50, 50, 4),
        (2, 50, 59, 4),
        (2, 50, 60, 3),
        (2, 60, 21, 1),
        (2, 50, 10, 0),
        (2, 50, 0, 0),
        (3, 50, 50, 16),
        (3, 50, 60, 15),
        (3, 50, 20, 7),
        (3, 50, 200, 0),
    ],
)
def test_points_of_a_row(kind: int, target: int, prediction: int, points: int) -> None:
    terms = replace(CLASSES, kind=kind, cap=4, step=10, weights=(10, 20, 30))
    assert ref.row_points(terms, target, prediction) == points


def test_padding_has_no_points() -> None:
    terms = replace(CLASSES, bits=16, rows=130)
    assert terms.groups == 2
    right = [0] * 8
    assert ref.group_points(terms, 0, right, right) == 128
    assert ref.group_points(terms, 1, right, right) == 2
    assert ref.score(terms, [right, right], [right, [1 << 240, *right[1:]]]) == 129


# By hand: models


def test_the_header_is_these_bytes() -> None:
    header = ref.Header(0, 2, 3, 2, 4, 2, 5, 1, 16)
    spelled = "4d4d5831 00 02 0003 0002 00000004 0002 05 01 10" + "00" * 13
    assert header.word.to_bytes(32, "big") == bytes.fromhex(spelled)


def test_a_base_has_four_signed_values_to_a_word() -> None:
    words = ref.pack_base([1, -1, 0, -(2**63), 5])
    assert words[0] == int(
        "0000000000000001" + "f" * 16 + "0" * 16 + "8" + "0" * 15, 16
    )
    assert words[1] == 5 << 192
    assert [ref.base_value(words, at) for at in (1, 3, 4)] == [-1, -(2**63), 5]


def test_hashes_of_a_tree() -> None:
    leaf = int.from_bytes(keccak256(word("2a"))[:28], "big")
    left = bytes.fromhex("0007 0009") + leaf.to_bytes(28, "big")
    inner = int.from_bytes(keccak256(left + word("63"))[:28], "big")
    found = ref.Inner(7, 9, ref.Leaf(0x2A), ref.Hidden(0x63))
    assert found.h == inner
    assert ref.unit_hash(found) == ref.keccak(ref.tag("tree"), inner)


def test_lanes_carry_and_the_uppermost_carry_is_lost() -> None:
    model = ensemble(
        ref.Leaf(lanes(0xFFFF, 0x0001, 0xFFFF)),
        ref.Leaf(lanes(0x0001, 0x0000, 0x0002) | 0xFF << 224),
        base=(10, -20, 0),
    )
    assert ref.all_outputs(model, [0, 0, 0]) == [10, 2 - 20, 1]
    wide = replace(model, header=replace(model.header, form=1))
    assert ref.all_outputs(wide, [0, 0, 0]) == [10 + 2, 0x10000 - 20, 0]


def test_a_row_goes_left_at_the_threshold_and_where_there_is_no_column() -> None:
    def tree(feature: int, threshold: int) -> ref.Node:
        left, right = ref.Leaf(lanes(1)), ref.Leaf(lanes(2))
        return ref.Inner(feature, threshold, left, right)

    for feature, threshold, expected in [
        (1, 5, 1),
        (1, 4, 2),
        (3, 0, 1),
        (0xFFFF, 0, 1),
    ]:
        model = ensemble(tree(feature, threshold))
        assert ref.all_outputs(model, [9, 5, 9])[0] == expected


def test_an_inner_node_behind_the_depth_is_a_cut_that_adds_nothing() -> None:
    leaf = ref.Leaf(lanes(7))
    deep = ref.Inner(0, 9, ref.Inner(0, 9, leaf, leaf), leaf)
    assert ref.all_outputs(ensemble(deep), [0, 0, 0]) == [7, 0, 0]
    assert ref.path_words(deep, [0, 0, 0], 2) == (
        2,
        [leaf.word, 9 << 224 | leaf.h, 9 << 224 | leaf.h],
    )
    deeper = ref.Inner(0, 9, deep, ref.Hidden(0))
    assert ref.all_outputs(ensemble(deeper), [0, 0, 0]) == [0, 0, 0]
    assert ref.path_words(deeper, [0, 0, 0], 2) == (
        0x82,
        [9 << 224 | leaf.h, leaf.h, 9 << 224 | leaf.h, 9 << 224],
    )
    with pytest.raises(ref.ConcealedError):
        ref.all_outputs(ensemble(deeper), [10, 0, 0])


@pytest.mark.parametrize(("units", "outputs"), [(6, [99, 3, -1]), (4, [90, 9, 3])])
def test_trees_of_form_2_add_to_their_outputs(units: int, outputs: list[int]) -> None:
    values = [4, 5, 1, 2, 7, -8]
    trees = [ref.Leaf(value % (1 << 64) | 1 << 64) for value in values[:units]]
    found = ensemble(*trees, base=(90, 0, 0))
    header = replace(found.header, form=2, rounds=2)
    assert ref.all_outputs(replace(found, header=header), [0, 0, 0]) == outputs


def test_a_tree_in_words() -> None:
    leaves = [ref.Leaf(at) for at in (11, 12, 13)]
    tree = ref.Inner(1, 2, leaves[0], ref.Inner(3, 4, leaves[1], leaves[2]))
    inner = 0x0001_0002_0003_0004 << 192
    words = [5 << 16 | 2, 0b10100 << 251, inner, 11, 12, 13]
    assert ref.tree_words(tree, 2) == words
    sides = [leaves[1].h, leaves[2].h]
    assert ref.tree_words(tree, 1) == [3 << 16 | 2, 0b101 << 253, inner, 11, *sides]
    assert ref.tree_words(tree, 0)[:2] == [1 << 16 | 1, 1 << 255]
    assert ref.read_tree(ref.Words(words), 2) == tree


def test_weights_stand_in_groups_of_four_in_reverse() -> None:
    first = bytearray([128] * 32)
    first[28], first[29], first[31], first[24], first[3] = 129, 130, 0, 133, 255
    second = bytearray([128] * 28 + [127, 255, 255, 255])
    neuron = ref.Neuron(
        0xFFFF_FFFF_FFFE, tuple(int.from_bytes(one, "big") for one in (first, second))
    )
    weights = [neuron.weight(at) for at in range(33)]
    assert weights == [1, 2, 0, -128, 5, *[0] * 26, 127, -1]
    inputs = [1, 10, 100, 2, 3, *[0] * 26, 1, 7]
    assert ref.neuron_value(neuron, inputs) == -2 + 1 + 20 - 256 + 15 + 127 - 7
    chain = ref.keccak(ref.tag("neuron"), neuron.bias, 2)
    for one in neuron.weights:
        chain = ref.keccak(chain, one)
    assert ref.unit_hash(neuron) == chain


@pytest.mark.parametrize(
    ("value", "found"),
    [(-5, 0), (0, 0), (1, 1), (2, 2), (3, 2), (100, 75), (339, 254), (341, 255)],
)
def test_an_activation_is_rounded_and_has_a_top(value: int, found: int) -> None:
    assert ref.activation(ref.Layer(1, 3, 2), value) == found


def test_a_dense_model_by_hand() -> None:
    def neuron(bias: int, *weights: int) -> ref.Neuron:
        padded = bytes(weight + 128 for weight in weights).ljust(4, b"\xff")
        return ref.Neuron(bias, (int.from_bytes(padded, "big"),))

    units = (neuron(1, 2, -1), neuron(0, 0, 3), neuron(-3 % 2**32, 1, 1))
    header = ref.Header(1, 0, 2, 1, 3, 0, 0, 2, 8)
    model = ref.Model(header, (2 << 24 | 3 << 8 | 1, 1 << 24), units)
    # 1 + 20 - 4 = 17, 26 by the scale; 12, 18 by the scale; 26 + 18 - 3.
    assert ref.all_outputs(model, [10, 4]) == [41]
    assert ref.prediction(model, [10, 4], 8) == 41
    assert ref.prediction(model, [255, 255], 8) == 255
    assert ref.prediction(model, [0, 0], 8) == 0


# By hand: verdicts


def test_equal_outputs_are_the_lowest_class() -> None:
    model = ensemble(ref.Leaf(lanes(5, 7, 7)))
    codes = [0, 0, 0]
    assert ref.prediction(model, codes, 2) == 1
    verdicts = [
        [ref.rerun(CLASSES, model, codes, p, c) for c in range(5)] for p in range(4)
    ]
    assert verdicts == [
        [False, True, True, False, False],
        [False, False, False, False, False],
        [False, True, False, False, False],
        [True, True, True, False, False],
    ]


def test_a_recount_finds_each_lie_and_none_where_there_is_none() -> None:
    terms = replace(CLASSES, bits=16, rows=300)
    truth, listed = [[0] * 8] * 3, [[0] * 8, [1 << 240, *[0] * 7], [0] * 8]
    hashes = [ref.listed_leaf(at, one) for at, one in enumerate(listed)]
    points = [128, 127, 44]

    def convicts(group: int, lies: dict[tuple[int, int], int]) -> bool:
        nodes = ref.sum_tree(list(zip(hashes, points, strict=True)), lies)
        path = ref.sum_path(nodes, group)
        rest = (terms, *nodes[-1][0], group, listed[group], path, truth[group])
        return ref.recount(*rest)

    def convicting(lies: dict[tuple[int, int], int]) -> list[int]:
        return [group for group in range(3) if convicts(group, lies)]

    assert convicting({}) == []
    assert convicting({(0, 1): 128}) == [1]
    assert convicting({(1, 0): 256}) == [0, 1]
    assert convicting({(2, 0): 300}) == [0, 1, 2]
    assert convicting({(0, 3): 1}) == [2]


def test_the_uppermost_sum_is_the_claim_and_nothing_else() -> None:
    hashes = [ref.listed_leaf(at, [0] * 8) for at in range(2)]
    terms = replace(CLASSES, bits=16, rows=256)
    nodes = ref.sum_tree([(one, 128) for one in hashes])
    path = ref.sum_path(nodes, 0)
    for claim, sums in [(256, (128, 255)), (255, (128, 256)), (256, (127, 256))]:
        told = replace(path, sums=sums)
        with pytest.raises(ref.UnprovenError):
            ref.recount(terms, nodes[-1][0][0], claim, 0, [0] * 8, told, [0] * 8)


# What must always hold


@pytest.mark.parametrize("seed", SEEDS)
def test_proofs_prove_one_leaf_and_no_other(seed: int) -> None:
    rng = Random(seed)
    leaves = [specimens.any_word(rng) | 1 for _ in range(specimens.count(rng, 40))]
    count, at = len(leaves), rng.randrange(len(leaves))
    root, proof = (
        ref.root(leaves, ref.data_node),
        ref.proof(leaves, at, ref.data_node),
    )

    def holds(leaf: int, index: int, words: list[int]) -> bool:
        return ref.is_proven(root, leaf, index, count, words, ref.data_node)

    assert holds(leaves[at], at, proof)
    assert not holds(leaves[at] ^ 2, at, proof)
    assert not any(
        holds(leaves[at], other, proof)
        for other in range(-2, 2 * count + 2)
        if other != at and leaves[other % count] != leaves[at]
    )
    assert not holds(leaves[at], count, proof)
    assert not holds(leaves[at], at, [*proof, 0])
    assert not proof or not holds(leaves[at], at, proof[:-1])
    assert not proof or not holds(leaves[at], at, specimens.tampered(rng, proof))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_multiproof_leads_to_the_root_and_tampered_does_not(seed: int) -> None:
    rng = Random(seed)
    units = [rng.getrandbits(256) for _ in range(specimens.count(rng, 40))]
    wanted = rng.sample(range(len(units)), rng.randint(1, len(units)))
    proof, root = ref.multiproof(units, wanted), ref.root(units, ref.unit_node)
    known = {at: units[at] for at in wanted}
    assert ref.multiproven_root(known, len(units), proof) == root
    if len(wanted) == 1:
        assert proof == ref.proof(units, wanted[0], ref.unit_node)
    for words in ([*proof, 0], specimens.tampered(rng, proof)):
        try:
            assert ref.multiproven_root(known, len(units), words) != root
        except ref.UnprovenError:
            continue


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_packed_or_encrypted_comes_back(seed: int) -> None:
    rng = Random(seed)
    terms = specimens.terms(rng)
    codes = specimens.row(rng, terms)
    words = specimens.row_in_words(rng, terms, codes)
    assert len(words) == ref.row_words(terms.columns, terms.width)
    hidden = ref.crypted(words, 1, 2, "row", 3)
    assert ref.crypted(hidden, 1, 2, "row", 3) == words
    assert ref.crypted(hidden, 1, 2, "targets", 3) != words
    assert ref.unpack(words, terms.width, terms.columns) == codes
    values = specimens.targets(rng, terms)
    groups = specimens.groups(rng, terms, values)
    assert len(groups) == terms.groups
    assert ref.unpack_groups(groups, terms.bits, terms.rows) == values


@pytest.mark.parametrize("seed", SEEDS)
def test_a_recount_convicts_exactly_where_a_sum_is_wrong(seed: int) -> None:
    rng = Random(seed)
    terms = specimens.terms(rng)
    truth = specimens.targets(rng, terms)
    targets = specimens.groups(rng, terms, truth)
    listed = specimens.groups(rng, terms, specimens.listing(rng, terms, truth))
    pairs = [
        (ref.listed_leaf(at, words), ref.group_points(terms, at, targets[at], words))
        for at, words in enumerate(listed)
    ]
    lies = specimens.sum_lies(rng, terms, sum(points for _, points in pairs))
    nodes = ref.sum_tree(pairs, lies)
    found = [
        ref.recount(
            terms, *nodes[-1][0], at, words, ref.sum_path(nodes, at), targets[at]
        )
        for at, words in enumerate(listed)
    ]
    honest = ref.sum_tree(pairs)
    claim = ref.score(terms, targets, listed)
    assert honest[-1][0][1] == claim
    if not lies:
        assert not any(found)
    if nodes[-1][0][1] != claim:
        assert any(found)
