// SPDX-License-Identifier: Apache-2.0
// Talks to the browser's wallets (EIP-6963, EIP-1193), and to nobody else.
// The server encodes, tries and explains; the wallet signs.
import { pause, renewNow, settled } from "./live.js";

const body = document.body;
// Amounts and ids are decimal strings wherever they cross: a number of
// JavaScript keeps 53 bits.
const chain = "0x" + BigInt(body.dataset.chain).toString(16);
const wallets = new Map();
const CHOSEN = "modelmarket-wallet";
const REFUSED = 4001;
const UNKNOWN_CHAIN = 4902;
const UNREACHED = "The server does not answer.";
const MOST_TRIES = 120;
const AGAIN_MS = 500;
let provider = null;
// Which time it is that the wallet is asked for it.
let attempt = "";

export async function ask(address, document_) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(document_ ?? {}),
  }).catch(() => { throw new Error(UNREACHED); });
  const data = await answer.json().catch(() => ({ message: "The server gave no answer." }));
  if (!answer.ok) throw Object.assign(new Error(data.message), data);
  return data;
}

const call = (method, ...params) => provider.request({ method, params });

async function become(account = "") {
  const { account: shown, byBrowser } = body.dataset;
  if (byBrowser && account.toLowerCase() === shown.toLowerCase()) return;
  await ask("/account", { account });
  renewNow();
}

// Whose page it is changes in place: what was typed and chosen stays.
function showOwner(fresh) {
  const { account, byBrowser, rpc } = fresh.body.dataset;
  if (account === body.dataset.account && byBrowser === body.dataset.byBrowser) return;
  Object.assign(body.dataset, { account, byBrowser, rpc });
  for (const one of document.querySelectorAll("[name=shown_for]")) one.value = account;
  if (provider) checkChain().catch(() => {});
  const place = document.getElementById("wallet");
  const hadFocus = place.contains(document.activeElement);
  place.replaceChildren(...fresh.getElementById("wallet").childNodes);
  for (const one of wallets.values()) offer(one);
  if (hadFocus) place.querySelector("summary").focus();
}

function choose(event) {
  const form = event.target;
  if (form.getAttribute("action") !== "/account") return;
  event.preventDefault();
  become(form.elements.account.value).catch(tell);
}

async function checkChain() {
  const isRight = (await call("eth_chainId")) === chain;
  document.getElementById("wrong-network").hidden = isRight || !body.dataset.byBrowser;
  return isRight;
}

async function switchChain() {
  try {
    await call("wallet_switchEthereumChain", { chainId: chain });
  } catch (error) {
    if (error.code !== UNKNOWN_CHAIN) throw error;
    await call("wallet_addEthereumChain", {
      chainId: chain,
      chainName: `ModelMarket ${body.dataset.network}`,
      rpcUrls: [body.dataset.rpc],
      nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    });
  }
  await checkChain();
}

async function findChain() {
  if (!(await checkChain())) await switchChain();
}

async function use(detail, { silently }) {
  provider = detail.provider;
  const accounts = await call(silently ? "eth_accounts" : "eth_requestAccounts");
  if (!accounts.length) return;
  localStorage.setItem(CHOSEN, detail.info.rdns);
  provider.on?.("accountsChanged", ([account]) => { if (body.dataset.byBrowser) become(account).catch(tell); });
  provider.on?.("chainChanged", checkChain);
  await checkChain();
  await become(accounts[0]);
}

function meet(detail) {
  const { rdns } = detail.info;
  if (wallets.has(rdns)) return;
  wallets.set(rdns, detail);
  offer(detail);
  if (body.dataset.byBrowser && localStorage.getItem(CHOSEN) === rdns) {
    use(detail, { silently: true }).catch(() => {});
  }
}

function offer(detail) {
  const button = document.createElement("button");
  button.type = "button";
  if (/^data:image\//.test(detail.info.icon ?? "")) {
    const icon = document.createElement("img");
    icon.src = detail.info.icon;
    icon.alt = "";
    button.append(icon);
  }
  button.append(`Connect ${detail.info.name}`);
  button.addEventListener("click", () => use(detail, { silently: false }).catch(tell));
  const place = document.getElementById("wallets");
  place.append(button);
  place.hidden = false;
  document.getElementById("no-wallet").hidden = true;
}

export function noteOf(kind, ...words) {
  const note = document.createElement("div");
  note.className = kind;
  note.append(...words);
  return note;
}

function tell({ code, message, hint }) {
  const note = code === REFUSED
    ? noteOf("note", "You declined in the wallet. Nothing was sent.")
    : noteOf("note bad", message, hint ? ` ${hint}` : "");
  document.getElementById("notes").append(note);
  setTimeout(() => note.remove(), 15000);
}

// One signature where MDC are locked, then one transaction.
// What is signed is what the page showed: it ends at the very second.
async function sign({ action, account }, deadline, again, button) {
  await findChain();
  const { message, ...permit } = await ask(`/actions/${action}/permit`, { again, deadline });
  attempt = permit.attempt;
  button.textContent = "Waiting for the wallet…";
  const signature = message ? await call("eth_signTypedData_v4", account, JSON.stringify(message)) : "";
  const given = await ask(`/actions/${action}/transaction`, {
    deadline: message ? message.message.deadline : "0",
    signature,
    again,
  });
  attempt = given.attempt;
  // It may have been changed while the wallet was looked at.
  await findChain();
  await tellHash(action, await call("eth_sendTransaction", given.transaction));
}

// The wallet has sent it: a server that is away for a moment must still hear.
async function tellHash(action, hash) {
  for (let tries = 0; ; tries += 1) {
    try {
      await ask(`/actions/${action}/sent`, { hash });
      return;
    } catch (error) {
      if (error.message !== UNREACHED || tries >= MOST_TRIES) throw error;
      await pause(AGAIN_MS);
    }
  }
}

async function confirmInWallet(event) {
  const form = event.target;
  if (form.id !== "confirm" || !body.dataset.byBrowser) return;
  event.preventDefault();
  // What is being confirmed does not begin a second time, and stays as it is.
  if ("sent" in form.dataset) return;
  form.dataset.sent = attempt = "";
  const { action } = form.dataset;
  const deadline = document.querySelector("[data-asked=deadline]")?.textContent ?? "0";
  const button = form.querySelector("button");
  const shown = button.textContent;
  button.disabled = true;
  button.textContent = "Asking the chain…";
  try {
    if (!provider) throw new Error("Connect your wallet first, at the top of the page.");
    await sign(form.dataset, deadline, Boolean(form.elements.again?.checked), button);
    button.textContent = "On its way…";
    await settled(action);
  } catch (error) {
    const { code, message } = error;
    if (code !== undefined && attempt) {
      await ask(`/actions/${action}/refused`, { attempt, code, reason: String(message) }).catch(() => {});
    }
    tell(error);
    button.textContent = shown;
  }
  delete form.dataset.sent;
  ready();
  renewNow();
}

// The form comes and goes with the state of the action; until the wallet can
// be asked, and while it is, its button is off.
function ready() {
  const form = document.getElementById("confirm");
  if (form && body.dataset.byBrowser) form.querySelector("button").disabled = "sent" in form.dataset;
}

export function connectWallets() {
  window.addEventListener("eip6963:announceProvider", ({ detail }) => meet(detail));
  window.dispatchEvent(new Event("eip6963:requestProvider"));
  setTimeout(() => {
    if (!wallets.size && window.ethereum) {
      meet({ info: { rdns: "window.ethereum", name: "the browser's wallet" }, provider: window.ethereum });
    }
  }, 300);
  document.getElementById("switch").addEventListener("click", () => { switchChain().catch(tell); });
  document.addEventListener("submit", choose);
  document.addEventListener("submit", confirmInWallet);
  document.addEventListener("renewed", ({ detail }) => { showOwner(detail); ready(); });
  ready();
}
