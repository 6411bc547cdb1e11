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
        contest: bytes32,
    ): nonpayable


# @dev A tree that a part has room for has no more symbols than this.
MOST_SYMBOL_WORDS: constant(uint256) = 26

# @dev So many symbols are read at once: half a word, for END must have room behind
#      them. It looks like two more leaves and the inner node above them.
HALF: constant(uint256) = 128
HALF_MASK: constant(uint256) = 2**128 - 1
END: constant(uint256) = 4

# @dev On the way down so many inner nodes stand behind them: deeper than any may be.
BEYOND: constant(uint256) = 64

# @dev Beside its hash of 224 bits a node has a one for each level below it.
HEIGHT: constant(uint256) = (2**32 - 1) << 224
ONE: constant(uint256) = 1 << 224

# @dev No side, and too high for being taken for one.
NOTHING: constant(uint256) = HEIGHT


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
    # A part so high that its bits fall off would begin where a lower one does.
    assert part < model.units and begin < model.units, "BadIndex"
    count: uint256 = min(1 << model.part, model.units - begin)
    waiting: bytes32[exact.MOST_PART_LOG + 1] = empty(
        bytes32[exact.MOST_PART_LOG + 1]
    )
    cuts: uint256[2 * MOST_SYMBOL_WORDS] = empty(uint256[2 * MOST_SYMBOL_WORDS])
    rights: uint256[exact.MOST_DEPTH + 1] = empty(uint256[exact.MOST_DEPTH + 1])
    end: uint256 = 0
    for unit: uint256 in range(count, bound=exact.MOST_EXECUTED):
        symbols: uint256 = words[end]
        left: uint256 = symbols & 65_535  # inner nodes that are still to come
        symbols = (symbols >> 16) & 65_535
        symbols_at: uint256 = unsafe_add(end, 1)
        symbol_words: uint256 = unsafe_add(symbols, 255) >> 8
        asks_at: uint256 = unsafe_add(symbols_at, symbol_words)
        # A cut is followed by two words, as a node with two leaves would be: there
        # is always one more of them than there are inner nodes.
        end = unsafe_add(
            unsafe_add(asks_at, unsafe_add(left, 7) >> 3), unsafe_add(left, 1)
        )
        full: uint256 = unsafe_add(left << 1, 1)
        assert end <= len(words) and symbols <= full, "BadTree"
        halves: uint256 = unsafe_add(symbols, HALF - 1) >> 7
        many: uint256 = unsafe_add(unsafe_sub(symbols, 1) & (HALF - 1), 1)
        is_cut: bool = symbols != full
        if is_cut:
            # Depth is seen from above only, so those that are cut are marked first.
            # What is behind the last of them is not looked at: were it too deep, or no
            # tree, the way back would show it.
            cuts = empty(uint256[2 * MOST_SYMBOL_WORDS])
            unseen: uint256 = unsafe_sub(full, symbols) >> 1
            # Where the next node stands: a one, then a bit for each node above it,
            # which says whether a right side is still to come; and one more than that
            # number. So an inner node doubles it, and a leaf takes one off, and then
            # all zeros at its end: the nodes that are whole.
            place: uint256 = 2
            deepest: uint256 = 2 << model.depth
            for half: uint256 in range(halves, bound=2 * MOST_SYMBOL_WORDS):
                here: uint256 = HALF
                if unsafe_add(half, 1) == halves:
                    here = many
                ahead: uint256 = self._mirrored(
                    words[unsafe_add(symbols_at, half >> 1)] >> (
                        unsafe_sub(HALF, (half & 1) << 7)
                    )
                )
                ahead = (ahead & ((1 << here) - 1)) | (
                    (2**BEYOND - 1) << here
                )
                for _: uint256 in range(HALF + 1):
                    if ahead & 1 != 0:
                        # Inner nodes one below the other, and a leaf: two to the power
                        # of how many there are.
                        inner: uint256 = (ahead ^ max_value(uint256)) & unsafe_add(
                            ahead, 1
                        )
                        if unsafe_mul(place, inner) > deepest:
                            if inner > ahead:
                                # No leaf, but the end of these symbols.
                                inner >>= BEYOND
                                if unsafe_mul(place, inner) <= deepest:
                                    place = unsafe_mul(place, inner)
                                    break
                            for _level: uint256 in range(exact.MOST_DEPTH):
                                if place << 1 > deepest:
                                    break
                                place <<= 1
                                ahead >>= 1
                            # All below BEYOND is filled with ones, and so the highest
                            # bit found: seen from the end, the cut stands there.
                            filled: uint256 = ahead | (ahead >> BEYOND)
                            filled |= filled >> (2 * BEYOND)
                            cuts[half] |= unsafe_add(filled, 1) >> (BEYOND + 1)
                            unseen = unsafe_sub(unseen, 1)
                            if unseen == 0:
                                break
                            # From here on it is what a leaf is.
                            ahead = unsafe_sub(ahead, 1)
                        else:
                            place = unsafe_sub(unsafe_mul(place, inner), 1)
                            ahead = unsafe_div(ahead, inner << 1)
                    if ahead & 1 == 0:
                        place = unsafe_sub(place, 1)
                        place = unsafe_div(place, place & unsafe_sub(0, place))
                        ahead >>= 1
                if unseen == 0:
                    break
            assert unseen == 0, "BadTree"
        # Backwards, each inner node comes after both of its sides.
        at: uint256 = end
        asks: uint256 = 0
        if left & 7 != 0:
            asks = words[unsafe_add(asks_at, left >> 3)] >> (
                256 - ((left & 7) << 5)
            )
        node: uint256 = NOTHING
        right: uint256 = NOTHING
        kept: uint256 = 0  # of `rights`
        # One that is too high by one looks like one of the greatest height; but of both
        # sides there is room for every height, so the root is taken by itself.
        is_high: bool = model.depth == exact.MOST_DEPTH and symbols > 1
        for back: uint256 in range(halves, bound=2 * MOST_SYMBOL_WORDS):
            half: uint256 = unsafe_sub(unsafe_sub(halves, 1), back)
            from_here: uint256 = words[unsafe_add(symbols_at, half >> 1)] >> (
                unsafe_sub(unsafe_sub(256, (half & 1) << 7), many)
            )
            top: uint256 = 1 << many
            many = HALF
            if is_high:
                if half == 0:
                    top >>= 1
            marks: uint256 = 0
            if is_cut:
                marks = cuts[half]
            # From one cut to the next, for nothing is taken together with a cut.
            for _: uint256 in range(HALF + 1):
                stop: uint256 = top
                if marks != 0:
                    stop = marks & unsafe_sub(0, marks)
                bits: uint256 = (from_here & unsafe_sub(stop, 1)) | unsafe_mul(
                    stop, END
                )
                # A leaf is taken together with the inner node that comes within two
                # symbols: that saves a round or two, and what would be kept for as
                # long. An inner node that comes next is taken in the same round. Ways
                # to the left are leaves that are kept, and then as many inner nodes:
                # up to four of those, and two of these, are taken at once.
                for _round: uint256 in range(HALF + 1):
                    if bits & 1 == 0:
                        if bits & 6 == 0:
                            if bits & 15 == 0:
                                if bits & 63 == 0:
                                    bits >>= 4
                                    rights[kept] = node
                                    rights[unsafe_add(kept, 1)] = (
                                        convert(
                                            keccak256(
                                                convert(words[unsafe_sub(at, 1)], bytes32)
                                            ),
                                            uint256,
                                        )
                                        >> 32
                                    )
                                    rights[unsafe_add(kept, 2)] = (
                                        convert(
                                            keccak256(
                                                convert(words[unsafe_sub(at, 2)], bytes32)
                                            ),
                                            uint256,
                                        )
                                        >> 32
                                    )
                                    rights[unsafe_add(kept, 3)] = (
                                        convert(
                                            keccak256(
                                                convert(words[unsafe_sub(at, 3)], bytes32)
                                            ),
                                            uint256,
                                        )
                                        >> 32
                                    )
                                    kept = unsafe_add(kept, 4)
                                    at = unsafe_sub(at, 4)
                                else:
                                    bits >>= 2
                                    rights[kept] = node
                                    rights[unsafe_add(kept, 1)] = (
                                        convert(
                                            keccak256(
                                                convert(words[unsafe_sub(at, 1)], bytes32)
                                            ),
                                            uint256,
                                        )
                                        >> 32
                                    )
                                    kept = unsafe_add(kept, 2)
                                    at = unsafe_sub(at, 2)
                            else:
                                bits >>= 1
                                rights[kept] = node
                                kept = unsafe_add(kept, 1)
                                at = unsafe_sub(at, 1)
                            node = (
                                convert(
                                    keccak256(convert(words[at], bytes32)), uint256
                                )
                                >> 32
                            )
                            continue
                        if bits & 2 != 0:
                            if left & 7 == 0:
                                asks = words[
                                    unsafe_sub(unsafe_add(asks_at, left >> 3), 1)
                                ]
                            left = unsafe_sub(left, 1)
                            # Its left side is the leaf, its right side what came
                            # before.
                            bits >>= 2
                            at = unsafe_sub(at, 1)
                            node = (
                                ((node & HEIGHT) << 1)
                                | ONE
                                | (
                                    convert(
                                        keccak256(
                                            abi_encode(
                                                (asks << 224)
                                                | (
                                                    convert(
                                                        keccak256(
                                                            convert(words[at], bytes32)
                                                        ),
                                                        uint256,
                                                    )
                                                    >> 32
                                                ),
                                                node & exact.MASK224,
                                            )
                                        ),
                                        uint256,
                                    )
                                    >> 32
                                )
                            )
                        else:
                            if bits == END:
                                break
                            if left & 7 == 0:
                                asks = words[
                                    unsafe_sub(unsafe_add(asks_at, left >> 3), 1)
                                ]
                            left = unsafe_sub(left, 1)
                            # Both of its sides are leaves.
                            bits >>= 3
                            rights[kept] = node
                            kept = unsafe_add(kept, 1)
                            right = (
                                convert(
                                    keccak256(
                                        convert(words[unsafe_sub(at, 1)], bytes32)
                                    ),
                                    uint256,
                                )
                                >> 32
                            )
                            at = unsafe_sub(at, 2)
                            node = ONE | (
                                convert(
                                    keccak256(
                                        abi_encode(
                                            (asks << 224)
                                            | (
                                                convert(
                                                    keccak256(
                                                        convert(words[at], bytes32)
                                                    ),
                                                    uint256,
                                                )
                                                >> 32
                                            ),
                                            right,
                                        )
                                    ),
                                    uint256,
                                )
                                >> 32
                            )
                        asks >>= 32
                        if bits & 1 == 0:
                            continue
                    if bits & 3 == 3:
                        if left & 7 > 1:
                            # Of both, `asks` has what they ask.
                            bits >>= 2
                            kept = unsafe_sub(kept, 2)
                            left = unsafe_sub(left, 2)
                            right = rights[unsafe_add(kept, 1)]
                            node = (
                                (((node | right) & HEIGHT) << 1)
                                | ONE
                                | (
                                    convert(
                                        keccak256(
                                            abi_encode(
                                                (asks << 224) | (node & exact.MASK224),
                                                right & exact.MASK224,
                                            )
                                        ),
                                        uint256,
                                    )
                                    >> 32
                                )
                            )
                            right = rights[kept]
                            node = (
                                (((node | right) & HEIGHT) << 1)
                                | ONE
                                | (
                                    convert(
                                        keccak256(
                                            abi_encode(
                                                ((asks >> 32) << 224)
                                                | (node & exact.MASK224),
                                                right & exact.MASK224,
                                            )
                                        ),
                                        uint256,
                                    )
                                    >> 32
                                )
                            )
                            asks >>= 64
                            continue
                    bits >>= 1
                    kept = unsafe_sub(kept, 1)
                    right = rights[kept]
                    if left & 7 == 0:
                        asks = words[unsafe_sub(unsafe_add(asks_at, left >> 3), 1)]
                    left = unsafe_sub(left, 1)
                    node = (
                        (((node | right) & HEIGHT) << 1)
                        | ONE
                        | (
                            convert(
                                keccak256(
                                    abi_encode(
                                        (asks << 224) | (node & exact.MASK224),
                                        right & exact.MASK224,
                                    )
                                ),
                                uint256,
                            )
                            >> 32
                        )
                    )
                    asks >>= 32
                if marks == 0:
                    break
                rights[kept] = node
                kept = unsafe_add(kept, 1)
                if left & 7 == 0:
                    asks = words[unsafe_sub(unsafe_add(asks_at, left >> 3), 1)]
                left = unsafe_sub(left, 1)
                at = unsafe_sub(at, 2)
                node = ensembles.inner(
                    (asks << 224) | (words[at] & exact.MASK224),
                    words[unsafe_add(at, 1)] & exact.MASK224,
                )
                asks >>= 32
                stop <<= 1
                from_here = unsafe_div(from_here, stop)
                top = unsafe_div(top, stop)
                marks = unsafe_div(marks, stop)
        if is_high:
            assert words[symbols_at] >> 255 == 1, "BadTree"
            kept = unsafe_sub(kept, 1)
            right = rights[kept]
            assert (node | right) >> 224 < 1 << (exact.MOST_DEPTH - 1), "BadTree"
            if left & 7 == 0:
                asks = words[unsafe_sub(unsafe_add(asks_at, left >> 3), 1)]
            left = unsafe_sub(left, 1)
            node = ensembles.inner(
                (asks << 224) | (node & exact.MASK224), right & exact.MASK224
            )
        # WARNING: more than one tree would leave what was made of nothing below the
        # first of them, which alone would count.
        assert kept == 1 and rights[0] == NOTHING and left == 0, "BadTree"
        assert node >> 224 < 1 << model.depth, "BadTree"
        digest: bytes32 = keccak256(abi_encode(exact.TREE, node & exact.MASK224))
        for level: uint256 in range(exact.MOST_PART_LOG + 1):
            if (unit >> level) & 1 == 0:
                waiting[level] = digest
                break
            digest = merkle.unit_node(waiting[level], digest)
    assert end == len(words), "BadLength"
    self._check_part(model, part, count, waiting, proof, shown.units_root)
    extcall Market(market).answered(submission_id, shown, part, empty(bytes32))
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
    waiting: bytes32[exact.MOST_PART_LOG + 1] = empty(
        bytes32[exact.MOST_PART_LOG + 1]
    )
    unit: uint256 = 0
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
            for level: uint256 in range(exact.MOST_PART_LOG + 1):
                if (unit >> level) & 1 == 0:
                    waiting[level] = digest
                    break
                digest = merkle.unit_node(waiting[level], digest)
            unit += 1
        input_words = (layer.neurons + 31) >> 5
    assert at == len(words), "BadLength"
    self._check_part(model, 0, unit, waiting, [], shown.units_root)
    extcall Market(market).answered(submission_id, shown, 0, empty(bytes32))
    log Posted(
        market=market, submission_id=submission_id, part=0, words=words
    )


@external
def answer_listing(
    market: address,
    submission_id: uint256,
    requester: address,
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
    @dev WARNING: rows and bits give the tree its shape, so the market must know
         these terms for the contest's. By others a listing could be posted that
         no challenge can come to.
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
    extcall Market(market).answered(
        submission_id, shown, part, conditions.contest_hash(requester, terms)
    )
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
def _mirrored(bits: uint256) -> uint256:
    """
    @notice The low 128 bits the other way round; what is above them means nothing.
    """
    found: uint256 = bits
    mask: uint256 = HALF_MASK
    for i: uint256 in range(7):
        by: uint256 = 64 >> i
        mask ^= mask << by
        found = ((found >> by) & mask) | ((found & mask) << by)
    return found


@internal
@pure
def _check_part(
    model: exact.Header,
    part: uint256,
    count: uint256,
    waiting: bytes32[exact.MOST_PART_LOG + 1],
    proof: DynArray[bytes32, exact.MOST_UNIT_LEVELS],
    root: bytes32,
):
    """
    @notice Reverts unless these units are that part of the model.
    @param count Of the units.
    @param waiting For each one in the binary digits of `count`, the node above
           so many units.
    @dev WARNING: whatever stands beyond the last unit is padding, in this part and
         above it. A word of the sealer's own would be in no part, and whoever has
         read all parts could still prove nothing.
    """
    node: bytes32 = empty(bytes32)
    padding: bytes32 = empty(bytes32)
    for level: uint256 in range(model.part, bound=exact.MOST_PART_LOG):
        if (count >> level) & 1 == 1:
            node = merkle.unit_node(waiting[level], node)
        else:
            node = merkle.unit_node(node, padding)
        padding = merkle.unit_node(padding, padding)
    if count == 1 << model.part:
        node = waiting[model.part]
    assert len(proof) == merkle.levels(model.units) - model.part, "BadProof"
    at: uint256 = part
    level: uint256 = model.part
    for sibling: bytes32 in proof:
        if at & 1 == 0:
            if (at + 1) << level >= model.units:
                assert sibling == padding, "BadPadding"
            node = merkle.unit_node(node, sibling)
        else:
            node = merkle.unit_node(sibling, node)
        padding = merkle.unit_node(padding, padding)
        at >>= 1
        level += 1
    assert node == root, "WrongModel"
