# SPDX-License-Identifier: Apache-2.0
"""Power cuts: whatever a step was doing, after a restart nothing is lost, and
nothing is done twice.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.errors import StepError
from modelmarket.market import Market
from modelmarket.protocol.actions import CreateRequest
from modelmarket.protocol.types import RequestId
from modelmarket.vault.journal import Entry
from modelmarket.web.responses import in_decimals
from modelmarket.web.workspace import Workspace
from support import crashes
from support.browser import BrowserWallet
from support.crashes import EVERY, Act, Town, work
from support.market import REWARD

EVERY_CLICK = max(1, EVERY // 4)
"""The same where there are fewer points."""

ROWS = 60


def create(market: Market) -> None:
    table = open_table(market.home.path.parent / f"numbers-{ROWS}.csv", header=True)
    source = Source(table, label="kind")
    market.create_request(source, reward=REWARD, name="odd or even")


def submit(market: Market) -> None:
    request = market.request(1)
    right = ["odd" if n % 2 else "even" for n in request.test_data()["n"]]
    request.submit(market.home.path.parent / "model.txt", right)


def cancel(market: Market) -> None:
    market.request(1).cancel(max_live=1)


def transfer(market: Market) -> None:
    market.transfer(market.request(1).record.requester, "1.25")


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


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with crashes.town(tmp_path / "people", ("requester", "ann")) as found:
        found.place.data(ROWS)
        (found.place.folder / "model.txt").write_text("n % 2")
        yield found


def test_a_power_cut_at_any_point_loses_nothing_and_repeats_nothing(
    town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    def cut(step: str, name: str, act: Act) -> None:
        cuts = town.cut(step, name, act)
        with capsys.disabled():
            sys.stdout.write(f"\n{cuts}")

    def move_to_the_next_step() -> None:
        state = town.place.contract.request(RequestId(1))
        town.place.move_to(state.step_ends)

    cut("create", "requester", create)
    with town.aside():
        cut("transfer", "ann", transfer)
    cut("submit", "ann", submit)
    with town.aside():
        town.play(("requester", cancel))
        cut("withdraw", "ann", work)
    with town.aside():
        # Nobody opens the truth.
        move_to_the_next_step()
        move_to_the_next_step()
        cut("enforce", "ann", work)
    move_to_the_next_step()
    cut("open the truth", "requester", work)
    cut("claim", "ann", work)
    move_to_the_next_step()
    cut("validate", "ann", work)


CONFIRMING: dict[str, tuple[Act, Act]] = {
    "this computer's key, clicked twice": (confirm_twice, open_the_page_again),
    "the browser's wallet": (confirm_in_the_wallet, look_at_the_page_again),
}


@pytest.mark.parametrize("signer", CONFIRMING)
def test_a_power_cut_amid_a_confirmation_makes_one_transaction(
    town: Town, signer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    confirm, look_again = CONFIRMING[signer]
    town.play(("requester", prepare))
    before, user, snapshot = town.state(), town.users["requester"], town.snapshot()
    points = crashes.run(user, confirm)
    assert points is not None
    wanted = town.state()
    assert town.place.contract.request_count() == 1
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
        sys.stdout.write(f"\n{crashes.Cuts(signer, points, deaths)}")
