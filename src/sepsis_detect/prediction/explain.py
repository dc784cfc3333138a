"""Contributions: the effect of each variable on an answer, as Shapley values in log-odds.

The players are the patient's variables. The value of a coalition is the model's answer when the
features computed from its variables alone have the values of this hour, and all other features
those of the typical hour (`baseline`). Shapley values are averaged over orders and their
reverses, which is exact for interactions in pairs; for any orders the effects add up to
log-odds(this hour) - log-odds(typical hour). The method uses only the model's answers, so that it
works for every artifact. Time in ICU is no player once it is capped.
See docs/adr/0003-contributions.md.
"""

from dataclasses import dataclass
from functools import cache
from math import gcd

import numpy as np

from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray, Stay
from sepsis_detect.clinical.variables import ICU_UNITS, SEX_CODES, VARIABLES
from sepsis_detect.prediction import features
from sepsis_detect.prediction.features import Float32Array
from sepsis_detect.prediction.model import Model

# And their reverses. On 200 stays of 24 hours the effects differ from those of 24 orders by .003 on
# average, where the largest is .7; four orders halve that, and take twice as long.
N_ORDERS = 2

# By canonical name: `Unit1` and `Unit2` are one player, `icu_unit`.
PLAYERS = tuple(dict.fromkeys(variable.name for variable in VARIABLES))
_PLAYER = {variable.challenge: PLAYERS.index(variable.name) for variable in VARIABLES}
_COLUMNS = {
    name: [variable.column for variable in VARIABLES if variable.name == name] for name in PLAYERS
}


def _sources() -> BoolArray:
    """Shape (n_features, n_players): whether a feature is computed from a variable."""
    is_source = np.zeros((len(features.NAMES), len(PLAYERS)), dtype=bool)
    for row, sources in enumerate(features.SOURCES.values()):
        is_source[row, [_PLAYER[source] for source in sources]] = True
    return is_source


_IS_SOURCE = _sources()
_TIME_IN_ICU = features.NAMES.index("icu_hour")


@cache
def _orders(n_players: int, n_orders: int) -> IntArray:
    """Shape (2 * n_orders, n_players): orders in which variables join, and their reverses.

    A stride near the golden section separates neighbouring variables of the table; rotations
    vary the first variable.
    """
    stride = next(
        k for k in range(int(n_players * 0.618) + 1, 2 * n_players) if gcd(k, n_players) == 1
    )
    base = np.arange(n_players) * stride % n_players
    forward = np.array([np.roll(base, n_players * k // n_orders) for k in range(n_orders)])
    orders = np.concatenate([forward, forward[:, ::-1]])
    orders.flags.writeable = False  # shared by all answers
    return orders


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """The effect of one variable on one answer.

    Attributes:
        variable: Canonical name.
        value: The last value, in `unit`; a word for sex and kind of ICU; None: never measured.
        unit: UCUM code.
        measured_at_icu_hour: Hour of that value; None if never, or if the request has no hour.
        effect: Change of the log-odds against the typical hour.
    """

    variable: str
    value: float | str | None
    unit: str
    measured_at_icu_hour: float | None
    effect: float


def contributions(model: Model, stay: Stay, row: Float32Array) -> list[Contribution]:
    """Explain the last hour of one stay; the largest effect comes first.

    Args:
        model: The model to explain.
        stay: The hours of one patient.
        row: Shape (n_features,), the features of its last hour.
    """
    found = effects(model, row)
    order = np.argsort(-np.abs(found), kind="stable")
    return _contributions(stay, found, [at for at in order if found[at] != 0])


def leading(model: Model, stay: Stay, row: Float32Array, *, most: int) -> list[Contribution]:
    """The largest positive effects, up to `most`, then as many of the largest negative ones.

    Computed from one order and its reverse: the leading variables are the same as with more
    orders, in a fraction of the time, but the effects are less exact.

    Args:
        model: The model to explain.
        stay: The hours of one patient.
        row: Shape (n_features,), the features of its last hour.
        most: Number of either sign.
    """
    found = effects(model, row, n_orders=1)
    order = np.argsort(-np.abs(found), kind="stable")
    chosen = [*order[found[order] > 0][:most], *order[found[order] < 0][:most]]
    return _contributions(stay, found, chosen)


def _contributions(stay: Stay, found: FloatArray, players: list[int]) -> list[Contribution]:
    is_known = ~np.isnan(stay.values)
    last_known = stay.n_hours - 1 - np.argmax(is_known[::-1], axis=0)
    last_rows = np.where(is_known.any(axis=0), last_known, -1).tolist()
    return [_contribution(stay, last_rows, PLAYERS[at], float(found[at])) for at in players]


def _contribution(stay: Stay, last_rows: list[int], name: str, effect: float) -> Contribution:
    """Of one variable; `last_rows` has the last known row of each column, -1 if never known."""
    columns = _COLUMNS[name]
    last = max(last_rows[column] for column in columns)
    value, hour = None, np.nan
    if last >= 0:
        value = _value_or_word(name, stay.values[last, columns])
        hour = float(stay.icu_hours[last])
    return Contribution(
        variable=name,
        value=value,
        unit=VARIABLES[columns[0]].unit,
        measured_at_icu_hour=None if np.isnan(hour) else hour,
        effect=effect,
    )


def _value_or_word(name: str, values: FloatArray) -> float | str:
    if name == "sex":
        return next(word for word, code in SEX_CODES.items() if code == values[0])
    if name == "icu_unit":
        is_medical = values[0] == 1 or values[1] == 0
        return ICU_UNITS[0] if is_medical else ICU_UNITS[1]
    return float(values[0])


def effects(model: Model, row: Float32Array, n_orders: int = N_ORDERS) -> FloatArray:
    """The effect of each of `PLAYERS` on the log-odds of one hour.

    Args:
        model: The model to explain.
        row: Shape (n_features,), the features of the hour.
        n_orders: Number of orders, without their reverses. More take longer, and are more exact
            for interactions of three and more variables.

    Returns:
        Shape (n_players,). The sum is log-odds(this hour) - log-odds(typical hour), see `baseline`.
    """
    typical = baseline(model, float(row[_TIME_IN_ICU]))
    is_equal = (row == typical) | (np.isnan(row) & np.isnan(typical))
    differing = np.flatnonzero(model.is_seen & ~is_equal)
    active = np.flatnonzero(_IS_SOURCE[differing].any(axis=0))
    result = np.zeros(len(PLAYERS))
    if not active.size:
        return result
    orders = _orders(len(active), n_orders)
    # A feature has its own value once the last of its variables has joined. No matrix product:
    # for such small ones, the threads of BLAS cost more time than they save.
    joined_at = np.argsort(orders, axis=1)  # shape (n_orders, n_active): position in each order
    is_source = _IS_SOURCE[np.ix_(differing, active)]
    complete_at = np.where(is_source, joined_at[:, None, :], -1).max(axis=2)
    is_own = complete_at[:, None, :] < np.arange(len(active) + 1)[:, None]
    answers = _answers(model, typical, row, differing, is_own.reshape(-1, len(differing)))
    gains = np.diff(answers.reshape(len(orders), -1), axis=1)
    np.add.at(result, active[orders], gains / len(orders))
    return result


def _answers(
    model: Model,
    typical: Float32Array,
    row: Float32Array,
    differing: IntArray,
    is_own: BoolArray,
) -> FloatArray:
    """Shape (n_coalitions,): log-odds of each coalition; those of equal features are asked once.

    Args:
        model: The model to explain.
        typical: Shape (n_features,), the typical hour.
        row: Shape (n_features,), this hour.
        differing: Columns of the features in which they differ.
        is_own: Shape (n_coalitions, n_differing): whether a feature has its value of this hour.
    """
    keys = [each.tobytes() for each in np.packbits(is_own, axis=1)]
    first = {key: at for at, key in reversed([*enumerate(keys)])}
    place = {key: at for at, key in enumerate(first)}
    rows = np.tile(typical, (len(first), 1))
    rows[:, differing] = np.where(is_own[[*first.values()]], row[differing], typical[differing])
    return log_odds(model.probabilities(rows))[[place[key] for key in keys]]


def baseline(model: Model, icu_hour: float) -> Float32Array:
    """The features of the typical hour, shape (n_features,): where the effects of an hour start.

    From `TIME_CAP_HOURS` on, time in ICU is the same number in every hour and no reason for an
    answer: the typical hour then has it, too, so that it has no effect. NaN: the hour is unknown.
    """
    if not icu_hour >= features.TIME_CAP_HOURS:
        return model.reference
    late = model.reference.copy()
    late[_TIME_IN_ICU] = features.TIME_CAP_HOURS
    return late


def typical_probability(model: Model, icu_hour: float) -> np.float32:
    """The model's answer for the typical hour, to which the effects at an hour are relative."""
    return np.float32(model.probabilities(baseline(model, icu_hour)[None])[0])


def log_odds(probabilities: Float32Array) -> FloatArray:
    """Natural logarithm of p / (1 - p), finite for every float32 probability."""
    p = np.clip(probabilities.astype(np.float64), 1e-9, 1 - 1e-7)
    return np.log(p / (1 - p))
