# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Clerk, who looks at what is handed in
@license Apache-2.0
@author The ModelMarket developers
@notice Terms are checked here before a contest opens. And whoever cannot
        fetch a shown model may demand it: then every part of it, and of its
        listing, has to be posted here, by anyone who has it. The clerk checks
        that the words are that part, and tells the market.
@dev Without state, money or owner. Every entry point has one large array,
     since handing such from contract to contract costs a copy at its bound.
"""


from interfaces import IVerifiedMarket

import conditions
import ensembles
import exact
import hidden
import listing
import merkle
import points


interface Market:
    def answered(
        submission_id: uint256,
        shown: IVerifiedMarket.Shown,
        part: uint256,
        of_listing: bool,
    ): nonpayable


# @dev What was demanded is on the chain now, for whoever reads no calldata.
#      WARNING: any contract may pass itself off as the market, even within the
#      transaction of a true answer: only what names the market that you mean counts.
event Posted:
    market: indexed(address)
    submission_id: indexed(uint256)
    part: uint256
    words: DynArray[uint256, exact.MOST_WORDS]


event PostedListing:
    market: indexed(address)
    submission_id: indexed(uint256)
    part: uint256
    words: DynArray[uint256, listing.PART_GROUPS * hidden.GROUP_WORDS]
    sums: DynArray[uint256, listing.PART_GROUPS]


@external
@view
def check_terms(
    terms: IVerifiedMarket.Terms,
    weights: DynArray[uint256, points.MOST_WEIGHT_WORDS],
) -> bool:
    """
    @notice True, or reverts with the reason for which terms are refused.
    """
    conditions.check(terms, weights)
    return True


@external
def answer_trees(
    market: address,
    submission_id: uint256,
    shown: IVerifiedMarket.Shown,
    part: uint256,
    words: DynArray[uint256, exact.MOST_WORDS],
    proof: DynArray[bytes32, exact.MOST_UNIT_LEVELS],
):
    """
    @notice Posts a part of a shown ensemble that was demanded.
    @param part Its index; there is none beyond the last.
    @param words Its trees, one after the other.
    """
    model: exact.Header = exact.header(shown.header)
    assert model.kind == exact.ENSEMBLE, "BadKind"
    begin: uint256 = part << model.part
    assert begin < model.units, "BadIndex"
    count: uint256 = min(1 << model.part, model.units - begin)
    units: DynArray[bytes32, exact.MOST_EXECUTED] = []
    at: uint256 = 0
    for _: uint256 in range(count, bound=exact.MOST_EXECUTED):
        symbols: uint256 = words[at]
        nodes: uint256 = symbols & 65_535
        symbols = (symbols >> 16) & 65_535
        bits_at: uint256 = at + 1
        nodes_at: uint256 = bits_at + (symbols + 255) // 256
        at = nodes_at + (nodes + 7) // 8
        # Inner nodes whose left side is not whole yet, or is.
        above: uint256[exact.MOST_DEPTH + 1] = empty(uint256[exact.MOST_DEPTH + 1])
        halves: uint256 = 0  # a bit for each height at which the left is whole
        height: uint256 = 0
        used: uint256 = 0
        bits: uint256 = 0
        asks: uint256 = 0
        node: uint256 = 0
        whole: bool = False
        for i: uint256 in range(symbols, bound=65_535):
            assert not whole, "BadTree"
            if i & 255 == 0:
                bits = words[bits_at]
                bits_at = unsafe_add(bits_at, 1)
            is_inner: bool = bits >> 255 == 1
            bits = bits << 1
            if is_inner:
                if used & 7 == 0:
                    asks = words[nodes_at]
                    nodes_at = unsafe_add(nodes_at, 1)
                used = unsafe_add(used, 1)
                ask: uint256 = asks >> 224
                asks = asks << 32
                if height != model.depth:
                    above[height] = ask
                    height = unsafe_add(height, 1)
                    continue
                node = ensembles.inner(
                    (ask << 224) | (words[at] & exact.MASK224),
                    words[at + 1] & exact.MASK224,
                )
                at += 2
            else:
                node = ensembles.leaf(words[at])
                at = unsafe_add(at, 1)
            whole = True
            for h: uint256 in range(exact.MOST_DEPTH + 1):
                if height == 0:
                    break
                height = unsafe_sub(height, 1)
                if halves & (1 << height) == 0:
                    above[height] = (above[height] << 224) | node
                    halves |= 1 << height
                    height = unsafe_add(height, 1)
                    whole = False
                    break
                halves ^= 1 << height
                node = ensembles.inner(above[height], node)
        assert whole and used == nodes, "BadTree"
        units.append(keccak256(abi_encode(exact.TREE, node)))
    assert at == len(words), "BadLength"
    self._check_part(model, part, units, proof, shown.units_root)
    extcall Market(market).answered(submission_id, shown, part, False)
    log Posted(
        market=market,
        submission_id=submission_id,
        part=part,
        words=words,
    )


@external
def answer_dense(
    market: address,
    submission_id: uint256,
    shown: IVerifiedMarket.Shown,
    base: DynArray[uint256, exact.MOST_BASE_WORDS],
    words: DynArray[uint256, exact.MOST_WORDS],
):
    """
    @notice Posts a shown linear model or network that was demanded.
    @param words Its neurons, one after the other.
    """
    model: exact.Header = exact.header(shown.header)
    assert model.kind == exact.DENSE, "BadKind"
    assert exact.base_hash(base) == shown.base_hash, "BadBase"
    units: DynArray[bytes32, exact.MOST_EXECUTED] = []
    at: uint256 = 0
    input_words: uint256 = (model.columns + 31) >> 5
    for word: uint256 in base:
        layer: exact.Layer = exact.layer(word)
        for j: uint256 in range(layer.neurons, bound=exact.MOST_NEURONS):
            digest: bytes32 = keccak256(
                abi_encode(exact.NEURON, words[at], input_words)
            )
            at = unsafe_add(at, 1)
            for k: uint256 in range(input_words, bound=32):
                digest = keccak256(abi_encode(digest, words[at]))
                at = unsafe_add(at, 1)
            units.append(digest)
        input_words = (layer.neurons + 31) >> 5
    assert at == len(words), "BadLength"
    self._check_part(model, 0, units, [], shown.units_root)
    extcall Market(market).answered(submission_id, shown, 0, False)
    log Posted(
        market=market, submission_id=submission_id, part=0, words=words
    )


@external
def answer_listing(
    market: address,
    submission_id: uint256,
    terms: IVerifiedMarket.Terms,
    shown: IVerifiedMarket.Shown,
    part: uint256,
    words: DynArray[uint256, listing.PART_GROUPS * hidden.GROUP_WORDS],
    sums: DynArray[uint256, listing.PART_GROUPS],
    proof: DynArray[listing.Step, listing.MOST_GROUP_LEVELS],
):
    """
    @notice Posts a part of a shown listing that was demanded: 64 groups.
    @param sums The points of each group.
    @param proof The path above the part.
    """
    count: uint256 = points.group_count(terms.rows, terms.bits)
    begin: uint256 = part * listing.PART_GROUPS
    assert begin < count, "BadIndex"
    groups: uint256 = min(listing.PART_GROUPS, count - begin)
    assert len(sums) == groups, "BadLength"
    assert len(words) == groups * hidden.GROUP_WORDS, "BadLength"
    nodes: listing.Node[listing.PART_GROUPS] = empty(
        listing.Node[listing.PART_GROUPS]
    )
    for i: uint256 in range(groups, bound=listing.PART_GROUPS):
        group: uint256[hidden.GROUP_WORDS] = empty(uint256[hidden.GROUP_WORDS])
        for j: uint256 in range(hidden.GROUP_WORDS):
            group[j] = words[i * hidden.GROUP_WORDS + j]
        nodes[i] = listing.Node(digest=listing.leaf(begin + i, group), sum=sums[i])
    tall: uint256 = min(listing.PART_LEVELS, merkle.levels(count))
    wide: uint256 = 1 << tall
    for _: uint256 in range(tall, bound=listing.PART_LEVELS):
        wide >>= 1
        for i: uint256 in range(wide, bound=listing.PART_GROUPS):
            nodes[i] = listing.Node(
                digest=listing.above(nodes[2 * i], nodes[2 * i + 1]),
                sum=nodes[2 * i].sum + nodes[2 * i + 1].sum,
            )
    assert listing.leads_up(
        nodes[0], part, count, tall, proof, shown.listing_root, shown.score
    ), "BadSums"
    extcall Market(market).answered(submission_id, shown, part, True)
    log PostedListing(
        market=market,
        submission_id=submission_id,
        part=part,
        words=words,
        sums=sums,
    )


# @dev --- what the entry points share ---


@internal
@pure
def _check_part(
    model: exact.Header,
    part: uint256,
    units: DynArray[bytes32, exact.MOST_EXECUTED],
    proof: DynArray[bytes32, exact.MOST_UNIT_LEVELS],
    root: bytes32,
):
    """
    @notice Reverts unless these units are that part of the model.
    """
    nodes: bytes32[exact.MOST_EXECUTED] = empty(bytes32[exact.MOST_EXECUTED])
    for i: uint256 in range(len(units), bound=exact.MOST_EXECUTED):
        nodes[i] = units[i]
    wide: uint256 = 1 << model.part
    for _: uint256 in range(model.part, bound=exact.MOST_PART_LOG):
        wide >>= 1
        for i: uint256 in range(wide, bound=exact.MOST_EXECUTED):
            nodes[i] = merkle.unit_node(nodes[2 * i], nodes[2 * i + 1])
    assert len(proof) == merkle.levels(model.units) - model.part, "BadProof"
    node: bytes32 = nodes[0]
    at: uint256 = part
    for sibling: bytes32 in proof:
        if at & 1 == 0:
            node = merkle.unit_node(node, sibling)
        else:
            node = merkle.unit_node(sibling, node)
        at >>= 1
    assert node == root, "WrongModel"
