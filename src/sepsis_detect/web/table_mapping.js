// The mapping step of a table: what each column was taken for, and questions that only the user can answer.

import { h, heads, stacked } from "./dom.js";
import { t } from "./i18n.js";
import { HOUR, WORDS, labelOf } from "./stay.js";
import { choices, unitName } from "./units.js";

const option = (value, words, chosen) => h("option", { value, selected: value === chosen, disabled: value === null }, words);

/**
 * @param table as `readTable` returns it.
 * @param variables all entries of `GET /variables`.
 * @param answers what the user has chosen; changed here.
 * @param onChange called after a change.
 */
export function showMapping(table, variables, answers, onChange) {
  const questions = questionsOf(table, answers, onChange);
  const rows = table.columns.map((column, at) => columnRow(column, at, variables, answers, onChange)).filter(Boolean);
  rows.sort((a, b) => b.classList.contains("ignored") - a.classList.contains("ignored")); // what needs attention comes first
  return [
    questions.length ? h("div", { class: "questions" }, questions) : "",
    h(
      "div",
      { class: "scroll mapping", tabindex: "0", role: "region", "aria-label": t("mapping.title") },
      stacked(h("table", {}, h("caption", {}, t("mapping.title")), heads([t("mapping.column"), t("mapping.meaning"), t("mapping.unit")]), h("tbody", {}, rows))),
    ),
  ];
}

function questionsOf({ clock, ambiguous }, answers, onChange) {
  const set = (key) => (event) => {
    answers[key] = event.target.value;
    onChange();
  };
  const row = (id, words, control) => h("p", {}, h("label", { for: id }, words), " ", control);
  const questions = [];
  if (clock?.isClock) {
    const attributes = { id: "mapping-first", inputmode: "numeric", autocomplete: "off", required: true, value: answers.first ?? "", onchange: set("first") };
    questions.push(row("mapping-first", t("mapping.first", { text: clock.first }), h("input", attributes)));
  }
  if (clock?.orders?.length) {
    const orders = clock.orders.map((order) => option(order, t(`mapping.${order}`), answers.order));
    questions.push(row("mapping-order", t("mapping.order"), h("select", { id: "mapping-order", onchange: set("order") }, option("", t("mapping.choose"), answers.order ?? ""), orders)));
  }
  for (const sign of new Set([...ambiguous, ...Object.keys(answers.decimals)])) {
    const id = `mapping-sign-${sign === "." ? "point" : "comma"}`;
    const change = (event) => {
      answers.decimals = { ...answers.decimals, [sign]: event.target.value };
      onChange();
    };
    const readings = ["", "decimal", "grouped"].map((each) => option(each, t(`mapping.${each || "choose"}`), answers.decimals[sign] ?? ""));
    questions.push(row(id, t("mapping.sign", { sign }), h("select", { id, onchange: change }, readings)));
  }
  return questions;
}

function columnRow(column, at, variables, answers, onChange) {
  const { text, role, kind, isUnclear } = column;
  if (text === "" && kind === "other") return null;
  const choose = (key) => (event) => {
    // Another variable has other units.
    answers.chosen[at] = key === "name" ? { name: event.target.value } : { ...answers.chosen[at], unit: event.target.value };
    onChange();
  };
  const isUsed = kind === "variable" || ["time", "date", "patient", "split"].includes(role);
  return h(
    "tr",
    { class: !isUsed || isUnclear || column.isUnknown || column.isDoubtful ? "ignored" : null },
    h("th", { scope: "row" }, text),
    h("td", {}, meaningSelect(column, at, variables, choose("name"))),
    h("td", {}, kind === "variable" ? unitSelect(column, at, choose("unit")) : ""),
  );
}

function meaningSelect({ text, role, kind, isUnclear, variable, variables: likely = [] }, at, variables, onChange) {
  const none = isUnclear ? t("mapping.choose") : t(role ? `mapping.role.${role}` : "mapping.none");
  const own = kind === "variable" ? variable.challenge_name : isUnclear ? null : "";
  const first = isUnclear ? [option(null, none, own), ...likely.map((each) => option(each.challenge_name, labelOf(each), own)), option("", t("mapping.none"), own)] : [option("", none, own)];
  const others = variables.filter((each) => (each.challenge_name !== "Unit2" || each === variable) && !(isUnclear && likely.includes(each)));
  const attributes = { id: `mapping-${at}`, "aria-label": t("mapping.meaning_of", { text }), onchange: onChange };
  return h("select", attributes, first, others.map((each) => option(each.challenge_name, labelOf(each), own)));
}

function unitSelect({ text, variable, unit, name, isStated, isUnknown, isDoubtful, unknownUnit }, at, onChange) {
  const units = choices(variable, unit);
  if (WORDS.includes(name)) return "";
  if (name === HOUR || (units.length === 1 && !isUnknown)) return unitName(variable, unit);
  const isOpen = isUnknown || isDoubtful;
  const attributes = { id: `mapping-${at}-unit`, "aria-label": t("field.unit", { label: text }), onchange: onChange };
  const options = [isOpen ? option(null, t("mapping.choose"), null) : "", units.map((each) => option(each, unitName(variable, each, { inChoice: true }), isOpen ? null : unit))];
  const note = isUnknown ? t("mapping.unknown", { text: unknownUnit }) : isDoubtful ? t("mapping.doubtful") : isStated || units.length === 1 ? null : t("mapping.assumed");
  return [h("select", attributes, options), note ? h("small", {}, note) : null];
}
