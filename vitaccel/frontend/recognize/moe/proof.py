"""Which Moe a region is, proven by running it.

The region is run as it was exported on random tokens and router logits, with random numbers in the place of the
experts' weights; so is every Moe it could be. Activations are a polynomial on both sides (see :mod:`~.semantics`), so
two different functions agree at a random point with probability practically zero. Random weights instead of the real
ones have two uses: experts that start out equal are told apart, and the proof holds for every layer of the same form,
so that six layers cost as much as one.

The logits make visible what must be: every expert is the first choice of some token (a missing or misplaced expert
shows), and expert 0 is wanted by all (every capacity below the number of tokens overflows), by some first and by
others second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from vitaccel.frontend.recognize.moe.evaluate import evaluate_region
from vitaccel.frontend.recognize.moe.experts import Experts
from vitaccel.frontend.recognize.moe.region import Region
from vitaccel.frontend.recognize.moe.router import Router
from vitaccel.frontend.recognize.moe.semantics import ExpertArrays, evaluate_moe, stand_in
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Foreign, Moe, Op

Array = np.ndarray

TOLERANCE = 2e-5
"""Largest difference of a proven rewrite relative to the largest result; float32 rounding leaves about 1e-6."""

_FIRST, _SECOND = 3.0, 1.5
"""Added to the logit, random in 0 to 1, of the expert that a token is to choose first, and of the one wanted by all."""


@dataclass(frozen=True)
class Proven:
    """A region found equal to ``op`` on ``experts`` at the value ``end``."""

    op: Moe
    experts: Experts
    end: str


@dataclass(frozen=True)
class _Answer:
    """What was proven, without names, so that it holds for every region of the same form."""

    op: Moe
    reading: int
    order: tuple[int, ...]
    end: int


@dataclass(frozen=True)
class _Run:
    """One evaluation of a region: tokens (S, D), logits (S, E), and the values at the ends."""

    x: Array
    logits: Array
    ends: Mapping[str, Array]


@dataclass
class Prover:
    """Proofs for the layers of one Graph, each form proven once.

    Parameters
    ----------
    graph
        The Graph.
    """

    graph: Graph
    _known: dict[Hashable, _Answer | None] = field(default_factory=dict)

    def prove(self, router: Router, regions: list[Region], readings: list[Experts]) -> Proven | None:
        """Find the Moe that a region is.

        Parameters
        ----------
        router
            Gives E, what k may be, and whether the ranked values are probabilities.
        regions
            One layer up to ever later ends; the latest end that still holds the value of the Moe is taken.
        readings
            What the experts' weights may be.

        Returns
        -------
        Proven or None
            None when nothing fits.

        Raises
        ------
        NotEvaluableError
            If the region cannot be run.
        """
        key = _form(self.graph, router, regions, readings)
        if key not in self._known:
            self._known[key] = self._search(router, regions, readings)
        answer = self._known[key]
        if answer is None:
            return None
        experts = readings[answer.reading].reordered(answer.order)
        activation = experts.activation
        return Proven(replace(answer.op, activation=activation), experts, regions[answer.end].end)

    def _search(self, router: Router, regions: list[Region], readings: list[Experts]) -> _Answer | None:
        weights = _random_weights(self.graph, readings)
        tokens = self.graph[regions[0].tokens].type.size // self.graph[regions[0].tokens].type.static_shape[-1]
        runs = [
            self._run(router, regions, weights, _logits(tokens, router.experts, first=first))
            for first in _first_choices(tokens, router)
        ]
        for index, reading in enumerate(readings):
            for order in self._orders(router, regions, weights, reading):
                arrays = reading.reordered(order).build(weights.__getitem__)
                for op in _candidates(self.graph, router, regions[-1], tokens):
                    end = _last_match(op, arrays, runs, regions)
                    if end is not None:
                        return _Answer(op, index, order, end)
        return None

    def _run(self, router: Router, regions: list[Region], weights: Mapping[str, Array], logits: Array) -> _Run:
        type_ = self.graph[regions[0].tokens].type
        x = np.random.default_rng(1).uniform(-1, 1, type_.static_shape).astype(np.float32)
        feeds = {
            regions[0].tokens: x,
            router.logits: logits.reshape(self.graph[router.logits].type.static_shape),
            **weights,
        }
        ends = evaluate_region(self.graph, regions[-1].nodes, feeds, keep=[r.end for r in regions])
        return _Run(x.reshape(logits.shape[0], -1), logits, ends)

    def _orders(
        self, router: Router, regions: list[Region], weights: Mapping[str, Array], reading: Experts
    ) -> Iterator[tuple[int, ...]]:
        """Which listed expert may answer to each id: as listed, or as found by sending token e to expert e alone."""
        natural = tuple(range(router.experts))
        yield natural
        type_ = self.graph[regions[0].tokens].type
        tokens = type_.size // type_.static_shape[-1]
        if not reading.listed or tokens < router.experts:
            return
        run = self._run(router, regions, weights, 40 * np.eye(tokens, router.experts, dtype=np.float32))
        arrays = reading.build(weights.__getitem__)
        hidden = stand_in(run.x[None, : router.experts] @ arrays.w1 + arrays.b1[:, None])
        answers = hidden @ arrays.w2 + arrays.b2[:, None]
        for value in run.ends.values():
            if value.size != tokens * answers.shape[2]:
                continue
            seen = value.reshape(tokens, -1)[: router.experts]
            order = tuple(int(e) for e in np.abs(answers - seen).max(axis=2).argmin(axis=0))
            if len(set(order)) == router.experts and order != natural:
                yield order


# -- inputs --------------------------------------------------------------------------------------------------------
def _first_choices(tokens: int, router: Router) -> Iterator[Array]:
    """First choices of the tokens, one run each; -1 leaves a token to expert 0."""
    every_second = np.where(np.arange(tokens) % 2, np.arange(tokens) // 2 % router.experts, -1)
    for start in range(0, router.experts, tokens):
        named = np.arange(start, min(start + tokens, router.experts))
        yield np.concatenate([named, every_second[named.size :]])
    if router.ks[0] == 1:
        # With one choice a token cannot want its own expert and expert 0 too.
        yield np.full(tokens, -1)


def _logits(tokens: int, experts: int, *, first: Array) -> Array:
    logits = np.random.default_rng(2).random((tokens, experts), dtype=np.float32)
    logits[:, 0] += _SECOND
    boosted = np.flatnonzero(first >= 0)
    logits[boosted, first[boosted]] += _FIRST
    return logits


def _random_weights(graph: Graph, readings: list[Experts]) -> dict[str, Array]:
    rng = np.random.default_rng(3)
    names = dict.fromkeys(name for reading in readings for name in reading.constants)
    return {name: rng.random(graph[name].type.static_shape, dtype=np.float32) - np.float32(0.5) for name in names}


# -- hypotheses ----------------------------------------------------------------------------------------------------
def _candidates(graph: Graph, router: Router, region: Region, tokens: int) -> Iterator[Moe]:
    """Every Moe the region may be, the likeliest first."""
    scores = ("softmax_all", "renorm", "softmax_topk")
    if not router.after_softmax:
        scores = ("softmax_topk", "softmax_all", "renorm")
    limits = [(0, ""), *((c, order) for c in _capacities(graph, region, tokens) for order in ("choice", "token"))]
    for capacity, order in limits:
        for k in router.ks:
            if k > router.experts:
                continue
            for score in scores:
                yield Moe(experts=router.experts, k=k, score=score, capacity=capacity, order=order)


def _capacities(graph: Graph, region: Region, tokens: int) -> list[int]:
    """Integers in the region that may be a capacity: sizes of the experts' hidden values, and integer constants."""
    found: set[int] = set()
    for name in region.nodes:
        if isinstance(graph[name].op, Activation):
            found.update(d for d in graph[name].type.shape if d is not None)
    for name in region.constants:
        if graph[name].type.element == "i64" and graph[name].type.size == 1:
            found.add(int(graph.array(name).reshape(-1)[0]))
    return sorted(c for c in found if 0 < c < tokens)


def _last_match(op: Moe, arrays: ExpertArrays, runs: list[_Run], regions: list[Region]) -> int | None:
    """Index of the latest end at which every run gives the value of ``op``."""
    ends = list(range(len(regions)))
    for run in runs:
        expected = evaluate_moe(op, run.x, run.logits, arrays)
        ends = [i for i in ends if _equal(run.ends[regions[i].end], expected)]
        if not ends:
            return None
    return ends[-1]


def _equal(found: Array, expected: Array) -> bool:
    if found.size != expected.size:
        return False
    difference = np.abs(found.reshape(expected.shape) - expected).max()
    return bool(difference <= TOLERANCE * np.abs(expected).max())


# -- the form of a region ------------------------------------------------------------------------------------------
def _form(graph: Graph, router: Router, regions: list[Region], readings: list[Experts]) -> Hashable:
    """Equal for two regions iff they are the same function of tokens, logits and experts' weights."""
    region = regions[-1]
    number: dict[str, Hashable] = {region.tokens: "tokens", router.logits: "logits"}
    for reading in readings:
        for name in reading.constants:
            number.setdefault(name, ("weight", len(number), graph[name].type.shape))
    for name in region.constants:
        if name not in number:
            number[name] = _digest(graph.array(name))
    lines: list[Hashable] = []
    for name in region.nodes:
        node = graph[name]
        lines.append((_nameless(node.op), node.type.shape, tuple(number[i] for i in node.inputs)))
        number[name] = len(lines)
    sides = (graph[region.tokens].type.shape, graph[router.logits].type.shape, router.ks, router.after_softmax)
    return (*sides, tuple(number[r.end] for r in regions), tuple(lines))


def _digest(array: Array) -> Hashable:
    return ("constant", array.shape, str(array.dtype), hashlib.sha256(array.tobytes()).hexdigest())


def _nameless(op: Op) -> Hashable:
    if isinstance(op, Foreign):
        return op.op_type, op.domain, op.attrs, op.output, op.present
    return op
