"""Problems of a patient's text in words: the rules `json.*`, `unit.unknown` and `code.gender`."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from sepsis_detect.clinical import units
from sepsis_detect.clinical.variables import AGE, VARIABLES
from sepsis_detect.patient_json.fields import BESIDE_HOURS, COLUMNS, ICU_UNIT, IN_AN_HOUR, ONCE
from sepsis_detect.problems import Location, Problem, shown

ALIKE = 0.75  # of two names that are both suggested, from 0 to 1


class TextProblems:
    """Collects the problems of one patient; beyond `max_problems` they are only counted.

    Attributes:
        is_dropping: Whether values that cannot be read are left out, and do not refuse the patient.
        problems: Those collected.
        n_more: How many were only counted.
        left_out: Values that were left out, as warnings.
        n_more_left_out: How many were only counted.
    """

    def __init__(self, max_problems: int, *, is_dropping: bool = False):
        """Start without problems."""
        self.max_problems = max_problems
        self.is_dropping = is_dropping
        self.n_more = self.n_more_left_out = 0
        self.problems: list[Problem] = []
        self.left_out: list[Problem] = []

    def problem(
        self,
        rule: str,
        place: Location,
        msg: str,
        msg_fr: str,
        *,
        about: str | None = None,
        **more: Any,
    ) -> None:
        """Add one problem.

        Args:
            rule: Its id.
            place: Its location.
            msg: One sentence.
            msg_fr: The same in French.
            about: The key of the variable, if nothing but its values is concerned.
            **more: As of `Problem`.
        """
        if about is not None and self.may_leave_out(about):
            self._leave_out(rule, place, msg, msg_fr, about, **more)
            return
        problem_type = "unit" if rule.startswith("unit") else "json"
        problem_type = "incoherent" if rule == "code.gender" else problem_type
        if len(self.problems) >= self.max_problems:
            self.n_more += 1
            return
        self.problems.append(
            Problem(type=problem_type, rule=rule, loc=place, msg=msg, msg_fr=msg_fr, **more)
        )

    def may_leave_out(self, key: str) -> bool:
        """Whether values of a variable that cannot be read are left out; never an age.

        Without its age, a child would be answered as an adult.
        """
        return self.is_dropping and COLUMNS.get(key) != AGE

    def _leave_out(
        self, rule: str, place: Location, msg: str, msg_fr: str, key: str, **more: Any
    ) -> None:
        if len(self.left_out) >= self.max_problems:
            self.n_more_left_out += 1
            return
        column = COLUMNS.get(key)
        dropped = ICU_UNIT if column is None else VARIABLES[column].name
        context = {**more.pop("ctx", {}), "dropped": dropped}
        en, fr = f"Not used: {msg}", f"Non utilisé : {msg_fr}"
        self.left_out.append(
            Problem(type="dropped", rule=rule, loc=place, msg=en, msg_fr=fr, ctx=context, **more)
        )

    def wrong_type(
        self,
        place: Location,
        what: str,
        what_fr: str,
        wanted: str,
        wanted_fr: str,
        *,
        about: str | None = None,
    ) -> None:
        """A value of another JSON type than wanted; `about` as of `problem`."""
        msg, msg_fr = f"{what} must be {wanted}.", f"{what_fr} doit être {wanted_fr}."
        self.problem("json.type", place, msg, msg_fr, about=about)

    def unknown(self, key: str, place: Location, allowed: Iterable[str]) -> None:
        """A field that does not exist, or not here; similar names are suggested."""
        name = shown(key)
        if allowed is BESIDE_HOURS and key in IN_AN_HOUR:
            msg = f"`{name}` stands beside `hours`: put it inside an hour."
            msg_fr = f"`{name}` est à côté de `hours` : mettez-le dans une heure."
            return self.problem("json.unknown", place, msg, msg_fr)
        if allowed is IN_AN_HOUR and key in ONCE:
            msg = f"`{name}` stands inside an hour: put it beside the patient's `hours`."
            msg_fr = f"`{name}` est dans une heure : mettez-le à côté de `hours`."
            return self.problem("json.unknown", place, msg, msg_fr)
        if len(self.problems) >= self.max_problems:  # the search for similar names is slow
            self.n_more += 1
            return None
        by_lower = {field.lower(): field for field in sorted(allowed)}
        sent = key.lower()[:100]
        first = get_close_matches(sent, by_lower, 1)
        close = [by_lower[each] for each in get_close_matches(sent, by_lower, 2, ALIKE) or first]
        names = " or ".join(f"`{field}`" for field in close)
        self.problem(
            "json.unknown",
            place,
            f"`{name}` is not a field of this request.",
            f"`{name}` n'est pas un champ de cette requête.",
            ctx={"did_you_mean": close},
            hint=f"Did you mean {names}?" if close else "GET /variables lists the fields.",
            hint_fr=f"Vouliez-vous dire {names.replace(' or ', ' ou ')} ?"
            if close
            else "GET /variables donne la liste des champs.",
        )
        return None

    def not_finite(self, key: str, place: Location, literal: str) -> None:
        """NaN, an infinity, or a number that overflows."""
        self.problem(
            "json.nan",
            place,
            f"`{key}` must be a finite number, not {literal}.",
            f"`{key}` doit être un nombre fini.",
            hint="Send null when it was not measured.",
            hint_fr="Envoyez null si la mesure n'a pas été faite.",
        )

    def repeated(self, sent: dict[str, Any], place: Location) -> None:
        """Keys that an object repeats."""
        for key in getattr(sent, "keys_repeated", ()):
            name = shown(key)
            self.problem(
                "json.duplicate",
                (*place, name),
                f"`{name}` appears more than once.",
                f"`{name}` figure plusieurs fois.",
                hint="Which one is true?",
                hint_fr="Laquelle est juste ?",
            )

    def contradiction(self, place: Location, what: str, what_fr: str) -> None:
        """Two spellings of one variable that differ."""
        self.problem(
            "json.alias",
            place,
            f"Two spellings of one variable disagree about its {what}.",
            f"Deux orthographes d'une même variable se contredisent sur {what_fr}.",
            hint="Send each variable once.",
            hint_fr="Envoyez chaque variable une seule fois.",
        )

    def unknown_word(self, key: str, place: Location) -> None:
        """A word that is no sex, or no kind of ICU."""
        accepted = ["medical", "surgical"] if key == ICU_UNIT else ["female", "male"]
        rule = "json.type" if key == ICU_UNIT else "code.gender"
        words = " or ".join(f'"{word}"' for word in accepted)
        self.problem(
            rule,
            place,
            f"`{key}` must be {words}, or null when unknown.",
            f"`{key}` doit être {words.replace(' or ', ' ou ')}, ou null si inconnu.",
            about=key,
            ctx={"accepted": accepted},
        )

    def unknown_unit(self, key: str, unit: str, place: Location) -> None:
        """A unit that is not accepted for the variable."""
        variable = VARIABLES[COLUMNS[key]]
        accepted = units.accepted(variable)
        listed = ", ".join(accepted)
        self.problem(
            "unit.unknown",
            place,
            f"`{shown(unit)}` is not an accepted unit of {variable.label_en}: use {listed}.",
            f"`{shown(unit)}` n'est pas une unité acceptée pour {variable.label_fr} : {listed}.",
            about=key,
            ctx={"accepted": accepted},
        )
