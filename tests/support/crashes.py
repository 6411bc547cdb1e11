# SPDX-License-Identifier: Apache-2.0
"""Kills a process at every point where it touches disk or network.

The points are found by instrumentation, not by hand: each call that syncs or
renames a file, commits to a database or asks a node has one before and one
behind it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import Any

# What the program loads when it needs it is loaded once here, before the
# processes part.
import eth_account  # noqa: F401  # loaded before the processes part
import httpcore  # noqa: F401  # loaded before the processes part
import httpx
import polars as pl  # noqa: F401  # loaded before the processes part
import pytest
import sqlalchemy.engine.default

from modelmarket import agent
from modelmarket.chain.networks import Network
from modelmarket.chain.wallets import Wallet
from modelmarket.datasets import published  # noqa: F401  # loaded before the processes part
from modelmarket.errors import StepError
from modelmarket.market import Market
from modelmarket.models import converting  # noqa: F401  # loaded before the processes part
from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.types import RequestId, SubmissionId
from modelmarket.storage.cid import Cid
from modelmarket.system.certificates import certificates
from modelmarket.system.databases import Database
from modelmarket.system.home import Home
from modelmarket.vault.vault import Vault
from support import contests  # noqa: F401  # loaded before the processes part
from support.market import PASSPHRASE, Place, place

EVERY = int(os.environ.get("MODELMARKET_CRASH_EVERY", "40"))
"""Try each so-manieth point, beginning at a random one; 1 tries all."""

RESULT = os.environ.get("MODELMARKET_CRASH_RESULT", "")
"""A file that the figures are written to."""

PATIENCE_S = 120

certificates()


@dataclass(frozen=True)
class User:
    """Somebody whose machine loses power.

    Attributes:
        home: Their folder.
        network: Where the market is.
        key: Their private key.
        passphrase: Of their vault.
    """

    home: Path
    network: Network
    key: bytes
    passphrase: str

    @property
    def wallet(self) -> Wallet:
        """Signs for them."""
        return Wallet.from_key(self.key)

    def start(self) -> Market:
        """Their program, as after a restart."""
        home = Home(self.home)
        return Market(
            home,
            self.network,
            wallet=self.wallet,
            vault=Vault(home.vault, self.passphrase),
        )


Act = Callable[[Market], None]


def work(market: Market) -> None:
    """What the agent does when it starts."""
    market.resume()
    agent.run_once(market)


class _Points:
    """Counts the points that are passed, and dies at one of them."""

    def __init__(self, deadly: int) -> None:
        self.passed = 0
        self._deadly = deadly

    def __call__(self) -> None:
        self.passed += 1
        if self.passed == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, holder: Any, name: str) -> None:
        """Puts a point before and behind a function."""
        function = getattr(holder, name)

        @wraps(function)
        def between(*arguments: Any, **options: Any) -> Any:
            self()
            result = function(*arguments, **options)
            self()
            return result

        setattr(holder, name, between)

    def install(self) -> None:
        """Instruments this process."""
        for name in ("fsync", "rename", "replace", "unlink"):
            self.around(os, name)
        self.around(httpx.HTTPTransport, "handle_request")
        self.around(sqlalchemy.engine.default.DefaultDialect, "do_commit")
        writing = Database.writing

        @contextmanager
        def instrumented(database: Database) -> Iterator[Any]:
            with writing(database) as connection:
                yield connection
                self()
            self()

        # For as long as this process lives.
        pytest.MonkeyPatch().setattr(Database, "writing", instrumented)


def _live(user: User, act: Act, deadly: int, passed: Any) -> None:
    points = _Points(deadly)
    points.install()
    act(user.start())
    passed.value = points.passed


def run(user: User, act: Act, deadly: int = 0) -> int | None:
    """Runs a user's program in a process of its own.

    Returns:
        The points that it passed; None if it died at the deadly one.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.crashes"])
    passed = context.Value("i", 0)
    process = context.Process(target=_live, args=(user, act, deadly, passed))
    # Until 3.13 the server that the processes part from knows no `sys.path`.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]), prepend=os.pathsep)
        process.start()
    process.join(PATIENCE_S)
    if process.is_alive():
        process.kill()
        raise AssertionError(f"the process went on for more than {PATIENCE_S} s")
    if process.exitcode == -signal.SIGKILL:
        return None
    assert process.exitcode == 0, f"the process ended with {process.exitcode}"
    count: int = passed.value
    return count


class Snapshot:
    """The chain and everybody's homes, to be gone back to."""

    def __init__(self, connection: Any, homes: list[Path], keep: Path) -> None:
        self._connection = connection
        self._homes = homes
        self._keep = keep
        self._id = connection.ask("evm_snapshot")
        for number, home in enumerate(homes):
            shutil.copytree(home, keep / str(number))

    def restore(self) -> None:
        """Goes back."""
        assert self._connection.ask("evm_revert", self._id) is True
        self._id = self._connection.ask("evm_snapshot")
        for number, home in enumerate(self._homes):
            shutil.rmtree(home)
            shutil.copytree(self._keep / str(number), home)


def until_it_is_done(act: Act) -> Act:
    """What a person does after a power cut: the same again."""
    return _Again(act)


@dataclass(frozen=True)
class _Again:
    act: Act

    def __call__(self, market: Market) -> None:
        try:
            self.act(market)
        except StepError as error:
            assert "was interrupted; it is in block" in str(error)


@dataclass(frozen=True)
class Cuts:
    """What came of cutting the power amid a step.

    Attributes:
        step: What was done.
        points: At which it could be.
        cuts: That were made.
    """

    step: str
    points: int
    cuts: int

    def __str__(self) -> str:
        return f"{self.step}: {self.points} points, {self.cuts} cuts tried"

    def note(self) -> None:
        """Writes it to the file of the figures, if there is one."""
        if not RESULT:
            return
        known = json.loads(Path(RESULT).read_text()) if Path(RESULT).exists() else []
        known = [one for one in known if one["step"] != self.step]
        known.append(asdict(self))
        Path(RESULT).write_text(json.dumps(known, indent=1) + "\n")


@dataclass(frozen=True)
class Town:
    """People on anvil, each with a home.

    Attributes:
        place: Where they are.
        users: Whose power fails.
        markets: As they see the market.
    """

    place: Place
    users: dict[str, User]
    markets: dict[str, Market]

    def play(self, *acts: tuple[str, Act]) -> None:
        """What happens between two crashes."""
        for name, act in acts:
            assert run(self.users[name], act) is not None

    def snapshot(self) -> Snapshot:
        """All as it is now, to be gone back to."""
        homes = [one.home for one in self.users.values()]
        keep = Path(tempfile.mkdtemp(prefix="kept-", dir=self.place.folder.parent))
        return Snapshot(self.place.connection, homes, keep)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Another course of things, after which all is as it was before."""
        snapshot = self.snapshot()
        yield
        snapshot.restore()

    def cut(self, step: str, name: str, act: Act, *, every: int = EVERY) -> Cuts:
        """Cuts somebody's power amid a step, and starts them again; then what came of
        it must be what comes of it in peace. In the end it is done.

        Args:
            step: What is done.
            name: Who does it.
            act: The same as their program does it.
            every: Cut at each so-manieth point, beginning at a random one.
        """
        user, before, snapshot = self.users[name], self.state(), self.snapshot()
        points = run(user, act)
        assert points is not None
        wanted = self.state()
        assert wanted != before, step
        deaths = 0
        first = int.from_bytes(os.urandom(2)) % min(every, points - 1) + 1
        for deadly in range(first, points, every):
            snapshot.restore()
            assert self.state() == before, step
            deaths += run(user, act, deadly) is None
            # Once the journal is closed, the same again would be a new order.
            if not self.is_done(name, wanted):
                run(user, until_it_is_done(act))
            where = f"{step}: after a power cut at point {deadly}"
            assert self.state() == wanted, where
            self.nothing_is_lost()
        assert deaths, step
        found = Cuts(step, points, deaths)
        found.note()
        return found

    def state(self) -> list[object]:
        """What must come out the same, whenever the power failed.

        With what everybody has sent, so that nothing was sent once too often.
        """
        place = self.place
        found: list[object] = [self._predictions(), self._contests()]
        for user in self.users.values():
            address = user.wallet.address
            found.append(place.coin.balance(address))
            sent = place.connection.ask("eth_getTransactionCount", address, "latest")
            found.append(sent)
        markets = (place.contract, place.verified)
        return [*found, *(place.coin.balance(one.address) for one in markets)]

    def _predictions(self) -> list[object]:
        contract = self.place.contract
        found: list[object] = []
        for number in range(1, contract.request_count() + 1):
            one = contract.request(RequestId(number))
            found.append((one.phase, one.live, one.ranked, one.candidate, one.pages))
        for number in range(1, contract.submission_count() + 1):
            two = contract.submission(SubmissionId(number))
            found.append((two.status, two.matches))
        return found

    def _contests(self) -> list[object]:
        contract = self.place.verified
        found: list[object] = []
        for number in range(1, contract.request_count() + 1):
            one = contract.request(RequestId.of(number, is_verified=True))
            found.append((one.phase, one.shown, one.live, one.ranked, one.candidate))
        for number in range(1, contract.submission_count() + 1):
            name = SubmissionId.of(number, is_verified=True)
            two = contract.submission(name)
            found.append((two.status, two.score, contract.demand_of(name)))
        return found

    def is_done(self, name: str, wanted: list[object]) -> bool:
        """Whether all came about, and the journal says so."""
        market = self.users[name].start()
        market.index.close()
        unfinished = market.vault.journal.unfinished(market.network.market)
        return not unfinished and self.state() == wanted

    def nothing_is_lost(self) -> None:
        """Every secret and every file that will be needed is there, and no
        transaction is left in between.
        """
        for name, user in self.users.items():
            market = user.start()
            assert market.vault.journal.unfinished(market.network.market) == [], name
            market.index.sync()
            for one in market.index.find():
                self._keeps(market, one.id)
            market.index.close()

    def _keeps(self, market: Market, request_id: RequestId) -> None:
        """Holds what somebody must have of a request against what they have."""
        record, vault = market.index.request(request_id), market.vault
        is_contest = isinstance(record, ContestRecord)
        me = market.wallet.address
        if record.requester == me:
            find = vault.key if is_contest else vault.truth
            assert find(record.secret) is not None
            self._whole(market, record.dataset)
        for entry in record.submissions.values():
            if entry.trainer != me:
                continue
            secret = vault.model(entry.seal) or vault.predictions(entry.seal)
            assert secret is not None
            self._whole(market, secret.model)
            if is_contest:
                self._whole(market, record.dataset)

    @staticmethod
    def _whole(market: Market, root: str) -> None:
        for _, block in market.store.blocks(Cid.parse(root)):
            assert block is not None


@contextmanager
def town(
    folder: Path, people: Sequence[str], unserved: Collection[str] = ()
) -> Iterator[Town]:
    """People on anvil.

    Args:
        folder: For everybody's homes.
        people: What they are called.
        unserved: Those of them from whom nobody can fetch anything.
    """
    with place("anvil", folder) as here:
        keys = {name: os.urandom(32) for name in people}
        markets = {
            name: here.join(name, Wallet.from_key(key), is_served=name not in unserved)
            for name, key in keys.items()
        }
        users = {
            name: User(market.home.path, here.network, keys[name], PASSPHRASE)
            for name, market in markets.items()
        }
        yield Town(here, users, markets)
