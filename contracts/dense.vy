# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Linear models and networks: what their execution is made of
@license Apache-2.0
@author The ModelMarket developers
@notice Weights are bytes, 128 too high, 32 to a word; codes and activations
        are bytes too. A layer's sums are scaled back to bytes; those of the
        last layer are the outputs.
@dev Stateless. The same rules in Python: `modelmarket.models.dense`.
     The weights themselves are read where they are handed in, by the referee.
"""


import exact
import hidden


MOST_INPUT_WORDS: constant(uint256) = 32

# @dev Bytes 3, 7, 11 ... of a word: 8 lanes of 32 bits, each with one byte.
EVERY_FOURTH: constant(uint256) = max_value(uint256) // (2**32 - 1) * 255
ONES: constant(uint256) = max_value(uint256) // (2**32 - 1)


@internal
@pure
def run(model: exact.Header, low: uint256, high: uint256) -> exact.Run:
    """
    @notice Which neurons two outputs follow from: all but those of the others.
    @param low The lower output of both; the same as `high` of a regression.
    """
    before: uint256 = model.units - model.outputs
    count: uint256 = before + 1
    if low != high:
        count += 1
    return exact.Run(
        count=count,
        first=0,
        split=before,
        second=before + low,
        last=before + high,
    )


@internal
@pure
def inputs(row: uint256[hidden.MOST_ROW_WORDS]) -> uint256[MOST_INPUT_WORDS]:
    """
    @notice What the first layer reads: the codes of a row, of eight bits.
    """
    found: uint256[MOST_INPUT_WORDS] = empty(uint256[MOST_INPUT_WORDS])
    for i: uint256 in range(MOST_INPUT_WORDS):
        found[i] = row[i]
    return found


@internal
@pure
def offset(inputs: uint256[MOST_INPUT_WORDS], words: uint256) -> int256:
    """
    @notice What the sums of a layer are too high by, since weights are kept
            128 too high.
    """
    total: uint256 = 0
    for i: uint256 in range(words, bound=MOST_INPUT_WORDS):
        total += self._bytes_sum(inputs[i])
    return convert(total << 7, int256)


@internal
@pure
def activation(total: int256, layer: exact.Layer) -> uint256:
    """
    @notice A sum, scaled back to a byte.
    """
    half: uint256 = 1 << (layer.shift - 1)
    return min(
        255, (convert(max(total, 0), uint256) * layer.mul + half) >> layer.shift
    )


@internal
@pure
def _bytes_sum(word: uint256) -> uint256:
    """
    @notice The sum of the bytes of a word.
    """
    lanes: uint256 = unsafe_add(
        unsafe_add(word & EVERY_FOURTH, (word >> 8) & EVERY_FOURTH),
        unsafe_add((word >> 16) & EVERY_FOURTH, (word >> 24) & EVERY_FOURTH),
    )
    return unsafe_mul(lanes, ONES) >> 224
