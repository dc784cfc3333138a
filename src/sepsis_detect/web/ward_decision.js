// What was decided about a bed: acknowledged, or dismissed with a reason. It is kept in the tab only.

import { h } from "./dom.js";
import { colon, dateTime, t } from "./i18n.js";

const KINDS = ["acknowledged", "dismissed"];

/**
 * The control of a bed. A dismissal counts once it has a reason.
 * @param onDecide called after a change.
 */
export function decisionControl(bed, onDecide) {
  const { decision } = bed;
  let chosen = decision?.kind ?? "";
  const said = h("small", { role: "status" });
  const reason = h("input", { "aria-label": t("ward.reason_of", { bed: bed.label }), placeholder: t("ward.reason"), autocomplete: "off", value: decision?.reason ?? "", hidden: chosen === "" });
  const printed = h("span", { class: "print-only" });
  const update = () => {
    const words = reason.value.trim();
    const isOpen = chosen === "dismissed" && words === "";
    const isSame = bed.decision?.kind === chosen && bed.decision.reason === words;
    if (!isSame) bed.decision = chosen === "" || isOpen ? null : { kind: chosen, reason: words, at: new Date() };
    show(isOpen);
    onDecide(bed);
  };
  const show = (isOpen) => {
    reason.hidden = chosen === "";
    reason.toggleAttribute("required", chosen === "dismissed");
    if (isOpen) reason.setAttribute("aria-invalid", "true");
    else reason.removeAttribute("aria-invalid");
    said.textContent = isOpen ? t("ward.reason_needed") : bed.decision ? dateTime(bed.decision.at) : "";
    printed.textContent = bed.decision ? [t(`ward.decision.${bed.decision.kind}`), bed.decision.reason].filter(Boolean).join(colon()) : "";
  };
  const choose = (event) => {
    chosen = event.target.value;
    update();
    if (chosen === "dismissed" && reason.value === "") reason.focus();
  };
  const options = ["", ...KINDS].map((kind) => h("option", { value: kind, selected: kind === chosen }, t(`ward.decision.${kind || "open"}`)));
  const select = h("select", { "aria-label": t("ward.decision_of", { bed: bed.label }), onchange: choose }, options);
  reason.addEventListener("change", update);
  show(false);
  return [select, reason, said, printed];
}
