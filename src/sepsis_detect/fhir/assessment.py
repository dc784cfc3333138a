"""Assessment of one FHIR patient, and its parts in words: for RiskAssessment and for cards."""

from dataclasses import dataclass, replace
from typing import Literal

from sepsis_detect.assessment import pipeline
from sepsis_detect.assessment.pipeline import Assessment, Observer, Refusal
from sepsis_detect.assessment.policy import OnIncoherence
from sepsis_detect.bedside_scores import shock
from sepsis_detect.clinical import rules
from sepsis_detect.clinical.variables import VARIABLES, Language, Variable, decimal_comma
from sepsis_detect.fhir.patient import FhirPatient
from sepsis_detect.prediction import explain
from sepsis_detect.prediction.data_sufficiency import DataSufficiency, Level
from sepsis_detect.prediction.explain import Contribution
from sepsis_detect.prediction.model import Model
from sepsis_detect.problems import Problem, unprocessable

# An EHR sends measurements, not rows: an hour without any is no gap.
NOT_A_WARNING_HERE = frozenset({rules.HOUR_GAP.id})
MAX_REASONS = 5
DROPPED = "dropped"  # type of a warning about a value that was left out
LIMITS_THE_ANSWER = ("data.", "stay.", "icu.")  # prefixes of rules
NOT_READ = frozenset({"code.unknown", "code.no_system", "resource.unused"})
CTX_OF_UNITS = frozenset({"likely_unit", "likely_units", "converted"})
_BIRTH = ("Is the birth date right?", "La date de naissance est-elle exacte ?")
_ADMISSION = (
    "Does the Encounter begin after its own stay in intensive care?",
    "L'Encounter débute-t-il après son propre séjour en réanimation ?",
)
HINTS_ABOUT_DATES = {
    "range:Age": _BIRTH,
    "range:HospAdmTime": _ADMISSION,
    "stay.admtime_w": _ADMISSION,
}
FAR_ABOVE_THRESHOLDS = 4.0
FAR_ABOVE_PROBABILITY = 0.5
"""Far above is from so many times the threshold on, or from this probability; docs/adr/0013."""

RiskLevel = Literal["below-threshold", "above-threshold", "far-above-threshold"]

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
        warnings: Dropped values, what limits the answer, implausible values, then other notes of
            the reader and warnings of the rules; codes and resources that are not read come last.
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
        """That sepsis begins within six hours or has begun, 0 to 1."""
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
    def risk_level(self) -> RiskLevel:
        """Where the probability lies."""
        if not self.is_positive:
            return "below-threshold"
        return "far-above-threshold" if self.is_far_above else "above-threshold"

    @property
    def is_far_above(self) -> bool:
        """Whether the probability is far above the threshold."""
        limit = min(FAR_ABOVE_THRESHOLDS * self.threshold, FAR_ABOVE_PROBABILITY)
        return self.probability >= limit

    @property
    def is_in_shock(self) -> bool:
        """Whether the mean pressure is low or the lactate high."""
        return shock.is_likely(self.assessment.stay)

    @property
    def sufficiency(self) -> DataSufficiency:
        """How much the answer rests on."""
        return self.assessment.sufficiency

    @property
    def implausible(self) -> list[Problem]:
        """Warnings about values that are possible and hardly ever right."""
        return [each for each in self.warnings if each.rule in rules.IMPLAUSIBLE]

    @property
    def dropped(self) -> list[Problem]:
        """The values that the policy left out."""
        return [each for each in self.warnings if each.type == DROPPED]

    @property
    def is_stale(self) -> bool:
        """Whether the last vital sign is old."""
        return any(each.rule == rules.NO_VITALS.id for each in self.warnings)

    @property
    def is_preliminary(self) -> bool:
        """Whether the last vital sign is old, or too little was measured."""
        return self.is_stale or self.sufficiency.level is Level.INSUFFICIENT

    def rationale(self, language: Language) -> str:
        """The reasons in one or two sentences."""
        raised = [each for each in self.reasons if each.effect > 0]
        lowered = [each for each in self.reasons if each.effect < 0]
        parts = []
        for reasons, en, fr in (
            (raised, "Associated with a higher risk: ", "Associé à un risque plus élevé : "),
            (lowered, "With a lower one: ", "À un risque plus faible : "),
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
        raise unprocessable(
            [*(_worded(each, patient) for each in result.problems()), *patient.notes]
        )
    kept = [
        _worded(each, patient) for each in result.warnings() if each.rule not in NOT_A_WARNING_HERE
    ]
    return FhirAssessment(
        patient=patient,
        assessment=result,
        warnings=sorted([*patient.notes, *kept], key=_rank),
        reasons=explain.leading(model, result.stay, result.last_features, most=MAX_REASONS),
    )


def _rank(warning: Problem) -> int:
    """What a reader of a few warnings must see comes first."""
    if warning.type == DROPPED:
        return 0
    if warning.rule.startswith(LIMITS_THE_ANSWER):
        return 1
    if warning.rule in rules.IMPLAUSIBLE:
        return 2
    return 4 if warning.rule in NOT_READ else 3


def _worded(problem: Problem, patient: FhirPatient) -> Problem:
    """A problem of the rules in the words of FHIR: age and hours of a stay come from dates."""
    if problem.rule == rules.ALL_MISSING.id and patient.n_observations:
        return replace(
            problem,
            msg="None of the Observations sent can be used: there is nothing to predict from.",
            msg_fr="Aucune des Observations envoyées n'est utilisable : rien ne permet de prédire.",
        )
    if problem.rule not in HINTS_ABOUT_DATES:
        return problem
    en, fr = HINTS_ABOUT_DATES[problem.rule]
    ctx = {key: each for key, each in problem.ctx.items() if key not in CTX_OF_UNITS}
    return replace(problem, hint=en, hint_fr=fr, ctx=ctx)


def named_reason(reason: Contribution, language: Language) -> str:
    """A variable with its value, such as `Lactate 3.1 mmol/L`."""
    variable, value, is_french = _by_name[reason.variable], reason.value, language == "fr"
    label = variable.label(language)
    if value is None:
        return _unknown(variable, language)
    if isinstance(value, str):
        return f"{label} : {WORDS_FR[value]}" if is_french else f"{label}: {value}"
    return f"{label} {variable.measurement(round(value, 2), language)}"


def _unknown(variable: Variable, language: Language) -> str:
    is_stated = variable.kind == "demographic"
    if language == "fr":
        return f"{variable.label_fr} : {'non précisé' if is_stated else 'pas de mesure'}"
    return f"{variable.label_en}: {'not stated' if is_stated else 'not measured'}"


def percent(probability: float, language: Language) -> str:
    """A probability in per cent, with two significant digits."""
    value = 100 * probability
    text = f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
    return f"{decimal_comma(text) if language == 'fr' else text} %"
