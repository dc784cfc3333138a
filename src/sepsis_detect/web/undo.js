// Undo of what replaces or removes entries, and a question before the page is left. Nothing is stored.

import { $ } from "./dom.js";
import { t } from "./i18n.js";

const MAX_STEPS = 20;

export class Undo {
  /**
   * @param stay whose entries are kept.
   * @param onUndo called with the text of the table as it was.
   */
  constructor(stay, onUndo) {
    Object.assign(this, { stay, onUndo, steps: [], undone: [], said: "", harmless: null });
    $("undo").addEventListener("click", () => this.move(this.steps, this.undone, "undo.undone"));
    $("redo").addEventListener("click", () => this.move(this.undone, this.steps, "undo.redone"));
    addEventListener("beforeunload", (event) => {
      const isExample = this.stay.fingerprint() === this.harmless;
      if ((!this.stay.isEmpty && !isExample) || this.isTablePresent) event.preventDefault();
    });
  }

  get isTablePresent() {
    return $("several-text").value.trim() !== "";
  }

  get hasEntries() {
    return !this.stay.isEmpty || this.isTablePresent;
  }

  get entries() {
    return { stay: this.stay.snapshot(), text: $("several-text").value };
  }

  /** Keep the entries as they are now, before they are lost; `key` names what is done to them. */
  keep(key) {
    if (!this.hasEntries) return;
    this.steps = [...this.steps, this.entries].slice(-MAX_STEPS);
    this.said = key;
    this.show();
  }

  /** The entries are an example: nothing is lost when the page is left. */
  markHarmless() {
    this.harmless = this.stay.fingerprint();
  }

  move(from, to, key) {
    to.push(this.entries);
    const { stay, text } = from.pop();
    this.stay.restore(stay);
    this.said = key;
    this.show();
    this.onUndo(text);
  }

  show() {
    $("undo-said").textContent = this.said && t(this.said);
    $("undo").hidden = this.steps.length === 0;
    $("redo").hidden = this.undone.length === 0;
  }
}
