"""A model's own functions, replaced by their bodies."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from onnx import inliner

from vitaccel.errors import ModelError, UnsupportedError

NODE_LIMIT = 200_000
"""Most nodes of a model, functions expanded; the largest legacy export seen has 6000."""

Key = tuple[str, str]


def inline_functions(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its own functions replaced by their bodies; the model itself if it has none.

    Raises
    ------
    ModelError
        If a function calls itself or is malformed.
    UnsupportedError
        If the model has more than :data:`NODE_LIMIT` nodes: functions that call functions grow exponentially.
    """
    count = expanded_size(model)
    if count > NODE_LIMIT:
        raise UnsupportedError(f"the model must have at most {NODE_LIMIT} nodes, not {count}")
    if not model.functions:
        return model
    try:
        return inliner.inline_local_functions(model)
    except (RuntimeError, ValueError, onnx.checker.ValidationError) as error:
        lines = str(error).splitlines() or ["they are malformed"]
        raise ModelError(f"the functions of the model must be inlinable, but {lines[0]}") from error


def expanded_size(model: onnx.ModelProto) -> int:
    """Nodes of the model once all functions are inlined, counted without doing it.

    Raises
    ------
    ModelError
        If a function calls itself.
    """
    bodies = {(f.domain, f.name): list(_nodes(f.node)) for f in model.functions}
    sizes: dict[Key, int] = {}
    for root in bodies:
        _measure(root, bodies, sizes)
    return sum(sizes.get(key, 1) for key in _nodes(model.graph.node))


def _measure(root: Key, bodies: dict[Key, list[Key]], sizes: dict[Key, int]) -> None:
    """Fill in the size of a function and of all it calls, without recursion: a file may nest them deeply."""
    stack, open_ = [root], set[Key]()
    while stack:
        key = stack[-1]
        if key in sizes:
            stack.pop()
            continue
        missing = [c for c in dict.fromkeys(bodies[key]) if c in bodies and c not in sizes]
        if key in open_ and missing:
            raise ModelError(f"function {key[1]!r} of the model must not call itself")
        if missing:
            open_.add(key)
            stack += missing
            continue
        sizes[key] = sum(sizes.get(c, 1) for c in bodies[key])


def _nodes(nodes: object) -> Iterator[Key]:
    """Operator of every node, those in branches included."""
    for node in nodes:  # type: ignore[attr-defined]
        yield node.domain, node.op_type
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g.node)
