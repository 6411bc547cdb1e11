// SPDX-License-Identifier: Apache-2.0
// Files dropped or chosen, and how much of them has arrived.

export function prepareUploads() {
  for (const place of document.querySelectorAll(".drop")) {
    const input = place.querySelector("input");
    place.addEventListener("dragover", (event) => {
      event.preventDefault();
      place.classList.add("over");
    });
    place.addEventListener("dragleave", () => place.classList.remove("over"));
    place.addEventListener("drop", (event) => {
      event.preventDefault();
      place.classList.remove("over");
      input.files = event.dataTransfer.files;
    });
  }
  for (const form of document.querySelectorAll("[data-upload]")) {
    form.addEventListener("submit", () => {
      const button = form.querySelector("button");
      button.disabled = true;
      button.textContent = "Working…";
      form.querySelector("progress").hidden = false;
    });
  }
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}
