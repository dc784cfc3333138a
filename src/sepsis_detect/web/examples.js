// Three synthetic example patients. A dot, or a shorter row, means not measured. In canonical units,
// unless `asTyped` says that the numbers are those of the form.

import { fromCanonical, usualUnit } from "./units.js";

const ROWS = {
  well: {
    constants: { age: "58", sex: "female", icu_unit: "surgical", hospital_admission_hour: "22" },
    hours: {
      icu_hour: "1 2 3 4 5 6 7 8 9 10 11 12",
      heart_rate: "88 84 82 79 80 77 76 . 74 75 73 74",
      spo2: "98 98 97 98 98 97 98 . 98 97 98 98",
      temperature: "36.4 . . 36.7 . . . . 36.8 . . 36.8",
      systolic_bp: "118 121 124 126 122 125 128 . 127 124 126 125",
      mean_arterial_pressure: "80 82 84 86 83 85 88 . 87 85 86 85",
      diastolic_bp: "62 63 65 67 64 66 68 . 67 66 66 65",
      respiratory_rate: "16 15 16 14 15 14 15 . 14 15 14 15",
      fio2: "0.4 . . 0.3 . . . . 0.21",
      ph: "7.39 . . . . . 7.41",
      paco2: "39 . . . . . 38",
      lactate: "1.4 . . . . . 0.9",
      bun: "14 . . . . . . . . . 13",
      creatinine: "0.8 . . . . . . . . . 0.7",
      glucose: "142 . . . 126 . . . . . 112",
      potassium: "4.1 . . . . . . . . . 4.0",
      hemoglobin: "11.2 . . . . . . . . . 11.0",
      hematocrit: "33.5 . . . . . . . . . 33.0",
      wbc: "9.8 . . . . . . . . . 8.6",
      platelets: "214 . . . . . . . . . 208",
    },
  },
  septic: {
    constants: { age: "71", sex: "male", icu_unit: "medical", hospital_admission_hour: "61.5" },
    hours: {
      icu_hour: "25 26 27 28 29 30 31 32 33 34 35 36 37 38",
      heart_rate: "84 86 85 90 94 97 . 104 108 112 116 118 122 126",
      spo2: "97 97 96 96 95 95 . 94 94 93 93 92 92 91",
      temperature: "37.1 . . 37.6 . . . 38.2 . . 38.7 . 39.1",
      systolic_bp: "124 122 120 116 112 110 . 104 101 97 94 92 88 86",
      mean_arterial_pressure: "84 82 81 78 76 74 . 70 68 65 63 61 59 58",
      diastolic_bp: "66 64 63 60 59 57 . 54 52 50 48 47 45 45",
      respiratory_rate: "16 17 17 19 20 21 . 23 24 25 26 27 29 30",
      fio2: "0.3 . . . 0.35 . . 0.4 . . 0.5 . . 0.6",
      ph: "7.41 . . . . . . 7.37 . . . 7.33 . 7.3",
      paco2: "38 . . . . . . 35 . . . 33 . 32",
      lactate: "1.3 . . . . . . 2.1 . . . 3.4 . 4.2",
      bun: "21 . . . . . . . . . 32",
      creatinine: "1.1 . . . . . . . . . 1.9",
      glucose: "138 . . . . . . 171 . . 186",
      potassium: "4.2 . . . . . . . . . 4.6",
      bilirubin_total: "0.9 . . . . . . . . . 1.8",
      hemoglobin: "10.6 . . . . . . . . . 10.1",
      hematocrit: "32 . . . . . . . . . 30.5",
      wbc: "11.4 . . . . . . . . . 18.9",
      platelets: "198 . . . . . . . . . 131",
    },
  },
  // Temperature in °F, creatinine in the other usual unit and FiO2 in percent without their units; two pressures swapped.
  bad: {
    constants: { age: "66", sex: "male", icu_unit: "medical", hospital_admission_hour: "5" },
    asTyped: { units: { fio2: "1" }, si: { creatinine: ". . 1.5" } },
    hours: {
      icu_hour: "8 9 10",
      heart_rate: "96 98 101",
      spo2: "95 95 94",
      temperature: "37.4 . 100.4",
      systolic_bp: "122 74 118",
      diastolic_bp: "70 121 68",
      respiratory_rate: "20 21 22",
      fio2: "0.4 . 40",
      creatinine: ". . 132",
      lactate: "1.8 . 2.2",
    },
  },
};

/** An example in the form of `Stay.replace`, in the usual units of the stay's system. */
export function example(name, { variables, system }) {
  const { constants, asTyped, hours } = ROWS[name];
  const typed = { ...hours, ...asTyped?.[system] };
  const unitOf = (each) => asTyped?.units[each] ?? usualUnit(variables.get(each), system);
  const textOf = (each, text) => {
    const variable = variables.get(each);
    const isCanonical = asTyped || unitOf(each) === variable.unit;
    return isCanonical ? text : String(Number(fromCanonical(variable, unitOf(each), Number(text)).toPrecision(3)));
  };
  const units = Object.fromEntries(Object.keys(hours).map((each) => [each, unitOf(each)]));
  const columns = Object.entries(typed).map(([each, values]) => [each, values.split(" ")]);
  const rows = columns[0][1].map((_, at) => {
    const known = columns.filter(([, values]) => (values[at] ?? ".") !== ".");
    return Object.fromEntries(known.map(([each, values]) => [each, textOf(each, values[at])]));
  });
  return { constants, units, hours: rows };
}
