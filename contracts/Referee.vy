# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Referee, who runs a shown model on any one row
@license Apache-2.0
@author The ModelMarket developers
@notice Whoever sees that a shown model does not give what was listed, or that
        a listing does not score what was claimed, proves it here in one call.
        The referee computes, and tells the market; the market checks that it
        is told of its candidate, in time, and of what was shown.
@dev Without state, money or owner. Every entry point has one large array,
     since handing such from contract to contract costs a copy at its bound.
"""


from interfaces import IVerifiedMarket

import conditions
import dense
import ensembles
import exact
import hidden
import listing
import merkle
import points


# @dev Who is accused, and where.
struct Case:
    market: address
    request_id: uint256
    submission_id: uint256
    requester: address


# @dev A row as it was published, before its key was.
struct HiddenRow:
    index: uint256
    words: DynArray[uint256, hidden.MOST_ROW_WORDS]
    proof: DynArray[bytes32, merkle.MOST_LEVELS]


# @dev A group of targets as it was published.
struct HiddenGroup:
    index: uint256
    words: uint256[hidden.GROUP_WORDS]
    proof: DynArray[bytes32, merkle.MOST_LEVELS]


interface Market:
    def chain_id() -> uint256: view
    def refute(
        request_id: uint256,
        submission_id: uint256,
        requester: address,
        terms: IVerifiedMarket.Terms,
        shown: IVerifiedMarket.Shown,
        challenger: address,
    ): nonpayable


@external
@view
def check_header(
    terms: IVerifiedMarket.Terms,
    header: uint256,
    base: DynArray[uint256, exact.MOST_BASE_WORDS],
) -> bool:
    """
    @notice True, or reverts with the reason for which a model is refused.
    """
    exact.check(header, base, conditions.limits(terms))
    return True


@external
def recount(
    case: Case,
    terms: IVerifiedMarket.Terms,
    shown: IVerifiedMarket.Shown,
    key: bytes32,
    targets: HiddenGroup,
    group: listing.Group,
    weights: DynArray[uint256, points.MOST_WEIGHT_WORDS],
):
    """
    @notice Fails a submission whose listing does not score what it says: in
            a group, in any sum above it, or in the claim.
    """
    count: uint256 = points.group_count(terms.rows, terms.bits)
    if listing.adds_up(
        group, targets.index, count, shown.listing_root, shown.score
    ):
        self._check_key(case, terms, key)
        assert points.weights_hash(weights) == terms.weights_hash, "BadWeights"
        leaf: bytes32 = hidden.targets_leaf(targets.index, targets.words)
        assert (
            merkle.data_root(leaf, targets.index, count, targets.proof)
            == terms.targets_root
        ), "BadTargets"
        each: uint256 = points.per_group(terms.bits)
        found: uint256 = points.of_group(
            points.Rule(
                kind=terms.points,
                bits=terms.bits,
                outputs=terms.outputs,
                cap=terms.cap,
                step=terms.step,
            ),
            min(each, terms.rows - targets.index * each),
            weights,
            hidden.targets(key, terms.nonce, targets.index, targets.words),
            group.words,
        )
        assert found != group.points, "NothingWrong"
    self._refute(case, terms, shown)


@external
def rerun(
    case: Case,
    terms: IVerifiedMarket.Terms,
    shown: IVerifiedMarket.Shown,
    key: bytes32,
    hidden_row: HiddenRow,
    group: listing.Group,
    base: DynArray[uint256, exact.MOST_BASE_WORDS],
    better: uint256,
    words: DynArray[uint256, exact.MOST_CALL_WORDS],
    proof: DynArray[bytes32, exact.MOST_PROOF],
):
    """
    @notice Fails a submission whose model does not predict what it listed for
            a row.
    @param better For classes, one whose output beats that of the listed one.
    @param words What is executed: `ensembles` and `dense` say in which order.
    @param proof The siblings of the units that are executed.
    """
    model: exact.Header = exact.check(shown.header, base, conditions.limits(terms))
    listed: uint256 = self._listed(terms, shown, hidden_row.index, group)
    is_class: bool = terms.outputs != 1
    # A class that there is not loses at once.
    if not is_class or listed < terms.outputs:
        row: uint256[hidden.MOST_ROW_WORDS] = self._row(case, terms, key, hidden_row)
        assert exact.base_hash(base) == shown.base_hash, "BadBase"
        low: uint256 = 0
        high: uint256 = 0
        if is_class:
            assert better < terms.outputs and better != listed, "NothingWrong"
            low = min(listed, better)
            high = max(listed, better)
        found: exact.Executed = empty(exact.Executed)
        if model.kind == exact.ENSEMBLE:
            found = ensembles.run(model, base, row, low, high, words)
        else:
            found = dense.run(model, base, row, low, high, words)
        root: bytes32 = exact.units_root(
            model.units, found.indices, found.hashes, proof
        )
        assert root == shown.units_root, "WrongModel"
        if is_class:
            # Of equal outputs the first one wins.
            is_beaten: bool = found.low > found.high
            if better > listed:
                is_beaten = found.high > found.low
            elif found.low == found.high:
                is_beaten = True
            assert is_beaten, "NothingWrong"
        else:
            most: int256 = convert((1 << terms.bits) - 1, int256)
            predicted: int256 = max(0, min(found.low, most))
            assert convert(predicted, uint256) != listed, "NothingWrong"
    self._refute(case, terms, shown)


# @dev --- what the entry points share ---


@internal
@view
def _check_key(case: Case, terms: IVerifiedMarket.Terms, key: bytes32):
    assert (
        hidden.key_hash(
            staticcall Market(case.market).chain_id(),
            case.market,
            case.requester,
            terms.nonce,
            key,
        )
        == terms.key_hash
    ), "WrongKey"


@internal
@view
def _row(
    case: Case, terms: IVerifiedMarket.Terms, key: bytes32, one: HiddenRow
) -> uint256[hidden.MOST_ROW_WORDS]:
    """
    @notice The codes of a row of the contest.
    """
    self._check_key(case, terms, key)
    leaf: bytes32 = hidden.row_leaf(one.index, one.words)
    assert (
        merkle.data_root(leaf, one.index, terms.rows, one.proof) == terms.rows_root
    ), "BadRow"
    return hidden.row(
        key, terms.nonce, one.index, terms.columns, terms.width, one.words
    )


@internal
@pure
def _listed(
    terms: IVerifiedMarket.Terms, shown: IVerifiedMarket.Shown, row: uint256, group: listing.Group
) -> uint256:
    """
    @notice What was listed for a row.
    """
    assert row < terms.rows, "BadIndex"
    each: uint256 = points.per_group(terms.bits)
    listing.adds_up(
        group,
        row // each,
        points.group_count(terms.rows, terms.bits),
        shown.listing_root,
        shown.score,
    )
    return points.lane(group.words, row % each, terms.bits)


@internal
def _refute(
    case: Case, terms: IVerifiedMarket.Terms, shown: IVerifiedMarket.Shown
):
    """
    @notice Tells the market, which checks that these are the terms and that
            this was shown: no reorganisation makes it mean something else.
    """
    extcall Market(case.market).refute(
        case.request_id,
        case.submission_id,
        case.requester,
        terms,
        shown,
        msg.sender,
    )
