"""Random transformers on one accelerator: every tensor equal to the interpreter's, and the cycles predicted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.backends.interpreter.networks import images_for, machine_of
from tests.sim.accelerator.random_networks import ROUTINGS, Shape, random_network
from vitaccel.arch import Arch
from vitaccel.backends.rtl.accelerator import accelerator_of
from vitaccel.backends.rtl.assemble import assemble
from vitaccel.backends.rtl.chosen_queues import chosen_queues
from vitaccel.backends.rtl.memory_map import memory_map
from vitaccel.backends.rtl.program_cycles import program_cycles
from vitaccel.backends.rtl.program_file import encode_program
from vitaccel.execution import IntegerModel
from vitaccel.ir.graph import Graph
from vitaccel_rtl.accelerator import engine_timing
from vitaccel_rtl.accelerator.engine_timing import TransferTimes
from vitaccel_rtl.accelerator.isa import ENGINES, FEATURES, OPERATIONS
from vitaccel_rtl.latency import SLOTS
from vitaccel_rtl.verilog import Verilog, to_verilog
from vitaccel_sim.accelerator.behaviour import MemoryBehaviour
from vitaccel_sim.accelerator.expectations import expected_of
from vitaccel_sim.accelerator.findings import Verification
from vitaccel_sim.accelerator.inside import ACCELERATOR, START_CYCLES
from vitaccel_sim.accelerator.runner import SimulatedAccelerator
from vitaccel_sim.accelerator.verify import LEAST_LIMIT_CYCLES, Expected, Hardware, Verifier, verify

FEW, FEW_OF_EXPERTS, MANY = 3, 1, 200
"""Networks of `make test`, of each routing as many as the second, and of `make test-full`, as many with experts."""

LATENCY_CYCLES = 20

MOMENT_BLOCKS = 16
"""Of up to 10 row-blocks a tensor: one has the place of another soon, and some have none."""

Times = list[dict[str, list[int]]]
"""Of each image the cycles, by engine, in which its instructions complete."""


def machine(pe: str = "4x4") -> Arch:
    """The smallest arrays; buffers that hold every network of :mod:`tests.sim.accelerator.random_networks`."""
    more = Arch().with_pe(pe).array.pes // 16
    sizes = {"activation": more << 16, "weight": more << 14, "logit": more << 12, "parameter": 1 << 13}
    buffers = {f"buffers__{name}_bytes": size for name, size in sizes.items()}
    return machine_of(pe, **buffers, buffers__moment_blocks=MOMENT_BLOCKS)


@cache
def built(pe: str, features: Collection[str]) -> tuple[Verilog, Any]:
    accelerator = accelerator_of(machine(pe), features=features)
    registers = accelerator.registers
    return to_verilog(accelerator, name="vitaccel"), registers


def prepared(graph: Graph, seed: int, pe: str, features: Collection[str]) -> tuple[Hardware, list[Expected], Times]:
    """The accelerator with a network, two images with every tensor on the way, and when its instructions complete."""
    arch = machine(pe)
    model = IntegerModel(graph, arch)
    _, plan, program = model.lowered
    assembly = assemble(program)
    assembled = encode_program(assembly)
    address = -(-program.dram_bytes // 4096) * 4096
    verilog, registers = built(pe, features)
    hardware = Hardware(
        verilog=verilog,
        registers=registers,
        memory=memory_map(plan, program, program_address=address, program_bytes=len(assembled)),
        program=assembled,
        weights=model.machine({}).constants.numpy().tobytes(),
        optimize="-O0",  # compiling takes longer than all these runs
    )
    taps = [kernel.out for kernel in plan.kernels]
    engines = [OPERATIONS[each.operation].engine for each in assembly.instructions]
    times: Times = []

    def cycles(choices: Mapping[str, np.ndarray]) -> int:
        queues = chosen_queues(program, choices)
        found = program_cycles(assembly, arch.memory, latency_cycles=LATENCY_CYCLES, queues=queues)
        times.append(
            {name: [done for done, of in zip(found.dones, engines, strict=True) if of == name] for name in ENGINES}
        )
        return found.cycles

    return hardware, list(expected_of(model, images_for(graph, 2, seed), taps=taps, cycles=cycles)), times


def run(graph: Graph, seed: int, pe: str, features: Collection[str]) -> Verification:
    """Two images on the accelerator, every tensor on the way compared."""
    hardware, images, _ = prepared(graph, seed, pe, features)
    return verify(hardware, images, behaviour=MemoryBehaviour(latency_cycles=LATENCY_CYCLES))


def check(number: int, *, routing: str = "", pe: str = "4x4", features: Collection[str] = FEATURES) -> Shape:
    shape, graph = random_network(number, routing=routing)
    found = run(graph, number, pe, features)
    assert found.tensors > 3
    for result in found.results:
        assert result.mismatch is None, f"network {number} on {pe}, {shape}: {result.mismatch}"
        assert not result.failure, f"network {number}, {shape}: {result.failure}"
        said = f"network {number}, {shape}: cycles must be {result.cycles_predicted}, not {result.cycles}"
        assert result.cycles == result.cycles_predicted, said
    return shape


def test_a_few_random_networks(seed: int) -> None:
    shapes = [check(number) for number in np.random.default_rng(seed).integers(0, 1 << 31, FEW).tolist()]
    assert len(set(shapes)) == FEW


@pytest.mark.parametrize("routing", ROUTINGS)
def test_a_few_random_networks_of_experts(routing: str, seed: int) -> None:
    for number in np.random.default_rng(seed).integers(0, 1 << 31, FEW_OF_EXPERTS).tolist():
        check(number, routing=routing)


@pytest.mark.parametrize("pe", ["2x4x4", pytest.param("2x8x8", marks=pytest.mark.full)])
def test_a_random_network_on_two_arrays(pe: str, seed: int) -> None:
    """By turns of two tiles, or tile by tile. Without what only some networks need: half the machine to compile."""
    numbers = np.random.default_rng(seed + 3).integers(0, 1 << 31, MANY).tolist()
    check(next(n for n in numbers if not random_network(n)[0].is_cross), pe=pe, features=("moments",))


def completions(accelerator: SimulatedAccelerator, program: int, cycles: int) -> dict[str, list[int]]:
    """Run a program that is loaded; return by engine in which cycle of the system its instructions completed."""
    system = accelerator.system
    counters = {name: system.model.variable(*at)[0].view(np.uint32) for name, at in ACCELERATOR.counters.items()}
    found: dict[str, list[int]] = {name: [] for name in counters}
    accelerator.start(program)
    system.step(START_CYCLES)
    for _ in range(cycles):
        system.step()
        for name, counter in counters.items():
            if counter[0] > len(found[name]):
                found[name].append(system.cycle)
    accelerator.wait(LEAST_LIMIT_CYCLES)
    return found


def check_every_instruction(number: int, routing: str = "") -> None:
    """Each completes as long before the end as predicted, and the end is where it is predicted."""
    hardware, images, times = prepared(random_network(number, routing=routing)[1], number, "4x4", FEATURES)
    verifier = Verifier(hardware, behaviour=MemoryBehaviour(latency_cycles=LATENCY_CYCLES))
    for image, predicted in zip(images, times, strict=True):
        result = verifier.run(image)
        assert result.mismatch is None
        # What it was given is still in memory: it runs again, and is looked at in every cycle.
        measured = completions(verifier.accelerator, hardware.memory.program, result.cycles)
        end, due = (max(cycle for each in of.values() for cycle in each) for of in (measured, predicted))
        for name, cycles in predicted.items():
            assert len(measured[name]) == len(cycles)
            for at, (cycle, found) in enumerate(zip(cycles, measured[name], strict=True)):
                assert found - end + due == cycle, f"{name} {at} must complete at {cycle}, not {found - end + due}"
        assert verifier.accelerator.cycles == result.cycles == result.cycles_predicted


@pytest.mark.parametrize("routing", ["", "spread"])
def test_every_instruction_completes_in_its_cycle(routing: str, seed: int) -> None:
    check_every_instruction(seed, routing)


def test_a_transfer_that_is_off_by_a_cycle_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a load starts with a frame, so that seven times of eight the run takes as long; the last store
    ends the run, so that all else seems off."""
    complete = TransferTimes.complete
    monkeypatch.setattr(TransferTimes, "complete", lambda *of: complete(*of) + 1)
    with pytest.raises(AssertionError, match=r"\w+ \d+ must complete at \d+, not \d+"):
        check_every_instruction(seed)


@pytest.mark.full
@pytest.mark.parametrize("routing", ["", *ROUTINGS])
@pytest.mark.parametrize("pe", ["2x8x8", "3x8x8", "2x4x4", "2x5x5", "3x12x12"])
def test_many_random_networks_on_several_arrays(pe: str, routing: str, seed: int) -> None:
    numbers = np.random.default_rng(seed + 4).integers(0, 1 << 31, MANY // 10).tolist()
    shapes = [check(number, routing=routing, pe=pe) for number in numbers]
    assert any(shape.heads % machine(pe).array.count for shape in shapes)


def test_a_prediction_that_is_off_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames more for every gather, all of which come one after another."""
    gather_cycles = engine_timing.gather_cycles
    monkeypatch.setattr(engine_timing, "gather_cycles", lambda *of, **sizes: gather_cycles(*of, **sizes) + 24 * SLOTS)
    with pytest.raises(AssertionError, match=r"cycles must be \d+, not \d+"):
        check(seed, routing="spread")


@pytest.mark.full
def test_many_random_networks(seed: int) -> None:
    shapes = [check(number) for number in np.random.default_rng(seed + 1).integers(0, 1 << 31, MANY).tolist()]
    assert {shape.is_cross for shape in shapes} == {False, True}


@pytest.mark.full
@pytest.mark.parametrize("routing", ROUTINGS)
def test_many_random_networks_of_experts(routing: str, seed: int) -> None:
    numbers = np.random.default_rng(seed + 2).integers(0, 1 << 31, MANY // len(ROUTINGS)).tolist()
    experts = [shape.experts for shape in (check(number, routing=routing) for number in numbers) if shape.experts]
    assert {bool(each.capacity) for each in experts} == {False, True}
    assert {each.k for each in experts} == {1, 2, 3, 4}


@pytest.mark.parametrize("routing", ROUTINGS)
def test_tokens_choose_as_they_are_told(routing: str, seed: int) -> None:
    """What is run is what is meant: one expert that all choose, experts that none does, and ties."""
    shape, graph = random_network(seed, routing=routing)
    model = IntegerModel(graph, machine())
    ((_, found),) = model.tensors(images_for(graph, 1, seed))
    assert found.choices
    queues = chosen_queues(model.lowered.program, found.choices)
    for choices, lengths in zip(found.choices.values(), queues, strict=True):
        assert shape.experts is not None
        most = shape.experts.capacity or shape.tokens
        assert sum(min(most, count) for count in np.bincount(choices.reshape(-1)).tolist()) == sum(lengths)
        if routing == "crowded":
            assert np.unique(choices[..., 0]).size == 1
            assert max(lengths) == most
        if routing == "ties":
            assert (choices == np.arange(shape.experts.k)).all()
            assert lengths == tuple(most if at < shape.experts.k else 0 for at in range(shape.experts.count))
