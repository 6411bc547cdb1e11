# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Packed labels: how many words they fill and how many of them differ
@license Apache-2.0
@author The ModelMarket developers
@notice A label takes 1, 2, 4, 8 or 16 bits and labels are packed most
        significant first. A page is 768 words; every page but the last is
        full, and the last is padded with zero bits to a whole word.
@dev Stateless. The same rules in Python: `modelmarket.protocol.labels`.
"""


# @dev Words on a full page: 24,576 bytes, so that Vyper's memory, which
# costs the square of its size, stays cheap.
PAGE_WORDS: constant(uint256) = 768


# @dev Masks of the population count: the even bits, bit pairs, nibbles and
# bytes of a word, and a one in each 16-bit lane.
EVEN_BITS: constant(uint256) = max_value(uint256) // 3
EVEN_PAIRS: constant(uint256) = max_value(uint256) // 5
EVEN_NIBBLES: constant(uint256) = max_value(uint256) // 17
EVEN_BYTES: constant(uint256) = max_value(uint256) // 257
LANES_OF_16: constant(uint256) = max_value(uint256) // 65_535


@internal
@pure
def are_valid_bits(bits: uint256) -> bool:
    """
    @notice Whether a label may take this many bits.
    """
    return bits in [1, 2, 4, 8, 16]


@internal
@pure
def word_count(labels: uint256, bits: uint256) -> uint256:
    """
    @notice How many 32-byte words hold this many labels.
    """
    return (labels * bits + 255) // 256


@internal
@pure
def page_count(words: uint256) -> uint256:
    """
    @notice How many pages hold this many words.
    """
    return (words + PAGE_WORDS - 1) // PAGE_WORDS


@internal
@pure
def page_words(words: uint256, page: uint256) -> uint256:
    """
    @notice How many words a page of a list of `words` words has.
    @param page The page's index, from 0; it must exist.
    """
    return min(PAGE_WORDS, words - page * PAGE_WORDS)


@internal
@pure
def last_word_mask(labels: uint256, bits: uint256) -> uint256:
    """
    @notice Ones where the last word of a list holds labels, zeros where it
            holds padding.
    """
    used: uint256 = labels * bits % 256
    if used == 0:
        return max_value(uint256)
    return max_value(uint256) << (256 - used)


@internal
@pure
def high_bits(bits: uint256) -> uint256:
    """
    @notice A one in the highest bit of each lane of `bits` bits.
    """
    return max_value(uint256) // ((1 << bits) - 1) << (bits - 1)


@internal
@pure
def count_differing(difference: uint256, high: uint256) -> uint256:
    """
    @notice How many lanes of a word are not zero.
    @dev Each lane is folded to its highest bit: adding all ones below that
         bit to the rest of the lane carries into it unless the rest is
         zero. Then the bits are counted, in 16-bit lanes at the end, since
         256 does not fit in eight bits.
    @param difference The XOR of a word of truth and a word of predictions.
    @param high `high_bits` of the labels' width.
    """
    low: uint256 = ~high
    x: uint256 = (unsafe_add(difference & low, low) | difference) & high
    x = unsafe_sub(x, (x >> 1) & EVEN_BITS)
    x = unsafe_add(x & EVEN_PAIRS, (x >> 2) & EVEN_PAIRS)
    x = unsafe_add(x, x >> 4) & EVEN_NIBBLES
    x = unsafe_add(x, x >> 8) & EVEN_BYTES
    return unsafe_mul(x, LANES_OF_16) >> 240
