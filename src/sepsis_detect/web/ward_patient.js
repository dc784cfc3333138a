// The opened patient of a bed, in a dialog: the whole answer, or why there is none.

import { $, h } from "./dom.js";
import { ago, t } from "./i18n.js";
import { showAnswer } from "./answer_view.js";
import { asText, copy } from "./exports.js";

const PRINT_SIZE = { width: 1040, smallWidth: 340 }; // px; A4 shows them at three quarters

let redraw = () => {};

/** Open the dialog of a bed. */
export function openPatient(bed) {
  const dialog = $("patient");
  $("patient-title").textContent = bed.label;
  if (!dialog.open) dialog.showModal();
  if (bed.answer) {
    redraw = showAnswer(bed.answer, actionsOf(bed), () => []);
    $("answer-content").append(valuesOf(bed.answer));
  } else {
    redraw = () => {};
    const items = bed.reasonsOfFailure({ withHints: true }).map((words) => h("li", {}, words));
    $("answer-content").replaceChildren(h("h3", {}, t("ward.state.failed")), h("ul", {}, items));
  }
  $("patient-title").focus();
  dialog.scrollTop = 0;
}

/** The last value of every variable that was measured. */
function valuesOf(answer) {
  const item = ({ variable, text, age }) => h("li", {}, `${answer.stay.label(variable.name)} `, h("strong", {}, text), age ? ` ${ago(age)}` : "");
  const patient = answer.patient().map(([label, text]) => h("li", {}, `${label} `, h("strong", {}, text)));
  return h("details", {}, h("summary", {}, t("part.values")), h("ul", {}, patient, answer.lastValues().map(item)));
}

function actionsOf({ answer }) {
  const said = h("span", { role: "status" });
  const onCopy = async () => {
    try {
      await copy(asText(answer));
      said.textContent = t("action.copied");
    } catch {
      said.textContent = t("action.not_copied");
    }
  };
  const button = (key, action) => h("button", { type: "button", onclick: action }, t(key));
  return [button("action.print", () => window.print()), button("action.copy", onCopy), said];
}

/** Redraw the charts when the width changes, and for print. */
export function watchSize() {
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width !== width && contentRect.width > 0) requestAnimationFrame(() => redraw(matchMedia("print").matches ? PRINT_SIZE : undefined));
    width = contentRect.width;
  }).observe($("answer"));
  addEventListener("beforeprint", () => redraw(PRINT_SIZE));
  addEventListener("afterprint", () => redraw());
}
