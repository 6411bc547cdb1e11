# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Linear models and networks, executed on one row
@license Apache-2.0
@author The ModelMarket developers
@notice Weights are bytes, 128 too high, 32 to a word; codes and activations
        are bytes too. A layer's sums are scaled back to bytes; those of the
        last layer are the outputs.
@dev Stateless. The same rules in Python: `modelmarket.models.dense`.
"""


import exact
import hidden


MOST_INPUT_WORDS: constant(uint256) = 32

# @dev Bytes 3, 7, 11 ... of a word: 8 lanes of 32 bits, each with one byte.
EVERY_FOURTH: constant(uint256) = max_value(uint256) // (2**32 - 1) * 255
ONES: constant(uint256) = max_value(uint256) // (2**32 - 1)


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
    @notice Two outputs of a dense model, and the neurons they follow from.
    @param low The lower output of both; the same as `high` of a regression.
    @param words Of each neuron, but for those of other outputs: its bias,
           then its weights.
    """
    done: exact.Executed = empty(exact.Executed)
    inputs: uint256[MOST_INPUT_WORDS] = empty(uint256[MOST_INPUT_WORDS])
    input_words: uint256 = (model.columns + 31) >> 5
    for i: uint256 in range(input_words, bound=MOST_INPUT_WORDS):
        inputs[i] = row[i]
    at: uint256 = 0
    unit: uint256 = 0
    left: uint256 = len(base)
    for layer_word: uint256 in base:
        layer: exact.Layer = exact.layer(layer_word)
        left -= 1
        offset: uint256 = 0
        for i: uint256 in range(input_words, bound=MOST_INPUT_WORDS):
            offset += self._bytes_sum(inputs[i])
        offset <<= 7
        outputs: uint256[MOST_INPUT_WORDS] = empty(uint256[MOST_INPUT_WORDS])
        for j: uint256 in range(layer.neurons, bound=exact.MOST_NEURONS):
            if left == 0 and j != low and j != high:
                continue
            bias: uint256 = words[at]
            at = unsafe_add(at, 1)
            digest: bytes32 = keccak256(abi_encode(exact.NEURON, bias, input_words))
            total: uint256 = 0
            for i: uint256 in range(input_words, bound=MOST_INPUT_WORDS):
                weights: uint256 = words[at]
                at = unsafe_add(at, 1)
                digest = keccak256(abi_encode(digest, weights))
                total = unsafe_add(total, self._products(inputs[i], weights))
            value: int256 = (
                convert(total, int256)
                - convert(offset, int256)
                + exact.signed32(bias)
            )
            done.indices.append(unit + j)
            done.hashes.append(digest)
            if left == 0:
                if j == low:
                    done.low = value
                if j == high:
                    done.high = value
            else:
                outputs[j >> 5] |= self._activation(value, layer) << (
                    248 - ((j & 31) << 3)
                )
        unit += layer.neurons
        inputs = outputs
        input_words = (layer.neurons + 31) >> 5
    assert at == len(words), "BadLength"
    return done


@internal
@pure
def _activation(total: int256, layer: exact.Layer) -> uint256:
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


@internal
@pure
def _products(inputs: uint256, weights: uint256) -> uint256:
    """
    @notice The sum of the products of 32 inputs and weights, as they are kept.
    @dev The groups of weights stand in reverse order, so that the highest
         lane of a product of 8 by 8 lanes is the sum of 8 products.
    """
    total: uint256 = 0
    for at: uint256 in range(4):
        total = unsafe_add(
            total,
            unsafe_mul(
                (inputs >> (at << 3)) & EVERY_FOURTH,
                (weights >> (at << 3)) & EVERY_FOURTH,
            )
            >> 224,
        )
    return total
