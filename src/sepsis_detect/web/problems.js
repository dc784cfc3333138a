// The list of problems above the form: each with a link to its field, and with repairs.

import { $, h } from "./dom.js";
import { lang, number, serviceText, t } from "./i18n.js";
import { CONSTANTS, HOUR, pageMessage } from "./stay.js";
import { unitName, withUnit } from "./units.js";

const MAX_SHOWN = 20;

/** The field of a problem: `{name, at}`; `at` is the index of the hour, null for a constant. */
export function placeOf(loc, stay) {
  const parts = loc.slice(1);
  const at = parts[0] === "hours" ? parts[1] : 0;
  const last = parts.at(-1);
  // A problem of the whole request leads to the first field to fill in.
  const name = stay.variables.has(last) ? last : loc.length === 1 ? "heart_rate" : HOUR;
  return { name, at: CONSTANTS.includes(name) ? null : at };
}

/**
 * The likely intended values of a field, the likeliest first: each with the unit that explains it,
 * and with the other pressures of the hour in that unit.
 */
export function repairsOf(problem, stay) {
  const likely = problem.rule.startsWith("range:") ? (problem.ctx.likely_units ?? []) : [];
  const place = placeOf(problem.loc, stay);
  const repairs = likely.map(({ unit, converted, beside = {} }) => ({ ...place, unit, converted, beside }));
  // Units of equal size, such as ng/L and pg/mL, are one repair.
  return repairs.filter(({ converted }, at) => repairs.findIndex((each) => each.converted === converted) === at);
}

export class Problems {
  /** @param actions `{retry, drop}` of the page. */
  constructor(stay, form, actions) {
    Object.assign(this, { stay, form, actions });
  }

  clear() {
    this.last = null;
    $("problems").replaceChildren();
    this.form.unmark();
  }

  /** Show a `ServiceError`, or problems of the page in the same form; moves the focus to them. */
  show(error) {
    const { kind, problems = [], status = 0, retryAfter = null } = error;
    this.clear();
    this.last = error;
    const isRefusal = kind === "refused" && problems.length > 0;
    const title = isRefusal ? t("problem.refused", { n: problems.length }) : t(`problem.${kind}`, { status, n: retryAfter ?? 5 });
    const heading = h("h2", { id: "problems-title", tabindex: "-1" }, title);
    const content = isRefusal ? this.list(problems) : this.failure(kind, problems);
    $("problems").replaceChildren(h("div", { class: "summary", role: "group", "aria-labelledby": "problems-title" }, heading, content));
    heading.focus();
    heading.scrollIntoView({ block: "nearest" });
  }

  failure(kind, problems) {
    const details = problems.map((problem) => h("p", {}, serviceText(problem, "msg")));
    const retry = h("button", { type: "button", onclick: this.actions.retry }, t("problem.retry"));
    return [...details, h("p", {}, t("problem.kept")), h("p", { class: "buttons" }, retry)];
  }

  list(problems) {
    const repairs = problems.map((problem) => repairsOf(problem, this.stay)[0]).filter(Boolean);
    const items = problems.slice(0, MAX_SHOWN).map((problem) => this.item(problem));
    if (problems.length > MAX_SHOWN) items.push(h("li", {}, t("problem.more", { n: problems.length - MAX_SHOWN })));
    for (const problem of problems) this.mark(problem);
    const all = h("button", { type: "button", class: "primary", onclick: () => this.repair(repairs) }, t("problem.repair_all", { n: repairs.length }));
    const drop = h("button", { type: "button", onclick: this.actions.drop }, t("problem.drop"));
    return [
      h("ul", {}, items),
      h("p", { class: "buttons" }, repairs.length > 1 ? all : null, drop),
      h("p", { class: "hint" }, t("problem.drop_means")),
    ];
  }

  item(problem) {
    const { name, at } = placeOf(problem.loc, this.stay);
    const link = h("a", { href: `#field-${name}` }, this.message(problem));
    link.addEventListener("click", (event) => {
      event.preventDefault();
      this.form.focus(name, at);
    });
    const hour = at === null || this.stay.hours.length === 1 ? null : t("problem.hour", { hour: this.stay.text(HOUR, at) || `n° ${at + 1}` });
    const repairs = repairsOf(problem, this.stay);
    const hint = this.hint(problem, repairs.length > 0);
    return h("li", {}, hour ? h("span", { class: "at" }, hour, " ") : null, link, hint ? h("p", { class: "hint" }, hint) : null, this.repairButtons(repairs));
  }

  message(problem) {
    return problem.key ? pageMessage(problem, this.form.label(placeOf(problem.loc, this.stay).name)) : serviceText(problem, "msg");
  }

  hint(problem, isRepairable) {
    const hint = problem.key ? null : serviceText(problem, "hint");
    if (!hint || !isRepairable) return hint;
    // The page converts the value: the advice for authors of JSON is left out.
    return hint.split(lang() === "fr" ? " Convertissez" : " Convert it")[0];
  }

  repairButtons(repairs) {
    return repairs.length ? h("div", { class: "buttons" }, ...repairs.map((repair) => this.repairButton(repair))) : null;
  }

  repairButton(repair) {
    const variable = this.stay.variables.get(repair.name);
    const words = t("problem.repair", { unit: unitName(variable, repair.unit, { inChoice: true }), value: withUnit(number(repair.converted), variable, variable.unit) });
    return h("button", { type: "button", class: "small", onclick: () => this.repair([repair]) }, words);
  }

  mark(problem) {
    const { name, at } = placeOf(problem.loc, this.stay);
    this.form.mark(this.message(problem), name, at ?? undefined);
  }

  repair(repairs) {
    for (const { name, at, converted, beside } of repairs) {
      const values = Object.entries({ ...beside, [name]: converted });
      for (const [each, value] of values) this.stay.writeCanonical(each, value, at ?? undefined);
    }
    this.form.show();
    this.actions.retry();
  }
}
