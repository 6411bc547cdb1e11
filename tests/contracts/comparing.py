# SPDX-License-Identifier: Apache-2.0
"""Contracts and reference model side by side, and compared to the last field.

Every call is made on both. Both must allow it, and return and log the same, or
both refuse it for the same reason. Then everything that can be asked of market
and token is asked: each field of each request and submission, each page's hash,
each balance, allowance and nonce. What was refused has changed nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from eth_hash.auto import keccak
from eth_keys import keys

from contracts import sealing
from contracts.encoding import Log, Page, Text, calldata, encode, text, word
from contracts.machine import START, Machine, Reverted
from contracts.reference import (
    FINAL,
    NO_PERMIT,
    Asked,
    Coin,
    Entered,
    HostileCoin,
    Permit,
    Reference,
    Refused,
    Terms,
)
from contracts.sealing import NOTHING, Core, Labels, Onion
from contracts.sources import compiled
from modelmarket.chain.artifacts import artifact

NAMES = ("requester", "ann", "bob", "eve")
PURSE = 10**21
REWARD, STAKE = 1_000, 10
WINDOW, RESPONSE = 600, 900
MODEL = text("bafymodel")
SALT = bytes(range(32))
DEPLOYER = "0x" + "99" * 20
VIEWER = "0x" + "77" * 20
BEHAVIOURS = {None: 0, "Unpaid": 1, "": 1, "not today": 2}
"""How a token behaves that makes its transfers, makes none, or forbids them, by what
is said of it then; one that says nothing of itself has no word."""
NOBODY = "0x" + "00" * 20

KEYS = {name: keys.PrivateKey(keccak(name.encode())) for name in NAMES}
PEOPLE = {name: key.public_key.to_address() for name, key in KEYS.items()}


@lru_cache(64)
def labels(count: int, bits: int, seed: int = 1) -> Labels:
    """Random labels of every value that fits."""
    drawn = np.random.default_rng(seed).integers(0, 2**bits, count)
    found: Labels = drawn.astype(np.uint16)
    found.flags.writeable = False
    return found


@lru_cache(512)
def _pages(
    count: int, bits: int, seed: int, wrong: tuple[int, ...]
) -> tuple[Page, ...]:
    return sealing.pack(_guess(count, bits, seed, wrong), bits)


@lru_cache(64)
def _guess(count: int, bits: int, seed: int, wrong: tuple[int, ...]) -> Labels:
    """The labels with those at some places changed."""
    found = labels(count, bits, seed).copy()
    for place in set(wrong):
        found[place] ^= 1
    return found


@dataclass
class Truth:
    """A request, with what its requester knows."""

    id: int
    owner: str
    terms: Terms
    terms_hash: bytes
    seed: int
    onion: Onion
    deadline: int

    @property
    def stake(self) -> int:
        return self.terms.stake


@dataclass
class Guess:
    """A submission, with what its trainer knows."""

    id: int
    truth: Truth
    trainer: str
    wrong: tuple[int, ...]
    onion: Onion
    model: Text = MODEL
    seal: bytes = b""

    @property
    def matches(self) -> int:
        return self.truth.terms.labels - len(set(self.wrong))


@dataclass
class Point:
    """A moment that a reorganisation goes back to."""

    checkpoint: Any
    model: Reference
    now: int
    truths: list[Truth]
    guesses: list[Guess]
    logged: int
    """How many logs there were."""


@dataclass
class Comparison:
    """A market, its token and the model of both.

    Args:
        chain_id: Where they are deployed.
        forked_to: The id of a fork of that chain, on which all the rest happens.
        hostile: The code of a token that is none; None for ModelCoin.
        purse: Everybody's coins.
        before: How many requests and submissions were made there, long ago.
    """

    chain_id: int = 1
    forked_to: int | None = None
    hostile: bytes | None = None
    before: tuple[int, int] = (0, 0)
    purse: int = PURSE
    tally: Counter[str] = field(default_factory=Counter)
    truths: list[Truth] = field(default_factory=list)
    guesses: list[Guess] = field(default_factory=list)
    logged: list[Log] = field(default_factory=list)
    """Everything that the market has said."""
    armed: bool = False
    """Whether the token was told to call back."""
    met: set[tuple[str, str]] = field(default_factory=set)
    """Calls with the reason of each refusal, or the events of what was allowed."""

    def __post_init__(self) -> None:
        self.machine = self._deploy(Machine(self.chain_id))
        now_id = self.forked_to or self.chain_id
        if self.forked_to is not None or any(self.before):
            # The coin keeps nothing of its chain; the market is the old one.
            old, self.machine = self.machine, Machine(now_id)
            coin_there = self.machine.deploy_code(self._coin_code(), DEPLOYER)
            assert coin_there.lower() == self.coin
            slots = (
                dict(zip(_counters(), self.before, strict=True))
                if any(self.before)
                else {}
            )
            self.machine.transplant(old, self.market, slots)
        kind = HostileCoin if self.hostile else Coin
        coin = kind(self.coin, now_id)
        supply = 2**120 if self.hostile else 10**24
        coin.balances[DEPLOYER] = supply
        self.model = Reference(self.market, self.chain_id, coin, START)
        self.model.before = self.before
        for address in PEOPLE.values():
            self._token(DEPLOYER, "transfer", address, self.purse)
            coin.transfer(DEPLOYER, address, self.purse)
            self._token(address, "approve", self.market, 2**200)
            if not self.hostile:
                coin.approve(address, self.market, 2**200)
        self.compare()

    def _coin_code(self) -> bytes:
        return self.hostile or bytes.fromhex(artifact("ModelCoin").bytecode[2:])

    def _deploy(self, machine: Machine) -> Machine:
        self.coin = machine.deploy_code(self._coin_code(), DEPLOYER).lower()
        arguments = encode(self.coin)
        self.market = machine.deploy("ModelMarket", DEPLOYER, arguments).lower()
        return machine

    def arm(self, sent: bytes | None) -> None:
        """Has the token call the market whenever it is to move or to allow anything,
        or never again."""
        target = NOBODY if sent is None else self.market
        self._token(DEPLOYER, "attack", target, Text(sent or b""))
        self.armed = sent is not None

    def misbehave(self, refusal: str | None, fee: int = 0) -> None:
        """Has the token make no transfer, for a reason, or keep a part of each."""
        coin = self.model.coin
        assert isinstance(coin, HostileCoin)
        self._token(DEPLOYER, "behave", BEHAVIOURS[refusal], fee)
        coin.refusal, coin.fee = refusal, fee

    @property
    def moves_coins(self) -> bool:
        """Whether the token makes the transfers that it is asked for."""
        coin = self.model.coin
        return not isinstance(coin, HostileCoin) or coin.refusal is None

    def make_good(self) -> None:
        """Gives the market what its token kept; the token behaves from here on."""
        coin = self.model.coin
        assert isinstance(coin, HostileCoin)
        self.misbehave(None)
        self.arm(None)
        self._token(DEPLOYER, "transfer", self.market, self.kept)
        coin.transfer(DEPLOYER, self.market, self.kept)
        coin.kept[self.market] = 0
        self.compare()

    def _token(self, who: str, what: str, *arguments: object) -> None:
        self.machine.send(self.coin, who, calldata(what, *arguments))

    # --- both at once ---

    def call(self, who: str, what: str, *arguments: object) -> int | str | None:
        """Makes a call on both sides.

        Returns:
            What it returned, or the reason, in a `str`, why it was refused.
        """
        address = PEOPLE.get(who, who)
        contract, name, sent = self._as_sent(what, arguments)
        refusal, value = None, None
        try:
            value = self.model.call(address, what, *arguments)
        except Refused as error:
            refusal = str(error)
        answer: str | None = None
        output = b""
        try:
            output = self.machine.send(contract, address, calldata(name, *sent))
        except Reverted as error:
            answer = str(error)
        assert answer == refusal, (
            f"{what}: the contract says {answer!r}, the model {refusal!r}"
        )
        if refusal is None:
            logs = self.machine.logs()
            assert logs == self.model.logs, what
            self.logged += [one for one in logs if one[0] == self.market]
            if contract == self.market:
                assert output == (b"" if value is None else word(value)), what
        self.compare()
        events = "".join(topics[0].hex() for _, topics, _ in self.model.logs)
        self.met.add((what, events if refusal is None else refusal))
        is_allowed = "allowed" if refusal is None else "refused"
        if contract == self.market:
            self.tally[f"{what} {is_allowed}"] += 1
        return value if refusal is None else refusal

    def _as_sent(
        self, what: str, arguments: Sequence[object]
    ) -> tuple[str, str, Sequence[object]]:
        """The contract, function and arguments of a call of the model."""
        match what:
            case "donate":
                return self.coin, "transfer", (self.market, *arguments)
            case "approve":
                return self.coin, "approve", (self.market, *arguments)
            case "permit":
                owner, amount, permit = arguments
                assert isinstance(permit, Permit)
                sent = (owner, self.market, amount, *permit)
                return self.coin, "permit", sent
        return self.market, what, arguments

    def would_refuse(self, who: str, what: str, *arguments: object) -> str | None:
        """Why the market would refuse a call now; None if it would not."""
        point = self.machine.evm.snapshot()
        try:
            self.machine.send(self.market, PEOPLE[who], calldata(what, *arguments))
        except Reverted as error:
            return str(error)
        finally:
            self.machine.evm.revert(point)
        return None

    def look(self, what: str, *arguments: object) -> bytes:
        """What a view of the market answers, or its reason to refuse."""
        try:
            return self.machine.send(self.market, VIEWER, _asking(what, *arguments))
        except Reverted as error:
            return b"refused: " + str(error).encode()

    def _expected(self, what: str, *arguments: int) -> bytes:
        try:
            return self.model.view(what, *arguments)
        except Refused as error:
            return b"refused: " + str(error).encode()

    def compare(self) -> None:
        """Everything that can be asked."""
        model, coin = self.model, self.model.coin
        first, second = model.before
        for what, value in (
            ("coin", encode(self.coin)),
            ("chain_id", word(self.chain_id)),
            ("slashed", word(model.slashed)),
            ("request_count", word(first + len(model.requests))),
            ("submission_count", word(second + len(model.submissions))),
        ):
            assert self.look(what) == value, what
        for views, start, ids in (
            (("phase", "request"), first, len(model.requests)),
            (("submission", "due"), second, len(model.submissions)),
        ):
            for number in range(start, start + ids + 2):
                for one in views:
                    found = self.look(one, number)
                    if found != (expected := self._expected(one, number)):
                        raise AssertionError(_differing(one, number, found, expected))
        for at in range(len(model.requests) + 2):
            number = first + at
            is_known = 1 <= at <= len(model.requests)
            last = model.requests[at - 1].page_count if is_known else 0
            for page in range(last + 1):
                found = self.look("truth_page", number, page)
                assert found == self._expected("truth_page", number, page)
        people = PEOPLE.values()
        for trainer in people:
            for other in people:
                found = self.look("is_operator", trainer, other)
                assert found == word((trainer, other) in model.operators)
        for holder in (*people, self.market, DEPLOYER):
            balance = self._ask_coin("balanceOf", holder)
            assert balance == coin.balances[holder], f"the balance of {holder}"
            if not self.hostile:
                allowed = self._ask_coin("allowance", holder, self.market)
                assert allowed == coin.allowances[holder, self.market]
                assert self._ask_coin("nonces", holder) == coin.nonces[holder]
        sent = model.owed() + model.slashed + model.donated
        assert coin.balances[self.market] + self.kept == sent
        if self.armed:
            tried = self._ask_coin("reentered")
            assert self._ask_coin("refused") == tried, "the market was entered again"

    @property
    def kept(self) -> int:
        """What a token kept of what the market was to get."""
        coin = self.model.coin
        return coin.kept[self.market] if isinstance(coin, HostileCoin) else 0

    def _ask_coin(self, what: str, *arguments: object) -> int:
        data = _asking(what, *arguments)
        return int.from_bytes(self.machine.send(self.coin, VIEWER, data))

    # --- time ---

    @property
    def now(self) -> int:
        return self.model.now

    def at(self, second: int) -> None:
        """Moves block time, and looks again."""
        assert second >= self.now
        self._move(second)
        self.compare()

    def wait(self, seconds: int) -> None:
        self.at(self.now + seconds)

    def _move(self, second: int) -> None:
        self.model.now = second
        self.machine.move_to(second)

    def until(self, truth: Truth, beside: int = 0) -> None:
        """Moves to the end of a request's running window, or beside it."""
        self.at(max(self.now, self.where(truth)[1] + beside))

    def where(self, truth: Truth) -> tuple[str, int, bool]:
        return self.model.where(self.asked(truth))

    def phase(self, truth: Truth) -> str:
        return self.where(truth)[0]

    def asked(self, truth: Truth) -> Asked:
        return self.model.request(truth.id)

    def entered(self, guess: Guess) -> Entered:
        return self.model.submission(guess.id)

    # --- reorganisations ---

    def point(self) -> Point:
        """A moment that can be gone back to, once."""
        return Point(
            self.machine.evm.snapshot(),
            deepcopy(self.model),
            self.now,
            list(self.truths),
            list(self.guesses),
            len(self.logged),
        )

    def reorganise(self, point: Point) -> None:
        """Goes back; what was done since then never happened."""
        self.machine.evm.revert(point.checkpoint)
        self.model = point.model
        self.truths, self.guesses = list(point.truths), list(point.guesses)
        del self.logged[point.logged :]
        self._move(point.now)
        self.compare()

    # --- what people know and do ---

    def expect(
        self, refused: str | None, who: str, what: str, *arguments: object
    ) -> int | None:
        """A call whose end is known: None for one that is allowed."""
        found = self.call(who, what, *arguments)
        reason = found if isinstance(found, str) else None
        assert reason == refused, f"{what}: {reason!r} and not {refused!r}"
        return None if isinstance(found, str) else found

    def terms(
        self, who: str, count: int, bits: int, seed: int, **changes: Any
    ) -> tuple[Terms, Onion]:
        core = Core(
            sealing.TRUTH,
            self.chain_id,
            self.market,
            PEOPLE[who],
            NOTHING,
            NOTHING,
            changes.pop("salt", SALT),
        )
        bits_that_fit = bits if bits in (1, 2, 4, 8, 16) else 4
        onion = Onion(core, _pages(max(count, 1), bits_that_fit, seed, ()))
        terms = Terms(
            dataset=text("bafydata"),
            name=text("a request"),
            context=text("about digits"),
            reward=REWARD,
            stake=STAKE,
            submission_window=WINDOW,
            response_window=RESPONSE,
            labels=count,
            bits=bits,
            minimum=0,
            seal=onion.layers[0],
        )
        return terms._replace(**changes), onion

    def create(
        self,
        who: str = "requester",
        count: int = 20,
        bits: int = 4,
        *,
        seed: int = 1,
        permit: Permit = NO_PERMIT,
        refused: str | None = None,
        **changes: Any,
    ) -> Truth:
        terms, onion = self.terms(who, count, bits, seed, **changes)
        number = self.expect(refused, who, "create_request", terms, permit)
        hashed = sealing.terms_hash(PEOPLE[who], terms)
        ends = self.now + terms.submission_window
        truth = Truth(number or 0, who, terms, hashed, seed, onion, ends)
        if number:
            self.truths.append(truth)
        return truth

    def guess(
        self, truth: Truth, who: str, wrong: Iterable[int] = (), **changes: Any
    ) -> Guess:
        """What somebody could submit.

        Args:
            truth: The request.
            who: The trainer.
            wrong: The labels that are not as in the truth.
            changes: Parts of the core, or the model, that are other ones.
        """
        terms = truth.terms
        model = changes.pop("model", MODEL)
        core: dict[str, Any] = {
            "domain": sealing.PREDICTIONS,
            "chain_id": self.chain_id,
            "market": self.market,
            "owner": PEOPLE[who],
            "terms_hash": truth.terms_hash,
            "superhash": sealing.superhash(model),
            "salt": SALT,
        } | changes
        places = tuple(wrong)
        pages = _pages(terms.labels, terms.bits, truth.seed, places)
        onion = Onion(Core(**core), pages)
        return Guess(0, truth, who, places, onion, model, onion.seal)

    def submit(
        self,
        truth: Truth,
        who: str = "ann",
        wrong: Iterable[int] = (),
        *,
        refused: str | None = None,
        terms_hash: bytes | None = None,
        logged: bytes | None = None,
        permit: Permit = NO_PERMIT,
        copied: Guess | None = None,
        **changes: Any,
    ) -> Guess:
        """Submits; `copied` sends somebody else's seal, `logged` another superhash."""
        guess = copied or self.guess(truth, who, wrong, **changes)
        superhash = guess.onion.core.superhash if logged is None else logged
        layer = guess.onion.layers[0]
        number = self.expect(
            refused,
            who,
            "submit",
            truth.id,
            truth.terms_hash if terms_hash is None else terms_hash,
            layer,
            superhash,
            text(f"by {who}"),
            permit,
        )
        guess = Guess(
            number or 0,
            truth,
            who,
            guess.wrong,
            guess.onion,
            guess.model,
            sealing.bound(layer, superhash),
        )
        if number:
            self.guesses.append(guess)
        return guess

    def open_truth_page(
        self,
        truth: Truth,
        page: int | None = None,
        *,
        who: str = "eve",
        refused: str | None = None,
        **changes: Any,
    ) -> None:
        """Opens a page, the next one unless another is named."""
        place = self.asked(truth).pages if page is None else page
        known = min(place, len(truth.onion.pages) - 1)
        words = changes.get("words", truth.onion.pages[known])
        inner = changes.get("inner", truth.onion.inner(known))
        self.expect(refused, who, "open_truth", truth.id, place, words, inner)

    def open_truth(self, truth: Truth) -> None:
        """Moves to the deadline, if it is still ahead, and opens what is closed."""
        self.at(max(self.now, truth.deadline))
        while self.phase(truth) == "TRUTH":
            self.open_truth_page(truth)

    def claim(
        self,
        guess: Guess,
        matches: int | None = None,
        *,
        hint: int | None = None,
        who: str | None = None,
        seal: bytes | None = None,
        refused: str | None = None,
    ) -> None:
        matches = guess.matches if matches is None else matches
        if hint is None:
            hint = self.hint(guess, matches)
        self.expect(
            refused,
            who or guess.trainer,
            "claim",
            guess.id,
            guess.seal if seal is None else seal,
            matches,
            hint,
        )

    def hint(self, guess: Guess, matches: int) -> int:
        ranking = self.asked(guess.truth).ranking
        better = [
            one.id for one in ranking if (-one.matches, one.id) < (-matches, guess.id)
        ]
        return better[-1] if better else 0

    def close_claims(self, truth: Truth) -> None:
        assert self.phase(truth) == "CLAIMS"
        self.until(truth)

    def open_page(
        self,
        guess: Guess,
        page: int | None = None,
        *,
        who: str = "eve",
        refused: str | None = None,
        **changes: Any,
    ) -> None:
        """Opens a page of predictions, the next one unless another is named."""
        place = self.asked(guess.truth).pages if page is None else page
        known = min(place, len(guess.onion.pages) - 1)
        truth, mine = guess.truth.onion.pages[known], guess.onion.pages[known]
        is_last = known + 1 == len(guess.onion.pages)
        sent = {
            "truth": truth,
            "difference": sealing.xor(truth, mine),
            "inner": guess.onion.inner(known),
            "superhash": guess.onion.core.superhash,
            "model": guess.model if is_last else text(""),
        } | changes
        self.expect(refused, who, "open_predictions", guess.id, place, *sent.values())

    def open_pages(self, guess: Guess) -> None:
        """Opens whatever is left of the candidate's predictions."""
        for _ in guess.onion.pages[self.asked(guess.truth).pages :]:
            self.open_page(guess)

    def cancel(
        self,
        guess: Guess,
        *,
        accept: bool = False,
        who: str | None = None,
        seal: bytes | None = None,
        refused: str | None = None,
    ) -> None:
        sent = guess.seal if seal is None else seal
        who = who or guess.trainer
        self.expect(refused, who, "cancel_submission", guess.id, sent, accept)

    def cancel_request(
        self,
        truth: Truth,
        max_live: int = 0,
        *,
        who: str | None = None,
        terms_hash: bytes | None = None,
        refused: str | None = None,
    ) -> None:
        hashed = truth.terms_hash if terms_hash is None else terms_hash
        who = who or truth.owner
        self.expect(refused, who, "cancel_request", truth.id, hashed, max_live)

    def enforce(self, truth: Truth, *, refused: str | None = None) -> None:
        self.expect(refused, "eve", "enforce_timeout", truth.id)

    def withdraw(self, guess: Guess, *, refused: str | None = None) -> None:
        self.expect(refused, "eve", "withdraw", guess.id)

    def sign(
        self,
        who: str,
        amount: int,
        *,
        deadline: int | None = None,
        nonce: int | None = None,
        **changes: Any,
    ) -> Permit:
        """A permit for the market, signed by hand."""
        ends = self.now + 60 if deadline is None else deadline
        coin = self.model.coin
        digest = sealing.permit_digest(
            changes.get("coin", self.coin),
            changes.get("chain_id", coin.chain_id),
            PEOPLE[who],
            changes.get("spender", self.market),
            amount,
            coin.nonces[PEOPLE[who]] if nonce is None else nonce,
            ends,
        )
        return _sign(changes.get("signer", who), digest, ends)

    # --- whole stories ---

    def in_claims(self, *wrong: Iterable[int], **terms: Any) -> Any:
        """A request whose truth is open, with a submission for each list of wrong
        labels, by ann, bob and eve in turn."""
        truth = self.create(**terms)
        names = ("ann", "bob", "eve")
        guesses = [
            self.submit(truth, names[n % 3], places) for n, places in enumerate(wrong)
        ]
        self.open_truth(truth)
        return truth, *guesses

    def in_validation(self, *wrong: Iterable[int], **terms: Any) -> Any:
        """The same, with everybody's honest claim made and claims closed."""
        truth, *guesses = self.in_claims(*wrong, **terms)
        for one in guesses:
            self.claim(one)
        self.close_claims(truth)
        return truth, *guesses

    def drain(self) -> None:
        """Everything reaches its end through calls that anyone can make."""
        for number in range(1, len(self.model.requests) + 1):
            self._end(self.before[0] + number)
        assert self.model.owed() == 0
        held = self.model.coin.balances[self.market] + self.kept
        assert held == self.model.slashed + self.model.donated

    def _end(self, number: int) -> None:
        def asked() -> Asked:
            # Whoever keeps it over a refusal may keep what is no longer so.
            return self.model.request(number)

        for _ in range(len(asked().entered) + 3):
            if asked().stage in FINAL:
                break
            _, ends, _ = self.model.where(asked())
            self.at(max(self.now, ends))
            if self.model.where(asked())[2]:
                self.expect(None, "eve", "enforce_timeout", number)
        assert asked().stage in FINAL
        self.tally[f"ended {asked().stage}"] += 1
        for one in [one.id for one in asked().entered]:
            if self.model.amount_due(self.model.submission(one)):
                self.expect(None, "eve", "withdraw", one)
            self.expect("NothingDue", "eve", "withdraw", one)


def _counters() -> tuple[int, int]:
    """Where the market counts requests and submissions."""
    places = compiled("ModelMarket").compiler_data.storage_layout["storage_layout"]
    return places["request_count"]["slot"], places["submission_count"]["slot"]


_asking = lru_cache(4_096)(calldata)


@lru_cache(4_096)
def _sign(who: str, digest: bytes, ends: int) -> Permit:
    v, r, s = KEYS[who].sign_msg_hash(digest).vrs
    return Permit(ends, v + 27, word(r), word(s))


def _differing(what: str, number: int, found: bytes, expected: bytes) -> str:
    """Which words of a view are not as they should be."""
    words = [
        f"word {at // 32}: {found[at : at + 32].hex()}, not {expected[at : at + 32].hex()}"
        for at in range(0, max(len(found), len(expected)), 32)
        if found[at : at + 32] != expected[at : at + 32]
    ]
    return f"{what}({number}) says {'; '.join(words)}"
