"""Sets of heads, and attention that is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tests.backends.interpreter.attention_nets import Net, attention_net
from tests.backends.interpreter.networks import Case, machine_of
from vitaccel.errors import QuantizationError, UnsupportedError
from vitaccel.ir.ops import Attention, AttentionLogits
from vitaccel.ir.parameters import decode_sets
from vitaccel.ir.plan import AttentionKernel


def test_two_sets_a_head_hold_the_scales(seed: int) -> None:
    case = Case(attention_net(seed, heads=3), machine_of("8x8"), seed)
    graph, plan, program = case.lowered
    kernel = next(k for k in plan.kernels if isinstance(k, AttentionKernel))
    address, size = program.dram_map[f"{kernel.node}.attention.parameters"]
    _, multipliers, shifts = decode_sets(case.constants[address : address + size])
    logits = graph[graph[kernel.node].inputs[0]]
    assert isinstance(logits.op, AttentionLogits)
    q, k, v = (np.array(graph[n].scale).reshape(3, -1)[:, 0] for n in (*logits.inputs, graph[kernel.node].inputs[1]))
    wanted = q * k * logits.op.scale / logits.scale[0]
    np.testing.assert_allclose(multipliers[0::2] / 2.0 ** shifts[0::2], wanted, rtol=2**-16)
    np.testing.assert_allclose(multipliers[1::2] / 2.0 ** shifts[1::2], v / graph[kernel.node].scale[0], rtol=2**-16)


def refused(case: Case) -> str:
    with pytest.raises((UnsupportedError, QuantizationError)) as caught:
        assert case.constants.size
    return str(caught.value)


def test_a_mask_is_refused(seed: int) -> None:
    mask = np.triu(np.full((13, 21), -1e4), 1)
    assert "attention with a mask is costed" in refused(Case(attention_net(seed, mask=mask), machine_of("8x8"), seed))


def test_logits_of_another_format_are_refused(seed: int) -> None:
    case = Case(attention_net(seed), machine_of("8x8", numerics__logit_fraction_bits=8), seed)
    assert "must be quantized with the 8 fraction bits of numerics.logit_fraction_bits" in refused(case)


def test_heads_that_no_matmul_fills_up_are_refused(seed: int) -> None:
    net = Net(seed)
    x = net.norm(net.linear(net.input(1, 13, 10), 18))
    logits = net.op(AttentionLogits(3, 0.4), net.linear(x, 18), net.linear(x, 18))
    graph = net.quantized(net.linear(net.op(Attention(), logits, x), 5), seed=seed)
    assert "heads of 6 channels that come from no matmul of their own" in refused(Case(graph, machine_of("8x8"), seed))
