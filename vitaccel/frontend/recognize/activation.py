"""Activations that exporters write as arithmetic: GELU by erf, tanh or sigmoid, SiLU, Hardswish, Hardsigmoid."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose, pi, sqrt

from vitaccel.frontend.recognize.match import between, in_16_bits, is_foreign, other, scalar, scaled
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Add, Foreign, Mul

Polynomial = dict[int, float]
"""Coefficients by degree."""

_GELU_TANH: Polynomial = {1: sqrt(2 / pi), 3: 0.044715 * sqrt(2 / pi)}
_TOLERANCE = 1e-5
"""Relative tolerance of constants; those that a 16-bit model rounded are restored first."""

_CONSTANTS = (sqrt(0.5), sqrt(2 / pi), 0.044715, 1.702, 1 / 6)

_MAX_DEPTH = 8
_MAX_DEGREE = 3


def recognize_activation(graph: Graph) -> None:
    """Replace decomposed activations by one :class:`~vitaccel.ir.ops.Activation` each.

    Recognised, in every operand order and with the constants anywhere in the product:
    ``x/2 (1 + erf(x/sqrt 2))``, ``x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))``, ``x sigmoid(1.702 x)``,
    ``x sigmoid(x)``, ``x relu6(x + 3) / 6`` and ``relu6(x + 3) / 6`` (and with a ``hardsigmoid`` op).
    """
    for name in graph.topological():
        if name not in graph:
            continue
        if is_foreign(graph, name, "Erf"):
            _gate(graph, name, {"gelu": ({1: sqrt(0.5)}, 1.0, 0.5)})
            continue
        op = graph[name].op
        if not isinstance(op, Activation):
            continue
        if op.kind == "tanh":
            _gate(graph, name, {"gelu_tanh": (_GELU_TANH, 1.0, 0.5)})
        elif op.kind == "sigmoid":
            _gate(graph, name, {"silu": ({1: 1.0}, 0.0, 1.0), "gelu_sigmoid": ({1: 1.702}, 0.0, 1.0)})
        elif op.kind == "hardsigmoid":
            _gate(graph, name, {"hardswish": ({1: 1.0}, 0.0, 1.0)})
        elif op.kind == "relu6":
            _gate(graph, name, {"hardswish": ({1: 1.0, 0: 3.0}, 0.0, 1 / 6)})
            _hardsigmoid(graph, name)
    graph.prune()


def _gate(graph: Graph, inner: str, kinds: dict[str, tuple[Polynomial, float, float]]) -> None:
    """Replace ``factor * x * (inner(p(x)) + shift)`` for each kind's ``(p, shift, factor)``."""
    argument = graph[inner].inputs[0]
    for kind, (polynomial, shift, factor) in kinds.items():
        for start in _shifted(graph, inner, shift):
            for root, x, found in _products(graph, start):
                if not isclose(_restored(found), factor, rel_tol=_TOLERANCE):
                    continue
                if not _same(_polynomial(graph, argument, x, _MAX_DEPTH), polynomial):
                    continue
                if graph[x].type == graph[root].type:
                    _replace(graph, root, x, kind)


def _hardsigmoid(graph: Graph, inner: str) -> None:
    for user in graph.users(inner) if inner in graph else []:
        product = scaled(graph, user)
        argument = graph[inner].inputs[0]
        if product is None or not isclose(_restored(product[1]), 1 / 6, rel_tol=_TOLERANCE):
            continue
        if not isinstance(graph[argument].op, Add):
            continue
        for x in graph[argument].inputs:
            if _same(_polynomial(graph, argument, x, 1), {1: 1.0, 0: 3.0}) and graph[x].type == graph[user].type:
                _replace(graph, user, x, "hardsigmoid")
                break


def _shifted(graph: Graph, name: str, shift: float) -> list[str]:
    """Return the values ``name + shift``."""
    if shift == 0:
        return [name]
    adds = [user for user in graph.users(name) if isinstance(graph[user].op, Add)]
    terms = {add: scalar(graph, other(graph, add, name)) for add in adds}
    return [add for add, term in terms.items() if term is not None and isclose(term, shift, rel_tol=_TOLERANCE)]


def _products(graph: Graph, start: str) -> Iterator[tuple[str, str, float]]:
    """Yield ``(root, x, c)`` for values ``root = c * x * start`` with one factor ``x`` that is no constant."""
    for product, factor in _scaled_up(graph, start, 1.0):
        for user in [u for u in graph.users(product) if isinstance(graph[u].op, Mul)]:
            gate = other(graph, user, product)
            if graph.is_const(gate):
                continue
            inner = scaled(graph, gate)
            candidates = [(gate, 1.0)] if inner is None else [inner, (gate, 1.0)]
            for root, outer in _scaled_up(graph, user, factor):
                for x, own in candidates:
                    yield root, x, outer * own


def _scaled_up(graph: Graph, name: str, factor: float) -> Iterator[tuple[str, float]]:
    """Yield the value times each scalar that users multiply it by, the outermost first, then the value itself."""
    for user in graph.users(name):
        product = scaled(graph, user)
        if product is not None and product[0] == name:
            yield user, factor * product[1]
    yield name, factor


def _polynomial(graph: Graph, name: str, x: str, depth: int) -> Polynomial | None:
    """Return a value as a polynomial in ``x``, or None when it is none."""
    if name == x:
        return {1: 1.0}
    value = scalar(graph, name)
    if value is not None:
        return {0: _restored(value)}
    op = graph[name].op
    if depth == 0 or not (isinstance(op, Add | Mul) or is_foreign(graph, name, "Pow")):
        return None
    left, right = (_polynomial(graph, operand, x, depth - 1) for operand in graph[name].inputs)
    if left is None or right is None:
        return None
    if isinstance(op, Foreign):
        exponent = right.get(0, 0.0)
        if set(right) != {0} or exponent not in (1.0, 2.0, 3.0):
            return None
        return _power(left, int(exponent))
    if isinstance(op, Mul):
        return _times(left, right)
    return {degree: left.get(degree, 0.0) + right.get(degree, 0.0) for degree in {*left, *right}}


def _times(left: Polynomial | None, right: Polynomial) -> Polynomial | None:
    if left is None or max(left) + max(right) > _MAX_DEGREE:
        return None
    result: Polynomial = {}
    for a, one in left.items():
        for b, two in right.items():
            result[a + b] = result.get(a + b, 0.0) + one * two
    return result


def _power(base: Polynomial, exponent: int) -> Polynomial | None:
    result: Polynomial | None = {0: 1.0}
    for _ in range(exponent):
        result = _times(result, base)
    return result


def _same(found: Polynomial | None, wanted: Polynomial) -> bool:
    if found is None:
        return False
    kept = {degree: value for degree, value in found.items() if value != 0.0}
    return set(kept) == set(wanted) and all(
        isclose(kept[degree], wanted[degree], rel_tol=_TOLERANCE) for degree in wanted
    )


def _replace(graph: Graph, root: str, x: str, kind: str) -> None:
    if root not in graph or (not graph.users(root) and root not in graph.outputs):
        return
    new = graph.add(Activation(kind), [x], sources=between(graph, root, [x]))
    graph.replace_uses(root, new)


def _restored(value: float) -> float:
    """Return the known constant that ``value`` is once it (or its reciprocal) is rounded to 16 bits, else ``value``."""
    for known in _CONSTANTS:
        for exact, found in ((known, value), (1 / known, 1 / value if value else 0.0)):
            if any(isclose(found, rounded, rel_tol=1e-6) for rounded in in_16_bits(exact)):
                return known
    return value
