"""The answers as pydantic models, for the OpenAPI document and for clients generated from it.

Answers are built and serialised by hand on the hot path; a contract test validates real answers
against these models, so that the document cannot drift from what is sent.
"""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

VERDICT = Literal["Positive", "Negative"]


class Schema(BaseModel):
    """Nothing is sent that is not documented."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class ProblemOut(Schema):
    """One thing that is wrong, or worth knowing."""

    type: str = Field(examples=["incoherent"])
    rule: str = Field(examples=["bp.dbp_ge_sbp"])
    loc: list[str | int] = Field(examples=[["body", "hours", 3, "DBP"]])
    msg: str
    msg_fr: str
    ctx: dict[str, Any]
    hint: str | None
    hint_fr: str | None


class Problems(Schema):
    """The body of every error."""

    detail: list[ProblemOut]


class ModelName(Schema):
    """Which model answered."""

    name: str
    version: str


class ModelInService(ModelName):
    """Which model answers, from where, and since when."""

    source: str = Field(
        description="`embedded`, `cache` (the last accepted copy on disk), or the address",
        examples=["embedded"],
    )
    etag: str | None = Field(description="Of its content, as S3 gives it; a path: its SHA-256")
    version_id: str | None = Field(description="Of the upload, where the bucket keeps versions")
    loaded_at: AwareDatetime


class CandidateOut(Schema):
    """What the source holds, or that it cannot be read, while another model is served."""

    etag: str | None
    status: Literal["refused", "unchecked", "unreachable"] = Field(
        description="`refused`: not acceptable, not tried again until it changes; `unchecked`: "
        "this machine could not check it; `unreachable`: the source cannot be read. The last two "
        "are tried again."
    )
    reason: str = Field(description="One sentence")


class ShadowFailureOut(Schema):
    """Why the shadow model did not score some patients."""

    reason: str = Field(description="One sentence")
    failed_at: AwareDatetime
    n_failures: int = Field(description="Since this model was opened")


class ShadowHealth(Schema):
    """The second model, which scores every request and answers none."""

    model: ModelInService | None = Field(description="null: none is open yet")
    candidate: CandidateOut | None = Field(
        description="null when the shadow model's address holds what is open"
    )
    fallback: str | None
    failure: ShadowFailureOut | None = Field(
        description="The last failure of the present shadow model; no answer depends on it"
    )


class Health(Schema):
    """The service can predict."""

    status: Literal["OK"]
    model: ModelInService
    candidate: CandidateOut | None = Field(
        description="null when the model's address holds what is served"
    )
    fallback: str | None = Field(
        description="Why the model is not from its address, when it could not be had at the start"
    )
    shadow: ShadowHealth | None = Field(description="null: there is no shadow model")
    silent: bool = Field(description="Whether CDS Hooks are answered without cards")


class Unavailable(Schema):
    """The service cannot predict now."""

    status: Literal["Unavailable"]
    reason: str


class OperatingPointOut(Schema):
    """What a threshold gives, in patients that the model was not fitted on."""

    threshold: float = Field(examples=[0.0213])
    sensitivity: float = Field(
        description="Share of the hours labelled septic that is flagged", examples=[0.43]
    )
    ppv: float | None = Field(
        description="Share of the flagged hours that is labelled septic; null: none is flagged",
        examples=[0.061],
    )
    alerts_per_patient_day: float = Field(
        description="Flagged hours in 24 hours of a patient", examples=[1.9]
    )
    in_time: float = Field(
        description="Share of septic patients with a flagged hour in the 12 hours before onset",
        examples=[0.61],
    )
    utility: float = Field(
        description="Of the PhysioNet/CinC 2019 challenge: 0 is never flagging, 1 the best answers",
        examples=[0.19],
    )
    is_interpolated: bool = Field(description="Whether the figures lie between two measured ones")


class ParentOut(Schema):
    """The model that was adapted to a hospital."""

    name: str
    version: str
    sha256: str = Field(description="Digest of its artifact")


class SiteOut(Schema):
    """The hospital that a model was adapted to."""

    name: str


class ShadowModelOut(ModelInService):
    """The shadow model."""

    created_at: AwareDatetime
    threshold: float


class ServedModel(ModelInService):
    """The served model, as its artifact describes it."""

    created_at: AwareDatetime
    threshold: float
    features: list[str]
    training: dict[str, Any]
    metrics: dict[str, Any] = Field(
        description="Out of fold by patient. `first_36_hours` of stays are the headline; "
        "`whole_stays` are what publications report",
    )
    operating_points: list[OperatingPointOut] | None = Field(
        description="What other thresholds would give, on the first 36 hours of stays; the served "
        "one first. null: the artifact does not say"
    )
    external: dict[str, Any] | None = Field(
        description="Figures in hospitals that the model never saw. null: the artifact does not say"
    )
    parent: ParentOut | None = Field(
        description="The model that was adapted. null: this one was not made by adaptation"
    )
    site: SiteOut | None = Field(description="The hospital that it was adapted to")
    metrics_threshold: float | None = Field(
        description="The threshold of `metrics`, where the served one was moved since. null: it is "
        "the same"
    )
    intended_use: str
    long_stays: str = Field(description="What changed for long stays, and why")
    shadow: ShadowModelOut | None = Field(
        description="The second model, which scores every request and answers none; null: none"
    )


class ConversionOut(Schema):
    """From another accepted unit to the canonical one."""

    unit: str = Field(examples=["umol/L"])
    scale: Literal["linear", "log10"] = Field(
        description="`linear`: factor * value + offset; `log10`: factor * log10(value) + offset"
    )
    factor: float
    offset: float


class VariableOut(Schema):
    """One variable; `Unit1` and `Unit2` are sent as one word under `icu_unit`."""

    name: str
    challenge_name: str
    kind: Literal["vital", "lab", "demographic"]
    panel: str
    label_en: str
    label_fr: str
    unit: str = Field(description="UCUM code of the unit assumed when `units` names no other")
    unit_label_en: str
    unit_label_fr: str
    units: list[str] = Field(description="Accepted in `units`, the canonical one first")
    conversions: list[ConversionOut] = Field(description="To the canonical unit, from each other")
    values: list[str] | None = Field(description="Accepted words, where it is no number")
    loinc: str | None
    loinc_also: list[str]
    reference_low: float | None
    reference_high: float | None
    hard_low: float | None = Field(description="Below, the value is refused")
    hard_high: float | None
    warn_low: float | None = Field(description="Below, the value is accepted with a warning")
    warn_high: float | None


class SpellingOut(Schema):
    """One step from a spelling of a unit to its UCUM code."""

    pattern: str = Field(description="A regular expression", examples=["^1/"])
    replacement: str = Field(description="Of every match; `\\1` is the first group")
    ignores_case: bool


class TableWordsOut(Schema):
    """Words of tables of hours, in English, French and German, with one meaning."""

    kind: Literal["header", "urea", "ask", "role", "unit", "value"] = Field(
        description="What the words are: the name of a variable, of urea (`bun`), of one of "
        "several variables, of a column that is no variable; a unit; a value of a cell"
    )
    meanings: list[str]
    words: list[str] = Field(description="In lower case, without accents")


class Variables(Schema):
    """The table of variables, and how their units and columns of tables may be written."""

    variables: list[VariableOut]
    unit_spellings: list[SpellingOut] = Field(
        description="Applied in this order to a unit, until it is one of the variable's `units`"
    )
    table_words: list[TableWordsOut]


class TrendHour(Schema):
    """The answer that would have been given at one hour."""

    icu_hour: int | None
    probability: float
    prediction: VERDICT


class ContributionOut(Schema):
    """How one variable moved the answer: an association in the model, not a cause."""

    variable: str
    value: float | str | None
    unit: str
    measured_at_icu_hour: int | None
    effect: float = Field(description="Change of the log-odds against a typical hour")


class DataSufficiencyOut(Schema):
    """How much the answer rests on: what was measured in the last 36 hours."""

    level: Literal["sufficient", "limited", "insufficient"] = Field(
        description="`insufficient`: Negative does not mean low risk; a warning says so too"
    )
    missing: list[str] = Field(
        description="Variables that would help most; empty where the data are sufficient",
        examples=[["lactate"]],
    )


class Prediction(Schema):
    """The answer for the last hour sent."""

    prediction: VERDICT
    probability: float = Field(
        description="Calibrated probability that sepsis begins within six hours or has begun"
    )
    threshold: float = Field(description="Positive from here on")
    icu_hour: int | None
    data_sufficiency: DataSufficiencyOut
    model: ModelName
    request_id: str
    warnings: list[ProblemOut]
    trend: list[TrendHour] | None = None
    typical_probability: float | None = Field(
        None,
        description="The answer for a typical hour: where the effects start from. From hour 36 on "
        "it has the same time in ICU, which then is no contribution",
    )
    contributions: list[ContributionOut] | None = None
    scores: list[dict[str, Any]] | None = None


class Results(Schema):
    """One entry per patient, in the order sent."""

    results: list[Prediction | Problems]
