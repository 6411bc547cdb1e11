// SPDX-License-Identifier: Apache-2.0
// Talks to the browser's wallets (EIP-6963, EIP-1193), and to nobody else.
// The server encodes, tries and explains; the wallet signs.
import { byId, pause, renewNow, settled } from "./live.js";

const page = document.body.dataset;
const told = byId("told");
// Amounts and ids are decimal strings: a number of JavaScript keeps 53 bits.
const chain = "0x" + BigInt(page.chain).toString(16);
const wallets = new Map();
const CHOSEN = "modelmarket-wallet";
const REFUSED = 4001;
const UNKNOWN_CHAIN = 4902;
const UNREACHED = "The server did not answer. Try again.";
const MOST_TRIES = 120;
const AGAIN_MS = 500;
let provider = null;

export async function ask(address, sent = {}) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(sent),
  }).catch(() => { throw new Error(UNREACHED); });
  const data = await answer.json().catch(() => ({ message: "The server gave no answer." }));
  if (!answer.ok) throw Object.assign(new Error(data.message), data);
  return data;
}

const call = (method, ...params) => provider.request({ method, params });

async function become(account = "") {
  const { account: shown, byBrowser } = page;
  if (byBrowser && account.toLowerCase() === shown.toLowerCase()) return;
  await ask("/account", { account });
  renewNow();
}

// Whose page it is changes in place: what was typed and chosen stays.
function showOwner(fresh) {
  const { account, byBrowser, rpc } = fresh.body.dataset;
  if (account === page.account && byBrowser === page.byBrowser) return;
  Object.assign(page, { account, byBrowser, rpc });
  for (const one of document.querySelectorAll("[name=shown_for]")) one.value = account;
  if (provider) checkChain().catch(() => {});
  const place = byId("wallet");
  const hadFocus = place.contains(document.activeElement);
  place.replaceChildren(...fresh.getElementById("wallet").childNodes);
  offer();
  if (hadFocus) place.querySelector("summary").focus();
}

function choose(event) {
  const form = event.target;
  if (form.getAttribute("action") !== "/account") return;
  event.preventDefault();
  attempted(become(form.elements.account.value));
}

async function checkChain() {
  const isRight = (await call("eth_chainId")) === chain;
  byId("wrong-network").hidden = isRight || !page.byBrowser;
  return isRight;
}

async function switchChain() {
  try {
    await call("wallet_switchEthereumChain", { chainId: chain });
  } catch (error) {
    if (error.code !== UNKNOWN_CHAIN) throw error;
    await call("wallet_addEthereumChain", {
      chainId: chain,
      chainName: `ModelMarket ${page.network}`,
      rpcUrls: [page.rpc],
      nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    });
  }
  await checkChain();
}

const findChain = async () => await checkChain() || switchChain();

async function use(detail, method = "eth_requestAccounts") {
  provider = detail.provider;
  const [account] = await call(method);
  if (!account) { provider = null; return; }
  localStorage.setItem(CHOSEN, detail.info.rdns);
  provider.on?.("accountsChanged", ([other]) => { if (page.byBrowser) attempted(become(other)); });
  provider.on?.("chainChanged", checkChain);
  await checkChain();
  await become(account);
}

function meet(detail) {
  const { rdns } = detail.info;
  if (wallets.has(rdns)) return;
  wallets.set(rdns, detail);
  offer();
  if (page.byBrowser && localStorage.getItem(CHOSEN) === rdns) use(detail, "eth_accounts").then(offer, () => {});
}

// The one that is connected is not offered once more.
function offer() {
  const others = [...wallets.values()].filter((one) => !page.byBrowser || one.provider !== provider);
  byId("wallets").replaceChildren(...others.map(buttonOf));
}

function buttonOf(detail) {
  const { icon = "", name } = detail.info;
  const button = document.createElement("button");
  if (/^data:image\//.test(icon)) button.append(Object.assign(new Image(), { src: icon, alt: "" }));
  button.append(`Connect ${name}`);
  button.onclick = () => attempted(use(detail));
  return button;
}

export function noteOf(kind, ...words) {
  const note = Object.assign(document.createElement("div"), { className: kind });
  note.append(...words);
  return note;
}

function tell({ code, message, hint }) {
  told.replaceChildren(code === REFUSED
    ? noteOf("note", "You declined in the wallet.")
    : noteOf("note bad", message, hint ? ` ${hint}` : ""));
}

function attempted(work) {
  told.replaceChildren();
  return work.catch(tell);
}

// One signature where MDC are locked, then one transaction.
// What is signed is what the page showed: it ends at the very second.
async function sign({ dataset: shown, elements }, button) {
  const { action, account } = shown;
  const again = elements.again?.checked;
  const deadline = document.querySelector("[data-asked=deadline]")?.textContent ?? "0";
  await findChain();
  const { message, attempt } = await ask(`/actions/${action}/permit`, { again, deadline });
  shown.attempt = attempt;
  button.textContent = "Waiting for the wallet…";
  const signature = message ? await call("eth_signTypedData_v4", account, JSON.stringify(message)) : "";
  const given = await ask(`/actions/${action}/transaction`, {
    deadline: message ? message.message.deadline : "0",
    signature,
    again,
  });
  shown.attempt = given.attempt;
  // It may have been changed while the wallet was looked at.
  await findChain();
  await tellHash(action, await call("eth_sendTransaction", given.transaction));
}

// The wallet has sent it: a server that is away for a moment must still hear.
async function tellHash(action, hash, tries = MOST_TRIES) {
  await ask(`/actions/${action}/sent`, { hash }).catch(async (error) => {
    if (error.message !== UNREACHED || !tries) throw error;
    await pause(AGAIN_MS);
    await tellHash(action, hash, tries - 1);
  });
}

async function confirmInWallet(event) {
  const { target: form, submitter: button } = event;
  if (form.id !== "confirm" || !page.byBrowser) return;
  event.preventDefault();
  // What is being confirmed does not begin a second time.
  if ("sent" in form.dataset) return;
  form.dataset.sent = "";
  told.replaceChildren();
  const shown = button.textContent;
  ready();
  button.textContent = "Asking the chain…";
  try {
    if (!provider) throw new Error("Connect your wallet first, at the top of the page.");
    await sign(form, button);
    button.textContent = "On its way…";
    await settled(form.dataset.action);
  } catch (error) {
    const { code, message } = error;
    const { action, attempt } = form.dataset;
    // What the server hears of, the page says itself.
    if (code) await ask(`/actions/${action}/refused`, { attempt, code, reason: String(message) }).catch(tell);
    else tell(error);
    button.textContent = shown;
  }
  delete form.dataset.sent;
  ready();
  renewNow();
}

// Until the wallet can be asked, and while it is, the form's button is off.
// What was said of one goes with it.
function ready() {
  const form = byId("confirm");
  if (!form && byId("live-confirm")) told.replaceChildren();
  if (form && page.byBrowser) form.querySelector("button").disabled = "sent" in form.dataset;
}

export function connectWallets() {
  window.addEventListener("eip6963:announceProvider", ({ detail }) => meet(detail));
  window.dispatchEvent(new Event("eip6963:requestProvider"));
  setTimeout(() => {
    if (!wallets.size && window.ethereum) {
      meet({ info: { rdns: "window.ethereum", name: "the browser's wallet" }, provider: window.ethereum });
    }
  }, 300);
  byId("switch").onclick = () => attempted(switchChain());
  document.addEventListener("submit", choose);
  document.addEventListener("submit", confirmInWallet);
  document.addEventListener("renewed", ({ detail }) => { showOwner(detail); ready(); });
  ready();
}
