# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Listings: the predictions that a shown model is said to give
@license Apache-2.0
@author The ModelMarket developers
@notice A listing is a tree of sums over groups of predictions. Each node is
        a hash and a sum of points; a parent's hash commits to both of its
        children's pairs, and the root's sum is the score that was claimed.
@dev Stateless. The same rules in Python: `modelmarket.protocol.listings`.
"""


import hidden
import merkle


LISTED: constant(bytes32) = keccak256("ModelMarket listed 1")
SUM_NODE: constant(bytes32) = keccak256("ModelMarket sum node 1")

# @dev 256 parts of 64 groups.
MOST_GROUP_LEVELS: constant(uint256) = 14

# @dev A part of a listing.
PART_GROUPS: constant(uint256) = 64
PART_LEVELS: constant(uint256) = 6


# @dev A step of a path: the sibling's pair, and the sum of the parent.
struct Step:
    sibling: bytes32
    sum: uint256
    parent: uint256


# @dev A group of predictions with its place in the listing.
struct Group:
    words: uint256[hidden.GROUP_WORDS]
    points: uint256
    path: DynArray[Step, MOST_GROUP_LEVELS]


# @dev A node of the tree.
struct Node:
    digest: bytes32
    sum: uint256


@internal
@pure
def leaf(index: uint256, words: uint256[hidden.GROUP_WORDS]) -> bytes32:
    """
    @notice The hash of a group.
    """
    return keccak256(abi_encode(LISTED, index, words))


@internal
@pure
def above(left: Node, right: Node) -> bytes32:
    """
    @notice The hash above two nodes.
    """
    return keccak256(
        abi_encode(SUM_NODE, left.digest, left.sum, right.digest, right.sum)
    )


@internal
@pure
def adds_up(
    group: Group, index: uint256, count: uint256, root: bytes32, score: uint256
) -> bool:
    """
    @notice Whether each sum on a group's path is that of what is below it.
    @param count Of the groups.
    @param root What was shown, and the score that was shown with it.
    @dev Reverts unless the group is in the listing.
    """
    assert index < count, "BadIndex"
    here: Node = Node(digest=self.leaf(index, group.words), sum=group.points)
    return self.leads_up(here, index, count, 0, group.path, root, score)


@internal
@pure
def leads_up(
    node: Node,
    index: uint256,
    count: uint256,
    height: uint256,
    path: DynArray[Step, MOST_GROUP_LEVELS],
    root: bytes32,
    score: uint256,
) -> bool:
    """
    @notice Whether each sum on the path of a node adds up.
    @param index Of the node among those of its height.
    @param height How many levels are below it.
    @dev Reverts unless the path leads to what was shown. The sum of the root
         is the score that was shown, never what somebody says now. What lies
         beyond the last group is padding without points: or a score could be
         had for nothing, or a listing whose groups are all posted be one that
         nobody could prove anything of.
    """
    assert len(path) + height == merkle.levels(count), "BadProof"
    here: Node = node
    padding: Node = empty(Node)
    for _: uint256 in range(height, bound=MOST_GROUP_LEVELS):
        padding.digest = self.above(padding, padding)
    good: bool = True
    at: uint256 = index
    level: uint256 = height
    for step: Step in path:
        beside: Node = Node(digest=step.sibling, sum=step.sum)
        if (at ^ 1) << level >= count:
            if beside.digest != padding.digest or beside.sum != 0:
                good = False
        if unsafe_add(here.sum, beside.sum) != step.parent:
            good = False
        digest: bytes32 = empty(bytes32)
        if at & 1 == 0:
            digest = self.above(here, beside)
        else:
            digest = self.above(beside, here)
        here = Node(digest=digest, sum=step.parent)
        padding.digest = self.above(padding, padding)
        at >>= 1
        level += 1
    assert here.digest == root and here.sum == score, "NotListed"
    return good
