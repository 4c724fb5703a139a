"""Mixture of experts, in every form that exporters write it, as one ``moe`` node.

The styles (experts run densely and weighted, one-hot einsums with and without a capacity, NonZero loops with gather
and scatter, gathered weights) are not listed here. What they have in common is found by structure: a TopK over
experts, the value where its consequences meet again, the tokens that enter, and the constants of the experts. What
the layer computes (k, scores, capacity, drop order, who is expert 3) is then proven by running it. Only the
com.microsoft operator is taken at its word.
"""

from __future__ import annotations

from collections.abc import Mapping

from vitaccel.errors import UnsupportedError
from vitaccel.frontend.recognize.moe.dynamic import translate_dynamic_rows
from vitaccel.frontend.recognize.moe.evaluate import NotEvaluableError
from vitaccel.frontend.recognize.moe.experts import Experts, LostExpertsError, StrangeExpertsError, find_experts
from vitaccel.frontend.recognize.moe.microsoft import recognize_microsoft_moe
from vitaccel.frontend.recognize.moe.proof import Prover
from vitaccel.frontend.recognize.moe.refuse import refuse_baked_capacity, refuse_soft_moe
from vitaccel.frontend.recognize.moe.region import FENCES, Region, RegionGrower, meeting_points
from vitaccel.frontend.recognize.moe.rewrite import rewrite
from vitaccel.frontend.recognize.moe.router import SUPPORTED, Router, drop_zero_noise, find_routers
from vitaccel.frontend.recognize.moe.task_gate import recognize_task_gates
from vitaccel.ir.graph import Graph

__all__ = ["recognize_moe"]


def recognize_moe(graph: Graph) -> None:
    """Replace every mixture of experts by a ``moe`` node.

    Parameters
    ----------
    graph
        Activations and layer normalisations must have been recognised.

    Raises
    ------
    UnsupportedError
        If a router or its experts are of a kind that has no mapping, or experts are missing from the file.
    """
    translate_dynamic_rows(graph)
    refuse_soft_moe(graph)
    recognize_microsoft_moe(graph)
    drop_zero_noise(graph)
    recognize_task_gates(graph)
    position = {name: at for at, name in enumerate(graph.topological())}
    prover = Prover(graph)
    for router in find_routers(graph, position):
        _recognize(graph, router, prover, position)
    graph.prune()


def _recognize(graph: Graph, router: Router, prover: Prover, position: Mapping[str, int]) -> None:
    regions, readings = _propose(graph, router, position)
    if not readings:
        raise UnsupportedError(f"{router.title} must route tokens to experts; {SUPPORTED}")
    try:
        proven = prover.prove(router, regions, readings)
    except NotEvaluableError as error:
        raise UnsupportedError(f"{router.title} must route tokens to experts in a known way, but {error}") from error
    if proven is None:
        raise UnsupportedError(
            f"{router.title} and its {router.experts} experts must compute a mixture of experts of a known kind;"
            f" {SUPPORTED}"
        )
    refuse_baked_capacity(graph, router, regions[-1], proven.op)
    end = next(region for region in regions if region.end == proven.end)
    rewrite(graph, router, end, proven)


def _propose(graph: Graph, router: Router, position: Mapping[str, int]) -> tuple[list[Region], list[Experts]]:
    """The layer up to each possible end, and what its experts may be, from the first end that has experts before it."""
    grower = RegionGrower(graph, router.logits, position)
    regions: list[Region] = []
    readings: list[Experts] = []
    for end in meeting_points(graph, router.outputs, position):
        if isinstance(graph[end].op, FENCES):
            break
        region = grower.grow(end)
        if grower.overgrown:
            break
        if region is None or not graph[end].type.is_static:
            continue
        readings = readings or _experts(graph, router, region)
        if readings:
            regions.append(region)
    return regions, readings


def _experts(graph: Graph, router: Router, region: Region) -> list[Experts]:
    tokens = graph[region.tokens].type
    if not tokens.is_static or tokens.rank < 2 or tokens.size == 0 or tokens.element != "f32":
        return []
    try:
        return find_experts(graph, region, experts=router.experts, width=tokens.static_shape[-1])
    except LostExpertsError as error:
        raise UnsupportedError(
            f"{router.title} rates {router.experts} experts and the file must hold all of them, not {error.found}:"
            " a traced loop over the experts that were hit loses the others; export a loop over all experts"
        ) from error
    except StrangeExpertsError as error:
        raise UnsupportedError(
            f"{router.title} must route tokens to experts of a known form: {error}; {SUPPORTED}"
        ) from error
