# SPDX-License-Identifier: Apache-2.0
"""Attacks with a model: what it is, and what somebody says that it is.

Each is played through market, referee, clerk and coin, and ends in what was paid. The
same bytes are then sent against an honest candidate, who stands and is paid.
"""

from __future__ import annotations

from dataclasses import replace

import boa
import pytest

from verified import small_models as models
from verified.models import Inner, Leaf, Neuron
from verified.openings import path_words
from verified.published import (
    CLASSES,
    ROWS,
    Listing,
    another,
    hidden,
    of_rows,
    replaced,
)
from verified.trial import START, Candidate, Trial, alone, misread, newest_failure
from verified.world import (
    FAILED,
    STAKE,
    TIMED_OUT,
    World,
    base_hash,
    header_of,
)

LOW_224 = 2**224 - 1


# --- depth, features, lanes ---


def chain(*leaves: Leaf) -> Leaf | Inner:
    """A tree that asks the first code again and again; all rows go left."""
    *above, node = leaves
    found: Leaf | Inner = node
    for leaf in reversed(above):
        found = models.stump(0, 255, found, leaf)
    return found


def test_attack_over_depth__a_tree_deeper_than_its_header_says__adds_nothing(
    world: World,
) -> None:
    """What is below the greatest depth is not run. The liar lists as though it were."""
    deep = chain(*[models.lanes(0, 0, 0)] * 3, models.lanes(9, 0, 0))
    model = models.ensemble(deep, models.lanes(0, 5, 0), depth=2)
    assert of_rows(model) == (1,) * 5
    misread(
        world, model, of_rows(replace(model, header=replace(model.header, depth=3)))
    )


def test_attack_over_depth__a_path_below_the_cut_or_a_cut_above_it__convicts_nobody(
    world: World,
) -> None:
    """Someone runs an honest model to its last leaf, or not as deep as it is run."""
    deep = chain(*[models.lanes(0, 0, 0)] * 3, models.lanes(9, 0, 0))
    model = models.ensemble(deep, models.lanes(0, 5, 0), depth=2)
    trial, honest = alone(world, model, hidden(of_rows(model)))
    call = trial.rerun(honest, 0, 0)
    (deepest, below) = path_words(deep, ROWS[0], 32)
    leaf = [models.lanes(0, 5, 0).word]
    trial.is_refused(replace(call, words=[deepest << 248, *below, *leaf]), "BadPath")
    for depth in (0, 1):
        (short, words) = path_words(deep, ROWS[0], depth)
        cut = replace(call, words=[short << 248, *words, *leaf])
        trial.is_refused(cut, "BadPath")
    # A leaf that is said to be cut, and a cut that is said to be a leaf.
    way = call.words[1:-1]
    for words in (
        [130 << 248 | 130 << 240, *way, 0, 0, 0, 0],
        [2 << 248, way[0], *way[2:], *leaf],
    ):
        trial.is_refused(replace(call, words=words), "WrongModel")
    trial.is_refused(call, "NothingWrong")
    trial.stands_and_is_paid(honest)


@pytest.mark.parametrize("feature", [3, 31, 32, 255, 65_535])
def test_attack_a_feature_out_of_range__is_code_0__for_everybody(
    world: World, feature: int
) -> None:
    """A column that there is not reads 0, whatever stands in the padding of the row. The
    liar lists as though it read something."""
    told = hidden((0,) * 5, row_padding=2**256 - 1)
    left, right = models.lanes(9, 0, 0), models.lanes(0, 0, 9)
    model = models.ensemble(models.stump(feature, 0, left, right))
    assert of_rows(model) == (0,) * 5
    misread(world, model, (2,) * 5, told)


def test_attack_lanes_that_carry__into_the_next__carry_for_everybody(
    world: World,
) -> None:
    """Two leaves have a full lane, whose carry makes the output beside it greater. The
    liar lists as though each lane were added up alone."""
    model = models.ensemble(
        models.lanes(0, 65_535, 0), models.lanes(0, 2, 1), base=(1, 0, 0)
    )
    assert of_rows(model) == (0,) * 5  # 2, 1, 1 with the carry
    misread(world, model, (1,) * 5)


def test_attack_lanes_that_carry__out_of_the_first__are_lost(world: World) -> None:
    """What carries out of 224 bits is lost, as are bits above them in a leaf."""
    model = models.ensemble(
        models.lanes(65_535, 0, 0),
        Leaf(models.lanes(1, 0, 3).word | 2**256 - 2**224),
    )
    assert of_rows(model) == (2,) * 5
    misread(world, model, (0,) * 5)


@pytest.mark.parametrize("form", [0, 1, 2], ids=("16", "32", "64"))
def test_attack_values_at_the_end_of_what_fits__never_revert_for_or_against(
    world: World, form: int
) -> None:
    """The greatest lanes and the least base values: the chain can still convict, and
    does."""
    ends = (2**63 - 1, -(2**63), -1)
    if form == 2:
        most = [models.scalar(one) for one in (2**63 - 1, -(2**63), 2**63 - 1) * 2]
        model = models.ensemble(*most, base=ends, form=2, rounds=2)
    else:
        width = 16 << form
        leaf = models.lanes(*[2**width - 1] * 3, width=width)
        model = models.ensemble(leaf, leaf, base=ends, form=form)
    given = of_rows(model)
    misread(world, model, tuple((one + 1) % 3 for one in given))


# --- padding ---


def test_attack_padding_of_rows__is_masked_away__before_a_network_reads_it(
    world: World,
) -> None:
    """The key makes something of the padding of each row, and the network has weights
    there. The liar lists as though the padding were read."""
    wide = models.network(behind=100)
    told = hidden((0,) * 5, row_padding=2**256 - 1)
    padded = tuple((*codes, *[255] * 29) for codes in ROWS)
    header = replace(wide.header, columns=32)
    read = [models.predicted(replace(wide, header=header), row) for row in padded]
    assert of_rows(wide) == of_rows(models.network())
    misread(world, wide, read, told)


@pytest.mark.parametrize("behind", [-128, 127])
def test_attack_padding_of_weights__behind_the_last_input__counts_for_nobody(
    world: World, behind: int
) -> None:
    """A network has weights for inputs that there are not, in its second layer, too."""
    model = models.network(behind=behind)
    given = of_rows(model)
    misread(world, model, replaced(given, {2: another(CLASSES, given[2])}))


def test_attack_bits_above_a_bias__are_hashed_but_not_read(world: World) -> None:
    """A bias of 256 bits, of which 32 count: it does not overflow, and runs."""
    model = models.network()
    units = [
        replace(one, bias=one.bias | 2**256 - 2**32)
        for one in model.units
        if isinstance(one, Neuron)
    ]
    loud = replace(model, units=tuple(units))
    given = of_rows(loud)
    assert given == of_rows(model)
    misread(world, loud, replaced(given, {0: another(CLASSES, given[0])}))


# --- headers ---


HEADERS = {
    "magic": ({"magic": 1}, "BadHeader"),
    "low-bits": ({"rest": 1}, "BadHeader"),
    "kind": ({"kind": 2}, "BadKind"),
    "columns": ({"columns": 4}, "BadColumns"),
    "outputs": ({"outputs": 2}, "BadOutputs"),
    "width": ({"width": 16}, "BadWidth"),
    "no-units": ({"units": 0}, "BadUnits"),
    "units": ({"units": 1_025}, "BadUnits"),
    "part": ({"part": 3}, "BadPart"),
    "parts": ({"units": 17}, "BadPart"),
    "form": ({"form": 3}, "BadForm"),
    "depth": ({"depth": 33}, "BadDepth"),
    "rounds-without-scalars": ({"rounds": 4}, "BadRounds"),
    "no-rounds": ({"form": 2}, "BadRounds"),
    "rounds": ({"form": 2, "rounds": 4}, "BadRounds"),
    "a-network-of-trees": ({"kind": 1, "depth": 0, "part": 2}, "BadLayers"),
    "words": ({"units": 1_024, "part": 10}, "TooManyWords"),
}


@pytest.mark.parametrize("place", HEADERS)
def test_attack_a_header_that_contradicts_units_layers_or_terms__never_shows_and_fails(
    world: World, place: str
) -> None:
    """It cannot be shown, so its trainer misses its step, and the next is candidate."""
    changes, reason = HEADERS[place]
    header = header_of(**({"outputs": 3, "units": 4} | changes))
    model = models.forest()
    told = hidden(of_rows(model))
    trial = Trial(world, told)
    liar = trial.enter("ann", model)
    world.cancel(trial.contest, liar.entry)
    trial.candidates.clear()
    entry = world.submit(trial.contest, "ann", header=header, base=model.base)
    liar = Candidate(entry, model, Listing(told, told.targets))
    trial.candidates.append(liar)
    honest = trial.enter("bob", model)
    trial.close()
    with boa.reverts(reason):
        trial.show(liar)
    # Another header is not what was sealed.
    fit = replace(liar.entry, header=model.header.word)
    with boa.reverts("WrongSeal"):
        world.show(trial.contest, fit)
    fails_and_the_next_is_paid(trial, liar, honest)


def fails_and_the_next_is_paid(
    trial: Trial, liar: Candidate, honest: Candidate
) -> None:
    """Nothing is shown in time: all of the stake is slashed."""
    world = trial.world
    world.at(trial.ends)
    world.enforce(trial.contest)
    event = newest_failure(world.market)
    assert (event.reason, event.slashed, event.paid) == (TIMED_OUT, STAKE, 0)
    assert world.status(liar.entry) == FAILED
    trial.follows_and_is_paid(honest)
    assert world.balance("ann") == START - STAKE


LAYERS = {
    "of-other-inputs": (2 << 24 | 300 << 8 | 9, 2 << 24),
    "too-few": (3 << 24,),
    "too-many": (1 << 24 | 1 << 8 | 1, 2 << 24 | 1 << 8 | 1, 3 << 24),
    "no-neurons": (0, 2 << 24 | 300 << 8 | 9, 3 << 24),
    "no-factor": (2 << 24 | 9, 3 << 24),
    "no-shift": (2 << 24 | 300 << 8, 3 << 24),
    "too-great-a-shift": (2 << 24 | 300 << 8 | 32, 3 << 24),
    "none": (),
}


@pytest.mark.parametrize("place", LAYERS)
def test_attack_a_header_that_contradicts_its_layers__never_shows_and_fails(
    world: World, place: str
) -> None:
    """The neurons of all layers but the units of the header, or layers that nobody
    can run."""
    model = models.network()
    told = hidden(of_rows(model))
    trial = Trial(world, told)
    base = LAYERS[place]
    entry = world.submit(trial.contest, "ann", header=model.header.word, base=base)
    liar = Candidate(entry, model, Listing(told, told.targets))
    trial.candidates.append(liar)
    honest = trial.enter("bob", model)
    trial.close()
    with boa.reverts("BadLayers"):
        trial.show(liar)
    with boa.reverts("BadBase"):
        world.show(trial.contest, liar.entry, base=list(model.base))
    fit = (*trial.shown(liar)[:2], base_hash(list(model.base)), *trial.shown(liar)[3:])
    with boa.reverts("WrongSeal"):
        world.show(trial.contest, liar.entry, base=list(model.base), shown=fit)
    fails_and_the_next_is_paid(trial, liar, honest)
