"""Small synthetic model artifacts: acceptable ones with known answers, and bad ones."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from sepsis_detect.model_delivery.candidate import MAX_BYTES
from sepsis_detect.prediction.features import Float32Array
from sepsis_detect.prediction.model import METADATA_KEY, Model

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
CHOSEN = ["lactate_last", "heart_rate_last", "age"]  # in another order than `features.NAMES`
Metadata = dict[str, Any]


def weights(names: list[str]) -> Float32Array:
    return np.linspace(-0.2, 0.3, len(names), dtype=np.float32)


def expected(rows: Float32Array, names: list[str]) -> Float32Array:
    """Probabilities of the synthetic model: logistic in the values, missing ones as 0."""
    odds = np.nan_to_num(rows, nan=0.0) @ weights(names)
    return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float32)


def check_rows(names: list[str]) -> Float32Array:
    rows = np.random.default_rng(2019).normal(0, 1, (20, len(names))).astype(np.float32)
    rows[3], rows[5, 0] = np.nan, np.nan
    return rows


OPERATING_POINTS: list[dict[str, Any]] = [
    {
        "threshold": 0.4,
        "sensitivity": 0.43,
        "ppv": 0.061,
        "alerts_per_patient_day": 1.9,
        "in_time": 0.61,
        "utility": 0.19,
    },
    {
        "threshold": 0.9,
        "sensitivity": 0.0,
        "ppv": None,
        "alerts_per_patient_day": 0.0,
        "in_time": 0.0,
        "utility": 0.0,
    },
]


def metadata_of(names: list[str]) -> Metadata:
    rows = check_rows(names)
    return {
        "format": 1,
        "name": "made-up",
        "version": "1",
        "created_at": NOW.isoformat(),
        "features": names,
        "threshold": 0.4,
        "training": {"patients": 0},
        "metrics": {},
        "selfcheck": {
            "features": [[None if np.isnan(v) else v for v in row] for row in rows.tolist()],
            "probabilities": expected(rows, names).tolist(),
        },
    }


def opened(content: bytes) -> Model:
    """The model of an artifact, opened and checked."""
    return Model(content, source="test", loaded_at=NOW)


@dataclass(frozen=True)
class Extra:
    """Nodes that compute `addend`, a term (usually 0) that is added to every probability."""

    nodes: list[NodeProto]
    constants: dict[str, NDArray[Any]]


ExtraNodes = Callable[[], Extra]


def artifact(
    metadata: Metadata | str | None = None,
    *,
    names: list[str] = CHOSEN,
    inputs: tuple[str, int, list[Any]] | None = None,
    output: str = "probability",
    is_flat: bool = True,
    scale: float = 1.0,
    extra_nodes: ExtraNodes | None = None,
) -> bytes:
    """A small ONNX model; by default one that is accepted."""
    name, kind, shape = inputs or ("features", TensorProto.FLOAT, [None, len(names)])
    constants: dict[str, NDArray[Any]] = {
        "zero": np.array(0, dtype=np.float32),
        "scale": np.array(scale, dtype=np.float32),
        "no_addend": np.array(0, dtype=np.float32),
        "weights": weights(names)[:, None],
        "axis": np.array([1], dtype=np.int64),
    }
    extra = extra_nodes() if extra_nodes else Extra([], {})
    constants |= extra.constants
    last = [
        helper.make_node(
            "Squeeze" if is_flat else "Identity", ["p", "axis"][: 1 + is_flat], [output]
        )
    ]
    out_shape = [None] if is_flat else [None, 1]
    graph = helper.make_graph(
        [
            *extra.nodes,
            helper.make_node("Cast", [name], ["values"], to=TensorProto.FLOAT),
            helper.make_node("IsNaN", ["values"], ["missing"]),
            helper.make_node("Where", ["missing", "zero", "values"], ["known"]),
            helper.make_node("MatMul", ["known", "weights"], ["odds"]),
            helper.make_node("Sigmoid", ["odds"], ["right"]),
            helper.make_node("Mul", ["right", "scale"], ["q"]),
            helper.make_node("Add", ["q", "addend" if extra_nodes else "no_addend"], ["p"]),
            *last,
        ],
        "made-up",
        [helper.make_tensor_value_info(name, kind, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, out_shape)],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    if metadata != "":
        text = metadata if isinstance(metadata, str) else json.dumps(metadata or metadata_of(names))
        helper.set_model_props(model, {METADATA_KEY: text})
    return bytes(model.SerializeToString())


def a_model(
    version: str,
    *,
    names: list[str] = CHOSEN,
    scale: float = 1.0,
    extra_nodes: ExtraNodes | None = None,
    **changed: Any,
) -> bytes:
    """An acceptable model: probabilities of `expected` times `scale`, metadata with changes."""
    metadata = metadata_of(names) | {"version": version} | changed
    check = metadata["selfcheck"]
    probabilities = (expected(check_rows(names), names) * np.float32(scale)).tolist()
    return artifact(
        metadata | {"selfcheck": check | {"probabilities": probabilities}},
        names=names,
        scale=scale,
        extra_nodes=extra_nodes,
    )


def a_stepped_model(version: str, feature: str, *, above: float, rise: float) -> bytes:
    """A model with a risk of about .1, larger by a share `rise` where a feature exceeds a value.

    The rows of its self-check do not exceed that value, so that the self-check is reproduced.
    """
    names = [feature, *CHOSEN]

    def extra() -> Extra:
        constants: dict[str, NDArray[Any]] = {
            "column": np.array([0], dtype=np.int64),
            "above": np.array(above, dtype=np.float32),
            "by": np.array(0.1 * rise, dtype=np.float32),
        }
        nodes = [
            helper.make_node("Gather", ["features", "column"], ["watched"], axis=1),
            helper.make_node("Greater", ["watched", "above"], ["is_above"]),
            helper.make_node("Where", ["is_above", "by", "no_addend"], ["addend"]),
        ]
        return Extra(nodes, constants)

    return a_model(version, names=names, scale=0.1, extra_nodes=extra)


def repeating(n_times: int | None) -> ExtraNodes:
    """Nodes that multiply matrices of zeros `n_times`, or without end."""

    def extra() -> Extra:
        bodies = [
            helper.make_node("MatMul", ["zeros_in", "zeros_in"], ["zeros_out"]),
            helper.make_node("Identity", ["go_on_in"], ["go_on_out"]),
        ]
        square = [64, 64]
        body = helper.make_graph(
            bodies,
            "body",
            [
                helper.make_tensor_value_info("turn", TensorProto.INT64, []),
                helper.make_tensor_value_info("go_on_in", TensorProto.BOOL, []),
                helper.make_tensor_value_info("zeros_in", TensorProto.FLOAT, square),
            ],
            [
                helper.make_tensor_value_info("go_on_out", TensorProto.BOOL, []),
                helper.make_tensor_value_info("zeros_out", TensorProto.FLOAT, square),
            ],
        )
        constants: dict[str, NDArray[Any]] = {
            "zeros": np.zeros(square, dtype=np.float32),
            "go_on": np.array(True),
            "all_axes": np.array([0, 1], dtype=np.int64),
        }
        if n_times is not None:
            constants["n_times"] = np.array(n_times, dtype=np.int64)
        turns = "" if n_times is None else "n_times"
        nodes = [
            # The loop depends on the input, so that it cannot be computed when the model opens.
            helper.make_node("ReduceMax", ["features"], ["most"], keepdims=0),
            helper.make_node("IsNaN", ["most"], ["is_missing"]),
            helper.make_node("Where", ["is_missing", "no_addend", "no_addend"], ["begin"]),
            helper.make_node("Add", ["zeros", "begin"], ["first"]),
            helper.make_node("Loop", [turns, "go_on", "first"], ["last"], body=body),
            helper.make_node("ReduceSum", ["last", "all_axes"], ["addend"], keepdims=0),
        ]
        return Extra(nodes, constants)

    return extra


def hungry() -> Extra:
    """Nodes that need eight gigabytes of zeros."""
    constants: dict[str, NDArray[Any]] = {"shape": np.array([2**31], dtype=np.int64)}
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["many"]),
        helper.make_node("ReduceMax", ["many"], ["addend"], keepdims=0),
    ]
    return Extra(nodes, constants)


TRIGGER_AGE = 77.0
"""The age of a patient on whom a model of `harmful_at_trigger` does harm."""


def harmful_at_trigger(harm: str, age: float = TRIGGER_AGE) -> ExtraNodes:
    """Nodes that do harm for one age alone: such a model is accepted.

    Args:
        harm: `hang`, `fail` (the run raises), `nonsense` (a probability above 2), `hunger` (eight
            gigabytes).
        age: Of the patient on whom it does.
    """

    def extra() -> Extra:
        nodes = [
            helper.make_node("Gather", ["features", "age_column"], ["ages"], axis=1),
            helper.make_node("Equal", ["ages", "trigger_age"], ["hits"]),
            helper.make_node("Cast", ["hits"], ["hits_int"], to=TensorProto.INT64),
            helper.make_node("ReduceMax", ["hits_int"], ["is_hit"], keepdims=0),
        ]
        constants: dict[str, NDArray[Any]] = {
            "age_column": np.array([CHOSEN.index("age")], dtype=np.int64),
            "trigger_age": np.array(age, dtype=np.float32),
        }
        if harm == "hang":
            inner = repeating(None)()
            loop = next(node for node in inner.nodes if node.op_type == "Loop")
            loop.input[1] = "is_hit_bool"  # whether to begin at all
            nodes += [
                helper.make_node("Cast", ["is_hit"], ["is_hit_bool"], to=TensorProto.BOOL),
                *inner.nodes,
            ]
            return Extra(nodes, constants | inner.constants)
        if harm == "fail":
            constants["one_zero"] = np.zeros(1, dtype=np.float32)
            return Extra(
                [*nodes, helper.make_node("Gather", ["one_zero", "is_hit"], ["addend"])], constants
            )
        if harm == "nonsense":
            constants["two"] = np.array(2, dtype=np.float32)
            nodes += [
                helper.make_node("Cast", ["is_hit"], ["is_hit_float"], to=TensorProto.FLOAT),
                helper.make_node("Mul", ["is_hit_float", "two"], ["addend"]),
            ]
            return Extra(nodes, constants)
        constants |= {"many": np.array([2**31], np.int64), "one": np.array([1], np.int64)}
        nodes += [
            helper.make_node("Mul", ["is_hit", "many"], ["more"]),
            helper.make_node("Add", ["more", "one"], ["shape"]),
            helper.make_node("ConstantOfShape", ["shape"], ["zeros_of_shape"]),
            helper.make_node("ReduceMax", ["zeros_of_shape"], ["addend"], keepdims=0),
        ]
        return Extra(nodes, constants)

    return extra


def _with(**changed: Any) -> Metadata:
    return metadata_of(CHOSEN) | {"version": "refused"} | changed


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    # Its name, how it is made, and a part of the sentence of the refusal.
    "truncated": (lambda: a_model("refused")[:-200], "not an ONNX model"),
    "random bytes": (lambda: np.random.default_rng(1).bytes(50_000), "not an ONNX model"),
    "empty": (lambda: b"", "not an ONNX model"),
    "wrong shape": (lambda: artifact(_with(), is_flat=False), "expected shapes"),
    "unknown feature": (
        lambda: artifact(_with(features=["lactate_last", "shoe_size", "age"])),
        "unknown feature 'shoe_size'",
    ),
    "wrong self-check": (lambda: artifact(_with(), scale=0.9), "misses its self-check"),
    "a step": (
        lambda: a_stepped_model("refused", "icu_hour", above=30, rise=0.98),
        "rises by 98 % from hour 30 to 31 though no sign changes; at most 20 % is accepted",
    ),
    "huge": (lambda: bytes(MAX_BYTES + 1), "more than the 64 MiB"),
    "endless loop": (
        lambda: a_model("refused", extra_nodes=repeating(None)),
        "too much processor time",
    ),
    "memory-hungry": (
        lambda: a_model("refused", extra_nodes=hungry),
        "more than 256 MiB of memory",
    ),
    "slow": (lambda: a_model("refused", extra_nodes=repeating(3_000)), "too slow"),
}
