# SPDX-License-Identifier: Apache-2.0
"""Behind the pages: errands turned into transactions, and what runs beside.

The page only talks to the wallet. Here calls are encoded, tried against the
chain before anybody signs, and followed until they are in a block.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelmarket import agent
from modelmarket.chain.connection import Call
from modelmarket.chain.contracts import NO_PERMIT, Permit
from modelmarket.chain.events import RequestCreated, SubmissionCreated
from modelmarket.chain.sending import quote
from modelmarket.errors import (
    ChainError,
    InputError,
    ModelMarketError,
    RevertError,
    StepError,
)
from modelmarket.market.request import Prepared
from modelmarket.protocol.terms import Terms
from modelmarket.protocol.types import (
    Address,
    RequestId,
    Seal,
    SubmissionId,
    Superhash,
    TermsHash,
    Wei,
)
from modelmarket.web.activity import Activity, Errand, Kind, State
from modelmarket.web.keyring import Keyring

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelmarket.agent import Report, Step
    from modelmarket.chain.connection import Receipt
    from modelmarket.market import Market

LOOK_S = 0.3
REPORTS = 50
HEX_SIGNATURE_BYTES = 65
FUND_WEI = Wei(5 * 10**16)
"""Of the chain's own coin: enough for some hundred steps at 1 gwei."""


@dataclass(frozen=True)
class Told:
    """What the agent did, and when.

    Attributes:
        second: Of real time.
        report: What became of a step.
    """

    second: int
    report: Report


class Desk:
    """One user's market, errands and agent.

    Args:
        market: With wallet and vault; its wallet is the agent's key.
        move_clock: Moves the embedded chain's clock to a second; None where
            the clock is not ours.

    Attributes:
        coming: What the agent is going to do, as of the newest block.
    """

    def __init__(
        self, market: Market, *, move_clock: Callable[[int], None] | None = None
    ) -> None:
        self.market = market
        self.keyring = Keyring(market.home.keystores, market.wallet)
        self.move_clock = move_clock
        self.activity = Activity(market.home.path / "activity.sqlite")
        self.told: deque[Told] = deque(maxlen=REPORTS)
        self.coming: list[Step] = []
        self._had_airdrop: set[Address] = set()
        self.version = time.time_ns()
        self.trouble = ""
        self.uploads = market.home.scratch() / "uploads"
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    # --- what runs beside ---

    def start(self) -> None:
        """Follows the chain and keeps the appointments, each in a thread."""
        shutil.rmtree(self.uploads, ignore_errors=True)
        self.coming = agent.plan(self.market)
        for work in (self._follow, self._keep):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Ends both."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def changed(self) -> None:
        """Tells the open pages that there is something new."""
        self.version += 1

    def _follow(self) -> None:
        head = b""
        while not self._stop.is_set():
            try:
                newest = self.market.connection.block()
                if newest.hash != head:
                    self.market.index.sync()
                    head = newest.hash
                    self.changed()
                self._settle()
                self.trouble = ""
            except ModelMarketError as error:
                if not self.trouble:
                    self.changed()
                self.trouble = str(error)
            self._stop.wait(LOOK_S)

    def _keep(self) -> None:
        def tell(report: Report) -> None:
            self.told.appendleft(Told(int(time.time()), report))
            self.changed()

        def look(steps: list[Step]) -> None:
            if steps != self.coming:
                self.coming = steps
                self.changed()

        agent.run(self.market, tell=tell, look=look, stop=self._stop, poll_s=1.0)

    def _settle(self) -> None:
        """Looks for what was sent among the newest blocks."""
        for errand in self.activity.pending():
            assert errand.hash is not None
            try:
                receipt = self.market.connection.receipt(errand.hash)
            except ChainError as error:
                self.fail(errand, error)
                continue
            if receipt is not None:
                self._confirmed(errand, receipt)
            else:
                self._look_for_replacement(errand, errand.hash)

    def _look_for_replacement(self, errand: Errand, transaction: bytes) -> None:
        connection = self.market.connection
        if errand.nonce is None:
            nonce = connection.nonce(transaction)
            if nonce is not None:
                self.activity.note_nonce(errand.id, nonce)
            return
        # In this order: what is mined between the two is found by the second.
        is_spent = connection.transaction_count(errand.account) > errand.nonce
        if is_spent and connection.receipt(transaction) is None:
            message = "Another transaction of this account took its place."
            self.activity.move(errand.id, State.REPLACED, message=message)
            self.changed()

    def _confirmed(self, errand: Errand, receipt: Receipt) -> None:
        result = f"/transactions/0x{receipt.transaction.hex()}"
        for event in self.market.contract.events(receipt):
            if isinstance(event, RequestCreated | SubmissionCreated):
                result = f"/requests/{event.request_id}"
        if "request" in errand.details:
            result = f"/requests/{errand.details['request']}"
        if errand.kind in (Kind.AIRDROP, Kind.APPOINT, Kind.FUND):
            result = errand.details.get("back", "/")
        self.market.index.sync()
        self.activity.confirm(errand.id, receipt.block, result)
        self.changed()

    def no_airdrop(self, account: Address) -> str:
        """Why an account gets no airdrop now, in words; empty if it gets one."""
        if account not in self._had_airdrop:
            try:
                self.market.connection.read(
                    self.market.coin.claim_airdrop(), sender=account
                )
            except RevertError as error:
                if error.reason != "AlreadyClaimed":
                    return error.message
                self._had_airdrop.add(account)
            else:
                return ""
        return "This account has had its airdrop."

    # --- errands ---

    def cost(self, errand: Errand) -> Wei:
        """Wei of MDC that the errand locks."""
        if errand.kind is Kind.CREATE_REQUEST:
            return Wei(int(errand.details["terms"]["reward"]))
        if errand.kind is Kind.SUBMIT:
            return Wei(int(errand.details["stake"]))
        return Wei(0)

    def call(self, errand: Errand, permit: Permit = NO_PERMIT) -> Call:
        """The call that does an errand."""
        contract, details = self.market.contract, errand.details
        match errand.kind:
            case Kind.CREATE_REQUEST:
                return self.market.creation(terms_of(details["terms"]), permit)
            case Kind.SUBMIT:
                request = self.market.request(details["request"])
                entry = Prepared(
                    Seal(bytes.fromhex(details["seal"])),
                    Superhash(bytes.fromhex(details["superhash"])),
                    details["name"],
                )
                return request.submission_call(entry, permit)
            case Kind.AIRDROP:
                return self.market.coin.claim_airdrop()
            case Kind.CANCEL_REQUEST:
                return contract.cancel_request(
                    RequestId(details["request"]),
                    TermsHash(bytes.fromhex(details["terms_hash"])),
                    details["max_live"],
                )
            case Kind.CANCEL_SUBMISSION:
                return contract.cancel_submission(
                    SubmissionId(details["submission"]),
                    Seal(bytes.fromhex(details["seal"])),
                    accept_slash=details["slash"],
                )
            case Kind.WITHDRAW:
                return contract.withdraw(SubmissionId(details["submission"]))
            case Kind.ENFORCE:
                return contract.enforce_timeout(RequestId(details["request"]))
            case Kind.APPOINT:
                return contract.set_operator(self.market.wallet.address, approved=True)
            case Kind.FUND:
                return Call("fund", self.market.wallet.address, b"", FUND_WEI)

    def permit_message(self, errand: Errand) -> dict[str, Any] | None:
        """What the wallet signs so that the market may take MDC; None if it may.

        Raises:
            FundsError: The account has less.
        """
        self._require_open(errand)
        amount = self.cost(errand)
        if amount == 0 or self.market.may_take(errand.account, amount):
            return None
        return self.market.coin.permit_message(
            errand.account, self.market.network.market, amount
        )

    def transaction(
        self, errand: Errand, deadline: int, signature: str
    ) -> dict[str, Any]:
        """The transaction for the browser's wallet, tried before it is signed.

        Raises:
            RevertError: The contract would refuse, in words.
            FundsError: The account cannot pay the fees.
            StepError: It was sent already.
        """
        self._require_open(errand)
        permit = _permit(deadline, signature) if signature else NO_PERMIT
        call = self.call(errand, permit)
        quoted = quote(self.market.connection, call, errand.account)
        self.activity.move(errand.id, State.WALLET)
        self.changed()
        return {
            "from": errand.account,
            "to": quoted["to"],
            "data": "0x" + quoted["data"].hex(),
            "value": hex(quoted["value"]),
            "gas": hex(quoted["gas"]),
        }

    def confirm(self, errand: Errand) -> None:
        """Does an errand with a key of this computer.

        Raises:
            InputError: The errand is another account's, or its key is locked.
        """
        market = self.market.signed_by(self.keyring.unlocked(errand.account))
        self._require_open(errand)
        self.activity.move(errand.id, State.WALLET)
        self.changed()
        try:
            amount = self.cost(errand)
            permit = market.permit(amount) if amount else NO_PERMIT
            with market.sending(self.call(errand, permit)) as receipt:
                self.activity.sent(errand.id, receipt.transaction)
                self._confirmed(errand, receipt)
        except ModelMarketError as error:
            self.fail(errand, error)

    def _require_open(self, errand: Errand) -> None:
        if not errand.state.is_open:
            raise StepError(
                f"This is {errand.state.value} already.", hint="See the activity."
            )

    def fail(self, errand: Errand, error: ModelMarketError) -> None:
        """Notes why an errand could not be done."""
        reason = error.reason if isinstance(error, RevertError) else ""
        self.activity.move(errand.id, State.FAILED, message=str(error), reason=reason)
        self.changed()

    def scratch(self) -> Path:
        """A new folder for uploaded files."""
        folder = self.uploads / f"{time.time_ns():x}"
        folder.mkdir(parents=True, mode=0o700)
        return folder


def terms_document(terms: Terms) -> dict[str, Any]:
    """Terms as an errand keeps them."""
    return {
        **{name: getattr(terms, name) for name in Terms.__dataclass_fields__},
        "reward": str(terms.reward),
        "stake": str(terms.stake),
        "truth_seal": terms.truth_seal.hex(),
    }


def terms_of(document: dict[str, Any]) -> Terms:
    """The terms that an errand keeps."""
    return Terms(
        **{
            **document,
            "reward": Wei(int(document["reward"])),
            "stake": Wei(int(document["stake"])),
            "truth_seal": Seal(bytes.fromhex(document["truth_seal"])),
        }
    )


def checked_account(text: str) -> Address:
    """An account that a wallet names.

    Raises:
        InputError: It is no address.
    """
    from eth_utils import is_address

    from modelmarket.protocol.types import checksummed

    if not is_address(text):
        raise InputError(f"{text!r} is not an account's address.")
    return checksummed(text)


def _permit(deadline: int, signature: str) -> Permit:
    try:
        data = bytes.fromhex(signature.removeprefix("0x"))
    except ValueError:
        data = b""
    if len(data) != HEX_SIGNATURE_BYTES:
        raise InputError("The wallet's signature is not 65 bytes long.")
    v = data[64] if data[64] > 1 else data[64] + 27
    return Permit(deadline, v, data[:32], data[32:64])
