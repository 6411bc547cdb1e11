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
def rerun_trees(
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
    @notice Fails a submission whose ensemble does not predict what it listed
            for a row.
    @param better For classes, one whose output beats that of the listed one.
    @param words Descriptors of the paths, 32 to a word; then the paths, each
           from its end up to the root.
    @param proof The siblings of the trees that are executed.
    @dev How long a path is, and how it ends, is said first and never by a
         value inside it: every word may be a leaf, and every hash a side.
         WARNING: `words` is handed to no other function, since a copy of it
         would cost more than most reruns.
    """
    model: exact.Header = self._model(terms, shown, base, exact.ENSEMBLE)
    listed: uint256 = self._listed(terms, shown, hidden_row.index, group)
    if terms.outputs == 1 or listed < terms.outputs:
        row: uint256[hidden.MOST_ROW_WORDS] = self._row(case, terms, key, hidden_row)
        low: uint256 = 0
        high: uint256 = 0
        low, high = self._compared(terms, listed, better)
        run: exact.Run = ensembles.run(model, low, high)
        is_scalar: bool = model.form == exact.SCALAR
        width: uint256 = model.width
        row_bits: uint256 = model.columns * width
        beside: uint256 = 256 - width
        lanes: uint256 = 0
        low_value: int256 = exact.base_value(base, low)
        high_value: int256 = exact.base_value(base, high)
        at: uint256 = (run.count + 31) >> 5
        descriptors: uint256 = 0
        begins: uint256[exact.MOST_UNIT_LEVELS + 1] = exact.siblings(model.units, run)
        tall: uint256 = merkle.levels(model.units)
        assert len(proof) == begins[tall], "BadProof"
        # Left sides of which the right ones are still to come, one for each level.
        waiting: bytes32[exact.MOST_UNIT_LEVELS] = empty(
            bytes32[exact.MOST_UNIT_LEVELS]
        )
        digest: bytes32 = empty(bytes32)
        index: uint256 = exact.index(run, 0)
        held: uint256 = 0  # a bit for each level at which a left side waits
        for i: uint256 in range(run.count, bound=exact.MOST_EXECUTED):
            if i & 31 == 0:
                descriptors = words[i >> 5]
            length: uint256 = (descriptors >> 248) & 127
            node: uint256 = 0
            if descriptors >> 255 == 0:
                assert length <= model.depth, "BadPath"
                leaf: uint256 = words[at]
                at = unsafe_add(at, 1)
                node = convert(keccak256(convert(leaf, bytes32)), uint256) >> 32
                if not is_scalar:
                    lanes = unsafe_add(lanes, leaf & exact.MASK224)
                elif i < run.split:
                    low_value += exact.signed64(leaf)
                else:
                    high_value += exact.signed64(leaf)
            else:
                assert length == model.depth, "BadPath"
                node = ensembles.inner(words[at], words[at + 1] & exact.MASK224)
                at = unsafe_add(at, 2)
            descriptors = descriptors << 8
            end: uint256 = unsafe_add(at, length)
            for step: uint256 in range(at, end, bound=exact.MOST_DEPTH):
                word: uint256 = words[step]
                # A column that there is not has code 0.
                code: uint256 = 0
                bit: uint256 = unsafe_mul(word >> 240, width)
                if bit < row_bits:
                    code = row[bit >> 8] << (bit & 255) >> beside
                if code <= (word >> 224) & 65_535:
                    node = (
                        convert(
                            keccak256(
                                abi_encode(
                                    (word & exact.ASKED) | node,
                                    word & exact.MASK224,
                                )
                            ),
                            uint256,
                        )
                        >> 32
                    )
                else:
                    node = convert(keccak256(abi_encode(word, node)), uint256) >> 32
            at = end
            digest = keccak256(abi_encode(exact.TREE, node))
            following: uint256 = max_value(uint256)
            if unsafe_add(i, 1) != run.count:
                following = exact.index(run, unsafe_add(i, 1))
            for level: uint256 in range(tall, bound=exact.MOST_UNIT_LEVELS):
                place: uint256 = index >> level
                if place & 1 == 0:
                    if following >> level == unsafe_add(place, 1):
                        waiting[level] = digest
                        held |= 1 << level
                        break
                    digest = merkle.unit_node(digest, proof[begins[level]])
                    begins[level] = unsafe_add(begins[level], 1)
                elif (held >> level) & 1 == 1:
                    digest = merkle.unit_node(waiting[level], digest)
                    held ^= 1 << level
                else:
                    digest = merkle.unit_node(proof[begins[level]], digest)
                    begins[level] = unsafe_add(begins[level], 1)
            index = following
        assert at == len(words), "BadLength"
        if not is_scalar:
            low_value += ensembles.lane(lanes, model.form, low)
            high_value += ensembles.lane(lanes, model.form, high)
        assert digest == shown.units_root, "WrongModel"
        self._check_beaten(terms, listed, better, low_value, high_value)
    self._refute(case, terms, shown)


@external
def rerun_dense(
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
    @notice Fails a submission whose linear model or network does not predict
            what it listed for a row.
    @param better For classes, one whose output beats that of the listed one.
    @param words Of each neuron, but for those of other outputs: its bias,
           then its weights.
    @param proof The siblings of the neurons that are executed.
    @dev WARNING: `words` is handed to no other function, as in `rerun_trees`.
    """
    model: exact.Header = self._model(terms, shown, base, exact.DENSE)
    listed: uint256 = self._listed(terms, shown, hidden_row.index, group)
    if terms.outputs == 1 or listed < terms.outputs:
        inputs: uint256[dense.MOST_INPUT_WORDS] = dense.inputs(
            self._row(case, terms, key, hidden_row)
        )
        low: uint256 = 0
        high: uint256 = 0
        low, high = self._compared(terms, listed, better)
        run: exact.Run = dense.run(model, low, high)
        low_value: int256 = 0
        high_value: int256 = 0
        at: uint256 = 0
        input_words: uint256 = (model.columns + 31) >> 5
        left: uint256 = len(base)
        begins: uint256[exact.MOST_UNIT_LEVELS + 1] = exact.siblings(model.units, run)
        tall: uint256 = merkle.levels(model.units)
        assert len(proof) == begins[tall], "BadProof"
        # Left sides of which the right ones are still to come, one for each level.
        waiting: bytes32[exact.MOST_UNIT_LEVELS] = empty(
            bytes32[exact.MOST_UNIT_LEVELS]
        )
        digest: bytes32 = empty(bytes32)
        index: uint256 = exact.index(run, 0)
        held: uint256 = 0  # a bit for each level at which a left side waits
        executed: uint256 = 0
        for layer_word: uint256 in base:
            layer: exact.Layer = exact.layer(layer_word)
            left -= 1
            offset: int256 = dense.offset(inputs, input_words)
            outputs: uint256[dense.MOST_INPUT_WORDS] = empty(
                uint256[dense.MOST_INPUT_WORDS]
            )
            for j: uint256 in range(layer.neurons, bound=exact.MOST_NEURONS):
                if left == 0 and j != low and j != high:
                    continue
                bias: uint256 = words[at]
                at = unsafe_add(at, 1)
                digest = keccak256(
                    abi_encode(exact.NEURON, bias, input_words)
                )
                total: uint256 = 0
                for i: uint256 in range(input_words, bound=dense.MOST_INPUT_WORDS):
                    weights: uint256 = words[at]
                    at = unsafe_add(at, 1)
                    digest = keccak256(abi_encode(digest, weights))
                    given: uint256 = inputs[i]
                    # The highest lane of a product of 8 by 8 lanes is the sum of
                    # 8 products: the groups of weights stand in reverse order.
                    total = unsafe_add(
                        total,
                        unsafe_add(
                            unsafe_add(
                                unsafe_mul(
                                    given & dense.EVERY_FOURTH,
                                    weights & dense.EVERY_FOURTH,
                                )
                                >> 224,
                                unsafe_mul(
                                    (given >> 8) & dense.EVERY_FOURTH,
                                    (weights >> 8) & dense.EVERY_FOURTH,
                                )
                                >> 224,
                            ),
                            unsafe_add(
                                unsafe_mul(
                                    (given >> 16) & dense.EVERY_FOURTH,
                                    (weights >> 16) & dense.EVERY_FOURTH,
                                )
                                >> 224,
                                unsafe_mul(
                                    (given >> 24) & dense.EVERY_FOURTH,
                                    (weights >> 24) & dense.EVERY_FOURTH,
                                )
                                >> 224,
                            ),
                        ),
                    )
                value: int256 = (
                    convert(total, int256) - offset + exact.signed32(bias)
                )
                executed = unsafe_add(executed, 1)
                following: uint256 = max_value(uint256)
                if executed != run.count:
                    following = exact.index(run, executed)
                for level: uint256 in range(tall, bound=exact.MOST_UNIT_LEVELS):
                    place: uint256 = index >> level
                    if place & 1 == 0:
                        if following >> level == unsafe_add(place, 1):
                            waiting[level] = digest
                            held |= 1 << level
                            break
                        digest = merkle.unit_node(digest, proof[begins[level]])
                        begins[level] = unsafe_add(begins[level], 1)
                    elif (held >> level) & 1 == 1:
                        digest = merkle.unit_node(waiting[level], digest)
                        held ^= 1 << level
                    else:
                        digest = merkle.unit_node(proof[begins[level]], digest)
                        begins[level] = unsafe_add(begins[level], 1)
                index = following
                if left != 0:
                    outputs[j >> 5] |= dense.activation(value, layer) << (
                        248 - ((j & 31) << 3)
                    )
                elif j == low:
                    low_value = value
                else:
                    high_value = value
            inputs = outputs
            input_words = (layer.neurons + 31) >> 5
        assert at == len(words), "BadLength"
        assert digest == shown.units_root, "WrongModel"
        self._check_beaten(terms, listed, better, low_value, high_value)
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
@pure
def _model(
    terms: IVerifiedMarket.Terms,
    shown: IVerifiedMarket.Shown,
    base: DynArray[uint256, exact.MOST_BASE_WORDS],
    kind: uint256,
) -> exact.Header:
    """
    @notice The header of what was shown.
    """
    model: exact.Header = exact.header(shown.header)
    assert model.kind == kind, "BadKind"
    assert exact.base_hash(base) == shown.base_hash, "BadBase"
    return model


@internal
@pure
def _compared(
    terms: IVerifiedMarket.Terms, listed: uint256, better: uint256
) -> (uint256, uint256):
    """
    @notice Which outputs decide, the lower one first; of a regression its only
            one twice.
    """
    if terms.outputs == 1:
        return 0, 0
    assert better < terms.outputs and better != listed, "NothingWrong"
    return min(listed, better), max(listed, better)


@internal
@pure
def _check_beaten(
    terms: IVerifiedMarket.Terms,
    listed: uint256,
    better: uint256,
    low: int256,
    high: int256,
):
    """
    @notice Reverts unless something else is predicted than was listed.
    @param low The lower output of both that decide; the only one.
    """
    if terms.outputs == 1:
        most: int256 = convert((1 << terms.bits) - 1, int256)
        predicted: int256 = max(0, min(low, most))
        assert convert(predicted, uint256) != listed, "NothingWrong"
    elif better > listed:
        assert high > low, "NothingWrong"
    else:
        # Of equal outputs the first one wins.
        assert low >= high, "NothingWrong"


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
