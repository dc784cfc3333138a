// A made-up ward: the example patients at several hours, and one of whom little was measured.

import { t } from "./i18n.js";
import { example } from "./examples.js";
import { Bed } from "./ward_bed.js";

/** Beds: the example, how many of its hours are known, and which of its variables (all by default). */
const BEDS = [
  { name: "well", hours: 12 },
  { name: "septic", hours: 14 },
  { name: "bad", hours: 3 },
  { name: "well", hours: 9 },
  { name: "septic", hours: 9 },
  { name: "well", hours: 10, variables: ["icu_hour", "heart_rate", "spo2"] },
  { name: "septic", hours: 11 },
  { name: "well", hours: 11 },
];

/** @param newStay makes a `Stay` of constants, units and hours. */
export function exampleBeds(newStay) {
  return BEDS.map(({ name, hours, variables }, at) => {
    const patient = example(name, newStay({ constants: {}, units: {}, hours: [{}] }));
    const isKept = ([key]) => !variables || variables.includes(key);
    const kept = patient.hours.slice(0, hours).map((hour) => Object.fromEntries(Object.entries(hour).filter(isKept)));
    return new Bed(t("ward.bed_n", { n: at + 1 }), newStay({ ...patient, hours: kept }));
  });
}
