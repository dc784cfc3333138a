// The form, generated from the table of variables; it shows one hour of the stay at a time.

import { $, h } from "./dom.js";
import { number, t } from "./i18n.js";
import { CONSTANTS, HOUR, WORDS } from "./stay.js";
import { UnitChoice } from "./unit_choice.js";
import { between, referenceIn, unitName, withUnit } from "./units.js";

const PANELS = ["patient", "vital_signs", "blood_gas", "chemistry", "liver", "haematology", "cardiac"];
const OPEN = ["patient", "vital_signs"];

export const fieldId = (name) => `field-${name}`;

export class Form {
  /**
   * @param stay the stay to show and change.
   * @param actions `changed`, called after each change by the user, and `keep`, called before entries are lost.
   */
  constructor(stay, actions) {
    this.stay = stay;
    this.actions = actions;
    this.marks = new Map();
    $("hour-choice").addEventListener("change", (event) => this.goTo(Number(event.target.value)));
    $("hour-previous").addEventListener("click", () => this.goTo(stay.at - 1));
    $("hour-next").addEventListener("click", () => this.goTo(stay.at + 1));
    $("hour-add").addEventListener("click", () => this.changeHours(() => stay.addHour()));
    $("hour-remove").addEventListener("click", () => {
      actions.keep("undo.hour");
      this.changeHours(() => stay.removeHour());
    });
    this.unitChoice = new UnitChoice(stay, this);
  }

  changeHours(change) {
    change();
    this.marks.clear(); // they belong to hours by position
    this.show();
    $(fieldId(HOUR)).focus();
    this.actions.changed();
  }

  label(name) {
    return this.stay.label(name);
  }

  /** Create all fields in the current language. */
  build() {
    $("panels").replaceChildren(...PANELS.map((panel) => this.panel(panel)));
    this.unitChoice.show();
    this.show();
  }

  panel(name) {
    const fields = [...this.stay.variables.values()].filter(({ panel }) => panel === name);
    const grid = h("div", { class: "fields" }, fields.map((variable) => this.field(variable)));
    if (OPEN.includes(name)) return h("fieldset", {}, h("legend", {}, t(`panel.${name}`)), grid);
    const count = h("span", { class: "count", id: `count-${name}` });
    return h("details", { id: `panel-${name}` }, h("summary", {}, t(`panel.${name}`), " ", count), grid);
  }

  field(variable) {
    const { name } = variable;
    const id = fieldId(name);
    const described = `${id}-hint ${id}-error`;
    return h(
      "div",
      { class: "field" },
      h("label", { for: id }, this.label(name), h("span", { class: "visually-hidden", id: `${id}-named-unit` })),
      h("div", { class: "entry" }, WORDS.includes(name) ? this.choice(variable, id, described) : this.input(name, id, described), WORDS.includes(name) ? null : h("span", { class: "unit", id: `${id}-unit`, "aria-hidden": "true" })),
      h("p", { class: "hint", id: `${id}-hint` }),
      h("div", {}, h("p", { class: "error", id: `${id}-error` }), h("p", { class: "hint", id: `${id}-said`, role: "status" })),
    );
  }

  input(name, id, described) {
    const attributes = { id, type: "text", inputmode: name === "base_excess" ? "text" : "decimal", autocomplete: "off", "aria-describedby": described };
    return h("input", { ...attributes, oninput: (event) => this.changed(name, event.target.value) });
  }

  choice(variable, id, described) {
    const options = [["", t("choice.unknown")], ...variable.values.map((value) => [value, t(`choice.${value}`)])];
    const attributes = { id, "aria-describedby": described, onchange: (event) => this.changed(variable.name, event.target.value) };
    return h("select", attributes, options.map(([value, words]) => h("option", { value }, words)));
  }

  /** Set the unit of a field at every hour. The numbers stay, which is said; they can be converted instead. */
  changeUnit(variable, unit) {
    const { name } = variable;
    const before = this.stay.unit(name);
    const n = this.stay.count(name);
    if (n) this.actions.keep("undo.unit");
    this.stay.setUnit(name, unit);
    this.changed(name, this.stay.text(name));
    const said = $(`${fieldId(name)}-said`);
    if (!n) return;
    const convert = () => {
      this.stay.convert(name, before);
      this.changed(name, this.stay.text(name));
      $(fieldId(name)).value = this.stay.text(name);
      said.textContent = t("field.converted", { n });
      $(fieldId(name)).focus();
    };
    said.replaceChildren(t("field.unit_changed", { n, unit: unitName(variable, unit, { inChoice: true }) }), " ", h("button", { type: "button", class: "small", onclick: convert }, t("field.convert")));
  }

  changed(name, text) {
    this.stay.write(name, text);
    this.mark(null, name);
    $(`${fieldId(name)}-said`).textContent = "";
    this.showHint(name);
    this.showCounts();
    this.showHours();
    this.actions.changed();
  }

  goTo(at) {
    this.stay.at = Math.max(0, Math.min(at, this.stay.hours.length - 1));
    this.show();
    this.actions.changed();
  }

  /** Show the values of the current hour. */
  show() {
    for (const name of this.stay.variables.keys()) {
      $(fieldId(name)).value = this.stay.text(name);
      $(`${fieldId(name)}-said`).textContent = "";
      this.showHint(name);
      this.showError(name);
    }
    this.showCounts();
    this.showHours();
  }

  showHours() {
    const { hours, at } = this.stay;
    const names = hours.map((hour, each) => t("hours.name", { hour: hour[HOUR] ?? "?", at: each + 1, n: hours.length }));
    $("hour-choice").replaceChildren(...names.map((name, each) => h("option", { value: String(each), selected: each === at }, name)));
    $("hours").hidden = $("hour-remove").hidden = hours.length === 1;
    for (const [id, isEnd] of [["hour-previous", at === 0], ["hour-next", at === hours.length - 1]]) {
      if (isEnd && document.activeElement === $(id)) $("hour-choice").focus();
      $(id).disabled = isEnd;
    }
  }

  showCounts() {
    for (const panel of PANELS.filter((name) => !OPEN.includes(name))) {
      const names = [...this.stay.variables.values()].filter((variable) => variable.panel === panel).map(({ name }) => name);
      const n = names.filter((name) => this.stay.text(name)).length;
      $(`count-${panel}`).textContent = n ? t("panel.count", { n }) : "";
      if (n) $(`panel-${panel}`).open = true;
    }
  }

  /** Show the reference interval in the chosen unit, low or high, and the value in the canonical unit. */
  showHint(name) {
    const variable = this.stay.variables.get(name);
    const unit = this.stay.unit(name);
    const value = this.stay.canonical(name);
    const interval = CONSTANTS.includes(name) || name === HOUR ? null : referenceIn(variable, unit);
    const parts = [];
    if (interval) parts.push(between(interval));
    if (!Number.isNaN(value) && interval) {
      const canonical = { low: variable.reference_low, high: variable.reference_high };
      if (value < canonical.low) parts.push(t("field.low"));
      if (value > canonical.high) parts.push(t("field.high"));
    }
    if (!Number.isNaN(value) && unit !== variable.unit) {
      parts.push(`= ${withUnit(number(value, 3), variable, variable.unit)}`);
    }
    $(`${fieldId(name)}-hint`).textContent = parts.join(" · ");
    const named = WORDS.includes(name) ? "" : unitName(variable, unit, { inChoice: true });
    $(`${fieldId(name)}-named-unit`).textContent = named && ` (${named})`;
    if (!WORDS.includes(name)) $(`${fieldId(name)}-unit`).textContent = unitName(variable, unit);
  }

  /** Set the error message of a field of an hour; null removes it. */
  mark(message, name, at = this.stay.at) {
    const key = `${CONSTANTS.includes(name) ? "" : at} ${name}`;
    if (message === null) this.marks.delete(key);
    else this.marks.set(key, message);
    if (at === this.stay.at || CONSTANTS.includes(name)) this.showError(name);
  }

  unmark() {
    this.marks.clear();
    this.show();
  }

  showError(name) {
    const message = this.marks.get(`${CONSTANTS.includes(name) ? "" : this.stay.at} ${name}`);
    $(`${fieldId(name)}-error`).textContent = message ?? "";
    const field = $(fieldId(name));
    if (message) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }

  /** Scroll to a field of an hour and focus it. */
  focus(name, at) {
    if (at !== null && at !== this.stay.at) this.goTo(at);
    const field = $(fieldId(name));
    const panel = field.closest("details");
    if (panel) panel.open = true;
    field.focus();
    field.scrollIntoView({ block: "center" });
  }
}
