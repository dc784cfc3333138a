// Input of the ward's table: beds found in it, the columns, and questions before anything is sent.

import { $, h } from "./dom.js";
import { lang, t } from "./i18n.js";
import { TableInput, errorInWords } from "./table_input.js";
import { showMapping } from "./table_mapping.js";
import { labelColumns, readBeds } from "./ward_table.js";

const MAX_SHOWN = 8; // problems
const RECOGNISED = "recognised";

export class WardInput extends TableInput {
  /** Read the text; show its beds, its columns, and what is open. */
  show() {
    this.answers.system = this.actions.system();
    this.answers.firsts ??= {};
    const table = readBeds($("several-text").value, this.headers, this.answers);
    this.table = table;
    this.actions.change(this);
    const focused = document.activeElement?.id;
    this.render("ward-questions", [table?.columns.map(({ text, kind }) => [text, kind]), table?.beds.map(({ label, table: { clock } }) => [label, clock?.first]), this.answers.bed], () => this.questions(table));
    this.render("several-columns", [table?.columns, table && this.mappingOf(table)], () => showMapping(this.mappingOf(table), this.variables, this.answers, () => this.show()));
    if (table) this.say(this.summary(table), ...this.errors(table));
    else this.say([]);
    if (/^(mapping|ward-question)/.test(focused ?? "")) $(focused)?.focus();
  }

  /** Render a part anew only if it differs: a field that is left keeps the way to the next one. */
  render(id, shown, build) {
    const signature = JSON.stringify([lang(), shown]);
    this.rendered ??= {};
    if (this.rendered[id] === signature) return;
    this.rendered[id] = signature;
    $(id).replaceChildren(...(this.table ? build() : []));
  }

  /** Whether there is something to estimate, and no question about the columns is open. */
  get isComplete() {
    const { table } = this;
    return Boolean(table?.isReadable && !table.isOpen && !table.isBedAsked && !this.clock(table)?.isOpen && table.beds.length);
  }

  /** A text that is the same for the same table and answers. */
  get fingerprint() {
    return JSON.stringify([$("several-text").value, this.answers]);
  }

  /** The question of day and month, if any bed has it. */
  clock({ beds }) {
    const orders = beds.map(({ table }) => table.clock?.orders ?? []).find(({ length }) => length);
    return orders ? { orders, isOpen: !this.answers.order } : null;
  }

  /** The columns as the mapping shows them. */
  mappingOf(table) {
    const ambiguous = [...new Set(table.beds.flatMap((bed) => [...bed.table.ambiguous]))];
    const columns = table.columns.map((column) => (column.role === "bed" ? { ...column, role: "patient" } : column));
    return { columns, ambiguous, clock: this.clock(table) };
  }

  summary({ beds, isReadable, isOpen, isBedAsked, columns, skipped, nFilled }) {
    const red = (words) => h("span", { class: "ignored" }, words);
    const ignored = columns.filter(({ kind, role, text, isUnclear }) => kind === "other" && !role && !isUnclear && text !== "").map(({ text }) => text);
    return [
      isReadable && !isBedAsked ? t("ward.summary", { n: beds.length }) + " " + t("ward.hours", { n: beds.reduce((sum, { table }) => sum + table.hours.length, 0) }) : null,
      isReadable && (isOpen || isBedAsked) ? red(t("table.open")) : null,
      ignored.length ? red(t("table.ignored", { text: ignored.join(", ") })) : null,
      skipped.length ? red(t("table.skipped", { text: skipped.map(({ cells }) => cells.find(Boolean)).join(", ") })) : null,
      nFilled > 0 ? t("ward.filled", { n: nFilled }) : null,
    ];
  }

  /** The problems of the table, or those of its beds, and how many are not shown. */
  errors({ beds, errors, isReadable, isBedAsked, ...table }) {
    if (isBedAsked) return [[], 0];
    if (!isReadable) return [errors.map((error) => errorInWords(error, table)), 0];
    const found = beds.flatMap((bed) => bed.faults.map((fault) => `${bed.label || "–"} · ${errorInWords(fault, bed.table)}`));
    return [found.slice(0, MAX_SHOWN), Math.max(0, found.length - MAX_SHOWN)];
  }

  questions(table) {
    if (!table.isReadable) return [];
    const asked = [this.bedQuestion(table), this.answers.bed === "" ? this.labelQuestion() : null];
    const firsts = table.beds.filter(({ table: { clock } }) => clock?.isClock && clock.texts.length > 1);
    return [...asked, firsts.length ? this.firstQuestions(firsts) : null].filter(Boolean);
  }

  /** Which column names the patients: recognised, or to be chosen. */
  bedQuestion({ columns, recognised }) {
    const chosen = this.answers.bed ?? (recognised.length ? RECOGNISED : null);
    const option = (value, words) => h("option", { value, selected: value === chosen, disabled: value === null }, words);
    const choose = (event) => {
      this.answers.bed = event.target.value === RECOGNISED ? undefined : event.target.value;
      this.show();
    };
    const first = recognised.length ? option(RECOGNISED, recognised.join(", ")) : option(null, t("mapping.choose"));
    const others = labelColumns(columns).map(({ at, text }) => option(String(at), text));
    const select = h("select", { id: "ward-question-bed", onchange: choose }, first, others, option("", t("ward.single")));
    return h("p", { class: "questions" }, h("label", { for: "ward-question-bed" }, t("ward.which")), " ", select);
  }

  labelQuestion() {
    const write = (event) => {
      this.answers.only = event.target.value.trim();
      this.show();
    };
    const field = h("input", { id: "ward-question-only", autocomplete: "off", value: this.answers.only ?? "", onchange: write });
    return h("p", { class: "questions" }, h("label", { for: "ward-question-only" }, t("ward.label")), " ", field);
  }

  /** The hour of intensive care at the first time of each bed. */
  firstQuestions(beds) {
    const write = (label) => (event) => {
      this.answers.firsts = { ...this.answers.firsts, [label]: event.target.value };
      this.show();
    };
    const row = ({ label, table }, at) => {
      const id = `ward-question-first-${at}`;
      const field = h("input", { id, inputmode: "numeric", autocomplete: "off", value: this.answers.firsts[label] ?? "", onchange: write(label) });
      return h("p", {}, h("label", { for: id }, `${label || "–"} · ${table.clock.first}`), " ", field);
    };
    return h("fieldset", { class: "questions firsts" }, h("legend", {}, t("ward.firsts")), beds.map(row));
  }
}
