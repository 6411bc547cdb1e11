# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
# Shows what is inside contracts/labels.vy.

import labels


@external
@pure
def word_count(count: uint256, bits: uint256) -> uint256:
    return labels.word_count(count, bits)


@external
@pure
def page_count(words: uint256) -> uint256:
    return labels.page_count(words)


@external
@pure
def page_words(words: uint256, page: uint256) -> uint256:
    return labels.page_words(words, page)


@external
@pure
def last_word_mask(count: uint256, bits: uint256) -> uint256:
    return labels.last_word_mask(count, bits)


@external
@pure
def count_differing(difference: uint256, bits: uint256) -> uint256:
    return labels.count_differing(difference, labels.high_bits(bits))


@external
@pure
def are_valid_bits(bits: uint256) -> bool:
    return labels.are_valid_bits(bits)
