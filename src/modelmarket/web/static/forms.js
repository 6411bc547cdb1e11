// SPDX-License-Identifier: Apache-2.0
// What is typed and chosen stays until it has arrived.
import { byId, renewNow, replace } from "./live.js";
import { ask, noteOf } from "./wallet.js";
import { prepareUploads } from "./upload.js";

const SLOW_MS = 500;
const TYPED_MS = 300;
const main = byId("main");
const place = byId("doing");
let slow = 0;
let going = [];
let typed = 0;

// Says what goes on after half a second.
const say = () => place.replaceChildren(...going);
function doing(...words) {
  going = words;
  if (place.firstChild) say();
  else slow ||= setTimeout(say, SLOW_MS);
}

const wordsOf = (form, button) => button?.dataset.doing ?? form.dataset.doing ?? `${button?.textContent.trim() || "Working"}…`;

function setBusy(form, isBusy) {
  form.toggleAttribute("data-sent", isBusy);
  for (const one of form.querySelectorAll("button")) one.disabled = isBusy;
}

// --- drafts: in this tab alone, and nothing of files ---

const nameOf = (form) => `draft:${form.dataset.draft ?? location.pathname}`;
const draftOf = (form) => JSON.parse(sessionStorage.getItem(nameOf(form)) ?? "{}");
const isTick = (one) => one.type === "checkbox" || one.type === "radio";

// What leaves out a file is said of that file alone.
const UNTYPED = "[type=hidden], [type=file], [type=password], button, [name^=without_], #confirmations *";
const isTyped = (one) => one.name && !one.matches(UNTYPED);

function keep({ target }) {
  const { form, name } = target;
  if (!form?.matches("[data-upload]") || !isTyped(target)) return;
  const said = isTick(target) ? new FormData(form).getAll(name) : target.value;
  sessionStorage.setItem(nameOf(form), JSON.stringify({ ...draftOf(form), [name]: said }));
}

// What was typed before this script came counts.
function isChanged(one) {
  if (one.options) return [...one.options].some((each) => each.selected !== each.defaultSelected);
  return isTick(one) ? one.checked !== one.defaultChecked : one.value !== (one.defaultValue ?? one.value);
}

function restore(form) {
  for (const one of form.elements) if (isTyped(one) && isChanged(one)) keep({ target: one });
  const draft = draftOf(form);
  let split = null;
  for (const one of form.elements) {
    const said = draft[one.name];
    if (said === undefined || !isTyped(one)) continue;
    if (isTick(one)) one.checked = said.includes(one.value);
    else if (!one.options || [...one.options].some(({ value }) => value === said)) one.value = said;
    if (said.length) one.closest("details")?.setAttribute("open", "");
    split ??= one.closest("[data-split]");
  }
  if (split) askSplit(split);
}

function restoreAll() {
  document.querySelectorAll("form[data-upload]").forEach(restore);
  const section = document.querySelector("[data-look]");
  if (section) look(section);
}

// --- sending ---

function post(form, data, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.getAttribute("action") ?? location.href);
    request.setRequestHeader("X-ModelMarket-Script", "yes");
    request.onload = () => resolve(request);
    request.onerror = () => reject(new Error("It could not be sent. What you typed and chose is still here: try again."));
    request.upload.onprogress = onProgress;
    request.send(data);
  });
}

// Ways back to this page lead to what it has become.
function stand(address) {
  history.replaceState(null, "", address);
  for (const one of document.querySelectorAll("[name=back]")) one.value = address;
}

const pageOf = (request) => new DOMParser().parseFromString(request.responseText, "text/html");

function refuse(form, said) {
  const note = Object.assign(noteOf("note bad", said), { id: "problem", tabIndex: -1, role: "alert" });
  byId("problem")?.remove();
  form.before(note);
  setBusy(form, false);
  note.focus();
}

async function send(form, button) {
  const data = new FormData(form, button);
  const words = wordsOf(form, button);
  setBusy(form, true);
  doing(words);
  try {
    onbeforeunload = (event) => event.preventDefault();
    const request = await post(form, data, ({ loaded, total }) => {
      const bar = Object.assign(document.createElement("progress"), { max: total, value: loaded, ariaLabel: "Sent" });
      doing(...(loaded < total ? ["Sending… ", bar] : [words]));
    }).finally(() => (onbeforeunload = null));
    if (request.getResponseHeader("Content-Type") === "application/json") {
      sessionStorage.removeItem(nameOf(form));
      location.assign(JSON.parse(request.responseText).address);
      return;
    }
    const fresh = pageOf(request);
    const kept = fresh.querySelector("[name=upload]");
    if (kept && form.dataset.more) {
      delete form.dataset.more;
      form.elements.upload.value = kept.value;
      setBusy(form, false);
      return send(form, form.elements.keep);
    }
    const next = fresh.getElementById("main");
    if (!next?.querySelector("form[data-upload]")) {
      const said = fresh.querySelector("[role=alert]") ?? fresh.body;
      refuse(form, said.textContent.trim() || "The server gave no answer.");
    } else {
      replace(main, next);
      document.title = fresh.title;
      const { again } = main.querySelector("form[data-upload]").dataset;
      if (again) stand(again);
      prepareUploads();
      restoreAll();
      showProblem();
    }
  } catch (error) {
    refuse(form, error.message);
  }
  slow = clearTimeout(slow);
  place.replaceChildren();
}

export function showProblem() {
  const wrong = document.querySelector("main [aria-invalid=true]");
  const field = wrong?.querySelector("input") ?? wrong;
  field?.closest("details")?.setAttribute("open", "");
  (field ?? byId("problem") ?? document.querySelector("main #report:not([data-look])"))?.focus();
}

// --- what follows from what is typed ---

async function askSplit({ form, dataset: { split } }) {
  let problem = "";
  try {
    const rows = await ask(split, Object.fromEntries(new FormData(form)));
    for (const one of form.querySelectorAll("[data-rows]")) one.textContent = rows[one.dataset.rows];
  } catch ({ message, hint }) {
    problem = `${message} ${hint ?? ""}`;
  }
  const [right, wrong] = form.querySelectorAll("[data-split-told], [data-split-wrong]");
  right.hidden = Boolean(problem);
  wrong.hidden = !problem;
  wrong.textContent = problem;
}

// What is odd about a table is looked for as soon as it is shown.
async function look(section) {
  const form = byId("terms");
  const [, status] = section.children;
  const before = status.textContent;
  status.textContent = "Looking for what is odd…";
  const request = await post(form, new FormData(form, form.elements.look)).catch(() => null);
  const found = request && pageOf(request).querySelector("#report:not([data-look])");
  if (found?.querySelector(".columns")) section.replaceWith(found);
  else status.textContent = before;
}

function search(form) {
  const asked = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  stand(`/?${asked}`);
  renewNow();
}

// A server that is away leaves the page as it is.
const choose = async (form) => form && (await fetch("/version").catch(() => 0)) && form.requestSubmit();

export function prepareForms() {
  document.addEventListener("input", (event) => {
    keep(event);
    const { target } = event;
    const split = target.closest("[data-split]");
    const searched = target.closest("[data-at-once]");
    if (!split && !searched) return;
    clearTimeout(typed);
    typed = setTimeout(() => (split ? askSplit(split) : search(searched)), TYPED_MS);
  });
  document.addEventListener("change", ({ target }) => {
    const { form } = target;
    if (!target.files?.length) choose(target.closest("[data-on-change]"));
    // A file is kept when it is chosen; after the one that is on its way.
    else if ("sent" in form.dataset) form.dataset.more = "yes";
    else send(form, form.elements.keep);
  });
  // The wallet takes over some.
  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (event.defaultPrevented) return;
    if ("sent" in form.dataset) { event.preventDefault(); return; }
    if (form.matches("[data-upload]")) {
      event.preventDefault();
      const choice = document.querySelector("[data-on-change]");
      if (choice && [...choice.elements].some(isChanged)) choose(choice);
      else send(form, submitter);
    } else if (form.method === "post" || form.dataset.doing) {
      doing(wordsOf(form, submitter));
      // The button that was pressed goes with the form.
      if (form.method !== "post") return;
      form.dataset.sent = "";
      setTimeout(() => setBusy(form, true), 0);
    }
  });
  window.onpageshow = ({ persisted }) => persisted && location.reload();
  restoreAll();
}
