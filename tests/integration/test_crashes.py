# SPDX-License-Identifier: Apache-2.0
"""Power cuts: whatever a step was doing, after a restart nothing is lost, and
nothing is done twice.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest

from modelmarket.chain.wallets import Wallet
from modelmarket.datasets.split import Source
from modelmarket.datasets.tables import open_table
from modelmarket.errors import StepError
from modelmarket.market import Market
from modelmarket.protocol.actions import CreateRequest
from modelmarket.protocol.types import RequestId, SubmissionId
from modelmarket.storage.cid import Cid
from modelmarket.vault import encryption
from modelmarket.vault.journal import Entry
from modelmarket.web.responses import in_decimals
from modelmarket.web.workspace import Workspace
from support import crashes
from support.browser import BrowserWallet
from support.crashes import Act, Snapshot, User, work
from support.market import PASSPHRASE, REWARD, Place, place

EVERY = int(os.environ.get("MODELMARKET_CRASH_EVERY", "40"))
"""Try each so-manieth point, beginning at a random one; 1 tries all."""

EVERY_CLICK = max(1, EVERY // 4)
"""The same where there are fewer points."""

RESULT = os.environ.get("MODELMARKET_CRASH_RESULT", "")
"""A file that the figures are written to."""

ROWS = 60


def create(market: Market) -> None:
    table = open_table(market.home.path.parent / f"numbers-{ROWS}.csv", header=True)
    source = Source(table, label="kind")
    market.create_request(source, reward=REWARD, name="odd or even")


def submit(market: Market) -> None:
    request = market.request(1)
    right = ["odd" if n % 2 else "even" for n in request.test_data()["n"]]
    request.submit(right, market.home.path.parent / "model.txt")


def cancel(market: Market) -> None:
    market.request(1).cancel(max_live=1)


def prepare(market: Market) -> None:
    """Seals a request on the page, to be confirmed there."""
    table = open_table(market.home.path.parent / f"numbers-{ROWS}.csv", header=True)
    terms = market.prepare_request(
        Source(table, label="kind"), owner=market.wallet.address, reward=REWARD
    )
    action = CreateRequest(terms)
    Workspace(market).actions.prepare(market.wallet.address, action, "an-upload")


def confirm_twice(market: Market) -> None:
    """Two clicks at the same moment."""
    workspace = Workspace(market)

    def confirm() -> None:
        with suppress(StepError):
            workspace.actions.confirm(workspace.actions.get(number_of_it(workspace)))

    clicks = [Thread(target=confirm) for _ in range(2)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()


def open_the_page_again(market: Market) -> None:
    """What happens after a power cut, and then two clicks if the page takes them."""
    workspace = Workspace(market)
    market.resume()
    workspace.actions.settle()
    if workspace.actions.get(number_of_it(workspace)).state.is_open:
        confirm_twice(market)


def number_of_it(workspace: Workspace) -> int:
    """The journal's number of what was prepared."""
    entry = workspace.actions.come_of("an-upload")
    assert entry is not None
    return entry.id


def confirm_in_the_wallet(market: Market) -> None:
    """One click, and a wallet in the browser, which goes on if we do not."""
    workspace = Workspace(market)
    entry = workspace.actions.get(number_of_it(workspace))
    ask_the_wallet(market, workspace, entry, again=False)


def ask_the_wallet(
    market: Market, workspace: Workspace, entry: Entry, *, again: bool
) -> None:
    """What the page does, once its button is pressed."""
    wallet = BrowserWallet(
        market.connection,
        market.network.chain_id,
        account=market.wallet._account,
        spenders=market.network.contracts.addresses,
        coin=market.coin.address,
    )
    message = workspace.actions.permit_message(entry, again=again)
    signature, deadline = "", 0
    if message is not None:
        message = in_decimals(message)
        signature, deadline = wallet._sign(message), int(message["message"]["deadline"])
    asked, made = workspace.actions.transaction(entry, deadline, signature, again=again)
    sent = wallet._send(made)
    workspace.actions.sent(asked, bytes.fromhex(sent[2:]))
    market.look()
    workspace.actions.settle()


def look_at_the_page_again(market: Market) -> None:
    """What happens after a power cut; whoever was asked looks into the wallet."""
    workspace = Workspace(market)
    number = number_of_it(workspace)
    market.resume()
    market.look()
    workspace.actions.look_for_what_wallets_sent()
    workspace.actions.settle()
    entry = workspace.actions.get(number)
    if entry.state.is_open or entry.is_asked:
        # Nothing of it is on the chain, and nothing waits in this wallet.
        ask_the_wallet(market, workspace, entry, again=entry.is_asked)


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
class Town:
    """A requester and a trainer on anvil, each with a home."""

    place: Place
    users: dict[str, User]
    markets: dict[str, Market]

    def play(self, *acts: tuple[str, Act]) -> None:
        """What happens before the crash."""
        for name, act in acts:
            assert crashes.run(self.users[name], act) is not None

    def move_to_the_next_step(self) -> None:
        state = self.markets["requester"].contract.request(RequestId(1))
        self.place.move_to(state.step_ends)

    def state(self) -> list[object]:
        """What must come out the same, whenever the power failed."""
        market = self.markets["requester"]
        contract = market.contract
        requests, submissions = contract.request_count(), contract.submission_count()
        found: list[object] = [requests, submissions]
        for number in range(1, requests + 1):
            one = contract.request(RequestId(number))
            found.append((one.phase, one.live, one.ranked, one.candidate, one.pages))
        for number in range(1, submissions + 1):
            two = contract.submission(SubmissionId(number))
            found.append((two.status, two.matches))
        people = [user.wallet.address for user in self.markets.values()]
        found += [market.coin.balance(one) for one in (*people, contract.address)]
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
                record = market.index.request(one.id)
                if record.requester == market.wallet.address:
                    assert market.vault.truth(record.secret) is not None
                    self._whole(market, record.dataset)
                for entry in record.submissions.values():
                    if entry.trainer == market.wallet.address:
                        secret = market.vault.predictions(entry.seal)
                        assert secret is not None
                        self._whole(market, secret.model)
            market.index.close()

    @staticmethod
    def _whole(market: Market, root: str) -> None:
        for _, block in market.store.blocks(Cid.parse(root)):
            assert block is not None


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    monkeypatch.setattr(encryption, "SCRYPT_N", crashes.QUICK_N)
    with place("anvil", tmp_path / "people") as here:
        users: dict[str, User] = {}
        keys = {name: os.urandom(32) for name in ("requester", "ann")}
        markets = {
            name: here.join(name, Wallet.from_key(key)) for name, key in keys.items()
        }
        for name, market in markets.items():
            users[name] = User(market.home.path, here.network, keys[name], PASSPHRASE)
        here.data(ROWS)
        (here.folder / "model.txt").write_text("n % 2")
        yield Town(here, users, markets)


BEFORE: dict[str, list[tuple[str, Act] | None]] = {
    "create": [],
    "submit": [("requester", create)],
    "open the truth": [("requester", create), ("ann", submit), None],
    "claim": [("requester", create), ("ann", submit), None, ("requester", work)],
    "validate": [
        ("requester", create),
        ("ann", submit),
        None,
        ("requester", work),
        ("ann", work),
        None,
    ],
    "enforce": [("requester", create), ("ann", submit), None, None],
    "withdraw": [("requester", create), ("ann", submit), ("requester", cancel)],
}
WHO: dict[str, tuple[str, Act]] = {
    "create": ("requester", create),
    "submit": ("ann", submit),
    "open the truth": ("requester", work),
    "claim": ("ann", work),
    "validate": ("ann", work),
    "enforce": ("ann", work),
    "withdraw": ("ann", work),
}


@pytest.mark.parametrize("step", BEFORE)
def test_a_power_cut_at_any_point_loses_nothing_and_repeats_nothing(
    town: Town, tmp_path: Path, step: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for one in BEFORE[step]:
        if one is None:
            town.move_to_the_next_step()
        else:
            town.play(one)
    name, act = WHO[step]
    user = town.users[name]
    before = town.state()
    homes = [one.home for one in town.users.values()]
    snapshot = Snapshot(town.place.connection, homes, tmp_path / "kept")
    points = crashes.run(user, act)
    assert points is not None
    wanted = town.state()
    assert wanted != before
    deaths = 0
    first = int.from_bytes(os.urandom(2)) % EVERY + 1
    for deadly in range(first, points, EVERY):
        snapshot.restore()
        assert town.state() == before
        died = crashes.run(user, act, deadly) is None
        deaths += died
        # Once the journal is closed, the same again would be a new order.
        if not town.is_done(name, wanted):
            crashes.run(user, until_it_is_done(act))
        assert town.state() == wanted, f"after a power cut at point {deadly}"
        town.nothing_is_lost()
    assert deaths
    with capsys.disabled():
        sys.stdout.write(f"\n{step}: {points} points, {deaths} power cuts tried\n")
    if RESULT:
        known = json.loads(Path(RESULT).read_text()) if Path(RESULT).exists() else []
        known = [one for one in known if one["step"] != step]
        known.append({"step": step, "points": points, "cuts": deaths})
        Path(RESULT).write_text(json.dumps(known, indent=1) + "\n")


CONFIRMING: dict[str, tuple[Act, Act]] = {
    "this computer's key, clicked twice": (confirm_twice, open_the_page_again),
    "the browser's wallet": (confirm_in_the_wallet, look_at_the_page_again),
}


@pytest.mark.parametrize("signer", CONFIRMING)
def test_a_power_cut_amid_a_confirmation_makes_one_transaction(
    town: Town, tmp_path: Path, signer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    confirm, look_again = CONFIRMING[signer]
    town.play(("requester", prepare))
    before, user = town.state(), town.users["requester"]
    homes = [one.home for one in town.users.values()]
    snapshot = Snapshot(town.place.connection, homes, tmp_path / "kept")
    points = crashes.run(user, confirm)
    assert points is not None
    wanted = town.state()
    assert wanted[0] == 1
    deaths = 0
    first = int.from_bytes(os.urandom(2)) % EVERY_CLICK + 1
    for deadly in range(first, points, EVERY_CLICK):
        snapshot.restore()
        assert town.state() == before
        deaths += crashes.run(user, confirm, deadly) is None
        assert crashes.run(user, look_again) is not None
        assert town.state() == wanted, f"after a power cut at point {deadly}"
        town.nothing_is_lost()
        entry = Workspace(user.start()).actions.come_of("an-upload")
        assert entry is not None
        assert entry.state.is_done, f"after a power cut at point {deadly}"
    assert deaths
    with capsys.disabled():
        sys.stdout.write(f"\n{signer}: {points} points, {deaths} cuts tried\n")
