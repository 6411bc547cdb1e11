# SPDX-License-Identifier: Apache-2.0
"""What a market's chain, index and store tell anybody; no key is needed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from modelmarket.chain import queries
from modelmarket.chain.contracts import ModelCoin, Purse
from modelmarket.chain.markets import Markets
from modelmarket.chain.networks import LOCAL, Network, Networks
from modelmarket.chain.queries import nothing, together
from modelmarket.errors import (
    ChainError,
    InputError,
    ModelMarketError,
    RevertError,
    UnreadableError,
)
from modelmarket.index.index import Index
from modelmarket.index.sorting import Sort
from modelmarket.index.summaries import ALL
from modelmarket.market.contents import Contents
from modelmarket.market.cross_check import Verifier
from modelmarket.market.fees import fee, price
from modelmarket.market.transactions import Transaction, looked_up
from modelmarket.market.verified.opened import Lately
from modelmarket.market.verified.refutations import Challenges
from modelmarket.market.verified.watching import Watched
from modelmarket.protocol.types import RequestId
from modelmarket.storage.cid import Cid
from modelmarket.storage.store import Store
from modelmarket.system.environment import network_from_environment
from modelmarket.system.home import Home

if TYPE_CHECKING:
    from modelmarket.chain.blocks import Log, Moment
    from modelmarket.chain.queries import Query
    from modelmarket.index.records import Placed
    from modelmarket.index.summaries import Summary, Tally, Wanted
    from modelmarket.models.inspecting import Inspected
    from modelmarket.protocol.actions import Action
    from modelmarket.protocol.events import Event, Unreadable
    from modelmarket.protocol.records import BaseRecord
    from modelmarket.protocol.replaying import Record
    from modelmarket.protocol.reputation import Reputation
    from modelmarket.protocol.types import Address, Wei
    from modelmarket.storage.store import Entry, Progress

PACED_BLOCKS = 8
"""The newest blocks, by which it is told how long one takes."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Holdings:
    """What an account has.

    Attributes:
        money: Wei of MDC.
        fees: Wei of the chain's own coin.
        no_airdrop: Why there is no airdrop for it, in words; empty if there is.
    """

    money: Wei
    fees: Wei
    no_airdrop: str


@dataclass(frozen=True)
class File:
    """A file in the store.

    Attributes:
        cid: Its address.
        size: In bytes.
        sha256: Of its content; None where it is not known.
        pieces: Its content, read as it is iterated over.
    """

    cid: Cid
    size: int
    sha256: bytes | None
    pieces: Iterator[bytes]


def place_of(network: str | None, home: Path | str | None) -> tuple[Home, Network]:
    """The user's folder, and a network of the user's configuration.

    Args:
        network: Its name; None for MODELMARKET_NETWORK, or the local one.
        home: The user's folder; None for the default one.

    Raises:
        NotFoundError: There is no such network.
    """
    place = Home(Path(home)) if home is not None else Home.default()
    named = network or network_from_environment() or LOCAL
    return place, Networks(place.networks).get(named)


class Reader:
    """A market on a network, with a user's store and index.

    Nothing is asked of a node before it is needed. Each look at the market asks
    it once for the newest block and the time; what comes of a look tells how
    things stood then.

    Args:
        home: The user's folder.
        network: Where the market is.

    Attributes:
        connection, markets, contract, store, index, verifier: What it is made of.
            They are for this room alone; others ask the market (a test holds them
            to it).
    """

    def __init__(self, home: Home, network: Network) -> None:
        home.prepare()
        self.home = home
        self.network = network
        self.connection = network.connect()
        self.markets = Markets(self.connection, network.contracts)
        self.contract = self.markets.predictions
        self.store = Store(home.store)
        self.index = Index(
            network.index or home.index(network.chain_id, *network.contracts.addresses),
            self.connection,
            network.contracts,
            network.first_block,
        )
        self.verifier = Verifier(self.index, self.markets)
        self.opened = Lately()
        self.watched = Watched()
        self.challenges = Challenges()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.network.name}, {self.network.market})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the index and the lines to the nodes."""
        self.index.close()
        self.connection.close()

    @cached_property
    def coin(self) -> ModelCoin:
        """The token that it pays in; for this room alone.

        Raises:
            NotFoundError: There is no market where the network says.
        """
        return self.contract.coin()

    # --- looking at the chain ---

    def look(self) -> Moment:
        """Asks for the newest block and the time, and reads the index up to them.

        Raises:
            NotFoundError: There is no market where the network says.
            ChainError: The node does not answer.
        """
        return self._look(nothing())[0]

    def look_into(
        self, owner: Address, *, verified: bool = False
    ) -> tuple[Moment, Purse]:
        """The same, with what an account can pay this market with.

        Args:
            owner: The account.
            verified: The market of verified contests rather than of predictions.
        """
        market = self.markets.verified if verified else self.markets.predictions
        return self._look(self.coin.purse(owner, market.address))

    def _look(self, also: Query[_T]) -> tuple[Moment, _T]:
        if "coin" in self.__dict__:
            moment, found = self.connection.query(together(queries.moment(), also))
        else:
            moment, found, coin = self.connection.query(
                together(queries.moment(), also, self.contract.coin_query())
            )
            self.coin = self.contract.coin_at(coin)
        self.index.sync(moment.head)
        return moment, found

    def contracts(self) -> dict[Address, str]:
        """What each of the market's contracts is called, in words.

        Raises:
            NotFoundError: There is no market where the network says.
            ChainError: The node does not answer.
        """
        known = {
            self.network.market: "the market",
            self.coin.address: "the coin, MDC",
        }
        if self.network.verified:
            known[self.network.verified] = "the market of verified contests"
        return known

    def moment(self) -> Moment:
        """The newest block and the time, without reading the index.

        Raises:
            ChainError: The node does not answer.
        """
        return self.connection.moment()

    def holdings(self, account: Address) -> tuple[Moment, Holdings]:
        """What an account has, and as of when; asked in one go.

        Raises:
            ChainError: The node does not answer.
        """
        moment, money, fees, no_airdrop = self.connection.query(
            together(
                queries.moment(),
                self.coin.balance_query(account),
                queries.fee_balance(account),
                queries.call(self.coin.claim_airdrop(), sender=account)
                .map(lambda _: "")
                .rescue(RevertError, lambda error: error.message),
            )
        )
        return moment, Holdings(money, fees, no_airdrop)

    def balance(self, account: Address) -> Wei:
        """Wei of MDC of an account."""
        return self.coin.balance(account)

    def fee_balance(self, account: Address) -> Wei:
        """Wei of the chain's own coin of an account."""
        return self.connection.fee_balance(account)

    def fee(self, action: Action) -> Wei:
        """Wei of the chain's own coin that an action costs at most; see `fees`."""
        return fee(self.connection, action)

    def price(self, gas: int) -> Wei:
        """Wei of the chain's own coin that so much gas costs at most."""
        return price(self.connection, gas)

    def is_operator(
        self, trainer: Address, operator: Address, *, verified: bool = False
    ) -> bool:
        """Whether an account may claim for a trainer.

        Args:
            trainer: Whose submissions.
            operator: The account.
            verified: In the market of verified contests rather than of predictions.
        """
        market = self.markets.verified if verified else self.markets.predictions
        return market.is_operator(trainer, operator)

    def transaction(self, name: bytes) -> Transaction | None:
        """A transaction by its hash of 32 bytes; None if the node does not know it.

        Raises:
            ChainError: The node does not answer.
        """
        return looked_up(self, name)

    def block_of(self, transaction: bytes) -> int | None:
        """The block that a transaction is in; None for none.

        Raises:
            TransactionError: It is there, and failed.
            ChainError: The node does not answer.
        """
        receipt = self.connection.receipt(transaction)
        return None if receipt is None else receipt.block

    def seconds(
        self, blocks: Collection[int], *, ask_node: bool = True
    ) -> dict[int, int]:
        """The second of each of some blocks, in chain time, as far as it is known.

        Args:
            blocks: Their numbers.
            ask_node: For those, too, in which nothing of the market happened.

        Raises:
            ChainError: The node does not answer.
        """
        known = self.index.seconds(blocks)
        others = [one for one in blocks if one not in known] if ask_node else []
        asked = queries.sequence([queries.block_or_none(one) for one in others])
        found = self.connection.query(asked)
        return known | {one.number: one.timestamp for one in found if one is not None}

    def is_waiting(self, transaction: bytes) -> bool:
        """Whether a node knows a transaction that is in no block yet."""
        return self.connection.nonce(transaction) is not None

    def heads(self) -> dict[str, int | None]:
        """The newest block of each node; None for one that does not answer."""
        return self.connection.heads()

    def is_catching_up(self) -> bool:
        """Whether the node says that it lies behind the chain."""
        return bool(self.connection.ask("eth_syncing"))

    def is_past_for_good(self, second: int, moment: Moment) -> bool:
        """Whether no reorganisation can bring a second of chain time back.

        Every node that answers has a block at or past it, which is buried or which
        the chain calls final.

        Args:
            second: Of chain time.
            moment: As the chain is now.
        """
        depth = self.network.confirmations
        buried = self.connection.block(max(0, moment.head.number - depth))
        if buried.timestamp >= second:
            return self.connection.is_agreed(buried)
        try:
            final = self.connection.block("finalized")
        except ChainError:
            return False
        return final.timestamp >= second and self.connection.is_agreed(final)

    def finality_s(self, beyond: int = 0) -> int:
        """About how many seconds the chain takes to make a block final.

        Args:
            beyond: So many are as good as none, and are not looked into. For more, it
                is told by what the newest blocks took, since time may have been still.

        Returns:
            Seconds; 0 where the node calls no block final, or all.
        """
        both = together(queries.block("latest"), queries.block("finalized"))
        try:
            head, final = self.connection.query(both)
        except ChainError:
            return 0
        passed = head.timestamp - final.timestamp
        if passed <= beyond:
            return max(0, passed)
        first = max(final.number, head.number - PACED_BLOCKS)
        blocks = self.connection.blocks(range(first, head.number + 1))
        took = sorted(
            after.timestamp - before.timestamp for before, after in pairwise(blocks)
        )
        return (head.number - final.number) * took[len(took) // 2] if took else 0

    # --- looking into the index, as far as it was read ---

    def record(self, request_id: RequestId) -> Record:
        """A request with everything that happened to it.

        Raises:
            NotFoundError: There is none with this id.
            UnreadableError: Its events make no sense, so that it is set aside.
        """
        self.markets.address_of(request_id)
        return self.index.request(request_id)

    def verified(self, request_id: RequestId) -> Record:
        """The same, held against the contract until it has ended.

        Raises:
            NotFoundError: There is none with this id.
            UnreadableError: Its events make no sense, when read once more too.
            ChainError: The nodes keep leaving something out.
        """
        self.markets.address_of(request_id)
        try:
            record = self.index.request(request_id)
        except UnreadableError:
            self.verifier.read_again(request_id)
            record = self.index.request(request_id)
        return record if record.stage.is_final else self.verifier.verify(record)

    def verify_counts(self) -> None:
        """Makes sure that the index has every request and submission.

        Raises:
            ChainError: The nodes keep leaving something out.
        """
        self.verifier.verify_counts()

    def decode(self, log: Log) -> Event | Unreadable | None:
        """The event that a log of the market's contracts is; None for none."""
        return self.network.contracts.decode(log)

    def history(self, request_id: RequestId) -> list[Placed]:
        """All logs of a request, in order."""
        return self.index.logs(request_id)

    def newest(
        self, request_id: RequestId, *, limit: int, named: Collection[str] = ()
    ) -> list[Placed]:
        """The last logs of a request, the newest first; see `Queries.newest`."""
        return self.index.newest(request_id, limit=limit, named=named)

    def set_aside(self) -> dict[RequestId, str]:
        """Requests whose events make no sense, and why."""
        return self.index.set_aside()

    def find(
        self,
        wanted: Wanted = ALL,
        *,
        sort: Sort = Sort.NEWEST,
        limit: int = 1_000,
        offset: int = 0,
    ) -> list[Summary]:
        """Requests that fit, in short and in order."""
        return self.index.find(wanted, sort=sort, limit=limit, offset=offset)

    def count(self, wanted: Wanted = ALL) -> int:
        """How many requests fit."""
        return self.index.count(wanted)

    def tally(self, search: str, now: int, account: Address | None) -> Tally:
        """How many requests whose names have some words are in which part of their
        lives, are an account's, and were entered by it.
        """
        return self.index.tally(search, now, account)

    def reputations(self, addresses: Iterable[Address]) -> dict[Address, Reputation]:
        """What each of some addresses has made of its requests and submissions."""
        return self.index.reputations(addresses)

    # --- looking into the store ---

    def contents(self, request_id: RequestId) -> Contents:
        """A request's files, and where they come from.

        Raises:
            NotFoundError: There is no request with this id.
            UnreadableError: Its events make no sense, so that it is set aside.
        """
        return self.contents_of(self.record(request_id))

    def contents_of(self, record: BaseRecord) -> Contents:
        """The same of a request that was looked at."""
        return Contents(self.store, self.network, record)

    def files(self, folder: str) -> list[Entry] | None:
        """The files of a folder, by its CID; None if it is not all here."""
        try:
            return self.store.entries(Cid.parse(folder))
        except ModelMarketError:
            # Whatever a stranger named, and whatever of it is here.
            return None

    def size(self, folder: str) -> int | None:
        """Bytes of the files of a folder, by its CID; None if it is not all here."""
        try:
            cid = Cid.parse(folder)
            return self.store.size(cid) if self.store.has(cid) else None
        except ModelMarketError:
            # Whatever a stranger named.
            return None

    def file(self, folder: str, path: str) -> File:
        """A file in a folder of the store.

        Raises:
            InputError: That is no CID, or a folder.
            NotFoundError: It is not here.
        """
        cid = self.store.resolve(Cid.parse(folder), path)
        node = self.store.node(cid)
        if node.is_folder:
            raise InputError("That is a folder.", hint="Choose a file in it.")
        return File(cid, node.size, self.store.sha256(cid), self.store.read(cid))

    def inspect(
        self, what: Path | str, *, progress: Progress | None = None
    ) -> list[Inspected]:
        """What is in a model's files, without anything of them being executed.

        Args:
            what: A CID, or the path of a file or folder.
            progress: Is told of the bytes that are fetched.

        Raises:
            NotFoundError: There is none, or no gateway has it.
            InputError: There are too many files in it.
        """
        from modelmarket.market.inspecting import inspect

        return inspect(self, what, progress=progress)
