"""Sets of lane kernels, and functions that are refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest

from tests.backends.interpreter.attention_nets import Net
from tests.backends.interpreter.networks import Case, machine_of, quantized
from vitaccel.errors import UnsupportedError
from vitaccel.ir.ops import Add, Broadcast, Concat, LayerNorm, Softmax
from vitaccel.ir.parameters import decode_sets, decode_wide
from vitaccel.ir.plan import LaneKernel


def test_a_layernorm_has_its_epsilon_and_a_set_a_channel(seed: int) -> None:
    case = Case(quantized("vit", seed), machine_of("8x8"), seed)
    graph, plan, program = case.lowered
    kernel = next(k for k in plan.kernels if isinstance(k, LaneKernel) and k.function == "layernorm")
    address, size = program.dram_map[f"{kernel.node}.layernorm.parameters"]
    raw, node = case.constants[address : address + size], graph[kernel.node]
    assert isinstance(node.op, LayerNorm)
    assert size == 8 * 19
    (step,) = graph[node.inputs[0]].scale
    assert decode_wide(raw[:8]) == pytest.approx(node.op.eps * 18**2 / step**2, abs=1)
    offsets, multipliers, shifts = decode_sets(raw[8:])
    gamma, beta = (graph.array(n) for n in node.inputs[1:])
    np.testing.assert_allclose(multipliers / 2.0 ** (shifts - 15) * node.scale[0], gamma, rtol=1e-3)
    np.testing.assert_allclose(offsets / 2.0**shifts * node.scale[0], beta, rtol=1e-3, atol=1e-5)


def refused(net: Net, output: str, seed: int) -> str:
    case = Case(net.quantized(output, seed=seed), machine_of("8x8"), seed)
    with pytest.raises(UnsupportedError) as caught:
        assert case.constants.size
    return str(caught.value)


def test_what_is_costed_only_is_refused(seed: int) -> None:
    net = Net(seed)
    text = refused(net, net.op(Softmax(), net.norm(net.linear(net.input(1, 13, 9), 11))), seed)
    assert "lane function 'softmax' is costed, and cannot be run in integers yet; supported are add" in text
    net = Net(seed)
    one = net.norm(net.linear(net.input(1, 1, 9), 11))
    assert "an operand of 1 tokens beside 13" in refused(net, net.op(Broadcast((1, 13, 11)), one), seed)
    net = Net(seed)
    both = net.op(Add(), net.norm(net.linear(net.input(1, 13, 9), 11)), net.norm(net.linear(net.input(1, 1, 9), 11)))
    assert "an operand of 1 tokens beside 13" in refused(net, both, seed)
    net = Net(seed)
    parts = [net.norm(net.linear(net.input(1, n, 9), 11)) for n in (3, 5)]
    assert "joined tokens or channels that are narrowed" in refused(net, net.linear(net.op(Concat(1), *parts), 4), seed)
