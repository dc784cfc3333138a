"""Accepting a model artifact: only one that proves itself, and a sentence for any other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from sepsis_detect.errors import ModelArtifactError
from sepsis_detect.prediction import features
from sepsis_detect.prediction.model import Model
from tests.artifacts import CHOSEN, NOW, OPERATING_POINTS, Metadata, artifact, expected, metadata_of


def opened(content: bytes) -> Model:
    return Model(content, source="test", loaded_at=NOW)


def refusal(content: bytes) -> str:
    with pytest.raises(ModelArtifactError) as raised:
        opened(content)
    sentence = str(raised.value)
    assert "\n" not in sentence
    assert len(sentence) < 400
    return sentence


def without(card: Metadata, key: str) -> Metadata:
    return {name: value for name, value in card.items() if name != key}


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(CHOSEN, id="some, in another order"),
        pytest.param(list(features.NAMES), id="all"),
        pytest.param(list(reversed(features.NAMES)), id="all, backwards"),
        pytest.param(["age"], id="one"),
    ],
)
def test_a_model_gets_the_features_it_names_in_its_order(names: list[str]) -> None:
    model = opened(artifact(names=names))
    rows = np.random.default_rng(1).normal(0, 0.1, (50, len(features.NAMES))).astype(np.float32)
    rows[rows > 0.15] = np.nan
    columns = [features.NAMES.index(name) for name in names]
    np.testing.assert_allclose(
        model.probabilities(rows), expected(rows[:, columns], names), atol=1e-6
    )


def test_a_probability_at_the_threshold_is_positive() -> None:
    model = opened(artifact())
    at = np.float32(0.4)
    beside = np.array([np.nextafter(at, np.float32(0)), at, np.nextafter(at, np.float32(1))])
    assert model.is_positive(beside).tolist() == [False, True, True]


def test_what_the_artifact_says_is_kept() -> None:
    model = opened(
        artifact(metadata_of(CHOSEN) | {"reference": [1.0, None, 60.0], "more": "allowed"})
    )
    assert (model.metadata.name, model.metadata.version, model.source) == ("made-up", "1", "test")
    assert model.loaded_at == NOW
    known = {features.NAMES[at]: float(model.reference[at]) for at in range(len(features.NAMES))}
    assert (known["lactate_last"], known["age"]) == (1.0, 60.0)
    assert np.isnan(known["heart_rate_last"])


def test_an_artifact_may_say_what_other_thresholds_give_and_how_it_does_elsewhere() -> None:
    assert opened(artifact()).metadata.operating_points is None
    told = {"operating_points": OPERATING_POINTS, "external": {"auroc": 0.78}}
    card = opened(artifact(metadata_of(CHOSEN) | told)).metadata
    assert card.model_dump(include=set(told)) == told


def test_the_model_of_the_package_is_accepted() -> None:
    model = Model.embedded(loaded_at=NOW)
    assert model.source == "embedded"
    rows = np.full((3, len(features.NAMES)), np.nan, dtype=np.float32)
    probabilities = model.probabilities(rows)
    assert probabilities.shape == (3,)
    assert ((probabilities > 0) & (probabilities < 1)).all()


def test_what_is_no_onnx_file_is_refused() -> None:
    good = artifact()
    random = np.random.default_rng(2019)
    for content in (b"", good[:10], good[: len(good) // 2], random.bytes(5_000), b"<html></html>"):
        assert refusal(content)


def test_no_damaged_artifact_raises_anything_else() -> None:
    """A flipped byte may leave a good model; it must never be another kind of error."""
    good = artifact()
    random = np.random.default_rng(2019)
    for _ in range(150):
        damaged = bytearray(good)
        for at in random.integers(0, len(good), 3):
            damaged[at] = random.integers(0, 256)
        try:
            opened(bytes(damaged))
        except ModelArtifactError as error:
            assert "\n" not in str(error)  # noqa: PT017  # it may also be accepted


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(
            lambda: artifact(inputs=("x", TensorProto.FLOAT, [None, 3])),
            "'features' in",
            id="input name",
        ),
        pytest.param(
            lambda: artifact(inputs=("features", TensorProto.DOUBLE, [None, 3])),
            "float tensors",
            id="double precision",
        ),
        pytest.param(lambda: artifact(output="p1"), "'probability' out", id="output name"),
        pytest.param(lambda: artifact(is_flat=False), "expected shapes", id="a column, not a row"),
        pytest.param(
            lambda: artifact(inputs=("features", TensorProto.FLOAT, [20, 3])),
            "expected shapes",
            id="a fixed number of rows",
        ),
        pytest.param(
            lambda: artifact(metadata_of(CHOSEN) | {"features": [*CHOSEN, "sex"]}),
            "expected shapes",
            id="one feature more than inputs",
        ),
        pytest.param(
            lambda: artifact(scale=1.001), "misses its self-check by ", id="other probabilities"
        ),
        pytest.param(
            lambda: artifact(scale=np.nan), "misses its self-check by nan", id="not a number"
        ),
        pytest.param(lambda: artifact(""), "no metadata 'sepsis_detect'", id="no metadata"),
        pytest.param(lambda: artifact("{"), "metadata are wrong", id="cut metadata"),
        pytest.param(lambda: artifact("[]"), "metadata are wrong", id="metadata of another kind"),
    ],
)
def test_a_model_of_another_make_is_refused(content: Callable[[], bytes], reason: str) -> None:
    assert reason in refusal(content())


def operating_point(**changed: Any) -> Metadata:
    return metadata_of(CHOSEN) | {"operating_points": [OPERATING_POINTS[0] | changed]}


def selfcheck(change: Callable[[Metadata], None]) -> Metadata:
    card = metadata_of(CHOSEN)
    change(card["selfcheck"])
    return card


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        *(
            pytest.param(without(metadata_of(CHOSEN), key), f"wrong at '{key}'", id=f"no {key}")
            for key in metadata_of(CHOSEN)
        ),
        pytest.param(metadata_of(CHOSEN) | {"format": 2}, "wrong at 'format'", id="a later format"),
        pytest.param(metadata_of(CHOSEN) | {"name": ""}, "wrong at 'name'", id="no name"),
        pytest.param(
            metadata_of(CHOSEN) | {"threshold": 1.5}, "wrong at 'threshold'", id="threshold"
        ),
        pytest.param(
            metadata_of(CHOSEN) | {"created_at": "2026-11-23T08:00:00"},
            "wrong at 'created_at'",
            id="no time zone",
        ),
        pytest.param(
            metadata_of(CHOSEN) | {"features": ["age", "shoe_size", "sex"]},
            "unknown feature 'shoe_size' (1 in all)",
            id="an unknown feature",
        ),
        pytest.param(
            metadata_of(CHOSEN) | {"features": ["age", "age", "sex"]},
            "named twice",
            id="a feature twice",
        ),
        pytest.param(
            metadata_of(CHOSEN) | {"features": []}, "wrong at 'features'", id="no features"
        ),
        pytest.param(
            metadata_of(CHOSEN) | {"reference": [1.0]}, "reference", id="a short reference"
        ),
        pytest.param(
            metadata_of(CHOSEN) | {"operating_points": []},
            "wrong at 'operating_points'",
            id="a table of no operating point",
        ),
        pytest.param(
            operating_point(sensitivity=1.1),
            "wrong at 'operating_points.0.sensitivity'",
            id="more than all",
        ),
        pytest.param(
            operating_point(utility=None),
            "wrong at 'operating_points.0.utility'",
            id="an operating point without utility",
        ),
        pytest.param(
            operating_point(threshold=0.41),
            "the first operating point is not at the served threshold",
            id="another threshold first",
        ),
        pytest.param(
            metadata_of(CHOSEN) | {"external": [0.78]},
            "wrong at 'external'",
            id="external figures that are no object",
        ),
        pytest.param(
            selfcheck(lambda check: check["probabilities"].pop()),
            "one probability per row",
            id="a probability too few",
        ),
        pytest.param(
            selfcheck(lambda check: check["features"][4].pop()),
            "one value per feature",
            id="a value too few",
        ),
        pytest.param(
            selfcheck(lambda check: check.update(features=[], probabilities=[])),
            "wrong at 'selfcheck.features'",
            id="an empty self-check",
        ),
        pytest.param(
            selfcheck(lambda check: check["features"][0].__setitem__(0, 1e999)),
            "wrong at 'selfcheck.features.0.0'",
            id="an infinite value",
        ),
        pytest.param(
            selfcheck(lambda check: check["features"][0].__setitem__(0, 1e300)),
            "misses its self-check",
            id="a value beyond single precision",
        ),
        pytest.param(
            selfcheck(lambda check: check["probabilities"].__setitem__(7, 0.123)),
            "misses its self-check",
            id="one other probability",
        ),
    ],
)
def test_wrong_metadata_are_refused_with_their_place(card: Metadata, reason: str) -> None:
    assert reason in refusal(artifact(card))


def test_a_model_that_cannot_run_is_refused() -> None:
    """Its shapes are right on paper only: it multiplies by a matrix of another height."""
    model = onnx.load_from_string(artifact())
    for constant in model.graph.initializer:
        if constant.name == "weights":
            constant.CopyFrom(numpy_helper.from_array(np.ones((7, 1), np.float32), "weights"))
    assert refusal(model.SerializeToString())


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(ModelArtifactError, match=f"cannot read {path.name}: "):
            Model.load(path, loaded_at=NOW)
    path = tmp_path / "model.onnx"
    path.write_bytes(artifact())
    assert Model.load(path, loaded_at=NOW).source == str(path)
