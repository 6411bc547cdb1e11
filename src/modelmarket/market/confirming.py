# SPDX-License-Identifier: Apache-2.0
"""What a user is asked about first: prepared, confirmed, signed, followed.

Calls are encoded here, tried against the chain before anybody signs, and followed
until they are in a block. A key of this computer signs, or a wallet elsewhere that
says what it sent, or does not. Where each stands is in the journal; see
`vault/journal.py`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelmarket.chain.contracts import NO_PERMIT, PERMIT_LIFE_S, Permit
from modelmarket.chain.sending import quote
from modelmarket.errors import (
    ChainError,
    InputError,
    ModelMarketError,
    RevertError,
    StepError,
    TransactionError,
)
from modelmarket.market.calls import call_of
from modelmarket.market.fees import gas_limit
from modelmarket.market.outbox import OTHER_TOOK_PLACE
from modelmarket.market.rechecking import require_as_told
from modelmarket.market.transactions import Transfer as Moved
from modelmarket.market.transactions import where_moved
from modelmarket.protocol.actions import (
    Action,
    CreateContest,
    CreateRequest,
    Entering,
    Transfer,
)
from modelmarket.protocol.events import (
    ContestCreated,
    RequestCreated,
    SubmissionCreated,
)
from modelmarket.vault.journal import MOST_NUMBER, Signer, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelmarket.chain.wallets import Wallet
    from modelmarket.market.market import Market
    from modelmarket.protocol.types import Address, Wei
    from modelmarket.vault.journal import Entry, Part

HEX_SIGNATURE_BYTES = 65
PERMITS_EVERY_S = 1_800
"""Permits that a page shows end at such seconds alone."""
MOST_BLOCKS_LATER = 5_000
"""Behind the one at which a wallet was asked, in which is looked for what it sent."""
MOST_REORGANISED = 64
SHORTEST_PERMIT_S = 600
"""What must be left of a permit that was shown when a wallet is asked to sign it."""


@dataclass(frozen=True)
class Asks:
    """What a wallet is asked for an action, number by number.

    Attributes:
        permit: The message that it signs first (EIP-712); None where none is needed.
        to: Whom the transaction calls.
        value: Wei of the chain's own coin that go with it.
        gas: The most gas that it may take.
        fee: Wei of the chain's own coin that so much gas costs, as fees are now.
    """

    permit: dict[str, Any] | None
    to: Address
    value: Wei
    gas: int
    fee: Wei


class Actions:
    """The actions of a user who confirms each.

    Args:
        market: With wallet and vault.
        unlocked: Gives an account's key, if it is one of this computer's.
        changed: Is called when there is something new to be shown.
    """

    def __init__(
        self,
        market: Market,
        unlocked: Callable[[Address], Wallet],
        changed: Callable[[], None],
    ) -> None:
        self._market = market
        self._unlocked = unlocked
        self._changed = changed
        self._journal = market.vault.journal
        self._name = market.network.market
        self._shown: set[tuple[int, State]] = set()
        self._needed: dict[int, int] = {}
        self._seen_until: dict[int, int] = {}

    # --- looking ---

    def get(self, number: int) -> Entry:
        """An action by its number.

        Raises:
            NotFoundError: There is none.
        """
        return self._journal.entry(number)

    def newest(
        self, limit: int, offset: int = 0, of: Part | None = None
    ) -> list[Entry]:
        """What was begun last, by the page and by programs, the newest first."""
        return self._journal.newest(self._name, limit=limit, offset=offset, of=of)

    def count(self, of: Part | None = None) -> int:
        """How many there are."""
        return self._journal.count(self._name, of)

    def pending(self) -> list[Entry]:
        """What was signed and is not in the chain yet."""
        return self._journal.all_in(self._name, State.SIGNED, State.SENT)

    def prepared(self, account: Address, since: int) -> list[Entry]:
        """What an account has yet to be asked to confirm, the newest first.

        Args:
            account: Who would sign it.
            since: The second from which it was begun; what is older was given up.
        """
        found = self._journal.all_in(self._name, State.PREPARED)
        return [
            one
            for one in reversed(found)
            if one.account == account
            and one.began >= since
            and not (one.attempt or one.message)
        ]

    def come_of(self, origin: str) -> Entry | None:
        """What came of an upload; None if nothing has, or it was given up."""
        return self._journal.come_of(origin)

    def prepare(self, account: Address, action: Action, origin: str) -> Entry:
        """Notes what is to be confirmed.

        Args:
            account: Who signs.
            action: What is to be done.
            origin: The upload that it comes of, or the page to go back to.
        """
        second = 0
        with suppress(ChainError):
            second = min(self._market.moment().now, MOST_NUMBER)
        return self._journal.prepare(self._name, account, action, origin, second)

    def give_up(self, entry: Entry) -> None:
        """Lets go of what was prepared, since its user begins anew.

        Raises:
            StepError: It is done, or under way, or a wallet was asked for it.
        """
        self._journal.given_up(entry)
        self._changed()

    # --- confirming ---

    def asks(self, entry: Entry) -> Asks:
        """What the wallet is going to be asked for an action, before it is.

        Raises:
            StepError: It is to be begun anew: what its receipt says is not so any
                more.
            ModelMarketError: It cannot be done, in words: for want of MDC, or as
                the chain is now.
        """
        require_as_told(self._market, self._journal, entry)
        permit = self._permit_message(entry, 0)
        call = call_of(self._market, entry.action)
        assert call.to is not None, "no action of a page creates a contract"
        gas = self._gas_limit(entry)
        return Asks(permit, call.to, call.value, gas, self._market.price(gas))

    def permit_message(
        self, entry: Entry, *, again: bool = False, deadline: int = 0
    ) -> dict[str, Any] | None:
        """What the wallet signs so that the market may take MDC; None if it may.

        Args:
            entry: What it is for.
            again: Although the wallet was asked before.
            deadline: That the page showed; 0 for none.

        Raises:
            FundsError: The account has less.
            StepError: It may have been sent already, or what the page showed has
                become too old.
        """
        self._require_open(entry, again=again)
        message = self._permit_message(entry, deadline)
        if entry.state.is_open and entry.message:
            self._try_anew(entry)
        return message

    def _try_anew(self, entry: Entry) -> None:
        """Forgets what came of the attempt before.

        Raises:
            StepError: It went on meanwhile.
        """
        try:
            self._journal.tried_anew(entry)
        except StepError:
            # Another tab does the same; the one that asks its wallet first goes on.
            now = self._journal.entry(entry.id)
            if not now.state.is_open or now.attempt != entry.attempt:
                raise
        self._changed()

    def _permit_message(self, entry: Entry, shown: int) -> dict[str, Any] | None:
        """What the wallet signs; its last second is the one that was shown.

        It is one of every half an hour, so that a page shows the same for a while.
        """
        amount = entry.action.locks
        if not amount:
            return None
        moment, purse = self._market.look_into(
            entry.account, verified=entry.action.is_verified
        )
        latest = moment.now + PERMIT_LIFE_S
        if shown and not moment.now + SHORTEST_PERMIT_S <= shown <= latest:
            self._changed()
            raise StepError(
                "What this page shows of the wallet's question is out of date.",
                hint="It is shown anew: look at it, and confirm once more.",
            )
        deadline = shown or latest - latest % PERMITS_EVERY_S
        return self._market.permit_message(purse, amount, moment.now, deadline=deadline)

    def _gas_limit(self, entry: Entry) -> int:
        """The gas that the wallet is given."""
        return max(gas_limit(entry.action), self._needed.get(entry.id, 0))

    def transaction(
        self, entry: Entry, deadline: int, signature: str, *, again: bool = False
    ) -> tuple[Entry, dict[str, str]]:
        """The transaction for the browser's wallet, tried before it is signed.

        Args:
            entry: What it is to do.
            deadline: Of the permit; a second of chain time.
            signature: Of the permit; empty for none.
            again: Although the wallet was asked before.

        Returns:
            The entry, which waits for the wallet now, and what the wallet is
            asked.

        Raises:
            RevertError: The contract would refuse, in words.
            FundsError: The account cannot pay the fees.
            StepError: It may have been sent already.
        """
        block = self._require_open(entry, again=again)
        permit = _permit(deadline, signature) if signature else NO_PERMIT
        call = call_of(self._market, entry.action, permit)
        try:
            quoted = quote(self._market.connection, call, entry.account)
        except ChainError as error:
            if entry.state.is_open and not is_away(error):
                self._fail(entry, error)
            raise
        # Where it takes more than was to be foreseen the page shows that, too.
        self._needed[entry.id] = quoted["gas"]
        asked = self._journal.ask_wallet(entry, block)
        self._changed()
        return asked, {
            "from": entry.account,
            "chainId": hex(self._market.network.chain_id),
            "to": quoted["to"],
            "data": "0x" + quoted["data"].hex(),
            "value": hex(quoted["value"]),
            "gas": hex(self._gas_limit(entry)),
        }

    def confirm(self, entry: Entry, *, again: bool = False) -> None:
        """Does an action with a key of this computer.

        What goes wrong stands in the journal.

        Args:
            entry: What is to be done.
            again: Although a wallet was asked before.

        Raises:
            InputError: It is another account's, or its key is locked.
            StepError: It is done, or under way.
        """
        market = self._market.signed_by(self._unlocked(entry.account))
        self._require_open(entry, again=again)
        try:
            market.do(entry.action, entry)
            market.look()
        except StepError:
            # Somebody else went on with it meanwhile.
            raise
        except ModelMarketError as error:
            # What was signed may still get into the chain: it is followed.
            self._fail_unless_signed(entry, error)
        finally:
            self._changed()

    def sent(self, entry: Entry, transaction: bytes) -> None:
        """Notes the hash that the wallet gave."""
        self._journal.sent(entry, transaction)
        self._changed()

    def declined(self, entry: Entry) -> None:
        """Notes that the wallet's user declined."""
        self._journal.declined(entry)
        self._changed()

    def puzzled(self, entry: Entry, *, message: str, reason: str) -> None:
        """Notes that the wallet answered with an error."""
        self._journal.puzzled(entry, message=message, reason=reason)
        self._changed()

    def _fail_unless_signed(self, entry: Entry, why: ModelMarketError) -> None:
        now = self._journal.entry(entry.id)
        if now.state.is_open and now.attempt == entry.attempt:
            self._fail(now, why)

    def _require_open(self, entry: Entry, *, again: bool) -> int:
        """Lets an action begin if nothing of it can be under way.

        Returns:
            The chain's newest block, which the index has been read up to.

        Raises:
            StepError: It is under way, done, or may be either.
        """
        block = self._market.look().head.number
        if entry.attempt and self._adopt(entry):
            raise StepError(
                "This was sent and is in the chain already.", hint="See the activity."
            )
        if entry.is_asked and not again:
            raise StepError(
                "The wallet was asked for this already, and has not said what "
                "became of it.",
                hint="Look into the wallet first: what waits there can still be sent.",
            )
        if not entry.state.is_open and not entry.is_asked:
            raise StepError(f"This is {entry.told} already.", hint="See the activity.")
        require_as_told(self._market, self._journal, entry)
        return block

    def _fail(self, entry: Entry, why: ModelMarketError) -> None:
        """Notes why an action was not done, unless it went on meanwhile."""
        reason = why.reason if isinstance(why, RevertError) else ""
        with suppress(StepError):
            self._journal.failed(entry, message=why.text, reason=reason)
        self._changed()

    # --- following what wallets send ---

    def settle(self) -> None:
        """Looks for what wallets sent among the newest blocks.

        What keys have signed is seen through by whoever signed it, or by the agent.

        Raises:
            ChainError: The node does not answer; nothing is given up.
        """
        self._journal.abandon(self._name)
        pending = self.pending()
        shown = {(one.id, one.state) for one in pending}
        if shown != self._shown:
            self._shown = shown
            self._changed()
        for entry in pending:
            if entry.signer is not Signer.WALLET or entry.hash is None:
                continue
            try:
                receipt = self._market.connection.receipt(entry.hash)
            except TransactionError as error:
                self._fail(entry, error)
                continue
            if receipt is not None:
                self._market.look()
                self._market.outbox.settle(entry, receipt)
                self._changed()
            else:
                self._look_for_replacement(entry, entry.hash)

    def look_for_what_wallets_sent(self) -> None:
        """Finds what a wallet sent whose page was closed before it could say so."""
        for entry in self._journal.all_in(self._name, State.AWAITING):
            if entry.is_asked:
                self._adopt(entry)

    def _adopt(self, entry: Entry) -> bool:
        """Looks on the chain for what an action's wallet may have sent.

        A seal says whose and which it is. It is looked for behind the block at
        which the wallet was asked, and another action's is not taken.

        Returns:
            Whether it is there, so that the action is confirmed.
        """
        for made, transaction, block in self._sealed(entry):
            if block <= entry.asked_at or self._journal.is_of_another(
                transaction, entry
            ):
                continue
            self._market.outbox.mined(entry, transaction, block, made)
            self._changed()
            return True
        return False

    def _sealed(self, entry: Entry) -> list[tuple[int, bytes, int]]:
        """Where the index has an action's seal: what it made, transaction, block."""
        index, action = self._market.index, entry.action
        if isinstance(action, CreateRequest | CreateContest):
            logs = [
                index.logs(number)[0].log
                for number, requester in index.requests_of_seal(action.seal)
                if requester == entry.account
            ]
        elif isinstance(action, Entering):
            record = index.request(action.request)
            ours = {
                one.id
                for one in record.submissions.values()
                if one.seal == action.seal and one.trainer == entry.account
            }
            logs = [
                placed.log
                for placed in index.logs(record.id)
                if isinstance(
                    event := self._market.decode(placed.log), SubmissionCreated
                )
                and event.submission_id in ours
            ]
        elif isinstance(action, Transfer):
            return self._sent(entry, action)
        else:
            return []
        found: list[tuple[int, bytes, int]] = []
        for log in logs:
            event = self._market.decode(log)
            if isinstance(event, RequestCreated | ContestCreated):
                found.append((event.request_id, log.transaction, log.block))
            elif isinstance(event, SubmissionCreated):
                found.append((event.submission_id, log.transaction, log.block))
        return found

    def _sent(self, entry: Entry, action: Transfer) -> list[tuple[int, bytes, int]]:
        """Where the coin has logged what a wallet may have sent, in the first blocks
        after it was asked.
        """
        head = self._market.moment().head.number
        first = max(self._seen_until.get(entry.id, 0), entry.asked_at + 1)
        last = min(head, entry.asked_at + MOST_BLOCKS_LATER)
        if first > last:
            return []
        wanted = Moved(entry.account, action.receiver, action.amount)
        logs = where_moved(self._market, wanted, first, last)
        # A reorganisation may put it into a block that was seen without it.
        self._seen_until[entry.id] = max(first, head - MOST_REORGANISED)
        return [(0, log.transaction, log.block) for log in logs]

    def _look_for_replacement(self, entry: Entry, transaction: bytes) -> None:
        connection = self._market.connection
        if entry.nonce is None:
            nonce = connection.nonce(transaction)
            if nonce is not None:
                with suppress(StepError):
                    self._journal.note_nonce(entry, nonce)
            return
        # In this order: what is mined between the two is found by the second.
        is_spent = connection.transaction_count(entry.account) > entry.nonce
        if is_spent and connection.receipt(transaction) is None:
            # Whoever pays more for the same has done the same.
            self._market.look()
            if not self._adopt(entry):
                with suppress(StepError):
                    self._journal.replaced(entry, message=OTHER_TOOK_PLACE)
            self._changed()


def is_away(error: ChainError) -> bool:
    """Whether no node said anything, rather than no."""
    return type(error) is ChainError


def _permit(deadline: int, signature: str) -> Permit:
    try:
        data = bytes.fromhex(signature.removeprefix("0x"))
    except ValueError:
        data = b""
    if len(data) != HEX_SIGNATURE_BYTES:
        raise InputError("The wallet's signature is not 65 bytes long.")
    v = data[64] if data[64] > 1 else data[64] + 27
    return Permit(deadline, v, data[:32], data[32:64])
