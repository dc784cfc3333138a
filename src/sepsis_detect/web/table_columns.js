// The columns of a table: what each header names, and its unit.

import { readUnit, usualUnit } from "./units.js";

/** A text in lower case, without accents; one space for other signs. */
export const plain = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, " ").trim();

const ID = /^(ipp|iep|nip|nda|mrn|patientunitstayid|(patient|pat|stay|icustay|subject|hadm|encounter|case|sejour|fall)( ?(id|nr|no|number|nummer))?|id( (patient|sejour))?)$/;
const LABELS = /^(sepsislabel|sepsis_label|label)$/i;

/** The headers that are known: names and labels of the variables, and `table_words` of the service. */
export class Headers {
  constructor(variables, words) {
    this.variables = variables;
    this.names = new Map();
    const add = (text, meaning) => this.names.set(plain(text), { ...this.names.get(plain(text)), ...meaning });
    const find = (name) => variables.find((variable) => variable.name === name);
    for (const variable of variables) {
      const { name, challenge_name, label_en, label_fr } = variable;
      for (const text of [name, challenge_name, label_en, label_fr].flatMap((each) => [each, each.replace(/ *\(.*/, "")])) {
        if (!this.names.has(plain(text))) add(text, { variables: [variable] });
      }
    }
    const meanings = {
      header: (names) => ({ variables: names.map(find) }),
      urea: (names) => ({ variables: names.map(find), isUrea: true }),
      ask: (names) => ({ variables: names.map(find), isUnclear: true }),
      role: ([role]) => ({ role }),
    };
    this.values = new Map();
    this.units = new Map();
    for (const { kind, meanings: meant, words: texts } of words) {
      for (const text of texts) {
        if (kind === "value") this.values.set(text, meant[0]);
        else if (kind === "unit") this.units.set(text, meant[0]);
        else add(text, meanings[kind](meant));
      }
    }
  }

  /** The meaning of a whole header; null if it is not known. */
  meaning(text) {
    const raw = text.trim().toLowerCase();
    const own = this.variables.find(({ name, challenge_name: challenge }) => [name, challenge.toLowerCase()].includes(raw));
    return own ? { variables: [own], isOwn: true } : (this.names.get(plain(text)) ?? null);
  }

  /** The unit that a text names for a variable; null if it is none of its units. */
  unit(variable, text, isUrea = false) {
    const named = this.units.get(plain(text));
    const read = (isUrea ? readUnit(variable, `${text} (urea)`) : null) ?? readUnit(variable, text);
    return read ?? (variable.units.includes(named) ? named : null);
  }

  /**
   * The column of a header: `{text, variables, role, unit, ...}`; `unit` is null if the header names none,
   * `unknownUnit` what stands in its brackets instead.
   */
  column(text) {
    // A sign such as % is a unit behind the name, and no part of it.
    const signed = /[%°]/.test(text) ? this.behind(text) : null;
    if (signed) return signed;
    const whole = this.meaning(text);
    if (whole) return { text, unit: null, ...whole };
    const [, name, inside] = /^(.*?) *[([]([^()[\]]*(?:\([^)]*\))?)[)\]]$/.exec(text) ?? [];
    const bracketed = name && this.meaning(name);
    if (bracketed?.variables) {
      const [variable] = bracketed.variables;
      const unit = this.unit(variable, inside, bracketed.isUrea);
      const isName = this.names.get(plain(inside))?.variables?.includes(variable);
      return { text, ...bracketed, unit, unknownUnit: unit || isName || bracketed.role ? null : inside };
    }
    return this.behind(text) ?? { text, unit: null, role: ID.test(plain(text)) ? "patient" : LABELS.test(text) ? "label" : null };
  }

  /** The column of a header with its unit behind it, such as `FiO2 %` or `lactate_mmol_L`. */
  behind(text) {
    for (let at = text.length - 1; at > 0; at--) {
      if (!/[\s_,;:/%°[(-]/.test(text[at])) continue;
      const found = this.meaning(text.slice(0, at));
      if (!found?.variables) continue;
      const rest = text.slice(at).replace(/^[\s_,;:/([-]+|[)\]]$/g, "");
      const unit = [rest, rest.replace("_", "/")].map((each) => this.unit(found.variables[0], each, found.isUrea)).find(Boolean);
      if (unit) return { text, ...found, unit };
    }
    return null;
  }
}

/** Whether a row below the headers has their units; the units of other columns are not known. */
export function isUnitRow(cells, columns, headers) {
  const known = cells.map((text, at) => [text, columns[at]]).filter(([text, column]) => text !== "" && column?.variables && headers.meaning(text)?.role !== "unit");
  return known.length > 0 && known.every(([text, { variables, isUrea }]) => headers.unit(variables[0], text, isUrea));
}

/** Whether every name is one of the API or of the challenge: then units are those of the API. */
const isOwnTable = (columns) => columns.every(({ variables, isOwn }) => !variables || isOwn);

/**
 * The columns as they are used: the first variable of each header, in its unit or the usual one, or as
 * the user chose: `chosen` has `{name, unit}` by position; a name is a challenge name, "" for none.
 */
export function mapColumns(columns, headers, chosen, system) {
  const isOwn = isOwnTable(columns);
  return columns.map((column, at) => {
    const choice = chosen[at] ?? {};
    const named = choice.name === undefined ? column.variables?.[0] : headers.variables.find((each) => each.challenge_name === choice.name);
    const isUnclear = choice.name === undefined && column.isUnclear;
    if (!named || isUnclear) return { ...column, kind: "other", isUnclear };
    const assumed = isOwn ? named.unit : usualUnit(named, system, column.isUrea);
    const unit = choice.unit ?? column.unit;
    const isUnknown = !unit && Boolean(column.unknownUnit);
    return { ...column, kind: "variable", variable: named, name: named.name, unit: unit ?? assumed, isStated: Boolean(unit), isUnknown, isUnclear };
  });
}
