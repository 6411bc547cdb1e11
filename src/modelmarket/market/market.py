# SPDX-License-Identifier: Apache-2.0
"""A market, seen by one user."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from modelmarket.chain.connection import Call, Receipt
from modelmarket.chain.contracts import NO_PERMIT, ModelMarket, Permit, with_copy
from modelmarket.chain.networks import LOCAL, Network, Networks
from modelmarket.chain.wallets import Keystores, Wallet
from modelmarket.errors import (
    FundsError,
    InputError,
    NotFoundError,
)
from modelmarket.index.index import Index
from modelmarket.index.summaries import Sort, Wanted
from modelmarket.market.outbox import Before, Outbox, Resumed
from modelmarket.market.preparing import RequestOptions, prepare
from modelmarket.market.request import Request
from modelmarket.market.reusing import refuse_used_seal
from modelmarket.market.submission import Submission
from modelmarket.market.verifying import Verifier
from modelmarket.protocol.events import RequestCreated
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.terms import Terms
from modelmarket.protocol.types import Address, RequestId, Seal, SubmissionId, Wei
from modelmarket.storage.store import Store
from modelmarket.system.home import Home
from modelmarket.vault.deriving import MESSAGE, Root
from modelmarket.vault.secret import Secret, to_json
from modelmarket.vault.vault import Vault

if TYPE_CHECKING:
    from modelmarket.chain.connection import Block
    from modelmarket.datasets.split import Source


class Market:
    """A market on a network, with a user's wallet, vault, store and index.

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
        home.prepare()
        self.home = home
        self.network = network
        self.connection = network.connect()
        if not self.connection.code(network.market):
            raise NotFoundError(
                f"There is no market at {network.market} on {network.name!r}.",
                hint="Was the chain started anew? `modelmarket deploy` makes a market.",
            )
        self.contract = ModelMarket(self.connection, network.market)
        self.coin = self.contract.coin()
        self.store = Store(home.store)
        self.index = Index(
            home.index(network.chain_id, network.market),
            self.connection,
            network.market,
            network.first_block,
        )
        self.verifier = Verifier(self.index, self.contract)
        self._wallet = wallet
        self._vault = vault
        self._roots: dict[Address, Root] = {}

    def __repr__(self) -> str:
        return f"Market({self.network.name}, {self.network.market})"

    @classmethod
    def connect(
        cls,
        network: str = LOCAL,
        *,
        home: Path | None = None,
        account: str | None = None,
        passphrase: str | None = None,
    ) -> Market:
        """Connects to a network of the user's configuration.

        Args:
            network: Its name.
            home: The user's folder; None for the default one.
            account: An address, or how it begins; None for the only one.
            passphrase: Opens keystore and vault; None to look only, unless it
                stands in the environment.

        Raises:
            NotFoundError: There is no such network, market or account.
            ChainError: The node cannot be reached.
            InputError: The passphrase is wrong.
        """
        place = Home(home) if home is not None else Home.default()
        profile = Networks(place.networks).get(network)
        secret = passphrase or secret_from_environment()
        wallet = Wallet.from_environment()
        if wallet is None and secret is not None:
            keystores = Keystores(place.keystores)
            if account is not None or keystores.addresses():
                wallet = keystores.unlock(account, secret)
        vault = Vault(place.vault, secret) if secret is not None else None
        return cls(place, profile, wallet=wallet, vault=vault)

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
    def vault(self) -> Vault:
        """The user's vault.

        Raises:
            InputError: The market was opened to look only.
        """
        if self._vault is None:
            raise InputError(
                "The vault is locked.",
                hint="Set MODELMARKET_PASSPHRASE, or name a file in "
                "MODELMARKET_PASSPHRASE_FILE.",
            )
        return self._vault

    def signed_by(self, wallet: Wallet) -> Market:
        """The same market, vault, store and index, with another key to sign."""
        other = copy(self)
        other._wallet = wallet  # noqa: SLF001  # of the same class
        return other

    def now(self, head: Block | None = None) -> int:
        """Chain time, in seconds.

        Args:
            head: The newest block; None to ask for it.
        """
        return self.connection.now(head)

    # --- looking ---

    def request(self, request_id: int) -> Request:
        """A request.

        Raises:
            NotFoundError: There is none with this id.
        """
        self.index.sync()
        return Request(self, self.index.request(RequestId(request_id)))

    def requests(
        self,
        *,
        mine: bool = False,
        is_final: bool | None = None,
        search: str = "",
        sort: Sort = Sort.NEWEST,
        limit: int = 1_000,
    ) -> list[Request]:
        """Requests that fit, in order.

        Args:
            mine: Only those of this wallet.
            is_final: Only ended ones, or only others; None for both.
            search: Words in the name.
            sort: The order.
            limit: No more than so many.
        """
        self.index.sync()
        wanted = Wanted(
            requester=self.wallet.address if mine else None,
            is_final=is_final,
            search=search,
        )
        found = self.index.find(wanted, sort=sort, limit=limit)
        return [Request(self, self.index.request(one.id)) for one in found]

    def submission(self, submission_id: int) -> Submission:
        """A submission.

        Raises:
            NotFoundError: There is none with this id.
        """
        self.index.sync()
        number = SubmissionId(submission_id)
        request = self.request(self.index.request_of_submission(number))
        return request.submission(number)

    def submissions(self) -> list[Submission]:
        """The submissions of this wallet, newest first."""
        self.index.sync()
        mine = self.wallet.address
        found = [
            submission
            for one in self.index.find(Wanted(trainer=mine))
            for submission in Request(self, self.index.request(one.id)).submissions()
            if submission.record.trainer == mine
        ]
        return sorted(found, key=lambda one: -one.id)

    # --- acting ---

    @property
    def outbox(self) -> Outbox:
        """What this wallet sends, and sees through."""
        return Outbox(self.connection, self.network, self.vault, self._wallet)

    def send(self, call: Call) -> Receipt:
        """Sends a call, journalled before it leaves.

        Raises:
            RevertError: The contract refuses, in words.
            FundsError: MDC or fees do not suffice.
        """
        with self.sending(call) as receipt:
            return receipt

    @contextmanager
    def sending(self, call: Call, *, before: Before | None = None) -> Iterator[Receipt]:
        """Sends a call, and keeps it in the journal until the body is done.

        See `Outbox.sending`.
        """
        with self.outbox.sending(call, self.wallet, before=before) as receipt:
            yield receipt

    @contextmanager
    def paying(
        self, amount: int, call_with: Callable[[Permit], Call]
    ) -> Iterator[Receipt]:
        """Sends a call by which the market takes MDC of this wallet's.

        A permit can be seen before it is used. Whoever posts it to the token
        leaves the allowance, which is then used; whoever posts an older one uses
        up its number, and a new one is signed.

        Args:
            amount: Wei.
            call_with: Makes the call with a permit.

        Raises:
            FundsError: MDC or fees do not suffice.
        """
        permit, known = self._permit(amount)

        def renew() -> Call | None:
            nonlocal permit, known
            before = known
            permit, known = self._permit(amount)
            return None if known == before else call_with(permit)

        call = call_with(permit)
        with self.outbox.sending(call, self.wallet, renew=renew) as receipt:
            yield receipt

    def resume(self) -> list[Resumed]:
        """Sees through what an interrupted run had signed; see `Outbox.resume`."""
        return self.outbox.resume()

    def permit(self, amount: int) -> Permit:
        """A permit for the market to take an amount, if it needs one.

        Raises:
            FundsError: The wallet has less.
        """
        return self._permit(amount)[0]

    def _permit(self, amount: int) -> tuple[Permit, int | None]:
        """The same, with the permit's number; None where none is needed."""
        owner = self.wallet.address
        if self.may_take(owner, amount):
            return NO_PERMIT, None
        message = self.coin.permit_message(owner, self.network.market, amount)
        v, r, s = self.wallet.sign_typed(message)
        said = message["message"]
        return Permit(said["deadline"], v, r, s), said["nonce"]

    def may_take(self, owner: Address, amount: int) -> bool:
        """Whether the market may take an amount without a permit.

        Raises:
            FundsError: The owner has less.
        """
        balance = self.coin.balance(owner, at="pending")
        if balance < amount:
            hint = "`modelmarket airdrop` gives 1,000 MDC, once."
            if self.coin.airdropped(owner):
                hint = "It has had its airdrop: somebody must send it MDC."
            raise FundsError(
                f"{owner} has {format_mdc(balance)} MDC; {format_mdc(amount)} are "
                "needed.",
                hint=hint,
            )
        return self.coin.allowance(owner, self.network.market) >= amount

    def claim_airdrop(self) -> Receipt:
        """1,000 MDC for this wallet, once."""
        return self.send(self.coin.claim_airdrop())

    def create_request(
        self, source: Source, *, reward: Wei, **options: Unpack[RequestOptions]
    ) -> Request:
        """Splits and publishes a dataset, seals its test labels, locks a reward.

        Args:
            source: The labelled table.
            reward: Wei of MDC for the best model.
            options: See `RequestOptions`.

        Raises:
            DataError: The table cannot be used; names row, column and value.
            TermsError: The contract would refuse the terms.
            FundsError: MDC or fees do not suffice.
            StepError: An interrupted run has created one already.
            ConfirmationError: It is allowed, but hardly meant: see `again` and
                `accept_stake`.
        """
        self.outbox.finish_interrupted(
            "create_request", "modelmarket request list --mine"
        )
        self.may_take(self.wallet.address, reward)
        terms = self.prepare_request(
            source, owner=self.wallet.address, reward=reward, **options
        )
        with self.paying(
            reward, lambda permit: self.creation(terms, permit)
        ) as receipt:
            created = next(
                event
                for event in self.contract.events(receipt)
                if isinstance(event, RequestCreated)
            )
            return self.request(created.request_id)

    def creation(self, terms: Terms, permit: Permit) -> Call:
        """The call that creates what was prepared.

        Raises:
            TermsError: A request has this truth, or these very terms, already.
        """
        refuse_used_seal(self, terms.truth_seal)
        call = self.contract.create_request(terms, permit)
        return with_copy(call, self.vault.copy_of(terms.truth_seal))

    def root(self) -> Root:
        """What this wallet's derived secrets come from; signed for once."""
        wallet = self.wallet
        if wallet.address not in self._roots:
            _, r, s = wallet.sign_typed(MESSAGE)
            self._roots[wallet.address] = Root.of_signature(r, s)
        return self._roots[wallet.address]

    def keep(self, secret: Secret) -> Seal:
        """Puts a secret into the vault, and an encrypted copy into the store.

        Only this wallet's key decrypts the copy, on any machine.
        """
        name = self.vault.keep(secret)
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
        **options: Unpack[RequestOptions],
    ) -> Terms:
        """Everything before the transaction; see `preparing.prepare`."""
        return prepare(self, source, owner=owner, reward=reward, **options)


def secret_from_environment(
    variable: str = "MODELMARKET_PASSPHRASE",
) -> str | None:
    """The secret in a variable, or in the file that the variable's name with
    `_FILE` names; None without either.

    Raises:
        NotFoundError: There is no such file.
        InputError: The file cannot be read.
    """
    secret = os.environ.get(variable)
    named = os.environ.get(f"{variable}_FILE")
    if secret or not named:
        return secret or None
    # Read once, so it may be a pipe that a password manager writes to.
    try:
        return Path(named).read_text(encoding="utf-8").rstrip("\r\n")
    except FileNotFoundError as error:
        raise NotFoundError(
            f"There is no file {named}.", hint=f"{variable}_FILE names it."
        ) from error
    except OSError as error:
        raise InputError(f"{named} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{named} is not text in UTF-8.", hint=f"{variable}_FILE names it."
        ) from error
