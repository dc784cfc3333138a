// The page: puts its parts together and takes what the person does from one to the other.

import { $, h } from "./dom.js";
import { Answer, answerInWords, showAnswer } from "./answer.js";
import { AskError, ask, hasKey } from "./api.js";
import { EXAMPLES, example } from "./examples.js";
import { asCurl, asText, copy, download } from "./exports.js";
import { Form } from "./form.js";
import { LANGUAGES, lang, loadLanguages, percent, preferredLanguage, setLanguage, t } from "./i18n.js";
import { Problems } from "./problems.js";
import { Several } from "./several.js";
import { Stay } from "./stay.js";

const PATH = "predict/patient?include=trend&include=contributions&include=scores";
const ON_PAPER = { width: 1040, smallWidth: 340 }; // px, drawn at three quarters of their size on A4
const DROP = "&on_incoherence=drop";

const page = { stay: null, form: null, several: null, problems: null, model: null, shown: null, request: null, redraw: () => {}, waiting: null };

/** Ask for the key; null when the person has none. */
function askKey({ isWrong }) {
  const dialog = $("key-dialog");
  const field = $("key");
  $("key-said").textContent = t(isWrong ? "key.wrong" : "key.needed");
  field.value = "";
  return new Promise((resolve) => {
    const done = (key) => {
      dialog.onclose = null;
      if (dialog.open) dialog.close();
      resolve(key);
    };
    $("key-form").onsubmit = (event) => {
      event.preventDefault();
      const key = field.value.trim();
      field.value = "";
      if (key) done(key);
    };
    $("key-cancel").onclick = () => done(null);
    dialog.onclose = () => done(null);
    dialog.showModal();
    field.focus();
  });
}

async function start() {
  await loadLanguages();
  setLanguage(preferredLanguage());
  for (const name of LANGUAGES) $(`lang-${name}`).addEventListener("click", () => changeLanguage(name));
  for (const name of EXAMPLES) $(`example-${name}`).addEventListener("click", () => tryExample(name));
  $("form").addEventListener("submit", (event) => {
    event.preventDefault();
    predict();
  });
  $("cancel").addEventListener("click", () => page.waiting?.abort());
  $("clear").addEventListener("click", clear);
  showLanguage();
  showWelcome();
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    // Laying out the paper changes the width too.
    if (contentRect.width !== width) requestAnimationFrame(() => page.redraw(matchMedia("print").matches ? ON_PAPER : undefined));
    width = contentRect.width;
  }).observe($("answer"));
  addEventListener("beforeprint", () => page.redraw(ON_PAPER));
  addEventListener("afterprint", () => page.redraw());
  await load();
}

/** What the service says of itself; without it there is no form. */
async function load() {
  try {
    $("status").textContent = t("status.loading");
    if (!page.stay) makeForm((await ask("variables", { askKey })).variables);
    $("problems").replaceChildren();
    $("status").textContent = "";
    page.model = await ask("model", { askKey });
    showModel();
    if (!page.shown) showWelcome();
  } catch (error) {
    $("status").textContent = "";
    if (!(error instanceof AskError)) throw error;
    new Problems(null, { unmark: () => {} }, { retry: load }).show(error);
  }
}

function makeForm(variables) {
  page.stay = new Stay(oneOfEach(variables));
  page.stay.system = lang() === "fr" ? "si" : "conventional";
  page.form = new Form(page.stay, changed);
  page.problems = new Problems(page.stay, page.form, { retry: () => predict(), drop: () => predict({ drop: true }) });
  page.several = new Several(variables, useTable);
  page.form.build();
}

/** `Unit1` and `Unit2` are one variable to a person. */
const oneOfEach = (variables) => [...new Map(variables.map((variable) => [variable.name, variable])).values()];

function changeLanguage(name) {
  setLanguage(name);
  const address = new URL(location.href);
  address.searchParams.set("lang", name);
  history.replaceState(null, "", address);
  showLanguage();
  if (page.stay) {
    if (page.stay.isEmpty) page.stay.system = name === "fr" ? "si" : "conventional";
    page.stay.localise();
    page.form.build();
    page.several.show();
    showModel();
  }
  if (page.shown) present();
  else showWelcome();
  if ($("stale").textContent) changed();
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

/** How often the served threshold is reached; nothing where the model does not say. */
function expectedAlerts() {
  const alerts = page.model?.operating_points?.[0].alerts_per_patient_day;
  return alerts === undefined ? "" : t("welcome.alerts", { alerts: Number(alerts.toPrecision(2)) });
}

function changed() {
  if (page.shown) {
    $("stale").textContent = t("answer.stale");
    $("answer").classList.add("stale");
  }
}

function clear() {
  page.stay?.clear();
  page.problems?.clear();
  page.form?.build();
  Object.assign(page, { shown: null, redraw: () => {} });
  fresh();
  showWelcome();
  $("data-title").focus();
}

function fresh() {
  $("stale").textContent = "";
  $("answer").classList.remove("stale");
}

function tryExample(name) {
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
  if (!page.stay || page.waiting) return;
  const { body, problems } = page.stay.request({ drop });
  page.problems.clear();
  if (problems.length) {
    page.problems.show({ kind: "refused", problems });
    return;
  }
  const sent = { path: drop ? PATH + DROP : PATH, body: JSON.stringify(body), stay: page.stay.copy() };
  wait(true);
  try {
    const options = { body: sent.body, askKey, signal: page.waiting.signal, onSlow: () => ($("status").textContent = t("status.slow")) };
    const answer = await ask(sent.path, options);
    Object.assign(page, { request: sent, shown: new Answer(answer, sent.stay, new Date()) });
    fresh();
    present();
    $("said").textContent = answerInWords(page.shown);
    $("answer-title").focus();
    $("answer").scrollIntoView({ block: "start" });
  } catch (error) {
    if (!(error instanceof AskError)) throw error;
    changed();
    if (error.kind !== "cancelled") page.problems.show(error);
  } finally {
    wait(false);
  }
}

function wait(isWaiting) {
  page.waiting = isWaiting ? new AbortController() : null;
  $("submit").disabled = isWaiting;
  $("cancel").hidden = !isWaiting;
  $("status").textContent = isWaiting ? t("status.asking") : "";
  $("answer").setAttribute("aria-busy", String(isWaiting));
}

function present() {
  const { shown, request } = page;
  const button = (key, action) => h("button", { type: "button", onclick: action }, t(key));
  const copied = (text) => async () => {
    try {
      await copy(text());
      $("said-action").textContent = t("action.copied");
    } catch {
      $("said-action").textContent = t("action.not_copied");
    }
  };
  page.redraw = showAnswer(shown, [
    button("action.print", () => window.print()),
    button("action.copy", copied(() => asText(shown))),
    button("action.curl", copied(() => asCurl(request.path, request.body, { needsKey: hasKey() }))),
    button("action.request", () => download("sepsis-request.json", request.body)),
    button("action.answer", () => download("sepsis-answer.json", JSON.stringify(shown.answer, null, 2))),
    h("span", { id: "said-action", role: "status" }),
  ]);
}

start();
