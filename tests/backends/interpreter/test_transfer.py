"""Loads and stores: what a tensor's bytes in DRAM become on chip, and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.backends.interpreter.networks import machine_of
from vitaccel.arch import Arch
from vitaccel.backends.interpreter.execute import State, execute
from vitaccel.backends.interpreter.memory import Dram, Memories
from vitaccel.ir.layout import from_bytes, to_bytes
from vitaccel.ir.plan import Tensor
from vitaccel.ir.program import Load, Store


def state_of(arch: Arch, raw: np.ndarray, size: int, images: int) -> State:
    """A machine whose DRAM has constants and, behind them, one region of each image."""
    constants = torch.from_numpy(np.concatenate([raw, np.zeros(size, np.uint8)]))
    return State(arch, Memories(arch, Dram(constants, {"own": (len(raw), size)}, images), images))


@pytest.mark.parametrize("pe", ["8x8", "3x4x4"])
@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("layout", ["token", "channel"])
def test_a_tensor_comes_in_and_goes_out(pe: str, width: int, layout: str, seed: int) -> None:
    arch = machine_of(pe)
    tensor = Tensor(name="x", frames=2, tokens=11, channels=21, element_bytes=width, layout=layout)
    limit = 1 << 8 * width - 1
    values = np.random.default_rng(seed).integers(-limit, limit, (2, 11, 21))
    raw = to_bytes(values, tensor, arch)
    state = state_of(arch, raw, len(raw), images=2)
    side = arch.array.side
    if layout == "token":
        rows, step = width * tensor.row_blocks(arch), tensor.row_block_words(arch)
    else:
        rows, step = width * -(-21 // side), tensor.tile_words()
    fields = {"buffer": "activation", "address": 3, "rows": rows, "row_bytes": len(raw) // rows, "layout": layout,
              "stride_bytes": len(raw) // rows, "step": step // width, "element_bytes": width,
              "layer": "x"}  # fmt: skip
    execute(Load(dram=0, **fields), state)  # type: ignore[arg-type]
    banks = state.memories.activation
    if layout == "token":
        read = banks.read_tokens(3, step, rows // width, 21, width).reshape(2, 2, -1, 21)[:, :, :11]
    else:
        read = banks.read_rows(3, step, 22, 21, width).reshape(2, 2, 11, 21)
    for image in range(2):
        np.testing.assert_array_equal(read[image].numpy(), values)
    execute(Store(dram=len(raw), **fields), state)  # type: ignore[arg-type]
    out = from_bytes(state.memories.dram.own["own"].numpy().view(np.uint8), tensor, arch)
    np.testing.assert_array_equal(out, np.stack([values, values]))


def test_parameters_and_tables_go_to_their_own_memories(seed: int) -> None:
    arch = machine_of("8x8")
    raw = np.random.default_rng(seed).integers(0, 256, 512).astype(np.uint8)
    state = state_of(arch, raw, 64, images=1)
    execute(Load(layer="x", dram=16, buffer="parameter", address=5, row_bytes=24, stride_bytes=24), state)
    np.testing.assert_array_equal(state.memories.parameter[5:8].numpy().reshape(-1), raw[16:40])
    execute(Load(layer="x", dram=64, buffer="table", address=1, row_bytes=256, stride_bytes=256), state)
    np.testing.assert_array_equal(state.memories.tables[1].numpy().view(np.uint8), raw[64:320])


def test_a_strided_transfer_takes_a_part_of_each_row(seed: int) -> None:
    arch = machine_of("8x8")
    raw = np.random.default_rng(seed).integers(0, 256, 512).astype(np.uint8)
    state = state_of(arch, raw, 64, images=1)
    execute(
        Load(layer="x", dram=8, buffer="activation", address=0, rows=3, row_bytes=16, stride_bytes=100, step=10), state
    )
    for row in range(3):
        found = state.memories.activation.data[0, row * 10 : row * 10 + 2].numpy().view(np.uint8).reshape(-1)
        np.testing.assert_array_equal(found, raw[8 + row * 100 : 24 + row * 100])


def test_each_load_of_weights_is_counted() -> None:
    arch = machine_of("8x8")
    state = state_of(arch, np.zeros(512, np.uint8), 64, images=1)
    for address in (0, 8, 0):
        execute(
            Load(layer="x", dram=0, buffer="weight", address=address, rows=1, row_bytes=64, layout="channel"), state
        )
    assert state.memories.loaded_at == {0: 3, 8: 2}
