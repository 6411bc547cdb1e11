# SPDX-License-Identifier: Apache-2.0
"""Contract and reference model side by side, driven by random people.

People mostly do what makes sense, and sometimes anything at all. What they send
goes to both sides as it is: see `comparing.py` for what is compared.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis import target
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from contracts import sealing
from contracts.comparing import (
    MODEL,
    NAMES,
    PEOPLE,
    PURSE,
    REWARD,
    Comparison,
    Guess,
    Point,
    Truth,
)
from contracts.encoding import Page, Text, text
from contracts.hostile import code, every_function
from contracts.reference import FINAL, NO_PERMIT, UNLIMITED, Entered, Permit

MOST_REQUESTS = 4
MOST_SUBMISSIONS = 12
CROWD = 44
"""Submissions, of which the last are further from a wrong hint than a claim walks."""
OTHER_MODEL = text("bafyother")
SIZES = (
    *((1, 1), (3, 2), (9, 4), (40, 8), (5, 16), (256, 1), (300, 4)),
    *((196_609, 1), (393_226, 1), (98_305 + 98_304, 2), (3 * 49_152, 4)),
    *((2 * 24_576 + 3, 8), (12_289, 16), (2 * 12_288 + 12, 16)),
)
"""Labels and bits; those of the last rows have two and three pages."""
SPOILT: tuple[dict[str, Any], ...] = (
    *({"reward": 0}, {"reward": 2**96 - 1, "stake": 2**96 - 1}, {"reward": 2**96}),
    *({"stake": -1}, {"stake": 2**96}, {"submission_window": 59}),
    *({"submission_window": 365 * 86_400 + 1}, {"submission_window": 2**255}),
    *({"response_window": 59}, {"response_window": 7 * 86_400 + 1}),
    *({"labels": 0}, {"labels": 2**22 + 1}, {"bits": 3}, {"minimum": 2**22}),
    *({"context": Text(bytes(1_025))}, {"dataset": Text(bytes(129))}),
    {"name": Text(bytes(65))},
)
"""Terms that are refused."""
STRINGS = (b"", b"a name", b"\xff\xfe", "\u65e5\u672c".encode(), bytes(64))

names = st.sampled_from(NAMES)


def picks() -> st.SearchStrategy[int]:
    return st.integers(0, 20)


class MarketMachine(RuleBasedStateMachine):
    tally: ClassVar[Counter[str]] = Counter()
    """What was called, allowed or refused, and how requests ended."""
    aims: ClassVar[bool] = False
    """Whether stories are sought in which more happens: for long runs."""

    @initialize(
        forked_to=st.sampled_from([None, None, None, 61]),
        size=st.sampled_from(SIZES),
        minimum=st.sampled_from([0, 0, 1, 5]),
        wrong=st.lists(st.integers(0, 4), max_size=4),
        hostile=st.sampled_from([False, False, False, True]),
    )
    def begin(
        self,
        forked_to: int | None,
        size: tuple[int, int],
        minimum: int,
        wrong: list[int],
        hostile: bool,
    ) -> None:
        token = code("BadCoin") if hostile else None
        self.both = Comparison(forked_to=forked_to, hostile=token, tally=self.tally)
        self.point: Point | None = None
        self.is_crowded = False
        self.gone: list[Guess] = []
        """Submissions that a reorganisation took away."""
        count, bits = size
        truth = self.both.create("requester", count, bits, minimum=minimum % count)
        for n, some in enumerate(wrong):
            places = [(n - k) % count for k in range(some)]
            self.both.submit(truth, NAMES[n % 4], places)

    # --- who and what is meant ---

    def _truth(self, pick: int) -> Truth | None:
        """Mostly a request that there is; for 0 none."""
        return self.both.truths[pick % len(self.both.truths)] if pick else None

    def _guess(self, pick: int) -> Guess | None:
        return self.both.guesses[pick % len(self.both.guesses)] if pick else None

    def _entered(self, guess: Guess) -> Entered:
        return self.both.entered(guess)

    def _permit(self, who: str, due: int, how: str) -> Permit:
        """A permit that holds, or one of those that do not."""
        both = self.both
        if both.hostile:
            return NO_PERMIT
        match how:
            case "whole":
                return both.sign(who, due)
            case "part":
                return both.sign(who, max(due - 1, 1))
            case "expired":
                return both.sign(who, due, deadline=both.now - 1)
            case "last second":
                return both.sign(who, due, deadline=both.now)
            case "stranger's":
                return both.sign(who, due, signer="eve" if who != "eve" else "ann")
            case "other nonce":
                return both.sign(who, due, nonce=7)
            case "other chain":
                return both.sign(who, due, chain_id=2)
            case "used up":
                permit = both.sign(who, due)
                both.call("eve", "permit", PEOPLE[who], due, permit)
                return permit
            case "taken":
                permit = both.sign(who, due)
                both.call("eve", "permit", PEOPLE[who], due, permit)
                both.call(who, "approve", 0)
                return permit
        return NO_PERMIT

    # --- people ---

    @rule(
        who=names,
        size=st.sampled_from(SIZES),
        reward=st.sampled_from([1, 7, 100, 101, 10**18, 10**18 + 1, PURSE]),
        opens_for=st.sampled_from([600, 600, 600, 60, 3_600]),
        window=st.sampled_from([900, 900, 900, 60, 7 * 86_400]),
        minimum=st.sampled_from([0] * 6 + [1, 3]),
        spoilt=st.sampled_from([{}] * len(SPOILT) + list(SPOILT)),
        name=st.sampled_from(STRINGS),
        seed=st.integers(0, 4),
        permit=st.sampled_from(["none"] * 3 + ["whole", "part", "expired"]),
    )
    def create(
        self,
        who: str,
        size: tuple[int, int],
        reward: int,
        opens_for: int,
        window: int,
        minimum: int,
        spoilt: dict[str, Any],
        name: bytes,
        seed: int,
        permit: str,
    ) -> None:
        both = self.both
        if len(both.truths) >= MOST_REQUESTS:
            return
        count, bits = size
        terms, onion = both.terms(
            who,
            count,
            bits,
            seed,
            salt=bytes([seed]) * 32,
            reward=reward,
            stake=max(-(-reward // 100), 1),
            submission_window=opens_for,
            response_window=window,
            minimum=min(minimum, count),
            name=Text(name),
        )
        if "stake" in spoilt and spoilt["stake"] < 0:
            spoilt = {"stake": max(terms.stake + spoilt["stake"], 0)}
        terms = terms._replace(**spoilt)
        reward = terms.reward
        signed = self._permit(who, reward, permit)
        number = both.call(who, "create_request", terms, signed)
        if isinstance(number, int):
            hashed = sealing.terms_hash(PEOPLE[who], terms)
            ends = both.now + terms.submission_window
            both.truths.append(Truth(number, who, terms, hashed, seed, onion, ends))

    @precondition(lambda self: self.both.truths)
    @rule(
        who=names,
        pick=picks(),
        wrong=st.lists(st.integers(-5, 4), max_size=5),
        how=st.sampled_from(
            ["well"] * 9 + ["copied", "terms", "logged", "salt", "owner", "domain"]
        ),
        permit=st.sampled_from(
            ["none"] * 6
            + ["whole", "part", "expired", "last second", "stranger's"]
            + ["other nonce", "other chain", "used up", "taken"]
        ),
        name=st.sampled_from(STRINGS),
    )
    def submit(
        self,
        who: str,
        pick: int,
        wrong: list[int],
        how: str,
        permit: str,
        name: bytes,
    ) -> None:
        both = self.both
        truth = self._truth(pick)
        if len(both.guesses) >= MOST_SUBMISSIONS:
            return
        if truth is None:
            unknown = (0, bytes(32), bytes(32), bytes(32), Text(name), NO_PERMIT)
            both.call(who, "submit", *unknown)
            return
        count = truth.terms.labels
        places = tuple(one % count for one in wrong)
        others: dict[str, dict[str, Any]] = {
            "salt": {"salt": b"\x05" * 32},
            "owner": {"owner": PEOPLE["bob"]},
            "domain": {"domain": sealing.TRUTH},
        }
        guess = both.guess(truth, who, places, **others.get(how, {}))
        theirs = [one for one in both.guesses if one.truth is truth]
        if how == "copied" and theirs:
            guess = theirs[len(wrong) % len(theirs)]
        superhash = guess.onion.core.superhash
        if how == "logged":
            superhash = sealing.superhash(OTHER_MODEL)
        terms_hash = both.truths[0].terms_hash if how == "terms" else truth.terms_hash
        layer = guess.onion.layers[0]
        signed = self._permit(who, truth.stake, permit)
        number = both.call(
            who, "submit", truth.id, terms_hash, layer, superhash, Text(name), signed
        )
        if isinstance(number, int):
            seal = sealing.bound(layer, superhash)
            places, onion = guess.wrong, guess.onion
            entered = Guess(number, truth, who, places, onion, guess.model, seal)
            both.guesses.append(entered)

    def _seal(self, guess: Guess | None, how: str) -> bytes:
        """A submission's seal, another's, or one from before a reorganisation."""
        if how == "gone" and self.gone:
            return self.gone[-1].seal
        if how == "other":
            return self.both.guesses[-1].seal
        return guess.seal if guess else bytes(32)

    @precondition(lambda self: self.both.guesses)
    @rule(
        who=names,
        pick=picks(),
        own=st.sampled_from([True] * 4 + [False]),
        accept=st.booleans(),
        seal=st.sampled_from(["own"] * 8 + ["other", "gone"]),
    )
    def cancel_submission(
        self, who: str, pick: int, own: bool, accept: bool, seal: str
    ) -> None:
        guess = self._guess(pick)
        if own and guess:
            who = guess.trainer
        number = guess.id if guess else len(self.both.guesses) + 1
        sent = self._seal(guess, seal)
        self.both.call(who, "cancel_submission", number, sent, accept)

    @precondition(lambda self: self.both.truths)
    @rule(
        who=names,
        pick=picks(),
        own=st.sampled_from([True] * 3 + [False]),
        fits=st.sampled_from([True] * 5 + [False]),
        max_live=st.sampled_from([0, 0, 0, 2, 1, 3, 9]),
    )
    def cancel_request(
        self, who: str, pick: int, own: bool, fits: bool, max_live: int
    ) -> None:
        truth = self._truth(pick)
        who = truth.owner if own and truth else who
        hashed = truth.terms_hash if fits and truth else bytes(32)
        number = truth.id if truth else 0
        self.both.call(who, "cancel_request", number, hashed, max_live)

    @precondition(lambda self: self.both.truths)
    @rule(
        who=names,
        pick=picks(),
        how=st.sampled_from(
            ["well"] * 8 + ["page", "inner", "empty", "short", "long", "full", "other"]
        ),
    )
    def open_truth(self, who: str, pick: int, how: str) -> None:
        truth = self._truth(pick)
        if truth is None:
            self.both.call(who, "open_truth", 0, 0, Page(bytes(32)), bytes(32))
            return
        page = self.both.asked(truth).pages + (how == "page")
        place = min(page, len(truth.onion.pages) - 1)
        words = _spoilt(truth.onion.pages[place], how)
        inner = bytes(31) + b"\1" if how == "inner" else truth.onion.inner(place)
        self.both.call(who, "open_truth", truth.id, page, words, inner)

    @rule(who=names, other=names, yes=st.booleans())
    def set_operator(self, who: str, other: str, yes: bool) -> None:
        self.both.call(who, "set_operator", PEOPLE[other], yes)

    @precondition(lambda self: self.both.guesses)
    @rule(
        who=names,
        pick=picks(),
        own=st.sampled_from([True] * 4 + [False]),
        off=st.sampled_from([0, 0, 0, 0, -1, 1, 2, 9, 2**255]),
        hint=st.sampled_from(["well"] * 5 + ["self", "other", "top", "beyond"]),
        seal=st.sampled_from(["own"] * 8 + ["other", "gone"]),
    )
    def claim(
        self, who: str, pick: int, own: bool, off: int, hint: str, seal: str
    ) -> None:
        both, guess = self.both, self._guess(pick)
        if guess is None:
            both.call(who, "claim", 0, bytes(32), 0, 0)
            return
        who = guess.trainer if own else who
        matches = max(0, guess.matches + off)
        number = {
            "self": guess.id,
            "other": both.guesses[-1].id,
            "top": 0,
            "beyond": len(both.guesses) + 1,
        }.get(hint, both.hint(guess, matches))
        sent = self._seal(guess, seal)
        both.call(who, "claim", guess.id, sent, matches, number)

    @precondition(lambda self: self.both.guesses)
    @rule(
        who=names,
        pick=picks(),
        best=st.sampled_from([True] * 6 + [False]),
        how=st.sampled_from(
            ["well"] * 10
            + ["page", "inner", "model", "named", "truth", "other"]
            + ["empty", "short", "long", "full", "wide"]
        ),
    )
    def open_predictions(self, who: str, pick: int, best: bool, how: str) -> None:
        both, guess = self.both, self._guess(pick)
        if best and both.truths:
            asked = both.asked(both.truths[pick % len(both.truths)])
            if asked.candidate:
                guess = both.guesses[asked.candidate.id - 1]
        if guess is None:
            nothing = (Page(b""), Page(b""), bytes(32), bytes(32), MODEL)
            both.call(who, "open_predictions", 0, 0, *nothing)
            return
        onion, truth = guess.onion, guess.truth.onion
        page = both.asked(guess.truth).pages + (how == "page")
        place = min(page, len(onion.pages) - 1)
        sent = sealing.xor(truth.pages[place], onion.pages[place])
        known = truth.pages[place]
        if how == "truth":
            known = _spoilt(known, "other")
        elif how == "wide":
            known = _spoilt(known, "long")
        else:
            sent = _spoilt(sent, how)
        inner = bytes(31) + b"\1" if how == "inner" else onion.inner(place)
        model = OTHER_MODEL if how in ("model", "named") else guess.model
        named = sealing.superhash(model if how == "named" else guess.model)
        sent_all = (known, sent, inner, named, model)
        both.call(who, "open_predictions", guess.id, page, *sent_all)

    @precondition(lambda self: self.both.truths)
    @rule(who=names, pick=picks())
    def enforce_timeout(self, who: str, pick: int) -> None:
        truth = self._truth(pick)
        self.both.call(who, "enforce_timeout", truth.id if truth else 0)

    @precondition(lambda self: self.both.guesses)
    @rule(who=names, pick=picks())
    def withdraw(self, who: str, pick: int) -> None:
        guess = self._guess(pick)
        self.both.call(who, "withdraw", guess.id if guess else 0)

    # A token that calls the market would do so here too, where it may.
    @precondition(lambda self: self.both.moves_coins and not self.both.armed)
    @rule(who=names, amount=st.integers(1, 1_000))
    def donate(self, who: str, amount: int) -> None:
        self.both.call(who, "donate", amount)

    @precondition(lambda self: not self.both.hostile)
    @rule(
        who=names,
        amount=st.sampled_from([0, 1, 10**16, PURSE, 2**200, 2**200, UNLIMITED]),
    )
    def approve(self, who: str, amount: int) -> None:
        self.both.call(who, "approve", amount)

    # --- a token that is none ---

    @precondition(lambda self: self.both.hostile)
    @rule(
        refusal=st.sampled_from([None, None, None, "Unpaid", "not today"]),
        fee=st.sampled_from([0, 0, 1, 7, PURSE]),
        pick=picks(),
        calls_back=st.booleans(),
    )
    def misbehave(
        self, refusal: str | None, fee: int, pick: int, calls_back: bool
    ) -> None:
        both = self.both
        both.misbehave(refusal, fee)
        calls = list(every_function(both).values())
        both.arm(calls[pick % len(calls)] if calls_back else None)
        both.compare()
        self.tally["a token misbehaves"] += 1

    # --- more people than a claim walks past ---

    @precondition(lambda self: self.both.moves_coins and not self.is_crowded)
    @rule(
        happens=st.sampled_from([True, *[False] * 59]),
        hints=st.lists(st.sampled_from(["well", "top", "bottom"]), min_size=CROWD),
        wrong=st.lists(st.integers(0, 3), min_size=CROWD),
    )
    def crowd(self, happens: bool, hints: list[str], wrong: list[int]) -> None:
        both = self.both
        who = NAMES[len(both.truths) % len(NAMES)]
        purse = both.model.coin.balances[PEOPLE[who]]
        if not happens or purse < REWARD:
            return
        self.is_crowded = True
        if not both.hostile:
            for name in NAMES:
                both.call(name, "approve", 2**200)
        truth = both.create(who, 40, 8)
        before = len(both.guesses)
        for some in range(CROWD):
            self.submit_well(truth, NAMES[some % 4], tuple(range(wrong[some])))
        both.open_truth(truth)
        for guess, hint in zip(both.guesses[before:], hints, strict=False):
            ranking = both.asked(truth).ranking
            number = both.hint(guess, guess.matches)
            if hint == "top" or (hint == "bottom" and not ranking):
                number = 0
            elif hint == "bottom":
                number = ranking[-1].id
            sent = (guess.id, guess.seal, guess.matches, number)
            said = both.call(guess.trainer, "claim", *sent)
            if said == "HintTooFar":
                self.tally["hints out of reach"] += 1
                both.claim(guess)

    # --- a story that goes on ---

    @precondition(lambda self: self.both.truths)
    @rule(
        pick=picks(),
        steps=st.lists(st.integers(0, 9), min_size=4, max_size=20),
        unfinished=st.booleans(),
    )
    def go_on(self, pick: int, steps: list[int], unfinished: bool) -> None:
        """Does what a request waits for, so that stories come to good ends."""
        truths = self.both.truths
        truth = truths[pick % len(truths)]
        if unfinished:
            truth = min(truths, key=lambda one: self.both.phase(one) in FINAL)
        for some in steps:
            self._take_a_step(truth, some)

    def _take_a_step(self, truth: Truth, some: int) -> None:
        both = self.both
        phase, _, overdue = both.where(truth)
        asked = both.asked(truth)
        who = NAMES[some % len(NAMES)]
        silent = next((one for one in asked.entered if one.status == "live"), None)
        room = len(both.guesses) < MOST_SUBMISSIONS and len(asked.live) < 3
        if overdue:
            both.call(who, "enforce_timeout", truth.id)
        elif phase == "OPEN" and room and some:
            # Wrong at the front, at the back, or a page before the back.
            places = [(some % 3 - 1 - n) % truth.terms.labels for n in range(some // 2)]
            if not both.hostile:
                both.call(who, "approve", 2**200)
            self.submit_well(truth, who, tuple(places))
        elif phase == "TRUTH":
            both.open_truth_page(truth, who=who)
        elif phase == "CLAIMS" and silent and some:
            off = 1 if some == 9 else 0  # one in ten lies
            guess = both.guesses[silent.id - 1]
            matches = guess.matches + off
            hint = both.hint(guess, matches)
            both.call(guess.trainer, "claim", guess.id, guess.seal, matches, hint)
        elif phase == "VALIDATION" and some:
            assert asked.candidate is not None
            guess = both.guesses[asked.candidate.id - 1]
            if guess.onion.core.owner != PEOPLE[guess.trainer] or some == 8:
                both.call(
                    guess.trainer, "cancel_submission", guess.id, guess.seal, True
                )
            else:
                self.open_predictions(who, truth.id, best=True, how="well")
        elif phase in FINAL:
            for one in asked.entered:
                if self.both.model.amount_due(one):
                    both.call(who, "withdraw", one.id)
        else:
            both.until(truth)

    def submit_well(self, truth: Truth, who: str, wrong: tuple[int, ...]) -> None:
        """Submits, if there is money for it, and a token that moves it."""
        purse = self.both.model.coin.balances[PEOPLE[who]]
        if self.both.moves_coins and purse >= truth.stake:
            self.both.submit(truth, who, wrong)

    # --- time, and what never happened ---

    @rule(seconds=st.sampled_from([1] * 6 + [30] * 3 + [60, 900, 5_000]))
    def wait(self, seconds: int) -> None:
        self.both.wait(seconds)

    @precondition(lambda self: self.both.truths)
    @rule(pick=picks(), side=st.sampled_from([-1, 0, 0, 0, 1]))
    def wait_for_a_boundary(self, pick: int, side: int) -> None:
        truths = self.both.truths
        self.both.until(truths[pick % len(truths)], side)

    @precondition(lambda self: self.point is None)
    @rule()
    def remember(self) -> None:
        self.point = self.both.point()

    @precondition(lambda self: self.point is not None)
    @rule(happens=st.sampled_from([True, *[False] * 5]))
    def reorganise(self, happens: bool) -> None:
        if happens and self.point:
            self.gone = self.both.guesses[len(self.point.guesses) :]
            self.both.reorganise(self.point)
            self.tally["reorganisations"] += 1
            self.point = None

    def teardown(self) -> None:
        """Everything reaches its end through calls that anyone can make."""
        if not hasattr(self, "both"):
            return
        if self.both.hostile:
            self.both.make_good()
        self.both.drain()
        if self.aims:
            target(float(len(self.both.met)), label="kinds of outcomes")
        self.tally["calls of the machine"] += self.both.machine.calls
        self.tally["stories"] += 1


def _spoilt(page: Page, how: str) -> Page:
    """A page as it must not be sent."""
    match how:
        case "empty":
            return Page(b"")
        case "short":
            return Page(page[:-32])
        case "long":
            return Page(page + bytes(32))
        case "full":
            return Page(page + bytes(32 * sealing.PAGE_WORDS - len(page)))
        case "other":
            return Page(bytes([page[0] ^ 0x80]) + page[1:])
    return page
