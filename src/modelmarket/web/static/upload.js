// SPDX-License-Identifier: Apache-2.0
// Files dropped or chosen.

export function prepareUploads() {
  for (const place of document.querySelectorAll(".drop")) {
    const input = place.querySelector("input");
    // The form may have been shown anew while somebody looked for the file.
    const take = (files) => {
      const now = document.querySelector(`[type=file][name=${input.name}]`);
      now.files = files;
      now.dispatchEvent(new Event("change", { bubbles: true }));
    };
    input.addEventListener("change", () => input.isConnected || take(input.files));
    input.addEventListener("blur", () => input.setCustomValidity(""));
    for (const kind of ["dragover", "dragleave", "drop"]) place.addEventListener(kind, (event) => {
      event.preventDefault();
      place.classList.toggle("over", kind === "dragover");
    });
    place.addEventListener("drop", ({ dataTransfer: { items, files } }) => {
      if (![...items].some((one) => one.webkitGetAsEntry?.()?.isDirectory)) return take(files);
      input.value = "";
      input.setCustomValidity("That is a folder. Choose one file; a folder goes into an archive first.");
      input.reportValidity();
    });
  }
}
