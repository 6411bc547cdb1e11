# SPDX-License-Identifier: Apache-2.0
"""A market, seen by one user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload

from modelmarket.chain.blocks import Call, Receipt
from modelmarket.chain.contracts import NO_PERMIT, PERMIT_LIFE_S, Permit, Purse
from modelmarket.chain.networks import Network, Networks
from modelmarket.chain.wallets import Keystores, Wallet
from modelmarket.errors import InputError
from modelmarket.index.sorting import Sort
from modelmarket.index.summaries import Wanted
from modelmarket.market.calls import call_of
from modelmarket.market.outbox import Outbox, Resumed
from modelmarket.market.paying import refuse_unaffordable, transfer_to
from modelmarket.market.publishing import RequestOptions, prepare
from modelmarket.market.reader import Reader, place_of
from modelmarket.market.request import Request
from modelmarket.market.submission import Submission
from modelmarket.market.verified.publishing import ContestOptions, prepare_contest
from modelmarket.market.verified.request import VerifiedRequest
from modelmarket.market.verified.submission import VerifiedSubmission
from modelmarket.protocol.actions import (
    Action,
    ClaimAirdrop,
    CreateContest,
    CreateRequest,
    Other,
    Transfer,
)
from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.events import ContestCreated, RequestCreated
from modelmarket.protocol.money import Amount, read_sum
from modelmarket.protocol.replaying import Record
from modelmarket.protocol.terms import Terms
from modelmarket.protocol.types import (
    Address,
    MarketId,
    RequestId,
    Seal,
    SubmissionId,
    Wei,
    read_address,
)
from modelmarket.system.environment import (
    account_from_environment,
    secret_from_environment,
)
from modelmarket.system.home import Home
from modelmarket.system.notebooks import facts_html, watched
from modelmarket.vault.derivation import MESSAGE, Root
from modelmarket.vault.secrets import Secret, to_json
from modelmarket.vault.vault import Vault

if TYPE_CHECKING:
    from modelmarket.datasets.sources import Source
    from modelmarket.protocol.reputation import Reputation
    from modelmarket.vault.journal import Entry


class Market(Reader):
    """A market on a network, with a user's wallet, vault, store and index.

    Nothing is asked of a node before it is needed. Each look at the market asks
    it once for the newest block and the time; what comes of a look tells how
    things stood then, and `refresh` looks again.

    Args:
        home: The user's folder.
        network: Where the market is.
        wallet: The unlocked key; None to look only.
        vault: Unlocked; None to look only.
    """

    def __init__(
        self,
        home: Home,
        network: Network,
        *,
        wallet: Wallet | None = None,
        vault: Vault | None = None,
    ) -> None:
        super().__init__(home, network)
        self._wallet = wallet
        self._vault = vault
        self._roots: dict[Address, Root] = {}

    @classmethod
    def connect(
        cls,
        network: str | None = None,
        *,
        home: Path | str | None = None,
        account: str | None = None,
        passphrase: str | None = None,
        looks: bool = False,
    ) -> Market:
        """Connects to a network of the user's configuration.

        Its nodes are asked once there is something to ask.

        Args:
            network: Its name; None for MODELMARKET_NETWORK, or the local one.
            home: The user's folder; None for the default one.
            account: An address, or how it begins; None for MODELMARKET_ACCOUNT,
                or the only one.
            passphrase: Opens keystore and vault; None to look only, unless it
                stands in the environment.
            looks: Nothing will be signed. The key is decrypted only if something is,
                after all: that takes most of a second.

        Raises:
            NotFoundError: There is no such network or account.
            InputError: The passphrase is wrong.
        """
        place, profile = place_of(network, home)
        account = account or account_from_environment()
        secret = passphrase or secret_from_environment()
        wallet = Wallet.from_environment()
        if wallet is None and secret is not None:
            keystores = Keystores(place.keystores)
            if account is not None or keystores.addresses():
                # A vault that is there proves the passphrase; a new one takes any.
                is_locked = looks and place.vault.exists()
                wallet = (keystores.look if is_locked else keystores.unlock)(
                    account, secret
                )
        vault = None
        # A new vault takes any passphrase: none is made before there is an account, or
        # a slip would lock out whoever makes one.
        if secret is not None and (wallet is not None or place.vault.exists()):
            vault = Vault(place.vault, secret)
        return cls(place, profile, wallet=wallet, vault=vault)

    def __repr__(self) -> str:
        return f"Market({self.network.name}, {self.network.market})"

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        me = f"account {self._wallet.address}" if self._wallet else "to look only"
        return facts_html(
            f"The market on {self.network.name}",
            (me, f"market {self.network.market}", f"home {self.home.path}"),
        )

    @property
    def wallet(self) -> Wallet:
        """The user's key.

        Raises:
            InputError: The market was opened to look only.
        """
        if self._wallet is None:
            raise InputError(
                "No key is unlocked.",
                hint="`modelmarket account new` makes one; give its passphrase.",
            )
        return self._wallet

    @property
    def account(self) -> Address | None:
        """Whose key it is; None if the market was opened to look only."""
        return self._wallet.address if self._wallet else None

    @property
    def own_accounts(self) -> tuple[Address, ...]:
        """The account; where the market was opened to look only, all that are here."""
        if self.account is not None:
            return (self.account,)
        return tuple(Keystores(self.home.keystores).addresses())

    @property
    def vault(self) -> Vault:
        """The user's vault.

        Raises:
            InputError: The market was opened to look only.
        """
        if self._vault is None:
            raise InputError(
                "The vault is locked.",
                hint="Set MODELMARKET_PASSPHRASE, or name a file in "
                "MODELMARKET_PASSPHRASE_FILE; `Market.connect` takes a passphrase=, "
                "too. Without an account there is none: `modelmarket account new` "
                "makes one.",
            )
        return self._vault

    def signed_by(self, wallet: Wallet) -> Market:
        """The same market, vault, store and index, with another key to sign."""
        other = copy(self)
        other._wallet = wallet  # noqa: SLF001  # of the same class
        return other

    # --- looking ---

    @overload
    def request(self, request_id: int) -> Request: ...
    @overload
    def request(self, request_id: str) -> VerifiedRequest: ...
    def request(self, request_id: int | str) -> Request | VerifiedRequest:
        """A request: 7 of the market of predictions, "v7" a verified contest.

        Raises:
            NotFoundError: There is none with this id.
        """
        return self.any_request(MarketId.of_any(request_id, RequestId))

    def any_request(self, request_id: RequestId) -> Request | VerifiedRequest:
        """A request of either market.

        Raises:
            NotFoundError: There is none with this id.
        """
        now = self.look().now
        return self.seen(self.record(request_id), now)

    def seen(self, record: Record, now: int) -> Request | VerifiedRequest:
        """A request of either market, as it was when it was looked at.

        Args:
            record: What its events tell.
            now: Chain time of that look, in seconds.
        """
        if isinstance(record, ContestRecord):
            return VerifiedRequest(self, record, now)
        return Request(self, record, now)

    def requests(
        self,
        *,
        mine: bool = False,
        is_final: bool | None = None,
        search: str = "",
        sort: Sort = Sort.NEWEST,
        limit: int = 1_000,
    ) -> list[Request | VerifiedRequest]:
        """Requests that fit, in order.

        Args:
            mine: Only those of this wallet.
            is_final: Only ended ones, or only others; None for both.
            search: Words in the name.
            sort: The order.
            limit: No more than so many.
        """
        now = self.look().now
        wanted = Wanted(
            requester=self.wallet.address if mine else None,
            is_final=is_final,
            search=search,
        )
        found = self.index.find(wanted, sort=sort, limit=limit)
        return [self.seen(self.index.request(one.id), now) for one in found]

    @overload
    def submission(self, submission_id: int) -> Submission: ...
    @overload
    def submission(self, submission_id: str) -> VerifiedSubmission: ...
    def submission(self, submission_id: int | str) -> Submission | VerifiedSubmission:
        """A submission: 7 of predictions, "v7" to a verified contest.

        Raises:
            NotFoundError: There is none with this id.
        """
        return self.any_submission(MarketId.of_any(submission_id, SubmissionId))

    def any_submission(
        self, submission_id: SubmissionId
    ) -> Submission | VerifiedSubmission:
        """A submission to a request of either market.

        Raises:
            NotFoundError: There is none with this id.
        """
        now = self.look().now
        found = self.index.request(self.index.request_of_submission(submission_id))
        return self.seen(found, now).submission(submission_id)

    def submissions(self) -> list[Submission | VerifiedSubmission]:
        """The submissions of this wallet, newest first."""
        now = self.look().now
        mine = self.wallet.address
        found = [
            submission
            for one in self.index.find(Wanted(trainer=mine))
            for submission in self.seen(self.index.request(one.id), now).submissions()
            if submission.record.trainer == mine
        ]
        return sorted(found, key=lambda one: -one.id)

    def reputation(self, address: str | None = None) -> Reputation:
        """What an address has made of its requests and submissions.

        Args:
            address: Whose; None for this wallet's.

        Raises:
            InputError: That is no address.
        """
        whose = self.wallet.address if address is None else read_address(address)
        self.look()
        return self.reputations([whose])[whose]

    def unfinished(self) -> list[Entry]:
        """What a key has signed and is not in the chain yet, the oldest first."""
        return self.vault.journal.unfinished(self.network.market)

    def has_sent(self, transaction: bytes) -> bool:
        """Whether this vault's journal has a transaction, by its hash of 32 bytes."""
        return self.vault.journal.has(transaction)

    def forgotten(self) -> Counter[Address]:
        """Markets on this chain that no network names, by the secrets here of them.

        A market of a chain that was begun anew is none any more.
        """
        networks = Networks(self.home.networks).all().values()
        known = set(self.network.contracts.addresses).union(
            *(one.contracts.addresses for one in networks)
        )
        chain_id = self.network.chain_id
        secrets = (one for one in self.vault.all() if one.chain_id == chain_id)
        found = Counter(one.market for one in secrets if one.market not in known)
        return Counter({one: found[one] for one in found if self.connection.code(one)})

    def missing_secrets(self) -> tuple[list[Seal], list[Seal]]:
        """What is not in the vault of what this wallet must open, and all of that."""
        needed = self.index.open_seals(self.wallet.address)
        kept = self.vault.seals(*self.network.contracts.addresses)
        return [seal for seal in needed if seal not in kept], needed

    # --- acting ---

    @property
    def outbox(self) -> Outbox:
        """What this wallet sends, and sees through; for this room alone."""
        return Outbox(self.markets, self.network, self.vault.journal, self._wallet)

    def send(self, call: Call, action: Action | None = None) -> Receipt:
        """Sends a call, journalled before it leaves.

        Args:
            call: What to do.
            action: The same for the journal; None for a call of one's own.

        Raises:
            RevertError: The contract refuses, in words.
            FundsError: MDC or fees do not suffice.
        """
        named = action or Other(call.what)
        with self.outbox.sending(call, self.wallet, named) as receipt:
            return receipt

    def do(self, action: Action, entry: Entry | None = None) -> Receipt:
        """Does an action.

        Args:
            action: What is to be done.
            entry: Where it stands in the journal, to be confirmed; None where
                nobody was asked.

        Raises:
            RevertError: The contract refuses, in words.
            FundsError: MDC or fees do not suffice.
            StepError: The entry went on meanwhile; nothing leaves.
        """
        if action.locks:
            moment, purse = self.look_into(
                self.wallet.address, verified=action.is_verified
            )
            with self.paying(action, purse, moment.now, entry=entry) as receipt:
                return receipt
        call = call_of(self, action)
        with self.outbox.sending(call, self.wallet, action, entry=entry) as receipt:
            return receipt

    @contextmanager
    def paying(
        self, action: Action, purse: Purse, now: int, *, entry: Entry | None = None
    ) -> Iterator[Receipt]:
        """Does an action for which the market takes MDC of this wallet's.

        A permit can be seen before it is used. Whoever posts it to the token
        leaves the allowance, which is then used; whoever posts an older one uses
        up its number, and a new one is signed.

        Args:
            action: What is to be done.
            purse: This wallet's, as it was.
            now: Chain time, in seconds.
            entry: Where it stands in the journal, to be confirmed; None where
                nobody was asked.

        Raises:
            FundsError: MDC or fees do not suffice.
        """

        def renew() -> Call | None:
            nonlocal purse, now
            before, ends = purse, now + PERMIT_LIFE_S
            moment, purse = self.look_into(
                self.wallet.address, verified=action.is_verified
            )
            now = moment.now
            is_same = before.permits == purse.permits and now <= ends
            if is_same and before.allowance == purse.allowance:
                return None
            return call_of(self, action, self._permit(purse, action.locks, now))

        call = call_of(self, action, self._permit(purse, action.locks, now))
        with self.outbox.sending(
            call, self.wallet, action, entry=entry, renew=renew
        ) as receipt:
            yield receipt

    def resume(self) -> list[Resumed]:
        """Sees through what an interrupted run had signed; see `Outbox.resume`."""
        return self.outbox.resume()

    def permit(self, amount: int) -> Permit:
        """A permit for the market to take an amount of this wallet's, if it needs one.

        Args:
            amount: Wei.

        Raises:
            FundsError: The wallet has less.
        """
        moment, purse = self.look_into(self.wallet.address)
        return self._permit(purse, amount, moment.now)

    def _permit(self, purse: Purse, amount: int, now: int) -> Permit:
        message = self.permit_message(purse, amount, now)
        if message is None:
            return NO_PERMIT
        deadline: int = message["message"]["deadline"]
        return Permit(deadline, *self.wallet.sign_typed(message))

    def permit_message(
        self, purse: Purse, amount: int, now: int, *, deadline: int | None = None
    ) -> dict[str, Any] | None:
        """What an owner signs so that the market may take an amount; None if it may.

        Args:
            purse: The owner's.
            amount: Wei.
            now: Chain time, in seconds.
            deadline: The last second of the permit; None for an hour from now.

        Raises:
            FundsError: The owner has less.
        """
        refuse_unaffordable(purse, amount)
        if purse.allowance >= amount:
            return None
        return self.coin.permit_message(
            purse.owner,
            purse.spender,
            amount,
            number=purse.permits,
            deadline=now + PERMIT_LIFE_S if deadline is None else deadline,
        )

    def claim_airdrop(self) -> Receipt:
        """1,000 MDC for this wallet, once."""
        return self.do(ClaimAirdrop())

    def transfer(self, receiver: str, amount: Amount) -> Receipt:
        """Sends MDC of this wallet's to another account; nobody can take it back.

        Args:
            receiver: The other's address.
            amount: Wei, as a whole number; or MDC, as decimal text or `Decimal`.

        Raises:
            InputError: One of them is none, or there is nobody who could use them
                there.
            FundsError: MDC or fees do not suffice.
            StepError: An interrupted run has sent some already.
        """
        wei = read_sum(amount)
        self.outbox.finish_interrupted(Transfer.kind, "modelmarket account show")
        return self.do(transfer_to(self, self.wallet.address, receiver, wei))

    def create_request(
        self,
        data: Any,
        *,
        reward: Amount,
        label: str | None = None,
        labels: Any = None,
        files: str | None = None,
        files_in: Path | str | None = None,
        header: bool | None = None,
        delimiter: str | None = None,
        encoding: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> Request:
        """Splits and publishes a dataset, seals its test labels, locks a reward.

        Args:
            data: The labelled table: a file's path, or a data frame of polars or
                pandas.
            reward: For the best model: MDC as text such as `"100"`, or wei.
            label: The column with the labels.
            labels: In place of it, the labels row by row: a file's path, a column, an
                array or a list.
            files: A column that names files, to be published beside the table: PNG,
                JPEG, WAV, FLAC, Ogg, MP3 or text, one kind in all rows.
            files_in: The folder that they are in; None for the table's own, or the
                current one if it is a data frame.
            header: Whether the first row of files names the columns; None to find out.
            delimiter: Of the table's file; None to find out.
            encoding: Of files, such as `"latin-1"`; None to find out.
            options: See `RequestOptions`.

        Raises:
            DataError: The table cannot be used; names row, column and value.
            TermsError: The contract would refuse the terms.
            FundsError: MDC or fees do not suffice.
            StepError: An interrupted run has created one already.
            ConfirmationError: It is allowed, but hardly meant: see `again` and
                what begins with `accept_`.
        """
        from modelmarket.datasets.given import opened

        self.outbox.finish_interrupted(
            "create_request", "modelmarket request list --mine"
        )
        owner, wei = self.wallet.address, read_sum(reward)
        moment, purse = self.look_into(owner)
        refuse_unaffordable(purse, wei)
        with (
            opened(
                data,
                self.home.scratch(),
                label=label,
                labels=labels,
                files=files,
                files_in=files_in,
                header=header,
                delimiter=delimiter,
                encoding=encoding,
            ) as source,
            watched(options.get("progress")) as options["progress"],
        ):
            terms = self.prepare_request(
                source, owner=owner, reward=wei, now=moment.now, **options
            )
        # That may have taken its time.
        now = self.look().now
        with self.paying(CreateRequest(terms), purse, now) as receipt:
            created = next(
                event
                for event in self.markets.events(receipt)
                if isinstance(event, RequestCreated)
            )
            return self.request(created.request_id)

    def create_contest(
        self,
        data: Any,
        *,
        reward: Amount,
        label: str | None = None,
        labels: Any = None,
        header: bool | None = None,
        delimiter: str | None = None,
        encoding: str | None = None,
        **options: Unpack[ContestOptions],
    ) -> VerifiedRequest:
        """Splits a dataset, publishes it with its test rows hidden, locks a reward.

        What is bought is the model itself: the chain ties it to its score. What would
        keep this computer from watching is warned of before the reward is locked.

        Args:
            data: The labelled table; this and what follows as for `create_request`.
            reward: For the best model.
            label: The column with the labels.
            labels: In place of it, the labels row by row.
            header: Whether the first row of files names the columns.
            delimiter: Of the table's file.
            encoding: Of files.
            options: See `ContestOptions`.

        Raises:
            DataError: The table cannot be used; names row, column and value.
            TermsError: The contract would refuse the terms.
            FundsError: MDC or fees do not suffice.
            StepError: An interrupted run has created one already.
            ConfirmationError: It is allowed, but hardly meant: see `again` and
                what begins with `accept_`.
        """
        from modelmarket.datasets.given import opened
        from modelmarket.market.verified.prospects import warned

        self.outbox.finish_interrupted(
            "create_contest", "modelmarket request list --mine"
        )
        owner, wei = self.wallet.address, read_sum(reward)
        moment, purse = self.look_into(owner, verified=True)
        refuse_unaffordable(purse, wei)
        with (
            opened(
                data,
                self.home.scratch(),
                label=label,
                labels=labels,
                header=header,
                delimiter=delimiter,
                encoding=encoding,
            ) as source,
            watched(options.get("progress")) as options["progress"],
        ):
            action = self.prepare_contest(
                source, owner=owner, reward=wei, now=moment.now, **options
            )
        for one in action.warnings:
            (options.get("warn") or warned)(one)
        # That may have taken its time.
        now = self.look().now
        with self.paying(action, purse, now) as receipt:
            created = next(
                event
                for event in self.markets.events(receipt)
                if isinstance(event, ContestCreated)
            )
            found = self.any_request(created.request_id)
            assert isinstance(found, VerifiedRequest), "its id says so"
            return found

    def root(self) -> Root:
        """What this wallet's derived secrets come from; signed for once."""
        wallet = self.wallet
        if wallet.address not in self._roots:
            _, r, s = wallet.sign_typed(MESSAGE)
            self._roots[wallet.address] = Root.of_signature(r, s)
        return self._roots[wallet.address]

    def put_away(self, secret: Secret) -> Seal:
        """Puts a secret into the vault, and an encrypted copy into the store.

        Only this wallet's key decrypts the copy, on any machine.
        """
        name = self.vault.add(secret)
        copy = self.root().key_of_copies().encrypt(to_json(secret), name)
        stored = self.store.add_bytes(copy, f"copy-{name.hex()[:12]}")
        self.vault.note_copy(name, bytes(stored.cid))
        return name

    def prepare_request(
        self,
        source: Source,
        *,
        owner: Address,
        reward: Wei,
        now: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> Terms:
        """Everything before the transaction; see `publishing.prepare`."""
        if now is None:
            now = self.look().now
        return prepare(self, source, owner=owner, reward=reward, now=now, **options)

    def prepare_contest(
        self,
        source: Source,
        *,
        owner: Address,
        reward: Wei,
        now: int | None = None,
        **options: Unpack[ContestOptions],
    ) -> CreateContest:
        """Everything before the transaction; see `verified.publishing`."""
        from modelmarket.market.verified.prospects import obstacles

        if now is None:
            now = self.look().now
        made = prepare_contest(
            self, source, owner=owner, reward=reward, now=now, **options
        )
        warnings = tuple(obstacles(self, made.terms))
        return CreateContest(made.terms, made.texts, made.weights, warnings)
