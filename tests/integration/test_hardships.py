# SPDX-License-Identifier: Apache-2.0
"""What happens to computers: two agents at once, clocks that jump, a disk that
is full, and yesterday's files.
"""

from __future__ import annotations

import resource
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from modelmarket import agent
from modelmarket.agent.checks import examine
from modelmarket.agent.running import TROUBLES
from modelmarket.chain.abi import functions
from modelmarket.chain.blocks import Call
from modelmarket.chain.connection import Connection
from modelmarket.chain.sending import Signed, send
from modelmarket.errors import ChainError, DiskError, StepError, in_words
from modelmarket.market import Market
from modelmarket.market.recovery import recover
from modelmarket.protocol.phases import Phase, Status
from modelmarket.protocol.types import RequestId, SubmissionId
from modelmarket.system.home import Home
from modelmarket.vault.vault import Vault
from support.market import PASSPHRASE, REWARD, Place, journalled, place

PATIENCE_S = 60
HOUR = 3_600
Act = Callable[[Market], object]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place("embedded", tmp_path / "people") as here:
        yield here


def a_copy_of(here: Place, name: str, copy: str) -> Market:
    """The same user on another machine: every file and the key, copied."""
    old = here.markets[name]
    home = Home(here.folder / copy)
    shutil.copytree(old.home.path, home.path)
    vault = Vault(home.vault, PASSPHRASE)
    market = Market(home, here.network, wallet=old.wallet, vault=vault)
    here.closing.callback(market.index.close)
    return market


@contextmanager
def running(*markets: Market) -> Iterator[list[agent.Report]]:
    """An agent for each, at the same time."""
    told: list[agent.Report] = []
    stop = threading.Event()
    threads = [
        threading.Thread(
            target=agent.run,
            args=(market,),
            kwargs={"tell": told.append, "stop": stop, "poll_s": 0.05},
        )
        for market in markets
    ]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def live_on(here: Place, seen: Market, request_id: int) -> None:
    """Waits until nothing more is to be withdrawn, and lets windows pass."""
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        record = seen.request(request_id).record
        entries = record.submissions.values()
        if record.stage.is_final and all(
            one.status in (Status.WON, Status.WITHDRAWN) for one in entries
        ):
            return
        position = record.at(seen.connection.now())
        acting = position.phase in (Phase.TRUTH, Phase.VALIDATION) or (
            position.phase is Phase.CLAIMS
            and any(one.status is Status.SUBMITTED for one in entries)
        )
        if not acting and position.step_ends:
            here.move_to(position.step_ends)
        time.sleep(0.1)
    raise AssertionError(f"the request is still {seen.request(request_id).record}")


def happened(market: Market, request_id: int) -> Counter[str]:
    """How often each event of a request is in the chain."""
    market.index.sync()
    logs = market.index.logs(market.request(request_id).id)
    return Counter(type(market.decode(one.log)).__name__ for one in logs)


EXPECTED = Counter(
    RequestCreated=1,
    SubmissionCreated=2,
    TruthOpened=1,
    Claimed=2,
    RequestFulfilled=1,
    Withdrawn=1,
)


def a_trade(here: Place) -> tuple[Market, Market, RequestId]:
    requester, ann = here.join("requester"), here.join("ann")
    request = here.create(requester)
    here.submit(ann, request.id)
    here.submit(ann, request.id, mistakes=3)
    return requester, ann, request.id


def everybody_is_paid(requester: Market, ann: Market) -> None:
    coin = requester.coin
    thousand = 1_000 * 10**18
    assert coin.balance(ann.wallet.address) == thousand + REWARD
    assert coin.balance(requester.wallet.address) == thousand - REWARD
    assert coin.balance(requester.network.market) == 0
    assert requester.contract.slashed() == 0


@pytest.mark.parametrize("how", ["one vault", "a copy of the vault"])
def test_two_agents_of_one_user_do_everything_once(here: Place, how: str) -> None:
    requester, ann, request_id = a_trade(here)
    twins = [
        here.again(name) if how == "one vault" else a_copy_of(here, name, f"{name} 2")
        for name in ("requester", "ann")
    ]
    with running(requester, ann, *twins) as told:
        live_on(here, requester, request_id)
    assert happened(requester, request_id) == EXPECTED
    everybody_is_paid(requester, ann)
    for market in (requester, ann, *twins):
        market.resume()
        assert market.vault.journal.unfinished(market.network.market) == []
    assert not [one for one in told if not one.done and not one.step.request_id]


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_a_clock_that_jumps_by_an_hour_costs_nothing(
    tmp_path: Path, jump: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Appointments are kept by the chain's clock, and the drift is told."""
    with place("anvil", tmp_path / "people") as here:
        requester, ann, request_id = a_trade(here)
        real = time.time
        with running(requester, ann):
            assert _clock_is_well(ann)
            monkeypatch.setattr(time, "time", lambda: real() + jump)
            assert not _clock_is_well(ann)
            live_on(here, requester, request_id)
        assert happened(requester, request_id) == EXPECTED
        everybody_is_paid(requester, ann)


def _clock_is_well(market: Market) -> bool:
    [clock] = [one for one in examine(market, [], market.look()) if one.name == "Clock"]
    return clock.is_good


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """A disk that is full: no file of this process may grow past a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def fill_the_disk_and_clear_it(here: Place, name: str, act: Act) -> int:
    """Does something with ever more room, from none, until it is done.

    Returns:
        How often it failed for want of room.
    """
    failures = 0
    for size in (0, 100, 1_000, *range(4_096, 400_000, 20_480)):
        here.markets[name].index.close()
        try:
            with files_no_larger_than(size):
                act(here.again(name))
        except TROUBLES as error:
            known = in_words(error)
            if isinstance(known, StepError):
                assert "was interrupted; it is in block" in known.message
                return failures
            assert isinstance(known, DiskError), repr(error)
            failures += 1
        else:
            return failures
    act(here.again(name))
    return failures


def test_a_full_disk_loses_nothing_and_pays_nothing_twice(tmp_path: Path) -> None:
    with place("anvil", tmp_path / "people") as here:
        requester, ann = here.join("requester"), here.join("ann")
        here.data()
        failures = Counter[str]()

        def hard(name: str, what: str, act: Act) -> None:
            failures[what] += fill_the_disk_and_clear_it(here, name, act)

        hard("requester", "create", here.create)
        hard("ann", "submit", lambda market: here.submit(market, 1))
        here.submit(here.markets["ann"], 1, mistakes=3)
        while not (record := requester.request(1).record).stage.is_final:
            here.move_to(record.at(requester.connection.now()).step_ends)
            for name in ("requester", "ann"):
                hard(name, "agent", work)
        hard("ann", "agent", work)
        assert happened(requester, 1) == EXPECTED
        everybody_is_paid(requester, ann)
        assert all(count > 2 for count in failures.values()), failures


def work(market: Market) -> None:
    """What an agent does when it starts; raises what it would tell."""
    market.resume()
    for report in agent.run_once(market):
        if not report.done:
            raise DiskError(report.message)
        assert report.message == "done", report


def test_an_agent_waits_for_room_and_goes_on(tmp_path: Path) -> None:
    with place("anvil", tmp_path / "people") as here:
        requester, ann, request_id = a_trade(here)
        deadline = requester.request(request_id).record.deadline
        with running(ann), running(requester) as told:
            with files_no_larger_than(0):
                here.move_to(deadline)
                wait_until(lambda: any("disk is full" in one.message for one in told))
                assert requester.contract.request(request_id).phase == Phase.TRUTH
            live_on(here, requester, request_id)
        assert happened(requester, request_id) == EXPECTED
        everybody_is_paid(requester, ann)


def wait_until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < ends, "it never came about"
        time.sleep(0.05)


def test_yesterdays_vault_goes_on_where_the_chain_is(here: Place) -> None:
    """What the old vault knew is done once; what it lacks is found again."""
    requester, ann, request_id = a_trade(here)
    ann.vault.database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    yesterday = ann.home.vault.read_bytes()
    second = here.create(requester)
    here.submit(ann, second.id)
    here.move_to(requester.request(request_id).record.deadline)
    agent.run_once(requester)
    agent.run_once(ann)
    # The vault is lost; the old file comes back.
    for one in ann.home.path.glob(f"{ann.home.vault.name}*"):
        one.unlink()
    ann.home.vault.write_bytes(yesterday)
    ann = here.again("ann")
    assert ann.resume() == []
    assert {one.request_id for one in agent.plan(ann)} == {request_id}
    [check] = [one for one in examine(ann, [], ann.look()) if one.name == "Secrets"]
    assert not check.is_good
    assert "vault recover" in check.says
    assert [one.is_here for one in recover(ann)] == [True, True, True]
    with running(requester, ann):
        live_on(here, requester, request_id)
        live_on(here, requester, second.id)
    assert happened(requester, request_id) == EXPECTED
    assert happened(requester, second.id)["RequestFulfilled"] == 1


def test_yesterdays_journal_sends_nothing_again(here: Place) -> None:
    """A transaction that was on its way when the files were copied."""
    requester, ann, request_id = a_trade(here)
    here.move_to(requester.request(request_id).record.deadline)
    agent.run_once(requester)
    power = Power()
    one = ann.submission(SubmissionId(1))
    matches = one.request.terms.labels - 1
    call = ann.contract.claim(one.id, one.record.seal, matches, SubmissionId(0))
    with suppress(Interrupted):
        send(ann.connection, call, ann.wallet, journal=power)
    [signed] = power.signed
    entry = journalled(ann, "claim", signed)
    old = a_copy_of(here, "ann", "ann's old files")
    # Meanwhile the same key does something else with this nonce.
    ann.vault.journal.failed(entry, message="given up by this test")
    agent.run_once(ann)
    assert [resumed.block for resumed in old.resume()] == [None]
    assert happened(requester, request_id)["Claimed"] == 2
    assert ann.submission(1).record.score == ann.request(1).terms.labels


def a_transfer(here: Place) -> tuple[Market, Market, Signed]:
    """Nine tenths of what rita has, signed for ann, who may take all, and not sent."""
    rita, ann, power = here.join("rita"), here.join("ann"), Power()
    rita.send(rita.coin.approve(ann.wallet.address, 2**255))
    most = rita.coin.balance(rita.wallet.address) * 9 // 10
    with suppress(Interrupted):
        call = rita.coin.transfer(ann.wallet.address, most)
        send(rita.connection, call, rita.wallet, journal=power)
    [signed] = power.signed
    journalled(rita, "transfer", signed)
    return rita, ann, signed


def test_money_that_went_elsewhere_stops_nobody_and_is_waited_for(here: Place) -> None:
    rita, ann, _ = a_transfer(here)
    owner, all_of_it = rita.wallet.address, rita.coin.balance(rita.wallet.address)
    taking = functions("ModelCoin")["transferFrom"]
    data = taking.encode(owner, ann.wallet.address, all_of_it)
    ann.send(Call("transferFrom", ann.coin.address, data))
    assert rita.resume() == []
    ann.send(ann.coin.transfer(owner, all_of_it))
    [resumed] = rita.resume()
    assert resumed.block is not None
    assert rita.coin.balance(owner) == all_of_it // 10


def test_what_another_program_sends_meanwhile_is_seen_through(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be sent no more just because it is there already."""
    rita, _, signed = a_transfer(here)
    read = Connection.read

    def late(connection: Connection, call: Call, **options: Any) -> Any:
        with suppress(ChainError):
            connection.push(signed.raw)
        return read(connection, call, **options)

    monkeypatch.setattr(Connection, "read", late)
    [resumed] = rita.resume()
    assert resumed.block is not None


class Interrupted(Exception):  # noqa: N818  # it is no error
    """The power failed."""


class Power:
    """Fails when something was signed, before it is handed over."""

    def __init__(self) -> None:
        self.signed: list[Signed] = []

    def intend(self, nonce: int, second: int) -> None:
        """Nothing has happened yet."""

    def handed_over(self) -> None:
        """It never comes to that."""

    def note(self, signed: Signed) -> None:
        self.signed.append(signed)
        raise Interrupted
