// SPDX-License-Identifier: Apache-2.0
// Keeps the marked parts of the page as new as the chain.

const AGAIN_MS = 1500;
const SOON_MS = 300;
const PRESSED_MS = 50;
const USED = "input, select, textarea, button";

// The second of chain time at which this page began.
const beginning = ({ dataset: { now } }) => now - performance.now() / 1000;
export const byId = (id) => document.getElementById(id);
export const pause = (wait) => new Promise((resolve) => setTimeout(resolve, wait));

const body = document.body;
const lost = byId("lost");
const anew = byId("anew");
// What the page shows; it may have become old before it could listen.
let seen = body.dataset.version;
let wanted = false;
let renewing = false;
let isBehind = false;
let began = beginning(body);

function words(seconds) {
  if (seconds <= 0) return "now";
  const parts = [[seconds / 86400, "d"], [(seconds / 3600) % 24, "h"], [(seconds / 60) % 60, "min"], [seconds % 60, "s"]];
  return parts.filter(([count]) => count >= 1).slice(0, 2).map(([count, unit]) => `${Math.floor(count)} ${unit}`).join(" ");
}

function tick() {
  const now = began + performance.now() / 1000;
  for (const one of document.querySelectorAll("[data-until]")) {
    const left = Math.round(one.dataset.until - now);
    const text = words(left);
    if (one.textContent !== text) one.textContent = text;
    if (left > 0 || one.dataset.over) continue;
    one.dataset.over = "yes";
    // A phase ends by the clock alone: no block may come that would tell.
    setTimeout(renewNow, AGAIN_MS);
  }
}

// What moves between pressing and letting go is never clicked.
async function untilLetGo() {
  while (document.querySelector(":active")) await pause(PRESSED_MS);
}

// What the server said of a part, without time that passes and what was opened.
function told(part) {
  const copy = part.cloneNode(true);
  for (const one of copy.querySelectorAll("[data-until]")) one.replaceWith(one.dataset.until);
  for (const one of copy.querySelectorAll("details")) one.open = false;
  return copy.innerHTML;
}

// What it is called, whatever else its part says by now.
const nameOf = (one) => one.name || (one.getAttribute("href") ?? one.getAttribute("aria-label") ?? one.textContent);

// What was opened, scrolled or has the focus is so in what takes its place, too.
export function replace(old, next) {
  const active = document.activeElement;
  const focused = old.contains(active) ? nameOf(active) : null;
  const open = new Set([...old.querySelectorAll("details[open] > summary")].map(nameOf));
  const scrolled = new Map([...old.querySelectorAll(".scroll")].map((one) => [nameOf(one), one.scrollLeft]));
  old.replaceChildren(...next.cloneNode(true).childNodes);
  for (const one of old.querySelectorAll(`${USED}, a, summary, [tabindex]`)) {
    const name = nameOf(one);
    if (one.matches("summary")) one.parentNode.open ||= open.has(name);
    if (scrolled.has(name)) one.scrollLeft = scrolled.get(name);
    if (name === focused) one.focus({ preventScroll: true });
  }
}

// Whether there is nothing left to be shown.
async function replaceParts() {
  const answer = await fetch(body.dataset.renew || location.href);
  // What is refused stays refused; a server that stumbles is asked once more.
  if (!answer.ok) return answer.status < 500;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  await untilLetGo();
  began = beginning(fresh.body);
  isBehind = false;
  const active = document.activeElement;
  for (const old of document.querySelectorAll("[data-live], #money")) {
    const next = fresh.getElementById(old.id);
    // A form that has gone stays as it is: a new one could be sent a second time.
    if (!next || old.querySelector("form[data-sent]") || told(old) === told(next)) continue;
    // So does what somebody is about to press or to fill in, until they leave it or it goes.
    const isStill = [...next.querySelectorAll(USED)].some((one) => nameOf(one) === nameOf(active));
    if (isStill && old.contains(active)) isBehind = true;
    else replace(old, next);
  }
  // Whoever was on what has gone goes on with what came of it.
  if (!active.isConnected && document.activeElement === body) (document.querySelector("main a.main") ?? byId("main")).focus();
  tick();
  document.dispatchEvent(new CustomEvent("renewed", { detail: fresh }));
  return true;
}

// In turn: no older answer comes to lie over a newer one.
export async function renewNow() {
  wanted = true;
  if (renewing) return;
  renewing = true;
  while (wanted) {
    wanted = false;
    if (await replaceParts().catch(() => false)) continue;
    // Nothing else may ever change, so what failed is not left for later.
    wanted = true;
    await pause(AGAIN_MS);
  }
  renewing = false;
}

// What is hidden is made new when it is looked at again.
async function listen() {
  for (;; await pause(SOON_MS)) {
    if (document.hidden) continue;
    const answer = await fetch("/version").catch(() => null);
    const version = answer?.ok && await answer.text().catch(() => "");
    // One that was started anew lets in nobody whom it does not know.
    anew.hidden = answer?.status !== 403;
    lost.hidden = Boolean(version) || !anew.hidden;
    if (!version || version === seen) continue;
    seen = version;
    renewNow();
  }
}

// Goes to what came of an action once it is in the chain.
export async function settled(action) {
  for (;; await pause(SOON_MS)) {
    const answer = await fetch(`/actions/${action}/state`).catch(() => null);
    if (!answer?.ok) continue;
    const state = await answer.json();
    if (state.is_done) location.href = state.result;
    else if (state.is_under_way) continue;
    else location.reload();
    return;
  }
}

export function follow() {
  tick();
  setInterval(tick, 1000);
  document.addEventListener("focusout", () => { if (isBehind) renewNow(); });
  listen();
  const begun = document.querySelector("[data-begun]");
  if (begun) settled(begun.dataset.begun);
}
