"""Definitions of the bedside scores: items, labels, thresholds and notes.

The point bands of the items are in `point_bands`, the computation in `scores`. The notes name what
the published definition needs and the data do not contain.
"""

from dataclasses import dataclass

from sepsis_detect.clinical.variables import BY_CHALLENGE


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a score.

    Attributes:
        variables: Challenge names of its variables; empty if they are not in the data. The item
            is known if the first one is, or if another one reaches a point band.
        max_points: The largest number of points.
        depends_on_treatment: Whether its upper levels depend on a treatment not in the data.
    """

    name: str
    label_en: str
    label_fr: str
    variables: tuple[str, ...]
    max_points: int
    depends_on_treatment: bool = False


def _item(challenge: str, max_points: int = 0) -> Item:
    """An item with one variable, named after it."""
    variable = BY_CHALLENGE[challenge]
    return Item(variable.name, variable.label_en, variable.label_fr, (challenge,), max_points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A sum of points; reached if it is `threshold_is` (`>=`, `>`) the threshold."""

    name: str
    label_en: str
    label_fr: str
    threshold: float
    threshold_is: str = ">="
    unit: str = "{score}"  # UCUM code
    items: tuple[Item, ...]
    note_en: str
    note_fr: str

    @property
    def max_points(self) -> int:
        """The largest number of points."""
        return sum(item.max_points for item in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio(Score):
    """A quotient of the variables of its two items."""

    unit: str = "/min/mm[Hg]"


SCORES = (
    Score(
        name="sirs",
        label_en="SIRS",
        label_fr="SRIS (SIRS)",
        threshold=2,
        items=(
            _item("Temp", 1),
            _item("HR", 1),
            Item(
                "breathing",
                "Respiratory rate or PaCO2",
                "Fréquence respiratoire ou PaCO2",
                ("Resp", "PaCO2"),
                1,
            ),
            Item("white_cells", "White blood cell count", "Leucocytes", ("WBC",), 1),
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
            _item("Resp", 1),
            _item("SBP", 1),
            Item(
                "mental_state",
                "Altered mental state (GCS below 15)",
                "Altération de la conscience (Glasgow inférieur à 15)",
                (),
                1,
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
            _item("Resp", 3),
            _item("O2Sat", 3),
            Item(
                "oxygen",
                "Supplemental oxygen (FiO2 above 0.21)",
                "Oxygénothérapie (FiO2 supérieure à 0,21)",
                ("FiO2",),
                2,
            ),
            _item("SBP", 3),
            _item("HR", 3),
            Item("consciousness", "Consciousness (ACVPU)", "Conscience (échelle ACVPU)", (), 3),
            _item("Temp", 3),
        ),
        note_en="Consciousness is not in the data: add 3 points unless alert. Oxygen saturation "
        "on scale 1. Values are rounded as on its chart. 5 points: urgent review; 7: emergency; "
        "3 in one item: urgent ward review. Made for acute wards (Royal College of Physicians, "
        "2017).",
        note_fr="La conscience n'est pas dans les données : ajouter 3 points si le patient n'est "
        "pas alerte. Saturation selon l'échelle 1. Valeurs arrondies comme sur sa fiche. "
        "5 points : évaluation urgente ; 7 : urgence "
        "vitale ; 3 pour un seul paramètre : avis médical rapide. Conçu pour les services "
        "d'hospitalisation (Royal College of Physicians, 2017).",
    ),
    Score(
        name="sofa2",
        label_en="SOFA-2 (partial)",
        label_fr="SOFA-2 (partiel)",
        threshold=2,
        items=(
            Item("brain", "Brain (Glasgow score)", "Neurologique (score de Glasgow)", (), 4),
            Item(
                "respiratory",
                "Respiratory (SpO2/FiO2, when SpO2 is below 98 %)",
                "Respiratoire (SpO2/FiO2, si la SpO2 est inférieure à 98 %)",
                ("O2Sat", "FiO2"),
                4,
            ),
            Item(
                "cardiovascular",
                "Cardiovascular (mean arterial pressure)",
                "Cardiovasculaire (pression artérielle moyenne)",
                ("MAP",),
                4,
                depends_on_treatment=True,
            ),
            Item(
                "liver",
                "Liver (total bilirubin)",
                "Hépatique (bilirubine totale)",
                ("Bilirubin_total",),
                4,
            ),
            Item(
                "kidney",
                "Kidney (creatinine)",
                "Rénal (créatinine)",
                ("Creatinine", "Potassium", "pH", "HCO3"),
                4,
                depends_on_treatment=True,
            ),
            Item(
                "coagulation",
                "Haemostasis (platelets)",
                "Hémostase (plaquettes)",
                ("Platelets",),
                4,
            ),
        ),
        note_en="Glasgow score, PaO2, respiratory support, ECMO (taken as absent), vasopressors, "
        "urine output and renal replacement are not in the data. From the last values, not the "
        "worst of 24 h. Organ dysfunction means a rise of 2 points over the patient's usual "
        "score, which is not known here. Creatinine and bilirubin sent in µmol/L are compared with "
        "the published cut-offs in µmol/L.",
        note_fr="Le score de Glasgow, la PaO2, l'assistance respiratoire, l'ECMO (supposée "
        "absente), les vasopresseurs, la diurèse et l'épuration extrarénale ne sont pas dans les "
        "données. D'après les dernières valeurs et non les pires sur 24 h. Une défaillance "
        "correspond à une hausse de 2 points par rapport au score habituel, inconnu ici. La "
        "créatinine et la bilirubine envoyées en µmol/L sont comparées aux seuils publiés en "
        "µmol/L.",
    ),
)
RATIOS = (
    Ratio(
        name="shock_index",
        label_en="Shock index (heart rate / systolic pressure)",
        label_fr="Index de choc (fréquence cardiaque / pression systolique)",
        threshold=1.0,
        items=(_item("HR"), _item("SBP")),
        note_en="Usually 0.5 to 0.7 in a healthy adult.",
        note_fr="Habituellement 0,5 à 0,7 chez l'adulte sain.",
    ),
    Ratio(
        name="modified_shock_index",
        label_en="Modified shock index (heart rate / mean pressure)",
        label_fr="Index de choc modifié (fréquence cardiaque / pression moyenne)",
        threshold=1.3,
        threshold_is=">",
        items=(_item("HR"), _item("MAP")),
        note_en="Usually 0.7 to 1.3.",
        note_fr="Habituellement 0,7 à 1,3.",
    ),
)
