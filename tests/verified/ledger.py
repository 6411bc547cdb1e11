# SPDX-License-Identifier: Apache-2.0
"""A reference model of the verified market: its rules once more, in plain Python.

It shares no code with the contracts nor with the client. Hashes are never taken:
what the contract knows by a hash is known here as what was hashed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

OPEN, TRUTH, CLAIMS, VALIDATION = "OPEN", "TRUTH", "CLAIMS", "VALIDATION"
FULFILLED, REFUNDED = "FULFILLED", "REFUNDED"
CANCELLED, FORFEITED = "CANCELLED", "FORFEITED"
PHASES = (
    "",
    OPEN,
    TRUTH,
    CLAIMS,
    VALIDATION,
    FULFILLED,
    REFUNDED,
    CANCELLED,
    FORFEITED,
)
STATUSES = ("", "submitted", "ranked", "cancelled", "failed", "won", "withdrawn")
TIMED_OUT, LATE, REFUTED, WITHHELD = 2, 3, 4, 5
LONGEST_WALK = 32


class Refused(Exception):  # noqa: N818  # the contract's word
    """A call that may not be made, with its reason."""


def refuse_unless(condition: bool, reason: str) -> None:
    """Refuses a call."""
    if not condition:
        raise Refused(reason)


@dataclass(frozen=True)
class Terms:
    """What matters of a contest's terms for its life."""

    reward: int
    stake: int
    bond: int
    window: int
    response: int
    challenge: int
    minimum: int
    most: int
    """Points of all rows."""
    listed: int
    """Parts of a listing."""


@dataclass
class Submission:
    """A submission."""

    id: int
    contest: Contest
    trainer: str
    seal: Any
    status: str = "submitted"
    score: int = 0
    shown: Any = None
    demander: str = ""
    bond: int = 0
    owed: set[int] = field(default_factory=set)
    owed_listing: set[int] = field(default_factory=set)

    @property
    def is_live(self) -> bool:
        return self.status in ("submitted", "ranked")

    @property
    def is_owing(self) -> bool:
        return bool(self.owed or self.owed_listing)


@dataclass
class Contest:
    """A contest."""

    id: int
    requester: str
    terms: Terms
    deadline: int
    end: str = ""
    """The final phase, once there is one."""
    key_at: int | None = None
    """When the key was opened."""
    fresh_at: int | None = None
    """When the last candidate failed."""
    shown_at: int | None = None
    """When the present candidate showed its model."""
    submissions: list[Submission] = field(default_factory=list)
    share_of: int = 0
    """How many share a cancelled reward."""

    @property
    def live(self) -> list[Submission]:
        return [one for one in self.submissions if one.is_live]

    @property
    def ranking(self) -> list[Submission]:
        """Claims, best first; a winner and those that were paid stay in it."""
        claimed = [
            one
            for one in self.submissions
            if one.status in ("ranked", "won")
            or (one.status == "withdrawn" and one.score >= 0 and one in self._claimed)
        ]
        return sorted(claimed, key=lambda one: (-one.score, one.id))

    _claimed: list[Submission] = field(default_factory=list)


class Ledger:
    """The market: contests, submissions, and who holds how much."""

    def __init__(self, people: dict[str, int]) -> None:
        self.balances = dict(people)
        self.held = 0
        self.slashed = 0
        self.now = 0
        self.contests: list[Contest] = []
        self.submissions: list[Submission] = []
        self.operators: set[tuple[str, str]] = set()
        self.events: list[tuple[Any, ...]] = []

    # --- the clock ---

    def phase(self, contest: Contest) -> str:
        """What a contest is in at this second."""
        if contest.end:
            return contest.end
        if contest.key_at is None:
            return OPEN if self.now < contest.deadline else TRUTH
        if contest.shown_at is not None or contest.fresh_at is not None:
            return VALIDATION
        closes = contest.key_at + contest.terms.response
        if self.now >= closes and self.best(contest) is not None:
            return VALIDATION
        return CLAIMS

    def best(self, contest: Contest) -> Submission | None:
        """The claim that may win, if one reaches the threshold."""
        ranked = [one for one in contest.ranking if one.status == "ranked"]
        if ranked and ranked[0].score >= contest.terms.minimum:
            return ranked[0]
        return None

    def step_ends(self, contest: Contest) -> int:
        """When the present window ends; 0 at the end."""
        phase, terms = self.phase(contest), contest.terms
        if contest.end:
            return 0
        if phase == OPEN:
            return contest.deadline
        if phase == TRUTH:
            return contest.deadline + terms.response
        assert contest.key_at is not None
        if phase == CLAIMS:
            return contest.key_at + terms.response
        if contest.shown_at is not None:
            return contest.shown_at + terms.challenge
        if contest.fresh_at is not None:
            return contest.fresh_at + terms.response
        return contest.key_at + 2 * terms.response

    def is_overdue(self, contest: Contest) -> bool:
        """Whether somebody has missed a step."""
        if contest.end:
            return False
        if contest.shown_at is not None:
            best = self.best(contest)
            assert best is not None
            due = contest.shown_at + contest.terms.challenge * 3 // 4
            return best.is_owing and self.now >= due
        return self.now >= self.step_ends(contest)

    def _in_time(self, contest: Contest) -> str:
        refuse_unless(not self.is_overdue(contest), "Overdue")
        if contest.shown_at is not None and not contest.end:
            refuse_unless(self.now < self.step_ends(contest), "TooLate")
        return self.phase(contest)

    # --- money ---

    def _take(self, who: str, amount: int) -> None:
        self.balances[who] -= amount
        self.held += amount

    def _pay(self, who: str, amount: int) -> None:
        self.held -= amount
        self.balances[who] += amount

    # --- calls ---

    def create(self, who: str, terms: Terms) -> Contest:
        contest = Contest(len(self.contests) + 1, who, terms, self.now + terms.window)
        self.contests.append(contest)
        self._take(who, terms.reward)
        self.events.append(("RequestCreated", contest.id, contest.deadline))
        return contest

    def cancel_request(self, who: str, contest: Contest, most_live: int) -> None:
        refuse_unless(who == contest.requester, "WrongTerms")
        phase = self._in_time(contest)
        refuse_unless(phase in (OPEN, TRUTH), "WrongPhase")
        live = len(contest.live)
        refuse_unless(live <= most_live, "TooManyLive")
        reward = contest.terms.reward
        share, paid = (reward // live, reward % live) if live else (0, reward)
        contest.end, contest.share_of = CANCELLED, live
        self._pay(who, paid)
        self.events.append(("RequestCancelled", contest.id, live, share, paid))

    def open_key(self, contest: Contest, *, right: bool = True) -> None:
        refuse_unless(self._in_time(contest) == TRUTH, "WrongPhase")
        refuse_unless(right, "WrongKey")
        contest.key_at = self.now
        self.events.append(("KeyOpened", contest.id, self.step_ends(contest)))

    def submit(self, who: str, contest: Contest, seal: Any) -> Submission:
        refuse_unless(self._in_time(contest) == OPEN, "WrongPhase")
        one = Submission(len(self.submissions) + 1, contest, who, seal)
        self.submissions.append(one)
        contest.submissions.append(one)
        self._take(who, contest.terms.stake)
        self.events.append(("SubmissionCreated", one.id, contest.id, who))
        return one

    def cancel(self, who: str, one: Submission, *, accept: bool) -> None:
        if one.shown is None:
            refuse_unless(who == one.trainer, "WrongSeal")
        else:
            refuse_unless(who == one.trainer, "NotTrainer")
        contest = one.contest
        phase = self._in_time(contest)
        refuse_unless(phase in (OPEN, TRUTH, CLAIMS, VALIDATION), "WrongPhase")
        refuse_unless(one.is_live, "NotLive")
        if phase == OPEN:
            one.status = "cancelled"
            self._pay(who, contest.terms.stake)
            self.events.append(
                ("SubmissionCancelled", one.id, contest.id, contest.terms.stake)
            )
            return
        refuse_unless(accept, "StakeAtRisk")
        self._fail(one, LATE, "")

    def set_operator(self, who: str, operator: str, *, approved: bool) -> None:
        if approved:
            self.operators.add((who, operator))
        else:
            self.operators.discard((who, operator))
        self.events.append(("OperatorSet", who, operator, approved))

    def _acts_for(self, who: str, trainer: str) -> bool:
        return who == trainer or (trainer, who) in self.operators

    def claim(self, who: str, one: Submission, score: int, hint: int) -> None:
        contest = one.contest
        refuse_unless(self._acts_for(who, one.trainer), "NotTrainer")
        refuse_unless(one.shown is None, "WrongSeal")
        refuse_unless(self._in_time(contest) == CLAIMS, "WrongPhase")
        refuse_unless(one.status == "submitted", "NotLive")
        refuse_unless(score <= contest.terms.most, "BadScore")
        listed = [other.id for other in contest.ranking]
        refuse_unless(hint == 0 or hint in listed, "BadHint")
        ahead = sum(
            (-other.score, other.id) < (-score, one.id) for other in contest.ranking
        )
        place = listed.index(hint) + 1 if hint else 0
        refuse_unless(abs(place - ahead) <= LONGEST_WALK, "HintTooFar")
        one.status, one.score = "ranked", score
        contest._claimed.append(one)  # its own module
        self.events.append(("Claimed", one.id, contest.id, score))

    def show(
        self, who: str, one: Submission, *, score: int, opens: bool, header: str
    ) -> None:
        """`header` is why the referee refuses it; empty if it does not."""
        contest = one.contest
        refuse_unless(self._acts_for(who, one.trainer), "NotTrainer")
        refuse_unless(not self.is_overdue(contest), "Overdue")
        refuse_unless(self.phase(contest) == VALIDATION, "WrongPhase")
        refuse_unless(contest.shown_at is None, "AlreadyShown")
        refuse_unless(self.best(contest) is one, "NotCandidate")
        refuse_unless(score == one.score, "WrongScore")
        refuse_unless(opens, "WrongSeal")
        refuse_unless(not header, header)
        one.shown, contest.shown_at = self.now, self.now
        self.events.append(("ModelShown", one.id, contest.id, self.step_ends(contest)))

    def _check_shown(self, one: Submission, *, same: bool) -> None:
        contest = one.contest
        refuse_unless(contest.shown_at is not None and not contest.end, "NotShown")
        refuse_unless(self.best(contest) is one, "NotCandidate")
        refuse_unless(same, "WrongShown")

    def refute(self, one: Submission, challenger: str, *, same: bool = True) -> None:
        refuse_unless(not self.is_overdue(one.contest), "Overdue")
        self._check_shown(one, same=same)
        refuse_unless(self.now < self.step_ends(one.contest), "TooLate")
        self._fail(one, REFUTED, challenger)

    def demand(self, who: str, one: Submission, parts: int, *, same: bool) -> None:
        contest = one.contest
        self._check_shown(one, same=same)
        refuse_unless(not one.demander, "AlreadyDemanded")
        assert contest.shown_at is not None
        half = contest.shown_at + contest.terms.challenge // 2
        refuse_unless(self.now < half, "TooLate")
        one.demander, one.bond = who, contest.terms.bond
        one.owed = set(range(parts))
        one.owed_listing = set(range(contest.terms.listed))
        self._take(who, one.bond)
        due = contest.shown_at + contest.terms.challenge * 3 // 4
        self.events.append(
            (
                *("Demanded", one.id, contest.id, who, one.bond, due),
                *(parts, contest.terms.listed),
            )
        )

    def answered(self, one: Submission, part: int, *, of_listing: bool) -> None:
        refuse_unless(not self.is_overdue(one.contest), "Overdue")
        self._check_shown(one, same=True)
        owed = one.owed_listing if of_listing else one.owed
        refuse_unless(part in owed, "NothingOwed")
        owed.remove(part)
        self.events.append(("Answered", one.id, one.contest.id, part, of_listing))

    def settle(self, contest: Contest, *, same: bool = True) -> None:
        refuse_unless(not self.is_overdue(contest), "Overdue")
        refuse_unless(contest.shown_at is not None and not contest.end, "NotShown")
        refuse_unless(self.now >= self.step_ends(contest), "TooEarly")
        refuse_unless(same, "WrongShown")
        one = self.best(contest)
        assert one is not None
        silent = self._slash_silent(contest)
        paid, bond = contest.terms.reward + contest.terms.stake, one.bond
        one.status, contest.end, one.bond, one.demander = "won", FULFILLED, 0, ""
        self._pay(one.trainer, paid + bond)
        self.events.append(("RequestFulfilled", contest.id, one.id, paid, bond, silent))

    def enforce(self, contest: Contest) -> None:
        refuse_unless(self.is_overdue(contest), "NotOverdue")
        phase = self.phase(contest)
        if phase == VALIDATION:
            best = self.best(contest)
            assert best is not None
            shown = contest.shown_at is not None
            self._fail(best, WITHHELD if shown else TIMED_OUT, "")
        elif phase == TRUTH and contest.live:
            contest.end = FORFEITED
            self.slashed += contest.terms.reward
            self.events.append(("RequestForfeited", contest.id, contest.terms.reward))
        else:
            self._refund(contest)

    def withdraw(self, one: Submission) -> None:
        contest, terms = one.contest, one.contest.terms
        refuse_unless(one.shown is None, "WrongSeal")
        due = 0
        if one.status == "submitted" and contest.end == CANCELLED:
            due = terms.stake + terms.reward // contest.share_of
        elif (one.status == "submitted" and contest.end == FORFEITED) or (
            one.status == "ranked" and contest.end in (FULFILLED, REFUNDED)
        ):
            due = terms.stake
        refuse_unless(due > 0, "NothingDue")
        one.status = "withdrawn"
        self._pay(one.trainer, due)
        self.events.append(("Withdrawn", one.id, contest.id, due))

    def withdraw_bond(self, one: Submission) -> None:
        refuse_unless(one.bond > 0 and one.status == "failed", "NothingDue")
        paid, to = one.bond, one.demander
        one.bond, one.demander = 0, ""
        self._pay(to, paid)
        self.events.append(("BondReturned", one.id, one.contest.id, paid))

    # --- inside ---

    def _slash_silent(self, contest: Contest) -> int:
        silent = sum(one.status == "submitted" for one in contest.submissions)
        amount = silent * contest.terms.stake
        self.slashed += amount
        return amount

    def _fail(self, one: Submission, reason: int, challenger: str) -> None:
        contest, stake = one.contest, one.contest.terms.stake
        was_candidate = self.phase(contest) == VALIDATION and self.best(contest) is one
        one.status = "failed"
        paid = stake // 10 if reason == REFUTED else 0
        self.slashed += stake - paid
        if was_candidate:
            contest.shown_at, contest.fresh_at = None, self.now
        at = len(self.events)
        over = was_candidate and self.best(contest) is None
        ends = self.now + contest.terms.response if over else self.step_ends(contest)
        if over:
            self._refund(contest)
        if paid:
            self._pay(challenger, paid)
        self.events.insert(
            at,
            (
                *("SubmissionFailed", one.id, contest.id, reason, stake - paid),
                *(challenger, paid, ends),
            ),
        )

    def _refund(self, contest: Contest) -> None:
        silent = self._slash_silent(contest)
        contest.end = REFUNDED
        self._pay(contest.requester, contest.terms.reward)
        self.events.append(
            ("RequestRefunded", contest.id, contest.terms.reward, silent)
        )
