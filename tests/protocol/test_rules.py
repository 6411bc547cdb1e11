# SPDX-License-Identifier: Apache-2.0
"""What the package says of a request is what the contract does, in random stories.

After each step of a story the request is made anew from the market's logs alone.
Then whoever is there tries whatever could be done, with arguments as they should be,
and the contract must allow or refuse it as `steps` says; and each submission must be
due what `payouts` says.
"""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from hypothesis import settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from contracts import sealing
from contracts.comparing import NAMES, PEOPLE, Comparison, Guess, Truth
from contracts.encoding import Text
from contracts.reference import MOST_LIVE, NO_PERMIT
from contracts.stateful import MarketMachine
from modelmarket.chain.blocks import Log
from modelmarket.chain.events import Contracts
from modelmarket.protocol import payouts, reputation, sentences
from modelmarket.protocol.events import Event, Unreadable
from modelmarket.protocol.records import SubmissionRecord
from modelmarket.protocol.replaying import replay
from modelmarket.protocol.reputation import SubmissionOutcome
from modelmarket.protocol.requests import RequestRecord
from modelmarket.protocol.steps import (
    KINDS,
    StepKind,
    refusal,
    steps,
    takes_submissions,
)
from modelmarket.protocol.types import SubmissionId, checksummed

RULES = {
    *("NotRequester", "NotTrainer", "Overdue", "WrongPhase", "NotLive"),
    *("NotCandidate", "NotOverdue", "NothingDue"),
}
"""The contract's words that `steps` may say; others are about the arguments."""
ABOUT_A_REQUEST = (
    StepKind.CANCEL_REQUEST,
    StepKind.OPEN_TRUTH,
    StepKind.SUBMIT,
    StepKind.ENFORCE_TIMEOUT,
)


class RulesMachine(MarketMachine):
    """A random story, with the package's rules beside the contract."""

    tried: ClassVar[Counter[str]] = Counter()
    """What was tried, and what came of it."""

    @invariant()
    def the_rules_are_the_contracts(self) -> None:
        if not hasattr(self, "both") or self.both.hostile:
            return
        slashed = 0
        for truth in self.both.truths:
            record = self._record(truth)
            slashed += payouts.slashed(record)
            self._compare_money(record, truth)
            guesses = [one for one in self.both.guesses if one.truth is truth]
            for who in NAMES:
                for kind in ABOUT_A_REQUEST:
                    self._compare(kind, record, who, truth, None)
                for guess in guesses:
                    for kind in set(KINDS) - set(ABOUT_A_REQUEST):
                        self._compare(kind, record, who, truth, guess)
                self._compare_plan(record, who)
            self._compare_words(record)
        assert slashed == self.both.model.slashed
        held = sum(payouts.held(self._record(one)) for one in self.both.truths)
        assert held == self.both.model.owed()

    def _record(self, truth: Truth) -> RequestRecord:
        market, found = checksummed(self.both.market), list[Event]()
        for _, topics, data in self.both.logged:
            log = Log(market, topics, data, 1, bytes(32), bytes(32), 0)
            event = Contracts(market).decode(log)
            if event and getattr(event, "request_id", 0) == truth.id:
                assert not isinstance(event, Unreadable), event
                found.append(event)
        record = replay(found)
        assert isinstance(record, RequestRecord)
        return record

    def _compare_money(self, record: RequestRecord, truth: Truth) -> None:
        for one in record.submissions.values():
            says = int.from_bytes(self.both.look("due", one.id))
            assert payouts.due(record, one) == says
            found = payouts.stake(record, one)
            assert (found is payouts.Stake.DUE) == (says > 0)
            assert (found is payouts.Stake.RETURNED) == (one.paid > 0)
            outcome = reputation.of_submission(record, one)
            is_lost = one.failure is not None or outcome is SubmissionOutcome.SILENT
            assert (found is payouts.Stake.LOST) == is_lost
            self.tried[f"counts as {outcome.name}"] += 1
            if record.stage.is_final:
                entitled = payouts.entitled(record, one)
                assert one.paid + says == entitled
                assert (found is payouts.Stake.LOST) == (entitled == 0)
            else:
                assert (found is payouts.Stake.LOCKED) == one.is_live
        if record.stage.is_final:
            assert record.paid == payouts.returned(record)

    def _compare_plan(self, record: RequestRecord, who: str) -> None:
        """What somebody is to do now, they may do."""
        now, address = self.both.now, checksummed(bytes.fromhex(PEOPLE[who][2:]))
        mine = [one for one in record.submissions.values() if one.trainer == address]
        is_hers = record.requester == address
        for step in steps(record, mine, now, truth_is_ours=is_hers):
            if step.kind is None or step.begins > now:
                continue
            assert step.ends == 0 or now < step.ends, step
            one = record.submissions.get(step.submission_id)
            refused = refusal(step.kind, record, now, who=address, submission=one)
            assert refused is None, step
            self.tried[f"{step.kind} is due"] += 1

    def _compare_words(self, record: RequestRecord) -> None:
        """What is said to be due now may be done; and what can be, is said."""
        now = self.both.now
        said = sentences.of_request(record, now)
        overdue = StepKind.ENFORCE_TIMEOUT if record.at(now).overdue else None
        assert said.step is overdue, said
        for one in record.submissions.values():
            said = sentences.of_submission(record, one, now)
            ours = (StepKind.WITHDRAW, StepKind.OPEN_PREDICTIONS, StepKind.CLAIM)
            may = [
                kind
                for kind in ours
                if refusal(kind, record, now, who=one.trainer, submission=one) is None
            ]
            assert len(may) < 2, may
            assert said.step is next(iter(may), None), (said, may)
            assert said.sentence.endswith(".") == (said.step is None), said
            self.tried[said.sentence.split(";")[0][:20]] += 1

    def _compare(
        self,
        kind: StepKind,
        record: RequestRecord,
        who: str,
        truth: Truth,
        guess: Guess | None,
    ) -> None:
        both = self.both
        one = record.submissions[SubmissionId(guess.id)] if guess else None
        expected = refusal(
            kind,
            record,
            both.now,
            who=checksummed(bytes.fromhex(PEOPLE[who][2:])),
            submission=one,
            is_operator=one is not None and self._is_operator(one, who),
        )
        said = both.would_refuse(who, kind, *_call(both, kind, truth, guess))
        assert said == expected if expected else said not in RULES, (kind, who, said)
        if kind is StepKind.SUBMIT:
            assert takes_submissions(record, both.now) == (expected is None)
        if kind is StepKind.CANCEL_SUBMISSION and guess and expected is None:
            unwilling = both.would_refuse(who, kind, guess.id, guess.seal, False)
            keeps = payouts.returns_stake(record, both.now)
            assert unwilling == (None if keeps else "StakeAtRisk")
        self.tried[f"{kind}: {said}"] += 1

    def _is_operator(self, one: SubmissionRecord, who: str) -> bool:
        return (one.trainer.lower(), PEOPLE[who]) in self.both.model.operators


def _call(
    both: Comparison, kind: StepKind, truth: Truth, guess: Guess | None
) -> tuple[object, ...]:
    """Arguments as they should be, by what people know."""
    asked = both.asked(truth)
    page = min(asked.pages, asked.page_count - 1)
    match kind:
        case StepKind.CANCEL_REQUEST:
            return truth.id, truth.terms_hash, MOST_LIVE
        case StepKind.OPEN_TRUTH:
            return truth.id, page, truth.onion.pages[page], truth.onion.inner(page)
        case StepKind.SUBMIT:
            nothing = bytes(32)
            return truth.id, truth.terms_hash, nothing, nothing, Text(b""), NO_PERMIT
        case StepKind.ENFORCE_TIMEOUT:
            return (truth.id,)
    assert guess is not None
    match kind:
        case StepKind.CANCEL_SUBMISSION:
            return guess.id, guess.seal, True
        case StepKind.CLAIM:
            hint = both.hint(guess, guess.matches)
            return guess.id, guess.seal, guess.matches, hint
        case StepKind.OPEN_PREDICTIONS:
            known = truth.onion.pages[page]
            difference = sealing.xor(known, guess.onion.pages[page])
            onion = guess.onion
            rest = (onion.inner(page), onion.core.superhash, guess.model)
            return guess.id, page, known, difference, *rest
        case _:
            return (guess.id,)


def test_what_may_be_done_and_what_is_due_is_what_the_contract_says() -> None:
    run_state_machine_as_test(
        RulesMachine,
        settings=settings(max_examples=40, stateful_step_count=30, deadline=None),
    )
