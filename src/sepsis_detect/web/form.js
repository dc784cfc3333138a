// The form, generated from the table of variables; it shows one hour of the stay at a time.

import { $, h } from "./dom.js";
import { number, t } from "./i18n.js";
import { CONSTANTS, HOUR, WORDS } from "./stay.js";
import { choices, referenceIn, unitName, withUnit } from "./units.js";

const PANELS = ["patient", "vital_signs", "blood_gas", "chemistry", "liver", "haematology", "cardiac"];
const OPEN = ["patient", "vital_signs"];
const ONE_UNIT = ["age", HOUR];

export const fieldId = (name) => `field-${name}`;

export class Form {
  /**
   * @param stay the stay to show and change.
   * @param onChange called after each change by the user.
   */
  constructor(stay, onChange) {
    this.stay = stay;
    this.onChange = onChange;
    this.marks = new Map();
    $("hour-choice").addEventListener("change", (event) => this.goTo(Number(event.target.value)));
    $("hour-previous").addEventListener("click", () => this.goTo(stay.at - 1));
    $("hour-next").addEventListener("click", () => this.goTo(stay.at + 1));
    $("hour-add").addEventListener("click", () => {
      stay.addHour();
      this.show();
      $(fieldId(HOUR)).focus();
      onChange();
    });
    $("hour-remove").addEventListener("click", () => {
      stay.removeHour();
      this.show();
      onChange();
    });
    for (const system of ["si", "conventional"]) {
      $(`system-${system}`).addEventListener("change", () => {
        stay.system = system;
        this.build();
      });
    }
  }

  label(name) {
    return this.stay.label(name);
  }

  /** Create all fields in the current language. */
  build() {
    $("panels").replaceChildren(...PANELS.map((panel) => this.panel(panel)));
    $(`system-${this.stay.system}`).checked = true;
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
    const unit = this.unit(variable, id);
    const fixed = unit?.localName === "span" ? h("span", { class: "visually-hidden" }, ` (${unit.textContent})`) : null;
    return h(
      "div",
      { class: "field" },
      h("label", { for: id }, this.label(name), fixed),
      h("div", { class: "entry" }, WORDS.includes(name) ? this.choice(variable, id, described) : this.input(name, id, described), unit),
      h("p", { class: "hint", id: `${id}-hint` }),
      h("p", { class: "error", id: `${id}-error` }),
    );
  }

  input(name, id, described) {
    const isSigned = ["hospital_admission_hour", "base_excess"].includes(name);
    const attributes = { id, type: "text", inputmode: isSigned ? "text" : "decimal", autocomplete: "off", "aria-describedby": described };
    return h("input", { ...attributes, oninput: (event) => this.changed(name, event.target.value) });
  }

  choice(variable, id, described) {
    const options = [["", t("choice.unknown")], ...variable.values.map((value) => [value, t(`choice.${value}`)])];
    const attributes = { id, "aria-describedby": described, onchange: (event) => this.changed(variable.name, event.target.value) };
    return h("select", attributes, options.map(([value, words]) => h("option", { value }, words)));
  }

  unit(variable, id) {
    const units = choices(variable);
    if (WORDS.includes(variable.name)) return null;
    if (units.length === 1 || ONE_UNIT.includes(variable.name)) {
      const name = unitName(variable, variable.unit);
      return name ? h("span", { class: "unit", "aria-hidden": "true" }, name) : null;
    }
    const chosen = this.stay.unit(variable.name);
    if (!units.includes(chosen)) units.push(chosen);
    const options = units.map((unit) => h("option", { value: unit, selected: unit === chosen }, unitName(variable, unit, { inChoice: true })));
    const change = (event) => {
      this.stay.setUnit(variable.name, event.target.value);
      this.changed(variable.name, this.stay.text(variable.name));
    };
    return h("select", { id: `${id}-unit`, class: "unit", "aria-label": t("field.unit", { label: this.label(variable.name) }), onchange: change }, options);
  }

  changed(name, text) {
    this.stay.write(name, text);
    this.mark(null, name);
    this.showHint(name);
    this.showCounts();
    this.showHours();
    this.onChange();
  }

  goTo(at) {
    this.stay.at = Math.max(0, Math.min(at, this.stay.hours.length - 1));
    this.show();
  }

  /** Show the values of the current hour. */
  show() {
    for (const [name, variable] of this.stay.variables) {
      const field = $(fieldId(name));
      field.value = this.stay.text(name);
      const unit = $(`${fieldId(name)}-unit`);
      if (unit && unit.value !== this.stay.unit(name)) unit.replaceWith(this.unit(variable, fieldId(name)));
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
    $("hour-previous").disabled = at === 0;
    $("hour-next").disabled = at === hours.length - 1;
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
    if (name === "hospital_admission_hour") parts.push(t("field.admission"));
    if (interval) parts.push(interval[0] === interval[1] ? number(interval[0]) : t("field.reference", { low: interval[0], high: interval[1] }));
    if (!Number.isNaN(value) && interval) {
      const canonical = { low: variable.reference_low, high: variable.reference_high };
      if (value < canonical.low) parts.push(t("field.low"));
      if (value > canonical.high) parts.push(t("field.high"));
    }
    if (!Number.isNaN(value) && unit !== variable.unit) {
      parts.push(`= ${withUnit(number(value, 3), variable, variable.unit)}`);
    }
    $(`${fieldId(name)}-hint`).textContent = parts.join(" · ");
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
