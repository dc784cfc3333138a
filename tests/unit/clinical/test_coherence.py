"""Coherence check of stays, alone and end to end."""

import csv
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest

from sepsis_detect.clinical import coherence, rules
from sepsis_detect.clinical.coherence import RuleViolation
from sepsis_detect.clinical.findings import findings
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE, ICU_HOUR, N_COLUMNS, VARIABLES
from tests import stays
from tests.paths import SHARED
from tests.stays import NAN

needs_shared_data = pytest.mark.skipif(
    not SHARED.exists(), reason="the shared data are not beside the checkout"
)
WELL: dict[str, float | list[float]] = {
    "HR": 80.0,
    "SBP": 120.0,
    "MAP": 85.0,
    "DBP": 65.0,
    "Resp": 16.0,
    "Temp": 37.0,
    "Age": 60.0,
}


def a_stay(n_hours: int = 10, /, **changed: float | list[float]) -> Stay:
    """A well patient in every hour, with some values changed."""
    return stays.a_stay(n_hours, {**WELL, **changed})


def fired(stay: Stay) -> set[str]:
    return {violation.rule.id for violation in coherence.scan(stay)}


def test_a_well_patient_is_coherent() -> None:
    assert fired(a_stay(HR=[80.0 + hour % 2 for hour in range(10)])) == set()


def test_one_impossible_value_is_one_problem() -> None:
    assert fired(a_stay(SBP=12.0)) == {"range:SBP"}


def test_a_refusal_replaces_the_warning_about_the_same_values() -> None:
    assert fired(a_stay(Hct=60.0, Hgb=7.0)) == {"heme.ratio"}


def test_a_constant_is_reported_once_and_dropped_everywhere() -> None:
    stay = a_stay(Age=130.0)
    violations = coherence.scan(stay)
    assert [violation.rows.tolist() for violation in violations] == [[0]]
    assert np.isnan(coherence.drop(stay, violations).values[:, BY_CHALLENGE["Age"].column]).all()


def test_a_stay_without_its_refused_values_is_not_refused() -> None:
    broken = a_stay(SBP=60.0, Hct=60.0, Hgb=7.0, pH=6.9, HCO3=40.0, PaCO2=30.0, FiO2=40.0)
    remaining = coherence.scan(coherence.drop_incoherent(broken))
    assert [violation for violation in remaining if violation.is_refusal] == []


def test_dropping_keeps_every_other_value() -> None:
    broken = a_stay(SBP=[120.0] * 9 + [60.0])
    kept = coherence.drop_incoherent(broken).values
    is_dropped = np.isnan(kept) & ~np.isnan(broken.values)
    dropped = {(9, BY_CHALLENGE[name].column) for name in ("SBP", "DBP", "MAP")}
    assert set(map(tuple, np.argwhere(is_dropped).tolist())) == dropped


@pytest.mark.parametrize("n_hours", [11, 12, 30])
def test_vital_signs_that_never_change_have_one_warning_after_twelve_hours(n_hours: int) -> None:
    rows = [
        violation.rows.tolist()
        for violation in coherence.scan(a_stay(n_hours))
        if violation.rule is rules.FROZEN
    ]
    assert rows == ([] if n_hours < 12 else [[11]])


def test_each_finding_has_two_languages_and_no_open_placeholder() -> None:
    for stay in broken_stays():
        for finding in findings(stay, coherence.scan(stay)):
            assert finding.en != finding.fr
            assert not {"{", "}", "nan", "None"} & set(finding.en.split()), finding.en
            assert bool(finding.hint_en) == bool(finding.hint_fr)


def broken_stays() -> list[Stay]:
    """Stays that break rules of every kind, in one hour or over hours."""
    return [
        a_stay(),
        a_stay(SBP=60.0),
        a_stay(3, Temp=[37.0, 45.1, 20.0]),
        a_stay(Age=[60.0] * 9 + [70.0], Gender=[0.0] * 5 + [1.0] * 5),
        a_stay(ICULOS=[1.0, 2, 3, 4, 5, 5, 9, 8, 10, 11]),
        a_stay(HR=[80.0] * 9 + [190.0], Unit1=1.0, Unit2=1.0),
        a_stay(**dict.fromkeys(WELL, NAN)),
        a_stay(Hct=60.0, Hgb=7.0, Bilirubin_direct=5.0, Bilirubin_total=1.0, Unit1=1.0),
        a_stay(pH=7.1, HCO3=40.0, PaCO2=30.0, BaseExcess=12.0, EtCO2=60.0, SaO2=60.0, O2Sat=95.0),
        a_stay(40, **dict.fromkeys(WELL, NAN) | {"Lactate": 2.0}),
        a_stay(MAP=200.0, SBP=210.0, DBP=150.0),
        a_stay(MAP=60.0, SBP=60.0, DBP=60.0),
        a_stay(2, MAP=[199.0, 100.0], SBP=[200.0, 105.0], DBP=[40.0, 40.0]),
        a_stay(2, pH=6.8, BaseExcess=[30.0, NAN], HCO3=[NAN, 65.0]),
        a_stay(2, PaCO2=[250.0, 5.0], pH=[7.8, NAN], HCO3=[NAN, 60.0]),
        a_stay(pH=6.8, PaCO2=40.0, BaseExcess=30.0),
    ]


def test_stays_end_to_end_have_the_violations_of_each_alone() -> None:
    several = broken_stays()
    together = Stay.end_to_end(several)
    alone = [
        (rule, row + start, columns)
        for stay, start in zip(several, together.starts.tolist(), strict=True)
        for rule, row, columns in occurrences(coherence.scan(stay))
    ]
    assert sorted(occurrences(coherence.scan(together))) == sorted(alone)


def occurrences(violations: Iterable[RuleViolation]) -> list[tuple[str, int, tuple[int, ...]]]:
    return [
        (violation.rule.id, row, violation.columns)
        for violation in violations
        for row in violation.rows.tolist()
    ]


SAME_RULE = {
    "bp:DBP>=SBP": "bp.dbp_ge_sbp",
    "bp:MAP>SBP+5": "bp.map_gt_sbp",
    "bp:MAP<DBP-5": "bp.map_lt_dbp",
    "bili:direct>1.1*total+0.3": "bili.direct_gt_total",
    "hct_hgb:outside 1.5-5.0": "heme.ratio",
    "bp:MAP outside [DBP,SBP] by <=5": "bp.map_edge",
    "bp:pulse pressure<10": "bp.pp_narrow",
    "bp:pulse pressure>150": "bp.pp_wide",
    "bp:MAP>=200": "bp.map_flush",
    "sat:|SpO2-SaO2|>15": "sat.spo2_sao2",
    "etco2>paco2+10": "gas.etco2_gt_paco2",
    "calcium<4 (ionised?)": "calcium.unit",
    "magnesium<1.2 (mmol/L?)": "magnesium.unit",
    "phosphate<1.0 (mmol/L?)": "phosphate.unit",
    "glucose<40 (mmol/L?)": "glucose.unit",
    "troponin>100 (ng/L?)": "troponin.unit",
    "resp<5 or >50": "range_w:Resp",
    "temp<32 or >41.5": "range_w:Temp",
    "spo2<70": "range_w:O2Sat",
    "hr<30 or >200": "range_w:HR",
}


@needs_shared_data
def test_rules_fire_on_real_stays_as_often_as_they_were_measured() -> None:
    """The rates are of all 20,000 stays of set B; 85 % of them are beside the checkout."""
    tables = pytest.importorskip("sepsis_detect.batch_scoring.stay_files")
    counts: Counter[str] = Counter()
    refused = 0
    for batch in tables.read_stays(SHARED / "data" / "physionet2019" / "setB.parquet"):
        violations = coherence.scan(batch.stay)
        for rule, _, _ in set(occurrences(violations)):
            counts[rule] += 1
        at = [
            violation.rows for violation in violations if violation.is_refusal and violation.columns
        ]
        refused += len(np.unique(np.concatenate(at))) if at else 0
    # When the rates were measured, pressures without a pulse were refused.
    counts["bp.dbp_ge_sbp"] += counts["bp.no_pulse"]
    counts["ANY HARD RULE"] = refused + counts["bp.no_pulse"]
    with (SHARED / "reference" / "rule_rates_setB.csv").open(encoding="utf-8") as file:
        for row in csv.reader(file):
            rule = SAME_RULE.get(row[1], row[1])
            if row[0] not in ("H", "W") or (rule not in counts and row[1] not in SAME_RULE):
                continue
            measured = int(row[2])
            # Five standard deviations of an 85 % sample, in which violations cluster by stay.
            margin = 5 * (measured * 0.85) ** 0.5 * 1.5 + 1
            if measured >= 40:
                assert counts[rule] == pytest.approx(0.85 * measured, abs=margin), rule
            else:
                assert counts[rule] <= measured + (rule == "bp.map_flush"), rule


def a_random_stay(random: np.random.Generator) -> Stay:
    """Values in and out of their ranges, hours in and out of order."""
    n_hours = int(random.choice([1, 1, 2, 5, 14]))
    low = np.array([variable.hard_low for variable in VARIABLES])
    high = np.array([variable.hard_high for variable in VARIABLES])
    excess = random.choice([0.0, 0.05, 0.5])
    values = random.uniform(
        low - excess * (high - low), high + excess * (high - low), (1, N_COLUMNS)
    )
    values = values.round(1).repeat(n_hours, axis=0)
    other = random.random(values.shape) < 0.3
    values[other] = random.uniform(low, high, values.shape).round(1)[other]
    values[random.random(values.shape) < random.choice([0.0, 0.5, 0.95])] = NAN
    values[:, ICU_HOUR] = np.cumsum(random.choice([1, 1, 1, 1, 0, -1, 3], n_hours))
    return Stay(values)


def as_text(violations: list[RuleViolation]) -> list[str]:
    return [
        f"{violation.rule.id} {violation.columns} {violation.rows.tolist()} "
        f"{[(name, values.tolist()) for name, values in violation.numbers.items()]}"
        for violation in violations
    ]


@pytest.mark.parametrize("seed", range(20))
def test_scan_each_finds_what_scan_finds_in_each_stay(seed: int) -> None:
    random = np.random.default_rng(seed)
    stays = [a_random_stay(random) for _ in range(int(random.integers(1, 12)))]
    together = coherence.scan_each(Stay.end_to_end(stays))
    assert [as_text(violations) for violations in together] == [
        as_text(coherence.scan(s)) for s in stays
    ]
