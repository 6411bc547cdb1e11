# SPDX-License-Identifier: Apache-2.0
"""What the client tells of a story, from its logs alone, held against the contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import boa
from eth_utils import to_checksum_address

from modelmarket.chain.blocks import Log
from modelmarket.chain.events import Contracts
from modelmarket.chain.verified import ContestState, EntryState
from modelmarket.market.expected import (
    differences,
    expected_request,
    expected_submissions,
)
from modelmarket.protocol import contest_sentences, payouts
from modelmarket.protocol.contest_steps import refusal, steps
from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.events import Event, OperatorSet, Unreadable
from modelmarket.protocol.phases import Phase, Status
from modelmarket.protocol.records import SubmissionRecord
from modelmarket.protocol.replaying import replay
from modelmarket.protocol.steps import StepKind
from modelmarket.protocol.types import NOBODY, RequestId, SubmissionId, checksummed
from verified.world import Contest, Entry, World

OF_A_CONTEST = (
    StepKind.CANCEL_REQUEST,
    StepKind.OPEN_KEY,
    StepKind.SUBMIT,
    StepKind.SETTLE,
    StepKind.ENFORCE_TIMEOUT,
)
OF_A_SUBMISSION = (
    StepKind.CANCEL_SUBMISSION,
    StepKind.CLAIM,
    StepKind.SHOW_MODEL,
    StepKind.WATCH,
    StepKind.DEMAND,
    StepKind.ANSWER,
    StepKind.WITHDRAW,
    StepKind.WITHDRAW_BOND,
)


def _id(number: int) -> SubmissionId:
    return SubmissionId.of(number, is_verified=True)


class Telling:
    """The contests of a story, as the client replays them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.address = to_checksum_address(world.market.address)
        self.contracts = Contracts(NOBODY, self.address)
        self.events: dict[RequestId, list[Event]] = {}

    def hear(self) -> None:
        """Takes in what the last call has logged."""
        raw = self.world.market._computation.get_raw_log_entries()
        for position, address, topics, data in raw:
            log = Log(
                checksummed(bytes(address)),
                tuple(one.to_bytes(32, "big") for one in topics),
                bytes(data),
                1,
                bytes(32),
                bytes(32),
                position,
            )
            event = self.contracts.decode(log)
            if event is None or isinstance(event, OperatorSet):
                continue
            assert not isinstance(event, Unreadable), event
            self.events.setdefault(event.request_id, []).append(event)

    def record(self, number: int) -> ContestRecord:
        """A contest as its events tell it."""
        record = replay(self.events[RequestId.of(number, is_verified=True)])
        assert isinstance(record, ContestRecord)
        return record

    # --- what is so ---

    def compare(self) -> None:
        """Everything that the contract says, the client says as well."""
        held = 0
        slashed = 0
        for request_id in self.events:
            record = self.record(request_id.number)
            self._compare_state(record)
            held += payouts.held(record)
            slashed += payouts.slashed(record)
        assert held == self.world.owed()
        assert slashed == self.world.market.slashed()

    def _compare_state(self, record: ContestRecord) -> None:
        market, now = self.world.market, self.world.now
        found = market.request(record.id.number)
        says = ContestState(
            found.contest,
            found.deadline,
            Phase(found.phase),
            found.shown,
            found.step_ends,
            found.overdue,
            found.live,
            found.ranked,
            _id(found.best),
            _id(found.candidate),
        )
        assert list(differences(says, expected_request(record, now))) == []
        for one, expected in expected_submissions(record).items():
            entry = market.submission(one.number)
            state = EntryState(
                RequestId.of(entry.request_id, is_verified=True),
                Status(entry.status),
                entry.score,
                _id(entry.ahead),
                _id(entry.behind),
                entry.held,
            )
            assert list(differences(state, expected)) == [], one
        self._compare_words(record)

    def _compare_words(self, record: ContestRecord) -> None:
        """What is said to be due may be done."""
        now = self.world.now
        said = contest_sentences.of_request(record, now)
        if said.step is not None:
            assert refusal(said.step, record, now, who=NOBODY) is None, said
        for one in record.submissions.values():
            said = contest_sentences.of_submission(record, one, now)
            if said.step is not None:
                refused = refusal(
                    said.step, record, now, who=one.trainer, submission=one
                )
                assert refused is None, said

    def compare_plan(self, name: str) -> None:
        """What somebody is to do now, they may do."""
        world, now = self.world, self.world.now
        who = checksummed(world.people[name])
        for request_id in self.events:
            record = self.record(request_id.number)
            mine = [one for one in record.submissions.values() if one.trainer == who]
            found = steps(
                record,
                mine,
                now,
                key_is_ours=record.requester == who,
                accounts=(who,),
            )
            assert len({(one.kind, one.submission_id) for one in found}) == len(found)
            for step in found:
                if step.kind is None or step.begins > now:
                    continue
                assert step.ends == 0 or now < step.ends, step
                one = record.submissions.get(step.submission_id)
                refused = refusal(step.kind, record, now, who=who, submission=one)
                assert refused is None, step

    # --- who may do what ---

    def try_something(
        self, random: Random, contests: list[Contest], entries: list[Entry]
    ) -> None:
        """A call that somebody makes with right arguments is refused as the client
        says, or not at all.
        """
        world, now = self.world, self.world.now
        who = random.choice(("requester", "ann", "bob", "eve"))
        address = checksummed(world.people[who])
        if random.random() < 0.4 or not entries:
            contest = random.choice(contests)
            kind = random.choice(OF_A_CONTEST)
            record = self.record(contest.id)
            call = self._of_contest(kind, contest, record, who, entries)
            says = refusal(kind, record, now, who=address)
        else:
            entry = random.choice(entries)
            kind = random.choice(OF_A_SUBMISSION)
            record = self.record(
                world.market.submission(entry.id).request_id,
            )
            contest = contests[record.id.number - 1]
            one = record.submissions[_id(entry.id)]
            call = self._of_submission(kind, contest, entry, one, who)
            trainer = world.people[entry.trainer]
            says = refusal(
                kind,
                record,
                now,
                who=address,
                submission=one,
                is_operator=world.market.is_operator(trainer, world.people[who]),
            )
        before = [replace(one) for one in entries]
        with boa.env.anchor():
            if says is None:
                call()
            else:
                with boa.reverts(says):
                    call()
        for one_entry, was in zip(entries, before, strict=True):
            one_entry.shown = was.shown
        del world.entries[len(entries) :]

    def _of_contest(
        self,
        kind: StepKind,
        contest: Contest,
        record: ContestRecord,
        who: str,
        entries: list[Entry],
    ) -> Callable[[], Any]:
        world = self.world
        known = {one.id: one for one in entries}
        candidate = known.get(record.ranking[0].id.number) if record.ranking else None
        match kind:
            case StepKind.CANCEL_REQUEST:
                theirs = replace(contest, requester=who)
                return lambda: world.cancel_request(theirs, 99)
            case StepKind.OPEN_KEY:
                return lambda: self._open_key(contest)
            case StepKind.SUBMIT:
                return lambda: world.submit(contest, who)
            case StepKind.SETTLE:
                entry = candidate or Entry(0, "ann", b"", 0, [], b"", b"")
                return lambda: world.settle(contest, entry, who)
            case _:
                return lambda: world.enforce(contest, who)

    def _open_key(self, contest: Contest) -> None:
        from verified.world import KEY

        world = self.world
        with world.as_("eve"):
            world.market.open_key(
                contest.id, world.people[contest.requester], contest.struct, KEY
            )

    def _of_submission(
        self,
        kind: StepKind,
        contest: Contest,
        entry: Entry,
        one: SubmissionRecord,
        who: str,
    ) -> Callable[[], Any]:
        world = self.world
        match kind:
            case StepKind.CANCEL_SUBMISSION:
                theirs = replace(entry, trainer=who)
                return lambda: world.cancel(contest, theirs, accept_slash=True)
            case StepKind.CLAIM:
                return lambda: world.claim(contest, entry, 7, who=who)
            case StepKind.SHOW_MODEL:
                return lambda: world.show(contest, entry, who=who)
            case StepKind.WATCH:
                return lambda: world.refute(contest, entry, who)
            case StepKind.DEMAND:
                return lambda: world.demand(contest, entry, who)
            case StepKind.ANSWER:
                demand = one.demand
                of_listing = demand is not None and not demand.owed
                return lambda: world.answer(entry, 0, of_listing=of_listing)
            case StepKind.WITHDRAW:
                return lambda: world.withdraw(contest, entry, who)
            case _:
                return lambda: self._withdraw_bond(entry, who)

    def _withdraw_bond(self, entry: Entry, who: str) -> None:
        with self.world.as_(who):
            self.world.market.withdraw_bond(entry.id)
