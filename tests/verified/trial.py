# SPDX-License-Identifier: Apache-2.0
"""Contests with real rows, models and listings, played through all contracts.

Rows, models and proofs come from the reference, which shares no code with what is
attacked. What is sent to referee and clerk is a frozen call: an attack is the honest
call with something replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import boa

from verified import small_models
from verified.data import in_a_group, pack
from verified.models import DENSE, Model, all_outputs, executed
from verified.openings import rerun_words
from verified.posting import part_proof, part_words, parts
from verified.published import (
    CLASSES,
    Hidden,
    Listing,
    all_bytes,
    another,
    as_bytes,
    hidden,
    of_rows,
    replaced,
    truth,
)
from verified.trees import levels, multiproof
from verified.verdicts import compared
from verified.world import (
    FAILED,
    FULFILLED,
    MDC,
    RANKED,
    REFUTED,
    REWARD,
    STAKE,
    VALIDATION,
    Contest,
    Entry,
    World,
)

START = 10_000 * MDC
PART_GROUPS = 64


@dataclass
class Candidate:
    """A submission with the model and the listing that it shows."""

    entry: Entry
    model: Model
    listing: Listing

    @property
    def name(self) -> str:
        return self.entry.trainer


# --- what is sent ---


@dataclass(frozen=True)
class Call:
    """A call of referee or clerk; its fields are the arguments, in order."""

    to: ClassVar[str]
    name: ClassVar[str]

    @property
    def arguments(self) -> tuple[Any, ...]:
        return tuple(getattr(self, one.name) for one in fields(self))


@dataclass(frozen=True)
class Rerun(Call):
    """A challenge of a row, of an ensemble."""

    to = "referee"
    name = "rerun_trees"
    case: tuple[Any, ...]
    terms: tuple[Any, ...]
    shown: tuple[Any, ...]
    key: bytes
    row: tuple[Any, ...]
    group: tuple[Any, ...]
    base: list[int]
    better: int
    words: list[int]
    proof: list[bytes]


@dataclass(frozen=True)
class RerunDense(Rerun):
    """The same of a linear model or a network."""

    name = "rerun_dense"


@dataclass(frozen=True)
class Recount(Call):
    """A challenge of a group."""

    to = "referee"
    name = "recount"
    case: tuple[Any, ...]
    terms: tuple[Any, ...]
    shown: tuple[Any, ...]
    key: bytes
    targets: tuple[Any, ...]
    group: tuple[Any, ...]
    weights: list[int]


@dataclass(frozen=True)
class AnswerTrees(Call):
    """A part of an ensemble."""

    to = "clerk"
    name = "answer_trees"
    market: str
    submission: int
    shown: tuple[Any, ...]
    part: int
    words: list[int]
    proof: list[bytes]


@dataclass(frozen=True)
class AnswerDense(Call):
    """The one part of a dense model."""

    to = "clerk"
    name = "answer_dense"
    market: str
    submission: int
    shown: tuple[Any, ...]
    base: list[int]
    words: list[int]


@dataclass(frozen=True)
class AnswerListing(Call):
    """A part of a listing."""

    to = "clerk"
    name = "answer_listing"
    market: str
    submission: int
    requester: str
    terms: tuple[Any, ...]
    shown: tuple[Any, ...]
    part: int
    words: list[int]
    sums: list[int]
    proof: list[tuple[bytes, int, int]]


# --- the trial ---


class Trial:
    """A contest of a market, with all who entered it."""

    def __init__(self, world: World, hidden: Hidden, **terms: Any) -> None:
        self.world, self.hidden = world, hidden
        weights = tuple(pack(hidden.terms.weights, 32))
        self.contest: Contest = world.create(
            weights=weights, **(hidden.for_terms | terms)
        )
        self.candidates: list[Candidate] = []

    @property
    def requester(self) -> str:
        return self.world.people[self.contest.requester]

    # --- a life ---

    def enter(
        self, who: str, model: Model, listing: Listing | None = None
    ) -> Candidate:
        """Seals a model; its listing is honest, or the one that is handed in."""
        listing = listing or Listing(self.hidden, truth(model, self.hidden))
        entry = self.world.submit(
            self.contest,
            who,
            header=model.header.word,
            base=model.base,
            units_root=as_bytes(model.units_root),
            listing_root=listing.root,
        )
        found = Candidate(entry, model, listing)
        self.candidates.append(found)
        return found

    def open(self) -> None:
        """Opens the key, and lets all claim."""
        self.world.open_key(self.contest, key=self.hidden.key)
        for one in self.candidates:
            self.world.claim(self.contest, one.entry, one.listing.score)

    def close(self) -> None:
        """Opens the key, lets all claim, and closes the claims."""
        self.open()
        self.world.close_claims(self.contest)

    def show(self, candidate: Candidate) -> None:
        self.world.show(self.contest, candidate.entry)

    @property
    def ends(self) -> int:
        """When the present step does."""
        return int(self.world.state(self.contest).step_ends)

    def settle(self, candidate: Candidate) -> None:
        """Waits for the end of the challenge window, and settles."""
        self.world.at(self.ends)
        self.world.settle(self.contest, candidate.entry)

    # --- calls ---

    def case(self, candidate: Candidate) -> tuple[Any, ...]:
        market = self.world.market.address
        return (market, self.contest.id, candidate.entry.id, self.requester)

    def shown(self, candidate: Candidate) -> tuple[Any, ...]:
        return self.world.shown(candidate.entry, candidate.listing.score)

    def rerun(self, candidate: Candidate, row: int, better: int = 0) -> Rerun:
        """The challenge of a row, as whoever means it puts it together."""
        hidden, model, listing = self.hidden, candidate.model, candidate.listing
        listed = listing.predictions[row]
        words: list[int] = []
        siblings: list[int] = []
        if not hidden.terms.is_of_classes or listed < hidden.terms.outputs:
            wanted = compared(hidden.terms, listed, better)
            units = executed(model.header, model.base, wanted)
            siblings = multiproof(model.unit_hashes, units)
            words = rerun_words(model, hidden.rows[row], wanted)
            words = words[: len(words) - len(siblings)]
        kind = RerunDense if model.header.kind == DENSE else Rerun
        return kind(
            self.case(candidate),
            self.contest.struct,
            self.shown(candidate),
            hidden.key,
            hidden.row(row),
            listing.group(row // in_a_group(hidden.terms.bits)),
            list(model.base),
            better,
            words,
            all_bytes(siblings),
        )

    def best(self, candidate: Candidate, row: int) -> int:
        """The class that the model gives."""
        found = all_outputs(candidate.model, self.hidden.rows[row])
        return found.index(max(found))

    def recount(self, candidate: Candidate, group: int) -> Recount:
        """The challenge of a group."""
        return Recount(
            self.case(candidate),
            self.contest.struct,
            self.shown(candidate),
            self.hidden.key,
            self.hidden.group(group),
            candidate.listing.group(group),
            pack(self.hidden.terms.weights, 32),
        )

    def answer(self, candidate: Candidate, part: int = 0) -> AnswerTrees | AnswerDense:
        """The call that posts a part of a model."""
        model = candidate.model
        words = part_words(model, part)
        start = (self.world.market.address, candidate.entry.id, self.shown(candidate))
        if model.header.kind == DENSE:
            return AnswerDense(*start, list(model.base), words)
        return AnswerTrees(*start, part, words, all_bytes(part_proof(model, part)))

    def answer_listing(self, candidate: Candidate, part: int = 0) -> AnswerListing:
        """The call that posts a part of a listing."""
        listing = candidate.listing
        begin, end = part * PART_GROUPS, (part + 1) * PART_GROUPS
        groups = listing.groups[begin:end]
        return AnswerListing(
            self.world.market.address,
            candidate.entry.id,
            self.requester,
            self.contest.struct,
            self.shown(candidate),
            part,
            [word for words in groups for word in words],
            [total for _, total in listing.nodes[0][begin:end]][: len(groups)],
            listing.steps(part, min(6, levels(len(listing.groups)))),
        )

    def answers(self, candidate: Candidate) -> list[Call]:
        """All calls that a demand asks for."""
        of_listing = -(-len(candidate.listing.groups) // PART_GROUPS)
        return [
            *(
                self.answer(candidate, at)
                for at in range(parts(candidate.model.header))
            ),
            *(self.answer_listing(candidate, at) for at in range(of_listing)),
        ]

    def send(self, call: Call, who: str = "eve") -> None:
        """Makes a call."""
        with self.world.as_(who):
            getattr(getattr(self.world, call.to), call.name)(*call.arguments)

    # --- ends ---

    def is_refused(self, call: Call, reason: str, who: str = "eve") -> None:
        """A call that changes nothing, and why."""
        before = self.world.state(self.contest)
        expected = boa.reverts(reason) if reason else boa.reverts()
        with expected:
            self.send(call, who)
        assert self.world.state(self.contest) == before

    def stands_and_is_paid(
        self, candidate: Candidate, *, bond: int = 0, trainer_had: int = START
    ) -> None:
        """Nobody has failed the candidate, and it gets reward, stake and won bond."""
        world, slashed = self.world, self.world.market.slashed()
        assert world.state(self.contest).candidate == candidate.entry.id
        self.settle(candidate)
        assert world.phase(self.contest) == FULFILLED
        assert world.balance(candidate.name) == trainer_had + REWARD + bond
        assert world.market.slashed() == slashed

    def convicts(self, call: Call, candidate: Candidate, who: str = "eve") -> None:
        """A call that fails the candidate: what it costs, and whom it pays."""
        world = self.world
        had, slashed = world.balance(who), world.market.slashed()
        self.send(call, who)
        event = newest_failure(getattr(world, call.to))
        assert (event.submission_id, event.reason) == (candidate.entry.id, REFUTED)
        assert (event.paid, event.slashed) == (STAKE // 10, STAKE - STAKE // 10)
        assert world.status(candidate.entry) == FAILED
        assert world.balance(who) == had + STAKE // 10
        assert world.market.slashed() == slashed + STAKE - STAKE // 10

    def follows_and_is_paid(self, honest: Candidate, *attacks: Call) -> None:
        """The next in rank shows its model; what is sent changes nothing; it is paid."""
        world = self.world
        state = world.state(self.contest)
        assert (state.phase, state.candidate) == (VALIDATION, honest.entry.id)
        assert world.status(honest.entry) == RANKED
        self.show(honest)
        for one in attacks:
            self.is_refused(one, "")
        self.stands_and_is_paid(honest)


def newest_failure(called: Any) -> Any:
    """The newest event of a failure that the last call of a contract logged."""
    return next(
        one
        for one in reversed(called.get_logs())
        if type(one).__name__ == "SubmissionFailed"
    )


@dataclass(frozen=True)
class Duel:
    """A liar who is ahead, and an honest candidate behind."""

    trial: Trial
    liar: Candidate
    honest: Candidate


def duel(
    world: World,
    told: Hidden,
    liar: tuple[Model, Listing],
    honest: tuple[Model, Listing] | Model,
    **terms: Any,
) -> Duel:
    """A contest in which the liar has shown its model."""
    trial = Trial(world, told, **terms)
    first = trial.enter("ann", *liar)
    second = trial.enter("bob", *(honest if isinstance(honest, tuple) else (honest,)))
    assert first.listing.score >= second.listing.score
    trial.close()
    trial.show(first)
    return Duel(trial, first, second)


def alone(world: World, model: Model, told: Hidden) -> tuple[Trial, Candidate]:
    """A contest in which one honest candidate has shown its model."""
    trial = Trial(world, told)
    honest = trial.enter("bob", model)
    trial.close()
    trial.show(honest)
    return trial, honest


def misread(
    world: World, model: Model, read: Sequence[int], told: Hidden | None = None
) -> None:
    """A liar lists what its model would give if it were read in another way; the
    honest lists what it gives, and the chain says the same."""
    given = of_rows(model)
    lie = tuple(read)
    assert lie != given
    told = replace(told or hidden(lie), targets=lie)
    one = duel(world, told, (model, Listing(told, lie)), model)
    trial = one.trial
    at = next(at for at in range(5) if lie[at] != given[at])
    trial.convicts(trial.rerun(one.liar, at, given[at]), one.liar)
    attacks = [trial.rerun(one.honest, at, lie[at]) for at in range(5)]
    attacks += [
        trial.rerun(one.honest, at, another(CLASSES, given[at])) for at in range(5)
    ]
    trial.follows_and_is_paid(one.honest, *attacks)


LIE = 3
"""The row that the liar has corrected by hand."""


def liar_ahead(world: World, **terms: Any) -> Duel:
    """A liar who corrected a row by hand has shown its model; an honest one is next."""
    model = small_models.forest()
    given = of_rows(model)
    lie = replaced(given, {LIE: another(CLASSES, given[LIE])})
    told = hidden(lie)
    return duel(world, told, (model, Listing(told, lie)), model, **terms)


def proof_of(one: Duel) -> Rerun:
    """The challenge that convicts the liar."""
    return one.trial.rerun(one.liar, LIE, one.honest.listing.predictions[LIE])


def honest_one(world: World) -> tuple[Trial, Candidate]:
    """An honest candidate of two parts, and one of a listing."""
    model = small_models.forest(part=1)
    return alone(world, model, hidden(of_rows(model)))
