// Entry point: connects form, table input, service calls and answer.

import { $, h } from "./dom.js";
import { Answer, answerInWords, showAnswer } from "./answer.js";
import { ServiceError, callService, hasKey } from "./api.js";
import { EXAMPLES, example } from "./examples.js";
import { asCurl, asText, copy, download } from "./exports.js";
import { Form } from "./form.js";
import { LANGUAGES, lang, loadLanguage, percent, preferredLanguage, setLanguage, t } from "./i18n.js";
import { Problems } from "./problems.js";
import { Stay } from "./stay.js";
import { setSpellings } from "./units.js";

const PATH = "predict/patient?include=trend&include=contributions&include=scores";
const PRINT_SIZE = { width: 1040, smallWidth: 340 }; // px; A4 shows them at three quarters
const DROP = "&on_incoherence=drop";

const page = { stay: null, form: null, tableInput: null, problems: null, model: null, answer: null, request: null, redraw: () => {}, pending: null };

/** Ask the user for a key; resolves to null if the user cancels. */
function askKey({ isWrong }) {
  const dialog = $("key-dialog");
  const field = $("key");
  $("key-said").textContent = t(isWrong ? "key.wrong" : "key.needed");
  field.value = "";
  return new Promise((resolve) => {
    const close = (key) => {
      dialog.onclose = null;
      if (dialog.open) dialog.close();
      resolve(key);
    };
    $("key-form").onsubmit = (event) => {
      event.preventDefault();
      const key = field.value.trim();
      field.value = "";
      if (key) close(key);
    };
    $("key-cancel").onclick = () => close(null);
    dialog.onclose = () => close(null);
    dialog.showModal();
    field.focus();
  });
}

async function start() {
  await loadLanguage(preferredLanguage());
  setLanguage(preferredLanguage());
  for (const name of LANGUAGES) $(`lang-${name}`).addEventListener("click", () => changeLanguage(name));
  for (const name of EXAMPLES) $(`example-${name}`).addEventListener("click", () => loadExample(name));
  $("form").addEventListener("submit", (event) => {
    event.preventDefault();
    predict();
  });
  $("cancel").addEventListener("click", () => page.pending?.abort());
  $("clear").addEventListener("click", clear);
  for (const event of ["toggle", "dragover"]) $("several").addEventListener(event, loadTables);
  showLanguage();
  showWelcome();
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    // The layout for print changes the width, too.
    if (contentRect.width !== width) requestAnimationFrame(() => page.redraw(matchMedia("print").matches ? PRINT_SIZE : undefined));
    width = contentRect.width;
  }).observe($("answer"));
  addEventListener("beforeprint", () => page.redraw(PRINT_SIZE));
  addEventListener("afterprint", () => page.redraw());
  await loadService();
}

/** Load the variables, which the form is made of, and the model. */
async function loadService() {
  try {
    $("status").textContent = t("status.loading");
    if (!page.stay) makeForm(await callService("variables", { askKey }));
    $("problems").replaceChildren();
    $("status").textContent = "";
    page.model = await callService("model", { askKey });
    showModel();
    if (!page.answer) showWelcome();
  } catch (error) {
    $("status").textContent = "";
    if (!(error instanceof ServiceError)) throw error;
    new Problems(null, { unmark: () => {} }, { retry: loadService }).show(error);
  }
}

function makeForm(service) {
  const { variables, unit_spellings: spellings } = service;
  setSpellings(spellings);
  page.stay = new Stay(oneOfEach(variables));
  page.stay.system = lang() === "fr" ? "si" : "conventional";
  page.form = new Form(page.stay, markOutdated);
  page.problems = new Problems(page.stay, page.form, { retry: () => predict(), drop: () => predict({ drop: true }) });
  page.variables = service;
  if ($("several").open) loadTables();
  page.form.build();
}

/** Load the reader of tables, when it is needed. */
async function loadTables() {
  if (!page.stay || page.isLoadingTables) return;
  page.isLoadingTables = true;
  try {
    const { TableInput } = await import("./table_input.js");
    page.tableInput = new TableInput(page.variables, { system: () => page.stay.system, use: useTable, clear: () => {} });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // as browsers report a module that cannot be fetched
    page.isLoadingTables = false;
    page.problems.show(new ServiceError("unreachable"));
  }
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
  if (page.stay) {
    if (page.stay.isEmpty) page.stay.system = name === "fr" ? "si" : "conventional";
    page.stay.localise();
    page.form.build();
    page.tableInput?.show();
    showModel();
  }
  if (page.answer) showCurrentAnswer();
  else showWelcome();
  if ($("stale").textContent) markOutdated();
  if (page.problems?.last) page.problems.show(page.problems.last);
  else page.problems?.clear();
}

function showLanguage() {
  for (const name of LANGUAGES) $(`lang-${name}`).setAttribute("aria-pressed", String(name === lang()));
}

function showModel() {
  if (!page.model) return;
  const { name, version, threshold } = page.model;
  $("model").textContent = t("footer.model", { name, version, threshold: percent(threshold) });
}

function showWelcome() {
  const steps = ["welcome.enter", "welcome.read", "welcome.trust"].map((key) => h("li", {}, t(key)));
  steps.push(h("li", { id: "changed" }, t("welcome.changed"), " ", expectedAlerts()));
  $("answer-content").replaceChildren(h("div", { class: "welcome" }, h("p", {}, t("welcome.what")), h("ul", {}, steps)));
}

/** A sentence with the expected number of alerts; empty if the model does not state it. */
function expectedAlerts() {
  const alerts = page.model?.operating_points?.[0].alerts_per_patient_day;
  return alerts === undefined ? "" : t("welcome.alerts", { alerts: Number(alerts.toPrecision(2)) });
}

/** Mark the answer shown: the data have changed since. */
function markOutdated() {
  if (page.answer) {
    $("stale").textContent = t("answer.stale");
    $("answer").classList.add("stale");
  }
}

function clear() {
  page.stay?.clear();
  page.problems?.clear();
  page.form?.build();
  Object.assign(page, { answer: null, redraw: () => {} });
  markCurrent();
  showWelcome();
  $("data-title").focus();
}

function markCurrent() {
  $("stale").textContent = "";
  $("answer").classList.remove("stale");
}

function loadExample(name) {
  if (!page.stay) return;
  page.stay.replace(example(name, page.stay.variables));
  page.stay.localise();
  page.form.build();
  predict();
}

function useTable(table) {
  page.stay.replace(table);
  page.stay.localise();
  page.form.build();
  $("several").open = false;
  predict();
}

async function predict({ drop = false } = {}) {
  if (!page.stay || page.pending) return;
  const { body, problems } = page.stay.request({ drop });
  page.problems.clear();
  if (problems.length) {
    page.problems.show({ kind: "refused", problems });
    return;
  }
  const sent = { path: drop ? PATH + DROP : PATH, body: JSON.stringify(body), stay: page.stay.copy() };
  setPending(true);
  try {
    const options = { body: sent.body, askKey, signal: page.pending.signal, onSlow: () => ($("status").textContent = t("status.slow")) };
    const content = await callService(sent.path, options);
    Object.assign(page, { request: sent, answer: new Answer(content, sent.stay, new Date()) });
    markCurrent();
    showCurrentAnswer();
    $("said").textContent = answerInWords(page.answer);
    $("answer-title").focus();
    $("answer").scrollIntoView({ block: "start" });
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    markOutdated();
    if (error.kind !== "cancelled") page.problems.show(error);
  } finally {
    setPending(false);
  }
}

function setPending(isPending) {
  page.pending = isPending ? new AbortController() : null;
  $("submit").disabled = isPending;
  $("cancel").hidden = !isPending;
  $("status").textContent = isPending ? t("status.asking") : "";
  $("answer").setAttribute("aria-busy", String(isPending));
}

function showCurrentAnswer() {
  const { answer, request } = page;
  const button = (key, action) => h("button", { type: "button", onclick: action }, t(key));
  const copyAction = (text) => async () => {
    try {
      await copy(text());
      $("said-action").textContent = t("action.copied");
    } catch {
      $("said-action").textContent = t("action.not_copied");
    }
  };
  page.redraw = showAnswer(answer, [
    button("action.print", () => window.print()),
    button("action.copy", copyAction(() => asText(answer))),
    button("action.curl", copyAction(() => asCurl(request.path, request.body, { needsKey: hasKey() }))),
    button("action.request", () => download("sepsis-request.json", request.body)),
    button("action.answer", () => download("sepsis-answer.json", JSON.stringify(answer.content, null, 2))),
    h("span", { id: "said-action", role: "status" }),
  ]);
}

start();
