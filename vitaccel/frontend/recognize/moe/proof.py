"""Which Moe a region is, proven by running it.

The region is run as it was exported on random tokens and router logits, with random numbers in the place of the
experts' weights; so is every Moe it could be. Activations are a polynomial on both sides (see :mod:`~.semantics`), so
two different functions agree at a random point with probability practically zero. Random weights instead of the real
ones have two uses: experts that start out equal are told apart, and the proof holds for every layer of the same form,
so that six layers cost as much as one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from vitaccel.frontend.recognize.moe.evaluate import evaluate_region
from vitaccel.frontend.recognize.moe.experts import Experts
from vitaccel.frontend.recognize.moe.form import form
from vitaccel.frontend.recognize.moe.probe import lonely_logits, random_tokens, random_weights, telling_logits
from vitaccel.frontend.recognize.moe.region import Region
from vitaccel.frontend.recognize.moe.router import Router
from vitaccel.frontend.recognize.moe.semantics import ExpertArrays, evaluate_moe, stand_in
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Moe

Array = np.ndarray

TOLERANCE = 2e-5
"""Largest difference of a proven rewrite relative to the largest result; float32 rounding leaves about 1e-6."""


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
        written = form(self.graph, router.logits, regions, _constants(readings))
        key = (written, router.ks, router.after_softmax)
        if key not in self._known:
            self._known[key] = self._search(router, regions, readings)
        answer = self._known[key]
        if answer is None:
            return None
        experts = readings[answer.reading].reordered(answer.order)
        activation = experts.activation
        return Proven(replace(answer.op, activation=activation), experts, regions[answer.end].end)

    def _search(self, router: Router, regions: list[Region], readings: list[Experts]) -> _Answer | None:
        weights = random_weights(self.graph, _constants(readings))
        tokens = self._token_count(regions)
        inputs = telling_logits(tokens, router.experts, smallest_k=router.ks[0])
        runs = [self._run(router, regions, weights, logits) for logits in inputs]
        ops = list(_candidates(self.graph, router, regions[-1], tokens))
        natural = tuple(range(router.experts))
        as_listed = [(i, natural, reading.build(weights.__getitem__)) for i, reading in enumerate(readings)]
        answer = _first_match(ops, as_listed, runs, regions)
        if answer is None:
            orders = [
                (i, reading, self._order(router, regions, weights, reading)) for i, reading in enumerate(readings)
            ]
            moved = [(i, order, r.reordered(order).build(weights.__getitem__)) for i, r, order in orders if order]
            answer = _first_match(ops, moved, runs, regions)
        return answer

    def _token_count(self, regions: list[Region]) -> int:
        type_ = self.graph[regions[0].tokens].type
        return type_.size // type_.static_shape[-1]

    def _run(self, router: Router, regions: list[Region], weights: Mapping[str, Array], logits: Array) -> _Run:
        x = random_tokens(self.graph[regions[0].tokens].type.static_shape)
        feeds = {
            regions[0].tokens: x,
            router.logits: logits.reshape(self.graph[router.logits].type.static_shape),
            **weights,
        }
        ends = evaluate_region(self.graph, regions[-1].nodes, feeds, keep=[r.end for r in regions])
        return _Run(x.reshape(logits.shape[0], -1), logits, ends)

    def _order(
        self, router: Router, regions: list[Region], weights: Mapping[str, Array], reading: Experts
    ) -> tuple[int, ...]:
        """Which listed expert answers to each id, found by sending token e to expert e alone; empty if unknown."""
        tokens = self._token_count(regions)
        if not reading.listed or tokens < router.experts:
            return ()
        run = self._run(router, regions, weights, lonely_logits(tokens, router.experts))
        arrays = reading.build(weights.__getitem__)
        hidden = stand_in(run.x[None, : router.experts] @ arrays.w1 + arrays.b1[:, None])
        answers = hidden @ arrays.w2 + arrays.b2[:, None]
        for value in run.ends.values():
            if value.size != tokens * answers.shape[2]:
                continue
            seen = value.reshape(tokens, -1)[: router.experts]
            order = tuple(int(e) for e in np.abs(answers - seen).max(axis=2).argmin(axis=0))
            if len(set(order)) == router.experts:
                return order
        return ()


def _constants(readings: list[Experts]) -> list[str]:
    return [name for reading in readings for name in reading.constants]


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


def _first_match(
    ops: list[Moe],
    arrangements: list[tuple[int, tuple[int, ...], ExpertArrays]],
    runs: list[_Run],
    regions: list[Region],
) -> _Answer | None:
    """The first op, on the first arrangement of the experts (reading, order, weights), that every run agrees with."""
    for op in ops:
        for reading, order, arrays in arrangements:
            end = _last_match(op, arrays, runs, regions)
            if end is not None:
                return _Answer(op, reading, order, end)
    return None


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
