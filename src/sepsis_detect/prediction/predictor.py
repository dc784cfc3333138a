"""Predictions for the hours of a coherent stay: features, probability, threshold."""

from dataclasses import dataclass

from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray, Stay
from sepsis_detect.prediction import features
from sepsis_detect.prediction.features import Float32Array
from sepsis_detect.prediction.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """Predictions for some hours.

    Attributes:
        icu_hours: Shape (n,), NaN where the request has none.
        probabilities: Shape (n,), calibrated.
        is_positive: Shape (n,), probability at or above the model's threshold.
        features: Shape (n, n_features), the inputs of the model.
    """

    icu_hours: FloatArray
    probabilities: Float32Array
    is_positive: BoolArray
    features: Float32Array


def predict_last(model: Model, stay: Stay) -> Predictions:
    """Predict the last hour of each stay; shape (n_stays,)."""
    return _predict(model, stay, stay.last_rows)


def predict_every_hour(model: Model, stay: Stay) -> Predictions:
    """Predict every hour; shape (n_hours,)."""
    return _predict(model, stay, None)


def _predict(model: Model, stay: Stay, rows: IntArray | None) -> Predictions:
    X = features.compute(stay, rows)
    probabilities = model.probabilities(X)
    return Predictions(
        icu_hours=stay.icu_hours if rows is None else stay.icu_hours[rows],
        probabilities=probabilities,
        is_positive=model.is_positive(probabilities),
        features=X,
    )
