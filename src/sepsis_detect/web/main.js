// Entry point: connects form, table input, estimate and undo.

import { $, h } from "./dom.js";
import { ServiceError, callService } from "./api.js";
import { Estimate } from "./estimate.js";
import { Form } from "./form.js";
import { LANGUAGES, lang, loadLanguage, number, preferredLanguage, setLanguage, t, useTexts } from "./i18n.js";
import { askKey } from "./key_dialog.js";
import { showModelCard } from "./model_card.js";
import { servedPoint } from "./operating_point.js";
import { Problems } from "./problems.js";
import { showSilentMode } from "./silent.js";
import { Stay } from "./stay.js";
import { Undo } from "./undo.js";
import { setSpellings } from "./units.js";

const PRINT_SIZE = { width: 1040, smallWidth: 340 }; // px; A4 shows them at three quarters

const page = { stay: null, form: null, tableInput: null, problems: null, estimate: null, undo: null, model: null, service: null, showWelcome, loadModel, giveToBoard };

async function start() {
  await loadLanguage(preferredLanguage());
  setLanguage(preferredLanguage());
  for (const name of LANGUAGES) $(`lang-${name}`).addEventListener("click", () => changeLanguage(name));
  for (const button of document.querySelectorAll("[id^=example-]")) button.addEventListener("click", () => loadExample(button.id.slice("example-".length)));
  $("form").addEventListener("submit", (event) => {
    event.preventDefault();
    page.estimate?.run();
  });
  $("clear").addEventListener("click", clear);
  for (const event of ["toggle", "dragover"]) $("several").addEventListener(event, loadTables);
  // A file dropped beside the table would replace the page.
  for (const event of ["dragover", "drop"]) addEventListener(event, (dropped) => dropped.dataTransfer?.types.includes("Files") && dropped.preventDefault());
  showLanguage();
  showWelcome();
  redrawOnResize();
  showSilentMode();
  await loadService();
}

function redrawOnResize() {
  const redraw = (size) => page.estimate?.redraw(size);
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    // The layout for print changes the width, too.
    if (contentRect.width !== width) requestAnimationFrame(() => redraw(matchMedia("print").matches ? PRINT_SIZE : undefined));
    width = contentRect.width;
  }).observe($("answer"));
  addEventListener("beforeprint", () => redraw(PRINT_SIZE));
  addEventListener("afterprint", () => redraw());
}

/** Load the variables, which the form is made of, and the model. */
async function loadService() {
  try {
    $("status").textContent = t("status.loading");
    if (!page.stay) makeForm(await callService("variables", { askKey }));
    $("problems").replaceChildren();
    $("status").textContent = "";
    await loadModel();
    if (!page.estimate.isShown) showWelcome();
  } catch (error) {
    $("status").textContent = "";
    if (!(error instanceof ServiceError)) throw error;
    new Problems(null, { unmark: () => {} }, { retry: loadService }).show(error);
  }
}

function makeForm(service) {
  setSpellings(service.unit_spellings);
  page.service = service;
  page.stay = new Stay(oneOfEach(service.variables));
  page.stay.system = lang() === "fr" ? "si" : "conventional";
  page.undo = new Undo(page.stay, (text) => {
    writeTable(text);
    dataReplaced();
    $("data-title").focus();
  });
  page.form = new Form(page.stay, { changed: () => page.estimate.refresh(), keep: (key) => page.undo.keep(key) });
  page.problems = new Problems(page.stay, page.form, {
    retry: () => page.estimate.run(),
    drop: () => page.estimate.run({ drop: true }),
    keep: (key) => page.undo.keep(key),
  });
  page.estimate = new Estimate(page.stay, page);
  page.form.build();
  if ($("several").open) loadTables();
}

/** Load the reader of tables, when it is needed. */
async function loadTables() {
  if (!page.stay || page.isLoadingTables) return;
  page.isLoadingTables = true;
  try {
    useTexts("table_");
    const [{ TableInput }] = await fetchAll([import("./table_input.js"), loadLanguage(lang())]);
    page.tableInput = new TableInput(page.service, { system: () => page.stay.system, use: useTable, keep: (key) => page.undo.keep(key) });
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    page.isLoadingTables = false;
    page.problems.show(error);
  }
}

/** Modules and texts that are loaded when they are needed. */
async function fetchAll(promises) {
  try {
    return await Promise.all(promises);
  } catch (error) {
    // Browsers report a file that cannot be fetched as TypeError.
    throw error instanceof TypeError ? new ServiceError("unreachable") : error;
  }
}

function writeTable(text) {
  if (page.tableInput) page.tableInput.write(text);
  else $("several-text").value = text;
}

/** One entry for each name: `Unit1` and `Unit2` are one field, `icu_unit`. */
const oneOfEach = (variables) => [...new Map(variables.map((variable) => [variable.name, variable])).values()];

async function changeLanguage(name) {
  await loadLanguage(name);
  setLanguage(name);
  const address = new URL(location.href);
  address.searchParams.set("lang", name);
  history.replaceState(null, "", address);
  showLanguage();
  showSilentMode();
  if (!page.stay) return showWelcome();
  if (page.stay.isEmpty) page.stay.system = name === "fr" ? "si" : "conventional";
  page.stay.localise();
  page.form.build();
  page.tableInput?.show();
  page.undo.show();
  showModel();
  if (page.estimate.isShown) page.estimate.show();
  else showWelcome();
  if (page.problems.last) page.problems.show(page.problems.last, { isFocused: false });
}

function showLanguage() {
  for (const name of LANGUAGES) $(`lang-${name}`).setAttribute("aria-pressed", String(name === lang()));
}

function showModel() {
  if (page.model) showModelCard(page.model);
}

async function loadModel() {
  page.model = await callService("model", { askKey });
  showModel();
}

function showWelcome() {
  const steps = ["welcome.enter", "welcome.read", "welcome.trust"].map((key) => h("li", {}, t(key)));
  steps.push(h("li", { id: "changed" }, t("welcome.changed"), " ", expectedAlerts()));
  $("answer-content").replaceChildren(h("div", { class: "welcome" }, h("p", {}, t("welcome.what")), h("ul", {}, steps)));
}

/** A sentence with the expected number of alerts; empty if the model does not state it. */
function expectedAlerts() {
  const point = page.model && servedPoint(page.model);
  return point ? t("welcome.alerts", { alerts: number(point.alerts_per_patient_day, 2) }) : "";
}

/** Show data that replaced the earlier ones, whose answer and problems are removed. */
function dataReplaced() {
  page.problems.clear();
  page.stay.localise();
  page.form.build();
  page.estimate.refresh({ isReplaced: true });
}

function clear() {
  if (!page.stay) return;
  page.undo.keep("undo.cleared");
  page.stay.clear();
  writeTable("");
  dataReplaced();
  $("data-title").focus();
}

/** Use a module that is loaded when it is needed. */
async function useModule(loading, use) {
  try {
    use(...(await fetchAll([loading])));
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    page.problems.show(error);
  }
}

function loadExample(name) {
  if (page.stay) useModule(import("./examples.js"), ({ example }) => useExample(example(name, page.stay)));
}

function giveToBoard(stay) {
  useModule(import("./ward_link.js"), (link) => ($("said-action").textContent = link.giveToBoard(stay) ? "" : t("action.no_tab")));
}

function useExample(content) {
  if (page.stay.fingerprint() !== page.undo.harmless) page.undo.keep("undo.replaced");
  page.stay.replace(content);
  dataReplaced();
  page.undo.markHarmless();
  page.estimate.run();
}

function useTable(table) {
  page.undo.keep("undo.replaced");
  page.stay.replace(table);
  dataReplaced();
  $("several").open = false;
  $("data-title").focus();
  page.estimate.run();
}

start();
