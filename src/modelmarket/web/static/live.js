// SPDX-License-Identifier: Apache-2.0
// Keeps the marked parts of the page as new as the chain.

const AGAIN_MS = 1500;
const SOON_MS = 250;
const PRESSED_MS = 50;

const body = document.body;
// What the page shows; it may have become old before it could listen.
let seen = body.dataset.version;
let wanted = false;
let renewing = false;
let chainNow = Number(body.dataset.now);
let readAt = performance.now();

function words(seconds) {
  if (seconds <= 0) return "now";
  const parts = [];
  for (const [name, size] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    if (seconds >= size && parts.length < 2) {
      parts.push(`${Math.floor(seconds / size)} ${name}`);
      seconds %= size;
    }
  }
  return parts.join(" ");
}

function tick() {
  const now = chainNow + Math.floor((performance.now() - readAt) / 1000);
  let isOver = false;
  for (const one of document.querySelectorAll("[data-until]")) {
    const left = Number(one.dataset.until) - now;
    const text = words(left);
    if (one.textContent !== text) one.textContent = text;
    isOver ||= left <= 0 && one.dataset.over !== "yes";
    if (left <= 0) one.dataset.over = "yes";
  }
  // A phase ends by the clock alone: no block may come that would tell.
  if (isOver) setTimeout(renewNow, AGAIN_MS);
}

// Until nothing is pressed. What moves or goes between pressing and letting go
// is let go of on something else: there would be no click at all.
async function untilLetGo() {
  while (document.querySelector(":active")) {
    await new Promise((resolve) => setTimeout(resolve, PRESSED_MS));
  }
}

// What the server said of a part: time that passes and what somebody has opened are
// none of it.
function told(part) {
  const copy = part.cloneNode(true);
  for (const one of copy.querySelectorAll("[data-until]")) {
    one.textContent = "";
    delete one.dataset.over;
  }
  for (const one of copy.querySelectorAll("details")) one.open = false;
  return copy.innerHTML;
}

function replace(old, next) {
  const name = (one) => one.querySelector("summary")?.textContent;
  const open = new Set([...old.querySelectorAll("details[open]")].map(name));
  for (const one of next.querySelectorAll("details")) one.open ||= open.has(name(one));
  old.replaceChildren(...next.childNodes);
}

// Whether there is nothing left to be shown.
async function replaceParts() {
  const answer = await fetch(body.dataset.renew || location.href, { headers: { Accept: "text/html" } });
  // What is refused stays refused; a server that stumbles is asked once more.
  if (!answer.ok) return answer.status < 500;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  await untilLetGo();
  chainNow = Number(fresh.body.dataset.now);
  readAt = performance.now();
  for (const old of document.querySelectorAll("[data-live], #money")) {
    const next = fresh.getElementById(old.id);
    // What somebody is using stays as it is until the next time, and so does a
    // form that has gone: a new one could be sent a second time.
    if (!next || old.contains(document.activeElement)) continue;
    if (old.querySelector("form[data-sent]")) continue;
    if (told(old) !== told(next)) replace(old, next);
  }
  tick();
  document.dispatchEvent(new CustomEvent("renewed", { detail: fresh }));
  return true;
}

// One after the other, as an older answer must not come to lie over a newer one;
// what is wanted meanwhile is one more.
export async function renewNow() {
  wanted = true;
  if (renewing) return;
  renewing = true;
  while (wanted) {
    wanted = false;
    if (await replaceParts().catch(() => false)) continue;
    // Nothing else may ever change, so what failed is not left for later.
    wanted = true;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
  renewing = false;
}

function listen() {
  const lost = document.getElementById("lost");
  const anew = document.getElementById("anew");
  const source = new EventSource("/events");
  source.onmessage = (event) => {
    const wasLost = !lost.hidden;
    lost.hidden = anew.hidden = true;
    if (wasLost || seen !== event.data) renewNow();
    seen = event.data;
  };
  source.onerror = async () => {
    lost.hidden = false;
    // One that was started anew lets in nobody whom it does not know.
    const answer = await fetch("/notes", { method: "HEAD" }).catch(() => null);
    anew.hidden = answer?.status !== 403;
    lost.hidden = !anew.hidden || Boolean(answer?.ok);
    // The browser gives up where a server refuses; ours may have a new token.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN_MS);
  };
  window.addEventListener("pagehide", () => source.close(), { once: true });
}

// Goes to what came of an action, as soon as it is in the chain.
export async function settled(action) {
  for (;;) {
    const answer = await fetch(`/actions/${action}/state`).catch(() => null);
    if (answer?.ok) {
      const { is_done: isDone, is_under_way: isUnderWay, result } = await answer.json();
      if (isDone) { location.href = result; return; }
      if (!isUnderWay) { location.reload(); return; }
    }
    await new Promise((resolve) => setTimeout(resolve, SOON_MS));
  }
}

export function follow() {
  tick();
  setInterval(tick, 1000);
  listen();
  const begun = document.querySelector("[data-begun]");
  if (begun) settled(begun.dataset.begun);
}
