"""Evaluate one ONNX node whose inputs are constants.

The operators of shape arithmetic are evaluated by NumPy directly: a legacy export with a dynamic batch holds over a
thousand of them. Everything else goes through onnx's reference evaluator.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TypeProto, helper
from onnx.reference import ReferenceEvaluator

from vitaccel.errors import ModelError
from vitaccel.frontend.arithmetic import ELEMENT_LIMIT, RULES, Attributes, TooLargeError

NEVER = frozenset(
    {
        "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
        "Loop", "Scan", "If", "Conv", "ConvTranspose", "ConvInteger", "DeformConv", "Einsum", "Attention",
        "LSTM", "GRU", "RNN", "MaxPool", "AveragePool", "LpPool", "DFT", "STFT", "RoiAlign", "GridSample",
        "NonMaxSuppression", "QLinearConv", "QLinearMatMul", "MatMulInteger", "StringNormalizer", "TfIdfVectorizer",
    }
)  # fmt: skip
"""Operators never evaluated: random, slow in the reference, or with a body."""

Arrays = Sequence[np.ndarray | None]


def evaluate(
    node: onnx.NodeProto, where: str, inputs: Arrays, attributes: Attributes, opsets: Sequence[onnx.OperatorSetIdProto]
) -> list[np.ndarray] | None:
    """The outputs of a node, or ``None`` when it is not to be evaluated.

    Parameters
    ----------
    node, where
        The node, and how to name it in an error.
    inputs
        Its inputs as f32, i64 or bool arrays; ``None`` for one left out.
    attributes
        Its attributes as Python values.
    opsets
        Operator sets of the model, for the reference evaluator.

    Raises
    ------
    ModelError
        If the inputs do not fit the operator, or the result would be huge.
    """
    if node.domain not in ("", "ai.onnx") or node.op_type in NEVER:
        return None
    rule = RULES.get(node.op_type)
    try:
        with np.errstate(all="ignore"):
            if rule is not None and len(node.output) == 1:
                return [_as_element(np.asarray(rule(attributes, *inputs)))]
            return _reference(node, inputs, opsets)
    except TooLargeError as error:
        raise ModelError(f"{where} must not make a constant of more than {ELEMENT_LIMIT} elements") from error
    except (ValueError, IndexError, TypeError, ZeroDivisionError, RuntimeError, OverflowError, KeyError) as error:
        raise ModelError(f"{where} must be computable from its constant inputs, but {_first_line(error)}") from error


def _reference(
    node: onnx.NodeProto, inputs: Arrays, opsets: Sequence[onnx.OperatorSetIdProto]
) -> list[np.ndarray] | None:
    feeds = {n: v for n, v in zip(node.input, inputs, strict=True) if n and v is not None}
    graph = helper.make_graph(
        [node],
        "fold",
        [helper.make_value_info(n, TypeProto()) for n in feeds],
        [helper.make_value_info(n, TypeProto()) for n in node.output if n],
    )
    model = helper.make_model(graph, opset_imports=list(opsets))
    found = dict(zip([n for n in node.output if n], ReferenceEvaluator(model).run(None, feeds), strict=True))
    if not all(isinstance(v, np.ndarray | np.generic) for v in found.values()):
        return None
    return [_as_element(np.asarray(found[n])) if n else np.empty(0, np.float32) for n in node.output]


def _as_element(values: np.ndarray) -> np.ndarray:
    if values.dtype == np.bool_:
        return values
    if values.dtype.kind in "iu":
        return values.astype(np.int64, copy=False)
    if values.dtype.kind != "f":
        raise TypeError(f"it gives {values.dtype}")
    return values.astype(np.float32, copy=False)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
