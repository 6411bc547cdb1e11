# SPDX-License-Identifier: Apache-2.0
"""Trees of hashes, held against small recursive ones written from the text."""

from __future__ import annotations

import hashlib

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.errors import InputError
from modelmarket.protocol import listings, merkle
from modelmarket.protocol.listings import SumTree
from modelmarket.protocol.merkle import HashTree, data_node, levels, unit_node

ZERO = bytes(32)


def recursive_root(leaves: list[bytes], depth: int, join: merkle.Join) -> bytes:
    """The root of exactly 2**depth leaves, the missing ones zero."""
    if depth == 0:
        return leaves[0] if leaves else ZERO
    half = 2 ** (depth - 1)
    left = recursive_root(leaves[:half], depth - 1, join)
    return join(left + recursive_root(leaves[half:], depth - 1, join))


def leaves_of(count: int) -> list[bytes]:
    return [keccak(bytes([i % 251, i // 251])) for i in range(count)]


@pytest.mark.parametrize(
    ("count", "depth"), [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (1024, 10), (1025, 11)]
)
def test_levels_are_the_logarithm_rounded_up(count: int, depth: int) -> None:
    assert levels(count) == depth


def test_a_list_without_entries_has_no_root() -> None:
    with pytest.raises(InputError, match="has no root"):
        HashTree.over([], data_node)


@pytest.mark.parametrize("join", [data_node, unit_node])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 11, 33])
def test_the_root_is_that_of_a_full_tree_with_zero_words(
    count: int, join: merkle.Join
) -> None:
    leaves = leaves_of(count)
    tree = HashTree.over(leaves, join)
    assert tree.root == recursive_root(leaves, levels(count), join)
    for index, leaf in enumerate(leaves):
        proof = tree.proof(index)
        assert len(proof) == levels(count)
        assert merkle.root_of(leaf, index, count, proof, join) == tree.root


def test_inner_nodes_hash_their_tag_and_both_sides() -> None:
    left, right = leaves_of(2)
    tag = keccak(b"ModelMarket data node 1")
    assert data_node(left + right) == hashlib.sha256(tag + left + right).digest()
    tag = keccak(b"ModelMarket unit node 1")
    assert unit_node(left + right) == keccak(tag + left + right)


def test_a_row_hashes_as_abi_encode_gives_it() -> None:
    words = [bytes([i]) * 32 for i in range(3)]
    tag = keccak(b"ModelMarket row 1")
    numbers = [int.from_bytes(one) for one in words]
    encoded = encode(["bytes32", "uint256", "uint256[]"], [tag, 7, numbers])
    leaf = hashlib.sha256(encoded).digest()
    assert merkle.row_leaf(7, b"".join(words)) == leaf
    tree = merkle.rows_tree(bytes(7 * 96) + b"".join(words), 3)
    assert tree.layers[0][7 * 32 :] == leaf


def test_a_group_of_targets_hashes_as_abi_encode_gives_it() -> None:
    words = [bytes([i]) * 32 for i in range(8)]
    tag = keccak(b"ModelMarket targets 1")
    numbers = [int.from_bytes(one) for one in words]
    encoded = encode(["bytes32", "uint256", "uint256[]"], [tag, 1, numbers])
    leaf = hashlib.sha256(encoded).digest()
    assert merkle.targets_leaf(1, b"".join(words)) == leaf
    assert merkle.targets_tree(bytes(256) + b"".join(words)).layers[0][32:] == leaf


def test_what_is_no_whole_number_of_rows_has_no_tree() -> None:
    for data, words in ((bytes(33), 1), (bytes(32), 2), (bytes(32), 0)):
        with pytest.raises(InputError, match="cannot be rows"):
            merkle.rows_tree(data, words)
    with pytest.raises(InputError, match="has no root"):
        merkle.rows_tree(b"", 1)
    with pytest.raises(InputError, match="cannot be groups"):
        merkle.targets_tree(bytes(32))


def test_an_index_beyond_the_list_proves_nothing() -> None:
    tree = HashTree.over(leaves_of(3), data_node)
    with pytest.raises(InputError, match="no entry 3"):
        tree.proof(3)
    # The word of zeros beyond the list could be proven, were it not for the count.
    proof = [tree.node(0, 2), tree.node(1, 0)]
    with pytest.raises(InputError, match="prove no entry 3"):
        merkle.root_of(ZERO, 3, 3, proof, data_node)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_proof_of_another_length_proves_nothing(change: int) -> None:
    leaves = leaves_of(4)
    tree = HashTree.over(leaves, data_node)
    proof = [*tree.proof(1), ZERO][: 2 + change]
    with pytest.raises(InputError, match="prove no entry 1"):
        merkle.root_of(leaves[1], 1, 4, proof, data_node)


def test_a_part_is_a_subtree() -> None:
    leaves = leaves_of(11)
    tree = HashTree.over(leaves, unit_node)
    for part in range(3):
        inside = recursive_root(leaves[4 * part : 4 * part + 4], 2, unit_node)
        proof = tree.proof(part, level=2)
        # Three parts have the proofs of a list of three.
        assert merkle.root_of(inside, part, 3, proof, unit_node) == tree.root
    with pytest.raises(InputError, match="no entry 3"):
        tree.proof(3, level=2)


@given(st.integers(1, 40), st.data())
def test_one_proof_serves_several_leaves(count: int, data: st.DataObject) -> None:
    leaves = leaves_of(count)
    tree = HashTree.over(leaves, unit_node)
    chosen = data.draw(st.sets(st.integers(0, count - 1), min_size=1))
    proof = tree.multiproof(chosen)
    known = {index: leaves[index] for index in chosen}
    assert merkle.root_of_several(known, count, proof, unit_node) == tree.root
    with pytest.raises(InputError, match="too many"):
        merkle.root_of_several(known, count, [*proof, ZERO], unit_node)
    if proof:
        with pytest.raises(InputError, match="too few"):
            merkle.root_of_several(known, count, proof[:-1], unit_node)


def test_a_proof_of_several_is_walked_level_by_level() -> None:
    leaves = leaves_of(6)
    tree = HashTree.over(leaves, unit_node)
    # 0 and 1 are combined; 5 wants 4; then 2 (of 4 and 5) wants the empty 3, and
    # 0 wants 1: the order is that of the nodes.
    expected = [leaves[4], tree.node(1, 1), tree.node(1, 3)]
    assert tree.multiproof([5, 0, 1]) == expected
    assert tree.node(1, 3) == unit_node(bytes(64))


@pytest.mark.parametrize("chosen", [[], [3], [-1, 1]])
def test_a_proof_of_several_needs_entries_of_the_list(chosen: list[int]) -> None:
    tree = HashTree.over(leaves_of(3), unit_node)
    with pytest.raises(InputError, match="needs entries"):
        tree.multiproof(chosen)
    with pytest.raises(InputError, match="needs entries"):
        merkle.root_of_several(dict.fromkeys(chosen, ZERO), 3, [], unit_node)


Pair = tuple[bytes, int]


def recursive_sums(leaves: list[Pair], depth: int) -> Pair:
    if depth == 0:
        return leaves[0] if leaves else (ZERO, 0)
    half = 2 ** (depth - 1)
    left, right = (
        recursive_sums(part, depth - 1) for part in (leaves[:half], leaves[half:])
    )
    tag = keccak(b"ModelMarket sum node 1")
    words = [tag, left[0], left[1].to_bytes(32), right[0], right[1].to_bytes(32)]
    return keccak(b"".join(words)), left[1] + right[1]


@given(st.lists(st.integers(0, 2**32), min_size=1, max_size=20))
def test_a_listing_sums_up_its_groups(points: list[int]) -> None:
    groups = b"".join(bytes([i]) * 256 for i in range(len(points)))
    tree = SumTree.over(groups, points)
    tag = keccak(b"ModelMarket listed 1")
    leaves = [
        (keccak(tag + i.to_bytes(32) + bytes([i]) * 256), points[i])
        for i in range(len(points))
    ]
    root = recursive_sums(leaves, levels(len(points)))
    assert (tree.root, tree.score) == root
    assert tree.score == sum(points)
    for index, leaf in enumerate(leaves):
        proof = tree.proof(index)
        assert len(proof) == levels(len(points))
        found = listings.root_of_sums(leaf, index, len(points), proof)
        assert found == (root, True)
        assert all(len(step.words) == 96 for step in proof)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_sum_that_does_not_add_up_is_seen_from_every_group_below(level: int) -> None:
    leaves = [(leaf, 3) for leaf in leaves_of(4)]
    tree = SumTree.of_pairs(leaves)
    layers = [list(layer) for layer in tree.layers]
    layers[level][0] = (layers[level][0][0], layers[level][0][1] + 1)
    for up in range(level, 2):
        layers[up + 1] = [
            (listings.sum_node(left, right), old[1])
            for left, right, old in zip(
                layers[up][::2], layers[up][1::2], layers[up + 1], strict=True
            )
        ]
    lie = SumTree(4, tuple(tuple(layer) for layer in layers), tree.fills)
    # A node's sum is compared below it and above it; at a leaf only above.
    below = 2 if level == 0 else 4
    for index in range(4):
        leaf = lie.node(0, index)
        root, adds_up = listings.root_of_sums(leaf, index, 4, lie.proof(index))
        assert root == lie.layers[-1][0]
        assert adds_up == (index >= below)


def test_sums_wrap_around_as_words_do() -> None:
    most = 2**256 - 1
    leaf = (keccak(b"one"), most)
    step = listings.SumStep(keccak(b"other"), 3, 2)
    assert listings.root_of_sums(leaf, 0, 2, [step])[1]
    step = listings.SumStep(keccak(b"other"), 3, 3)
    assert not listings.root_of_sums(leaf, 0, 2, [step])[1]


def test_listings_refuse_what_is_not_in_them() -> None:
    tree = SumTree.over(bytes(768), [1, 2, 3])
    with pytest.raises(InputError, match="no group 3"):
        tree.proof(3)
    with pytest.raises(InputError, match="prove no group 3"):
        listings.root_of_sums(listings.NO_PAIR, 3, 3, tree.proof(2))
    with pytest.raises(InputError, match="are not 2 groups"):
        SumTree.over(bytes(768), [1, 2])
    with pytest.raises(InputError, match="has no root"):
        SumTree.over(b"", [])
    with pytest.raises(InputError, match="no group of predictions"):
        listings.group_leaf(0, bytes(32))
    assert len(tree.proof(0, level=1)) == 1
