# SPDX-License-Identifier: Apache-2.0
"""The reference's verdicts: which headers are refused, and what convicts."""

from __future__ import annotations

from collections.abc import Sequence

from verified.data import Terms, group_points
from verified.models import (
    DENSE,
    ENSEMBLE,
    MAGIC,
    Header,
    Layer,
    Model,
    clamped,
    read_header,
    read_layer,
    some_outputs,
    weight_words,
)
from verified.openings import judged_outputs
from verified.trees import (
    MODULUS,
    Pair,
    SumPath,
    UnprovenError,
    levels,
    listed_leaf,
    sum_node,
    sum_path_root,
)

MOST_WORDS = 3_328
MOST_TREES = 1_024
MOST_NEURONS = 1_024
MOST_LAYERS = 8
MOST_PARTS = 256

# Headers


def check_header(word: int, base: Sequence[int], terms: Terms) -> str:
    """The first reason to refuse a header with its base words; empty if there is none."""
    header = read_header(word)
    if header.magic != MAGIC:
        return "magic"
    if header.rest != 0:
        return "rest"
    if header.kind not in {ENSEMBLE, DENSE}:
        return "kind"
    if header.columns != terms.columns:
        return "columns"
    if header.outputs != terms.outputs:
        return "outputs"
    if header.width != terms.width:
        return "width"
    if not 1 <= header.units <= terms.most_units:
        return "units"
    is_dense = header.kind == DENSE
    fault = _dense_fault(header, base) if is_dense else _ensemble_fault(header, base)
    return fault or _part_fault(header, terms)


def _ensemble_fault(header: Header, base: Sequence[int]) -> str:
    if header.form > 2:
        return "form"
    if header.outputs > {0: 14, 1: 7, 2: header.outputs}[header.form]:
        return "lanes"
    if header.form == 2:
        full = header.rounds * header.outputs
        if header.units not in {full, full - header.rounds}:
            return "rounds"
    elif header.rounds != 0:
        return "rounds"
    if header.depth > 32:
        return "depth"
    executed = most_executed(header)
    if executed > MOST_TREES:
        return "executed"
    if executed * (header.depth + 2) > MOST_WORDS:
        return "words"
    if len(base) != -(-header.outputs // 4):
        return "base"
    return ""


def most_executed(header: Header) -> int:
    """The most trees of an ensemble that a rerun runs."""
    if header.form == 2 and header.outputs >= 2:
        return header.rounds * min(2, header.units // header.rounds)
    return header.units


def _dense_fault(header: Header, base: Sequence[int]) -> str:
    if header.form != 0:
        return "form"
    if header.rounds != 0:
        return "rounds"
    if header.depth != 0:
        return "depth"
    if header.width != 8:
        return "width"
    return _layers_fault(header, base)


def _layers_fault(header: Header, base: Sequence[int]) -> str:
    if not 1 <= len(base) <= MOST_LAYERS:
        return "layers"
    layers = [read_layer(word) for word in base]
    if not all(1 <= layer.neurons <= MOST_NEURONS for layer in layers):
        return "neurons"
    if layers[-1].neurons != header.outputs:
        return "last"
    if sum(layer.neurons for layer in layers) != header.units:
        return "sum"
    if not all(layer.mul >= 1 for layer in layers[:-1]):
        return "mul"
    if not all(1 <= layer.shift <= 31 for layer in layers[:-1]):
        return "shift"
    if words_of_neurons(header, layers) > MOST_WORDS:
        return "words"
    return "" if header.part == levels(header.units) else "part"


def words_of_neurons(header: Header, layers: Sequence[Layer]) -> int:
    """How many words all neurons of a dense model have."""
    found, inputs = 0, header.columns
    for layer in layers:
        found += layer.neurons * (1 + weight_words(inputs))
        inputs = layer.neurons
    return found


def _part_fault(header: Header, terms: Terms) -> str:
    if header.part > min(10, levels(header.units)):
        return "part"
    parts = -(-header.units // (1 << header.part))
    if parts > min(terms.most_parts, MOST_PARTS):
        return "parts"
    return ""


# Reruns


def compared(terms: Terms, listed: int, c: int) -> list[int]:
    """The outputs that a rerun must show, in order."""
    if not terms.is_of_classes:
        return [0]
    return sorted({one for one in (listed, c) if one < terms.outputs})


def _convicts(terms: Terms, outputs: dict[int, int], listed: int, c: int) -> bool:
    if not terms.is_of_classes:
        return clamped(outputs[0], terms.bits) != listed
    return outputs[c] > outputs[listed] or (
        outputs[c] == outputs[listed] and c < listed
    )


def rerun(
    terms: Terms, model: Model, codes: Sequence[int], listed: int, c: int
) -> bool:
    """Whether running a model on a row convicts whoever listed a prediction.

    Args:
        terms: The contest's.
        model: The model committed to.
        codes: The row.
        listed: The prediction listed.
        c: The class said to be better; a regression has none.

    Raises:
        ConcealedError: What would have to be run is not known.
    """
    if terms.is_of_classes and c >= terms.outputs:
        return False
    if terms.is_of_classes and listed >= terms.outputs:
        return True
    outputs = some_outputs(model, codes, compared(terms, listed, c))
    return _convicts(terms, outputs, listed, c)


def rerun_judged(
    terms: Terms,
    header: Header,
    base: Sequence[int],
    units_root: int,
    codes: Sequence[int],
    listed: int,
    c: int,
    words: Sequence[int],
) -> bool:
    """Whether the words of a rerun convict, from nothing but what is committed to.

    The words of a listed class that does not exist are not looked at.

    Raises:
        MalformedError: The words have not the form of a rerun.
        UnprovenError: They are words of another model.
    """
    if terms.is_of_classes and c >= terms.outputs:
        return False
    if terms.is_of_classes and listed >= terms.outputs:
        return True
    chosen = compared(terms, listed, c)
    outputs = judged_outputs(header, base, units_root, codes, chosen, words)
    return _convicts(terms, outputs, listed, c)


# Recounts


def recount(
    terms: Terms,
    listing_root: int,
    claim: int,
    group: int,
    listed: Sequence[int],
    path: SumPath,
    targets: Sequence[int],
) -> bool:
    """Whether recounting a group of a listing convicts.

    Args:
        terms: The contest's.
        listing_root: What the listing's tree is committed to by.
        claim: The score claimed.
        group: Which group.
        listed: Its 8 words in the listing.
        path: Its way up to the claim.
        targets: Its 8 words of targets, in the clear.

    Raises:
        UnprovenError: This is no way of the listing, or ends in another claim.
    """
    leaf = listed_leaf(group, listed)
    if sum_path_root(leaf, group, terms.groups, path) != listing_root:
        raise UnprovenError("this is another listing")
    # No hash holds the uppermost sum: whoever recounts could state what they like.
    if path.sums[-1] != claim:
        raise UnprovenError("this is another claim")
    if group_points(terms, group, targets, listed) != path.sums[0]:
        return True
    nothing: Pair = (0, 0)
    for level, beside in enumerate(path.siblings):
        if (path.sums[level] + beside[1]) % MODULUS != path.sums[level + 1]:
            return True
        first_beside = ((group >> level) ^ 1) << level
        if first_beside >= terms.groups and beside != nothing:
            return True
        nothing = (sum_node(nothing, nothing), 0)
    return False
