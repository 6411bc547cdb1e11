// SPDX-License-Identifier: Apache-2.0
// Files dropped or chosen, and how much of them has arrived.

// What was sent is not sent again by a second click. The button that was pressed
// goes with the form, so it is locked only once the form has gone.
export function lockForms() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    setTimeout(() => { for (const one of form.querySelectorAll("button")) one.disabled = true; }, 0);
  });
}

export function prepareUploads() {
  for (const place of document.querySelectorAll(".drop")) {
    const input = place.querySelector("input");
    input.addEventListener("change", () => input.setCustomValidity(""));
    place.addEventListener("dragover", (event) => {
      event.preventDefault();
      place.classList.add("over");
    });
    place.addEventListener("dragleave", () => place.classList.remove("over"));
    place.addEventListener("drop", (event) => {
      event.preventDefault();
      place.classList.remove("over");
      const entries = [...event.dataTransfer.items].map((one) => one.webkitGetAsEntry?.());
      const isFolder = entries.some((one) => one?.isDirectory);
      input.setCustomValidity(isFolder ? "That is a folder. Choose one file; a folder goes into an archive first." : "");
      if (isFolder) { input.value = ""; input.reportValidity(); return; }
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event("change"));
    });
  }
  // What goes with a file is asked for only where that file is.
  for (const part of document.querySelectorAll("[data-beside]")) {
    const beside = part.closest("form").elements[part.dataset.beside];
    const show = () => {
      part.hidden = !beside.files.length && !("kept" in part.dataset);
      if (part.hidden) for (const one of part.querySelectorAll("input")) one.value = "";
    };
    beside.addEventListener("change", show);
    show();
  }
  for (const form of document.querySelectorAll("[data-upload]")) {
    form.addEventListener("submit", () => {
      const button = form.querySelector("button");
      button.textContent = "Working…";
      form.querySelector("progress").hidden = false;
    });
  }
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}
