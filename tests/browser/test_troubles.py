# SPDX-License-Identifier: Apache-2.0
"""What goes wrong between people, wallets and servers, and what the page says."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import Route, expect

from browser.test_lives import create, submit
from modelmarket.errors import ChainError
from modelmarket.protocol.actions import ClaimAirdrop, SetOperator
from modelmarket.protocol.types import Address
from modelmarket.vault.journal import State
from modelmarket.web.server import running_page
from modelmarket.web.terminal import Wish
from modelmarket.web.visits import ACCOUNT_COOKIE
from modelmarket.web.workspace import Workspace
from support.browser import House, Visitor, choose, look_over, write_table


class Away:
    """A connection whose node does not answer."""

    def __getattr__(self, name: str) -> NoReturn:
        raise ChainError("127.0.0.1 does not answer.")


def connected(house: House, name: str = "requester") -> Visitor:
    visitor = house.visit(name)
    visitor.connect()
    visitor.airdrop()
    return visitor


def at_terms(visitor: Visitor, table: Path) -> Tab:
    """Goes as far as the terms of a new request."""
    tab = visitor.tab
    visitor.go("/requests/new")
    choose(tab, "data", table)
    look_over(tab)
    tab.get_by_role("button", name="Split and seal").wait_for()
    return tab


def prepared(visitor: Visitor, table: Path) -> None:
    """Goes as far as the confirmation of a new request."""
    tab = at_terms(visitor, table)
    tab.get_by_role("button", name="Split and seal").click()
    tab.locator("#confirm").wait_for()


@pytest.mark.parametrize("method", ["eth_signTypedData_v4", "eth_sendTransaction"])
def test_declining_in_the_wallet_is_a_neutral_note(
    house: House, tmp_path: Path, method: str
) -> None:
    visitor = connected(house)
    wallet = visitor.wallet
    assert wallet is not None
    prepared(visitor, write_table(tmp_path / "n.csv"))
    wallet.rejects = {method}
    tab = visitor.tab
    tab.set_viewport_size({"width": 1440, "height": 500})
    tab.locator("#confirm button").scroll_into_view_if_needed()
    tab.locator("#confirm button").click()
    note = tab.locator("#notes .note:visible")
    expect(note).to_contain_text("You declined in the wallet. Nothing was sent")
    # Where one is, and once.
    expect(note).to_be_in_viewport(ratio=1)
    expect(tab.get_by_text("You declined")).to_have_count(1)
    assert "bad" not in (note.get_attribute("class") or "").split()
    visitor.go("/activity")
    expect(tab.locator("main")).to_contain_text("You declined in the wallet.")
    wallet.rejects = set()
    tab.get_by_role("link", name="Create a request").click()
    visitor.confirm("/requests/1")


def test_what_was_declined_is_told_until_something_else_goes_on(
    house: House, tmp_path: Path
) -> None:
    visitor = connected(house)
    wallet = visitor.wallet
    assert wallet is not None
    prepared(visitor, write_table(tmp_path / "n.csv"))
    tab, number = visitor.tab, visitor.action
    other = visitor.another_tab()
    other.goto(tab.url)
    said = "You declined in the wallet."
    # The wallet is on another network, and its user says no to the one of the page.
    wallet.chain, wallet.rejects = 5, {"wallet_switchEthereumChain"}
    tab.locator("#confirm button").click()
    for one in (tab, other):
        expect(one.locator("#live-said")).to_contain_text(said)
        expect(one.locator(".stands")).to_contain_text("declined")
        expect(one.locator("h1")).to_have_text("Declined: create a request")
    expect(tab.locator("#told")).to_be_empty()
    # A new attempt is not declined, and nor is what was confirmed elsewhere.
    wallet.chain, wallet.rejects, wallet.slow_s = house_chain(visitor), set(), 2
    other.locator("#confirm button").click()
    for one in (tab, other):
        expect(one.get_by_text(said)).to_have_count(0)
    expect(tab.locator("#live-confirm")).to_contain_text("in another tab")
    expect(tab.locator("#confirm")).to_have_count(0)
    expect(tab.locator(".stands")).to_contain_text("confirmed")
    assert visitor.workspace.actions.get(number).state.is_done


def house_chain(visitor: Visitor) -> int:
    """The network that her page is on."""
    return visitor.workspace.market.network.chain_id


def test_what_went_wrong_while_connecting_goes_when_the_next_try_goes_well(
    house: House,
) -> None:
    visitor = house.visit("requester")
    tab, wallet = visitor.tab, visitor.wallet
    assert wallet is not None
    wallet.rejects = {"eth_requestAccounts"}
    visitor.go("/requests/new")
    tab.set_viewport_size({"width": 390, "height": 500})
    tab.get_by_role("button", name="Continue").scroll_into_view_if_needed()
    tab.locator(".menu summary").click()
    tab.get_by_role("button", name="Connect Test Wallet").click()
    note = tab.locator("#notes .note:visible")
    expect(note).to_have_text("You declined in the wallet.")
    expect(note).to_be_in_viewport(ratio=1)
    wallet.rejects = set()
    tab.get_by_role("button", name="Connect Test Wallet").click()
    tab.locator("#money").wait_for()
    expect(note).to_have_count(0)


def test_a_connected_wallet_is_disconnected_and_not_offered_once_more(
    house: House,
) -> None:
    visitor = house.visit("eve")
    visitor.connect()
    tab, wallet = visitor.tab, visitor.wallet
    assert wallet is not None
    menu, offered = tab.locator(".menu .panel"), tab.locator("#wallets button")
    for _ in range(2):
        expect(offered).to_have_count(0)
        tab.locator(".menu summary").click()
        expect(menu).not_to_contain_text("Wallets in this browser are listed here")
        tab.reload()
    shown = tab.locator("#wallet > .account")
    expect(shown).to_have_attribute("href", f"/accounts/{wallet.account.address}")
    tab.locator(".menu summary").click()
    menu.get_by_role("button", name="Disconnect the wallet").click()
    expect(shown).to_have_count(0)
    visitor.connect()
    # One that lets the page see no account any more can be asked for it again.
    wallet.connected = False
    tab.reload()
    expect(offered).to_have_count(1)


def test_a_wallet_on_another_network_is_switched_by_one_button(
    house: House, tmp_path: Path
) -> None:
    visitor = connected(house)
    wallet = visitor.wallet
    assert wallet is not None
    wallet.chain = 1
    visitor.go("/")
    expect(visitor.tab.locator("#wrong-network")).to_be_visible()
    visitor.tab.get_by_role("button", name="Switch to test").click()
    expect(visitor.tab.locator("#wrong-network")).to_be_hidden()
    assert wallet.chain == visitor.workspace.market.network.chain_id


def test_a_transaction_names_its_chain(house: House, tmp_path: Path) -> None:
    """Also if the wallet is switched to another one between its two questions."""
    visitor = connected(house)
    wallet, chain = visitor.wallet, visitor.workspace.market.network.chain_id
    assert wallet is not None
    prepared(visitor, write_table(tmp_path / "n.csv"))
    sign = wallet.sign_as_given

    def sign_and_leave(typed: dict[str, Any]) -> str:
        signature = sign(typed)
        wallet.chain = 1
        return signature

    wallet.sign_as_given = sign_and_leave  # type: ignore[method-assign]  # for once
    visitor.confirm("/requests/1")
    assert wallet.transactions[-1]["chainId"] == hex(chain)
    assert wallet.chain == chain


def test_the_page_knows_its_wallet_again(house: House) -> None:
    visitor = connected(house)
    wallet = visitor.wallet
    assert wallet is not None
    wallet.asked.clear()
    visitor.go("/activity")
    expect(visitor.tab.locator("#money")).to_contain_text("1,000")
    visitor.tab.wait_for_timeout(300)
    assert "eth_requestAccounts" not in wallet.asked


def test_what_came_too_late_is_refused_in_words_before_it_is_sent(house: House) -> None:
    visitor = house.visit("requester")
    visitor.connect()
    wallet, tab = visitor.wallet, visitor.tab
    assert wallet is not None
    account = Address(wallet.account.address)
    entry = visitor.workspace.actions.prepare(account, ClaimAirdrop(), "/")
    visitor.go(f"/actions/{entry.id}")
    # A page from before the first one still offers it.
    version = tab.locator("body").get_attribute("data-version") or ""
    tab.route("**/version", lambda route: route.fulfill(body=version))
    tab.reload()
    call = visitor.workspace.market.coin.claim_airdrop()
    assert call.to is not None
    wallet._send(
        {
            "from": account,
            "to": call.to,
            "data": "0x" + call.data.hex(),
            "gas": hex(10**6),
            "value": "0x0",
        }
    )
    tab.locator("#confirm button").click()
    # The note goes with the form that it is about; the receipt goes on saying it.
    expect(tab.get_by_text("This address has had its airdrop").first).to_be_visible()
    assert "execution reverted" not in visitor.tab.locator("body").inner_text()
    # Nothing was sent, and the receipt says so once it is looked at again.
    assert visitor.workspace.actions.get(entry.id).state is State.PREPARED
    visitor.go(f"/actions/{entry.id}")
    expect(visitor.tab.locator(".state").first).to_have_text("cannot be done now")


def test_the_airdrop_is_offered_once_and_then_why_not(house: House) -> None:
    visitor = house.visit("requester")
    visitor.connect()
    visitor.airdrop()
    visitor.go("/")
    visitor.tab.locator(".menu summary").click()
    menu = visitor.tab.locator(".menu .panel")
    expect(menu).to_contain_text("This address has had its airdrop of 1,000 MDC")
    assert menu.get_by_role("button", name="Get 1,000 MDC").count() == 0


def test_the_agents_key_is_funded_and_appointed_from_its_page(house: House) -> None:
    visitor = connected(house)
    market = visitor.workspace.market
    before = market.connection.fee_balance(market.wallet.address)
    visitor.go("/agent")
    # Who enters nothing is not alarmed, and reads what it is for.
    expect(visitor.tab.locator("#live-agent .checks .bad")).to_have_count(0)
    offered = visitor.tab.locator("#live-operator")
    expect(offered).to_contain_text(
        "Nobody claims for you there: what you enter loses its stake unless"
    )
    visitor.tab.get_by_role("button", name="Fund the agent").click()
    visitor.confirm("/agent")
    news = visitor.tab.locator("#news")
    expect(news).to_contain_text("Funded the agent: 0.05 of the chain's coin sent.")
    # What is renewed is not what is opened anew.
    visitor.workspace.changed()
    visitor.tab.wait_for_timeout(1_000)
    expect(news).to_have_count(1)
    visitor.tab.reload()
    expect(news).to_have_count(0)
    after = market.connection.fee_balance(market.wallet.address)
    assert after - before == 5 * 10**16
    what = "the agent for contests of predictions"
    for before_it, after_it in (("Appoint", "Dismiss"), ("Dismiss", "Appoint")):
        visitor.tab.get_by_role("button", name=f"{before_it} {what}").click()
        visitor.confirm("/agent")
        expect(offered.get_by_role("button", name=f"{after_it} {what}")).to_be_visible()


def test_a_backup_is_asked_for_in_the_terminal(house: House) -> None:
    visitor = house.visit("requester", wallet=False)
    tab, terminal = visitor.tab, visitor.workspace.terminal
    visitor.go("/agent")
    expect(tab.locator("input[type=password], input[type=file]")).to_have_count(0)
    for button, wish in (
        ("Export in the terminal", Wish.BACKUP),
        ("Import in the terminal", Wish.RESTORE),
    ):
        tab.get_by_role("button", name=button).click()
        expect(tab.locator("#live-vault")).to_contain_text(f"about {wish.value}")
        assert terminal.asked() is wish
        terminal.answered(wish, f"{wish.value} it is.")
        visitor.workspace.changed()
        expect(tab.locator("#live-vault")).to_contain_text(f"{wish.value} it is.")


@pytest.mark.parametrize("house", ["anvil"], indirect=True)
def test_a_replaced_transaction_is_said_to_be_replaced(
    house: House, tmp_path: Path
) -> None:
    visitor = connected(house)
    wallet = visitor.wallet
    assert wallet is not None
    prepared(visitor, write_table(tmp_path / "n.csv"))
    ask = house.place.connection.ask
    ask("evm_setAutomine", False)
    visitor.tab.locator("#confirm button").click()
    other = visitor.another_tab()
    other.goto(visitor.page.address + "/activity")
    expect(other.locator("main")).to_contain_text("on its way")
    pending = visitor.workspace.actions.pending
    for _ in range(100):
        if pending()[0].nonce is not None:
            break
        other.wait_for_timeout(50)
    wallet.replace(pending()[0].nonce)
    ask("evm_mine")
    ask("evm_setAutomine", True)
    expect(other.locator("main")).to_contain_text("took its place")
    assert visitor.workspace.market.contract.request_count() == 0


def test_too_little_money_is_said_before_anything_is_split(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester")
    visitor.connect()
    tab = visitor.tab
    visitor.go("/requests/new")
    choose(tab, "data", write_table(tmp_path / "n.csv"))
    look_over(tab)
    tab.fill("input[name=reward]", "5")
    tab.get_by_role("button", name="Split and seal").click()
    expect(tab.get_by_role("alert")).to_contain_text("has 0 MDC and needs 5")
    expect(tab.locator("input[name=reward]")).to_have_value("5")


def test_a_lost_server_is_said_and_a_new_one_lets_the_browser_in(
    house: House, tmp_path: Path
) -> None:
    server = ExitStack()
    visitor = house.visit("requester", wallet=False, closing=server)
    lost, problem = visitor.tab.locator("#lost"), visitor.tab.locator("#problem")
    visitor.go("/requests/new")
    choose(visitor.tab, "data", write_table(tmp_path / "n.csv"))
    expect(lost).to_be_hidden()
    port = int(visitor.page.address.rsplit(":", 1)[1])
    server.close()
    look_over(visitor.tab)
    expect(lost).to_be_in_viewport(ratio=1)
    expect(problem).to_contain_text("try again")
    with running_page(Workspace(visitor.workspace.market), port=port) as page:
        # It has another name: the old page stays, and says what to open.
        anew = visitor.tab.locator("#anew")
        expect(anew).to_contain_text("open the link that its terminal printed")
        # And nothing else: to try again leads nowhere.
        expect(lost).to_be_hidden()
        expect(problem).to_be_hidden()
        visitor.another_tab().goto(visitor.tab.url)
        ended = visitor.context.pages[-1]
        expect(ended.locator("h1")).to_have_text(
            "This page has ended, or was never here."
        )
        expect(ended.locator("body")).to_contain_text("Press Enter in the terminal")
        other = visitor.another_tab()
        other.goto(page.link)
        other.wait_for_url(page.address + "/")
        expect(other.locator("#lost")).to_be_hidden()


def test_a_reload_in_the_middle_of_each_step_loses_nothing(
    house: House, tmp_path: Path
) -> None:
    visitor = connected(house)
    tab = visitor.tab
    visitor.go("/requests/new")
    tab.reload()
    choose(tab, "data", write_table(tmp_path / "n.csv"))
    look_over(tab)
    tab.locator("text=Split and seal").wait_for()
    tab.reload()
    tab.get_by_role("button", name="Split and seal").click()
    tab.locator("#confirm").wait_for()
    tab.reload()
    visitor.confirm("/requests/1")
    tab.reload()
    expect(tab.locator("h1")).to_contain_text("#1")


def test_what_is_wrong_beside_a_field_stands_over_no_other_text(
    house: House, tmp_path: Path
) -> None:
    """Among the terms that are folded away, too, where it takes two lines."""
    tab = at_terms(connected(house), write_table(tmp_path / "n.csv"))
    stake = tab.locator("input[name=stake]")
    stake.evaluate("one => one.closest('details').open = true")
    stake.fill("abc " * 30)
    tab.get_by_role("button", name="Split and seal").click()
    tab.locator("#stake-wrong").wait_for()
    wrong = tab.locator("#stake-wrong").bounding_box()
    below = tab.locator("#stake-help").bounding_box()
    assert wrong is not None
    assert below is not None
    assert wrong["y"] + wrong["height"] <= below["y"]


def test_of_two_tabs_with_other_terms_the_later_is_told_that_its_own_were_not_sealed(
    house: House, tmp_path: Path
) -> None:
    visitor = connected(house)
    first = at_terms(visitor, write_table(tmp_path / "n.csv"))
    other = visitor.another_tab()
    other.goto(first.url)
    for tab, reward in ((first, "100"), (other, "50")):
        tab.locator("input[name=reward]").fill(reward)
    for tab in (first, other):
        tab.get_by_role("button", name="Split and seal").click()
        tab.locator("#confirm").wait_for()
    expect(other.locator("#confirm")).to_contain_text("lock 100 MDC")
    expect(other.locator("#news")).to_contain_text("sealed before, in another tab")


def test_two_tabs_show_the_same_and_do_nothing_twice(
    house: House, tmp_path: Path
) -> None:
    visitor = connected(house)
    prepared(visitor, write_table(tmp_path / "n.csv"))
    other = visitor.another_tab()
    other.goto(visitor.tab.url)
    number = visitor.action
    visitor.confirm("/requests/1")
    expect(other.locator("#live-action")).to_contain_text("confirmed")
    expect(other.locator("#confirm")).to_have_count(0)
    # Where the button was, too.
    expect(other.locator("#live-confirm")).to_contain_text("in another tab")
    again = other.evaluate(
        """async (number) => (await fetch(`/actions/${number}/transaction`, {
            method: "POST", headers: { "Content-Type": "application/json" },
            body: JSON.stringify({ deadline: "0", signature: "" }),
        })).status""",
        number,
    )
    assert again == 400
    visitor.complaints.clear()
    assert visitor.workspace.market.contract.request_count() == 1


WRONG = {
    "empty.csv": ("", "empty.csv is empty"),
    "ragged.csv": (
        "a,b,label\n1,2,x\n1,2\n",
        "row 2 (line 3): 2 cells where 3 columns",
    ),
    "once.csv": ("a,label\n1,x\n2,x\n3,y\n", "class 'y' is seen only once"),
    "missing.csv": ("a,label\n1,x\n2,\n", "row 2 (line 3): the label is missing"),
    "quote.csv": ('a,label\n1,"x\n', "Is a quotation mark missing?"),
    "twice.csv": ("a,a,label\n1,2,x\n", "several columns called 'a'"),
    "reserved.csv": ("row_id,kind\n1,x\n2,x\n", "has a column 'row_id'"),
    "image.png": ("\x89PNG\r\n\x1a\n\0\0", ""),
    "few.csv": ("a,label\n1,x\n", "its one row is of class 'x'"),
    "same.csv": ("a,label\n1,x\n2,x\n", "all 2 rows are of class 'x'"),
}


@pytest.fixture(scope="module")
def somebody(shared_house: House) -> Visitor:
    visitor = shared_house.visit("somebody", wallet=False)
    visitor.connect()
    return visitor


@pytest.fixture(scope="module")
def predictor(shared_house: House, tmp_path_factory: pytest.TempPathFactory) -> Visitor:
    """Somebody with a request to submit to."""
    visitor = shared_house.visit("predictor", wallet=False)
    visitor.connect()
    create(visitor, write_table(tmp_path_factory.mktemp("data") / "n.csv"))
    return visitor


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_explained_before_anything_happens(
    somebody: Visitor, tmp_path: Path, name: str
) -> None:
    visitor = somebody
    text, message = WRONG[name]
    path = tmp_path / name
    path.write_text(text)
    visitor.go("/requests/new")
    choose(visitor.tab, "data", path)
    look_over(visitor.tab)
    alert = visitor.tab.get_by_role("alert")
    expect(alert.first).to_contain_text(message)
    assert visitor.tab.get_by_role("button", name="Split and seal").count() == 0


def test_labels_of_another_length_are_counted(
    somebody: Visitor, tmp_path: Path
) -> None:
    visitor, tab = somebody, somebody.tab
    (tmp_path / "d.csv").write_text("a,b\n" + "1,2\n" * 9)
    (tmp_path / "l.csv").write_text("kind\n" + "x\n" * 8)
    visitor.go("/requests/new")
    choose(tab, "data", tmp_path / "d.csv")
    tab.get_by_text("The labels are in a file of their own").click()
    choose(tab, "labels", tmp_path / "l.csv")
    look_over(tab)
    expect(tab.get_by_role("alert")).to_contain_text("d.csv has 9 rows, but l.csv has")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("row_id,label\n1,odd\n", "id '2' is missing"),
        ("row_id,label\n1,odd\n1,odd\n", "id '1' comes twice"),
        ("row_id,label\n1,blue\n", "'blue' is not one of the 2 classes"),
        ("row_id,label\n999,odd\n", "there is no test row '999'"),
        ("odd\neven\n", "2 predictions for 12 test rows"),
        ("", "is empty"),
    ],
)
def test_wrong_predictions_are_explained_by_row(
    predictor: Visitor, tmp_path: Path, text: str, message: str
) -> None:
    visitor = predictor
    visitor.go("/requests/1/submit")
    (tmp_path / "p.csv").write_text(text)
    (tmp_path / "m.txt").write_text("m")
    choose(visitor.tab, "predictions", tmp_path / "p.csv")
    choose(visitor.tab, "model", tmp_path / "m.txt")
    visitor.tab.get_by_role("button", name="Check and seal").click()
    expect(visitor.tab.get_by_role("alert")).to_contain_text(message)
    assert visitor.workspace.market.contract.submission_count() == 0


def test_submitting_needs_the_keyboard_alone(house: House, tmp_path: Path) -> None:
    """From the skip link to the confirmed row, without a mouse."""
    visitor = house.visit("requester", wallet=False)
    tab = visitor.tab
    tab.locator(".menu summary").focus()
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.locator("#money").wait_for()
    create(visitor, write_table(tmp_path / "n.csv"))
    submit(visitor, tmp_path)
    tab.get_by_role("button", name="Cancel the submission").focus()
    tab.keyboard.press("Enter")
    tab.locator("#confirm button").focus()
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/requests/1")
    expect(tab.locator("#live-mine")).to_contain_text("cancelled")


def test_what_comes_before_a_page_can_listen_is_still_shown(house: House) -> None:
    visitor = connected(house)
    workspace, wallet = visitor.workspace, visitor.wallet
    assert wallet is not None
    tab = visitor.another_tab()

    def meanwhile(route: Route) -> None:
        account = Address(wallet.account.address)
        appointing = SetOperator(workspace.market.wallet.address, approved=True)
        entry = workspace.actions.prepare(account, appointing, "/agent")
        workspace.market.vault.journal.ask_wallet(entry, 0)
        visitor.workspace.changed()
        route.continue_()

    tab.route("**/version", meanwhile, times=1)
    tab.goto(visitor.page.address + "/activity")
    expect(tab.locator("main")).to_contain_text("waiting for the wallet")


def test_a_renewal_that_fails_is_tried_again_though_nothing_else_changes(
    house: House,
) -> None:
    visitor = connected(house)
    workspace, wallet = visitor.workspace, visitor.wallet
    assert wallet is not None
    tab = visitor.another_tab()
    tab.goto(visitor.page.address + "/activity")
    expect(tab.locator("main")).to_contain_text("Claimed the airdrop")
    failed: list[str] = []

    def fails(route: Route) -> None:
        failed.append(route.request.url)
        route.fulfill(status=500, body="")

    tab.route("**/activity", fails, times=1)
    account = Address(wallet.account.address)
    appointing = SetOperator(workspace.market.wallet.address, approved=True)
    entry = workspace.actions.prepare(account, appointing, "/agent")
    workspace.market.vault.journal.ask_wallet(entry, 0)
    workspace.changed()
    expect(tab.locator("main")).to_contain_text("waiting for the wallet")
    assert len(failed) == 1


def test_on_the_page_of_an_error_a_wallet_can_be_chosen_and_banners_follow_the_node(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address is one that is only sent to."""
    request = house.place.create(house.place.join("requester"))
    visitor = house.visit("eve", wallet=False)
    visitor.connect()
    tab, workspace = visitor.tab, visitor.workspace
    key = workspace.market.wallet.address
    appointing = SetOperator(key, approved=True)
    action = workspace.actions.prepare(key, appointing, "/agent").id
    visitor.go(f"/actions/{action}")
    visitor.context.clear_cookies(name=ACCOUNT_COOKIE)
    tab.locator("#confirm button").click()
    expect(tab.get_by_role("alert")).to_contain_text("No wallet is connected.")
    assert tab.url.endswith(f"/actions/{action}/confirm")
    visitor.connect()
    tab.get_by_role("link", name="Go back").click()
    tab.wait_for_url(f"**/actions/{action}")
    visitor.confirm("/agent")
    visitor.go(f"/requests/{request.id}")
    connection, trouble = workspace.market.connection, tab.locator("#live-trouble")
    monkeypatch.setattr(workspace.market, "connection", Away())
    expect(trouble).to_contain_text("The node does not answer.")
    tab.get_by_role("button", name="Move to the next deadline").click()
    tab.wait_for_url("**/clock")
    expect(tab.locator("#money")).to_contain_text("?")
    monkeypatch.setattr(workspace.market, "connection", connection)
    expect(trouble).to_be_empty()
    expect(tab.locator("#money")).to_contain_text("1,000")
    tab.get_by_role("link", name="Go back").click()
    expect(tab.locator("h1")).to_contain_text(f"#{request.id}")


@pytest.mark.parametrize("form", ["terms", "submit"])
def test_that_a_node_was_away_is_not_told_in_a_form_once_it_is_back(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """What was typed stays, and the form can be sent."""
    house.place.create(house.place.join("requester"))
    visitor = house.visit("trainer", wallet=False)
    visitor.connect()
    tab, market = visitor.tab, visitor.workspace.market
    if form == "terms":
        visitor.go("/requests/new")
        choose(tab, "data", write_table(tmp_path / "n.csv"))
        look_over(tab)
        send = tab.get_by_role("button", name="Split and seal")
    else:
        visitor.go("/requests/1/submit")
        (tmp_path / "m.txt").write_text("m")
        choose(tab, "model", tmp_path / "m.txt")
        send = tab.get_by_role("button", name="Check and seal")
    name = tab.locator("input[name=name]")
    name.fill("my own")
    connection, alert = market.connection, tab.get_by_role("alert")
    monkeypatch.setattr(market, "connection", Away())
    expect(tab.locator("#live-trouble")).to_contain_text("The node does not answer.")
    send.click()
    expect(alert).to_contain_text("127.0.0.1 does not answer.")
    # Whatever else there is to be shown in between.
    heard = "new Promise((done) => document.addEventListener('renewed', () => done()))"
    tab.evaluate(f"() => {{ window.renewal = {heard} }}")
    visitor.workspace.changed()
    tab.evaluate("() => window.renewal")
    assert alert.count() == 1
    monkeypatch.setattr(market, "connection", connection)
    expect(alert).to_have_count(0)
    expect(name).to_have_value("my own")
    expect(send).to_be_enabled()


def test_two_tabs_show_the_same_account_and_a_form_acts_for_the_one_it_showed(
    house: House,
) -> None:
    visitor = house.visit("eve")
    visitor.connect()
    tab, other, wallet = visitor.tab, visitor.another_tab(), visitor.wallet
    assert wallet is not None
    visitor.go("/agent")
    shown, here = tab.locator("#wallet > .account"), visitor.workspace.market.wallet
    other.goto(visitor.page.address + "/")

    begun = visitor.workspace.actions.count()

    def take(button: str, account: str) -> None:
        other.locator(".menu summary").click()
        other.get_by_role("button", name=button).click()
        other.locator(f"#wallet > a[href='/accounts/{account}']").wait_for()

    take("Use this computer's", here.address)
    expect(shown).to_have_attribute("href", f"/accounts/{here.address}")
    take("Connect Test Wallet", wallet.account.address)
    expect(shown).to_have_attribute("href", f"/accounts/{wallet.account.address}")
    # Now it does not hear of it before its button is pressed.
    version = tab.locator("body").get_attribute("data-version") or ""
    tab.route("**/version", lambda route: route.fulfill(body=version))
    tab.reload()
    take("Use this computer's", here.address)
    tab.get_by_role("button", name="Fund the agent").click()
    expect(tab.get_by_role("alert")).to_contain_text(
        f"This page was shown for {wallet.account.address}; it is for {here.address}"
    )
    assert visitor.workspace.actions.count() == begun
    take("Connect Test Wallet", wallet.account.address)
    tab.get_by_role("link", name="Go back").click()
    tab.get_by_role("button", name="Fund the agent").click()
    expect(tab.locator("#live-receipt")).to_contain_text(
        f"Signed byYou {wallet.account.address}"
    )
