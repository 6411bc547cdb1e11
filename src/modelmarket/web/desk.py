# SPDX-License-Identifier: Apache-2.0
"""Behind the pages: errands turned into transactions, and what runs beside.

The page only talks to the wallet. Here calls are encoded, tried against the
chain before anybody signs, and followed until they are in a block.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from modelmarket import agent
from modelmarket.chain import queries
from modelmarket.chain.blocks import Call
from modelmarket.chain.contracts import NO_PERMIT, Permit
from modelmarket.chain.events import decode
from modelmarket.chain.queries import together
from modelmarket.chain.sending import quote
from modelmarket.errors import (
    ChainError,
    InputError,
    ModelMarketError,
    RevertError,
    StepError,
    TransactionError,
)
from modelmarket.index.summaries import Wanted
from modelmarket.market.request import Prepared
from modelmarket.protocol.events import RequestCreated, SubmissionCreated
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
from modelmarket.web.terminal import Terminal
from modelmarket.web.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelmarket.agent import Report, Step
    from modelmarket.chain.blocks import Receipt
    from modelmarket.chain.sending import Signed
    from modelmarket.market import Market
    from modelmarket.vault.vault import Entry

LOG = logging.getLogger("modelmarket.web")
LOOK_S = 0.3
AWAY_S = 3.0
"""A node that did not answer is left alone for so long by the pages, each of
which would wait for it."""
JOURNAL_ENTRIES = 10_000
"""Looked through for what a run before this one signed."""
UNSENT = (
    "The program ended before this was sent. Nothing happened; you can confirm again."
)
Known = TypeVar("Known")
REPORTS = 50
LOCAL_PATH = re.compile(r"(/[A-Za-z0-9_-]+)+")
RECENT = 100
"""Of an account's requests, looked through for a seal."""
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


@dataclass(frozen=True)
class Glance:
    """What every page shows of the chain.

    Attributes:
        now: Chain time in seconds; as it must be by now while the node is away.
        money: Wei of MDC of whose page it is; None while not known.
        fees: Wei of the chain's own coin; None while not known.
        no_airdrop: Why there is no airdrop for them, in words; empty if there is.
    """

    now: int
    money: Wei | None = None
    fees: Wei | None = None
    no_airdrop: str = ""


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
        self.terminal = Terminal()
        self.move_clock = move_clock
        self.activity = Activity(market.home.path / "activity.sqlite")
        self.told: deque[Told] = deque(maxlen=REPORTS)
        self.coming: list[Step] = []
        self.version = time.time_ns()
        self.trouble = ""
        self.uploads = Uploads(market.home.scratch() / "uploads")
        self._away_until = 0.0
        self._last_seen = (0, 0.0)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    # --- what runs beside ---

    def start(self) -> None:
        """Follows the chain and keeps the appointments, each in a thread."""
        self.uploads.clear()
        try:
            self.coming = self.known(lambda: agent.plan(self.market), [])
        except ModelMarketError as error:
            # The agent will say so too, and goes on.
            self._say(str(error))
        for work in (self._follow, self._keep):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Ends both."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=10)
        self.uploads.clear()

    def changed(self) -> None:
        """Tells the open pages that there is something new."""
        self.version += 1

    def known(self, ask: Callable[[], Known], otherwise: Known) -> Known:
        """What the node says; something else while it does not answer.

        Raises:
            RevertError: A contract refused; and whatever else the node says.
        """
        if time.monotonic() >= self._away_until:
            try:
                said = ask()
            except ChainError as error:
                if not _is_away(error):
                    raise
                self._away_until = time.monotonic() + AWAY_S
                self.trouble = self.trouble or str(error)
            else:
                return said
        return otherwise

    def glance(self, account: Address | None) -> Glance:
        """What every page shows, asked in one go."""
        second, at = self._last_seen
        guess = second + int(time.monotonic() - at) if second else int(time.time())
        found = self.known(lambda: self._glance(account), None)
        if found is None:
            return Glance(guess)
        self._last_seen = (found.now, time.monotonic())
        return found

    def _glance(self, account: Address | None) -> Glance:
        connection, coin = self.market.connection, self.market.coin
        if account is None:
            return Glance(connection.now())
        moment, money, fees, no_airdrop = connection.query(
            together(
                queries.moment(),
                coin.balance_query(account),
                queries.fee_balance(account),
                queries.call(coin.claim_airdrop(), sender=account)
                .map(lambda _: "")
                .rescue(RevertError, lambda error: error.message),
            )
        )
        return Glance(moment.now, money, fees, no_airdrop)

    def _follow(self) -> None:
        head = b""
        is_recovered = False
        while not self._stop.is_set():
            try:
                self.uploads.forget_idle()
                if not is_recovered:
                    self.recover()
                    is_recovered = True
                newest = self.market.connection.block()
                if newest.hash != head:
                    self.market.index.sync()
                    self._look_for_what_wallets_sent()
                    head = newest.hash
                    self.changed()
                self.settle()
            except ModelMarketError as error:
                self._say(str(error))
            except Exception:
                # Whatever it is, it must not end the following of the rest.
                LOG.exception("Following the chain met something unexpected.")
                self._say("Something unexpected happened; the terminal says more.")
            else:
                self._away_until = 0.0
                self._say("")
            self._stop.wait(LOOK_S)

    def _say(self, trouble: str) -> None:
        is_news = bool(trouble) != bool(self.trouble)
        self.trouble = trouble
        if is_news:
            self.changed()

    def _keep(self) -> None:
        def tell(report: Report) -> None:
            self.told.appendleft(Told(int(time.time()), report))
            self.changed()

        def look(steps: list[Step]) -> None:
            if steps != self.coming:
                self.coming = steps
                self.changed()

        while not self._stop.is_set():
            try:
                agent.run(
                    self.market, tell=tell, look=look, stop=self._stop, poll_s=1.0
                )
            except Exception:
                LOG.exception("The agent met something unexpected; it begins again.")
                self._stop.wait(AWAY_S)

    def recover(self) -> None:
        """Sees to what a run was about to sign when it ended.

        What stands in no journal was handed to nobody.
        """
        for errand in self.activity.all_in(State.SIGNING):
            self._fail(errand, UNSENT)
        for _ in range(2):
            lost = self._signed_and_not_journalled()
            if not lost:
                return
            # Another program on this home may be between the two right now.
            if self._stop.wait(1):
                return
        for errand in lost:
            self._fail(errand, UNSENT)

    def _signed_and_not_journalled(self) -> list[Errand]:
        market = self.market
        waiting = [one for one in self.activity.pending() if one.by_key]
        if not waiting:
            return []
        journal = market.vault.journal(market.network.market, limit=JOURNAL_ENTRIES)
        known = {entry.hash for entry in journal}
        return [one for one in waiting if one.hash not in known]

    def settle(self) -> None:
        """Looks for what was sent among the newest blocks.

        Raises:
            ChainError: The node does not answer; nothing is given up.
        """
        for errand in self.activity.pending():
            assert errand.hash is not None
            try:
                receipt = self.market.connection.receipt(errand.hash)
            except TransactionError as error:
                self._fail(errand, str(error))
                continue
            if receipt is not None:
                self._confirmed(errand, receipt)
            else:
                self._look_for_replacement(errand, errand.hash)

    def _look_for_what_wallets_sent(self) -> None:
        """Finds what a wallet sent whose page was closed before it could say so."""
        for errand in self.activity.all_in(State.WALLET):
            self._adopt(errand)

    def _adopt(self, errand: Errand) -> bool:
        """Looks on the chain for what an errand's wallet may have sent.

        A seal says whose and which it is. It is looked for behind the block at
        which the wallet was asked, and another errand's is not taken.

        Returns:
            Whether it is there, so that the errand is confirmed.
        """
        for request_id, transaction, block in self._sealed(errand):
            if block <= errand.asked_at or self.activity.is_of_another(
                transaction, errand
            ):
                continue
            with suppress(StepError):
                self.activity.confirmed(
                    errand,
                    transaction=transaction,
                    block=block,
                    result=f"/requests/{request_id}",
                )
            self.changed()
            return True
        return False

    def _sealed(self, errand: Errand) -> list[tuple[RequestId, bytes, int]]:
        """Where the index has an errand's seal: request, transaction and block."""
        index, details = self.market.index, errand.details
        if errand.kind is Kind.CREATE_REQUEST:
            seal = bytes.fromhex(details["terms"]["truth_seal"])
            made = index.find(Wanted(requester=errand.account), limit=RECENT)
            logs = [
                index.logs(one.id)[0].log
                for one in made
                if index.request(one.id).terms.truth_seal == seal
            ]
        elif errand.kind is Kind.SUBMIT:
            seal = bytes.fromhex(details["seal"])
            record = index.request(RequestId(details["request"]))
            ours = {
                one.id
                for one in record.submissions.values()
                if one.seal == seal and one.trainer == errand.account
            }
            logs = [
                placed.log
                for placed in index.logs(record.id)
                if isinstance(event := decode(placed.log), SubmissionCreated)
                and event.submission_id in ours
            ]
        else:
            return []
        found = []
        for log in logs:
            event = decode(log)
            assert isinstance(event, RequestCreated | SubmissionCreated)
            found.append((event.request_id, log.transaction, log.block))
        return found

    def _look_for_replacement(self, errand: Errand, transaction: bytes) -> None:
        connection = self.market.connection
        if errand.nonce is None:
            nonce = connection.nonce(transaction)
            if nonce is not None:
                with suppress(StepError):
                    self.activity.note_nonce(errand, nonce)
            return
        # In this order: what is mined between the two is found by the second.
        is_spent = connection.transaction_count(errand.account) > errand.nonce
        if is_spent and connection.receipt(transaction) is None:
            # Whoever pays more for the same has done the same.
            self.market.index.sync()
            dearer = self._dearer(errand)
            if dearer is not None:
                self._confirmed(errand, dearer)
            elif not self._adopt(errand):
                message = "Another transaction of this account took its place."
                with suppress(StepError):
                    self.activity.replaced(errand, message=message)
            self.changed()

    def _dearer(self, errand: Errand) -> Receipt | None:
        """The receipt of what replaced a transaction of ours for higher fees."""
        market = self.market
        journal = market.vault.journal(market.network.market, limit=JOURNAL_ENTRIES)
        # The newest come first, so what replaced it has been passed.
        later: list[Entry] = []
        for entry in journal:
            if entry.hash == errand.hash:
                mined = [one for one in later if one.step == entry.step]
                if entry.outcome != "replaced" or not mined:
                    return None
                return market.connection.receipt(mined[-1].hash)
            if entry.outcome.startswith("block"):
                later.append(entry)
        return None

    def _confirmed(self, errand: Errand, receipt: Receipt) -> None:
        result = f"/transactions/0x{receipt.transaction.hex()}"
        for event in self.market.contract.events(receipt):
            if isinstance(event, RequestCreated | SubmissionCreated):
                result = f"/requests/{event.request_id}"
        if "request" in errand.details:
            result = f"/requests/{errand.details['request']}"
        if errand.kind in (Kind.AIRDROP, Kind.APPOINT, Kind.FUND):
            result = local_path(errand.details.get("back", "/"))
        self.market.index.sync()
        # Whoever looked at the same time may have noted it already.
        with suppress(StepError):
            self.activity.confirmed(
                errand,
                transaction=receipt.transaction,
                block=receipt.block,
                result=result,
            )
        self.changed()

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

    def permit_message(
        self, errand: Errand, *, again: bool = False
    ) -> dict[str, Any] | None:
        """What the wallet signs so that the market may take MDC; None if it may.

        Args:
            errand: What it is for.
            again: Although the wallet was asked before.

        Raises:
            FundsError: The account has less.
            StepError: It may have been sent already.
        """
        self._require_open(errand, again=again)
        amount = self.cost(errand)
        if amount == 0:
            return None
        moment, purse = self.market.look_into(errand.account)
        return self.market.permit_message(purse, amount, moment.now)

    def transaction(
        self, errand: Errand, deadline: int, signature: str, *, again: bool = False
    ) -> tuple[Errand, dict[str, str]]:
        """The transaction for the browser's wallet, tried before it is signed.

        Args:
            errand: What it is to do.
            deadline: Of the permit; a second of chain time.
            signature: Of the permit; empty for none.
            again: Although the wallet was asked before.

        Returns:
            The errand, which waits for the wallet now, and what the wallet is
            asked.

        Raises:
            RevertError: The contract would refuse, in words.
            FundsError: The account cannot pay the fees.
            StepError: It may have been sent already.
        """
        block = self._require_open(errand, again=again)
        permit = _permit(deadline, signature) if signature else NO_PERMIT
        call = self.call(errand, permit)
        try:
            quoted = quote(self.market.connection, call, errand.account)
        except ChainError as error:
            if errand.state.is_open and not _is_away(error):
                self._fail(errand, error)
            raise
        asked = self.activity.ask_wallet(errand, block)
        self.changed()
        return asked, {
            "from": errand.account,
            "to": quoted["to"],
            "data": "0x" + quoted["data"].hex(),
            "value": hex(quoted["value"]),
            "gas": hex(quoted["gas"]),
        }

    def confirm(self, errand: Errand, *, again: bool = False) -> None:
        """Does an errand with a key of this computer.

        Args:
            errand: What is to be done.
            again: Although a wallet was asked before.

        Raises:
            InputError: The errand is another account's, or its key is locked.
            StepError: It is done, or under way.
        """
        market = self.market.signed_by(self.keyring.unlocked(errand.account))
        block = self._require_open(errand, again=again)
        noted = self.activity.begin_signing(errand, block)
        self.changed()

        def note(signed: Signed) -> None:
            nonlocal noted
            noted = self.activity.signed(noted, signed.hash, signed.nonce)
            self.changed()

        try:
            amount = self.cost(errand)
            permit = market.permit(amount) if amount else NO_PERMIT
            with market.sending(self.call(errand, permit), before=note) as receipt:
                self._confirmed(noted, receipt)
        except ModelMarketError as error:
            # What was signed may still get into the chain: it is followed.
            self._fail_unless_signed(errand.id, error)
        except BaseException:
            self._fail_unless_signed(errand.id, "Something unexpected happened.")
            raise

    def _fail_unless_signed(self, number: int, why: ModelMarketError | str) -> None:
        errand = self.activity.get(number)
        if errand.state is State.SIGNING:
            self._fail(errand, why)

    def _require_open(self, errand: Errand, *, again: bool) -> int:
        """Lets an errand begin if nothing of it can be under way.

        Returns:
            The chain's newest block.

        Raises:
            StepError: It is under way, done, or may be either.
        """
        block = self.market.connection.block().number
        if errand.attempt:
            self.market.index.sync()
            if self._adopt(errand):
                raise StepError(
                    "This was sent and is in the chain already.",
                    hint="See the activity.",
                )
        if errand.state is State.WALLET and not again:
            raise StepError(
                "The wallet was asked for this already, and has not said what "
                "became of it.",
                hint="Look into the wallet first: what waits there can still be sent.",
            )
        if not errand.state.is_open and errand.state is not State.WALLET:
            raise StepError(
                f"This is {errand.state.value} already.", hint="See the activity."
            )
        if errand.kind is Kind.SUBMIT and not errand.details.get("again"):
            self._require_the_only_one(errand)
        return block

    def _require_the_only_one(self, errand: Errand) -> None:
        """Two forms may have sealed the same before either was confirmed."""
        twin = self.activity.twin(errand)
        self.market.index.sync()
        record = self.market.index.request(RequestId(errand.details["request"]))
        seal = bytes.fromhex(errand.details["seal"])
        live = [
            one.id
            for one in record.submissions.values()
            if one.seal == seal and one.trainer == errand.account and one.is_live
        ]
        if twin is None and not live:
            return
        says = f"stands as submission {live[0]}" if live else "is under way"
        raise StepError(
            f"The same submission {says} already.",
            hint="Submit it once more only if you want to stake on it twice.",
        )

    def _fail(self, errand: Errand, why: ModelMarketError | str) -> None:
        """Notes why an errand was not done, unless it went on meanwhile."""
        reason = why.reason if isinstance(why, RevertError) else ""
        with suppress(StepError):
            self.activity.failed(errand, message=str(why), reason=reason)
        self.changed()


def _is_away(error: ChainError) -> bool:
    """Whether no node said anything, rather than no."""
    return type(error) is ChainError


def local_path(text: str) -> str:
    """A page of ours; the market's for whatever might lead elsewhere.

    No empty segment, no dot, no escape and no backslash: a browser takes
    `//host`, and what it makes of several of the others, for another site.
    """
    return text if LOCAL_PATH.fullmatch(text) else "/"


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
