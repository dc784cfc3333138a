// The list of problems above the form: each with a link to its field, and with repairs.

import { $, h } from "./dom.js";
import { lang, local, number, readNumber, serviceText, setTitle, t, writeNumber } from "./i18n.js";
import { CONSTANTS, HOUR } from "./stay.js";
import { fromCanonical, unitName, withUnit } from "./units.js";

const MAX_SHOWN = 20;
const NEVER_DROPPED = ["range:Age", "stay.const", "stay.all_missing"];

/** Whether there may be an answer without the value of a problem; never without an age, for which the model may not be. */
export const isDroppable = ({ rule, loc }) => !NEVER_DROPPED.includes(rule) && loc.at(-1) !== "age";

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
 * The likely intended texts of a field, the likeliest first: `{name, at, texts}`, with the unit that
 * explains the number, and the other pressures of the hour in that unit. A repair that changes nothing is none.
 */
export function repairsOf(problem, stay) {
  const place = placeOf(problem.loc, stay);
  const variable = stay.variables.get(place.name);
  if (problem.fixes) return problem.fixes.map((text) => ({ ...place, texts: { [place.name]: text }, words: t("problem.use", { text: text.replace(/([.,]\d{3})0$/, "$1") }) }));
  const repairs = (problem.ctx.likely_units ?? []).map(({ unit, converted, beside = {} }) => {
    const values = Object.entries({ ...beside, [place.name]: converted });
    const texts = Object.fromEntries(values.map(([name, value]) => [name, stay.textOf(name, value)]));
    const own = stay.unit(place.name);
    const typed = number(readNumber(stay.text(place.name, place.at ?? 0)));
    const read = `${typed}\u00a0${unitName(variable, unit, { inChoice: true })}`;
    return { ...place, texts, words: t("problem.repair", { read, value: withUnit(texts[place.name], variable, own) }) };
  });
  const isNew = ({ texts: { [place.name]: text } }, at) => text !== stay.text(place.name, place.at ?? 0) && repairs.findIndex((each) => each.texts[place.name] === text) === at;
  return repairs.filter(isNew);
}

/** A sentence of the service about a value, with the numbers and units that were typed. */
export function inTypedUnits(problem, stay, text) {
  const { name, at } = placeOf(problem.loc, stay);
  const variable = stay.variables.get(name);
  const { low, high } = problem.ctx;
  const isConverted = (each) => stay.unit(each.name) !== each.unit || each.name === "hospital_admission_hour";
  if (low !== undefined && name !== HOUR && isConverted(variable) && stay.text(name, at ?? 0)) {
    // Hours in hospital are asked for as a positive number.
    const [from, to] = [low, high].map((end) => fromCanonical(variable, stay.unit(name), end)).sort((a, b) => a - b).map((end) => Math.max(end, name === "hospital_admission_hour" ? 0 : end));
    const value = withUnit(stay.text(name, at ?? 0), variable, stay.unit(name));
    const key = problem.rule.startsWith("range:") ? "problem.range" : "problem.unusual";
    return t(key, { label: stay.label(name), value, low: number(from, 3), high: number(to, 3) });
  }
  const values = Object.entries(problem.ctx).filter(([each]) => stay.variables.has(each) && isConverted(stay.variables.get(each)));
  return values.reduce((sentence, [each, value]) => {
    const other = stay.variables.get(each);
    const sent = `${lang() === "fr" ? String(value).replace(".", ",") : value}`;
    const unit = local(other, "unit_label").replace("fraction", "");
    const typed = withUnit(writeNumber(fromCanonical(other, stay.unit(each), value), 3), other, stay.unit(each));
    return sentence.replace(`${sent}\u00a0${unit}`, typed).replace(`${sent} ${unit}`, typed);
  }, text);
}

/** The hint of a problem or warning, without what the service says to programs; null if there is none. */
export function hintOf(problem, stay) {
  if (problem.key) return null;
  if (problem.ctx[placeOf(problem.loc, stay).name] === 0) return t("problem.zero");
  const sentences = serviceText(problem, "hint")?.split(/(?<=[.?!]) /) ?? [];
  return sentences.filter((each) => !/`|\bnull\b/.test(each)).join(" ") || null;
}

export class Problems {
  /** @param actions `{retry, drop, keep}` of the page. */
  constructor(stay, form, actions) {
    Object.assign(this, { stay, form, actions });
  }

  clear() {
    const isFocused = $("problems").contains(document.activeElement);
    this.last = null;
    $("problems").replaceChildren();
    setTitle();
    this.form.unmark();
    if (isFocused) $("data-title").focus();
  }

  /** Show a `ServiceError`, or problems of the page in the same form; moves the focus to them. */
  show(error, { isFocused = true } = {}) {
    const { kind, problems = [], status = 0, retryAfter = null } = error;
    this.clear();
    this.last = error;
    const isRefusal = kind === "refused" && problems.length > 0;
    const title = isRefusal ? t("problem.refused", { n: problems.length }) : t(`problem.${kind}`, { status, n: retryAfter ?? 5 });
    const heading = h("h2", { id: "problems-title", tabindex: "-1" }, title);
    const content = isRefusal ? this.list(problems) : this.failure(kind, problems);
    $("problems").replaceChildren(h("div", { class: "summary", role: "group", "aria-labelledby": "problems-title" }, heading, content));
    setTitle({ isError: true });
    if (!isFocused) return;
    heading.focus();
    heading.scrollIntoView({ block: "nearest" });
  }

  failure(kind, problems) {
    // What the service says about keys is for programs.
    const details = kind === "key" ? [h("p", {}, t("key.needed"))] : problems.map((problem) => h("p", {}, serviceText(problem, "msg")));
    const retry = h("button", { type: "button", onclick: this.actions.retry }, t("problem.retry"));
    return [...details, h("p", {}, t("problem.kept")), h("p", { class: "buttons" }, retry)];
  }

  list(problems) {
    const repairs = problems.map((problem) => (problem.fixes ? null : repairsOf(problem, this.stay)[0])).filter(Boolean);
    const items = problems.slice(0, MAX_SHOWN).map((problem) => this.item(problem));
    if (problems.length > MAX_SHOWN) items.push(h("li", {}, t("problem.more", { n: problems.length - MAX_SHOWN })));
    for (const problem of problems) this.mark(problem);
    const all = h("button", { type: "button", class: "primary", onclick: () => this.repair(repairs) }, t("problem.repair_all", { n: repairs.length }));
    const drop = h("button", { type: "button", onclick: this.actions.drop }, t("problem.drop"));
    const canDrop = problems.every(isDroppable);
    return [
      h("ul", {}, items),
      h("p", { class: "buttons" }, repairs.length > 1 ? all : null, canDrop ? drop : null),
      canDrop ? h("p", { class: "hint" }, t("problem.drop_means")) : null,
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
    const repairs = this.repairButtons(problem);
    const hint = repairs.length ? null : hintOf(problem, this.stay);
    return h("li", {}, hour ? h("span", { class: "at" }, hour, " ") : null, link, hint ? h("p", { class: "hint" }, hint) : null, repairs.length ? h("div", { class: "buttons" }, repairs) : null);
  }

  message(problem) {
    const { name } = placeOf(problem.loc, this.stay);
    const { text, key } = problem;
    if (key) return t(key, { text, label: this.form.label(name), unit: unitName(this.stay.variables.get(name), this.stay.unit(name), { inChoice: true }) });
    return inTypedUnits(problem, this.stay, serviceText(problem, "msg"));
  }

  /** Buttons that write a likely intended value into the form and ask again. */
  repairButtons(problem) {
    return repairsOf(problem, this.stay).map((repair) => h("button", { type: "button", class: "small", onclick: () => this.repair([repair]) }, repair.words));
  }

  mark(problem) {
    const { name, at } = placeOf(problem.loc, this.stay);
    this.form.mark(this.message(problem), name, at ?? undefined);
  }

  repair(repairs) {
    this.actions.keep("undo.repaired");
    for (const { at, texts } of repairs) {
      for (const [name, text] of Object.entries(texts)) this.stay.write(name, text, at ?? undefined);
    }
    this.form.show();
    $("data-title").focus();
    this.actions.retry();
  }
}
