"""The memory map: what it says of a tensor is what is there when the interpreter has come so far."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from tests.backends.interpreter.networks import Case, machine_of, quantized
from vitaccel.backends.image.inputs import input_integers
from vitaccel.backends.interpreter.execute import State, execute
from vitaccel.backends.interpreter.machine import Machine
from vitaccel.backends.interpreter.memory import Dram, Memories
from vitaccel.backends.rtl.memory_map import MappedTensor, MemoryMap, memory_map
from vitaccel.errors import VitaccelError
from vitaccel.ir.layout import from_bytes, to_bytes
from vitaccel.ir.program import Engine

NAMES = ("vit", "deit-distilled", "lookupvit", "m3vit", "vit-batch")


def mapped(case: Case) -> MemoryMap:
    _, plan, program = case.lowered
    return memory_map(plan, program, program_address=program.dram_bytes, program_bytes=64)


def looked_up(entry: MappedTensor, machine: Machine, state: State) -> np.ndarray:
    """Return a tensor's integers from the bytes at its places."""
    if entry.runs is None:
        raw = state.memories.dram.own[entry.name][0].numpy().view(np.uint8)
    else:
        banks, array = state.memories.activation, machine.arch.array
        parts, words = entry.words(array.side, array.count)
        raw = banks.data[0].numpy().view(np.uint8)[parts * banks.words + words].reshape(-1)
    assert len(raw) == entry.dram_bytes
    return from_bytes(raw, entry.tensor, machine.arch)


@pytest.mark.parametrize("side", ["8x8", "4x4", "5x5", "3x8x8", "2x12x12"])
@pytest.mark.parametrize("name", NAMES)
def test_tensors_are_where_it_says(name: str, side: str, seed: int) -> None:
    case = Case(quantized(name, seed), machine_of(side), seed, runs=1)
    graph, plan, program = case.lowered
    found = mapped(case)
    machine = Machine(plan, program, case.constants)
    state = State(case.arch, Memories(case.arch, Dram(machine.constants, machine.regions, 1), 1))
    for each, values in input_integers(graph, plan, case.images).items():
        state.memories.dram.own[each].copy_(
            torch.from_numpy(to_bytes(values, plan.tensors[each], case.arch).view(np.int8))
        )
    due = {entry.instruction: [] for entry in found.tensors}
    for entry in found.tensors:
        due[entry.instruction].append(entry)
    completed, seen = [0] * 4, 0
    for at, instruction in enumerate(program.instructions):
        execute(instruction, state)
        completed[instruction.engine] += 1
        for entry in due.get(at, ()):
            assert all(need in (0, now) for need, now in zip(entry.completed, completed, strict=True))
            assert any(entry.completed)
            assert (looked_up(entry, machine, state) == machine.look(entry.name, state)[0]).all()
            seen += 1
    assert seen == len(
        {kernel.out for kernel in plan.kernels} | {k for t in plan.kernels for k in getattr(t, "writes", ())}
    )
    assert {*found.inputs, *found.outputs} <= {entry.name for entry in found.tensors}


def test_every_instruction_has_a_layer_and_every_byte_a_place(seed: int) -> None:
    case = Case(quantized("vit", seed), machine_of(), seed)
    found, program = mapped(case), case.lowered.program
    labels = [label for label, count in found.layers for _ in range(count)]
    assert labels == [instruction.layer for instruction in program.instructions]
    assert found.memory_bytes == found.program + found.program_bytes == program.dram_bytes + 64
    assert found.macs == sum(layer.macs for layer in program.layers) > 0
    assert found.pes == 64
    assert found.tensor(found.outputs[0]).kind == "output"


def test_instructions_that_become_several_are_counted(seed: int) -> None:
    case = Case(quantized("vit", seed), machine_of(), seed)
    _, plan, program = case.lowered
    encoded = [[Engine.LOAD] * 2 if i.engine == Engine.LOAD else [i.engine] for i in program.instructions]
    plain = memory_map(plan, program, program_address=0, program_bytes=0)
    found = memory_map(plan, program, program_address=0, program_bytes=0, encoded=encoded)
    assert sum(count for _, count in found.layers) == sum(map(len, encoded))
    for entry, before in zip(found.tensors, plain.tensors, strict=True):
        assert entry.completed == (2 * before.completed[0], *before.completed[1:])
        assert entry.instruction >= before.instruction
    assert found.tensors[-1].instruction > plain.tensors[-1].instruction


def test_json_and_back(seed: int) -> None:
    found = mapped(Case(quantized("lookupvit", seed), machine_of(), seed))
    assert MemoryMap.from_json(found.to_json()) == found
    other = json.loads(found.to_json()) | {"version": 7}
    with pytest.raises(VitaccelError, match=r"^version of a memory map must be 1, not 7$"):
        MemoryMap.from_json(json.dumps(other))
    for text in ("", "[]", "{}", json.dumps({"version": 1}), found.to_json().replace('"side"', '"width"')):
        with pytest.raises(VitaccelError, match=r"^a memory map must be JSON as gen-rtl writes it, and is not: "):
            MemoryMap.from_json(text)
