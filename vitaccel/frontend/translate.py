"""Node by node: every Foreign whose meaning is exactly one typed operation, or a few, becomes that."""

from __future__ import annotations

from dataclasses import dataclass

from vitaccel.errors import UnsupportedError
from vitaccel.frontend.derive import derive
from vitaccel.frontend.identities import all_equal
from vitaccel.frontend.operators import einsum, elementwise, matrix, rows, views, windows
from vitaccel.frontend.operators.site import Derived, RefusedError, Rule, Site
from vitaccel.ir.graph import Graph, is_parameter
from vitaccel.ir.ops import Const, Foreign

RULES: dict[str, Rule] = {
    **einsum.RULES,
    **elementwise.RULES,
    **matrix.RULES,
    **rows.RULES,
    **views.RULES,
    **windows.RULES,
}
"""Translation of each operator, standard or ``com.microsoft``."""

INTEGER_TOO = frozenset(views.RULES)
"""Operators translated whatever their elements; all others only between floats."""


@dataclass(frozen=True)
class Translation:
    """What a translation could not do.

    Parameters
    ----------
    refused
        Reason by name of a Foreign node that has no mapping: it completes *X node 'n' must ...*.
    """

    refused: dict[str, str]


def translate(graph: Graph) -> Translation:
    """Replace Foreign nodes by typed ones, in place; what is left is for the recognisers.

    Parameters
    ----------
    graph
        From :func:`vitaccel.frontend.normalize.normalize`.

    Raises
    ------
    UnsupportedError
        If a value has no elements.
    """
    own_uniform_parameters(graph)
    derived, refused = Derived(), {}
    for name in graph.topological():
        op = graph[name].op
        if not isinstance(op, Foreign) or op.op_type not in RULES:
            continue
        site = Site(graph, name, op, derived)
        if not _translatable(site):
            continue
        try:
            made = RULES[op.op_type](site)
        except RefusedError as error:
            refused[name] = str(error)
            continue
        except ValueError as error:
            # The typed operation rejects its operands.
            refused[name] = f"fit the operation it means, but {error}"
            continue
        if made is not None:
            graph.replace_uses(name, made)
    graph.prune()
    refuse_empty(graph)
    return Translation({name: reason for name, reason in refused.items() if name in graph})


def refuse_empty(graph: Graph) -> None:
    """Check that every value that depends on an input has elements.

    Raises
    ------
    UnsupportedError
        If one has none.
    """
    for name in graph.topological():
        node = graph[name]
        if node.type.is_static and node.type.size == 0 and not isinstance(node.op, Const):
            where = ", ".join(sorted(node.sources)) or name
            raise UnsupportedError(f"the value of node {where!r} must have elements, but its type is {node.type}")


def own_uniform_parameters(graph: Graph) -> None:
    """Give every user of a parameter that is one number throughout a copy of its own.

    Exporters merge equal initializers. Learned tensors are never equal by chance, but the ones and zeros that fresh
    LayerNorms, biases and class tokens start from are, and would be counted once instead of once for each layer.
    """
    for name in list(graph):
        users = graph.users(name)
        if len(users) < 2 or not is_parameter(graph[name]):
            continue
        array = graph.array(name)
        if array.size == 0 or not all_equal(array, float(array.flat[0])):
            continue
        for user in users[1:]:
            copy = derive(graph, name, lambda a: a)
            graph.update(user, inputs=tuple(copy if i == name else i for i in graph[user].inputs))


def _translatable(site: Site) -> bool:
    """Whether all shapes are known, none is empty, and elements are of a type the operation takes."""
    types = [site.type, *site.graph.operand_types(site.name)]
    if not all(t.is_static for t in types):
        return False
    if site.op.op_type in INTEGER_TOO:
        return True
    return site.type.element == "f32" and site.graph.operand_types(site.name)[:1] != () and _first_is_float(site)


def _first_is_float(site: Site) -> bool:
    return site.type_of(site.graph[site.name].inputs[0]).element == "f32"
