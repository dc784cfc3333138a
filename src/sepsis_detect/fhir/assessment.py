"""Assessment of one FHIR patient, and its parts in words: for RiskAssessment and for cards."""

from dataclasses import dataclass, replace
from typing import Literal

from sepsis_detect.assessment import pipeline
from sepsis_detect.assessment.pipeline import Assessment, Observer, Refusal
from sepsis_detect.assessment.policy import OnIncoherence
from sepsis_detect.clinical import rules
from sepsis_detect.clinical.variables import BY_CHALLENGE, VARIABLES, Language, decimal_comma
from sepsis_detect.fhir.patient import FhirPatient
from sepsis_detect.prediction import explain
from sepsis_detect.prediction.explain import Contribution
from sepsis_detect.prediction.model import Model
from sepsis_detect.problems import Problem, unprocessable

# An EHR sends measurements, not rows: an hour without any is no gap.
NOT_A_WARNING_HERE = frozenset({rules.HOUR_GAP.id})
MAX_REASONS = 5
DROPPED = "dropped"  # type of a warning about a value that was left out
HIGH_RISK_THRESHOLDS = 4.0
HIGH_RISK_PROBABILITY = 0.5
"""The risk is high from so many times the threshold on, or from this probability; docs/adr/0013."""
MAP_IN_SHOCK_BELOW = 65.0  # mm[Hg], Sepsis-3
LACTATE_IN_SHOCK_ABOVE = 4.0  # mmol/L

Risk = Literal["negligible", "low", "moderate", "high"]
NEGLIGIBLE_BELOW = 0.25  # of the threshold

_by_name = {variable.name: variable for variable in VARIABLES}
_icu_unit = replace(
    _by_name["icu_unit"], label_en="Intensive care unit", label_fr="Unité de réanimation"
)
_by_name["icu_unit"] = _icu_unit
WORDS_FR = {
    "female": "féminin",
    "male": "masculin",
    "medical": "médicale",
    "surgical": "chirurgicale",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirAssessment:
    """The assessment of one FHIR patient.

    Attributes:
        patient: As read.
        assessment: The prediction for the last hour.
        warnings: Dropped values, then notes of the reader and warnings of the rules.
        reasons: Variables that raised the probability most, then those that lowered it most.
    """

    patient: FhirPatient
    assessment: Assessment
    warnings: list[Problem]
    reasons: list[Contribution]

    @property
    def model(self) -> Model:
        """The model that predicted."""
        return self.assessment.model

    @property
    def probability(self) -> float:
        """Of sepsis within six hours, 0 to 1."""
        return float(self.assessment.probabilities[-1])

    @property
    def threshold(self) -> float:
        """The model's threshold: positive from here on."""
        return float(self.model.threshold)

    @property
    def is_positive(self) -> bool:
        """Whether the probability is at or above the threshold."""
        return bool(self.assessment.is_positive[-1])

    @property
    def verdict(self) -> str:
        """`Positive` or `Negative`."""
        return "Positive" if self.is_positive else "Negative"

    @property
    def risk(self) -> Risk:
        """The code of the FHIR value set `risk-probability`."""
        if not self.is_positive:
            is_small = self.probability < NEGLIGIBLE_BELOW * self.threshold
            return "negligible" if is_small else "low"
        return "high" if self.is_high else "moderate"

    @property
    def is_high(self) -> bool:
        """Whether the probability is far above the threshold."""
        limit = min(HIGH_RISK_THRESHOLDS * self.threshold, HIGH_RISK_PROBABILITY)
        return self.probability >= limit

    @property
    def is_in_shock(self) -> bool:
        """Whether the last hour shows a low mean pressure or a high lactate."""
        values = self.assessment.stay.values[-1]
        pressure, lactate = (values[BY_CHALLENGE[name].column] for name in ("MAP", "Lactate"))
        return bool(pressure < MAP_IN_SHOCK_BELOW or lactate > LACTATE_IN_SHOCK_ABOVE)

    @property
    def dropped(self) -> list[Problem]:
        """The values that the policy left out."""
        return [each for each in self.warnings if each.type == DROPPED]

    @property
    def is_stale(self) -> bool:
        """Whether the last vital sign is old."""
        return any(each.rule == rules.NO_VITALS.id for each in self.warnings)

    def rationale(self, language: Language) -> str:
        """The reasons in one or two sentences."""
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
    patient: FhirPatient,
    model: Model,
    on_incoherence: OnIncoherence,
    *,
    observe: Observer | None = None,
) -> FhirAssessment:
    """Assess one patient; `observe` as of `pipeline.assess`.

    Raises:
        RequestError: 422, every problem, then the notes of the reader, which may explain them.
    """
    (result,) = pipeline.assess(model, [patient], on_incoherence, observe=observe)
    if isinstance(result, Refusal):
        raise unprocessable([*result.problems(), *patient.notes])
    kept = [each for each in result.warnings() if each.rule not in NOT_A_WARNING_HERE]
    return FhirAssessment(
        patient=patient,
        assessment=result,
        warnings=sorted([*patient.notes, *kept], key=lambda each: each.type != DROPPED),
        reasons=explain.leading(model, result.stay, most=MAX_REASONS),
    )


def named_reason(reason: Contribution, language: Language) -> str:
    """A variable with its value, such as `Lactate 3.1 mmol/L`."""
    variable, value, is_french = _by_name[reason.variable], reason.value, language == "fr"
    label = variable.label(language)
    if value is None:
        return f"{label} : pas de mesure" if is_french else f"{label}: not measured"
    if isinstance(value, str):
        return f"{label} : {WORDS_FR[value]}" if is_french else f"{label}: {value}"
    return f"{label} {variable.measurement(round(value, 2), language)}"


def percent(probability: float, language: Language) -> str:
    """A probability in per cent, with two significant digits."""
    value = 100 * probability
    text = f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
    return f"{decimal_comma(text) if language == 'fr' else text} %"
