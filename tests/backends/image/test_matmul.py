"""Packed weights: places of columns, four bits, and layers that are refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from tests.backends.interpreter.attention_nets import Net
from tests.backends.interpreter.networks import Case, front, images_for, machine_of, quantized
from vitaccel.backends.image.matmul import channel_sets, encode_table, pack_tiles
from vitaccel.backends.image.model import Model
from vitaccel.errors import UnsupportedError
from vitaccel.frontend import import_model
from vitaccel.ir.ops import Mean
from vitaccel.ir.parameters import decode_sets
from vitaccel.ir.plan import MatMulKernel
from vitaccel.quantization import quantize
from vitaccel.reference.activation import ActivationTable


@pytest.mark.parametrize("bits", [8, 4])
def test_tiles_hold_their_columns_and_their_sets(bits: int, seed: int) -> None:
    case = Case(quantized("vit", seed), machine_of("4x4", numerics__weight_bits=bits), seed)
    model = Model(case.lowered.graph, case.plan, {})
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-(1 << bits - 1), 1 << bits - 1, (3, 5))
    sets = np.stack([rng.integers(-99, 99, 5), rng.integers(0, 99, 5), rng.integers(0, 63, 5)])
    places = np.array([0, 1, 2, 4, 5])
    raw = pack_tiles(model, matrix, sets, places, 2).reshape(2, -1)
    own = 3 * 4 * bits // 8
    for column, place in enumerate(places):
        tile, lane = divmod(int(place), 4)
        for k in range(3):
            at = k * 4 + lane
            byte = int(raw[tile, at if bits == 8 else at // 2])
            code = byte if bits == 8 else byte >> 4 * (at % 2) & 15
            assert (code ^ 1 << bits - 1) - (1 << bits - 1) == matrix[k, column]
        assert decode_sets(raw[tile, own:])[:, lane].tolist() == sets[:, column].tolist()
    assert not raw[0, own + 3 * 8 : own + 4 * 8].any()


def test_heads_are_filled_up(seed: int) -> None:
    case = Case(quantized("vit", seed), machine_of("8x8"), seed)
    tensors = case.plan.tensors
    value = next(k for k in case.plan.kernels if isinstance(k, MatMulKernel) and k.label == "block0.attn.v")
    assert tensors[value.out].places(case.plan.arch).tolist() == [*range(6), *range(8, 14), *range(16, 22)]
    key = next(k for k in case.plan.kernels if isinstance(k, MatMulKernel) and k.label == "block0.attn.k")
    assert tensors[key.out].places(case.plan.arch).tolist() == list(range(18))


def test_an_accumulator_that_could_overflow_is_refused_by_name() -> None:
    wide = np.full((140_000, 1), 127)
    with pytest.raises(UnsupportedError, match=r"accumulator of 'block7\.mlp\.fc2' must fit 32 bits"):
        channel_sets("block7.mlp.fc2", wide, np.zeros(1), np.ones(1), np.ones(1), 8)
    with pytest.raises(UnsupportedError, match="'fc' must hold its bias in 32 bits"):
        channel_sets("fc", np.ones((4, 1)), np.array([1e6]), np.array([1e-6]), np.ones(1), 8)


def test_a_mean_over_too_many_tokens_is_refused(seed: int) -> None:
    net = Net(seed)
    x = net.input(1, 2**17 + 1, 2)
    graph = net.quantized(net.linear(net.op(Mean(), net.linear(x, 2)), 2), seed=seed)
    case = Case(graph, machine_of("8x8", buffers__activation_bytes=1 << 24), seed)
    with pytest.raises(UnsupportedError, match=r"accumulator of .* must fit 32 bits"):
        assert case.constants.size


def test_a_convolution_that_is_no_patch_embedding_is_refused(exported: object, seed: int) -> None:
    graph = front(import_model(exported("hybrid-micro", exporter="legacy")).graph)  # type: ignore[operator]
    case = Case(quantize(graph, images_for(graph, 1, seed))[0], machine_of("8x8"), seed)
    with pytest.raises(UnsupportedError, match="a convolution that is no patch embedding is costed, and cannot be run"):
        assert case.constants.size


@pytest.mark.parametrize("bits", [8, 16])
def test_tables_stand_low_byte_first(bits: int) -> None:
    table = ActivationTable("gelu", 0.05, 0.02, bits)
    raw = encode_table(table)
    assert raw.size == 256 * bits // 8
    assert raw.view(f"<i{bits // 8}").tolist() == list(table.table)
