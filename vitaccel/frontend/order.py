"""Nodes of an ONNX graph in an order that defines every value before it is read."""

from __future__ import annotations

from collections import deque

import onnx

from vitaccel.errors import ModelError


def sorted_nodes(body: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes in file order when that is topological already, as ONNX demands; sorted otherwise.

    Raises
    ------
    ModelError
        If nodes read each other in a cycle, or two define one value.
    """
    producer: dict[str, int] = {}
    nodes = list(body.node)
    for at, node in enumerate(nodes):
        for output in node.output:
            if output and output in producer:
                raise ModelError(f"the value {output!r} must be defined by one node, not by two")
            if output:
                producer[output] = at
    needs = [{producer[i] for i in _reads(node) if i in producer} for node in nodes]
    if all(max(before, default=-1) < at for at, before in enumerate(needs)):
        return nodes
    users: dict[int, list[int]] = {}
    for at, before in enumerate(needs):
        for other in before:
            users.setdefault(other, []).append(at)
    waiting = [len(before) for before in needs]
    ready = deque(at for at, count in enumerate(waiting) if count == 0)
    order: list[int] = []
    while ready:
        at = ready.popleft()
        order.append(at)
        for user in users.get(at, []):
            waiting[user] -= 1
            if waiting[user] == 0:
                ready.append(user)
    if len(order) < len(nodes):
        stuck = next(nodes[at] for at, count in enumerate(waiting) if count > 0)
        raise ModelError(f"nodes must not read each other in a cycle, as {stuck.op_type} node {stuck.name!r} does")
    return [nodes[at] for at in order]


def _reads(node: onnx.NodeProto) -> set[str]:
    """Values a node reads, those read inside its branches included."""
    found = set(node.input)
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                found |= _reads(inner)
            found |= {o.name for o in attribute.g.output}
    found.discard("")
    return found
