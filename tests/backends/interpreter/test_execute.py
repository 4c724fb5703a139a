"""Parameter sets and tables as instructions find them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.backends.interpreter.networks import machine_of
from vitaccel.backends.interpreter.execute import State, execute
from vitaccel.backends.interpreter.memory import Dram, Memories
from vitaccel.ir.parameters import encode_sets
from vitaccel.ir.program import Instruction


@pytest.fixture
def state() -> State:
    arch = machine_of("8x8")
    return State(arch, Memories(arch, Dram(torch.zeros(8, dtype=torch.uint8), {}, 1), 1))


def test_sets_are_what_was_encoded(state: State, seed: int) -> None:
    rng = np.random.default_rng(seed)
    wanted = [rng.integers(-(2**31), 2**31, 5), rng.integers(-(2**17) + 1, 2**17, 5), rng.integers(0, 64, 5)]
    state.memories.parameter[3:8] = torch.from_numpy(encode_sets(*wanted).reshape(5, 8))
    for found, expected in zip(state.sets(3, 5), wanted, strict=True):
        np.testing.assert_array_equal(found.numpy(), expected)
    assert [int(part[0]) for part in state.sets(4, 1)] == [int(part[1]) for part in wanted]


@pytest.mark.parametrize("width", [1, 2])
def test_tables_of_both_widths(state: State, width: int, seed: int) -> None:
    limit = 1 << 8 * width - 1
    entries = np.random.default_rng(seed).integers(-limit, limit, 256)
    state.memories.tables[1] = torch.from_numpy(entries.astype(f"<i{width}").view(np.int8))
    codes = torch.tensor([[-128, -1], [0, 127]])
    assert state.look_up(1, codes).tolist() == [[entries[0], entries[127]], [entries[128], entries[255]]]


def test_an_instruction_without_a_meaning_is_a_mistake(state: State) -> None:
    with pytest.raises(TypeError, match="no meaning for Instruction"):
        execute(Instruction(layer="x"), state)
