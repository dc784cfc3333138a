"""Why this answer: what each variable moved it, in log-odds, adding up exactly.

The players of the game are the patient's variables. A coalition of variables is answered by
the model with the features made only of those variables as they are, and all other features as in
a typical hour (`Model.reference`). A variable's effect is its Shapley value, averaged over orders
taken forward and backward, which is exact where variables interact in pairs; whatever the orders,
the effects add up to log-odds(this hour) - log-odds(typical hour). It needs nothing but the
model's answers, so that it works for every artifact. See docs/adr/0003-contributions.md.
"""

from dataclasses import dataclass
from math import gcd

import numpy as np

from sepsis_detect.clinical.stay import FloatArray, IntArray, Stay
from sepsis_detect.clinical.variables import ICU_UNITS, SEX_CODES, VARIABLES
from sepsis_detect.prediction import features
from sepsis_detect.prediction.features import Float32Array
from sepsis_detect.prediction.model import Model

N_ORDERS = 4  # each also backward

# `Unit1` and `Unit2` are one variable to a person.
PLAYERS = tuple(dict.fromkeys(variable.name for variable in VARIABLES))
_PLAYER = {variable.challenge: PLAYERS.index(variable.name) for variable in VARIABLES}


def _ownership() -> Float32Array:
    """Shape (n_features, n_players): 1 where a feature is made of a variable."""
    owned = np.zeros((len(features.NAMES), len(PLAYERS)), dtype=np.float32)
    for row, sources in enumerate(features.SOURCES.values()):
        owned[row, [_PLAYER[source] for source in sources]] = 1
    return owned


_OWNED = _ownership()


def _spread_orders(n_players: int, n_orders: int) -> IntArray:
    """Shape (2 * n_orders, n_players): orders in which variables join, and their reverses.

    A stride near the golden section takes neighbours of the table apart; rotations give every
    variable its turn in front.
    """
    stride = next(
        k for k in range(int(n_players * 0.618) + 1, 2 * n_players) if gcd(k, n_players) == 1
    )
    base = np.arange(n_players) * stride % n_players
    forward = np.array([np.roll(base, n_players * k // n_orders) for k in range(n_orders)])
    return np.concatenate([forward, forward[:, ::-1]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """How one variable moved one answer.

    Attributes:
        variable: Canonical name.
        value: The last one measured, in `unit`, a word for sex and unit; None: never measured.
        unit: UCUM code.
        measured_at_icu_hour: When; None if never, or if the request named no hour.
        effect: Change of the log-odds against a typical hour.
    """

    variable: str
    value: float | str | None
    unit: str
    measured_at_icu_hour: float | None
    effect: float


def contributions(model: Model, stay: Stay) -> list[Contribution]:
    """Explain the last hour of one stay, the variable that moved the answer most in front."""
    row = features.compute(stay, stay.last_rows)[0]
    moved = effects(model, row)
    order = np.argsort(-np.abs(moved), kind="stable")
    return [_contribution(stay, PLAYERS[at], float(moved[at])) for at in order if moved[at] != 0]


def leading(model: Model, stay: Stay, *, most: int) -> list[Contribution]:
    """The `most` variables that raised the answer most, and as many that lowered it, in order.

    From one order and its reverse: the first are the first by more orders too, in a fraction of
    the time, but the effects are rougher.
    """
    row = features.compute(stay, stay.last_rows)[0]
    moved = effects(model, row, n_orders=1)
    order = np.argsort(-np.abs(moved), kind="stable")
    chosen = [*order[moved[order] > 0][:most], *order[moved[order] < 0][:most]]
    return [_contribution(stay, PLAYERS[at], float(moved[at])) for at in chosen]


def _contribution(stay: Stay, name: str, effect: float) -> Contribution:
    columns = [variable.column for variable in VARIABLES if variable.name == name]
    measured = np.flatnonzero(~np.isnan(stay.values[:, columns]).all(axis=1))
    value, hour = None, np.nan
    if measured.size:
        value = _in_words(name, stay.values[measured[-1], columns])
        hour = float(stay.icu_hours[measured[-1]])
    return Contribution(
        variable=name,
        value=value,
        unit=VARIABLES[columns[0]].unit,
        measured_at_icu_hour=None if np.isnan(hour) else hour,
        effect=effect,
    )


def _in_words(name: str, values: FloatArray) -> float | str:
    if name == "sex":
        return next(word for word, code in SEX_CODES.items() if code == values[0])
    if name == "icu_unit":
        is_medical = values[0] == 1 or values[1] == 0
        return ICU_UNITS[0] if is_medical else ICU_UNITS[1]
    return float(values[0])


def effects(model: Model, row: Float32Array, n_orders: int = N_ORDERS) -> FloatArray:
    """Effect of each variable of `PLAYERS` on one hour's log-odds.

    Args:
        model: The model that answers.
        row: Shape (n_features,), the hour's features.
        n_orders: Orders, each also backward: fewer take less time, more tell apart how three
            and more variables share what they do together.

    Returns:
        Shape (n_players,). The sum is the log-odds of this hour less those of the typical one.
    """
    typical = model.reference
    differs = ~((row == typical) | (np.isnan(row) & np.isnan(typical)))
    active = np.flatnonzero(_OWNED[differs].any(axis=0))
    result = np.zeros(len(PLAYERS))
    if not active.size:
        return result
    orders = _spread_orders(len(active), n_orders)
    # A feature is as it is once the last of its variables has joined. No matrix product: for
    # such small ones, the threads of BLAS cost more time than they save.
    joined_at = np.argsort(orders, axis=1)  # shape (n_orders, n_active): when each joins
    complete_at = np.where(_OWNED[:, active] > 0, joined_at[:, None, :], -1).max(axis=2)
    is_own = complete_at[:, None, :] < np.arange(len(active) + 1)[:, None]
    rows = np.where(is_own, row, typical).reshape(-1, len(row))
    answers = log_odds(model.probabilities(rows)).reshape(len(orders), -1)
    gains = np.diff(answers, axis=1)
    np.add.at(result, active[orders], gains / len(orders))
    return result


def typical_probability(model: Model) -> np.float32:
    """The model's answer for the typical hour: where the effects start from."""
    return np.float32(model.probabilities(model.reference[None])[0])


def log_odds(probabilities: Float32Array) -> FloatArray:
    """Natural logarithm of p / (1 - p), finite for every float32 probability."""
    p = np.clip(probabilities.astype(np.float64), 1e-9, 1 - 1e-7)
    return np.log(p / (1 - p))
