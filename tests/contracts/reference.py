# SPDX-License-Identifier: Apache-2.0
"""The protocol in plain Python: a model to hold the contract against.

Written from the text of the protocol and not from the Vyper: lists are
sorted, sums are summed, and nothing is fast. A call either works or raises
`Refused`, and then nothing has changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

WORDS_PER_PAGE = 768
HINT_STEPS = 32
NAMED = ("Overdue", "BadHint", "HintTooFar")
"""Refusals that the protocol itself gives a name."""


class Refused(Exception):  # noqa: N818  # the protocol's word
    """The call is not allowed now."""


def require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


@dataclass
class Entered:
    """A submission: who staked, which seal, and what became of it."""

    id: int
    trainer: str
    seal: object
    state: str = "live"  # live, ranked, cancelled, failed, won, withdrawn
    matches: int = 0

    @property
    def counts(self) -> bool:
        return self.state in ("live", "ranked", "won", "withdrawn")


@dataclass
class Asked:
    """A request: its terms, its seal and its clock."""

    id: int
    requester: str
    reward: int
    stake: int
    deadline: int
    window: int
    labels: int
    bits: int
    minimum: int
    phase: str = "OPEN"  # the last one entered for good, by a call
    since: int = 0  # when the running window began
    truth_pages: int = 0
    candidate_pages: int = 0
    matched: int = 0
    share: int = 0
    entered: list[Entered] = field(default_factory=list)

    @property
    def pages(self) -> int:
        words = -(-self.labels * self.bits // 256)
        return -(-words // WORDS_PER_PAGE)

    @property
    def opening_window(self) -> int:
        """Seconds to open a whole list: no page restarts it."""
        return self.window + 60 * (self.pages - 1)

    def page_labels(self, page: int) -> int:
        per_page = WORDS_PER_PAGE * 256 // self.bits
        return min(per_page, self.labels - page * per_page)

    @property
    def live(self) -> list[Entered]:
        return [one for one in self.entered if one.counts]

    @property
    def ranking(self) -> list[Entered]:
        ranked = [one for one in self.live if one.state != "live"]
        if self.phase in ("CANCELLED", "FORFEITED"):
            ranked = []
        return sorted(ranked, key=lambda one: (-one.matches, one.id))

    @property
    def candidate(self) -> Entered | None:
        best = self.ranking[:1]
        return best[0] if best and best[0].matches >= self.minimum else None


FINAL = ("FULFILLED", "REFUNDED", "CANCELLED", "FORFEITED")


class Reference:
    """A market, its money and its time."""

    def __init__(self, balances: dict[str, int]) -> None:
        self.balances = dict(balances)
        self.now = 0
        self.slashed = 0
        self.donated = 0
        self.requests: list[Asked] = []
        self.submissions: list[tuple[Asked, Entered]] = []
        self.operators: set[tuple[str, str]] = set()

    # --- what is so ---

    def where(self, asked: Asked) -> tuple[str, int, bool]:
        """Phase, the second its window ends (0 when final), and overdue."""
        if asked.phase in FINAL:
            return asked.phase, 0, False
        if self.now < asked.deadline:
            return "OPEN", asked.deadline, False
        if asked.phase == "OPEN":
            ends = asked.deadline + asked.opening_window
            return "TRUTH", ends, self.now >= ends
        if asked.phase == "CLAIMS":
            closes = asked.since + asked.window
            if self.now < closes:
                return "CLAIMS", closes, False
            if asked.candidate is None:
                return "CLAIMS", closes, True
            ends = closes + asked.opening_window
            return "VALIDATION", ends, self.now >= ends
        ends = asked.since + asked.opening_window
        return "VALIDATION", ends, self.now >= ends

    def due(self, asked: Asked, one: Entered) -> int:
        """The table: what each submission gets back."""
        if one.state == "live":
            if asked.phase == "CANCELLED":
                return asked.stake + asked.share
            if asked.phase == "FORFEITED":
                return asked.stake
        if one.state == "ranked" and asked.phase in ("REFUNDED", "FULFILLED"):
            return asked.stake
        return 0

    def owed(self) -> int:
        """All that the market holds for somebody."""
        total = 0
        for asked in self.requests:
            if asked.phase in FINAL:
                total += sum(self.due(asked, one) for one in asked.entered)
            else:
                total += asked.reward + len(asked.live) * asked.stake
        return total

    # --- what may be done ---

    def _request(self, number: int) -> Asked:
        require(1 <= number <= len(self.requests), "unknown request")
        return self.requests[number - 1]

    def _submission(self, number: int) -> tuple[Asked, Entered]:
        require(1 <= number <= len(self.submissions), "unknown submission")
        return self.submissions[number - 1]

    def _in(self, asked: Asked, *phases: str) -> str:
        phase, _, overdue = self.where(asked)
        require(not overdue, "Overdue")
        require(phase in phases, "wrong phase")
        return phase

    def _pay_in(self, who: str, amount: int) -> None:
        require(self.balances[who] >= amount, "funds")
        self.balances[who] -= amount

    def create(
        self,
        who: str,
        reward: int,
        stake: int,
        opens_for: int,
        window: int,
        labels: int,
        bits: int,
        minimum: int,
    ) -> int:
        require(0 < reward < 2**96, "reward")
        require(stake >= 1 and 100 * stake >= reward, "stake")
        require(60 <= opens_for <= 365 * 86_400, "window")
        require(60 <= window <= 7 * 86_400, "window")
        require(1 <= labels <= 2**22, "labels")
        require(bits in (1, 2, 4, 8, 16), "bits")
        require(minimum <= labels, "minimum")
        asked = Asked(
            len(self.requests) + 1,
            who,
            reward,
            stake,
            self.now + opens_for,
            window,
            labels,
            bits,
            minimum,
        )
        self._pay_in(who, reward)
        self.requests.append(asked)
        return asked.id

    def submit(self, who: str, number: int, seal: object, *, terms_fit: bool) -> int:
        asked = self._request(number)
        self._in(asked, "OPEN")
        require(terms_fit, "terms")
        self._pay_in(who, asked.stake)
        one = Entered(len(self.submissions) + 1, who, seal)
        asked.entered.append(one)
        self.submissions.append((asked, one))
        return one.id

    def cancel_submission(self, who: str, number: int, accept_slash: bool) -> None:
        asked, one = self._submission(number)
        require(who == one.trainer, "not the trainer")
        phase = self._in(asked, "OPEN", "TRUTH", "CLAIMS", "VALIDATION")
        require(one.state in ("live", "ranked"), "not live")
        if phase == "OPEN":
            one.state = "cancelled"
            self.balances[who] += asked.stake
            return
        require(accept_slash, "stake at risk")
        self._fail(asked, one, phase)

    def cancel_request(self, who: str, number: int, max_live: int) -> None:
        asked = self._request(number)
        require(who == asked.requester, "not the requester")
        self._in(asked, "OPEN", "TRUTH")
        require(len(asked.live) <= max_live, "too many live")
        asked.phase = "CANCELLED"
        if asked.live:
            asked.share = asked.reward // len(asked.live)
        self.balances[who] += asked.reward - asked.share * len(asked.live)

    def open_truth(self, number: int, page: int, *, fits: bool) -> None:
        asked = self._request(number)
        self._in(asked, "TRUTH")
        require(page == asked.truth_pages, "wrong page")
        require(fits, "wrong seal")
        asked.truth_pages += 1
        if asked.truth_pages == asked.pages:
            asked.phase, asked.since = "CLAIMS", self.now

    def set_operator(self, who: str, operator: str, approved: bool) -> None:
        if approved:
            self.operators.add((who, operator))
        else:
            self.operators.discard((who, operator))

    def claim(self, who: str, number: int, matches: int, hint: int) -> None:
        asked, one = self._submission(number)
        allowed = who == one.trainer or (one.trainer, who) in self.operators
        require(allowed, "not the trainer")
        self._in(asked, "CLAIMS")
        require(one.state == "live", "not live")
        require(matches <= asked.labels, "too many matches")
        order = asked.ranking
        ids = [0, *(other.id for other in order)]
        require(hint in ids, "BadHint")
        better = [
            other for other in order if (-other.matches, other.id) < (-matches, one.id)
        ]
        require(abs(ids.index(hint) - len(better)) <= HINT_STEPS, "HintTooFar")
        one.state, one.matches = "ranked", matches

    def open_predictions(
        self, number: int, page: int, *, fits: bool, matches: int
    ) -> None:
        """Opens a page on which so many labels are right."""
        asked, one = self._submission(number)
        self._in(asked, "VALIDATION")
        require(asked.candidate is one, "not the candidate")
        require(page == asked.candidate_pages, "wrong page")
        require(fits, "wrong seal")
        if page + 1 < asked.pages:
            self._close_claims(asked)
            asked.candidate_pages += 1
            asked.matched += matches
        elif asked.matched + matches != one.matches:
            self._fail(asked, one, "VALIDATION")
        else:
            one.state = "won"
            self.balances[one.trainer] += asked.reward + asked.stake
            self._end(asked, "FULFILLED")

    def enforce_timeout(self, number: int) -> None:
        asked = self._request(number)
        phase, _, overdue = self.where(asked)
        require(overdue, "not overdue")
        if phase == "VALIDATION":
            assert asked.candidate is not None
            self._fail(asked, asked.candidate, phase)
        elif phase == "TRUTH" and asked.live:
            asked.phase = "FORFEITED"
            self.slashed += asked.reward
        else:
            self.balances[asked.requester] += asked.reward
            self._end(asked, "REFUNDED")

    def withdraw(self, number: int) -> None:
        asked, one = self._submission(number)
        amount = self.due(asked, one)
        require(amount > 0, "nothing due")
        one.state = "withdrawn"
        self.balances[one.trainer] += amount

    def donate(self, who: str, amount: int) -> None:
        self._pay_in(who, amount)
        self.donated += amount

    # --- the two ways out ---

    def _fail(self, asked: Asked, one: Entered, phase: str) -> None:
        was_candidate = phase == "VALIDATION" and asked.candidate is one
        if phase == "VALIDATION":
            self._close_claims(asked)
        one.state = "failed"
        self.slashed += asked.stake
        if was_candidate:
            asked.candidate_pages, asked.matched, asked.since = 0, 0, self.now
            if asked.candidate is None:
                self.balances[asked.requester] += asked.reward
                self._end(asked, "REFUNDED")

    def _close_claims(self, asked: Asked) -> None:
        """The first candidate's window began when claims closed."""
        if asked.phase == "CLAIMS":
            asked.phase, asked.since = "VALIDATION", asked.since + asked.window

    def _end(self, asked: Asked, phase: str) -> None:
        """The silent lose their stakes, once."""
        self.slashed += asked.stake * sum(one.state == "live" for one in asked.entered)
        asked.phase = phase
