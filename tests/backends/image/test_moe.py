"""Experts' weights stand at equal distances, with their own sets; results have one factor."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from tests.backends.interpreter.networks import Case, machine_of, quantized
from vitaccel.ir.parameters import decode_sets
from vitaccel.ir.plan import MoeKernel


def test_weights_of_every_expert_are_its_own(seed: int) -> None:
    case = Case(quantized("m3vit", seed), machine_of("8x8"), seed)
    graph, plan, program = case.lowered
    kernel = next(k for k in plan.kernels if isinstance(k, MoeKernel))
    w1 = graph[kernel.node].inputs[2]
    scales = np.broadcast_to(graph[w1].scale, graph[w1].type.static_shape[0] * kernel.hidden).reshape(
        -1, 1, kernel.hidden
    )
    codes = np.rint(graph.array(w1) / scales).astype(int)
    places = [program.dram_map[f"{kernel.node}.expert{e}.w1"] for e in range(kernel.experts)]
    assert len({b[0] - a[0] for a, b in pairwise(places)}) == 1
    for expert, (address, _) in enumerate(places):
        tile = case.constants[address : address + kernel.width_in * 8].view(np.int8).reshape(-1, 8)
        np.testing.assert_array_equal(tile, codes[expert][:, :8])


def test_what_is_scattered_has_the_ratio_of_two_scales(seed: int) -> None:
    case = Case(quantized("vmoe", seed), machine_of("8x8"), seed)
    graph, plan, program = case.lowered
    kernel = next(k for k in plan.kernels if isinstance(k, MoeKernel))
    address, size = program.dram_map[f"{kernel.node}.moe.parameters"]
    assert size == 8
    _, (multiplier,), (shift,) = decode_sets(case.constants[address : address + size])
    (stream,) = graph[kernel.out].scale
    np.testing.assert_allclose(multiplier / 2.0**shift, graph[kernel.node].inner_scale[2] / stream, rtol=2**-16)
