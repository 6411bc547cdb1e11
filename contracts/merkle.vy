# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Hash trees: commitments to lists of rows, groups and units
@license Apache-2.0
@author The ModelMarket developers
@notice A list of `count` things is the root of a binary tree of
        ceil(log2(count)) levels; what lies beyond the count is the word 0,
        hashed upward like the rest. A proof has exactly one sibling for each
        level, the one nearest to the leaf first.
@dev Stateless. The same rules in Python: `modelmarket.protocol.merkle`.
     Leaves and inner nodes begin with tags of their own, so that nothing of
     one kind can pass for another.
"""


# @dev More than any list here has: 2**26 rows.
MOST_LEVELS: constant(uint256) = 26

DATA_NODE: constant(bytes32) = keccak256("ModelMarket data node 1")
UNIT_NODE: constant(bytes32) = keccak256("ModelMarket unit node 1")


@internal
@pure
def levels(count: uint256) -> uint256:
    """
    @notice How many levels the tree of a list has: ceil(log2(count)).
    @param count Of the things in the list, at least 1.
    """
    found: uint256 = 0
    for level: uint256 in range(256):
        if count <= 1 << level:
            found = level
            break
    return found


@internal
@pure
def data_root(
    leaf: bytes32, index: uint256, count: uint256, proof: DynArray[bytes32, MOST_LEVELS]
) -> bytes32:
    """
    @notice The root that a leaf of rows or targets leads to.
    @dev SHA-256, which everybody's computer has in hardware. A proof of
         another length would let an inner node pass for a leaf, and an index
         beyond the count a word of padding.
    """
    assert index < count, "BadIndex"
    assert len(proof) == self.levels(count), "BadProof"
    node: bytes32 = leaf
    at: uint256 = index
    for sibling: bytes32 in proof:
        if at & 1 == 0:
            node = sha256(abi_encode(DATA_NODE, node, sibling))
        else:
            node = sha256(abi_encode(DATA_NODE, sibling, node))
        at >>= 1
    return node


@internal
@pure
def unit_node(left: bytes32, right: bytes32) -> bytes32:
    """
    @notice The inner node above two units, or two nodes, of a model.
    """
    return keccak256(abi_encode(UNIT_NODE, left, right))
