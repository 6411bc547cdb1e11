# SPDX-License-Identifier: Apache-2.0
"""Coin and market of predictions: what can be read of them, and every call."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any

from modelmarket.chain import queries
from modelmarket.chain.abi import functions
from modelmarket.chain.artifacts import artifact
from modelmarket.chain.blocks import Call, Receipt
from modelmarket.chain.connection import Connection
from modelmarket.chain.events import Contracts
from modelmarket.chain.queries import At, Query, together
from modelmarket.chain.sending import send
from modelmarket.chain.wallets import Wallet
from modelmarket.errors import NotFoundError
from modelmarket.protocol.events import Event, Unreadable
from modelmarket.protocol.labels import Page, difference, words
from modelmarket.protocol.phases import Phase, Status
from modelmarket.protocol.terms import Terms
from modelmarket.protocol.types import (
    Address,
    RequestId,
    Seal,
    SubmissionId,
    Superhash,
    TermsHash,
    Wei,
    checksummed,
)

PERMIT_LIFE_S = 3_600


@dataclass(frozen=True)
class Permit:
    """An EIP-2612 permit; `deadline` 0 means that there is none."""

    deadline: int
    v: int
    r: bytes
    s: bytes

    def as_struct(self) -> tuple[int, int, bytes, bytes]:
        """The contract's struct."""
        return (self.deadline, self.v, self.r, self.s)


_PERMIT_TYPES = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ],
    "Permit": [
        {"name": "owner", "type": "address"},
        {"name": "spender", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint256"},
    ],
}

NO_PERMIT = Permit(0, 0, bytes(32), bytes(32))

COPY_MARK = b"MMcopy01"
CID_BYTES = 36


def with_copy(call: Call, cid: bytes) -> Call:
    """The same call, which names an encrypted copy of what it seals.

    A contract does not see what stands behind its arguments; whoever sealed it
    finds it again from the chain alone. It costs 704 gas at most.

    Args:
        call: That creates a request or submits.
        cid: The copy's, in binary; empty for a call as it is.
    """
    return replace(call, data=call.data + cid + COPY_MARK) if cid else call


def copy_in(data: bytes) -> bytes:
    """The binary CID of the copy that a transaction names; empty without one."""
    if not data.endswith(COPY_MARK):
        return b""
    return data[-len(COPY_MARK) - CID_BYTES : -len(COPY_MARK)]


@dataclass(frozen=True)
class RequestState:
    """A request as it stands, in the order of the contract's struct.

    The attributes are explained in `contracts/interfaces/IModelMarket.vyi`.
    """

    requester: Address
    terms_hash: TermsHash
    reward: Wei
    stake: Wei
    labels: int
    bits: int
    minimum_matches: int
    deadline: int
    response_window: int
    phase: Phase
    step_ends: int
    overdue: bool
    live: int
    ranked: int
    best: SubmissionId
    candidate: SubmissionId
    pages: int
    matched: int
    sealed: Seal


@dataclass(frozen=True)
class SubmissionState:
    """A submission as it stands, in the order of the contract's struct."""

    trainer: Address
    request_id: RequestId
    status: Status
    matches: int
    ahead: SubmissionId
    behind: SubmissionId
    seal: Seal
    sealed: Seal


@dataclass(frozen=True)
class Purse:
    """What an account can pay a market with.

    Attributes:
        owner: The account.
        spender: The market.
        balance: Wei of MDC, with what is waiting.
        allowance: Wei that the market may take without a permit.
        permits: How many permits of it were used: the number of the next one.
        had_airdrop: Whether it has had its airdrop.
    """

    owner: Address
    spender: Address
    balance: Wei
    allowance: Wei
    permits: int
    had_airdrop: bool


class Contract:
    """A contract at an address.

    Args:
        connection: The node.
        address: Where it is.
    """

    name: str

    def __init__(self, connection: Connection, address: Address) -> None:
        self.connection = connection
        self.address = address

    def _call(self, what: str, *arguments: Any) -> Call:
        data = functions(self.name)[what].encode(*arguments)
        return Call(what, self.address, data)

    def _query_all(self, what: str, *arguments: Any, at: At) -> Query[tuple[Any, ...]]:
        def read(answer: bytes) -> tuple[Any, ...]:
            return functions(self.name)[what].decode(answer)

        return queries.call(self._call(what, *arguments), at=at).map(read)

    def _query(self, what: str, *arguments: Any, at: At = "pending") -> Query[Any]:
        return self._query_all(what, *arguments, at=at).map(lambda found: found[0])

    def _read(self, what: str, *arguments: Any, at: At = "pending") -> Any:
        return self.connection.query(self._query(what, *arguments, at=at))


class ModelCoin(Contract):
    """The token."""

    name = "ModelCoin"

    @classmethod
    def deploy(
        cls, connection: Connection, wallet: Wallet
    ) -> tuple[ModelCoin, Receipt]:
        """Deploys a ModelCoin whose airdrops the wallet's account pays for."""
        code = bytes.fromhex(artifact(cls.name).bytecode[2:])
        receipt = send(connection, Call("deploy ModelCoin", None, code), wallet)
        assert receipt.contract is not None
        return cls(connection, receipt.contract), receipt

    def balance_query(self, account: Address) -> Query[Wei]:
        """An account's wei of MDC, with what is waiting."""
        return self._query("balanceOf", account).map(Wei)

    def balance(self, account: Address, *, at: At = "latest") -> Wei:
        """An account's wei of MDC."""
        return Wei(self._read("balanceOf", account, at=at))

    def supply(self) -> Wei:
        """Wei of MDC in existence."""
        return Wei(self._read("totalSupply"))

    def owner(self) -> Address:
        """The account that airdrops are paid from."""
        return checksummed(self._read("owner"))

    def purse(self, owner: Address, spender: Address) -> Query[Purse]:
        """What an account can pay a spender with."""

        def read(found: tuple[int, int, int, bool]) -> Purse:
            balance, allowance, permits, had_airdrop = found
            return Purse(
                owner, spender, Wei(balance), Wei(allowance), permits, had_airdrop
            )

        return together(
            self._query("balanceOf", owner),
            self._query("allowance", owner, spender),
            self._query("nonces", owner),
            self._query("airdropped", owner),
        ).map(read)

    def allowance(self, owner: Address, spender: Address) -> Wei:
        """How much of the owner's MDC the spender may take."""
        return Wei(self._read("allowance", owner, spender))

    def airdropped(self, account: Address) -> bool:
        """Whether an account has had its airdrop."""
        return bool(self._read("airdropped", account))

    def claim_airdrop(self) -> Call:
        """1,000 MDC for the caller, once."""
        return self._call("claim_airdrop")

    def transfer(self, receiver: Address, amount: int) -> Call:
        """Sends MDC."""
        return self._call("transfer", receiver, amount)

    def approve(self, spender: Address, amount: int) -> Call:
        """Lets a spender take MDC."""
        return self._call("approve", spender, amount)

    def sign_permit(
        self,
        wallet: Wallet,
        spender: Address,
        amount: int,
        *,
        deadline: int | None = None,
    ) -> Permit:
        """Signs that a spender may take MDC.

        Args:
            wallet: Whose MDC.
            spender: Who may take them.
            amount: Wei.
            deadline: The last second of the permit; None for an hour from now.
        """
        number, moment = self.connection.query(
            together(self._query("nonces", wallet.address), queries.moment())
        )
        if deadline is None:
            deadline = moment.now + PERMIT_LIFE_S
        message = self.permit_message(
            wallet.address, spender, amount, number=number, deadline=deadline
        )
        return Permit(deadline, *wallet.sign_typed(message))

    def permit_message(
        self,
        owner: Address,
        spender: Address,
        amount: int,
        *,
        number: int,
        deadline: int,
    ) -> dict[str, Any]:
        """What the owner signs so that a spender may take MDC (EIP-712).

        Args:
            owner: Whose MDC.
            spender: Who may take them.
            amount: Wei.
            number: The owner's next permit's; see `Purse`.
            deadline: The last second of the permit.
        """
        return {
            "types": _PERMIT_TYPES,
            "primaryType": "Permit",
            "domain": {
                "name": "ModelCoin",
                "version": "1",
                "chainId": self.connection.chain_id,
                "verifyingContract": self.address,
            },
            "message": {
                "owner": owner,
                "spender": spender,
                "value": amount,
                "nonce": number,
                "deadline": deadline,
            },
        }


class AnyMarket(Contract):
    """What the market of predictions and that of verified contests share."""

    @property
    @abstractmethod
    def logging(self) -> Contracts:
        """Reads what it logs."""

    # --- reading ---

    def events(self, receipt: Receipt) -> list[Event]:
        """What the market logged in a transaction."""
        decoded = map(self.logging.decode, receipt.logs)
        return [one for one in decoded if not isinstance(one, Unreadable | None)]

    def coin_query(self) -> Query[Address | None]:
        """The token that it pays in; None where there is no market at all."""
        call = self._call("coin")

        def read(answer: bytes) -> Address | None:
            if not answer:
                return None
            return checksummed(functions(self.name)["coin"].decode(answer)[0])

        return queries.call(call).map(read)

    def coin(self) -> ModelCoin:
        """The token that it pays in.

        Raises:
            NotFoundError: There is no market.
        """
        return self.coin_at(self.connection.query(self.coin_query()))

    def coin_at(self, found: Address | None) -> ModelCoin:
        """The token at the address that `coin_query` found.

        Raises:
            NotFoundError: It found none: there is no market.
        """
        if found is None:
            raise NotFoundError(
                f"There is no market at {self.address} on chain "
                f"{self.connection.chain_id}.",
                hint="Was the chain started anew? `modelmarket deploy` makes a market.",
            )
        return ModelCoin(self.connection, found)

    def chain_id(self) -> int:
        """The chain id in every seal."""
        return int(self._read("chain_id"))

    def slashed(self, *, at: At = "pending") -> Wei:
        """Wei of MDC that it has kept for good."""
        return Wei(self._read("slashed", at=at))

    def request_count(self, *, at: At = "pending") -> int:
        """How many requests there are."""
        return int(self._read("request_count", at=at))

    def submission_count(self, *, at: At = "pending") -> int:
        """How many submissions there are."""
        return int(self._read("submission_count", at=at))

    def counts(self, *, at: At = "pending") -> Query[tuple[int, int]]:
        """How many requests and submissions there are."""
        return together(
            self._query("request_count", at=at), self._query("submission_count", at=at)
        )

    def is_operator(self, trainer: Address, operator: Address) -> bool:
        """Whether a key may claim for a trainer."""
        return bool(self._read("is_operator", trainer, operator))

    # --- calls ---

    def set_operator(self, operator: Address, *, approved: bool) -> Call:
        """Lets a key claim for the caller, or no longer."""
        return self._call("set_operator", operator, approved)


class ModelMarket(AnyMarket):
    """The market of predictions."""

    name = "ModelMarket"

    @property
    def logging(self) -> Contracts:
        return Contracts(checksummed(self.address))

    @classmethod
    def deploy(
        cls, connection: Connection, wallet: Wallet, coin: Address
    ) -> tuple[ModelMarket, Receipt]:
        """Deploys a market that pays in a coin."""
        from eth_abi import encode

        code = bytes.fromhex(artifact(cls.name).bytecode[2:])
        data = code + encode(("address",), (coin,))
        receipt = send(connection, Call("deploy ModelMarket", None, data), wallet)
        assert receipt.contract is not None
        return cls(connection, receipt.contract), receipt

    # --- reading ---

    def state(
        self, request_id: RequestId, *, at: At = "pending"
    ) -> Query[RequestState]:
        """A request as it stands."""

        def read(found: Any) -> RequestState:
            values = list(found)
            values[0] = checksummed(values[0])
            values[9] = Phase(values[9])
            return RequestState(*values)

        return self._query("request", request_id, at=at).map(read)

    def request(self, request_id: RequestId, *, at: At = "pending") -> RequestState:
        """A request as it stands."""
        return self.connection.query(self.state(request_id, at=at))

    def submission(
        self, submission_id: SubmissionId, *, at: At = "pending"
    ) -> SubmissionState:
        """A submission as it stands."""
        values = list(self._read("submission", submission_id, at=at))
        values[0] = checksummed(values[0])
        values[2] = Status(values[2])
        return SubmissionState(*values)

    def due(self, submission_id: SubmissionId, *, at: At = "pending") -> Wei:
        """Wei of MDC that `withdraw` would pay."""
        return Wei(self._read("due", submission_id, at=at))

    def truth_page(self, request_id: RequestId, page: int) -> bytes:
        """The hash of a page of the truth; 32 zero bytes while it is not open."""
        return bytes(self._read("truth_page", request_id, page))

    # --- calls ---

    def create_request(self, terms: Terms, permit: Permit = NO_PERMIT) -> Call:
        """Opens a request and locks its reward."""
        return self._call("create_request", terms.as_struct(), permit.as_struct())

    def cancel_request(
        self, request_id: RequestId, terms_hash: TermsHash, max_live: int
    ) -> Call:
        """Cancels the request with such terms if no more submissions are live."""
        return self._call("cancel_request", request_id, terms_hash, max_live)

    def open_truth(
        self, request_id: RequestId, page: int, truth: Page, inner: bytes
    ) -> Call:
        """Opens the next page of the truth."""
        return self._call("open_truth", request_id, page, words(truth), inner)

    def submit(
        self,
        request_id: RequestId,
        terms_hash: TermsHash,
        layer: bytes,
        superhash: Superhash,
        name: str,
        permit: Permit = NO_PERMIT,
    ) -> Call:
        """Enters a request and locks its stake; the seal binds layer and superhash."""
        return self._call(
            "submit", request_id, terms_hash, layer, superhash, name, permit.as_struct()
        )

    def cancel_submission(
        self, submission_id: SubmissionId, seal: Seal, *, accept_slash: bool = False
    ) -> Call:
        """Takes the submission with such a seal out."""
        return self._call("cancel_submission", submission_id, seal, accept_slash)

    def claim(
        self, submission_id: SubmissionId, seal: Seal, matches: int, hint: SubmissionId
    ) -> Call:
        """States how many predictions under such a seal equal the truth."""
        return self._call("claim", submission_id, seal, matches, hint)

    def open_predictions(
        self,
        submission_id: SubmissionId,
        page: int,
        truth: Page,
        predictions: Page,
        inner: bytes,
        superhash: Superhash,
        model: str = "",
    ) -> Call:
        """Opens the next page of the candidate's predictions."""
        return self._call(
            "open_predictions",
            submission_id,
            page,
            words(truth),
            words(difference(truth, predictions)),
            inner,
            superhash,
            model,
        )

    def enforce_timeout(self, request_id: RequestId) -> Call:
        """Takes the one step that is due because somebody missed it."""
        return self._call("enforce_timeout", request_id)

    def withdraw(self, submission_id: SubmissionId) -> Call:
        """Pays the trainer what is due."""
        return self._call("withdraw", submission_id)
