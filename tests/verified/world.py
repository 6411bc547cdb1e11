# SPDX-License-Identifier: Apache-2.0
"""A verified market in a test machine, and the things that people do there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import boa
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from contracts.sources import compiled

MDC = 10**18
REWARD = 100 * MDC
STAKE = 10 * MDC
BOND = 2 * MDC
WINDOW = 3_600
RESPONSE = 900
CHALLENGE = 7_200
KEY = bytes(range(32))
SALT = bytes(range(1, 33))
NONCE = b"\x07" * 32
CID = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
NO_PERMIT = (0, 0, bytes(32), bytes(32))
PEOPLE = ("requester", "ann", "bob", "cid", "dot", "eve")

OPEN, TRUTH, CLAIMS, VALIDATION = 1, 2, 3, 4
FULFILLED, REFUNDED, CANCELLED, FORFEITED = 5, 6, 7, 8
SUBMITTED, RANKED, CANCELLED_SUBMISSION, FAILED, WON, WITHDRAWN = 1, 2, 3, 4, 5, 6
TIMED_OUT, CANCELLED_LATE, REFUTED, WITHHELD = 2, 3, 4, 5

TERMS = {
    "reward": "uint256",
    "stake": "uint256",
    "demand_bond": "uint256",
    "submission_window": "uint256",
    "response_window": "uint256",
    "challenge_window": "uint256",
    "minimum_score": "uint256",
    "rows": "uint256",
    "columns": "uint256",
    "width": "uint256",
    "outputs": "uint256",
    "bits": "uint256",
    "points": "uint256",
    "cap": "uint256",
    "step": "uint256",
    "most_units": "uint256",
    "most_words": "uint256",
    "most_parts": "uint256",
    "weights_hash": "bytes32",
    "rows_root": "bytes32",
    "targets_root": "bytes32",
    "nonce": "bytes32",
    "key_hash": "bytes32",
    "schema_hash": "bytes32",
    "texts_hash": "bytes32",
}
"""Fields and types, in the order of the contract's struct."""
TERMS_TYPE = f"({','.join(TERMS.values())})"
TEXTS_TYPE = "(string,string,string)"
SHOWN_TYPE = "(address,uint256,bytes32,bytes32,bytes32,uint256)"
TEXTS = ("bafydata", "a contest", "about digits")


def tag(text: str) -> bytes:
    """What a hash of that kind begins with."""
    return keccak(text=f"ModelMarket {text} 1")


@dataclass(frozen=True)
class Contest:
    """A contest, with what its requester knows."""

    id: int
    requester: str
    terms: dict[str, Any]
    deadline: int

    @property
    def struct(self) -> tuple[Any, ...]:
        return tuple(self.terms.values())


@dataclass
class Entry:
    """A submission, with what its trainer knows."""

    id: int
    trainer: str
    seal: bytes
    header: int
    base: list[int]
    units_root: bytes
    listing_root: bytes
    cid: str = CID
    salt: bytes = SALT
    shown: tuple[Any, ...] = field(
        default=("0x" + "00" * 20, 0, bytes(32), bytes(32), bytes(32), 0)
    )


def base_hash(base: list[int]) -> bytes:
    """keccak256 of the base words, joined."""
    return keccak(b"".join(one.to_bytes(32, "big") for one in base))


def header_of(  # its fields
    *,
    kind: int = 0,
    form: int = 0,
    columns: int = 3,
    outputs: int = 2,
    units: int = 1,
    rounds: int = 0,
    depth: int = 2,
    part: int = 0,
    width: int = 8,
    magic: int = 0x4D4D5831,
    rest: int = 0,
) -> int:
    """A header's word."""
    return (
        magic << 224
        | kind << 216
        | form << 208
        | columns << 192
        | outputs << 176
        | units << 144
        | rounds << 128
        | depth << 120
        | part << 112
        | width << 104
        | rest
    )


class World:
    """A market and its people, each with 10,000 MDC that the market may take."""

    def __init__(self) -> None:
        self.contests: list[Contest] = []
        self.entries: list[tuple[Contest, Entry]] = []
        self.deployer = boa.env.generate_address("deployer")
        self.people = {name: str(boa.env.generate_address(name)) for name in PEOPLE}
        with boa.env.prank(self.deployer):
            self.coin = compiled("ModelCoin").deploy()
            self.referee = compiled("Referee").deploy()
            self.clerk = compiled("Clerk").deploy()
            self.market = compiled("VerifiedMarket").deploy(
                self.coin.address, self.referee.address, self.clerk.address
            )
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

    def as_(self, name: str) -> Any:
        return boa.env.prank(self.people[name])

    def balance(self, name: str) -> int:
        return int(self.coin.balanceOf(self.people[name]))

    def held(self) -> int:
        return int(self.coin.balanceOf(self.market.address))

    def phase(self, contest: Contest) -> int:
        return int(self.market.phase(contest.id))

    def state(self, contest: Contest) -> Any:
        return self.market.request(contest.id)

    def status(self, entry: Entry) -> int:
        return int(self.market.submission(entry.id).status)

    def owed(self) -> int:
        """Wei that the market owes somebody, or will."""
        total = sum(self._owed_by(one) for one in self.contests)
        bonds = (self.market.demand_of(one.id)[1] for _, one in self.entries)
        return total + sum(map(int, bonds))

    def _owed_by(self, contest: Contest) -> int:
        state, terms = self.state(contest), contest.terms
        statuses = [self.status(one) for of, one in self.entries if of.id == contest.id]
        if state.phase <= VALIDATION:
            live = sum(one in (SUBMITTED, RANKED) for one in statuses)
            assert state.live == live
            assert state.ranked == statuses.count(RANKED)
            return int(terms["reward"] + terms["stake"] * live)
        assert (state.step_ends, state.overdue, state.candidate) == (0, False, 0)
        each = {
            (CANCELLED, SUBMITTED): terms["stake"]
            + (terms["reward"] // state.live if state.live else 0),
            (FORFEITED, SUBMITTED): terms["stake"],
            (FULFILLED, RANKED): terms["stake"],
            (REFUNDED, RANKED): terms["stake"],
        }
        return sum(int(each.get((state.phase, one), 0)) for one in statuses)

    # --- acting ---

    def key_hash(self, who: str = "requester", key: bytes = KEY) -> bytes:
        return keccak(
            encode(
                ["bytes32", "uint256", "address", "address", "bytes32", "bytes32"],
                [
                    tag("key"),
                    self.market.chain_id(),
                    self.market.address,
                    self.people[who],
                    NONCE,
                    key,
                ],
            )
        )

    def terms(self, who: str = "requester", **changes: Any) -> dict[str, Any]:
        terms = {
            "reward": REWARD,
            "stake": STAKE,
            "demand_bond": BOND,
            "submission_window": WINDOW,
            "response_window": RESPONSE,
            "challenge_window": CHALLENGE,
            "minimum_score": 0,
            "rows": 20,
            "columns": 3,
            "width": 8,
            "outputs": 2,
            "bits": 1,
            "points": 0,
            "cap": 1,
            "step": 1,
            "most_units": 1_024,
            "most_words": 3_328,
            "most_parts": 16,
            "weights_hash": keccak(b""),
            "rows_root": keccak(text="rows"),
            "targets_root": keccak(text="targets"),
            "nonce": NONCE,
            "key_hash": self.key_hash(who),
            "schema_hash": keccak(text="schema"),
            "texts_hash": keccak(encode([TEXTS_TYPE], [TEXTS])),
        } | changes
        assert list(terms) == list(TERMS)
        return terms

    def contest_hash(self, contest: Contest) -> bytes:
        requester = self.people[contest.requester]
        return keccak(encode(["address", TERMS_TYPE], [requester, contest.struct]))

    def create(
        self,
        *,
        who: str = "requester",
        permit: Any = NO_PERMIT,
        weights: tuple[int, ...] = (),
        **changes: Any,
    ) -> Contest:
        terms = self.terms(who, **changes)
        with self.as_(who):
            number = self.market.create_request(
                tuple(terms.values()), TEXTS, list(weights), permit
            )
        contest = Contest(number, who, terms, self.now + terms["submission_window"])
        self.contests.append(contest)
        return contest

    def seal(self, contest: Contest, who: str, entry: Entry) -> bytes:
        root = keccak(
            encode(
                ["bytes32", "uint256", "bytes32", "bytes32"],
                [tag("model"), entry.header, base_hash(entry.base), entry.units_root],
            )
        )
        return keccak(
            encode(
                [
                    *("bytes32", "uint256", "address", "address"),
                    *("bytes32", "bytes32", "bytes32", "bytes32"),
                ],
                [
                    tag("sealed model"),
                    self.market.chain_id(),
                    self.market.address,
                    self.people[who],
                    self.contest_hash(contest),
                    root,
                    hashlib.sha256(entry.cid.encode()).digest(),
                    entry.salt,
                ],
            )
        )

    def submit(
        self,
        contest: Contest,
        who: str,
        *,
        permit: Any = NO_PERMIT,
        header: int | None = None,
        base: tuple[int, ...] = (0,),
        units_root: bytes = keccak(text="units"),
        listing_root: bytes = keccak(text="listing"),
    ) -> Entry:
        """Seals a model, by default one that nobody can run."""
        entry = Entry(
            0,
            who,
            b"",
            header_of() if header is None else header,
            list(base),
            units_root,
            listing_root,
        )
        entry.seal = self.seal(contest, who, entry)
        with self.as_(who):
            entry.id = self.market.submit(
                contest.id,
                self.people[contest.requester],
                contest.struct,
                entry.seal,
                hashlib.sha256(entry.cid.encode()).digest(),
                f"by {who}",
                permit,
            )
        self.entries.append((contest, entry))
        return entry

    def open_key(self, contest: Contest, *, who: str = "eve", key: bytes = KEY) -> None:
        """Moves to the deadline, if it is still ahead, and opens the key."""
        self.at(max(self.now, contest.deadline))
        with self.as_(who):
            self.market.open_key(
                contest.id, self.people[contest.requester], contest.struct, key
            )

    def claim(
        self,
        contest: Contest,
        entry: Entry,
        score: int,
        *,
        hint: int | None = None,
        who: str | None = None,
    ) -> None:
        with self.as_(who or entry.trainer):
            self.market.claim(
                entry.id,
                self.people[contest.requester],
                contest.struct,
                self.people[entry.trainer],
                entry.seal,
                score,
                self.hint(contest, entry, score) if hint is None else hint,
            )

    def hint(self, contest: Contest, entry: Entry, score: int) -> int:
        """The id that would stand directly ahead."""
        ahead, here = 0, self.state(contest).best
        while here:
            one = self.market.submission(here)
            if (-one.score, here) < (-score, entry.id):
                ahead = here
            here = one.behind
        return ahead

    def close_claims(self, contest: Contest) -> None:
        """Moves to the second at which claims close."""
        assert self.phase(contest) == CLAIMS
        self.at(self.state(contest).step_ends)

    def shown(self, entry: Entry, score: int) -> tuple[Any, ...]:
        return (
            self.people[entry.trainer],
            entry.header,
            base_hash(entry.base),
            entry.units_root,
            entry.listing_root,
            score,
        )

    def show(
        self,
        contest: Contest,
        entry: Entry,
        *,
        who: str | None = None,
        **changes: Any,
    ) -> None:
        score = self.market.submission(entry.id).score
        shown = changes.pop("shown", self.shown(entry, score))
        arguments = {
            "terms": contest.struct,
            "shown": shown,
            "base": entry.base,
            "salt": entry.salt,
            "cid": entry.cid,
            "listing": "",
        } | changes
        with self.as_(who or entry.trainer):
            self.market.show_model(
                entry.id, self.people[contest.requester], *arguments.values()
            )
        entry.shown = shown

    def cancel(
        self, contest: Contest, entry: Entry, *, accept_slash: bool = False
    ) -> None:
        with self.as_(entry.trainer):
            self.market.cancel_submission(
                entry.id,
                self.people[contest.requester],
                contest.struct,
                entry.seal,
                entry.shown,
                accept_slash,
            )

    def cancel_request(self, contest: Contest, max_live: int = 0) -> None:
        with self.as_(contest.requester):
            self.market.cancel_request(contest.id, contest.struct, max_live)

    def refute(self, contest: Contest, entry: Entry, who: str = "eve") -> None:
        """As the referee would, once it has computed."""
        with boa.env.prank(self.referee.address):
            self.market.refute(
                contest.id,
                entry.id,
                self.people[contest.requester],
                contest.struct,
                entry.shown,
                self.people[who],
            )

    def answer(self, entry: Entry, part: int, *, of_listing: bool = False) -> None:
        """As the clerk would, once it has looked."""
        contest = bytes(32)
        if of_listing:
            number = self.market.submission(entry.id).request_id
            contest = self.market.request(number).contest
        with boa.env.prank(self.clerk.address):
            self.market.answered(entry.id, entry.shown, part, contest)

    def demand(
        self,
        contest: Contest,
        entry: Entry,
        who: str = "eve",
        permit: Any = NO_PERMIT,
    ) -> None:
        with self.as_(who):
            self.market.demand(
                entry.id,
                self.people[contest.requester],
                contest.struct,
                entry.shown,
                permit,
            )

    def settle(self, contest: Contest, entry: Entry, who: str = "eve") -> None:
        with self.as_(who):
            self.market.settle(
                contest.id, self.people[contest.requester], contest.struct, entry.shown
            )

    def enforce(self, contest: Contest, who: str = "eve") -> None:
        with self.as_(who):
            self.market.enforce_timeout(
                contest.id, self.people[contest.requester], contest.struct
            )

    def withdraw(self, contest: Contest, entry: Entry, who: str = "eve") -> None:
        with self.as_(who):
            self.market.withdraw(
                entry.id,
                self.people[contest.requester],
                contest.struct,
                self.people[entry.trainer],
                entry.seal,
            )

    # --- whole stories ---

    def in_claims(self, *who: str, **terms: Any) -> tuple[Contest, list[Entry]]:
        contest = self.create(**terms)
        entries = [self.submit(contest, one) for one in who]
        self.open_key(contest)
        return contest, entries

    def in_validation(
        self, scores: dict[str, int], **terms: Any
    ) -> tuple[Contest, list[Entry]]:
        """All have claimed, and the best one may show its model."""
        contest, entries = self.in_validation_or_over(scores, **terms)
        assert self.phase(contest) == VALIDATION
        return contest, entries

    def in_validation_or_over(
        self, scores: dict[str, int], **terms: Any
    ) -> tuple[Contest, list[Entry]]:
        """Claims are closed, whether or not one of them may be shown."""
        contest, entries = self.in_claims(*scores, **terms)
        for entry in entries:
            self.claim(contest, entry, scores[entry.trainer])
        self.close_claims(contest)
        return contest, entries

    def in_challenge(
        self, scores: dict[str, int], **terms: Any
    ) -> tuple[Contest, list[Entry]]:
        """The best one, who is named first, has shown its model."""
        contest, entries = self.in_validation(scores, **terms)
        self.show(contest, entries[0])
        return contest, entries
