"""Codes of an Observation and its components: the variable that each one measures.

A code that is not used (unknown, ambiguous, of another analyte) is noted, never guessed.
"""

from collections import Counter

from sepsis_detect.fhir import codes
from sepsis_detect.fhir.codes import MEANINGS, NOT_INTERCHANGEABLE, Meaning
from sepsis_detect.fhir.resource_reader import Reader, Resource, quoted

MAX_CODES_NAMED = 20

Coded = tuple[Meaning, Resource, str]
"""A meaning, and the Observation or component that holds its value, with its FHIRPath."""


class ObservationCodes:
    """Reads codes, and counts those that are unknown."""

    def __init__(self, reader: Reader):
        """Report to `reader`."""
        self._reader = reader
        self._n_unknown: Counter[tuple[str, str]] = Counter()
        self._first_paths: dict[tuple[str, str], str] = {}

    def coded(self, observation: Resource, path: str) -> list[Coded]:
        """The variables of an Observation and its components."""
        components: list[tuple[Resource, str]] = []
        if "component" in observation:
            components = self._reader.elements(observation, "component", path)
        found = []
        for holder, at in ((observation, path), *components):
            is_panel = holder is observation and bool(components or observation.get("hasMember"))
            meaning = self._meaning(holder, at, observation, path, is_panel=is_panel)
            if meaning is not None:
                found.append((meaning, holder, at))
        return found

    def finish(self) -> None:
        """Note the unknown codes, with how often each was sent."""
        for (system, code), count in self._n_unknown.most_common(MAX_CODES_NAMED):
            name = code if system in codes.LOINC_SYSTEMS else f"{system}|{code}"
            self._reader.note(
                "code.unknown",
                self._first_paths[system, code],
                f"Code `{quoted(name)}` is none of those read: not used ({count}).",
                f"Le code `{quoted(name)}` n'est pas de ceux qui sont lus : non utilisé ({count}).",
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

    def _meaning(
        self, holder: Resource, at: str, observation: Resource, path: str, *, is_panel: bool
    ) -> Meaning | None:
        concept = self._reader.element(holder, "code", at)
        if not concept:
            if "code" not in holder:
                self._reader.missing(f"{at}.code", "A `code`", "Un `code`")
            return None
        known: set[Meaning] = set()
        is_saturation, others = False, []
        for coding, where in self._reader.elements(concept, "coding", f"{at}.code"):
            system, code = coding.get("system"), coding.get("code")
            if not isinstance(code, str) or not isinstance(system, str):
                continue
            if system not in codes.LOINC_SYSTEMS:
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
        if len(known) > 1:
            self._ambiguous(at)
            return None
        if known:
            return known.pop()
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
        if len(known) == 1 and (meaning := next(iter(known))) in codes.SATURATIONS:
            return meaning
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
        key = others[0] if others else ("", text if isinstance(text, str) else "")
        self._n_unknown[key] += 1
        self._first_paths.setdefault(key, f"{path}.code")
