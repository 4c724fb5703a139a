"""The float meaning of a Graph: every op in PyTorch float32, the yardstick of imports and of quantisation error.

Nothing here is fast or clever: each op is the shortest formula that its docstring in :mod:`vitaccel.ir.ops` allows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, overload

import numpy as np

from vitaccel.errors import VitaccelError
from vitaccel.ir.graph import Graph

if TYPE_CHECKING:
    from torch import Tensor


@overload
def evaluate(graph: Graph, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]: ...
@overload
def evaluate(
    graph: Graph, feeds: Mapping[str, np.ndarray], *, taps: Collection[str]
) -> tuple[list[np.ndarray], dict[str, np.ndarray]]: ...


def evaluate(
    graph: Graph, feeds: Mapping[str, np.ndarray], *, taps: Collection[str] | None = None
) -> list[np.ndarray] | tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Run a recognised Graph in float32.

    Parameters
    ----------
    graph
        The Graph; no :class:`~vitaccel.ir.ops.Foreign` op may be left.
    feeds
        One array per graph input, of its shape; floating arrays of any width are converted to float32.
    taps
        Names of values wanted besides the outputs.

    Returns
    -------
    list of arrays, or that list and a dict of arrays
        The outputs in ``graph.outputs`` order; with ``taps`` also the value of every tapped name.

    Raises
    ------
    VitaccelError
        If PyTorch is not installed, a feed is missing, unknown or does not fit its input, a tap is not a value that
        the outputs need, or a selected row does not exist.
    UnsupportedError
        If an ONNX operator is left in the graph.
    VerifyError
        If the value of a node has another shape than the node's type.
    """
    # Predicting needs no PyTorch, so it is an extra, and it is imported no earlier than here.
    try:
        from vitaccel.backends.float_graph.node import value_of
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise VitaccelError("running a model in float needs PyTorch: pip install 'vitaccel[torch]'") from error

    order = graph.topological()
    wanted = list(dict.fromkeys([*graph.outputs, *(taps or ())]))
    _check_feeds(graph, feeds)
    _check_taps(graph, wanted, order)
    readers = Counter(operand for name in order for operand in graph[name].inputs) + Counter(wanted)
    values: dict[str, Tensor] = {}
    for name in order:
        operands = graph[name].inputs
        values[name] = value_of(graph, name, feeds, [values[i] for i in operands])
        # A large model fits in memory because no value outlives its last reader.
        readers.subtract(operands)
        for operand in set(operands):
            if not readers[operand]:
                del values[operand]
    found = {name: values[name].contiguous().numpy().copy() for name in wanted}
    outputs = [found[name].copy() if graph.outputs.count(name) > 1 else found[name] for name in graph.outputs]
    return outputs if taps is None else (outputs, {name: found[name] for name in taps})


def _check_feeds(graph: Graph, feeds: Mapping[str, np.ndarray]) -> None:
    for name in feeds:
        if name not in graph.inputs:
            raise VitaccelError(f"feed {name!r} must be one of the inputs {', '.join(graph.inputs)}")
    kinds = {"f32": "f", "i64": "iu", "bool": "b"}
    for name in graph.inputs:
        if name not in feeds:
            raise VitaccelError(f"input {name!r} must be fed a {graph[name].type}")
        fed, type_ = feeds[name], graph[name].type
        if fed.shape != type_.shape or fed.dtype.kind not in kinds[type_.element]:
            given = f"{fed.dtype}[{','.join(map(str, fed.shape))}]"
            raise VitaccelError(f"input {name!r} must be fed a {type_}, not a {given}")


def _check_taps(graph: Graph, wanted: list[str], order: list[str]) -> None:
    known = set(order)
    for name in wanted:
        if name not in known:
            raise VitaccelError(f"tap {name!r} must be a value that the outputs of {graph.name!r} need")
