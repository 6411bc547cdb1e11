# SPDX-License-Identifier: Apache-2.0
"""Attacks with bytes: rows, groups and proofs of something else, or of nothing.

All are sent against an honest candidate, who stands and is paid: whatever anybody
sends, a submission whose model gives its listing and whose demand is answered never
fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import boa
import pytest

from verified import small_models as models
from verified.models import Model, Neuron
from verified.published import (
    CLASSES,
    ROWS,
    WIDE,
    Hidden,
    another,
    hidden,
    of_rows,
)
from verified.trees import data_node
from verified.trial import (
    START,
    AnswerListing,
    AnswerTrees,
    Call,
    Candidate,
    Rerun,
    Trial,
    alone,
)
from verified.world import (
    BOND,
    REWARD,
    World,
)

OTHER_KEY = b"\x01" * 32


def three_groups(world: World) -> tuple[Trial, Candidate]:
    """An honest candidate with 300 rows, all of them right."""
    model = models.forest(part=1)
    return alone(world, model, hidden(of_rows(model, WIDE, 300), WIDE))


def challenges(trial: Trial, honest: Candidate) -> list[Rerun]:
    """A challenge of each of the first rows, all put together well."""
    given = honest.listing.predictions
    return [trial.rerun(honest, at, another(CLASSES, given[at])) for at in range(5)]


# --- something else ---


def test_attack_a_row_of_another_contest__with_its_own_proof__convicts_nobody(
    world: World,
) -> None:
    """A row that the model would fail, had it been asked: that of another contest of the
    same requester, with its proof, its key, its terms, or all of them."""
    model = models.forest()
    mine = hidden(of_rows(model))
    theirs = Hidden(
        mine.terms, ROWS[::-1], mine.targets, key=OTHER_KEY, nonce=b"\x08" * 32
    )
    rival = Trial(world, theirs, key_hash=world.key_hash(key=OTHER_KEY))
    trial, honest = alone(world, model, mine)
    call = trial.rerun(honest, 0, 0)
    foreign = replace(call, row=theirs.row(0))
    trial.is_refused(foreign, "BadRow")
    trial.is_refused(replace(call, key=OTHER_KEY), "WrongKey")
    terms = replace(foreign, terms=rival.contest.struct, key=OTHER_KEY)
    trial.is_refused(terms, "WrongKey")
    case = (*call.case[:1], rival.contest.id, *call.case[2:])
    for told in (call, foreign, terms, replace(call, terms=rival.contest.struct)):
        trial.is_refused(replace(told, case=case), "")
    trial.stands_and_is_paid(honest)


def test_attack_a_row_of_another_contest__whose_key_would_fit__is_of_other_terms(
    world: World,
) -> None:
    """The other contest of the requester has the same key and nonce, so its rows open,
    and would convict. The market knows which terms are whose, and who is candidate."""
    model = models.forest()
    mine = hidden(of_rows(model))
    theirs = Hidden(mine.terms, ROWS[::-1], of_rows(model)[::-1])
    rival, trial = Trial(world, theirs), Trial(world, mine)
    other, honest = rival.enter("cid", model), trial.enter("bob", model)
    rival.open()
    trial.close()
    rival.show(other)
    trial.show(honest)
    at = next(at for at in range(5) if theirs.targets[at] != mine.targets[at])
    told = rival.rerun(
        Candidate(honest.entry, model, honest.listing), at, theirs.targets[at]
    )
    trial.is_refused(told, "NotCandidate")
    trial.is_refused(replace(told, case=trial.case(honest)), "WrongTerms")
    trial.is_refused(replace(told, case=rival.case(other)), "WrongShown")
    trial.is_refused(
        replace(told, case=trial.case(honest), terms=trial.contest.struct), "BadRow"
    )
    trial.stands_and_is_paid(honest)
    rival.settle(other)
    assert world.balance("cid") == START + REWARD


@pytest.mark.parametrize("model", [models.forest(), models.network()])
def test_attack_another_key__of_a_row_or_a_group_of_targets__convicts_nobody(
    world: World, model: Model
) -> None:
    """Under a key of the challenger's own, rows and targets say something else."""
    trial, honest = alone(world, model, hidden(of_rows(model)))
    given = honest.listing.predictions[0]
    rerun = trial.rerun(honest, 0, another(CLASSES, given))
    for call in (rerun, trial.recount(honest, 0)):
        trial.is_refused(replace(call, key=OTHER_KEY), "WrongKey")
        trial.is_refused(call, "NothingWrong")
    trial.stands_and_is_paid(honest)


def test_attack_a_row_of_another_index__with_its_proof_or_the_right_one__convicts_nobody(
    world: World,
) -> None:
    """A row is run as another: its leaf holds its index, and so does its keystream."""
    trial, honest = three_groups(world)
    call = trial.rerun(honest, 0, another(CLASSES, honest.listing.predictions[0]))
    for other in (1, 2, 127, 128, 299):
        index, words, proof = trial.hidden.row(other)
        trial.is_refused(replace(call, row=(0, words, proof)), "BadRow")
        trial.is_refused(replace(call, row=(0, words, call.row[2])), "BadRow")
        trial.is_refused(replace(call, row=(index, *call.row[1:])), "")
    trial.stands_and_is_paid(honest)


def test_attack_a_group_of_another_index__of_targets_or_listing__convicts_nobody(
    world: World,
) -> None:
    """A group is counted as another, or against the targets of another."""
    trial, honest = three_groups(world)
    calls = [trial.recount(honest, at) for at in range(3)]
    for at, call in enumerate(calls):
        for other in {0, 1, 2} - {at}:
            targets = calls[other].targets
            told = replace(call, targets=targets)
            trial.is_refused(told, "NotListed")
            swapped = replace(call, targets=(at, *targets[1:]))
            trial.is_refused(swapped, "BadTargets")
            words = replace(call, targets=(at, targets[1], call.targets[2]))
            trial.is_refused(words, "BadTargets")
            trial.is_refused(replace(call, group=calls[other].group), "NotListed")
    row = trial.rerun(honest, 0, 0)
    trial.is_refused(replace(row, group=calls[1].group), "NotListed")
    trial.stands_and_is_paid(honest)


def test_attack_a_row_as_a_group_of_targets__of_as_many_words__convicts_nobody(
    world: World,
) -> None:
    """Rows of eight words could pass for groups of targets, but for their tags; so could
    the key that opens one for the other's."""
    terms = replace(CLASSES, columns=256)
    rows = tuple((at, *[7 * at % 256] * 255) for at in range(5))
    model = models.ensemble(*models.forest().units, columns=256)
    told = hidden((0,) * 5, terms, rows)
    told = replace(
        told, targets=tuple(models.predicted(model, codes) for codes in rows)
    )
    assert {len(words) for words in told.row_words} == {8}
    trial, honest = alone(world, model, told)
    recount = trial.recount(honest, 0)
    index, words, proof = told.row(0)
    trial.is_refused(replace(recount, targets=(index, words, [])), "BadTargets")
    trial.is_refused(replace(recount, targets=(index, words, proof)), "BadProof")
    rerun = trial.rerun(honest, 0, another(terms, told.targets[0]))
    as_row = (0, told.target_words[0], proof)
    trial.is_refused(replace(rerun, row=as_row), "BadRow")
    trial.stands_and_is_paid(honest)


# --- nothing ---


def bent(proof: list[Any]) -> Iterator[list[Any]]:
    """Proofs of another length."""
    yield proof[1:]
    yield proof[:-1]
    yield []
    yield [*proof, proof[0]]
    yield [proof[0], *proof]


def test_attack_a_proof_too_short_or_too_long__of_a_row_or_targets__convicts_nobody(
    world: World,
) -> None:
    """A proof that skips a level would let an inner node pass for a leaf."""
    trial, honest = three_groups(world)
    row = trial.rerun(honest, 0, another(CLASSES, honest.listing.predictions[0]))
    recount = trial.recount(honest, 0)
    for proof in bent(row.row[2]):
        trial.is_refused(replace(row, row=(*row.row[:2], proof)), "BadProof")
    for proof in bent(recount.targets[2]):
        told = replace(recount, targets=(*recount.targets[:2], proof))
        trial.is_refused(told, "BadProof")
    for path in bent(recount.group[2]):
        group = (*recount.group[:2], path)
        trial.is_refused(replace(recount, group=group), "BadProof")
        trial.is_refused(replace(row, group=group), "BadProof")
    trial.stands_and_is_paid(honest)


def test_attack_an_inner_node_as_leaf__of_the_rows__convicts_nobody(
    world: World,
) -> None:
    """The hashes of two rows stand as the words of one: another tag, another length."""
    trial, honest = three_groups(world)
    call = trial.rerun(honest, 0, another(CLASSES, honest.listing.predictions[0]))
    leaves = trial.hidden.row_leaves
    _, _, (_, *above) = call.row
    node = data_node(*leaves[:2])
    for words in ([*leaves[:2]], [node]):
        for proof in (above, [*above, bytes(32)]):
            trial.is_refused(replace(call, row=(0, words, proof)), "")
    trial.stands_and_is_paid(honest)


def test_attack_an_inner_node_as_leaf__of_a_tree_or_the_listing__convicts_nobody(
    world: World,
) -> None:
    """A node of a tree is handed in as a leaf word, and a node of the listing as a
    group: what is hashed has another length."""
    trial, honest = three_groups(world)
    call = trial.rerun(honest, 0, another(CLASSES, honest.listing.predictions[0]))
    tree = honest.model.units[0]
    assert not isinstance(tree, Neuron)
    # A path of no node, whose leaf is the hash of the tree; then the other trees.
    short = [call.words[0] & (2**248 - 1), tree.h, *call.words[4:]]
    trial.is_refused(replace(call, words=short), "WrongModel")
    recount = trial.recount(honest, 0)
    (digest, total, parent), *rest = recount.group[2]
    inner = [*recount.group[0][:6], int.from_bytes(digest, "big"), total]
    for path in (rest, recount.group[2]):
        told = replace(recount, group=(inner, parent, path))
        trial.is_refused(told, "")
    trial.stands_and_is_paid(honest)


def test_attack_an_index_beyond_the_count__that_padding_would_prove__convicts_nobody(
    world: World,
) -> None:
    """Behind the last row, group and part are words of 0, of which anybody has the
    proof. None is a row, a group or a part."""
    trial, honest = three_groups(world)
    recount, row = trial.recount(honest, 2), trial.rerun(honest, 299, 0)
    path = honest.listing.steps(3)
    beyond = ([0] * 8, 0, path)
    for index in (3, 4, 2**256 - 1):
        told = replace(recount, targets=(index, [0] * 8, recount.targets[2]))
        trial.is_refused(told, "BadIndex")
        trial.is_refused(replace(told, group=beyond), "BadIndex")
    for index in (300, 511, 512, 2**256 - 1):
        told_row = (index, *row.row[1:])
        trial.is_refused(replace(row, row=told_row, group=beyond), "BadIndex")
    world.demand(trial.contest, honest.entry)
    last = trial.answer(honest, 1)
    of_listing = trial.answer_listing(honest)
    assert isinstance(last, AnswerTrees)
    for part in (2, 4, 2**256 - 1):
        trial.is_refused(replace(last, part=part), "")
        trial.is_refused(replace(last, part=part, words=[], proof=[]), "")
        trial.is_refused(replace(of_listing, part=part), "")
    for call in trial.answers(honest):
        trial.send(call)
    trial.stands_and_is_paid(honest, bond=BOND)


def test_attack_an_answer_that_is_not_the_part__of_model_or_listing__ticks_nothing_off(
    world: World,
) -> None:
    """Whoever posts something else in place of a part, so that it looks answered while
    nobody has it."""
    trial, honest = three_groups(world)
    world.demand(trial.contest, honest.entry)
    first, second = trial.answer(honest, 0), trial.answer(honest, 1)
    listing = trial.answer_listing(honest)
    assert isinstance(first, AnswerTrees)
    assert isinstance(second, AnswerTrees)
    trial.is_refused(replace(first, part=1), "WrongModel")
    trial.is_refused(replace(first, words=second.words), "WrongModel")
    trial.is_refused(replace(first, words=[]), "")
    trial.is_refused(replace(first, words=[*first.words, 0]), "BadLength")
    trial.is_refused(replace(first, proof=[]), "BadProof")
    trial.is_refused(replace(first, proof=[*first.proof, bytes(32)]), "BadProof")
    for call in listed_otherwise(listing):
        trial.is_refused(call, "")
    assert world.market.demand_of(honest.entry.id)[2:] == (0b11, 1)
    for answer in trial.answers(honest):
        trial.send(answer)
    trial.stands_and_is_paid(honest, bond=BOND)


def listed_otherwise(call: AnswerListing) -> Iterator[AnswerListing]:
    """Other words, sums or counts than were listed."""
    yield replace(call, words=[*call.words[:-1], call.words[-1] ^ 1])
    yield replace(call, words=call.words[:-8])
    yield replace(call, words=call.words[:-8], sums=call.sums[:-1])
    yield replace(call, words=[*call.words, *[0] * 8], sums=[*call.sums, 0])
    yield replace(call, sums=[call.sums[0] + 1, call.sums[1] - 1, call.sums[2]])
    yield replace(call, sums=[2**256 - 1, *call.sums[1:]])
    yield replace(call, proof=[(bytes(32), 0, call.shown[5])])
    yield replace(call, shown=(*call.shown[:5], call.shown[5] + 1))


# --- any bytes ---


def flipped(random: Random, data: bytes) -> bytes:
    """A call of which some bits, a word or the end are others."""
    found = bytearray(data)
    pick, at = random.randrange(4), 4 + 32 * random.randrange((len(data) - 4) // 32)
    if pick == 0:
        found[random.randrange(4, len(found))] ^= 1 << random.randrange(8)
    elif pick == 1:
        other = 4 + 32 * random.randrange((len(data) - 4) // 32)
        found[at : at + 32], found[other : other + 32] = (
            found[other : other + 32],
            found[at : at + 32],
        )
    elif pick == 2:
        found[at : at + 32] = random.choice((bytes(32), b"\xff" * 32))
    else:
        del found[at : at + 32]
    return bytes(found)


def as_data(trial: Trial, call: Call) -> bytes:
    """A call as it is sent."""
    method = getattr(getattr(trial.world, call.to), call.name)
    return bytes(method.prepare_calldata(*call.arguments))


KINDS = {
    "forest": models.forest(part=1),
    "scalars": models.scalars(),
    "network": models.network(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_attack_any_bytes__sent_to_referee_and_clerk__fail_no_honest_candidate(
    world: World, kind: str
) -> None:
    """A submission whose model gives its listing and whose demand is answered is never
    failed: all calls that there are, with something changed, in each of many ways."""
    random = Random(kind)
    model = KINDS[kind]
    trial, honest = alone(world, model, hidden(of_rows(model)))
    world.demand(trial.contest, honest.entry)
    calls: list[Call] = [*challenges(trial, honest), trial.recount(honest, 0)]
    calls += trial.answers(honest)
    with world.as_("eve"):
        for _ in range(120):
            call = random.choice(calls)
            to = getattr(world, call.to).address
            data = as_data(trial, call)
            for _ in range(random.choice((0, 1, 1, 2))):
                data = flipped(random, data)
            with boa.env.anchor():
                boa.env.execute_code(to, data=data)
                state = world.state(trial.contest)
                assert (state.candidate, state.shown) == (honest.entry.id, True)
                demand = world.market.demand_of(honest.entry.id)
                assert demand[1] == BOND
    for call in trial.answers(honest):
        trial.send(call)
    trial.stands_and_is_paid(honest, bond=BOND)
    assert world.balance("bob") == START + REWARD + BOND
