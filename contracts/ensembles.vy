# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Ensembles of trees, executed on one row
@license Apache-2.0
@author The ModelMarket developers
@notice A tree is a tree of hashes itself: a leaf's is that of its word, an
        inner node's that of what it asks and of both its sides. So the way
        that a row takes proves its leaf with one word a level.
@dev Stateless. The same rules in Python: `modelmarket.models.ensembles`.
     How long a path is, and how it ends, is said first and never by a value
     inside it: every word may be a leaf, and every hash a side.
"""


import exact
import hidden


# @dev In a descriptor: the path ends in an inner node that is too deep, which
# adds nothing. The other bits count the inner nodes above its end.
CUT: constant(uint256) = 128


@internal
@pure
def leaf(word: uint256) -> uint256:
    """
    @notice The hash of a leaf, of 224 bits.
    """
    return convert(keccak256(abi_encode(word)), uint256) >> 32


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
def run(
    model: exact.Header,
    base: DynArray[uint256, exact.MOST_BASE_WORDS],
    row: uint256[hidden.MOST_ROW_WORDS],
    low: uint256,
    high: uint256,
    words: DynArray[uint256, exact.MOST_CALL_WORDS],
) -> exact.Executed:
    """
    @notice Two outputs of an ensemble, and the trees that they follow from.
    @param low The lower output of both; the same as `high` of a regression.
    @param words Descriptors of the paths, 32 to a word; then the paths, each
           from its end up to the root.
    """
    done: exact.Executed = empty(exact.Executed)
    # With scalar leaves only the trees of two outputs matter.
    first: uint256 = 0
    split: uint256 = model.units
    second: uint256 = 0
    count: uint256 = model.units
    if model.form == exact.SCALAR and low != high:
        begin: uint256 = exact.first_with_trees(model)
        split = 0
        if low >= begin:
            first = (low - begin) * model.rounds
            split = model.rounds
        second = (high - begin) * model.rounds
        count = split + model.rounds
    lanes: uint256 = 0
    at: uint256 = (count + 31) >> 5
    mask: uint256 = (1 << model.width) - 1
    for i: uint256 in range(count, bound=exact.MOST_EXECUTED):
        descriptor: uint256 = (words[i >> 5] >> (248 - ((i & 31) << 3))) & 255
        length: uint256 = descriptor & 127
        node: uint256 = 0
        if descriptor & CUT == 0:
            assert length <= model.depth, "BadPath"
            word: uint256 = words[at]
            at += 1
            node = self.leaf(word)
            if model.form != exact.SCALAR:
                lanes = unsafe_add(lanes, word & exact.MASK224)
            elif i < split:
                done.low += exact.signed64(word)
            else:
                done.high += exact.signed64(word)
        else:
            assert length == model.depth, "BadPath"
            node = self.inner(words[at], words[at + 1] & exact.MASK224)
            at += 2
        for _: uint256 in range(length, bound=exact.MOST_DEPTH):
            word: uint256 = words[at]
            at = unsafe_add(at, 1)
            # A column that there is not has code 0.
            column: uint256 = word >> 240
            code: uint256 = 0
            if column < model.columns:
                bit: uint256 = unsafe_mul(column, model.width)
                code = (
                    row[bit >> 8] >> unsafe_sub(256 - model.width, bit & 255)
                ) & mask
            if code <= (word >> 224) & 65_535:
                node = self.inner(word >> 224 << 224 | node, word & exact.MASK224)
            else:
                node = self.inner(word, node)
        if i < split:
            done.indices.append(first + i)
        else:
            done.indices.append(second + i - split)
        done.hashes.append(keccak256(abi_encode(exact.TREE, node)))
    assert at == len(words), "BadLength"
    if model.form != exact.SCALAR:
        done.low = self._lane(lanes, model.form, low)
        done.high = self._lane(lanes, model.form, high)
    done.low += exact.base_value(base, low)
    done.high += exact.base_value(base, high)
    return done


@internal
@pure
def _lane(lanes: uint256, form: uint256, output: uint256) -> int256:
    if form == exact.LANES_OF_16:
        return convert((lanes >> (208 - (output << 4))) & 65_535, int256)
    return convert((lanes >> (192 - (output << 5))) & (2**32 - 1), int256)
