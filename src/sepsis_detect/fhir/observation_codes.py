"""Codes of an Observation and its components: the variable that each one measures.

A code that is not used (unknown, ambiguous, of another analyte) is noted, never guessed.
"""

from collections import Counter
from typing import NamedTuple

from sepsis_detect.fhir import codes
from sepsis_detect.fhir.codes import LOINC, MEANINGS, NOT_INTERCHANGEABLE, Meaning, system_of
from sepsis_detect.fhir.concepts import codings_of
from sepsis_detect.fhir.resource_reader import Reader, Resource, quoted

MAX_CODES_NAMED = 20


class Coded(NamedTuple):
    """A variable of an Observation.

    Attributes:
        meaning: The variable.
        holder: The Observation or component that holds the value.
        path: FHIRPath of the holder.
    """

    meaning: Meaning
    holder: Resource
    path: str


class ObservationCodes:
    """Reads codes, and counts those that are unknown."""

    def __init__(self, reader: Reader):
        """Report to `reader`."""
        self._reader = reader
        self._n_unknown: Counter[tuple[str, str]] = Counter()
        self._first_paths: dict[tuple[str, str], str] = {}

    def coded(self, observation: Resource, path: str) -> list[Coded]:
        """The variables of an Observation and its components."""
        n_found = self._reader.n_found
        self._reader.items(observation, "component", path)
        if self._reader.n_found > n_found:
            return []
        components = self._reader.elements(observation, "component", path)
        n_found = self._reader.n_found
        is_panel = bool(components or observation.get("hasMember"))
        own = self._meaning(observation, path, observation, path, is_panel=is_panel)
        is_other = any(
            each.system == LOINC and each.code in NOT_INTERCHANGEABLE
            for each in codings_of(observation.get("code"))
        )
        if is_other or self._reader.n_found > n_found:  # what its components measure is not known
            return []
        found = [] if own is None else [Coded(own, observation, path)]
        for component, at in components:
            n_found = self._reader.n_found
            meaning = self._meaning(component, at, observation, path, is_panel=False)
            if meaning is not None and self._reader.n_found == n_found:
                found.append(Coded(meaning, component, at))
        return found

    def finish(self) -> None:
        """Note the unknown codes, with how often each was sent."""
        for (system, code), count in self._n_unknown.most_common(MAX_CODES_NAMED):
            msg, msg_fr = _unknown(system, code)
            self._reader.note(
                "code.unknown" if system or not code else "code.no_system",
                self._first_paths[system, code],
                f"{msg}: not used ({count}).",
                f"{msg_fr} : non utilisé ({count}).",
                ctx={"system": quoted(system), "code": quoted(code), "count": count},
            )
        n_more = len(self._n_unknown) - MAX_CODES_NAMED
        if n_more > 0:
            self._reader.note(
                "code.unknown",
                "Bundle",
                f"And {n_more} more codes that are not read.",
                f"Et {n_more} autres codes qui ne sont pas lus.",
                ctx={"n_more": n_more},
            )

    # --- The variable of a code ---

    def _meaning(
        self, holder: Resource, at: str, observation: Resource, path: str, *, is_panel: bool
    ) -> Meaning | None:
        concept = self._reader.element(holder, "code", at)
        if "code" not in holder:
            self._reader.missing(f"{at}.code", "A `code`", "Un `code`")
            return None
        if not concept and holder["code"] != {}:  # of another type
            return None
        known: set[Meaning] = set()
        is_saturation, others = False, []
        for coding, where in self._reader.elements(concept, "coding", f"{at}.code"):
            system, code = coding.get("system", ""), coding.get("code")
            if not isinstance(code, str) or not isinstance(system, str):
                continue
            if system_of(system) != LOINC:
                others.append((system, code))
            elif code == codes.SATURATION:
                is_saturation = True
            elif meaning := MEANINGS.get(code):
                known.add(meaning)
            elif code in NOT_INTERCHANGEABLE:
                self._other_analyte(code, f"{where}.code")
                return None
            else:
                others.insert(0, (system, code))
        if is_saturation:
            return self._saturation(known, at, self._category(observation, path))
        if len({meaning.without_caution() for meaning in known}) > 1:
            self._ambiguous(at)
            return None
        if known:
            return max(known, key=lambda meaning: meaning.caution_en)
        if not (is_panel or any(code in codes.PANELS for _, code in others)):
            self._count_unknown(others, concept, at)
        return None

    def _category(self, observation: Resource, path: str) -> str:
        listed = self._reader.elements(observation, "category", path)
        found = {
            code
            for concept, at in listed
            for coding, _ in self._reader.elements(concept, "coding", at)
            if isinstance(code := coding.get("code"), str) and code in codes.SATURATION_BY_CATEGORY
        }
        return found.pop() if len(found) == 1 else ""

    def _saturation(self, known: set[Meaning], path: str, category: str) -> Meaning | None:
        """The variable of code 2708-6: by another coding, else by the category."""
        named = {meaning.without_caution() for meaning in known}  # 2708-6 is of arterial blood
        if len(named) == 1 and named <= codes.SATURATIONS:
            return named.pop()
        if known:
            self._ambiguous(path)
            return None
        if category:
            return codes.SATURATION_BY_CATEGORY[category]
        self._reader.note(
            "code.ambiguous",
            f"{path}.code",
            "2708-6 is SpO2 or SaO2: without a category vital-signs or laboratory it is not used.",
            "2708-6 désigne SpO2 ou SaO2 : sans catégorie vital-signs ou laboratory, non utilisé.",
        )
        return None

    def _ambiguous(self, path: str) -> None:
        self._reader.note(
            "code.ambiguous",
            f"{path}.code",
            "The codings name different variables: not used.",
            "Les codages désignent des variables différentes : non utilisé.",
        )

    def _other_analyte(self, code: str, path: str) -> None:
        en, fr = NOT_INTERCHANGEABLE[code]
        self._reader.note(
            "code.other_analyte",
            path,
            f"{code} is {en}: not used.",
            f"{code} désigne {fr} : non utilisé.",
        )

    def _count_unknown(self, others: list[tuple[str, str]], concept: Resource, path: str) -> None:
        text = concept.get("text")
        key = others[0] if others else ("", "")
        if not others and isinstance(text, str):
            key = (WORDS_ALONE, text)
        self._n_unknown[key] += 1
        self._first_paths.setdefault(key, f"{path}.code")


WORDS_ALONE = "text"  # in place of a code system


def _unknown(system: str, code: str) -> tuple[str, str]:
    """A code that is not read, in words, the code first: systems are long."""
    name = quoted(code)
    if not system and not code:
        return "A `code` without coding and text says nothing", "Un `code` vide ne dit rien"
    if system == WORDS_ALONE:
        return (
            f"`{name}` has no code, and words are not read",
            f"`{name}` n'a pas de code, et les mots ne sont pas lus",
        )
    if not system:
        return (
            f"Code `{name}` has no `system`: it could be of any",
            f"Le code `{name}` n'a pas de `system` : il peut être de n'importe lequel",
        )
    if system_of(system) != LOINC and code in MEANINGS:
        return (
            f"Code `{name}` is one of LOINC, but its system is `{quoted(system)}`",
            f"Le code `{name}` est de LOINC, mais son système est `{quoted(system)}`",
        )
    of = "" if system_of(system) == LOINC else f" ({quoted(system)})"
    return (
        f"Code `{name}`{of} is none of those read",
        f"Le code `{name}`{of} n'est pas de ceux qui sont lus",
    )
