// The units of the form: one switch between two systems, and another unit for a single field.

import { $, h } from "./dom.js";
import { t } from "./i18n.js";
import { choices, isSameUnit, unitName, usualUnit } from "./units.js";

const SYSTEMS = ["si", "conventional"];

export class UnitChoice {
  /**
   * @param stay whose units are chosen.
   * @param form `build`, `changeUnit` and `focus` of the form, and `actions` with `changed` and `keep`.
   */
  constructor(stay, form) {
    Object.assign(this, { stay, form });
    for (const system of SYSTEMS) $(`system-${system}`).addEventListener("change", () => this.switchTo(system));
    $("other-field").addEventListener("change", () => this.showUnits());
    $("other-use").addEventListener("click", () => {
      const name = $("other-field").value;
      form.changeUnit(stay.variables.get(name), $("other-unit").value);
      form.focus(name, null);
    });
  }

  /** Show the system, and the fields that have more than one unit. */
  show() {
    $(`system-${this.stay.system}`).checked = true;
    $("system-said").replaceChildren();
    const chosen = $("other-field").value;
    const several = [...this.stay.variables.values()].filter((variable) => !["age", "icu_hour"].includes(variable.name) && choices(variable, variable.unit).length > 1);
    $("other-field").replaceChildren(...several.map(({ name }) => h("option", { value: name, selected: name === chosen }, this.stay.label(name))));
    this.showUnits();
  }

  showUnits() {
    const variable = this.stay.variables.get($("other-field").value);
    const own = this.stay.unit(variable.name);
    const units = choices(variable, own);
    $("other-unit").replaceChildren(...units.map((unit) => h("option", { value: unit, selected: unit === own }, unitName(variable, unit, { inChoice: true }))));
  }

  /** Fields without numbers get the units of the system; the others keep theirs, and what to do is asked. */
  switchTo(system) {
    const { stay } = this;
    stay.system = system;
    stay.chosen = {};
    this.form.build();
    this.ask();
  }

  ask() {
    const { stay } = this;
    const others = [...stay.variables.values()].map((variable) => ({ variable, to: usualUnit(variable, stay.system), from: stay.unit(variable.name), n: stay.count(variable.name) }));
    const kept = others.filter(({ variable, to, from, n }) => n > 0 && !isSameUnit(variable, from, to));
    if (kept.length === 0) return;
    const n = kept.reduce((sum, each) => sum + each.n, 0);
    const items = kept.map(({ variable, from }) => `${stay.label(variable.name)} ${unitName(variable, from, { inChoice: true })}`).join(", ");
    const button = (key, change) => h("button", { type: "button", class: "small", onclick: () => this.change(kept, n, key, change) }, t(key));
    const buttons = [
      button("field.convert_all", ({ variable: { name }, from, to }) => {
        stay.setUnit(name, to);
        stay.convert(name, from);
      }),
      button("field.reread", ({ variable: { name }, to }) => stay.setUnit(name, to)),
    ];
    $("system-said").replaceChildren(t("field.kept", { n, items }), " ", h("span", { class: "buttons" }, buttons));
  }

  change(kept, n, key, change) {
    this.form.actions.keep("undo.unit");
    kept.forEach(change);
    this.stay.chosen = {};
    this.form.unmark();
    this.form.build();
    $("system-said").textContent = t(key === "field.convert_all" ? "field.converted_all" : "field.reread_all", { n });
    $(`system-${this.stay.system}`).focus();
    this.form.actions.changed();
  }
}
