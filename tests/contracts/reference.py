# SPDX-License-Identifier: Apache-2.0
"""The protocol in plain Python: a model to hold the contracts against.

Written from the text of the protocol and not from the Vyper: lists are sorted,
sums are summed, labels are compared one by one, and nothing is fast. It takes
the very arguments that the contract takes and packs, hashes, seals and encodes
by code of the tests' own. A call either works, with what it returns and every
event it logs, or raises `Refused` with the contract's own word, and then
nothing has changed. The order of the checks is the promise of `docs/protocol.md`.
"""

from __future__ import annotations

from collections import defaultdict
from copy import deepcopy
from dataclasses import dataclass, field
from typing import NamedTuple

from contracts import sealing
from contracts.encoding import Log, Page, Text, encode, log
from contracts.sealing import NOTHING, Core

HINT_STEPS = 32
PHASES = (
    "",
    "OPEN",
    "TRUTH",
    "CLAIMS",
    "VALIDATION",
    "FULFILLED",
    "REFUNDED",
    "CANCELLED",
    "FORFEITED",
)
STATUSES = ("", "live", "ranked", "cancelled", "failed", "won", "withdrawn")
FINAL = PHASES[5:]
MISMATCH, TIMED_OUT, CANCELLED_LATE = 1, 2, 3
MOST_LIVE = 2**32 - 1
UNLIMITED = 2**256 - 1


class Refused(Exception):  # noqa: N818  # the protocol's word
    """The call is not allowed now; the reason is the contract's, or empty."""


def require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


class Terms(NamedTuple):
    """What a request promises, in the order of the contract's struct."""

    dataset: Text
    name: Text
    context: Text
    reward: int
    stake: int
    submission_window: int
    response_window: int
    labels: int
    bits: int
    minimum: int
    seal: bytes


class Permit(NamedTuple):
    """A permit, in the order of the contract's struct."""

    deadline: int
    v: int
    r: bytes
    s: bytes


NO_PERMIT = Permit(0, 0, NOTHING, NOTHING)


@dataclass
class Coin:
    """ModelCoin: what a token must do, and what it says when it does not."""

    address: str
    chain_id: int
    balances: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    allowances: defaultdict[tuple[str, str], int] = field(
        default_factory=lambda: defaultdict(int)
    )
    nonces: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def transfer(self, who: str, to: str, amount: int) -> list[Log]:
        enough = self.balances[who] >= amount
        require(enough, "erc20: transfer amount exceeds balance")
        self.balances[who] -= amount
        self.balances[to] += amount
        return [log(self.address, "Transfer", who, to, amount)]

    def approve(self, who: str, spender: str, amount: int) -> list[Log]:
        self.allowances[who, spender] = amount
        return [log(self.address, "Approval", who, spender, amount)]

    def permit(
        self, owner: str, spender: str, amount: int, permit: Permit, now: int
    ) -> list[Log]:
        require(now <= permit.deadline, "erc20: expired deadline")
        signed = sealing.permit_digest(
            self.address,
            self.chain_id,
            owner,
            spender,
            amount,
            self.nonces[owner],
            permit.deadline,
        )
        by = sealing.signer(signed, *permit[1:])
        require(by == owner, "erc20: invalid signature")
        self.nonces[owner] += 1
        return self.approve(owner, spender, amount)

    def take(
        self, owner: str, market: str, amount: int, permit: Permit, now: int
    ) -> list[Log]:
        """What the market does for its money; changes nothing if it is refused."""
        allowed = self.allowances[owner, market]
        logs: list[Log] = []
        before = allowed, self.nonces[owner]
        if permit.deadline and allowed < amount:
            try:
                logs += self.permit(owner, market, amount, permit, now)
            except Refused:
                pass  # the transfer shows whether it was needed
        try:
            allowed = self.allowances[owner, market]
            require(allowed >= amount, "erc20: insufficient allowance")
            if allowed != UNLIMITED:
                logs += self.approve(owner, market, allowed - amount)
            return logs + self.transfer(owner, market, amount)
        except Refused:
            self.allowances[owner, market], self.nonces[owner] = before
            raise


@dataclass
class HostileCoin(Coin):
    """The harness's token: no allowances, no events, and not always a transfer."""

    refusal: str | None = None
    """What the market says of a token that makes no transfer."""
    fee: int = 0
    kept: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    """What it has kept of what was sent to each."""

    def transfer(self, who: str, to: str, amount: int) -> list[Log]:
        require(self.refusal is None, self.refusal or "")
        require(self.balances[who] >= amount, "")
        fee = min(self.fee, amount)
        self.balances[who] -= amount
        self.balances[to] += amount - fee
        self.kept[to] += fee
        return []

    def take(
        self, owner: str, market: str, amount: int, permit: Permit, now: int
    ) -> list[Log]:
        return self.transfer(owner, market, amount)


@dataclass
class Entered:
    """A submission: who staked, what it sealed, and what became of it."""

    id: int
    request: int
    trainer: str
    seal: bytes
    left: bytes
    status: str = "live"
    matches: int = 0

    @property
    def counts(self) -> bool:
        return self.status not in ("cancelled", "failed")


@dataclass
class Asked:
    """A request: its terms, its seal and its clock."""

    id: int
    requester: str
    terms: Terms
    terms_hash: bytes
    deadline: int
    left: bytes
    stage: str = "OPEN"  # the last phase entered for good, by a call
    since: int = 0  # when the running window began
    pages: int = 0
    matched: int = 0
    truth: list[bytes] = field(default_factory=list)
    """The hashes of the pages that are open."""
    share: int = 0
    entered: list[Entered] = field(default_factory=list)
    ranking: list[Entered] = field(default_factory=list)

    @property
    def page_count(self) -> int:
        return sealing.page_count(self.terms.labels, self.terms.bits)

    @property
    def opening_window(self) -> int:
        """Seconds to open a whole list: no page restarts it."""
        return self.terms.response_window + 60 * (self.page_count - 1)

    def page_bytes(self, page: int) -> int:
        words = sealing.word_count(self.terms.labels, self.terms.bits)
        return 32 * min(sealing.PAGE_WORDS, words - page * sealing.PAGE_WORDS)

    def page_labels(self, page: int) -> int:
        full = sealing.PAGE_WORDS * 256 // self.terms.bits
        return min(full, self.terms.labels - page * full)

    @property
    def live(self) -> list[Entered]:
        return [one for one in self.entered if one.counts]

    @property
    def head(self) -> Entered | None:
        return self.ranking[0] if self.ranking else None

    @property
    def candidate(self) -> Entered | None:
        """Who would be, once claims have closed."""
        good = self.head is not None and self.head.matches >= self.terms.minimum
        return self.head if good else None

    @property
    def window_ends(self) -> int:
        """The end of the window of the stage that was entered."""
        if self.stage == "CLAIMS":
            return self.since + self.terms.response_window
        return self.since + self.opening_window


class Reference:
    """A market, its money and its time."""

    def __init__(self, address: str, chain_id: int, coin: Coin, now: int) -> None:
        self.address = address
        self.chain_id = chain_id
        self.coin = coin
        self.now = now
        self.slashed = 0
        self.donated = 0
        self.before = 0, 0
        """How many requests and submissions were there, all forgotten."""
        self.requests: list[Asked] = []
        self.submissions: list[Entered] = []
        self.operators: set[tuple[str, str]] = set()
        self.logs: list[Log] = []

    def call(self, who: str, what: str, *arguments: object) -> int | None:
        """Makes a call; its events are in `logs`.

        Raises:
            Refused: With the reason; nothing has changed.
        """
        self.logs = []
        # ModelCoin refuses nothing that the market sends; another token may, at
        # the end of a call.
        before = deepcopy(self.__dict__) if isinstance(self.coin, HostileCoin) else {}
        try:
            result: int | None = getattr(self, what)(who, *arguments)
        except Refused:
            self.__dict__.update(before)
            raise
        return result

    # --- what is so ---

    def where(self, asked: Asked) -> tuple[str, int, bool]:
        """Phase, the second its window ends (0 when final), and overdue."""
        if asked.stage in FINAL:
            return asked.stage, 0, False
        if self.now < asked.deadline:
            return "OPEN", asked.deadline, False
        ends = asked.window_ends
        late = self.now >= ends
        if asked.stage == "OPEN":
            return "TRUTH", ends, late
        if asked.stage == "CLAIMS" and late and asked.candidate:
            ends += asked.opening_window
            return "VALIDATION", ends, self.now >= ends
        return asked.stage, ends, late

    def amount_due(self, one: Entered) -> int:
        """The table: what each submission gets back."""
        asked = self.request(one.request)
        table = {
            ("live", "CANCELLED"): asked.terms.stake + asked.share,
            ("live", "FORFEITED"): asked.terms.stake,
            ("ranked", "REFUNDED"): asked.terms.stake,
            ("ranked", "FULFILLED"): asked.terms.stake,
        }
        return table.get((one.status, asked.stage), 0)

    def owed(self) -> int:
        """All that the market holds for somebody."""
        total = 0
        for asked in self.requests:
            if asked.stage in FINAL:
                total += sum(map(self.amount_due, asked.entered))
            else:
                total += asked.terms.reward + len(asked.live) * asked.terms.stake
        return total

    def view(self, what: str, *arguments: int) -> bytes:
        """What a view of the market returns."""
        return encode(*getattr(self, "_view_" + what)(*arguments))

    def _view_phase(self, number: int) -> tuple[object, ...]:
        return (PHASES.index(self.where(self.request(number))[0]),)

    def _view_due(self, number: int) -> tuple[object, ...]:
        return (self.amount_due(self.submission(number)),)

    def _view_truth_page(self, number: int, page: int) -> tuple[object, ...]:
        truth = self.request(number).truth
        return (truth[page] if page < len(truth) else NOTHING,)

    def _view_request(self, number: int) -> tuple[object, ...]:
        asked = self.request(number)
        phase, ends, overdue = self.where(asked)
        head = asked.head.id if asked.head else 0
        return (
            asked.requester,
            asked.terms_hash,
            asked.terms.reward,
            asked.terms.stake,
            asked.terms.labels,
            asked.terms.bits,
            asked.terms.minimum,
            asked.deadline,
            asked.terms.response_window,
            PHASES.index(phase),
            ends,
            overdue,
            len(asked.live),
            len(asked.ranking),
            head,
            head if phase == "VALIDATION" else 0,
            asked.pages,
            asked.matched,
            asked.left,
        )

    def _view_submission(self, number: int) -> tuple[object, ...]:
        one = self.submission(number)
        ranking = self.request(one.request).ranking
        ahead = behind = 0
        if one in ranking:
            ids = [0, *(other.id for other in ranking), 0]
            at = ids.index(one.id)
            ahead, behind = ids[at - 1], ids[at + 1]
        return (
            one.trainer,
            one.request,
            STATUSES.index(one.status),
            one.matches,
            ahead,
            behind,
            one.seal,
            one.left,
        )

    # --- what may be done ---

    def request(self, number: int) -> Asked:
        at = number - self.before[0]
        require(1 <= at <= len(self.requests), "UnknownRequest")
        return self.requests[at - 1]

    def submission(self, number: int) -> Entered:
        at = number - self.before[1]
        require(1 <= at <= len(self.submissions), "UnknownSubmission")
        return self.submissions[at - 1]

    def _in(self, asked: Asked, *phases: str) -> str:
        phase, _, overdue = self.where(asked)
        require(not overdue, "Overdue")
        require(phase in phases, "WrongPhase")
        return phase

    def _say(self, name: str, *arguments: object) -> None:
        self.logs.append(log(self.address, name, *arguments))

    def _take(self, who: str, amount: int, permit: Permit) -> list[Log]:
        return self.coin.take(who, self.address, amount, permit, self.now)

    def _pay(self, who: str, amount: int) -> None:
        self.logs += self.coin.transfer(self.address, who, amount)

    def create_request(self, who: str, terms: Terms, permit: Permit) -> int:
        bounds = ((terms.dataset, 128), (terms.name, 64), (terms.context, 1_024))
        require(all(len(one) <= most for one, most in bounds), "")
        require(0 < terms.reward < 2**96, "BadReward")
        require(terms.stake >= 1 and 100 * terms.stake >= terms.reward, "BadStake")
        require(terms.stake < 2**96, "BadStake")
        require(60 <= terms.submission_window <= 365 * 86_400, "BadWindow")
        require(60 <= terms.response_window <= 7 * 86_400, "BadWindow")
        require(1 <= terms.labels <= 2**22, "BadLabels")
        require(terms.bits in (1, 2, 4, 8, 16), "BadBits")
        require(terms.minimum <= terms.labels, "BadMinimum")
        paid = self._take(who, terms.reward, permit)
        deadline = self.now + terms.submission_window
        asked = Asked(
            self.before[0] + len(self.requests) + 1,
            who,
            terms,
            sealing.terms_hash(who, terms),
            deadline,
            left=terms.seal,
            since=deadline,
        )
        self.requests.append(asked)
        self._say("RequestCreated", asked.id, who, asked.terms_hash, deadline, terms)
        self.logs += paid
        return asked.id

    def cancel_request(
        self, who: str, number: int, terms_hash: bytes, max_live: int
    ) -> None:
        asked = self.request(number)
        require(who == asked.requester, "NotRequester")
        require(terms_hash == asked.terms_hash, "WrongTerms")
        self._in(asked, "OPEN", "TRUTH")
        live = len(asked.live)
        require(live <= max_live, "TooManyLive")
        share = asked.terms.reward // live if live else 0
        rest = asked.terms.reward - share * live
        asked.stage, asked.share = "CANCELLED", share
        self._say("RequestCancelled", number, live, share, rest)
        if rest:
            self._pay(who, rest)

    def open_truth(
        self, who: str, number: int, page: int, words: Page, inner: bytes
    ) -> None:
        require(len(words) <= 32 * sealing.PAGE_WORDS, "")
        asked = self.request(number)
        self._in(asked, "TRUTH")
        require(page == asked.pages, "WrongPage")
        require(len(words) == asked.page_bytes(page), "WrongLength")
        is_last = page == asked.page_count - 1
        below = inner
        if is_last:
            below = Core(
                sealing.TRUTH,
                self.chain_id,
                self.address,
                asked.requester,
                NOTHING,
                NOTHING,
                inner,
            ).hash()
        require(sealing.layer(words, below) == asked.left, "WrongSeal")
        asked.truth.append(sealing.page_hash(words))
        if is_last:
            asked.stage, asked.since, asked.pages = "CLAIMS", self.now, 0
        else:
            asked.pages, asked.left = asked.pages + 1, below
        ends = asked.window_ends
        self._say("TruthOpened", number, page, asked.left, ends, words)

    def submit(
        self,
        who: str,
        number: int,
        terms_hash: bytes,
        layer: bytes,
        superhash: bytes,
        name: Text,
        permit: Permit,
    ) -> int:
        require(len(name) <= 64, "")
        asked = self.request(number)
        self._in(asked, "OPEN")
        require(terms_hash == asked.terms_hash, "WrongTerms")
        paid = self._take(who, asked.terms.stake, permit)
        seal = sealing.bound(layer, superhash)
        fresh = self.before[1] + len(self.submissions) + 1
        one = Entered(fresh, number, who, seal, left=seal)
        asked.entered.append(one)
        self.submissions.append(one)
        self._say("SubmissionCreated", one.id, number, who, seal, superhash, name)
        self.logs += paid
        return one.id

    def cancel_submission(
        self, who: str, number: int, seal: bytes, accept_slash: bool
    ) -> None:
        one = self.submission(number)
        require(who == one.trainer, "NotTrainer")
        require(seal == one.seal, "WrongSeal")
        asked = self.request(one.request)
        phase = self._in(asked, "OPEN", "TRUTH", "CLAIMS", "VALIDATION")
        require(one.status in ("live", "ranked"), "NotLive")
        if phase == "OPEN":
            one.status = "cancelled"
            self._say("SubmissionCancelled", number, asked.id, asked.terms.stake)
            self._pay(who, asked.terms.stake)
            return
        require(accept_slash, "StakeAtRisk")
        self._fail(asked, one, phase, CANCELLED_LATE)

    def set_operator(self, who: str, operator: str, approved: bool) -> None:
        change = self.operators.add if approved else self.operators.discard
        change((who, operator))
        self._say("OperatorSet", who, operator, approved)

    def claim(
        self, who: str, number: int, seal: bytes, matches: int, hint: int
    ) -> None:
        one = self.submission(number)
        allowed = who == one.trainer or (one.trainer, who) in self.operators
        require(allowed, "NotTrainer")
        require(seal == one.seal, "WrongSeal")
        asked = self.request(one.request)
        self._in(asked, "CLAIMS")
        require(one.status == "live", "NotLive")
        require(matches <= asked.terms.labels, "TooManyMatches")
        ids = [0, *(other.id for other in asked.ranking)]
        require(hint in ids, "BadHint")
        better = [
            other
            for other in asked.ranking
            if (-other.matches, other.id) < (-matches, one.id)
        ]
        require(abs(ids.index(hint) - len(better)) <= HINT_STEPS, "HintTooFar")
        one.status, one.matches = "ranked", matches
        asked.ranking.append(one)
        asked.ranking.sort(key=lambda other: (-other.matches, other.id))
        self._say("Claimed", number, asked.id, matches)

    def open_predictions(
        self,
        who: str,
        number: int,
        page: int,
        truth: Page,
        difference: Page,
        inner: bytes,
        superhash: bytes,
        model: Text,
    ) -> None:
        most = 32 * sealing.PAGE_WORDS
        require(max(len(truth), len(difference)) <= most and len(model) <= 128, "")
        one = self.submission(number)
        asked = self.request(one.request)
        self._in(asked, "VALIDATION")
        require(asked.candidate is one, "NotCandidate")
        require(page == asked.pages, "WrongPage")
        size = asked.page_bytes(page)
        require(len(truth) == len(difference) == size, "WrongLength")
        require(sealing.page_hash(truth) == asked.truth[page], "WrongTruth")
        is_last = page == asked.page_count - 1
        below = inner
        if is_last:
            require(sealing.superhash(model) == superhash, "WrongModel")
            below = Core(
                sealing.PREDICTIONS,
                self.chain_id,
                self.address,
                one.trainer,
                asked.terms_hash,
                superhash,
                inner,
            ).hash()
        guess = sealing.xor(truth, difference)
        opened = sealing.bound(sealing.layer(guess, below), superhash)
        require(opened == one.left, "WrongSeal")
        count, bits = asked.page_labels(page), asked.terms.bits
        same = sealing.unpack(truth, bits) == sealing.unpack(guess, bits)
        matched = asked.matched + int(same[:count].sum())
        self._close_claims(asked)
        asked.pages, asked.matched = asked.pages + 1, matched
        if not is_last:
            one.left = sealing.bound(below, superhash)
            told = (page, matched, one.left, asked.window_ends)
            self._say("PredictionsOpened", number, asked.id, *told)
        elif matched != one.matches:
            self._fail(asked, one, "VALIDATION", MISMATCH)
        else:
            one.status = "won"
            paid = asked.terms.reward + asked.terms.stake
            slashed = self._end(asked, "FULFILLED")
            self._say("RequestFulfilled", asked.id, number, paid, slashed, model)
            self._pay(one.trainer, paid)

    def enforce_timeout(self, who: str, number: int) -> None:
        asked = self.request(number)
        phase, _, overdue = self.where(asked)
        require(overdue, "NotOverdue")
        reward = asked.terms.reward
        if phase == "VALIDATION":
            assert asked.candidate is not None
            self._fail(asked, asked.candidate, phase, TIMED_OUT)
        elif phase == "TRUTH" and asked.live:
            asked.stage = "FORFEITED"
            self.slashed += reward
            self._say("RequestForfeited", number, reward)
        else:
            self._refund(asked)

    def withdraw(self, who: str, number: int) -> None:
        one = self.submission(number)
        amount = self.amount_due(one)
        require(amount > 0, "NothingDue")
        one.status = "withdrawn"
        self._say("Withdrawn", number, one.request, amount)
        self._pay(one.trainer, amount)

    # --- the token, called by itself ---

    def donate(self, who: str, amount: int) -> None:
        """Coins sent to the market outside its calls."""
        self.logs = self.coin.transfer(who, self.address, amount)
        self.donated += amount

    def approve(self, who: str, amount: int) -> None:
        self.logs = self.coin.approve(who, self.address, amount)

    def permit(self, who: str, owner: str, amount: int, permit: Permit) -> None:
        """A permit that somebody sends to the token, before the market does."""
        self.logs = self.coin.permit(owner, self.address, amount, permit, self.now)

    # --- the ways out ---

    def _fail(self, asked: Asked, one: Entered, phase: str, reason: int) -> None:
        was_candidate = phase == "VALIDATION" and asked.candidate is one
        if phase == "VALIDATION":
            self._close_claims(asked)
        one.status = "failed"
        if one in asked.ranking:
            asked.ranking.remove(one)
        self.slashed += asked.terms.stake
        if was_candidate:
            one.left = one.seal
            asked.pages, asked.matched, asked.since = 0, 0, self.now
        told = (reason, asked.terms.stake, asked.window_ends)
        self._say("SubmissionFailed", one.id, asked.id, *told)
        if was_candidate and asked.candidate is None:
            self._refund(asked)

    def _close_claims(self, asked: Asked) -> None:
        """The first candidate's window began when claims closed."""
        if asked.stage == "CLAIMS":
            asked.since += asked.terms.response_window
            asked.stage = "VALIDATION"

    def _refund(self, asked: Asked) -> None:
        slashed = self._end(asked, "REFUNDED")
        self._say("RequestRefunded", asked.id, asked.terms.reward, slashed)
        self._pay(asked.requester, asked.terms.reward)

    def _end(self, asked: Asked, stage: str) -> int:
        """The silent lose their stakes, once."""
        silent = sum(one.status == "live" for one in asked.entered)
        self.slashed += asked.terms.stake * silent
        asked.stage = stage
        return asked.terms.stake * silent
