"""The experts' weights in a region: E pairs of matrices, or stacks that hold all of them.

What is found here is a proposal. Sizes decide where they can (a stack of 16 x 384 x 192 with D = 192 has h = 384);
where two axes have one size every reading is offered, and :mod:`~vitaccel.frontend.recognize.moe.proof` picks the one
that holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from vitaccel.frontend.recognize.moe.region import Region
from vitaccel.frontend.recognize.moe.semantics import ExpertArrays
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Linear, Reshape

Array = np.ndarray


@dataclass(frozen=True)
class Stack:
    """How one operand ``(E, ...)`` of a Moe is made of constants.

    Parameters
    ----------
    shape
        Of the operand.
    parts
        One constant per expert, or the one constant that holds all, or none: a missing bias, zero.
    split
        Shape in which the one constant is seen first; empty for one constant per expert.
    perm
        Order of its axes then.
    """

    shape: tuple[int, ...]
    parts: tuple[str, ...] = ()
    split: tuple[int, ...] = ()
    perm: tuple[int, ...] = ()

    def build(self, array: Callable[[str], Array]) -> Array:
        """The operand: a view of the one constant, or a copy of the constants of all experts.

        Parameters
        ----------
        array
            Gives the value of a constant.
        """
        if not self.parts:
            return np.zeros(self.shape, np.float32)
        if self.split:
            return array(self.parts[0]).reshape(self.split).transpose(self.perm).reshape(self.shape)
        arrays = [array(part).reshape(self.shape[1:]) for part in self.parts]
        if len(self.shape) == 3 and all(a.flags.f_contiguous for a in arrays):
            # Gemm holds its weights transposed: stack them as they lie in memory.
            return np.stack([a.T for a in arrays]).swapaxes(1, 2)
        return np.stack(arrays)

    def reordered(self, order: tuple[int, ...]) -> Stack:
        """The stack with its experts in another order."""
        if self.split or not self.parts:
            return self
        return Stack(self.shape, tuple(self.parts[e] for e in order))


@dataclass(frozen=True)
class Experts:
    """The four stacked operands of a Moe and the activation between the two matrices."""

    activation: str
    w1: Stack
    b1: Stack
    w2: Stack
    b2: Stack

    @property
    def stacks(self) -> tuple[Stack, Stack, Stack, Stack]:
        """Operands in the order of Moe."""
        return self.w1, self.b1, self.w2, self.b2

    @property
    def constants(self) -> tuple[str, ...]:
        """Names of all constants used."""
        return tuple(part for stack in self.stacks for part in stack.parts)

    @property
    def listed(self) -> bool:
        """Whether every expert has matrices of its own, whose order is yet to be proven."""
        return not self.w1.split

    def build(self, array: Callable[[str], Array]) -> ExpertArrays:
        """The four operands; see :meth:`Stack.build`."""
        return ExpertArrays(*(stack.build(array) for stack in self.stacks))

    def reordered(self, order: tuple[int, ...]) -> Experts:
        """The experts in another order."""
        return Experts(self.activation, *(stack.reordered(order) for stack in self.stacks))


class LostExpertsError(Exception):
    """The region has matrices for fewer experts than the router rates; the value is how many."""

    def __init__(self, found: int) -> None:
        super().__init__(found)
        self.found = found


class StrangeExpertsError(Exception):
    """The region has experts of a form that is not supported; the text says which."""


def find_experts(graph: Graph, region: Region, *, experts: int, width: int) -> list[Experts]:
    """Every reading of the experts in a region; empty when it has none.

    Parameters
    ----------
    graph, region
        Where to look.
    experts
        E, the width of the router logits.
    width
        D, the channels of the tokens.

    Raises
    ------
    LostExpertsError
        If there are 1 to E - 1 experts.
    StrangeExpertsError
        If they are no linear-activation-linear experts of one size.
    """
    activations = [n for n in region.nodes if isinstance(graph[n].op, Activation)]
    if not activations:
        return []
    kinds = {op.kind for n in activations if isinstance(op := graph[n].op, Activation)}
    if len(kinds) > 1:
        raise StrangeExpertsError(f"their activations must be one function, not {', '.join(sorted(kinds))}")
    kind = kinds.pop()
    pairs = [pair for n in activations if (pair := _pair(graph, region, n)) is not None]
    if len(pairs) == experts and len(activations) == experts:
        found = _listed(graph, pairs, kind)
        if found is not None and found.w1.shape[1] == width:
            return [found]
    if len(activations) == 1:
        stacked = list(_stacked(graph, region, activations[0], experts=experts, width=width))
        if stacked or not pairs:
            return [Experts(kind, *stacks) for stacks in stacked]
    if len(pairs) == len(activations) and len(pairs) < experts:
        raise LostExpertsError(len(pairs))
    if len(pairs) == len(activations):
        raise StrangeExpertsError(f"there must be {experts} of them, as the router rates, not {len(pairs)}")
    raise StrangeExpertsError("each must be a linear layer, an activation and a linear layer")


# -- one pair of matrices per expert -------------------------------------------------------------------------------
def _pair(graph: Graph, region: Region, activation: str) -> tuple[str, str] | None:
    """The linear layers before and after an activation."""
    before = graph[activation].inputs[0]
    while isinstance(graph[before].op, Reshape):
        before = graph[before].inputs[0]
    after = _only_user(graph, activation)
    while after is not None and isinstance(graph[after].op, Reshape):
        after = _only_user(graph, after)
    if after is None or before not in region.nodes or after not in region.nodes:
        return None
    return (before, after) if _is_linear(graph, before) and _is_linear(graph, after) else None


def _only_user(graph: Graph, name: str) -> str | None:
    users = graph.users(name)
    return users[0] if len(users) == 1 else None


def _is_linear(graph: Graph, name: str) -> bool:
    node = graph[name]
    return isinstance(node.op, Linear) and all(graph.is_const(i) for i in node.inputs[1:])


def _listed(graph: Graph, pairs: list[tuple[str, str]], kind: str) -> Experts | None:
    stacks: list[Stack] = []
    for layer in zip(*pairs, strict=True):
        operands = [graph[name].inputs[1:] for name in layer]
        shapes = {graph[o[0]].type.static_shape for o in operands}
        if len(shapes) != 1 or len({len(o) for o in operands}) != 1:
            return None
        rows, columns = shapes.pop()
        stacks.append(Stack((len(pairs), rows, columns), tuple(o[0] for o in operands)))
        biases = tuple(o[1] for o in operands if len(o) == 2)
        stacks.append(Stack((len(pairs), columns), biases))
    return Experts(kind, *stacks)


# -- stacks that hold all experts ----------------------------------------------------------------------------------
def _stacked(
    graph: Graph, region: Region, activation: str, *, experts: int, width: int
) -> Iterator[tuple[Stack, Stack, Stack, Stack]]:
    before = _ancestors(graph, region, activation)
    first = {i for n in before for i in graph[n].inputs if i in region.constants}
    second = [c for c in region.constants if c not in first]
    for w1 in _matrices(graph, sorted(first), experts=experts, rows=width):
        hidden = w1.shape[2]
        for w2 in _matrices(graph, second, experts=experts, rows=hidden):
            b1 = _bias(graph, sorted(first - {w1.parts[0]}), experts=experts, columns=hidden)
            b2 = _bias(graph, [c for c in second if c != w2.parts[0]], experts=experts, columns=w2.shape[2])
            yield w1, b1, w2, b2


def _ancestors(graph: Graph, region: Region, name: str) -> set[str]:
    inside, found, stack = set(region.nodes), {name}, [name]
    while stack:
        for operand in graph[stack.pop()].inputs:
            if operand in inside and operand not in found:
                found.add(operand)
                stack.append(operand)
    return found


def _matrices(graph: Graph, constants: list[str], *, experts: int, rows: int) -> Iterator[Stack]:
    """Readings of a float constant as ``(E, rows, columns)``."""
    for name in constants:
        type_ = graph[name].type
        if type_.element != "f32" or type_.size == 0 or type_.size % (experts * rows):
            continue
        split = type_.static_shape
        columns = type_.size // (experts * rows)
        for shape in [split] if len(split) == 3 else _splits(split, experts):
            for perm in permutations(range(3)):
                if tuple(shape[p] for p in perm) == (experts, rows, columns):
                    yield Stack((experts, rows, columns), (name,), shape, perm)


def _splits(shape: tuple[int, ...], experts: int) -> list[tuple[int, ...]]:
    """A matrix whose experts lie side by side (or interleaved) along one axis, seen with three axes."""
    if len(shape) != 2:
        return []
    a, b = shape
    found: list[tuple[int, ...]] = [(a, experts, b // experts), (a, b // experts, experts)] if b % experts == 0 else []
    return found + ([(experts, a // experts, b), (a // experts, experts, b)] if a % experts == 0 else [])


def _bias(graph: Graph, constants: list[str], *, experts: int, columns: int) -> Stack:
    for name in constants:
        type_ = graph[name].type
        if type_.element != "f32" or type_.size != experts * columns:
            continue
        wide = tuple(d for d in type_.static_shape if d != 1)
        if wide in ((experts * columns,), tuple(d for d in (experts, columns) if d != 1)):
            return Stack((experts, columns), (name,), (experts, columns), (0, 1))
    return Stack((experts, columns))
