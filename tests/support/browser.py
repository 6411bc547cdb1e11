# SPDX-License-Identifier: Apache-2.0
"""Real browsers with a real wallet, for people with pages of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from modelmarket.web.server import Page, running_page
from modelmarket.web.workspace import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Route
    from playwright.sync_api import Page as Tab

    from modelmarket.market import Market
    from support.market import Place

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
REJECTED = 4001
PATIENCE_MS = 60_000
"""Of the tests with a page: three of them may share two cores."""
ICON = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"

PROVIDER = """
(() => {
  const listeners = {};
  const provider = {
    request: async ({ method, params }) => {
      const answer = JSON.parse(await window.__wallet(JSON.stringify({ method, params: params ?? [] })));
      if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
      return answer.result;
    },
    on: (name, listener) => { (listeners[name] ??= []).push(listener); },
  };
  window.__emit = (name, value) => (listeners[name] ?? []).forEach((one) => one(value));
  const detail = Object.freeze({
    info: Object.freeze({ uuid: "1", name: "Test Wallet", rdns: "test.wallet", icon: "ICON" }),
    provider,
  });
  const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})();
""".replace("ICON", ICON)


@dataclass
class BrowserWallet:
    """A wallet extension: it holds a key, signs and sends (EIP-1193).

    Attributes:
        rpc: The node that it sends to.
        chain: The chain that it is on.
        account: Its key.
        rejects: Methods that its user declines.
        connected: Whether the site may see the account.
        asked: Every method that was asked for.
        typed: Every message that it was given to sign, as it was given.
        transactions: Every transaction that it was asked to send, likewise.
        slow_s: How long its user looks at a transaction before signing.
        spenders: Who alone may be allowed to take MDC.
        coin: The contract that a message must be for.
    """

    connection: Any
    chain: int
    account: Any = field(default_factory=Account.create)
    rejects: set[str] = field(default_factory=set)
    connected: bool = False
    asked: list[str] = field(default_factory=list)
    typed: list[dict[str, Any]] = field(default_factory=list)
    transactions: list[dict[str, str]] = field(default_factory=list)
    slow_s: float = 0
    spenders: tuple[str, ...] = ()
    coin: str = ""

    def answer(self, text: str) -> str:
        """Answers a request of the page."""
        request = json.loads(text)
        method, params = request["method"], request["params"]
        self.asked.append(method)
        if method in self.rejects:
            error = {"code": REJECTED, "message": "User rejected the request."}
            return json.dumps({"error": error})
        try:
            return json.dumps({"result": self._do(method, params)})
        except Exception as error:  # noqa: BLE001  # as a wallet would
            return json.dumps({"error": {"code": -32603, "message": str(error)}})

    def _do(self, method: str, params: list[Any]) -> Any:
        match method:
            case "eth_requestAccounts":
                self.connected = True
                return [self.account.address]
            case "eth_accounts":
                return [self.account.address] if self.connected else []
            case "eth_chainId":
                return hex(self.chain)
            case "wallet_switchEthereumChain":
                self.chain = int(params[0]["chainId"], 16)
                return None
            case "eth_signTypedData_v4":
                assert params[0] == self.account.address
                return self._sign(json.loads(params[1]))
            case "eth_sendTransaction":
                assert int(params[0]["chainId"], 16) == self.chain, "another chain"
                self.transactions.append(params[0])
                time.sleep(self.slow_s)
                return self._send(params[0])
        raise ValueError(f"the wallet does not know {method}")

    def _sign(self, typed: dict[str, Any]) -> str:
        """Signs a permit, once it has held it against what it knows itself.

        A number that went through JavaScript may be another one, so there may
        be none: each `uint256` is a decimal string.
        """
        self.typed.append(typed)
        domain, message = typed["domain"], typed["message"]
        assert typed["primaryType"] == "Permit"
        assert domain == {
            "name": "ModelCoin",
            "version": "1",
            "chainId": str(self.chain),
            "verifyingContract": self.coin,
        }
        assert message["owner"] == self.account.address
        assert message["spender"] in self.spenders
        for name in ("value", "nonce", "deadline"):
            assert re.fullmatch(r"0|[1-9][0-9]*", message[name]), message
        return self.sign_as_given(typed)

    def sign_as_given(self, typed: dict[str, Any]) -> str:
        """Signs whatever it is given, as wallets do."""
        numbers = {
            name: int(typed["message"][name]) for name in ("value", "nonce", "deadline")
        }
        domain = typed["domain"] | {"chainId": int(typed["domain"]["chainId"])}
        whole = typed | {"domain": domain, "message": typed["message"] | numbers}
        message = encode_typed_data(full_message=whole)
        return f"0x{self.account.sign_message(message).signature.hex()}"

    def _send(self, wanted: dict[str, str]) -> str:
        assert wanted["from"] == self.account.address
        ask = self.connection.ask
        transaction = {
            "type": 2,
            "chainId": self.connection.chain_id,
            "nonce": int(ask("eth_getTransactionCount", wanted["from"], "pending"), 16),
            "gas": int(wanted["gas"], 16),
            "maxFeePerGas": 10**11,
            "maxPriorityFeePerGas": 10**9,
            "to": wanted["to"],
            "value": int(wanted["value"], 16),
            "data": wanted["data"],
        }
        raw = self.account.sign_transaction(transaction).raw_transaction
        return str(ask("eth_sendRawTransaction", "0x" + raw.hex()))

    def replace(self, nonce: int | None) -> None:
        """Sends nothing to itself in place of a pending transaction."""
        transaction = {
            "type": 2,
            "chainId": self.connection.chain_id,
            "nonce": nonce,
            "gas": 21_000,
            "maxFeePerGas": 10**12,
            "maxPriorityFeePerGas": 10**11,
            "to": self.account.address,
            "value": 0,
        }
        raw = self.account.sign_transaction(transaction).raw_transaction
        self.connection.ask("eth_sendRawTransaction", "0x" + raw.hex())


@dataclass
class Visitor:
    """Somebody with a page, a browser and perhaps a wallet in it.

    Attributes:
        tab: Where they look.
        workspace: Behind their page.
        page: Their server.
        wallet: In their browser; None for the computer's own key.
        complaints: What the browser's console said.
    """

    tab: Tab
    context: BrowserContext
    workspace: Workspace
    page: Page
    wallet: BrowserWallet | None
    complaints: list[str]

    def go(self, path: str) -> None:
        """Opens a page of theirs."""
        self.tab.goto(self.page.address + path)

    def connect(self) -> None:
        """Chooses who signs, in the wallet's menu.

        A page that has not heard its script yet goes elsewhere by itself.
        """
        self.tab.wait_for_load_state()
        self.tab.locator(".menu summary").click()
        if self.wallet is None:
            self.tab.get_by_role("button", name="Use this computer's key").click()
        else:
            self.tab.get_by_role("button", name="Connect Test Wallet").click()
        self.tab.locator("#money").wait_for()

    @property
    def action(self) -> int:
        """The number of the action that is shown."""
        return int(self.tab.url.rpartition("/actions/")[2])

    def confirm(self, then: str) -> None:
        """Confirms the action that is shown, and waits for a page."""
        self.tab.locator("#confirm button").click()
        self.tab.wait_for_url(f"**{then}")

    def airdrop(self) -> None:
        """Claims the airdrop through the wallet's menu."""
        self.tab.locator(".menu summary").click()
        self.tab.get_by_role("button", name="Get 1,000 MDC (once)").click()
        self.confirm("/")
        self.tab.locator("#money", has_text="1,000").wait_for()

    def another_tab(self) -> Tab:
        """A second tab of the same browser, in front: one that is hidden does not ask
        whether there is anything new.
        """
        tab = self.context.new_page()
        tab.bring_to_front()
        listen(tab, self.complaints)
        return tab


def listen(tab: Tab, complaints: list[str]) -> None:
    """Collects what the console complains about."""
    tab.on("console", lambda one: complaints.append(f"{one.text} {one.location}"))
    tab.on("pageerror", lambda one: complaints.append(str(one)))


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's Chromium, or npm's; tests without it are left out, never in CI."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("chromium must be installed in CI")
        pytest.skip("there is no Chromium, and npm had none: apt-get install chromium")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@dataclass
class House:
    """Where visitors come from.

    Attributes:
        place: The market.
        browser: Shared; each visitor has a context of their own.
        closing: What ends with the test.
    """

    place: Place
    browser: Browser
    closing: ExitStack

    def visit(
        self,
        name: str,
        *,
        wallet: bool = True,
        closing: ExitStack | None = None,
        **options: Any,
    ) -> Visitor:
        """Somebody who opens the link that their terminal printed."""
        market = self.place.join(name)
        workspace = Workspace(market, move_clock=self.place.move_to)
        page = (closing or self.closing).enter_context(running_page(workspace))
        context = self.browser.new_context(
            **{"viewport": {"width": 1200, "height": 900}, **options}
        )
        context.set_default_timeout(PATIENCE_MS)
        self.closing.callback(context.close)
        in_browser = None
        if wallet:
            in_browser = BrowserWallet(
                self.place.connection,
                market.network.chain_id,
                spenders=market.network.contracts.addresses,
                coin=market.coin.address,
            )
            self._fund(in_browser.account.address)
            answer = in_browser.answer
            context.expose_binding("__wallet", lambda _source, text: answer(text))
            context.add_init_script(PROVIDER)
        tab = context.new_page()
        complaints: list[str] = []
        listen(tab, complaints)
        tab.goto(page.link)
        tab.wait_for_url(page.address + "/")
        return Visitor(tab, context, workspace, page, in_browser, complaints)

    def _fund(self, address: str) -> None:
        if self.place.is_anvil:
            self.place.connection.ask("anvil_setBalance", address, hex(10**20))
        else:
            self.place.connection.ask("modelmarket_fund", address)


@contextmanager
def at_work(market: Market) -> Iterator[None]:
    """Somebody's agent, on a machine of their own."""
    workspace = Workspace(market)
    workspace.start()
    try:
        yield
    finally:
        workspace.stop()


AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
LEAST_PX = 24
"""WCAG 2.2, 2.5.8: what is pressed is so wide and high, but for links within a text."""
SMALL = """(least) =>
  [...document.querySelectorAll("button, .button, select, summary, nav a, input, label.check")]
    .filter((one) => one.type !== "hidden" && one.checkVisibility())
    .filter((one) => {
      const { width, height } = (one.closest("label") ?? one).getBoundingClientRect();
      return Math.min(width, height) < least;
    })
    .map((one) => one.outerHTML.slice(0, 120))
"""


UNSEEN = """() => [...document.querySelectorAll("main *")]
    .filter(one => [...one.childNodes].some(
        node => node.nodeType === Node.TEXT_NODE && node.textContent.trim()))
    .filter(one => !one.checkVisibility() && !one.closest(
        "[hidden], details:not([open]), datalist, option, noscript, .unasked, "
        + "#live-over:not(:empty) ~ *, .headed .button"))
    .map(one => one.outerHTML.slice(0, 100))"""
"""What is written on a page that nobody sees, though nothing says that it is hidden."""


def wrong_for_somebody(tab: Tab) -> list[str]:
    """What of a page is not for everybody: what axe-core finds, what is wider than the
    screen, what is too small to be pressed, and what is there and hidden by mistake.
    """
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(tab, options=AXE).response["violations"]
    wrong = [
        f"{one['id']}: {[node['target'] for node in one['nodes'][:3]]}" for one in found
    ]
    wide, screen = tab.evaluate("[document.body.scrollWidth, innerWidth]")
    if wide > screen:
        wrong.append(f"{wide} px wide on a screen of {screen}")
    wrong += [f"unseen: {one}" for one in tab.evaluate(UNSEEN)]
    return wrong + [f"small: {one}" for one in tab.evaluate(SMALL, LEAST_PX)]


def look_over(tab: Tab, kind: str = "predictions") -> None:
    """Says what is bought, and goes on to the terms of it."""
    tab.check(f"input[name=kind][value={kind}]")
    tab.get_by_role("button", name="Continue").click()


def choose(tab: Tab, field: str, file: Path) -> None:
    """Chooses the file of a field, as somebody who sees the page do its work.

    The script of a page that has just come sends what was chosen before it, and a
    button that is pressed at that very moment is not heard.
    """
    place = tab.locator(f"input[name={field}]")
    place.wait_for(state="attached")
    tab.wait_for_load_state()
    place.set_input_files(file)


def write_table(path: Path, rows: int = 60) -> Path:
    """Numbers and whether they are even."""
    lines = (f"{n},{n * n},{'odd' if n % 2 else 'even'}" for n in range(rows))
    path.write_text("n,square,kind\n" + "\n".join(lines) + "\n")
    return path


def at_submit(house: House) -> Visitor:
    """A trainer with a key of this computer, before the form of somebody's request."""
    house.place.create(house.place.join("requester"))
    visitor = house.visit("trainer", wallet=False)
    visitor.connect()
    visitor.go("/requests/1/submit")
    return visitor


def stays(tab: Tab) -> None:
    """Marks the page that is open: another one has no such mark."""
    tab.evaluate("window.isStill = true")


def is_still(tab: Tab) -> bool:
    """Whether it is that very page; see `stays`."""
    return bool(tab.evaluate("window.isStill === true"))


def held(tab: Tab, path: str) -> list[Route]:
    """Holds what is sent to an address, until it is let go."""
    routes: list[Route] = []
    tab.route(path, lambda route: routes.append(route), times=1)
    return routes
