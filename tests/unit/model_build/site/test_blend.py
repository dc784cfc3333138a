"""The blend of two models as one graph: the sum of both margins, also beside every threshold."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from model_build.data.dataset import Dataset
from model_build.learn.ensemble import AveragedGradientBoosting
from model_build.learn.export import graph_of, require_parity, with_metadata
from model_build.learn.onnx_inference import served_scores, session
from model_build.learn.selfcheck import synthetic_rows
from model_build.site.adapt import Adapted
from model_build.site.blend import Blend, LocalModels, blended_graph, joined_trees
from model_build.site.given_model import GivenModel
from model_build.site.refitted_leaves import refitted
from sepsis_detect.clinical.stay import Float32Array
from sepsis_detect.errors import ModelArtifactError
from tests.artifacts import a_model
from tests.unit.model_build.site.small_site import LAST_VALUES, SETTINGS

BLEND = Blend(refit=0.5, weight=0.35, slope=1.4, intercept=-0.7)


@pytest.fixture(scope="module")
def local(given: GivenModel, own: Dataset) -> LocalModels:
    rows = np.arange(len(own.X))
    weights = own.signed_weights("label", rows)
    refit = refitted(
        given.trees.node, own.X, given.trees.margins(own.X), own.labels, np.abs(weights)[None]
    )
    ensemble = AveragedGradientBoosting.of(LAST_VALUES)
    ensemble.fit(own.X, weights > 0, np.abs(weights))
    return LocalModels(refit.leaves[0], ensemble)


@pytest.fixture(scope="module")
def rows(own: Dataset, local: LocalModels) -> Float32Array:
    """Hours, rows beside the thresholds of its own trees, and rows with missing values."""
    assert local.ensemble is not None
    return np.concatenate([own.X, synthetic_rows(local.ensemble, seed=3)])


def answers(given: GivenModel, local: LocalModels | None, blend: Blend, X: Float32Array) -> Any:
    return served_scores(session(blended_graph(given.trees, local, blend)), X)


def test_the_graph_answers_as_its_parts_blended(
    given: GivenModel, local: LocalModels, rows: Float32Array
) -> None:
    assert local.ensemble is not None
    margins = given.trees.margins(rows)
    change = given.trees.changed(local.leaves).margins(rows) - margins
    assert np.abs(change).max() > 0.1
    expected = BLEND.probabilities(margins, change, local.ensemble.decision_function(rows))
    require_parity(answers(given, local, BLEND, rows), expected)


def test_without_local_members_the_sigmoid_alone_moves(
    given: GivenModel, rows: Float32Array
) -> None:
    blend = Blend(refit=0.0, weight=0.0, slope=0.8, intercept=0.5)
    nothing = np.full(len(rows), np.nan)
    expected = blend.probabilities(given.trees.margins(rows), nothing, nothing)
    require_parity(answers(given, None, blend, rows), expected)


@settings(max_examples=15, deadline=None)
@hypothesis_given(st.floats(0.1, 1.0), st.floats(0.1, 3.0), st.floats(-4.0, 4.0))
def test_a_blend_of_a_blend_is_the_sum_of_all_its_parts(
    given: GivenModel, rows: Float32Array, weight: float, slope: float, intercept: float
) -> None:
    trees = given.trees.node
    once = joined_trees([(trees, slope), (trees, weight)], intercept)
    twice = joined_trees([(once, 0.5), (trees, 1.0)], -intercept)
    found = served_scores(session(graph_of(twice, rows.shape[1], "logit")), rows)
    expected = (0.5 * (slope + weight) + 1.0) * given.trees.margins(rows) - 0.5 * intercept
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_the_margins_are_the_log_odds_of_the_given_model(
    given: GivenModel, rows: Float32Array
) -> None:
    served = served_scores(session(graph_of(given.trees.node, rows.shape[1])), rows)
    np.testing.assert_allclose(1 / (1 + np.exp(-given.trees.margins(rows))), served, atol=1e-6)


def test_widened_trees_do_not_read_the_features_behind_theirs(
    given: GivenModel, rows: Float32Array
) -> None:
    more = np.random.default_rng(2).normal(size=(len(rows), 3)).astype(np.float32)
    found = given.trees.widened(rows.shape[1] + 3).margins(np.column_stack([rows, more]))
    np.testing.assert_array_equal(found, given.trees.margins(rows))


def test_an_adapted_model_can_be_adapted_again(adapted: Adapted, rows: Float32Array) -> None:
    again = GivenModel.of(adapted.artifact, source="the adapted model")
    assert again.features == LAST_VALUES.features
    assert again.trees.margins(rows).shape == (len(rows),)
    assert SETTINGS.sizes[-1] == LAST_VALUES.iterations


def test_an_artifact_with_another_graph_is_refused() -> None:
    with pytest.raises(ModelArtifactError, match="model_build did not write it"):
        GivenModel.of(a_model("1"), source="other.onnx")


def test_an_artifact_that_adds_something_to_its_trees_is_refused(given: GivenModel) -> None:
    graph = graph_of(given.trees.node, len(given.features))
    graph.graph.node[-1].input[0] = "shifted"
    graph.graph.initializer.append(numpy_helper.from_array(np.array(1.0, dtype=np.float32), "one"))
    graph.graph.node.insert(5, helper.make_node("Add", ["logit", "one"], ["shifted"]))
    metadata = given.model.metadata.model_dump(mode="json")
    check = metadata["selfcheck"]
    X = np.array(check["features"], dtype=np.float32)
    check["probabilities"] = (1 / (1 + np.exp(-given.trees.margins(X) - 1))).tolist()
    with pytest.raises(ModelArtifactError, match="its graph is not its trees alone"):
        GivenModel.of(with_metadata(graph, metadata), source="shifted.onnx")


def test_a_file_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(ModelArtifactError, match=r"cannot read none\.onnx: No such file"):
        GivenModel.read(Path("none.onnx"))
