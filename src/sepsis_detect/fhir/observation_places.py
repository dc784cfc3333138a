"""Where the values of an Observation were measured: by code, site, method, specimen, profile."""

from typing import NamedTuple

from sepsis_detect.fhir import codes, places
from sepsis_detect.fhir.concepts import Coding, codings_of, display_of, profile_words, words_of
from sepsis_detect.fhir.observation_codes import Coded
from sepsis_detect.fhir.references import References
from sepsis_detect.fhir.resource_reader import Reader, Resource


class _Place(NamedTuple):
    """What an Observation says about all its values; `site` as of `places.other_measurement`."""

    codings: tuple[Coding, ...]
    words: str
    site: str


class ObservationPlaces:
    """Keeps the values that were measured where their code says, and notes the others."""

    def __init__(self, reader: Reader, references: References):
        """Report to `reader`; `references` resolves specimens."""
        self._reader = reader
        self._references = references

    def kept(self, found: list[Coded], observation: Resource) -> list[Coded]:
        """The variables whose values are what their codes say."""
        place = self._place(observation)
        kept = []
        for each in found:
            code = each.holder.get("code")
            is_part = each.holder is not observation
            codings = (*place.codings, *codings_of(code)) if is_part else place.codings
            words = f"{place.words} {words_of(code)}" if is_part else place.words
            names = places.other_measurement(each.meaning, codings, words, place.site)
            if names is not None:
                self._note(each, names)
            elif places.is_venous_ph(each.meaning, place.site):
                kept.append(each._replace(meaning=codes.VENOUS_PH))
            else:
                kept.append(each)
        return kept

    def _place(self, observation: Resource) -> _Place:
        sites = [observation.get("bodySite"), observation.get("method")]
        if specimen := self._references.resolve(observation.get("specimen")):
            sites.append(specimen.resource.get("type"))
        categories = observation.get("category")
        aside = [*sites, *(categories if isinstance(categories, list) else [])]
        code = observation.get("code")
        site = " ".join([*map(words_of, sites), display_of(observation.get("specimen"))])
        return _Place(
            codings=(
                *codings_of(code),
                *(coding for each in aside for coding in codings_of(each, is_code=False)),
            ),
            words=" ".join([words_of(code), profile_words(observation), site]),
            site=site,
        )

    def _note(self, each: Coded, names: places.Names) -> None:
        self._reader.note(
            "code.other_place",
            f"{each.path}.code",
            f"The value is {names.en}: not used.",
            f"La valeur est {names.fr} : non utilisée.",
        )
