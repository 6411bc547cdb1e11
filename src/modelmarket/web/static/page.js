// SPDX-License-Identifier: Apache-2.0
// What every page does: live parts, countdowns, copying, and the wallet.
import { follow } from "./live.js";
import { connectWallets } from "./wallet.js";
import { prepareForms, showProblem } from "./forms.js";
import { prepareUploads } from "./upload.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  const shown = button.textContent;
  button.textContent = "copied";
  setTimeout(() => { button.textContent = shown; }, 1200);
});

// A menu closes when one clicks elsewhere or presses Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

showProblem();
follow();
prepareUploads();
connectWallets();
prepareForms();
