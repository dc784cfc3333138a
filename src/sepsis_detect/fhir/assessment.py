"""One patient, judged and answered: what FHIR and CDS Hooks both present."""

from dataclasses import dataclass
from typing import Literal

from sepsis_detect.api.answers import Judged, OnIncoherence, judge
from sepsis_detect.clinical import rules
from sepsis_detect.clinical.hints import decimal_comma, number
from sepsis_detect.clinical.variables import BY_CHALLENGE, VARIABLES
from sepsis_detect.fhir.languages import Language
from sepsis_detect.fhir.patient import FhirPatient
from sepsis_detect.prediction import explain, predictor
from sepsis_detect.prediction.explain import Contribution
from sepsis_detect.prediction.model import Model
from sepsis_detect.problems import Problem, RequestError
from sepsis_detect.telemetry.metrics import Metrics

# An EHR sends what was measured, not rows: hours in between are no gap.
NATURAL = frozenset({rules.HOUR_GAP.id})
MAX_REASONS = 5
MANY_TIMES_THRESHOLD = 4.0
FAR_ABOVE_AT_MOST = 0.5
"""From many times the threshold on, or one in two, the risk is high; see docs/adr/0013."""
MAP_IN_SHOCK_BELOW = 65.0  # mm[Hg], Sepsis-3
LACTATE_IN_SHOCK_ABOVE = 4.0  # mmol/L

Risk = Literal["negligible", "low", "moderate", "high"]
NEGLIGIBLE_BELOW = 0.25  # of the threshold

_labels = {
    "en": {variable.name: variable.label_en for variable in VARIABLES},
    "fr": {variable.name: variable.label_fr for variable in VARIABLES}
    | {"icu_unit": "Unité de réanimation"},
}
_labels["en"]["icu_unit"] = "Intensive care unit"
_units = {
    "en": {variable.name: variable.unit_label_en for variable in VARIABLES},
    "fr": {variable.name: variable.unit_label_fr for variable in VARIABLES},
}
WORDS_FR = {
    "female": "féminin",
    "male": "masculin",
    "medical": "médicale",
    "surgical": "chirurgicale",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The answer to one patient.

    Attributes:
        patient: As read.
        judged: The stay the model saw.
        probability: Of sepsis within six hours, 0 to 1.
        is_positive: Probability at or above the model's threshold.
        model: That answered.
        warnings: What accompanies the answer.
        reasons: What moved it: what raised it first, the most in front.
    """

    patient: FhirPatient
    judged: Judged
    probability: float
    is_positive: bool
    model: Model
    warnings: list[Problem]
    reasons: list[Contribution]

    @property
    def threshold(self) -> float:
        """Of the model: positive from here on."""
        return float(self.model.threshold)

    @property
    def word(self) -> str:
        """`Positive` or `Negative`."""
        return "Positive" if self.is_positive else "Negative"

    @property
    def risk(self) -> Risk:
        """In a word of the FHIR value set."""
        if not self.is_positive:
            is_small = self.probability < NEGLIGIBLE_BELOW * self.threshold
            return "negligible" if is_small else "low"
        return "high" if self.is_far_above else "moderate"

    @property
    def is_far_above(self) -> bool:
        """Whether the probability is many times the threshold."""
        return self.probability >= min(MANY_TIMES_THRESHOLD * self.threshold, FAR_ABOVE_AT_MOST)

    @property
    def is_in_shock(self) -> bool:
        """Whether the last hour shows a low mean pressure or a high lactate."""
        values = self.judged.stay.values[-1]
        pressure, lactate = (values[BY_CHALLENGE[name].column] for name in ("MAP", "Lactate"))
        return bool(pressure < MAP_IN_SHOCK_BELOW or lactate > LACTATE_IN_SHOCK_ABOVE)

    @property
    def is_stale(self) -> bool:
        """Whether the last vital sign is old."""
        return any(each.rule == rules.NO_VITALS.id for each in self.warnings)

    def rationale(self, language: Language) -> str:
        """The reasons in a sentence or two."""
        raised = [each for each in self.reasons if each.effect > 0]
        lowered = [each for each in self.reasons if each.effect < 0]
        parts = []
        for reasons, en, fr in (
            (raised, "Raised the risk: ", "Ont augmenté le risque : "),
            (lowered, "Lowered it: ", "L'ont diminué : "),
        ):
            if reasons:
                named = ", ".join(named_reason(each, language) for each in reasons)
                parts.append(f"{fr if language == 'fr' else en}{named}.")
        return " ".join(parts)


def assess(
    patient: FhirPatient, model: Model, policy: OnIncoherence, *, metrics: Metrics
) -> Assessment:
    """Answer one patient, with the rules and the model of every other route.

    Raises:
        RequestError: 422, with everything that is wrong and what may explain it.
    """
    try:
        judged = judge(patient, policy)
    except RequestError as error:
        error.problems += patient.notes
        raise
    predictions = predictor.predict_last(model, judged.stay)
    metrics.predicted(model, predictions)
    kept = [each for each in judged.warnings if each.rule not in NATURAL]
    return Assessment(
        patient=patient,
        judged=judged,
        probability=float(predictions.probabilities[-1]),
        is_positive=bool(predictions.is_positive[-1]),
        model=model,
        warnings=[*patient.notes, *kept],
        reasons=explain.leading(model, judged.stay, most=MAX_REASONS),
    )


def named_reason(reason: Contribution, language: Language) -> str:
    """A variable with its value, such as `Lactate 3.1 mmol/L`."""
    label, value, is_french = _labels[language][reason.variable], reason.value, language == "fr"
    if value is None:
        return f"{label} : pas de mesure" if is_french else f"{label}: not measured"
    if isinstance(value, str):
        return f"{label} : {WORDS_FR[value]}" if is_french else f"{label}: {value}"
    return f"{label} {local(number(round(value, 2)), language)} {_unit(reason, language)}".strip()


def _unit(reason: Contribution, language: Language) -> str:
    unit = _units[language][reason.variable]
    return "" if unit == "fraction" else unit


def local(text: str, language: Language) -> str:
    """A number as the language writes it."""
    return decimal_comma(text) if language == "fr" else text


def percent(probability: float, language: Language) -> str:
    """A probability in per cent, with two significant digits."""
    value = 100 * probability
    text = f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
    return f"{local(text, language)} %"
