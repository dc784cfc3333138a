"""The metadata of an artifact file are replaced; every other byte stays."""

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from sepsis_detect.errors import ModelArtifactError
from sepsis_detect.model_delivery.artifact_file import read_metadata, with_metadata
from sepsis_detect.prediction.model import METADATA_KEY
from tests.artifacts import CHOSEN, a_model, metadata_of

texts = st.text(st.characters(codec="utf-8"), max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def test_metadata_are_those_of_the_onnx_library() -> None:
    assert read_metadata(a_model("7")) == metadata_of(CHOSEN) | {"version": "7"}


@given(st.dictionaries(texts, json_values.filter(lambda v: v not in (np.inf, -np.inf)), max_size=5))
def test_what_is_written_is_read_and_the_graph_stays(content: dict[str, object]) -> None:
    try:
        written = with_metadata(a_model("1"), content)
    except ValueError:  # an infinite number is no JSON
        return
    assert read_metadata(written) == content
    before, after = onnx.load_from_string(a_model("1")), onnx.load_from_string(written)
    assert after.graph.SerializeToString() == before.graph.SerializeToString()
    del before.metadata_props[:], after.metadata_props[:]
    assert before == after


def test_the_same_metadata_give_the_same_bytes() -> None:
    artifact = a_model("1")
    assert with_metadata(artifact, read_metadata(artifact)) == artifact


def test_other_properties_of_the_file_stay() -> None:
    model = onnx.load_from_string(a_model("1"))
    helper.set_model_props(model, {"before": "x", METADATA_KEY: "{}", "after": "y"})
    model.producer_name, model.model_version = "another program", 2**40
    found = onnx.load_from_string(with_metadata(model.SerializeToString(), {"version": "2"}))
    assert {each.key: each.value for each in found.metadata_props} == {
        "before": "x",
        METADATA_KEY: '{"version": "2"}',
        "after": "y",
    }
    assert (found.producer_name, found.model_version) == ("another program", 2**40)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_half_a_file_is_one_sentence(size: int) -> None:
    with pytest.raises(ModelArtifactError, match=r"not an ONNX model|carries no metadata"):
        read_metadata(a_model("1")[:-size])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with pytest.raises(ModelArtifactError):
        read_metadata(content)


def test_metadata_that_are_no_object_are_refused() -> None:
    model = onnx.load_from_string(a_model("1"))
    helper.set_model_props(model, {METADATA_KEY: "[]"})
    with pytest.raises(ModelArtifactError, match="carries no metadata"):
        read_metadata(model.SerializeToString())
