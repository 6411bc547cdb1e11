# SPDX-License-Identifier: Apache-2.0
"""Attacks with a listing: predictions that no model gave, and sums that are none.

Each is played through market, referee, clerk and coin, and ends in what was paid. The
same bytes are then sent against an honest candidate, who stands and is paid.

Terms at and beyond each bound are in `test_market`, on the clock in
`test_attacks_on_the_clock`, on models in `test_attacks_on_models`,
on proofs in `test_attacks_with_proofs`.
"""

from __future__ import annotations

from dataclasses import replace

import boa
import pytest

from verified import small_models as models
from verified.data import Terms, pack
from verified.models import Model
from verified.published import (
    CLASSES,
    WIDE,
    Hidden,
    Listing,
    another,
    as_bytes,
    hidden,
    of_rows,
    replaced,
    truth,
)
from verified.trees import listed_leaf, sum_node, sum_path, sum_tree
from verified.trial import START, Call, Candidate, Trial, duel, newest_failure
from verified.world import (
    BOND,
    CHALLENGE,
    FAILED,
    REFUNDED,
    STAKE,
    TERMS,
    WITHHELD,
    World,
)

REGRESSION = Terms(
    kind=2, columns=3, width=8, outputs=1, bits=8, rows=5, cap=255, step=1
)
THREE_GROUPS = 300


# --- rows ---


KINDS = {
    "lanes": (models.forest(), CLASSES),
    "scalars": (models.scalars(), CLASSES),
    "network": (models.network(), CLASSES),
    "regression": (models.regression(), REGRESSION),
}


@pytest.mark.parametrize("kind", KINDS)
def test_attack_hand_corrected_rows__in_the_listing__cost_the_stake(
    world: World, kind: str
) -> None:
    """A trainer reads the opened targets and lists them in place of what its model
    gives: one row that the model does not give is enough."""
    model, terms = KINDS[kind]
    given = of_rows(model, terms)
    corrected = replaced(
        given, {1: another(terms, given[1]), 3: another(terms, given[3])}
    )
    told = hidden(corrected, terms)
    one = duel(world, told, (model, Listing(told, corrected)), model)
    trial = one.trial
    trial.is_refused(trial.rerun(one.liar, 2, another(terms, given[2])), "NothingWrong")
    better = given[3] if terms.is_of_classes else 0
    trial.convicts(trial.rerun(one.liar, 3, better), one.liar)
    attacks = [
        trial.rerun(one.honest, at, another(terms, given[at])) for at in range(5)
    ]
    trial.follows_and_is_paid(one.honest, *attacks)
    assert world.balance("ann") == START - STAKE


@pytest.mark.parametrize("row", [0, 127, 128, 255, 256, 299])
def test_attack_the_last_row__first_and_last_of_each_group__is_rerun_like_any_other(
    world: World, row: int
) -> None:
    """A lie stands in the one row that somebody might forget: the last of all, or of a
    full group, or the first of the next."""
    model = models.forest()
    given = of_rows(model, WIDE, THREE_GROUPS)
    lie = replaced(given, {row: another(WIDE, given[row])})
    told = hidden(lie, WIDE)
    one = duel(world, told, (model, Listing(told, lie)), model)
    trial = one.trial
    trial.convicts(trial.rerun(one.liar, row, given[row]), one.liar)
    attack = trial.rerun(one.honest, row, lie[row])
    trial.follows_and_is_paid(one.honest, attack)


def test_attack_a_row_beyond_the_last__that_padding_would_fill__is_no_row(
    world: World,
) -> None:
    """Someone has the padding behind the last row run, where anything may stand."""
    model = models.forest()
    told = hidden(of_rows(model))
    trial = Trial(world, told)
    honest = trial.enter("bob", model, Listing(told, told.targets, padding=2**256 - 1))
    trial.close()
    trial.show(honest)
    call = trial.rerun(honest, 4, 0)
    for index in (5, 8, 2**26, 2**256 - 1):
        trial.is_refused(replace(call, row=(index, *call.row[1:])), "BadIndex")
    trial.stands_and_is_paid(honest)


@pytest.mark.parametrize(
    ("terms", "beyond"),
    [(CLASSES, 3), (replace(CLASSES, bits=8), 255), (WIDE, 65_535)],
    ids=("two-bits", "eight-bits", "sixteen-bits"),
)
def test_attack_an_argmax_beyond_the_outputs__listed__loses_at_once(
    world: World, terms: Terms, beyond: int
) -> None:
    """A class that no model has is listed, since the target has it, too: no word of a
    model is needed to see that."""
    model = models.forest()
    given = of_rows(model, terms)
    lie = replaced(given, {2: beyond})
    told = hidden(lie, terms)
    one = duel(world, told, (model, Listing(told, lie)), model)
    trial = one.trial
    call = trial.rerun(one.liar, 2)
    assert (call.words, call.proof) == ([], [])
    trial.convicts(call, one.liar)
    trial.follows_and_is_paid(one.honest, replace(call, shown=trial.shown(one.honest)))


def test_attack_an_argmax_beyond_the_outputs__in_a_lane_that_is_none__counts_for_nobody(
    world: World,
) -> None:
    """The lanes behind the last output are full. They are neither a prediction of the
    model, nor a class that somebody could say is better."""
    loud = models.lanes(1, 0, 2, 65_535, 65_535)
    model = models.ensemble(loud, models.lanes(0, 3, 0, 7))
    given = of_rows(model)
    assert set(given) == {1}
    lie = (3,) * 5
    told = hidden(lie)
    one = duel(world, told, (model, Listing(told, lie)), model)
    trial = one.trial
    trial.convicts(trial.rerun(one.liar, 0), one.liar)
    call = trial.rerun(one.honest, 0, 2)
    attacks = [replace(call, better=better) for better in (1, 3, 4, 2**256 - 1)]
    trial.follows_and_is_paid(one.honest, call, *attacks)


def test_attack_a_tie__between_equal_outputs__is_the_lower_class(world: World) -> None:
    """Two outputs are equal and the higher one is listed; it loses to the lower, and the
    lower one does not lose to the higher."""
    model = models.ensemble(models.lanes(7, 9, 9))
    lie = (2,) * 5
    told = hidden(lie)
    one = duel(world, told, (model, Listing(told, lie)), model)
    trial = one.trial
    trial.is_refused(trial.rerun(one.liar, 0, 0), "NothingWrong")
    trial.convicts(trial.rerun(one.liar, 0, 1), one.liar)
    trial.follows_and_is_paid(one.honest, trial.rerun(one.honest, 0, 2))


# --- sums ---


def three_groups() -> tuple[Model, Hidden]:
    """A model, and targets that it gets right but for one in each seven."""
    model = models.forest()
    given = of_rows(model, WIDE, THREE_GROUPS)
    wrong = {at: another(WIDE, given[at]) for at in range(0, THREE_GROUPS, 7)}
    return model, hidden(replaced(given, wrong), WIDE)


def test_attack_a_right_total__over_wrong_groups__costs_the_stake(
    world: World,
) -> None:
    """A point is moved from one group to another. The claim is right to the last point,
    but a sum is not what its group scores, and that is what was shown."""
    model, told = three_groups()
    given = truth(model, told)
    fair = Listing(told, given)
    moved = {(0, 0): fair.points(0) + 1, (0, 1): fair.points(1) - 1}
    liar = replace(fair, lies=tuple(moved.items()))
    assert liar.score == fair.score
    one = duel(world, told, (model, liar), model)
    trial = one.trial
    trial.is_refused(trial.recount(one.liar, 2), "NothingWrong")
    with boa.env.anchor():
        trial.convicts(trial.recount(one.liar, 0), one.liar)
    trial.convicts(trial.recount(one.liar, 1), one.liar)
    attacks = [trial.recount(one.honest, at) for at in range(3)]
    trial.follows_and_is_paid(one.honest, *attacks)


SUMS = {
    "at-the-first-leaf": ((0, 0), 0),
    "at-the-last-leaf": ((0, 2), 2),
    "of-padding": ((0, 3), 2),
    "inside-on-the-left": ((1, 0), 1),
    "inside-on-the-right": ((1, 1), 2),
    "at-the-root": ((2, 0), 0),
}


@pytest.mark.parametrize("more", [1, 17], ids=("one", "many"))
@pytest.mark.parametrize("place", SUMS)
def test_attack_sums_that_do_not_add_up__wherever_they_stand__cost_the_stake(
    world: World, place: str, more: int
) -> None:
    """Points that nobody made are put on a leaf, on the padding behind the last group,
    on a node inside, or on the claim itself."""
    where, group = SUMS[place]
    model, told = three_groups()
    fair = Listing(told, truth(model, told))
    liar = replace(fair, lies=((where, fair.nodes[where[0]][where[1]][1] + more),))
    assert liar.score == fair.score + more
    one = duel(world, told, (model, liar), model)
    trial = one.trial
    trial.convicts(trial.recount(one.liar, group), one.liar)
    attacks = [trial.recount(one.honest, at) for at in range(3)]
    trial.follows_and_is_paid(one.honest, *attacks)


@pytest.mark.parametrize("place", SUMS)
def test_attack_sums_that_do_not_add_up__to_less_than_was_scored__cost_the_stake(
    world: World, place: str
) -> None:
    """A sum that is one too small, or goes round the end of what a word holds, is as
    false as one that is too great."""
    where, group = SUMS[place]
    model, told = three_groups()
    fair = Listing(told, truth(model, told))
    stated = (fair.nodes[where[0]][where[1]][1] - 1) % 2**256
    trial = Trial(world, told)
    liar = trial.enter("ann", model, replace(fair, lies=((where, stated),)))
    trial.close()
    trial.show(liar)
    assert liar.listing.score == fair.score - 1
    trial.convicts(trial.recount(liar, group), liar)
    assert world.phase(trial.contest) == REFUNDED
    assert world.balance("requester") == START


def test_attack_a_sum_that_the_challenger_states__in_place_of_what_was_shown__convicts_nobody(
    world: World,
) -> None:
    """Nothing hashes the uppermost sum, so whoever recounts could state another one, or
    another claim: then it is not what was shown."""
    model, told = three_groups()
    trial = Trial(world, told)
    honest = trial.enter("bob", model)
    trial.close()
    trial.show(honest)
    call = trial.recount(honest, 1)
    words, points, path = call.group
    for more in (1, 2**256 - 1):
        score = (call.shown[5] + more) % 2**256
        last = (*path[-1][:2], score)
        wrong = replace(call, group=(words, points, [*path[:-1], last]))
        trial.is_refused(wrong, "NotListed")
        trial.is_refused(replace(wrong, shown=(*call.shown[:5], score)), "WrongShown")
        bent = (words, (points + more) % 2**256, path)
        trial.is_refused(replace(call, group=bent), "NotListed")
    trial.stands_and_is_paid(honest)


def test_attack_a_sum_of_one_group__that_is_the_claim_itself__is_recounted(
    world: World,
) -> None:
    """With one group the claim is its only sum."""
    model = models.forest()
    given = of_rows(model)
    told = hidden(replaced(given, {0: another(CLASSES, given[0])}))
    fair = Listing(told, given)
    liar = replace(fair, lies=(((0, 0), fair.score + 1),))
    one = duel(world, told, (model, liar), model)
    trial = one.trial
    trial.convicts(trial.recount(one.liar, 0), one.liar)
    trial.follows_and_is_paid(one.honest, trial.recount(one.honest, 0))


# --- padding ---


def test_attack_padding_of_groups__that_is_the_same_in_targets_and_listing__has_no_points(
    world: World,
) -> None:
    """What the key makes of the last group has something behind the last target, and
    the liar lists the same there, and counts it."""
    model = models.forest()
    given = of_rows(model)
    told = hidden(given, target_padding=2**256 - 1)
    told = replace(told, targets=replaced(given, {0: another(CLASSES, given[0])}))
    fair = Listing(told, given, padding=2**256 - 1)
    liar = replace(fair, lies=(((0, 0), 5),))
    one = duel(world, told, (model, liar), (model, fair))
    trial = one.trial
    trial.convicts(trial.recount(one.liar, 0), one.liar)
    attacks = (trial.recount(one.honest, 0), trial.rerun(one.honest, 4, 0))
    trial.follows_and_is_paid(one.honest, *attacks)


@pytest.mark.parametrize("bits", [4, 8], ids=("lanes-at-once", "lane-by-lane"))
def test_attack_padding_of_weights__for_a_class_that_there_is_not__has_no_points(
    world: World, bits: int
) -> None:
    """The weights have one more than there are classes, and a target is of that class:
    whoever lists it counts points that there are not."""
    terms = Terms(
        *(1, 3, 8, 3, bits, 5),
        cap=7,
        weights=(7, 2, 3, 7),
    )
    model = models.forest()
    given = of_rows(model, terms)
    lie = replaced(given, {4: 3})
    told = hidden(lie, terms)
    fair = Listing(told, given)
    points = Listing(told, lie).score
    liar = Listing(told, lie, lies=(((0, 0), points + 7),))
    one = duel(world, told, (model, liar), (model, fair))
    trial = one.trial
    with boa.env.anchor():
        trial.convicts(trial.rerun(one.liar, 4), one.liar)
    trial.convicts(trial.recount(one.liar, 0), one.liar)
    call = trial.recount(one.honest, 0)
    heavier = pack((8, 2, 3, 7), 32)
    trial.show(one.honest)
    trial.is_refused(replace(call, weights=heavier), "BadWeights")
    trial.is_refused(replace(call, weights=[]), "BadWeights")
    trial.is_refused(call, "NothingWrong")
    trial.stands_and_is_paid(one.honest)


# --- what nobody can look at ---


@pytest.mark.parametrize("group", [0, 2], ids=("first", "last"))
def test_attack_a_listed_group_whose_hash_has_no_preimage__that_is_demanded__costs_the_stake(
    world: World, group: int
) -> None:
    """Nobody can rerun a row of a group that nobody has. Whoever demands it gets the
    bond back, and the liar loses all of its stake."""
    model, told = three_groups()
    fair = Listing(told, truth(model, told))
    liar = replace(fair, unknown=(group,))
    one = duel(world, told, (model, liar), (model, fair))
    trial, shown_at = one.trial, world.now
    for call in (trial.recount(one.liar, group), trial.answer_listing(one.liar)):
        trial.is_refused(call, "NotListed")
    world.demand(trial.contest, one.liar.entry)
    for answer in trial.answers(one.liar)[:-1]:
        trial.send(answer)
    trial.is_refused(trial.answer_listing(one.liar), "NotListed")
    world.at(shown_at + CHALLENGE * 3 // 4)
    world.enforce(trial.contest)
    event = newest_failure(world.market)
    assert (event.reason, event.slashed, event.paid) == (WITHHELD, STAKE, 0)
    assert world.status(one.liar.entry) == FAILED
    world.market.withdraw_bond(one.liar.entry.id)
    assert world.balance("eve") == START
    trial.follows_and_is_paid(one.honest)


def test_attack_demand__of_an_honest_listing_and_model__pays_the_trainer_for_posting(
    world: World,
) -> None:
    """Everything is posted, by a stranger: the bond is the trainer's."""
    model, told = three_groups()
    trial = Trial(world, told)
    honest = trial.enter("bob", model)
    trial.close()
    trial.show(honest)
    world.demand(trial.contest, honest.entry)
    for call in trial.answers(honest):
        trial.send(call, "cid")
    trial.stands_and_is_paid(honest, bond=BOND)
    assert world.balance("eve") == START - BOND


# --- trees of another shape ---


def beside(trial: Trial, root: int, score: int) -> Candidate:
    """A liar beside an honest trainer, who has shown a listing root of its own making,
    and whose model and listing are demanded."""
    world, model = trial.world, models.forest()
    honest = trial.enter("bob", model)
    entry = world.submit(
        trial.contest,
        "ann",
        header=model.header.word,
        base=model.base,
        units_root=as_bytes(model.units_root),
        listing_root=as_bytes(root),
    )
    world.open_key(trial.contest, key=trial.hidden.key)
    world.claim(trial.contest, entry, score)
    world.claim(trial.contest, honest.entry, honest.listing.score)
    world.close_claims(trial.contest)
    world.show(trial.contest, entry)
    assert world.state(trial.contest).candidate == entry.id
    world.demand(trial.contest, entry)
    return Candidate(entry, model, honest.listing)


def is_withheld(trial: Trial, *calls: Call) -> None:
    """No call answers the demand, so the next one is paid."""
    world, (honest,) = trial.world, trial.candidates
    for call in calls:
        trial.is_refused(call, "", who="ann")
    world.at(world.state(trial.contest).step_ends - CHALLENGE // 4)
    world.enforce(trial.contest)
    assert newest_failure(world.market).reason == WITHHELD
    trial.follows_and_is_paid(honest)
    assert world.balance("ann") == START - STAKE


@pytest.mark.parametrize("rows", [1, 128, 129, 513])
def test_attack_terms_of_ones_own__for_a_tree_of_another_shape__answer_no_demand(
    world: World, rows: int
) -> None:
    """A listing of three groups is sealed as a tree of one, two or five, and answered by
    terms of as many rows: a path that convicts would have another length."""
    wide = tuple(at % 3 for at in range(THREE_GROUPS))
    trial = Trial(world, hidden(wide, WIDE))
    count = -(-rows // 128)
    groups = [[0] * 8 for _ in range(count)]
    sums = [THREE_GROUPS, *[0] * (count - 1)]
    nodes = sum_tree(
        [
            (listed_leaf(at, words), total)
            for at, (words, total) in enumerate(zip(groups, sums, strict=True))
        ]
    )
    liar = beside(trial, nodes[-1][0][0], THREE_GROUPS)
    false = dict(zip(TERMS, trial.contest.struct, strict=True)) | {"rows": rows}
    call = replace(
        trial.answer_listing(liar),
        terms=tuple(false.values()),
        shown=world.shown(liar.entry, THREE_GROUPS),
        words=[word for one in groups for word in one],
        sums=sums,
        proof=[],
    )
    trial.is_refused(call, "WrongTerms")
    stranger = replace(call, requester=world.people["ann"])
    true = replace(call, terms=trial.contest.struct)
    is_withheld(trial, call, stranger, true)


def test_attack_padding_of_a_listing__that_only_its_sealer_knows__answers_no_demand(
    world: World,
) -> None:
    """Of a tree of four parts the last is beyond the last group. With a hash of one's
    own in its place, all groups could be posted, and none of them be proven."""
    rows = 128 * 128 + 1
    lie = tuple(at % 3 for at in range(rows))
    told = hidden(lie, WIDE)
    trial = Trial(world, told)
    listing = Listing(told, lie)
    nodes = [list(level) for level in listing.nodes]
    nodes[6][3] = (12_345, 0)
    nodes[7][1] = (sum_node(*nodes[6][2:4]), nodes[6][2][1])
    nodes[8][0] = (sum_node(*nodes[7]), nodes[7][0][1] + nodes[7][1][1])
    liar = beside(trial, nodes[8][0][0], listing.score)
    liar = replace(liar, listing=listing)
    shown = world.shown(liar.entry, listing.score)

    def steps(index: int, level: int) -> list[tuple[bytes, int, int]]:
        path = sum_path(nodes[level:], index)
        pairs = zip(path.siblings, path.sums[1:], strict=True)
        return [(as_bytes(digest), total, above) for (digest, total), above in pairs]

    first, second, third = (
        replace(trial.answer_listing(liar, at), shown=shown, proof=steps(at, 6))
        for at in range(3)
    )
    trial.send(first)
    trial.send(second)
    trial.is_refused(third, "BadSums")
    recount = replace(trial.recount(liar, 128), shown=shown)
    trial.is_refused(recount, "NotListed")
    words, points, _ = recount.group
    with boa.env.anchor():
        # Whoever is told of it convicts by it.
        trial.convicts(replace(recount, group=(words, points, steps(128, 0))), liar)
    is_withheld(trial, third)
