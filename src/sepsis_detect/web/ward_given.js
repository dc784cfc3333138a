// A patient given by the form in another tab: its label is asked for here, and stays in this tab.

import { $, h } from "./dom.js";
import { t } from "./i18n.js";

let given = null;

/** @param add is called with the label and the content of the stay. */
export function acceptPatients(add) {
  addEventListener("message", ({ source, origin, data }) => {
    if (source !== opener || origin !== location.origin) return;
    given = { data, add };
    showGiven();
    $("given-label").focus();
  });
  opener?.postMessage("ready", location.origin);
}

/** Ask for the label of the patient given, in the language of the page. */
export function showGiven() {
  if (!given) return $("given").replaceChildren();
  const label = h("input", { id: "given-label", autocomplete: "off", required: true, value: $("given-label")?.value ?? "" });
  const onSubmit = async (event) => {
    event.preventDefault();
    const { data, add } = given;
    if (!label.value.trim() || !(await add(label.value.trim(), data))) return;
    given = null;
    showGiven();
  };
  const form = h("form", { class: "buttons questions", onsubmit: onSubmit }, h("label", { for: "given-label" }, t("ward.label")), label, h("button", { class: "primary" }, t("ward.add")));
  $("given").replaceChildren(h("p", { class: "hint" }, t("ward.given")), form);
}
