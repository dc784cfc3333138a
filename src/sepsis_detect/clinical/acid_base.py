"""Acid-base rules: pH, PaCO2, bicarbonate and base excess of one hour must fit each other.

Two of the four imply the others (Henderson-Hasselbalch at 37 Cel; Van Slyke's equation in the form
of Siggaard-Andersen). A refusal allows about a factor of two in bicarbonate, since bicarbonate may
be of another sample than the blood gas.
"""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from sepsis_detect.clinical.rules import ROUNDING, Rule, refused, warning
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray
from sepsis_detect.clinical.variables import BY_CHALLENGE

PK = 6.1  # carbonic acid, 37 Cel
CO2_SOLUBILITY = 0.0307  # mmol/L/mm[Hg]
REFUSED_ABOVE = 0.30  # pH; a factor of two in bicarbonate or PaCO2
WARNS_ABOVE = 0.15  # pH
BASE_EXCESS_REFUSED_ABOVE = 25.0  # mmol/L; bicarbonate twice as high changes it by about as much
BASE_EXCESS_WARNS_ABOVE = 5.0
# A base deficit sent as base excess: its sign contradicts pH and PaCO2.
DEFICIT_BELOW, DEFICIT_PH_ABOVE, DEFICIT_PACO2_ABOVE = -8.0, 7.5, 40.0
EXCESS_ABOVE, EXCESS_PH_BELOW, EXCESS_PACO2_BELOW = 8.0, 7.3, 40.0
IMPLIED_RANGES = {"PaCO2": (2.5, 400.0), "HCO3": (0.5, 100.0), "pH": (6.3, 8.1)}
"""Beyond what was survived, by challenge name: PaCO2 375 mm[Hg] at pH 6.60 (Chest 1992;102:1742),
bicarbonate 82 mmol/L (PMC5040772), pH 6.38 (Emerg Med J 2002;19:169) and 7.91 (J Med Cases
2014;5:312)."""

HENDERSON_HASSELBALCH = refused(
    "abg.hh",
    "pH {a}, bicarbonate {b} and PaCO2 {c} contradict each other (Henderson-Hasselbalch).",
    "pH {a}, bicarbonates {b} et PaCO2 {c} se contredisent (Henderson-Hasselbalch).",
    "The bicarbonate may be of another sample than the blood gas: send the one of the gas. Else "
    "one of the three is in another unit.",
    "Les bicarbonates viennent peut-être d'un autre prélèvement que le gaz du sang : envoyez ceux "
    "du gaz. Sinon, l'une des trois valeurs est dans une autre unité.",
)
HENDERSON_HASSELBALCH_W = warning(
    "abg.hh_w",
    "pH {a}, bicarbonate {b} and PaCO2 {c} fit poorly (Henderson-Hasselbalch).",
    "pH {a}, bicarbonates {b} et PaCO2 {c} s'accordent mal (Henderson-Hasselbalch).",
)
BASE_EXCESS = refused(
    "abg.be",
    "Base excess {c} is more than 25 mmol/L from what pH {a} and PaCO2 {b} imply.",
    "L'excès de base ({c}) s'écarte de plus de 25 mmol/L de ce qu'impliquent pH {a} et PaCO2 {b}.",
    "Was a base deficit sent? Change its sign.",
    "S'agit-il d'un déficit de base ? Changez le signe.",
)
BASE_EXCESS_W = warning(
    "abg.be_w",
    "Base excess {c} is more than 5 mmol/L from what pH {a} and PaCO2 {b} imply.",
    "L'excès de base ({c}) s'écarte de plus de 5 mmol/L de ce qu'impliquent pH {a} et PaCO2 {b}.",
)
BASE_EXCESS_SIGN = warning(
    "abg.be_sign",
    "Base excess {c} contradicts pH {a} with PaCO2 {b}.",
    "L'excès de base ({c}) contredit le pH {a} avec une PaCO2 de {b}.",
    "Was a base deficit sent? Change its sign.",
    "S'agit-il d'un déficit de base ? Changez le signe.",
)
PH_BICARBONATE = refused(
    "abg.ph_hco3",
    "pH {a} with bicarbonate {b} would need an impossible PaCO2.",
    "Un pH {a} avec des bicarbonates {b} supposerait une PaCO2 impossible.",
    "Are they of one sample, and in the units stated?",
    "Sont-ils du même prélèvement, et dans les unités indiquées ?",
)
PH_PACO2 = refused(
    "abg.ph_paco2",
    "pH {a} with PaCO2 {b} would need an impossible bicarbonate.",
    "Un pH {a} avec une PaCO2 de {b} supposerait des bicarbonates impossibles.",
    "Are they of one sample, and in the units stated?",
    "Sont-ils du même prélèvement, et dans les unités indiquées ?",
)
BICARBONATE_PACO2 = refused(
    "abg.hco3_paco2",
    "Bicarbonate {a} with PaCO2 {b} would need an impossible pH.",
    "Des bicarbonates {a} avec une PaCO2 de {b} supposeraient un pH impossible.",
    "Are they of one sample, and in the units stated?",
    "Sont-ils du même prélèvement, et dans les unités indiquées ?",
)
PH_BASE_EXCESS = refused(
    "abg.ph_be",
    "pH {a} with base excess {b} would need an impossible PaCO2.",
    "Un pH {a} avec un excès de base de {b} supposerait une PaCO2 impossible.",
    "Was a base deficit sent? Change its sign.",
    "S'agit-il d'un déficit de base ? Changez le signe.",
)

PH, PACO2, HCO3, EXCESS = (
    BY_CHALLENGE[name].column for name in ("pH", "PaCO2", "HCO3", "BaseExcess")
)
COLUMNS = (PH, PACO2, HCO3, EXCESS)
_HH_COLUMNS, _BE_COLUMNS = (PH, HCO3, PACO2), (PH, PACO2, EXCESS)


class Contradiction(NamedTuple):
    """One rule, the rows at which it is violated, and the variables in its order."""

    rule: Rule
    rows: IntArray
    columns: tuple[int, ...]


class BloodGas(NamedTuple):
    """The acid-base values of some hours, each of shape (n_rows,)."""

    ph: FloatArray
    paco2: FloatArray
    hco3: FloatArray
    excess: FloatArray


_Fires = tuple[Rule, BoolArray, tuple[int, ...]]


def contradictions(values: FloatArray) -> Iterator[Contradiction]:
    """Find the hours whose acid-base values contradict each other.

    Args:
        values: Shape (n_hours, 40), possible values in canonical units, NaN where missing.
    """
    measured = values.take(COLUMNS, axis=1)
    is_known = measured == measured  # NaN differs from itself
    rows = (is_known.sum(axis=1) > 1).nonzero()[0]
    if not rows.size:
        return
    gas = BloodGas(*measured[rows].T)
    checks = [_against_ph_and_paco2(gas)]
    if np.count_nonzero(is_known[rows, :3]) < 3 * rows.size:
        checks.append(_of_two(gas))
    for rule, fires, columns in chain.from_iterable(checks):
        if np.count_nonzero(fires):
            yield Contradiction(rule, rows[fires], columns)


def _against_ph_and_paco2(gas: BloodGas) -> Iterator[_Fires]:
    """Bicarbonate and base excess against what pH and PaCO2 imply."""
    implied_hco3 = CO2_SOLUBILITY * gas.paco2 * 10 ** (gas.ph - PK)
    difference = np.abs(np.log10(gas.hco3 / implied_hco3))  # that of the pH is the same
    if np.count_nonzero(difference > WARNS_ABOVE):
        yield HENDERSON_HASSELBALCH, difference > REFUSED_ABOVE + ROUNDING, _HH_COLUMNS
        yield HENDERSON_HASSELBALCH_W, difference > WARNS_ABOVE + ROUNDING, _HH_COLUMNS
    implied_excess = 0.93 * (implied_hco3 - 24.4 + 14.8 * (gas.ph - 7.4))  # Van Slyke
    difference = np.abs(gas.excess - implied_excess)
    if np.count_nonzero(difference > BASE_EXCESS_WARNS_ABOVE):
        yield BASE_EXCESS, difference > BASE_EXCESS_REFUSED_ABOVE + ROUNDING, _BE_COLUMNS
        yield BASE_EXCESS_W, difference > BASE_EXCESS_WARNS_ABOVE + ROUNDING, _BE_COLUMNS
        yield BASE_EXCESS_SIGN, _has_wrong_sign(gas), _BE_COLUMNS


def _has_wrong_sign(gas: BloodGas) -> BoolArray:
    is_deficit = (
        (gas.excess < DEFICIT_BELOW)
        & (gas.ph > DEFICIT_PH_ABOVE)
        & (gas.paco2 > DEFICIT_PACO2_ABOVE)
    )
    is_excess = (
        (gas.excess > EXCESS_ABOVE) & (gas.ph < EXCESS_PH_BELOW) & (gas.paco2 < EXCESS_PACO2_BELOW)
    )
    wrong: BoolArray = is_deficit | is_excess
    return wrong


def _of_two(gas: BloodGas) -> Iterator[_Fires]:
    """Two values that imply an impossible third one, where that one was not sent."""
    per_mmhg = CO2_SOLUBILITY * 10 ** (gas.ph - PK)  # bicarbonate
    no_paco2, no_hco3 = np.isnan(gas.paco2), np.isnan(gas.hco3)
    yield PH_BICARBONATE, no_paco2 & _is_impossible(gas.hco3 / per_mmhg, "PaCO2"), (PH, HCO3)
    yield PH_PACO2, no_hco3 & _is_impossible(gas.paco2 * per_mmhg, "HCO3"), (PH, PACO2)
    ph = PK + np.log10(gas.hco3 / (CO2_SOLUBILITY * gas.paco2))
    yield BICARBONATE_PACO2, np.isnan(gas.ph) & _is_impossible(ph, "pH"), (HCO3, PACO2)
    hco3 = gas.excess / 0.93 + 24.4 - 14.8 * (gas.ph - 7.4)
    # Far below zero Van Slyke's equation may give no bicarbonate at all: only too much is judged.
    too_much = hco3 / per_mmhg > IMPLIED_RANGES["PaCO2"][1]
    yield PH_BASE_EXCESS, no_paco2 & too_much, (PH, EXCESS)


def _is_impossible(implied: FloatArray, challenge: str) -> BoolArray:
    low, high = IMPLIED_RANGES[challenge]
    impossible: BoolArray = (implied < low) | (implied > high)
    return impossible
