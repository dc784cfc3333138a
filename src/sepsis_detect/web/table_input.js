// Input of several hours as a table, pasted or from a file, with its columns and a preview before the request.

import { $, h, heads } from "./dom.js";
import { colon, lang, t } from "./i18n.js";
import { HOUR } from "./stay.js";
import { Headers } from "./table_columns.js";
import { showMapping } from "./table_mapping.js";
import { noAnswers, readTable } from "./table_reader.js";
import { decode } from "./table_text.js";
import { unitName } from "./units.js";

const MAX_BYTES = 5 * 1024 * 1024;
const MAX_ROWS_SHOWN = 200;
const MAX_ERRORS_SHOWN = 8;

/** An error of `readTable` in words, with its place. */
export function errorInWords({ row, column, key, text, decimal, grouped }, { columns, rows, isAcross }) {
  const header = column === null ? "" : columns[column].text;
  const words = t(key, { text, decimal: decimal?.slice(0, -1).replace(/[.,]/, lang() === "fr" ? "," : "."), grouped });
  if (row === null) return header ? header + colon() + words : words;
  return t(isAcross ? "table.place_across" : "table.place", { row: rows[row].line, column: header || "–" }) + " " + words;
}

export class TableInput {
  /**
   * @param service the answer of `GET /variables`.
   * @param actions `{system, use, keep}`: the usual units, and what to do with the table and before its text is lost.
   */
  constructor({ variables, table_words: words }, actions) {
    this.variables = variables;
    this.headers = new Headers(variables, words);
    this.actions = actions;
    this.answers = noAnswers();
    $("several-text").addEventListener("input", () => this.write($("several-text").value));
    $("several-choose").addEventListener("click", () => $("several-file").click());
    $("several-file").addEventListener("change", (event) => this.read(event.target.files[0]));
    $("several-use").addEventListener("click", () => actions.use(this.table));
    $("several-clear").addEventListener("click", () => {
      actions.keep("undo.table");
      $("several-file").value = "";
      this.write("");
      $("several-text").focus();
    });
    this.acceptDrops($("several"));
    // What was pasted or chosen before this module was loaded.
    const [file] = $("several-file").files;
    if (file) this.read(file);
    else this.show();
  }

  acceptDrops(zone) {
    const over = (isOver) => (event) => {
      event.preventDefault();
      zone.classList.toggle("over", isOver);
    };
    zone.addEventListener("dragover", over(true));
    zone.addEventListener("dragleave", over(false));
    zone.addEventListener("drop", (event) => {
      over(false)(event);
      this.read(event.dataTransfer.files[0]);
    });
  }

  async read(file) {
    if (!file) return;
    if (file.size > MAX_BYTES) {
      this.say([t("table.too_large", { n: MAX_BYTES / 1024 / 1024 })]);
      return;
    }
    if ($("several-text").value) this.actions.keep("undo.replaced");
    $("several").open = true;
    this.write(decode(new Uint8Array(await file.arrayBuffer())));
  }

  /** Replace the text; what was chosen for another text is forgotten. */
  write(text) {
    const field = $("several-text");
    if (field.value !== text) field.value = text;
    this.answers = noAnswers();
    this.show();
  }

  /** Read the text, and show its columns and a preview with errors. */
  show() {
    this.answers.system = this.actions.system();
    const table = readTable($("several-text").value, this.headers, this.answers);
    this.table = table;
    $("several-use").disabled = !table?.isComplete;
    if (!table) {
      for (const id of ["several-columns", "several-preview"]) $(id).replaceChildren();
      this.say([]);
      return;
    }
    const errors = table.errors.slice(0, MAX_ERRORS_SHOWN).map((error) => errorInWords(error, table));
    this.say(this.sentences(table), errors, table.errors.length - errors.length);
    const focused = document.activeElement?.id;
    $("several-columns").replaceChildren(...showMapping(table, this.variables, this.answers, () => this.show()));
    $("several-preview").replaceChildren(table.isReadable ? this.preview(table) : "");
    if (focused?.startsWith("mapping")) $(focused)?.focus();
  }

  sentences({ rows, hours, errors, columns, skipped, limits, isReadable, isComplete, isSorted, isMerged }) {
    const ignored = columns.filter(({ kind, role, text, isUnclear }) => kind === "other" && !role && !isUnclear && text !== "").map(({ text }) => text);
    const red = (words) => h("span", { class: "ignored" }, words);
    return [
      t("table.summary", { n: isReadable ? hours.length : rows.length }) + " " + (errors.length ? t("table.errors", { n: errors.length }) : t("table.no_errors")),
      isReadable && !isComplete ? red(t("table.open")) : null,
      ignored.length ? red(t("table.ignored", { text: ignored.join(", ") })) : null,
      skipped.length ? red(t("table.skipped", { text: skipped.map(({ cells }) => cells.find(Boolean)).join(", ") })) : null,
      isSorted === false ? t("table.sorted") : null,
      isMerged ? t("table.merged") : null,
      limits.length ? t("table.limits", { text: [...new Set(limits.map(({ text }) => text))].slice(0, MAX_ERRORS_SHOWN).join(", ") }) : null,
    ];
  }

  say(sentences, errors = [], more = 0) {
    const items = errors.map((error) => h("li", {}, error));
    if (more > 0) items.push(h("li", {}, t("problem.more", { n: more })));
    $("several-said").replaceChildren(
      ...sentences.filter(Boolean).map((sentence) => h("p", {}, sentence)),
      items.length ? h("ul", { class: "errors" }, items) : "",
    );
  }

  preview({ columns, rows, errors, order, clock }) {
    const kept = columns.map((column, at) => ({ ...column, at })).filter(({ kind, role, at }) => kind === "variable" || role === "patient" || at === clock?.column);
    kept.sort((a, b) => (b.name === HOUR) - (a.name === HOUR)); // the hour comes first
    const wrong = new Map(errors.map((error) => [`${error.row} ${error.column}`, error]));
    const head = kept.map((column) => {
      const unit = column.kind === "variable" && unitName(column.variable, column.unit);
      return unit && !column.text.includes(unit) ? `${column.text} ${unit}` : column.text;
    });
    const cell = (cells, row) => ({ at }) => {
      const error = wrong.get(`${row} ${at}`);
      const clockHour = clock?.isClock && at === clock.column && clock.texts[row] ? ` → ${clock.texts[row]}` : "";
      if (!error) return h("td", {}, (cells[at] ?? "") + clockHour);
      return h("td", { class: "wrong" }, cells[at], h("span", { class: "visually-hidden" }, ` (${errorInWords({ ...error, row: null, column: null }, this.table)})`));
    };
    const shown = order.slice(0, MAX_ROWS_SHOWN);
    const table = h(
      "table",
      {},
      h("caption", {}, rows.length > shown.length ? t("table.first", { n: shown.length }) : t("table.preview")),
      heads(head),
      h("tbody", {}, shown.map((row) => h("tr", {}, kept.map(cell(rows[row].cells, row))))),
    );
    return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("table.preview") }, table);
  }
}
