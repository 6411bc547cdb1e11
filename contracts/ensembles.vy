# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Ensembles of trees: what their execution is made of
@license Apache-2.0
@author The ModelMarket developers
@notice A tree is a tree of hashes itself: a leaf's is that of its word, an
        inner node's that of what it asks and of both its sides. So the way
        that a row takes proves its leaf with one word a level.
@dev Stateless. The same rules in Python: `modelmarket.models.ensembles`.
     The paths themselves are followed where they are handed in, by the
     referee.
"""


import exact


@internal
@pure
def leaf(word: uint256) -> uint256:
    """
    @notice The hash of a leaf, of 224 bits.
    """
    return convert(keccak256(convert(word, bytes32)), uint256) >> 32


@internal
@pure
def inner(left: uint256, right: uint256) -> uint256:
    """
    @notice The hash of an inner node, of 224 bits.
    @param left feature 16 | threshold 16 | hash of the left side 224.
    """
    return convert(keccak256(abi_encode(left, right)), uint256) >> 32


@internal
@pure
def run(model: exact.Header, low: uint256, high: uint256) -> exact.Run:
    """
    @notice Which trees two outputs follow from.
    @param low The lower output of both; the same as `high` of a regression.
    """
    if model.form != exact.SCALAR or low == high:
        return exact.Run(
            count=model.units,
            first=0,
            split=model.units,
            second=0,
            last=model.units - 1,
        )
    # With scalar leaves only the trees of two outputs matter.
    begin: uint256 = exact.first_with_trees(model)
    first: uint256 = 0
    split: uint256 = 0
    if low >= begin:
        first = (low - begin) * model.rounds
        split = model.rounds
    second: uint256 = (high - begin) * model.rounds
    return exact.Run(
        count=split + model.rounds,
        first=first,
        split=split,
        second=second,
        last=second + model.rounds - 1,
    )


@internal
@pure
def lane(lanes: uint256, form: uint256, output: uint256) -> int256:
    """
    @notice What the lanes of all leaves add up to for an output.
    """
    if form == exact.LANES_OF_16:
        return convert((lanes >> (208 - (output << 4))) & 65_535, int256)
    return convert((lanes >> (192 - (output << 5))) & (2**32 - 1), int256)
