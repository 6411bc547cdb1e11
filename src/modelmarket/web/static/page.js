// SPDX-License-Identifier: Apache-2.0
// What every page does: live parts, countdowns, copying, and the wallet.
import { follow } from "./live.js";
import { connectWallets } from "./wallet.js";
import { prepareForms, showProblem } from "./forms.js";
import { prepareUploads } from "./upload.js";

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.replaceChildren("copied");
  setTimeout(() => button.replaceChildren("copy"), 1200);
});

// The menu closes when one clicks elsewhere or presses Escape.
for (const kind of ["click", "keydown"]) document.addEventListener(kind, ({ key, target }) => {
  const menu = document.querySelector(".menu[open]");
  if (!menu || (key ? key !== "Escape" : menu.contains(target))) return;
  menu.open = false;
  if (key) menu.querySelector("summary").focus();
});

showProblem();
follow();
connectWallets();
prepareForms();
prepareUploads();
