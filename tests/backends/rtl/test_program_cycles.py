"""Cycles of assembled networks: what they depend on. That the accelerator takes them shows `vitaccel verify`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.backends.interpreter.networks import machine_of, quantized
from vitaccel.backends.rtl.assemble import assemble
from vitaccel.backends.rtl.program_cycles import program_cycles, statistics_cycles
from vitaccel.compiler import compile_graph
from vitaccel_rtl.accelerator.isa import ENGINES, OPERATIONS


@pytest.mark.parametrize("pe", ["4x4", "8x8", "12x12"])
def test_engines_complete_in_order_and_wait_as_they_are_told(pe: str, seed: int) -> None:
    arch = machine_of(pe)
    program = assemble(compile_graph(quantized("vit", seed), arch).program)
    run = program_cycles(program, arch.memory, latency_cycles=20)
    completed: dict[str, list[int]] = {engine: [] for engine in ENGINES}
    for each, start, done in zip(program.instructions, run.starts, run.dones, strict=True):
        assert start % 8 == 0
        assert start < done
        for engine in ENGINES:
            if count := each.fields.get(f"wait_{engine}", 0):
                assert start >= completed[engine][count - 1] + 2
        completed[OPERATIONS[each.operation].engine].append(done)
    assert all(dones == sorted(set(dones)) for dones in completed.values())
    assert run.cycles == max(run.dones) + 3


def test_cycles_follow_the_memory(seed: int) -> None:
    arch = machine_of("8x8")
    program = assemble(compile_graph(quantized("vit", seed), arch).program)

    def cycles(latency_cycles: int, **changed: int) -> int:
        return int(program_cycles(program, replace(arch.memory, **changed), latency_cycles=latency_cycles).cycles)

    assert cycles(1) < cycles(20) < cycles(90)
    assert cycles(20, bus_bits=64) < cycles(20, bus_bits=32)
    assert cycles(90, outstanding=8, burst_beats=4) < cycles(90, outstanding=1, burst_beats=4)


def test_statistics_are_told_of_attention_alone(seed: int) -> None:
    program = assemble(compile_graph(quantized("vit", seed), machine_of("8x8")).program)
    run = program_cycles(program, machine_of("8x8").memory, latency_cycles=20)
    waits = statistics_cycles(program)
    assert list(waits) == [at for at, each in enumerate(program.instructions) if each.operation == "attention"]
    assert all(0 <= cycles < run.free[at] - run.starts[at] for at, cycles in waits.items())
