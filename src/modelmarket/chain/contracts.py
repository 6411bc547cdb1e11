# SPDX-License-Identifier: Apache-2.0
"""The two contracts: what can be read of them, and every call they take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from modelmarket.chain.abi import functions
from modelmarket.chain.artifacts import artifact
from modelmarket.chain.connection import Call, Connection, Receipt
from modelmarket.chain.events import decode
from modelmarket.chain.sending import send
from modelmarket.chain.wallets import Wallet
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


class _Contract:
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

    def _read(self, what: str, *arguments: Any, at: int | str = "pending") -> Any:
        answer = self.connection.read(self._call(what, *arguments), at=at)
        return functions(self.name)[what].decode(answer)[0]


class ModelCoin(_Contract):
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

    def balance(self, account: Address, *, at: int | str = "latest") -> Wei:
        """An account's wei of MDC."""
        return Wei(self._read("balanceOf", account, at=at))

    def supply(self) -> Wei:
        """Wei of MDC in existence."""
        return Wei(self._read("totalSupply"))

    def owner(self) -> Address:
        """The account that airdrops are paid from."""
        return checksummed(self._read("owner"))

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
        message = self.permit_message(wallet.address, spender, amount, deadline)
        v, r, s = wallet.sign_typed(message)
        return Permit(message["message"]["deadline"], v, r, s)

    def permit_message(
        self,
        owner: Address,
        spender: Address,
        amount: int,
        deadline: int | None = None,
    ) -> dict[str, Any]:
        """What the owner signs so that a spender may take MDC (EIP-712)."""
        if deadline is None:
            deadline = self.connection.now() + PERMIT_LIFE_S
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
                "nonce": self._read("nonces", owner),
                "deadline": deadline,
            },
        }


class ModelMarket(_Contract):
    """The market."""

    name = "ModelMarket"

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

    def coin(self) -> ModelCoin:
        """The token that it pays in."""
        return ModelCoin(self.connection, checksummed(self._read("coin")))

    def chain_id(self) -> int:
        """The chain id in every seal."""
        return int(self._read("chain_id"))

    def slashed(self, *, at: int | str = "pending") -> Wei:
        """Wei of MDC that it has kept for good."""
        return Wei(self._read("slashed", at=at))

    def request_count(self, *, at: int | str = "pending") -> int:
        """How many requests there are."""
        return int(self._read("request_count", at=at))

    def submission_count(self, *, at: int | str = "pending") -> int:
        """How many submissions there are."""
        return int(self._read("submission_count", at=at))

    def request(
        self, request_id: RequestId, *, at: int | str = "pending"
    ) -> RequestState:
        """A request as it stands."""
        values = list(self._read("request", request_id, at=at))
        values[0] = checksummed(values[0])
        values[9] = Phase(values[9])
        return RequestState(*values)

    def submission(
        self, submission_id: SubmissionId, *, at: int | str = "pending"
    ) -> SubmissionState:
        """A submission as it stands."""
        values = list(self._read("submission", submission_id, at=at))
        values[0] = checksummed(values[0])
        values[2] = Status(values[2])
        return SubmissionState(*values)

    def due(self, submission_id: SubmissionId, *, at: int | str = "pending") -> Wei:
        """Wei of MDC that `withdraw` would pay."""
        return Wei(self._read("due", submission_id, at=at))

    def truth_page(self, request_id: RequestId, page: int) -> bytes:
        """The hash of a page of the truth; 32 zero bytes while it is not open."""
        return bytes(self._read("truth_page", request_id, page))

    def is_operator(self, trainer: Address, operator: Address) -> bool:
        """Whether a key may claim for a trainer."""
        return bool(self._read("is_operator", trainer, operator))

    def events(self, receipt: Receipt) -> list[Event]:
        """What the market logged in a transaction."""
        decoded = (
            decode(log)
            for log in receipt.logs
            if log.address.lower() == self.address.lower()
        )
        return [one for one in decoded if not isinstance(one, Unreadable | None)]

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

    def set_operator(self, operator: Address, *, approved: bool) -> Call:
        """Lets a key claim for the caller, or no longer."""
        return self._call("set_operator", operator, approved)

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
