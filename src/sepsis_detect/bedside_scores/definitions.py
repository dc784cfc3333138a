"""What each bedside score is made of, and how it is named to people.

The thresholds stand in `points`, the arithmetic in `scores`. The notes say what the definition
asks for and the data do not have.
"""

from dataclasses import dataclass

from sepsis_detect.clinical.variables import BY_CHALLENGE

POINTS_UNIT = "{score}"  # UCUM, as the next
RATIO_UNIT = "/min/mm[Hg]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a score.

    Attributes:
        variables: Challenge names of what it looks at, empty when not in the data. The item is
            known when the first one is, or when another one gives it its points.
        most: The points it can give.
        is_open: Whether a treatment not in the data decides its upper levels.
    """

    name: str
    label_en: str
    label_fr: str
    variables: tuple[str, ...] = ()
    most: int
    is_open: bool = False


def _one(challenge: str, most: int) -> Item:
    """Make an item of one variable, under the variable's name."""
    of = BY_CHALLENGE[challenge]
    return Item(
        name=of.name,
        label_en=of.label_en,
        label_fr=of.label_fr,
        variables=(challenge,),
        most=most,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A score that adds up points; it is reached from `threshold` on."""

    name: str
    label_en: str
    label_fr: str
    threshold: int
    items: tuple[Item, ...]
    note_en: str
    note_fr: str

    @property
    def most(self) -> int:
        """The points it can give."""
        return sum(item.most for item in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """One variable over another, compared with a threshold (`threshold_is`: `>=` or `>`)."""

    name: str
    label_en: str
    label_fr: str
    threshold: float
    threshold_is: str
    items: tuple[Item, Item]
    note_en: str
    note_fr: str


SCORES = (
    Score(
        name="sirs",
        label_en="SIRS",
        label_fr="SRIS (SIRS)",
        threshold=2,
        items=(
            _one("Temp", 1),
            _one("HR", 1),
            Item(
                name="breathing",
                label_en="Respiratory rate or PaCO2",
                label_fr="Fréquence respiratoire ou PaCO2",
                variables=("Resp", "PaCO2"),
                most=1,
            ),
            Item(
                name="white_cells",
                label_en="White blood cell count",
                label_fr="Leucocytes",
                variables=("WBC",),
                most=1,
            ),
        ),
        note_en="Immature cells are not in the data. PaCO2 counts where it was measured.",
        note_fr="Les formes leucocytaires immatures ne sont pas dans les données. "
        "La PaCO2 compte si elle a été mesurée.",
    ),
    Score(
        name="qsofa",
        label_en="qSOFA (partial)",
        label_fr="qSOFA (partiel)",
        threshold=2,
        items=(
            _one("Resp", 1),
            _one("SBP", 1),
            Item(
                name="mental_state",
                label_en="Altered mental state (GCS below 15)",
                label_fr="Altération de la conscience (Glasgow inférieur à 15)",
                most=1,
            ),
        ),
        note_en="Mental state is not in the data: add 1 point if the Glasgow score is below 15.",
        note_fr="L'état de conscience n'est pas dans les données : "
        "ajouter 1 point si le score de Glasgow est inférieur à 15.",
    ),
    Score(
        name="news2",
        label_en="NEWS2 (partial)",
        label_fr="NEWS2 (partiel)",
        threshold=5,
        items=(
            _one("Resp", 3),
            _one("O2Sat", 3),
            Item(
                name="oxygen",
                label_en="Supplemental oxygen (FiO2 above 0.21)",
                label_fr="Oxygénothérapie (FiO2 supérieure à 0,21)",
                variables=("FiO2",),
                most=2,
            ),
            _one("SBP", 3),
            _one("HR", 3),
            Item(
                name="consciousness",
                label_en="Consciousness (ACVPU)",
                label_fr="Conscience (échelle ACVPU)",
                most=3,
            ),
            _one("Temp", 3),
        ),
        note_en="Consciousness is not in the data: add 3 points unless alert. Oxygen saturation "
        "on scale 1. 5 points: urgent review; 7: emergency; 3 in one item: urgent ward review. "
        "Made for acute wards (Royal College of Physicians, 2017).",
        note_fr="La conscience n'est pas dans les données : ajouter 3 points si le patient n'est "
        "pas alerte. Saturation selon l'échelle 1. 5 points : évaluation urgente ; 7 : urgence "
        "vitale ; 3 pour un seul paramètre : avis médical rapide. Conçu pour les services "
        "d'hospitalisation (Royal College of Physicians, 2017).",
    ),
    Score(
        name="sofa2",
        label_en="SOFA-2 (partial)",
        label_fr="SOFA-2 (partiel)",
        threshold=2,
        items=(
            Item(
                name="brain",
                label_en="Brain (Glasgow score)",
                label_fr="Neurologique (score de Glasgow)",
                most=4,
            ),
            Item(
                name="respiratory",
                label_en="Respiratory (SpO2/FiO2, when SpO2 is below 98 %)",
                label_fr="Respiratoire (SpO2/FiO2, si la SpO2 est inférieure à 98 %)",
                variables=("O2Sat", "FiO2"),
                most=4,
            ),
            Item(
                name="cardiovascular",
                label_en="Cardiovascular (mean arterial pressure)",
                label_fr="Cardiovasculaire (pression artérielle moyenne)",
                variables=("MAP",),
                most=4,
                is_open=True,
            ),
            Item(
                name="liver",
                label_en="Liver (total bilirubin)",
                label_fr="Hépatique (bilirubine totale)",
                variables=("Bilirubin_total",),
                most=4,
            ),
            Item(
                name="kidney",
                label_en="Kidney (creatinine)",
                label_fr="Rénal (créatinine)",
                variables=("Creatinine", "Potassium", "pH", "HCO3"),
                most=4,
                is_open=True,
            ),
            Item(
                name="coagulation",
                label_en="Haemostasis (platelets)",
                label_fr="Hémostase (plaquettes)",
                variables=("Platelets",),
                most=4,
            ),
        ),
        note_en="Glasgow score, PaO2, respiratory support, ECMO (taken as absent), vasopressors, "
        "urine output and renal replacement are not in the data. From the last values, not the "
        "worst of 24 h. Organ dysfunction means a rise of 2 points over the patient's usual "
        "score, which is not known here.",
        note_fr="Le score de Glasgow, la PaO2, l'assistance respiratoire, l'ECMO (supposée "
        "absente), les vasopresseurs, la diurèse et l'épuration extrarénale ne sont pas dans les "
        "données. D'après les dernières valeurs et non les pires sur 24 h. Une défaillance "
        "correspond à une hausse de 2 points par rapport au score habituel, inconnu ici.",
    ),
)
RATIOS = (
    Ratio(
        name="shock_index",
        label_en="Shock index (heart rate / systolic pressure)",
        label_fr="Index de choc (fréquence cardiaque / pression systolique)",
        threshold=1.0,
        threshold_is=">=",
        items=(_one("HR", 0), _one("SBP", 0)),
        note_en="Usually 0.5 to 0.7 in a healthy adult.",
        note_fr="Habituellement 0,5 à 0,7 chez l'adulte sain.",
    ),
    Ratio(
        name="modified_shock_index",
        label_en="Modified shock index (heart rate / mean pressure)",
        label_fr="Index de choc modifié (fréquence cardiaque / pression moyenne)",
        threshold=1.3,
        threshold_is=">",
        items=(_one("HR", 0), _one("MAP", 0)),
        note_en="Usually 0.7 to 1.3.",
        note_fr="Habituellement 0,7 à 1,3.",
    ),
)
