# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Conditions: the terms of a verified contest, and which are allowed
@license Apache-2.0
@author The ModelMarket developers
@notice State is dear: terms and what was shown are handed in by the calls
        that need them, and their hashes are kept.
@dev Stateless. The same rules in Python: `modelmarket.protocol.conditions`.
"""


from interfaces import IVerifiedMarket

import exact
import hidden
import listing
import points


U96: constant(uint256) = 2**96 - 1

MINUTE: constant(uint256) = 60
DAY: constant(uint256) = 86_400
LEAST_RESPONSE: constant(uint256) = 900
MOST_ROWS: constant(uint256) = 2**26
MOST_PARTS: constant(uint256) = 256

# @dev Time for the call that posts a part, in a quarter of the challenge
# window: four full parts, 20 million gas, in each block of 12 seconds.
SECONDS_A_PART: constant(uint256) = 3


@internal
@pure
def contest_hash(requester: address, terms: IVerifiedMarket.Terms) -> bytes32:
    """
    @notice What is kept of a contest.
    """
    return keccak256(abi_encode(requester, terms))


@internal
@pure
def shown_hash(shown: IVerifiedMarket.Shown) -> bytes32:
    """
    @notice What is kept of what was shown.
    """
    return keccak256(abi_encode(shown))


@internal
@pure
def most_points(kind: uint256, cap: uint256) -> uint256:
    """
    @notice The most that a row scores.
    """
    if kind == points.ACCURACY:
        return 1
    if kind == points.SQUARED:
        return cap * cap
    return cap


@internal
@pure
def limits(terms: IVerifiedMarket.Terms) -> exact.Limits:
    """
    @notice What the terms say about models.
    """
    return exact.Limits(
        columns=terms.columns,
        outputs=terms.outputs,
        width=terms.width,
        units=terms.most_units,
        words=terms.most_words,
        parts=terms.most_parts,
    )


@internal
@pure
def listing_parts(terms: IVerifiedMarket.Terms) -> uint256:
    """
    @notice How many parts a listing has.
    """
    groups: uint256 = points.group_count(terms.rows, terms.bits)
    return (groups + listing.PART_GROUPS - 1) // listing.PART_GROUPS


@internal
@pure
def check(
    terms: IVerifiedMarket.Terms, weights: DynArray[uint256, points.MOST_WEIGHT_WORDS]
):
    """
    @notice Reverts unless the terms are ones that the protocol allows.
    """
    assert 0 < terms.reward and terms.reward <= U96, "BadReward"
    assert terms.stake >= max((terms.reward + 19) // 20, 1), "BadStake"
    assert terms.stake <= U96, "BadStake"
    assert terms.demand_bond >= max((terms.stake + 9) // 10, 1), "BadBond"
    assert terms.demand_bond <= terms.stake, "BadBond"
    assert MINUTE <= terms.submission_window, "BadWindow"
    assert terms.submission_window <= 365 * DAY, "BadWindow"
    assert LEAST_RESPONSE <= terms.response_window, "BadWindow"
    assert terms.response_window <= 7 * DAY, "BadWindow"
    assert 4 * terms.response_window <= terms.challenge_window, "BadWindow"
    assert terms.challenge_window <= 28 * DAY, "BadWindow"
    self._check_rows(terms)
    self._check_points(terms, weights)
    self._check_limits(terms)


@internal
@pure
def _check_rows(terms: IVerifiedMarket.Terms):
    assert 0 < terms.rows and terms.rows <= MOST_ROWS, "BadRows"
    assert 0 < terms.columns and terms.columns <= 1_024, "BadColumns"
    assert terms.width in [8, 16], "BadWidth"
    words: uint256 = hidden.row_words(terms.columns, terms.width)
    assert words <= hidden.MOST_ROW_WORDS, "BadColumns"
    # People's machines must keep up with it.
    assert terms.rows * words <= MOST_ROWS, "BadRows"
    assert terms.rows * words <= 100_000 * terms.response_window, "BadRows"


@internal
@pure
def _check_points(
    terms: IVerifiedMarket.Terms, weights: DynArray[uint256, points.MOST_WEIGHT_WORDS]
):
    assert 0 < terms.step, "BadPoints"
    assert 0 < terms.cap and terms.cap <= 2**16, "BadPoints"
    assert points.weights_hash(weights) == terms.weights_hash, "BadWeights"
    if terms.points in [points.ACCURACY, points.WEIGHTED]:
        assert terms.bits in [1, 2, 4, 8, 16], "BadBits"
        assert 2 <= terms.outputs, "BadOutputs"
        assert terms.outputs <= min(256, 1 << terms.bits), "BadOutputs"
    else:
        assert terms.points in [points.ABSOLUTE, points.SQUARED], "BadPoints"
        assert terms.bits in [8, 16, 32], "BadBits"
        assert terms.outputs == 1, "BadOutputs"
    if terms.points == points.WEIGHTED:
        assert len(weights) == (terms.outputs + 7) // 8, "BadWeights"
        greatest: uint256 = 0
        for class_: uint256 in range(terms.outputs, bound=256):
            greatest = max(greatest, points.weight(weights, class_))
        # Not all are 0, since the cap is not.
        assert greatest == terms.cap, "BadWeights"
    else:
        assert len(weights) == 0, "BadWeights"
    most: uint256 = terms.rows * self.most_points(terms.points, terms.cap)
    assert most < 2**32, "BadPoints"
    assert terms.minimum_score <= most, "BadMinimum"


@internal
@pure
def _check_limits(terms: IVerifiedMarket.Terms):
    assert 0 < terms.most_units, "BadUnits"
    assert terms.most_units <= 1 << exact.MOST_UNIT_LEVELS, "BadUnits"
    assert 0 < terms.most_words and terms.most_words <= exact.MOST_WORDS, "BadWords"
    # A challenge runs the trees of two outputs, whoever watches those of all.
    pairs: uint256 = (terms.outputs + 1) // 2
    assert (
        terms.rows * terms.most_words * pairs
        <= 10_000_000 * terms.challenge_window
    ), "BadWords"
    listed: uint256 = self.listing_parts(terms)
    assert 0 < terms.most_parts and terms.most_parts <= MOST_PARTS, "BadParts"
    assert listed <= MOST_PARTS, "BadRows"
    assert (
        (terms.most_parts + listed) * SECONDS_A_PART
        <= terms.challenge_window // 4
    ), "BadParts"
