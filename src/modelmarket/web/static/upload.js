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
    input.onchange = () => input.isConnected || take(input.files);
    input.onblur = () => input.setCustomValidity("");
    place.ondragover = place.ondragleave = place.ondrop = (event) => {
      const { type, dataTransfer: { items, files } } = event;
      event.preventDefault();
      place.classList.toggle("over", type === "dragover");
      if (type !== "drop") return;
      if (![...items].some((one) => one.webkitGetAsEntry?.()?.isDirectory)) { take(files); return; }
      input.value = "";
      input.setCustomValidity("That is a folder. Choose one file; a folder goes into an archive first.");
      input.reportValidity();
    };
    // One may have been chosen before this script came.
    if (input.files[0]) take(input.files);
  }
}
