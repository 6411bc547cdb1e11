# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Points: what the rows of a group score
@license Apache-2.0
@author The ModelMarket developers
@notice A row scores points by its target and its prediction; the score of a
        submission is the sum over all rows. A group is 8 words of packed
        targets or predictions. Padding behind the last row never counts.
@dev Stateless. The same rules in Python: `modelmarket.protocol.points`.
"""


import hidden
import labels


# @dev The kinds of points.
ACCURACY: constant(uint256) = 0
WEIGHTED: constant(uint256) = 1
ABSOLUTE: constant(uint256) = 2
SQUARED: constant(uint256) = 3

# @dev One for each class, 32 bits each.
MOST_WEIGHT_WORDS: constant(uint256) = 32

# @dev From so many bits on there are fewer lanes than classes to count.
LANE_BY_LANE: constant(uint256) = 8


# @dev How rows are scored; see the terms.
struct Rule:
    kind: uint256
    bits: uint256  # of a target
    outputs: uint256
    cap: uint256
    step: uint256


@internal
@pure
def weights_hash(weights: DynArray[uint256, MOST_WEIGHT_WORDS]) -> bytes32:
    """
    @notice The hash of the words of weights, joined.
    """
    return keccak256(slice(abi_encode(weights), 64, len(weights) * 32))


@internal
@pure
def per_group(bits: uint256) -> uint256:
    """
    @notice How many targets a group holds.
    """
    return hidden.GROUP_WORDS * 256 // bits


@internal
@pure
def group_count(rows: uint256, bits: uint256) -> uint256:
    """
    @notice How many groups hold the targets of so many rows.
    """
    each: uint256 = self.per_group(bits)
    return (rows + each - 1) // each


@internal
@pure
def lane(words: uint256[hidden.GROUP_WORDS], at: uint256, bits: uint256) -> uint256:
    """
    @notice A target or prediction of a group.
    """
    bit: uint256 = at * bits
    return (words[bit >> 8] >> (256 - bits - (bit & 255))) & ((1 << bits) - 1)


@internal
@pure
def of_group(
    rule: Rule,
    rows: uint256,
    weights: DynArray[uint256, MOST_WEIGHT_WORDS],
    targets: uint256[hidden.GROUP_WORDS],
    listed: uint256[hidden.GROUP_WORDS],
) -> uint256:
    """
    @notice What a group scores.
    @param rows How many of its lanes are rows; the others are padding.
    """
    if rule.kind == ACCURACY:
        return self._alike(rule.bits, rows, targets, listed, max_value(uint256))
    points: uint256 = 0
    if rule.kind == WEIGHTED and rule.bits < LANE_BY_LANE:
        for class_: uint256 in range(min(rule.outputs, 1 << rule.bits), bound=16):
            points += self.weight(weights, class_) * self._alike(
                rule.bits, rows, targets, listed, class_
            )
        return points
    # Lanes of eight bits or more: at most 32 to a word.
    lowest: uint256 = unsafe_sub(256, rule.bits)
    each: uint256 = 256 // rule.bits
    top: uint256 = rule.cap
    if rule.kind == SQUARED:
        top = rule.cap * rule.cap
    left: uint256 = rows
    for at: uint256 in range(hidden.GROUP_WORDS):
        truth: uint256 = targets[at]
        said: uint256 = listed[at]
        here: uint256 = min(left, each)
        left = unsafe_sub(left, here)
        for _: uint256 in range(here, bound=32):
            target: uint256 = truth >> lowest
            predicted: uint256 = said >> lowest
            truth = truth << rule.bits
            said = said << rule.bits
            if rule.kind == WEIGHTED:
                if target == predicted and target < rule.outputs:
                    word: uint256 = weights[target >> 3]
                    points += (word >> (224 - ((target & 7) << 5))) & (2**32 - 1)
                continue
            apart: uint256 = unsafe_sub(target, predicted)
            if target < predicted:
                apart = unsafe_sub(predicted, target)
            lost: uint256 = min(rule.cap, apart // rule.step)
            if rule.kind == SQUARED:
                lost = unsafe_mul(lost, lost)
            # Not below 0: nobody loses more than the cap.
            points += unsafe_sub(top, lost)
    return points


@internal
@pure
def weight(weights: DynArray[uint256, MOST_WEIGHT_WORDS], class_: uint256) -> uint256:
    """
    @notice What a right prediction of a class scores.
    """
    return (weights[class_ >> 3] >> (224 - ((class_ & 7) << 5))) & (2**32 - 1)


@internal
@pure
def _alike(
    bits: uint256,
    rows: uint256,
    targets: uint256[hidden.GROUP_WORDS],
    listed: uint256[hidden.GROUP_WORDS],
    class_: uint256,
) -> uint256:
    """
    @notice In how many rows target and prediction are the same, and that
            class unless any is wanted.
    """
    each: uint256 = 256 // bits
    high: uint256 = labels.high_bits(bits)
    pattern: uint256 = max_value(uint256) // ((1 << bits) - 1) * (
        class_ & ((1 << bits) - 1)
    )
    left: uint256 = rows
    alike: uint256 = 0
    for at: uint256 in range(hidden.GROUP_WORDS):
        if left == 0:
            break
        here: uint256 = min(left, each)
        differs: uint256 = targets[at] ^ listed[at]
        if class_ != max_value(uint256):
            differs |= targets[at] ^ pattern
        if here < each:
            # Padding is behind the rows, and like nothing.
            differs |= max_value(uint256) >> (here * bits)
        alike += each - labels.count_differing(differs, high)
        left -= here
    return alike
