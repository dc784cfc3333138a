"""Public statements on intended use and on earlier versions."""

from typing import Literal

NOTICE = (
    "Research software, not a medical device. For adult intensive care; it supports clinical "
    "judgement and never replaces it. Send no names or identifiers."
)
NOTICES: dict[Literal["en", "fr"], str] = {
    "en": NOTICE,
    "fr": "Logiciel de recherche, pas un dispositif médical. Pour la réanimation adulte ; il "
    "éclaire le jugement clinique et ne le remplace jamais.",
}
LONG_STAYS = (
    "Versions up to 2026.11.26 took a long stay for a sign of sepsis, because records without "
    "sepsis are cut short in the training data, and flagged most hours after day 2. Now a model is "
    "served only if the risk of a patient whose signs do not change stays the same, however long "
    "the stay."
)
