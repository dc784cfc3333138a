"""Acceptance of model artifacts, and the sentence of each refusal."""

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
from tests.artifacts import (
    CHOSEN,
    NOW,
    OPERATING_POINTS,
    Metadata,
    artifact,
    expected,
    metadata_of,
    opened,
)


def refusal(content: bytes) -> str:
    with pytest.raises(ModelArtifactError) as raised:
        opened(content)
    sentence = str(raised.value)
    assert "\n" not in sentence
    assert len(sentence) < 400
    return sentence


def changed(**keys: Any) -> Metadata:
    return metadata_of(CHOSEN) | keys


def without(metadata: Metadata, key: str) -> Metadata:
    return {name: value for name, value in metadata.items() if name != key}


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(CHOSEN, id="some, in another order"),
        pytest.param(list(features.NAMES), id="all"),
        pytest.param(list(reversed(features.NAMES)), id="all, backwards"),
        pytest.param(["age"], id="one"),
    ],
)
def test_a_model_is_given_the_features_in_its_own_order(names: list[str]) -> None:
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


def test_metadata_of_the_artifact_are_kept() -> None:
    model = opened(artifact(changed(reference=[1.0, None, 60.0], more="allowed")))
    assert (model.metadata.name, model.metadata.version, model.source) == ("made-up", "1", "test")
    assert model.loaded_at == NOW
    known = {features.NAMES[at]: float(model.reference[at]) for at in range(len(features.NAMES))}
    assert (known["lactate_last"], known["age"]) == (1.0, 60.0)
    assert np.isnan(known["heart_rate_last"])


def test_an_artifact_can_have_operating_points_and_external_figures() -> None:
    assert opened(artifact()).metadata.operating_points is None
    stated = {"operating_points": OPERATING_POINTS, "external": {"auroc": 0.78}}
    metadata = opened(artifact(changed(**stated))).metadata
    points = [point | {"is_interpolated": False} for point in OPERATING_POINTS]
    expected = stated | {"operating_points": points}
    assert metadata.model_dump(include=set(stated)) == expected


def test_an_adapted_artifact_names_its_parent_and_its_site() -> None:
    parent = {"name": "made-up", "version": "0", "sha256": "0" * 64}
    stated = {"parent": parent, "site": {"name": "St Elsewhere"}}
    assert opened(artifact(changed(**stated))).metadata.model_dump(include=set(stated)) == stated
    for wrong in (parent | {"sha256": "no digest"}, {"name": "made-up"}):
        assert "'parent" in refusal(artifact(changed(parent=wrong)))


def test_the_embedded_model_is_accepted(embedded_model: Model) -> None:
    assert embedded_model.source == "embedded"
    rows = np.full((3, len(features.NAMES)), np.nan, dtype=np.float32)
    probabilities = embedded_model.probabilities(rows)
    assert probabilities.shape == (3,)
    assert ((probabilities > 0) & (probabilities < 1)).all()


def test_a_file_that_is_not_onnx_is_refused() -> None:
    good = artifact()
    random = np.random.default_rng(2019)
    for content in (b"", good[:10], good[: len(good) // 2], random.bytes(5_000), b"<html></html>"):
        assert refusal(content)


def test_a_damaged_artifact_raises_no_other_error() -> None:
    """A changed byte may leave an acceptable model."""
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
            lambda: artifact(changed(features=[*CHOSEN, "sex"])),
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
        pytest.param(lambda: artifact("{"), "metadata are wrong", id="truncated metadata"),
        pytest.param(lambda: artifact("[]"), "metadata are wrong", id="metadata of another kind"),
    ],
)
def test_a_model_with_another_interface_is_refused(
    content: Callable[[], bytes], reason: str
) -> None:
    assert reason in refusal(content())


def operating_point(**figures: Any) -> Metadata:
    return changed(operating_points=[OPERATING_POINTS[0] | figures])


def selfcheck(change: Callable[[Metadata], None]) -> Metadata:
    metadata = metadata_of(CHOSEN)
    change(metadata["selfcheck"])
    return metadata


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        *(
            pytest.param(without(metadata_of(CHOSEN), key), f"wrong at '{key}'", id=f"no {key}")
            for key in metadata_of(CHOSEN)
        ),
        pytest.param(changed(format=2), "wrong at 'format'", id="a later format"),
        pytest.param(changed(name=""), "wrong at 'name'", id="no name"),
        pytest.param(changed(threshold=1.5), "wrong at 'threshold'", id="threshold"),
        pytest.param(
            changed(created_at="2026-11-23T08:00:00"),
            "wrong at 'created_at'",
            id="no time zone",
        ),
        pytest.param(
            changed(features=["age", "shoe_size", "sex"]),
            "unknown feature 'shoe_size' (1 in all)",
            id="an unknown feature",
        ),
        pytest.param(
            changed(features=["age", "age", "sex"]),
            "named twice",
            id="a feature twice",
        ),
        pytest.param(changed(features=[]), "wrong at 'features'", id="no features"),
        pytest.param(changed(reference=[1.0]), "reference", id="a short reference"),
        pytest.param(
            changed(operating_points=[]),
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
            changed(external=[0.78]),
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
def test_wrong_metadata_are_refused_with_their_location(metadata: Metadata, reason: str) -> None:
    assert reason in refusal(artifact(metadata))


def test_a_model_that_cannot_run_is_refused() -> None:
    """Its declared shapes are right, but it multiplies by a matrix of another height."""
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
