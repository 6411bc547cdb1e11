# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Exact models: their header, and what the chain can execute
@license Apache-2.0
@author The ModelMarket developers
@notice An exact model is integers alone, so that everybody who runs it gets
        the same to the last bit. Its header says what it is; everything that
        could keep the chain from executing it on a row is refused there.
@dev Stateless. The same rules in Python: `modelmarket.models`.
"""


import merkle


MODEL: constant(bytes32) = keccak256("ModelMarket model 1")
TREE: constant(bytes32) = keccak256("ModelMarket tree 1")
NEURON: constant(bytes32) = keccak256("ModelMarket neuron 1")

MAGIC: constant(uint256) = 1_296_914_481  # "MMX1"

# @dev The kinds of models.
ENSEMBLE: constant(uint256) = 0
DENSE: constant(uint256) = 1

# @dev The forms of leaves.
LANES_OF_16: constant(uint256) = 0
LANES_OF_32: constant(uint256) = 1
SCALAR: constant(uint256) = 2

MOST_DEPTH: constant(uint256) = 32
MOST_EXECUTED: constant(uint256) = 1_024  # units on one row
MOST_NEURONS: constant(uint256) = 1_024  # of a layer
MOST_LAYERS: constant(uint256) = 8
MOST_PART_LOG: constant(uint256) = 10
MOST_WORDS: constant(uint256) = 3_328  # of a part, or executed on one row
MOST_BASE_WORDS: constant(uint256) = 64
MOST_UNIT_LEVELS: constant(uint256) = 18

# @dev Of a call that executes a row: with descriptors, and siblings.
MOST_CALL_WORDS: constant(uint256) = 3_360
MOST_PROOF: constant(uint256) = 128

MASK224: constant(uint256) = 2**224 - 1

# @dev Feature and threshold of an inner node's word.
ASKED: constant(uint256) = (2**32 - 1) << 224


struct Header:
    kind: uint256
    form: uint256
    columns: uint256
    outputs: uint256
    units: uint256
    rounds: uint256
    depth: uint256
    part: uint256  # log2 of the units of a part
    width: uint256


# @dev What the terms say about models.
struct Limits:
    columns: uint256
    outputs: uint256
    width: uint256
    units: uint256
    words: uint256
    parts: uint256


# @dev Which units were executed: at most two runs of them, or of the second two
# alone. Their hashes stand one after the other.
struct Run:
    count: uint256  # of all
    first: uint256  # the index of the first run's
    split: uint256  # how many are of the first run
    second: uint256  # the index of the second run's
    last: uint256  # the greatest index


struct Layer:
    neurons: uint256
    mul: uint256
    shift: uint256


@internal
@pure
def header(word: uint256) -> Header:
    """
    @notice The fields of a header.
    """
    return Header(
        kind=(word >> 216) & 255,
        form=(word >> 208) & 255,
        columns=(word >> 192) & 65_535,
        outputs=(word >> 176) & 65_535,
        units=(word >> 144) & (2**32 - 1),
        rounds=(word >> 128) & 65_535,
        depth=(word >> 120) & 255,
        part=(word >> 112) & 255,
        width=(word >> 104) & 255,
    )


@internal
@pure
def layer(word: uint256) -> Layer:
    """
    @notice A layer of a dense model.
    """
    return Layer(
        neurons=(word >> 24) & 65_535, mul=(word >> 8) & 65_535, shift=word & 255
    )


@internal
@pure
def model_root(
    header_word: uint256, base_hash: bytes32, units_root: bytes32
) -> bytes32:
    """
    @notice What commits to a model.
    """
    return keccak256(abi_encode(MODEL, header_word, base_hash, units_root))


@internal
@pure
def base_hash(base: DynArray[uint256, MOST_BASE_WORDS]) -> bytes32:
    """
    @notice The hash of the base words, joined.
    """
    return keccak256(slice(abi_encode(base), 64, len(base) * 32))


@internal
@pure
def first_with_trees(model: Header) -> uint256:
    """
    @notice The first output that trees with scalar leaves add to: all but
            output 0 may have trees of their own.
    """
    return model.outputs - model.units // model.rounds


@internal
@pure
def parts(model: Header) -> uint256:
    """
    @notice How many parts a model has.
    """
    return (model.units + (1 << model.part) - 1) >> model.part


@internal
@pure
def check(
    word: uint256, base: DynArray[uint256, MOST_BASE_WORDS], limits: Limits
) -> Header:
    """
    @notice Refuses whatever the chain could not execute on every row.
    @return The fields of the header.
    """
    model: Header = self.header(word)
    assert word >> 224 == MAGIC and word & (2**104 - 1) == 0, "BadHeader"
    assert model.columns == limits.columns, "BadColumns"
    assert model.outputs == limits.outputs, "BadOutputs"
    assert model.width == limits.width, "BadWidth"
    assert 0 < model.units and model.units <= limits.units, "BadUnits"
    tall: uint256 = merkle.levels(model.units)
    assert tall <= MOST_UNIT_LEVELS, "BadUnits"
    assert model.part <= min(MOST_PART_LOG, tall), "BadPart"
    assert self.parts(model) <= limits.parts, "BadPart"
    if model.kind == ENSEMBLE:
        self._check_ensemble(model, len(base), limits.words)
    else:
        assert model.kind == DENSE, "BadKind"
        assert model.part == tall, "BadPart"
        self._check_dense(model, base, limits.words)
    return model


@internal
@pure
def _check_ensemble(model: Header, base_words: uint256, most_words: uint256):
    assert model.form <= SCALAR, "BadForm"
    assert model.depth <= MOST_DEPTH, "BadDepth"
    assert base_words == (model.outputs + 3) // 4, "BadBase"
    executed: uint256 = model.units
    if model.form == SCALAR:
        assert model.rounds != 0 and model.units % model.rounds == 0, "BadRounds"
        grown: uint256 = model.units // model.rounds
        assert grown == model.outputs or grown + 1 == model.outputs, "BadRounds"
        if model.outputs != 1:
            executed = model.rounds * min(2, grown)
    else:
        assert model.rounds == 0, "BadRounds"
        most: uint256 = 14
        if model.form == LANES_OF_32:
            most = 7
        assert model.outputs <= most, "BadForm"
    assert executed <= MOST_EXECUTED, "TooManyUnits"
    # A cut takes one word more than a leaf.
    assert executed * (model.depth + 2) <= most_words, "TooManyWords"


@internal
@pure
def _check_dense(
    model: Header, base: DynArray[uint256, MOST_BASE_WORDS], most_words: uint256
):
    assert model.form == 0 and model.rounds == 0 and model.depth == 0, "BadForm"
    assert model.width == 8, "BadWidth"
    assert 0 < len(base) and len(base) <= MOST_LAYERS, "BadLayers"
    inputs: uint256 = model.columns
    units: uint256 = 0
    words: uint256 = 0
    left: uint256 = len(base)
    for word: uint256 in base:
        one: Layer = self.layer(word)
        assert 0 < one.neurons and one.neurons <= MOST_NEURONS, "BadLayers"
        left -= 1
        if left != 0:
            assert 0 < one.mul and 0 < one.shift and one.shift <= 31, "BadLayers"
        units += one.neurons
        words += one.neurons * (1 + (inputs + 31) // 32)
        inputs = one.neurons
    assert inputs == model.outputs, "BadLayers"
    assert units == model.units, "BadLayers"
    assert words <= most_words, "TooManyWords"


@internal
@pure
def base_value(
    base: DynArray[uint256, MOST_BASE_WORDS], output: uint256
) -> int256:
    """
    @notice What an output of an ensemble begins with.
    """
    return self.signed64(base[output >> 2] >> (192 - ((output & 3) << 6)))


@internal
@pure
def signed64(word: uint256) -> int256:
    """
    @notice The low 64 bits of a word, as a signed number.
    """
    low: uint256 = word & (2**64 - 1)
    if low >= 2**63:
        return convert(low, int256) - 2**64
    return convert(low, int256)


@internal
@pure
def signed32(word: uint256) -> int256:
    """
    @notice The low 32 bits of a word, as a signed number.
    """
    low: uint256 = word & (2**32 - 1)
    if low >= 2**31:
        return convert(low, int256) - 2**32
    return convert(low, int256)


@internal
@pure
def index(run: Run, i: uint256) -> uint256:
    """
    @notice The index of one of the units that were executed.
    """
    if unsafe_add(i, 1) == run.count:
        return run.last
    if i < run.split:
        return unsafe_add(run.first, i)
    return unsafe_sub(unsafe_add(run.second, i), run.split)


@internal
@pure
def siblings(units: uint256, run: Run) -> uint256[MOST_UNIT_LEVELS + 1]:
    """
    @notice Where the siblings of each level begin in the proof of a run; what
            stands behind the last level is how many there are of all.
    @dev Siblings are those of nodes which the run leads to alone. Where the
         tree ends they are taken from the proof too: they are what the root
         says they are.
    """
    begins: uint256[MOST_UNIT_LEVELS + 1] = empty(uint256[MOST_UNIT_LEVELS + 1])
    total: uint256 = 0
    nodes: uint256 = run.count
    for level: uint256 in range(merkle.levels(units), bound=MOST_UNIT_LEVELS):
        begins[level] = total
        above: uint256 = self._nodes(run, level + 1)
        total += 2 * above - nodes
        nodes = above
        begins[level + 1] = total
    return begins


@internal
@pure
def _nodes(run: Run, level: uint256) -> uint256:
    """
    @notice How many nodes of a level a run leads to.
    """
    found: uint256 = 0
    free: uint256 = 0  # the first node that is not counted yet
    if run.split != 0:
        free = ((run.first + run.split - 1) >> level) + 1
        found = free - (run.first >> level)
    if run.count > run.split + 1:
        begin: uint256 = max(run.second >> level, free)
        end: uint256 = ((run.second + run.count - run.split - 2) >> level) + 1
        if end > begin:
            found += end - begin
            free = end
    if run.last >> level >= free:
        found += 1
    return found
