# SPDX-License-Identifier: Apache-2.0
"""A market in a test machine, and the things that people do there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import boa
import numpy as np

from contracts.sources import compiled
from modelmarket.protocol.classes import Codes
from modelmarket.protocol.labels import difference, pack, words
from modelmarket.protocol.seals import Core, Opening, seal, superhash
from modelmarket.protocol.terms import Terms
from modelmarket.protocol.types import Salt, TermsHash, Wei, checksummed

MDC = 10**18
REWARD = 100 * MDC
STAKE = MDC
WINDOW = 3_600
RESPONSE = 900
MODEL = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
SALT = Salt(bytes(range(32)))
NO_PERMIT = (0, 0, bytes(32), bytes(32))

OPEN, TRUTH, CLAIMS, VALIDATION = 1, 2, 3, 4
FULFILLED, REFUNDED, CANCELLED, FORFEITED = 5, 6, 7, 8
PEOPLE = ("requester", "ann", "bob", "cid", "dot", "eve")


@dataclass
class Submitted:
    """A submission, with what its trainer knows."""

    id: int
    trainer: str
    codes: Codes
    opening: Opening
    model: str


@dataclass
class Requested:
    """A request, with what its requester knows."""

    id: int
    terms: Terms
    terms_hash: TermsHash
    codes: Codes
    opening: Opening
    deadline: int


def labels(count: int, classes: int = 10, seed: int = 1) -> Codes:
    """Random codes."""
    return np.random.default_rng(seed).integers(0, classes, count).astype(np.uint16)


def wrong(truth: Codes, mistakes: int, classes: int = 10) -> Codes:
    """The truth with so many mistakes in it."""
    codes = truth.copy()
    codes[:mistakes] = (codes[:mistakes] + 1) % classes
    return codes


class World:
    """A market and its people, each with 10,000 MDC that the market may take."""

    def __init__(self, coin: Any = None, deployer: Any = None) -> None:
        self.given = 0
        """Wei that strangers sent the market outside its calls."""
        self.deployer = deployer or boa.env.generate_address("deployer")
        self.people = {
            name: checksummed(str(boa.env.generate_address(name))) for name in PEOPLE
        }
        with boa.env.prank(self.deployer):
            self.coin = coin or compiled("ModelCoin").deploy()
            self.market = compiled("ModelMarket").deploy(self.coin.address)
            for address in self.people.values():
                self.coin.transfer(address, 10_000 * MDC)
        for address in self.people.values():
            with boa.env.prank(address):
                self.coin.approve(self.market.address, 2**256 - 1)

    # --- the clock ---

    @property
    def now(self) -> int:
        return int(boa.env.timestamp)

    def at(self, second: int) -> None:
        """Moves block time to a second."""
        assert second >= self.now
        boa.env.timestamp = second

    # --- looking ---

    def balance(self, name: str) -> int:
        return int(self.coin.balanceOf(self.people[name]))

    def held(self) -> int:
        return int(self.coin.balanceOf(self.market.address))

    def phase(self, request: Requested) -> int:
        return int(self.market.phase(request.id))

    def state(self, request: Requested) -> Any:
        return self.market.request(request.id)

    def status(self, submission: Submitted) -> int:
        return int(self.market.submission(submission.id).status)

    def ranking(self, request: Requested) -> list[int]:
        """The ids in the contract's list, first to last."""
        here, found = self.state(request).best, []
        ahead = 0
        while here:
            entry = self.market.submission(here)
            assert entry.ahead == ahead
            found.append(here)
            ahead, here = here, entry.behind
        return found

    # --- acting ---

    def as_(self, name: str) -> Any:
        return boa.env.prank(self.people[name])

    def terms(self, codes: Codes, opening: Opening, **changes: Any) -> Terms:
        terms = Terms(
            dataset="bafydata",
            name="a request",
            context="about digits",
            reward=Wei(REWARD),
            stake=Wei(STAKE),
            submission_window_s=WINDOW,
            response_window_s=RESPONSE,
            labels=codes.size,
            bits=4,
            minimum_matches=0,
            truth_seal=opening.seal,
        )
        return replace(terms, **changes)

    def seal_truth(self, codes: Codes, bits: int, who: str = "requester") -> Opening:
        core = Core.of_truth(
            self.market.chain_id(), self.market.address, self.people[who], SALT
        )
        return seal(pack(codes, bits), core)

    def create(
        self,
        count: int = 20,
        *,
        who: str = "requester",
        codes: Codes | None = None,
        bits: int = 4,
        permit: Any = NO_PERMIT,
        **changes: Any,
    ) -> Requested:
        truth = labels(count, min(10, 2**bits)) if codes is None else codes
        opening = self.seal_truth(truth, bits, who)
        terms = self.terms(truth, opening, bits=bits, **changes)
        with self.as_(who):
            number = self.market.create_request(terms.as_struct(), permit)
        return Requested(
            number,
            terms,
            terms.hash(self.people[who]),
            truth,
            opening,
            self.now + terms.submission_window_s,
        )

    def seal_predictions(
        self,
        request: Requested,
        codes: Codes,
        who: str,
        model: str = MODEL,
        salt: Salt = SALT,
    ) -> Opening:
        core = Core.of_predictions(
            self.market.chain_id(),
            self.market.address,
            self.people[who],
            request.terms_hash,
            superhash(model),
            salt,
        )
        return seal(pack(codes, request.terms.bits), core)

    def submit(
        self,
        request: Requested,
        who: str,
        mistakes: int = 0,
        *,
        codes: Codes | None = None,
        permit: Any = NO_PERMIT,
        model: str = MODEL,
    ) -> Submitted:
        classes = min(10, 2**request.terms.bits)
        guess = wrong(request.codes, mistakes, classes) if codes is None else codes
        opening = self.seal_predictions(request, guess, who, model)
        with self.as_(who):
            number = self.market.submit(
                request.id,
                request.terms_hash,
                opening.layers[0],
                superhash(model),
                f"by {who}",
                permit,
            )
        return Submitted(number, who, guess, opening, model)

    def open_truth_page(self, request: Requested, page: int, who: str = "eve") -> None:
        with self.as_(who):
            self.market.open_truth(
                request.id,
                page,
                words(request.opening.pages[page]),
                request.opening.inner(page),
            )

    def open_truth(self, request: Requested) -> None:
        """Moves to the deadline, if it is still ahead, and opens all pages."""
        self.at(max(self.now, request.deadline))
        for page in range(len(request.opening.pages)):
            self.open_truth_page(request, page)

    def matches(self, request: Requested, submission: Submitted) -> int:
        return int((request.codes == submission.codes).sum())

    def hint(self, request: Requested, submission: Submitted, matches: int) -> int:
        """The id that would stand directly ahead."""
        ahead = 0
        for one in self.ranking(request):
            if (-self.market.submission(one).matches, one) < (-matches, submission.id):
                ahead = one
        return ahead

    def claim(
        self,
        request: Requested,
        submission: Submitted,
        matches: int | None = None,
        *,
        hint: int | None = None,
        who: str | None = None,
    ) -> None:
        if matches is None:
            matches = self.matches(request, submission)
        if hint is None:
            hint = self.hint(request, submission, matches)
        with self.as_(who or submission.trainer):
            self.market.claim(submission.id, submission.opening.seal, matches, hint)

    def close_claims(self, request: Requested) -> None:
        """Moves to the second at which claims close."""
        assert self.phase(request) == CLAIMS
        self.at(self.state(request).step_ends)

    def open_page(
        self,
        request: Requested,
        submission: Submitted,
        page: int,
        *,
        who: str = "eve",
        **changes: Any,
    ) -> None:
        truth = request.opening.pages[page]
        predictions = submission.opening.pages[page]
        is_last = page + 1 == len(submission.opening.pages)
        arguments = {
            "truth": words(truth),
            "difference": words(difference(truth, predictions)),
            "inner": submission.opening.inner(page),
            "superhash": superhash(submission.model),
            "model": submission.model if is_last else "",
        } | changes
        with self.as_(who):
            self.market.open_predictions(submission.id, page, *arguments.values())

    def validate(self, request: Requested, submission: Submitted) -> None:
        for page in range(len(submission.opening.pages)):
            self.open_page(request, submission, page)

    def cancel(self, submission: Submitted, *, accept_slash: bool = False) -> None:
        with self.as_(submission.trainer):
            self.market.cancel_submission(
                submission.id, submission.opening.seal, accept_slash
            )

    def enforce(self, request: Requested, who: str = "eve") -> None:
        with self.as_(who):
            self.market.enforce_timeout(request.id)

    def withdraw(self, submission: Submitted, who: str = "eve") -> None:
        with self.as_(who):
            self.market.withdraw(submission.id)

    # --- whole stories ---

    def in_phase(
        self, phase: int, *mistakes: int, **terms: Any
    ) -> tuple[Requested, list[Submitted]]:
        """A request in one of the phases before the end, with a submission for
        each number of mistakes, by ann, bob, cid, dot in turn; in `VALIDATION`
        all have claimed."""
        if phase == VALIDATION:
            return self.in_validation(*mistakes, **terms)
        if phase == CLAIMS:
            return self.in_claims(*mistakes, **terms)
        request = self.create(**terms)
        names = ("ann", "bob", "cid", "dot")
        entered = [
            self.submit(request, names[n % len(names)], wrongs)
            for n, wrongs in enumerate(mistakes)
        ]
        if phase == TRUTH:
            self.at(request.deadline)
        return request, entered

    def in_claims(
        self, *mistakes: int, **terms: Any
    ) -> tuple[Requested, list[Submitted]]:
        """A request whose truth is open, with a submission for each number of
        mistakes, by ann, bob, cid, dot in turn."""
        request, entered = self.in_phase(OPEN, *mistakes, **terms)
        self.open_truth(request)
        return request, entered

    def in_validation(
        self, *mistakes: int, **terms: Any
    ) -> tuple[Requested, list[Submitted]]:
        """The same, with everybody's honest claim made and claims closed."""
        request, entered = self.in_claims(*mistakes, **terms)
        for one in entered:
            self.claim(request, one)
        self.close_claims(request)
        return request, entered
