// The dialog that asks for the key of the service.

import { $ } from "./dom.js";
import { t } from "./i18n.js";

/** Ask the user for a key; resolves to null if the user cancels. */
export function askKey({ isWrong }) {
  const dialog = $("key-dialog");
  const field = $("key");
  const focused = document.activeElement;
  $("key-said").textContent = t(isWrong ? "key.wrong" : "key.needed");
  field.value = "";
  return new Promise((resolve) => {
    const close = (key) => {
      dialog.onclose = null;
      if (dialog.open) dialog.close();
      focused?.focus();
      resolve(key);
    };
    $("key-form").onsubmit = (event) => {
      event.preventDefault();
      const key = field.value.trim();
      field.value = "";
      if (key) close(key);
    };
    $("key-cancel").onclick = () => close(null);
    dialog.onclose = () => close(null);
    dialog.showModal();
    field.focus();
  });
}
