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

// The menu closes when one clicks elsewhere or presses Escape.
document.addEventListener("click", ({ target }) => {
  const menu = document.querySelector(".menu");
  if (!menu.contains(target)) menu.open = false;
});
document.addEventListener("keydown", ({ key }) => {
  const menu = document.querySelector(".menu[open]");
  if (key !== "Escape" || !menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

showProblem();
follow();
prepareUploads();
connectWallets();
prepareForms();
