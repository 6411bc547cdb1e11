// SPDX-License-Identifier: Apache-2.0
// Files dropped or chosen.

export function prepareUploads() {
  for (const place of document.querySelectorAll(".drop")) {
    const input = place.querySelector("input");
    input.addEventListener("change", () => input.setCustomValidity(""));
    for (const kind of ["dragover", "dragleave", "drop"]) place.addEventListener(kind, (event) => {
      event.preventDefault();
      place.classList.toggle("over", kind === "dragover");
    });
    place.addEventListener("drop", (event) => {
      const isFolder = [...event.dataTransfer.items].some((one) => one.webkitGetAsEntry?.()?.isDirectory);
      input.setCustomValidity(isFolder ? "That is a folder. Choose one file; a folder goes into an archive first." : "");
      if (isFolder) { input.value = ""; input.reportValidity(); return; }
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }
}
