// Input of several hours as a table, pasted or from a file, with a preview before the request.

import { $, h, heads } from "./dom.js";
import { t } from "./i18n.js";
import { HOUR } from "./stay.js";
import { readTable } from "./table_reader.js";
import { unitName } from "./units.js";

const MAX_BYTES = 5 * 1024 * 1024;
const MAX_ROWS_SHOWN = 200;
const MAX_ERRORS_SHOWN = 8;

export class TableInput {
  /**
   * @param variables all entries of `GET /variables`.
   * @param onUse called with the table when the user confirms it.
   */
  constructor(variables, onUse) {
    this.variables = variables;
    this.onUse = onUse;
    const text = $("several-text");
    text.addEventListener("input", () => this.show());
    $("several-choose").addEventListener("click", () => $("several-file").click());
    $("several-file").addEventListener("change", (event) => this.read(event.target.files[0]));
    $("several-use").addEventListener("click", () => onUse(this.table));
    $("several-clear").addEventListener("click", () => {
      text.value = "";
      $("several-file").value = "";
      this.show();
      text.focus();
    });
    this.acceptDrops($("several"));
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
    $("several-text").value = await file.text();
    this.show();
  }

  /** Parse the text and show a preview with errors. */
  show() {
    const table = readTable($("several-text").value, this.variables);
    this.table = table;
    $("several-use").disabled = !table?.isReadable;
    if (!table) {
      $("several-preview").replaceChildren();
      this.say([]);
      return;
    }
    const n = table.rows.length;
    const errors = table.errors.slice(0, MAX_ERRORS_SHOWN).map((error) => this.words(error));
    const more = table.errors.length - errors.length;
    const ignored = table.notes.map(({ text }) => text);
    const summary = t("table.summary", { n }) + " " + (table.errors.length ? t("table.errors", { n: table.errors.length }) : t("table.no_errors"));
    this.say([summary, ignored.length ? t("table.ignored", { text: ignored.join(", ") }) : null], errors, more);
    $("several-preview").replaceChildren(table.isReadable ? this.preview(table) : "");
  }

  words({ row, column, key, text }) {
    const header = column === null ? "" : this.table.columns[column].text;
    const words = t(key, { text });
    if (row === null) return header ? `${header}: ${words}` : words;
    return t("table.place", { row: row + 2, column: header || "–" }) + " " + words;
  }

  say(sentences, errors = [], more = 0) {
    const items = errors.map((error) => h("li", {}, error));
    if (more > 0) items.push(h("li", {}, t("problem.more", { n: more })));
    $("several-said").replaceChildren(
      ...sentences.filter(Boolean).map((sentence) => h("p", {}, sentence)),
      items.length ? h("ul", { class: "errors" }, items) : "",
    );
  }

  preview({ columns, rows, errors }) {
    const kept = columns.map((column, at) => ({ ...column, at })).filter(({ kind }) => ["variable", "patient"].includes(kind));
    kept.sort((a, b) => (b.name === HOUR) - (a.name === HOUR)); // the hour comes first
    const wrong = new Map(errors.map((error) => [`${error.row} ${error.column}`, error]));
    const head = kept.map((column) => {
      const unit = column.variable && unitName(column.variable, column.unit);
      return unit && !column.text.includes("(") ? `${column.text} ${unit}` : column.text;
    });
    const cell = (cells, row) => ({ at }) => {
      const error = wrong.get(`${row} ${at}`);
      if (!error) return h("td", {}, cells[at] ?? "");
      return h("td", { class: "wrong" }, cells[at], h("span", { class: "visually-hidden" }, ` (${t(error.key, { text: error.text })})`));
    };
    const shown = rows.slice(0, MAX_ROWS_SHOWN);
    const table = h(
      "table",
      {},
      h("caption", {}, rows.length > shown.length ? t("table.first", { n: shown.length }) : t("table.preview")),
      heads(head),
      h("tbody", {}, shown.map((cells, row) => h("tr", {}, kept.map(cell(cells, row))))),
    );
    return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("table.preview") }, table);
  }
}
