# SPDX-License-Identifier: Apache-2.0
"""Attacks with units, trees and neurons: others than were sealed, or none that are known.

Each is played through market, referee, clerk and coin, and ends in what was paid. The
same bytes are then sent against an honest candidate, who stands and is paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import boa
import pytest

from verified import small_models as models
from verified.models import Hidden as HiddenSide
from verified.models import Inner, Leaf, Model, Unit
from verified.openings import path_words
from verified.published import (
    CLASSES,
    ROWS,
    Listing,
    all_bytes,
    another,
    hidden,
    of_rows,
)
from verified.trees import keccak, multiproof, tree, unit_node
from verified.trial import (
    START,
    AnswerTrees,
    Call,
    Candidate,
    Trial,
    alone,
    duel,
    misread,
    newest_failure,
)
from verified.world import (
    BOND,
    CHALLENGE,
    FULFILLED,
    REFUNDED,
    REWARD,
    STAKE,
    WITHHELD,
    World,
)

# --- units ---


def paths(model: Model, row: tuple[int, ...], units: Sequence[int]) -> list[int]:
    """The words of these trees, in this order."""
    descriptors, words = 0, []
    for at, unit in enumerate(units):
        tree = model.units[unit]
        assert isinstance(tree, Leaf | Inner)
        descriptor, way = path_words(tree, row, model.header.depth)
        descriptors |= descriptor << (248 - 8 * at)
        words += way
    return [descriptors, *words]


UNITS = {
    "in-another-order": ((0, 2, 1, 3), "WrongModel"),
    "counted-twice": ((0, 0, 2, 3), "WrongModel"),
    "once-more": ((0, 1, 2, 3, 3), "BadLength"),
}


@pytest.mark.parametrize("place", UNITS)
def test_attack_units_in_another_order_or_counted_twice__convict_nobody(
    world: World, place: str
) -> None:
    """Against an honest candidate the trees are handed in otherwise than sealed."""
    model = models.forest()
    trial, honest = alone(world, model, hidden(of_rows(model)))
    units, reason = UNITS[place]
    given = honest.listing.predictions
    for row in range(5):
        call = trial.rerun(honest, row, another(CLASSES, given[row]))
        assert call.words == paths(model, ROWS[row], range(4))
        told = replace(call, words=paths(model, ROWS[row], units))
        trial.is_refused(told, reason)
        trial.is_refused(call, "NothingWrong")
    trial.stands_and_is_paid(honest)


def test_attack_units_left_out__with_whatever_siblings__convict_nobody(
    world: World,
) -> None:
    """Three of four trees are handed in, and the fourth as a hash; or none at all."""
    model = models.forest()
    trial, honest = alone(world, model, hidden(of_rows(model)))
    call = trial.rerun(honest, 0, 0)
    short = paths(model, ROWS[0], (0, 1, 2))
    for proof in ([], all_bytes(multiproof(model.unit_hashes, (0, 1, 2)))):
        # The word behind the last is read as nothing, and there is none.
        trial.is_refused(replace(call, words=short, proof=proof), "")
        trial.is_refused(replace(call, words=[], proof=proof), "")
        trial.is_refused(replace(call, words=[0], proof=proof), "")
    empty = replace(call, words=[*short, 0])
    trial.is_refused(empty, "WrongModel")
    trial.is_refused(replace(call, proof=[bytes(32)]), "BadProof")
    trial.stands_and_is_paid(honest)


@pytest.mark.parametrize(
    "order",
    [(4, 5, 2, 3, 0, 1), (0, 2, 1, 3, 4, 5), (2, 2, 2, 2, 2, 2)],
    ids=("of-outputs", "of-trees", "one-for-all"),
)
def test_attack_units_in_another_order__scored_by_the_liar__cost_the_stake(
    world: World, order: tuple[int, ...]
) -> None:
    """Trees with scalar leaves add to an output by their place. The liar lists what
    they would give in another one, or what one would give that is counted again."""
    model = models.scalars()
    ordered = tuple(model.units[at] for at in order)
    misread(world, model, of_rows(replace(model, units=ordered)))


def test_attack_units_left_out__by_the_liar_that_scores_fewer__cost_the_stake(
    world: World,
) -> None:
    """The liar lists what its model would give without the last tree."""
    model = models.forest(last=models.lanes(0, 0, 60))
    misread(world, model, of_rows(models.ensemble(*model.units[:3])))


def test_attack_the_trees_of_other_outputs__than_the_two_compared__convict_nobody(
    world: World,
) -> None:
    """Of scalar trees those of two outputs are run: those of a third do not pass."""
    model = models.scalars()
    trial, honest = alone(world, model, hidden(of_rows(model)))
    listed = honest.listing.predictions[2]
    assert listed == 2
    call = trial.rerun(honest, 2, 0)
    assert call.words == paths(model, ROWS[2], (0, 1, 4, 5))
    for units in ((2, 3, 4, 5), (0, 1, 2, 3), (4, 5, 0, 1)):
        told = replace(call, words=paths(model, ROWS[2], units))
        trial.is_refused(told, "WrongModel")
        proof = all_bytes(multiproof(model.unit_hashes, units))
        trial.is_refused(replace(told, proof=proof), "")
    trial.is_refused(replace(call, better=2), "NothingWrong")
    trial.stands_and_is_paid(honest)


def test_attack_a_unit_of_another_model__in_a_challenge_or_an_answer__does_nothing(
    world: World,
) -> None:
    """The runner-up's tree stands in place of one of the candidate's; so does the
    runner-up's whole model, and its parts."""
    model, other = models.forest(), models.forest(last=models.lanes(0, 0, 60))
    told = hidden(of_rows(model))
    trial = Trial(world, told)
    honest, rival = trial.enter("bob", model), trial.enter("cid", other)
    trial.close()
    trial.show(honest)
    given = told.targets
    for row in range(5):
        better = 2 if given[row] != 2 else 0
        call = trial.rerun(honest, row, better)
        foreign = paths(other, ROWS[row], range(4))
        trial.is_refused(replace(call, words=foreign), "WrongModel")
    whole = replace(call, shown=trial.shown(rival), words=foreign)
    for one in (whole, replace(whole, group=trial.rerun(rival, 4).group)):
        trial.is_refused(one, "")
    world.demand(trial.contest, honest.entry)
    theirs = trial.answer(rival, 3)
    assert isinstance(theirs, AnswerTrees)
    mine = replace(theirs, submission=honest.entry.id, shown=trial.shown(honest))
    trial.is_refused(mine, "WrongModel")
    trial.is_refused(theirs, "NotCandidate")
    trial.is_refused(replace(theirs, submission=honest.entry.id), "WrongShown")
    for answer in trial.answers(honest):
        trial.send(answer)
    trial.stands_and_is_paid(honest, bond=BOND)


def test_attack_a_neuron_of_another_layer_or_model__convicts_nobody(
    world: World,
) -> None:
    """The words of neurons are handed in otherwise than sealed."""
    model = models.network()
    trial, honest = alone(world, model, hidden(of_rows(model)))
    given = honest.listing.predictions
    call = trial.rerun(honest, 1, another(CLASSES, given[1]))
    pairs = [call.words[at : at + 2] for at in range(0, len(call.words), 2)]
    for order in ((1, 0, 2, 3), (0, 1, 3, 2), (0, 0, 2, 3), (2, 1, 0, 3)):
        told = [word for at in order for word in pairs[at]]
        trial.is_refused(replace(call, words=told), "WrongModel")
    loud = [*call.words[:-1], call.words[-1] ^ 1]
    trial.is_refused(replace(call, words=loud), "WrongModel")
    trial.is_refused(replace(call, words=[*call.words, 0]), "BadLength")
    trial.is_refused(replace(call, words=call.words[:-2]), "")
    trial.is_refused(replace(call, base=[*call.base[::-1]]), "")
    trial.is_refused(call, "NothingWrong")
    trial.stands_and_is_paid(honest)


# --- what nobody can look at ---


def withheld(unit: Unit) -> tuple[Model, Model]:
    """A model of which the last tree is not known, and one that is."""
    return models.forest(last=unit), models.forest()


UNKNOWN: dict[str, Unit] = {
    "a-tree-side": models.stump(0, 10, models.lanes(0, 0, 1), HiddenSide(7)),
    "a-tree-side-of-hash-0": models.stump(0, 10, models.lanes(0, 0, 1), HiddenSide(0)),
    "a-unit": HiddenSide(keccak(3) >> 32),
}


@pytest.mark.parametrize("place", UNKNOWN)
def test_attack_a_hash_without_a_preimage__that_is_demanded__costs_all_of_the_stake(
    world: World, place: str
) -> None:
    """Nobody can run what nobody has, and the trainer lists what it likes. Whoever
    demands it gets the bond back; whatever is posted in its place is not the part."""
    liar_model, model = withheld(UNKNOWN[place])
    told = hidden(of_rows(model))
    one = duel(world, told, (liar_model, Listing(told, told.targets)), model)
    trial, liar, shown_at = one.trial, one.liar, world.now
    world.demand(trial.contest, liar.entry)
    for part in range(3):
        trial.send(trial.answer(liar, part))
    trial.send(trial.answer_listing(liar))
    posted = trial.answer(one.honest, 3)
    assert isinstance(posted, AnswerTrees)
    hollow = replace(posted, submission=liar.entry.id, shown=trial.shown(liar))
    for words in (posted.words, [1 << 16, 0, 0], [3 << 16 | 1, 1 << 255, 10, 1, 0]):
        trial.is_refused(replace(hollow, words=words), "WrongModel")
    for words in ([0], [1 << 16], []):
        trial.is_refused(replace(hollow, words=words), "")
    world.at(shown_at + CHALLENGE * 3 // 4)
    trial.is_refused(hollow, "WrongModel")
    world.enforce(trial.contest)
    event = newest_failure(world.market)
    assert (event.reason, event.slashed, event.paid) == (WITHHELD, STAKE, 0)
    world.market.withdraw_bond(liar.entry.id)
    assert world.balance("eve") == START
    trial.follows_and_is_paid(one.honest)


def test_attack_a_header_with_more_units_than_there_are__cannot_be_answered(
    world: World,
) -> None:
    """The header counts a padding leaf as a tree. Its hash is 0, which is the hash of
    no tree, so nobody can post it."""
    three = models.ensemble(*models.forest().units[:3])
    told = hidden(of_rows(models.forest()))
    trial = Trial(world, told)
    four = replace(three, header=replace(three.header, units=4))
    liar = trial.enter("ann", four, Listing(told, told.targets))
    honest = trial.enter("bob", models.forest())
    trial.close()
    trial.show(liar)
    shown_at = world.now
    world.demand(trial.contest, liar.entry)
    assert world.market.demand_of(liar.entry.id)[2] == 0b1111
    for part in range(3):
        trial.send(answer_of(trial, liar, three, part))
    world.at(shown_at + CHALLENGE * 3 // 4)
    world.enforce(trial.contest)
    assert newest_failure(world.market).reason == WITHHELD
    trial.follows_and_is_paid(honest)


def answer_of(trial: Trial, liar: Candidate, known: Model, part: int) -> Call:
    """A part of what a liar does have."""
    call = trial.answer(Candidate(liar.entry, known, liar.listing), part)
    return replace(call, shown=trial.shown(liar))


@pytest.mark.parametrize("part", [1, 2], ids=("three-trees-in-two", "five-in-three"))
def test_attack_the_last_part__that_is_not_full__is_owed_and_posted_like_any_other(
    world: World, part: int
) -> None:
    """The last part has fewer trees than the others. It is owed: settling without it is
    refused; posted, the trainer has the bond."""
    trees = [models.forest().units[at % 4] for at in range(2 * part + 1)]
    model = models.ensemble(*trees, part=1)
    trial, honest = alone(world, model, hidden(of_rows(model)))
    world.demand(trial.contest, honest.entry)
    *others, last, of_listing = trial.answers(honest)
    for call in (*others, of_listing):
        trial.send(call)
    assert world.market.demand_of(honest.entry.id)[2:] == (1 << part, 0)
    assert isinstance(last, AnswerTrees)
    trial.is_refused(replace(last, part=part + 1), "BadIndex")
    trial.is_refused(replace(last, words=[*last.words, *last.words]), "BadLength")
    with boa.env.anchor():
        world.at(trial.ends)
        with boa.reverts("Overdue"):
            world.settle(trial.contest, honest.entry)
        world.enforce(trial.contest)
        assert world.phase(trial.contest) == REFUNDED
    trial.send(last)
    trial.stands_and_is_paid(honest, bond=BOND)
    assert world.phase(trial.contest) == FULFILLED
    assert world.balance("bob") == START + REWARD + BOND


@pytest.mark.parametrize("part", [0, 1], ids=("parts-of-one", "parts-of-two"))
def test_attack_padding_of_units__that_only_the_sealer_knows__answers_no_demand(
    world: World, part: int
) -> None:
    """Beyond the last tree is a word that nobody else knows. With it all parts could be
    posted, and whoever has read them could still prove nothing."""
    units = [models.forest().units[at % 4] for at in range(5)]
    model = models.ensemble(*units, part=part)
    hashes = [*model.unit_hashes, 0, 0, 0]
    secret = 6 if part else 5  # in the part itself it is refused as well
    hashes[secret] = 0xDEADBEEF
    levels = tree(hashes, unit_node)
    trial = Trial(world, hidden(of_rows(model)))
    listing = Listing(trial.hidden, trial.hidden.targets)
    entry = world.submit(
        trial.contest,
        "ann",
        header=model.header.word,
        base=model.base,
        units_root=levels[-1][0].to_bytes(32, "big"),
        listing_root=listing.root,
    )
    liar = Candidate(entry, model, listing)
    trial.candidates.append(liar)
    honest = trial.enter("bob", model)
    trial.close()
    trial.show(liar)
    shown_at = world.now
    world.demand(trial.contest, entry)
    for at in range(5 if part == 0 else 3):
        proof = [levels[level][(at << part >> level) ^ 1] for level in range(part, 3)]
        answer = trial.answer(liar, at)
        assert isinstance(answer, AnswerTrees)
        call = replace(answer, proof=all_bytes(proof))
        if at << part < 4:
            trial.send(call)
        else:
            trial.is_refused(call, "BadPadding")
    trial.send(trial.answer_listing(liar))
    world.at(shown_at + CHALLENGE * 3 // 4)
    world.enforce(trial.contest)
    assert newest_failure(world.market).reason == WITHHELD
    trial.follows_and_is_paid(honest)
