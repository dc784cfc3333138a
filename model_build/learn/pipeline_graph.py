"""ONNX export of scikit-learn pipelines: a graph from `features` to `score`, both float32.

skl2onnx converts imputer, scaler and trees. Margins are written as matrix products: the ONNX node
for kernel SVMs takes a millisecond per hour, ten times as long.
"""

from typing import Any

import numpy as np
import onnx
import skl2onnx
from onnx import TensorProto, helper, numpy_helper
from skl2onnx.common.data_types import FloatTensorType
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

from model_build.learn.export import IR_VERSION, OPSETS

Nodes = tuple[list[onnx.NodeProto], dict[str, Any]]


def pipeline_to_onnx(pipeline: Pipeline) -> onnx.ModelProto:
    """Convert imputer, scaler if any, and a classifier: forest, linear, or RBF support vectors.

    Returns:
        A graph whose score is the margin, or for trees the probability of class 1.
    """
    classifier = pipeline[-1]
    model: onnx.ModelProto
    if hasattr(classifier, "estimators_"):
        model = _convert(pipeline, options={id(classifier): {"zipmap": False}})
        nodes, numbers = _second_column(model.graph.output[1].name)
    else:
        model = _convert(pipeline[:-1])
        prepared = model.graph.output[0].name
        is_kernel = isinstance(classifier, SVC)
        nodes, numbers = (_rbf_margin if is_kernel else _linear_margin)(classifier, prepared)
    nodes.append(helper.make_node("Reshape", ["scores", "one_dimension"], ["score"]))
    numbers["one_dimension"] = np.array([-1])
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(number), name) for name, number in numbers.items()
    )
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("score", TensorProto.FLOAT, [None]))
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return model


def _convert(fitted: Any, options: Any = None) -> Any:
    shape = [None, fitted.n_features_in_]
    return skl2onnx.to_onnx(
        fitted,
        initial_types=[("features", FloatTensorType(shape))],
        options=options,
        target_opset=OPSETS,
    )


def _second_column(source: str) -> Nodes:
    return [helper.make_node("Gather", [source, "second"], ["scores"], axis=1)], {
        "second": np.array([1])
    }


def _linear_margin(classifier: Any, source: str) -> Nodes:
    numbers = {
        "coefficients": classifier.coef_.T.astype(np.float32),
        "intercept": classifier.intercept_.astype(np.float32),
    }
    return [helper.make_node("Gemm", [source, *numbers], ["scores"])], numbers


def _rbf_margin(classifier: SVC, source: str) -> Nodes:
    """Sum of coefficient x exp(-gamma |x - v|^2) over support vectors v, the square expanded."""
    vectors, gamma = classifier.support_vectors_, float(classifier.gamma)
    numbers = {
        "vectors": (2 * gamma * vectors).T.astype(np.float32),
        "minus_squares_of_vectors": (-gamma * (vectors**2).sum(axis=1)).astype(np.float32),
        "minus_gamma": np.array(-gamma, dtype=np.float32),
        "coefficients": classifier.dual_coef_.T.astype(np.float64),
        "intercept": classifier.intercept_.astype(np.float64),
    }
    products = ["vectors", "minus_squares_of_vectors"]
    nodes = [
        helper.make_node("Gemm", [source, *products], ["products"]),
        helper.make_node("ReduceSumSquare", [source], ["squares"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["squares", "minus_gamma"], ["minus_squares"]),
        helper.make_node("Add", ["products", "minus_squares"], ["minus_distances"]),
        helper.make_node("Exp", ["minus_distances"], ["similarities"]),
        # Thousands of large terms nearly cancel: float32 would lose the fourth digit.
        helper.make_node("Cast", ["similarities"], ["exact"], to=TensorProto.DOUBLE),
        helper.make_node("Gemm", ["exact", "coefficients", "intercept"], ["margins"]),
        helper.make_node("Cast", ["margins"], ["scores"], to=TensorProto.FLOAT),
    ]
    return nodes, numbers
