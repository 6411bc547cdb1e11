# SPDX-License-Identifier: Apache-2.0
"""Contract and reference model side by side, driven by random people.

Every call is made on both; both must allow it or both refuse it, with the
protocol's own word for it where it has one. After each step every balance,
every phase and every rank must be the same, and the market must hold exactly
what it owes, what it slashed and what strangers sent it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from eth_abi import encode
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from contracts.machine import START, Machine, Reverted
from contracts.reference import FINAL, NAMED, Asked, Entered, Reference, Refused
from modelmarket.protocol.classes import Codes
from modelmarket.protocol.labels import count_matches, difference, pack, unpack, words
from modelmarket.protocol.phases import Phase, Status
from modelmarket.protocol.seals import Core, Opening, seal, superhash
from modelmarket.protocol.terms import Terms
from modelmarket.protocol.types import Address, Salt, Wei, checksummed

PEOPLE = ("requester", "ann", "bob", "eve")
PURSE = 10**21
MOST_REQUESTS = 4
MOST_SUBMISSIONS = 12
MODEL = "bafymodel"
NO_PERMIT = (0, 0, bytes(32), bytes(32))
SIZES = ((1, 1), (3, 2), (9, 4), (40, 8), (5, 16), (12_289, 16), (12_300, 16))
"""Labels and bits; the last two have two pages."""


@dataclass
class Truth:
    codes: Codes
    opening: Opening
    terms_hash: bytes


@dataclass
class Guess:
    """What a submission's seal opens to, and for whom it was sealed."""

    opening: Opening
    owner: str


def _silent(asked: Asked) -> Entered | None:
    """The first submission that could still claim."""
    return next((one for one in asked.entered if one.state == "live"), None)


def ids(limit: int) -> st.SearchStrategy[int]:
    return st.integers(0, limit)


class MarketMachine(RuleBasedStateMachine):
    tally: ClassVar[Counter[str]] = Counter()
    """What was called, allowed or refused, and how requests ended."""

    @initialize()
    def begin(self) -> None:
        self.machine = Machine()
        self.people: dict[str, Address] = {
            name: checksummed("0x" + bytes([n + 1] * 20).hex())
            for n, name in enumerate(PEOPLE)
        }
        deployer = checksummed("0x" + "99" * 20)
        self.coin = self.machine.deploy("ModelCoin", deployer)
        self.market = checksummed(
            self.machine.deploy(
                "ModelMarket", deployer, encode(("address",), (self.coin,))
            )
        )
        for address in self.people.values():
            self._coin(deployer, "transfer", address, PURSE)
            self._coin(address, "approve", self.market, 2**255)
        self.model = Reference(dict.fromkeys(PEOPLE, PURSE))
        self.model.now = START
        self.truths: list[Truth] = []
        self.guesses: list[Guess] = []
        self.touched: set[int] = set()

    # --- both at once ---

    def _coin(self, who: str, what: str, *arguments: object) -> object:
        return self.machine.call("ModelCoin", self.coin, who, what, *arguments)

    def _view(self, what: str, *arguments: object) -> object:
        return self.machine.call(
            "ModelMarket", self.market, self.people["eve"], what, *arguments
        )

    def both(
        self, in_model: Callable[[], object], who: str, what: str, *arguments: object
    ) -> bool:
        """Makes a call on both sides; returns whether it was allowed."""
        refusal = ""
        try:
            in_model()
        except Refused as error:
            refusal = str(error)
        try:
            self.machine.call(
                "ModelMarket", self.market, self.people[who], what, *arguments
            )
        except Reverted as error:
            assert refusal, f"{what}: the contract refuses: {error}"
            if refusal in NAMED or str(error) in NAMED:
                assert str(error) == refusal
            self.tally[f"{what} refused"] += 1
            return False
        assert not refusal, f"{what}: the model refuses: {refusal}"
        self.tally[f"{what} allowed"] += 1
        return True

    def _pick_request(self, pick: int) -> int:
        """Mostly a request that there is, sometimes one that is not."""
        return 1 + pick % len(self.model.requests) if pick else 0

    def _pick_submission(self, pick: int) -> int:
        return 1 + pick % len(self.model.submissions) if pick else 0

    # --- people ---

    @rule(
        who=st.sampled_from(PEOPLE),
        size=st.sampled_from(SIZES),
        reward=st.sampled_from([1, 7, 100, 101, 10**18, 10**18 + 1, PURSE]),
        extra=st.sampled_from([0] * 8 + [5, -1]),
        opens_for=st.sampled_from([600] * 5 + [60, 3_600, 59]),
        window=st.sampled_from([900] * 5 + [60, 7 * 86_400, 59]),
        minimum=st.sampled_from([0] * 6 + [1, 3, 2**22]),
        seed=st.integers(0, 99),
    )
    def create(
        self,
        who: str,
        size: tuple[int, int],
        reward: int,
        extra: int,
        opens_for: int,
        window: int,
        minimum: int,
        seed: int,
    ) -> None:
        if len(self.model.requests) >= MOST_REQUESTS:
            return
        labels, bits = size
        stake = max(-(-reward // 100), 1) + extra
        codes = (
            np.random.default_rng(seed)
            .integers(0, min(2**bits, 50), labels)
            .astype(np.uint16)
        )
        salt = Salt(bytes([seed]) * 32)
        core = Core.of_truth(1, self.market, self.people[who], salt)
        opening = seal(pack(codes, bits), core)
        terms = Terms(
            dataset="d",
            name="n",
            context="c",
            reward=Wei(reward),
            stake=Wei(stake),
            submission_window_s=opens_for,
            response_window_s=window,
            labels=labels,
            bits=bits,
            minimum_matches=minimum,
            truth_seal=opening.seal,
        )
        done = self.both(
            lambda: self.model.create(
                who, reward, stake, opens_for, window, labels, bits, minimum
            ),
            who,
            "create_request",
            terms.as_struct(),
            NO_PERMIT,
        )
        if done:
            self.truths.append(Truth(codes, opening, terms.hash(self.people[who])))

    @precondition(lambda self: self.model.requests)
    @rule(
        who=st.sampled_from(PEOPLE),
        pick=ids(9),
        mistakes=st.integers(0, 6),
        copies=st.booleans(),
        terms_fit=st.sampled_from([True] * 9 + [False]),
    )
    def submit(
        self, who: str, pick: int, mistakes: int, copies: bool, terms_fit: bool
    ) -> None:
        if len(self.model.submissions) >= MOST_SUBMISSIONS:
            return
        number = self._pick_request(pick)
        if number == 0:
            guess, terms_hash = None, bytes(32)
        else:
            truth = self.truths[number - 1]
            terms_hash = truth.terms_hash if terms_fit else bytes(32)
            theirs = [
                self.guesses[one.id - 1]
                for one in self.model.requests[number - 1].entered
            ]
            if copies and theirs:
                guess = theirs[mistakes % len(theirs)]
            else:
                guess = self._guess(number, who, mistakes)
        sealed = bytes(32) if guess is None else guess.opening.layers[0]
        done = self.both(
            lambda: self.model.submit(who, number, sealed, terms_fit=terms_fit),
            who,
            "submit",
            number,
            terms_hash,
            sealed,
            superhash(MODEL),
            "",
            NO_PERMIT,
        )
        if done:
            assert guess is not None
            self.guesses.append(guess)

    def _guess(self, number: int, who: str, mistakes: int) -> Guess:
        truth, asked = self.truths[number - 1], self.model.requests[number - 1]
        codes = truth.codes.copy()
        for n in range(mistakes):
            codes[-1 - n % codes.size] ^= 1
        core = Core.of_predictions(
            1,
            self.market,
            self.people[who],
            truth.terms_hash,
            superhash(MODEL),
            Salt(bytes(32)),
        )
        return Guess(seal(pack(codes, asked.bits), core), who)

    @precondition(lambda self: self.model.submissions)
    @rule(
        who=st.sampled_from(PEOPLE),
        pick=ids(20),
        own=st.booleans(),
        slash=st.booleans(),
    )
    def cancel_submission(self, who: str, pick: int, own: bool, slash: bool) -> None:
        number = self._pick_submission(pick)
        if own and number:
            who = self.model.submissions[number - 1][1].trainer
        self.both(
            lambda: self.model.cancel_submission(who, number, slash),
            who,
            "cancel_submission",
            number,
            self._seal_of(number),
            slash,
        )

    def _seal_of(self, number: int) -> bytes:
        return self.guesses[number - 1].opening.seal if number else bytes(32)

    @precondition(lambda self: self.model.requests)
    @rule(
        who=st.sampled_from(PEOPLE),
        pick=ids(9),
        max_live=st.sampled_from([0, 0, 0, 0, 2, 1, 3, 9]),
    )
    def cancel_request(self, who: str, pick: int, max_live: int) -> None:
        number = self._pick_request(pick)
        if number and max_live % 2:
            who = self.model.requests[number - 1].requester
        self.both(
            lambda: self.model.cancel_request(who, number, max_live),
            who,
            "cancel_request",
            number,
            self.truths[number - 1].terms_hash if number else bytes(32),
            max_live,
        )

    @precondition(lambda self: self.model.requests)
    @rule(
        who=st.sampled_from(PEOPLE),
        pick=ids(9),
        how=st.sampled_from(["well"] * 8 + ["page", "salt", "short", "other"]),
    )
    def open_truth(self, who: str, pick: int, how: str) -> None:
        number = self._pick_request(pick)
        page, sent, inner, fits = 0, [0], bytes(32), False
        if number:
            asked = self.model.requests[number - 1]
            opening = self.truths[number - 1].opening
            page = min(asked.truth_pages, len(opening.pages) - 1)
            page = page + 1 if how == "page" else page
            place = min(page, len(opening.pages) - 1)
            sent = words(opening.pages[place])
            inner = bytes(32) if how == "salt" else opening.inner(place)
            sent = sent[:-1] if how == "short" else sent
            sent = [sent[0] ^ 1, *sent[1:]] if how == "other" else sent
            fits = how in ("well", "page") and bool(sent)
            fits = fits or (how == "salt" and opening.inner(place) == inner)
        self.both(
            lambda: self.model.open_truth(number, page, fits=fits),
            who,
            "open_truth",
            number,
            page,
            sent,
            inner,
        )

    @rule(who=st.sampled_from(PEOPLE), other=st.sampled_from(PEOPLE), yes=st.booleans())
    def set_operator(self, who: str, other: str, yes: bool) -> None:
        self.both(
            lambda: self.model.set_operator(who, other, yes),
            who,
            "set_operator",
            self.people[other],
            yes,
        )

    @precondition(lambda self: self.model.submissions)
    @rule(
        who=st.sampled_from(PEOPLE),
        pick=ids(20),
        own=st.sampled_from([True] * 5 + [False]),
        off=st.sampled_from([0, 0, 0, -1, 1, 2, 9]),
        hint=ids(20),
        well=st.sampled_from([True] * 4 + [False]),
    )
    def claim(
        self, who: str, pick: int, own: bool, off: int, hint: int, well: bool
    ) -> None:
        number = self._pick_submission(pick)
        matches = 0
        if number:
            asked, one = self.model.submissions[number - 1]
            who = one.trainer if own else who
            matches = max(0, self._matches(asked, one) + off)
            if well:
                better = [
                    other.id
                    for other in asked.ranking
                    if (-other.matches, other.id) < (-matches, one.id)
                ]
                hint = better[-1] if better else 0
        self.both(
            lambda: self.model.claim(who, number, matches, hint),
            who,
            "claim",
            number,
            self._seal_of(number),
            matches,
            hint,
        )

    def _matches(self, asked: Asked, one: Entered, page: int | None = None) -> int:
        """Labels that a submission has right, in all or on a page."""
        truth = self.truths[asked.id - 1].codes
        pages = list(self.guesses[one.id - 1].opening.pages)
        guess = unpack(pages, asked.labels, asked.bits)
        if page is None:
            return count_matches(truth, guess)
        first = page * asked.page_labels(0)
        rows = slice(first, first + asked.page_labels(page))
        return count_matches(truth[rows], guess[rows])

    @precondition(lambda self: self.model.submissions)
    @rule(
        who=st.sampled_from(PEOPLE),
        pick=ids(20),
        best=st.sampled_from([True] * 6 + [False]),
        how=st.sampled_from(["well"] * 8 + ["page", "salt", "model", "truth", "other"]),
    )
    def open_predictions(self, who: str, pick: int, best: bool, how: str) -> None:
        number = self._pick_submission(pick)
        if best and self.model.requests:
            asked = self.model.requests[pick % len(self.model.requests)]
            number = asked.candidate.id if asked.candidate else number
        page, truth, sent, inner, model = 0, [0], [0], bytes(32), MODEL
        fits, matches = False, 0
        if number:
            asked, one = self.model.submissions[number - 1]
            guess, sealed = self.guesses[number - 1], self.truths[asked.id - 1].opening
            page = asked.candidate_pages + (how == "page")
            place = min(page, asked.pages - 1)
            truth = words(sealed.pages[place])
            sent = words(difference(sealed.pages[place], guess.opening.pages[place]))
            inner = guess.opening.inner(place)
            is_last = place + 1 == asked.pages
            if how == "salt":
                inner = b"\x55" * 32
            if how == "model":
                model = "bafyother"
            if how == "truth":
                truth = [truth[0] ^ 1, *truth[1:]]
            if how == "other":
                sent = [sent[0] ^ (1 << 255), *sent[1:]]
            # A copied seal binds its first owner, in its core.
            fits = how in ("well", "page") or (how == "model" and not is_last)
            fits = fits and (guess.owner == one.trainer or not is_last)
            matches = self._matches(asked, one, place)
        self.both(
            lambda: self.model.open_predictions(
                number, page, fits=fits, matches=matches
            ),
            who,
            "open_predictions",
            number,
            page,
            truth,
            sent,
            inner,
            superhash(MODEL),
            model,
        )

    @precondition(lambda self: self.model.requests)
    @rule(who=st.sampled_from(PEOPLE), pick=ids(9))
    def enforce_timeout(self, who: str, pick: int) -> None:
        number = self._pick_request(pick)
        self.both(
            lambda: self.model.enforce_timeout(number), who, "enforce_timeout", number
        )

    @precondition(lambda self: self.model.submissions)
    @rule(who=st.sampled_from(PEOPLE), pick=ids(20))
    def withdraw(self, who: str, pick: int) -> None:
        number = self._pick_submission(pick)
        self.both(lambda: self.model.withdraw(number), who, "withdraw", number)

    @rule(who=st.sampled_from(PEOPLE), amount=st.integers(1, 1_000))
    def donate(self, who: str, amount: int) -> None:
        if self.model.balances[who] >= amount:
            self.model.donate(who, amount)
            self._coin(self.people[who], "transfer", self.market, amount)

    # --- a story that goes on ---

    @precondition(lambda self: self.model.requests)
    @rule(
        pick=ids(9),
        steps=st.lists(st.integers(0, 9), min_size=1, max_size=8),
        which=st.booleans(),
    )
    def go_on(self, pick: int, steps: list[int], which: bool) -> None:
        """Does what a request waits for, so that stories come to good ends."""
        asked = self.model.requests[pick % len(self.model.requests)]
        if which:
            asked = min(self.model.requests, key=lambda one: one.phase in FINAL)
        for some in steps:
            self._take_a_step(asked, some)
            self.money_is_where_it_must_be()
            self.every_request_is_what_the_model_says()
            self.every_submission_is_what_the_model_says()

    def _take_a_step(self, asked: Asked, some: int) -> None:
        phase, ends, overdue = self.model.where(asked)
        who = PEOPLE[some % len(PEOPLE)]
        # What a pick must be to mean this request, or a submission.
        this = asked.id - 1 or len(self.model.requests)
        everyone = len(self.model.submissions)
        silent = _silent(asked)
        if overdue:
            self.enforce_timeout(who, this)
        elif phase == "OPEN" and len(asked.live) < 3 and everyone < MOST_SUBMISSIONS:
            self.submit(who, this, some // 2, copies=False, terms_fit=True)
        elif phase == "TRUTH":
            self.open_truth(who, this, "well")
        elif phase == "CLAIMS" and silent is not None and some:
            off = 1 if some == 9 else 0  # one in ten lies
            this = silent.id - 1 or everyone
            self.claim(who, this, own=True, off=off, hint=0, well=True)
        elif phase == "VALIDATION" and some:
            self.open_predictions(who, this, best=True, how="well")
        elif phase in FINAL:
            for one in asked.entered:
                if self.model.due(asked, one):
                    self.withdraw(who, one.id - 1 or everyone)
        else:
            self._move_to(max(self.model.now, ends))

    # --- time ---

    @rule(seconds=st.sampled_from([1] * 6 + [30] * 3 + [60, 900, 5_000]))
    def wait(self, seconds: int) -> None:
        self._move_to(self.model.now + seconds)

    @precondition(lambda self: self.model.requests)
    @rule(pick=ids(9), side=st.sampled_from([-1, 0, 0, 0, 1]))
    def wait_for_a_boundary(self, pick: int, side: int) -> None:
        asked = self.model.requests[pick % len(self.model.requests)]
        _, ends, _ = self.model.where(asked)
        self._move_to(max(self.model.now, ends + side))

    def _move_to(self, second: int) -> None:
        self.model.now = second
        self.machine.move_to(second)

    # --- what must always be so ---

    @invariant()
    def money_is_where_it_must_be(self) -> None:
        model = self.model
        held = self._coin(self.people["eve"], "balanceOf", self.market)
        assert held == model.owed() + model.slashed + model.donated
        assert self._view("slashed") == model.slashed
        for name, address in self.people.items():
            assert self._coin(address, "balanceOf", address) == model.balances[name]

    @invariant()
    def every_request_is_what_the_model_says(self) -> None:
        for asked in self.model.requests:
            state = self._view("request", asked.id)
            phase, ends, overdue = self.model.where(asked)
            assert (Phase(state[9]).name, state[10], state[11]) == (
                phase,
                ends,
                overdue,
            )
            assert (state[12], state[13]) == (len(asked.live), len(asked.ranking))
            ranking = asked.ranking
            assert state[14] == (ranking[0].id if ranking else 0)
            candidate = asked.candidate
            is_candidate = phase == "VALIDATION" and candidate is not None
            assert state[15] == (candidate.id if is_candidate else 0)

    @invariant()
    def every_submission_is_what_the_model_says(self) -> None:
        for asked in self.model.requests:
            ranking = [0, *(one.id for one in asked.ranking), 0]
            for one in asked.entered:
                state = self._view("submission", one.id)
                assert Status(state[2]).name == one.state.upper()
                assert self._view("due", one.id) == self.model.due(asked, one)
                if one.id in ranking:
                    at = ranking.index(one.id)
                    assert state[3] == one.matches
                    assert (state[4], state[5]) == (ranking[at - 1], ranking[at + 1])

    def teardown(self) -> None:
        """Everything reaches its end through calls that anyone can make."""
        if not hasattr(self, "model"):
            return
        for asked in self.model.requests:
            for _ in range(len(asked.entered) + 3):
                if asked.phase in FINAL:
                    break
                _, ends, _ = self.model.where(asked)
                self._move_to(max(self.model.now, ends))
                if not self.model.where(asked)[2]:
                    continue
                assert self.both(
                    lambda asked=asked: self.model.enforce_timeout(asked.id),
                    "eve",
                    "enforce_timeout",
                    asked.id,
                )
            assert asked.phase in FINAL
            self.tally[f"ended {asked.phase}"] += 1
            for one in asked.entered:
                if self.model.due(asked, one):
                    assert self.both(
                        lambda one=one: self.model.withdraw(one.id),
                        "eve",
                        "withdraw",
                        one.id,
                    )
        assert self.model.owed() == 0
        self.tally["calls of the machine"] += self.machine.calls
        self.tally["stories"] += 1
        self.money_is_where_it_must_be()
