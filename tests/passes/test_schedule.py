"""Programs run right under any durations: the waits suffice and every address is what it should be."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.passes.conftest import MICRO
from tests.passes.machine import Machine
from tests.passes.memory import HazardError
from vitaccel.arch import Arch
from vitaccel.errors import CapacityError
from vitaccel.ir.plan import Plan
from vitaccel.ir.program import NO_WAITS, Engine, Load, MatMul, Program, Store
from vitaccel.ir.verify import verify_plan, verify_program
from vitaccel.passes.schedule import Schedule

Lower = Callable[..., tuple[Plan, Program]]
ArchOf = Callable[..., Arch]

ARRAYS = ("64", "4x4", "32x32", "3x8x8", "5x4x4")


def durations(program: Program, rng: random.Random, slow: Engine | None = None) -> list[tuple[int, int]]:
    """Occupied and latency cycles over three decades; one engine may be a thousand times slower than the others."""
    found = []
    for instruction in program.instructions:
        scale = 1000 if instruction.engine is slow else 1
        found.append((int(10 ** rng.uniform(0, 3)) * scale, int(10 ** rng.uniform(0, 2)) * scale))
    return found


@pytest.mark.parametrize("model", MICRO)
@pytest.mark.parametrize("pe", ARRAYS)
def test_no_wait_is_missing_and_no_address_is_off(model: str, pe: str, lower: Lower, arch: ArchOf, seed: int) -> None:
    rng = random.Random(seed)
    spilled = 0
    for weight_bytes in (1 << 17, 1 << 12):
        for activation_bytes in (1 << 20, *smaller(model, pe, lower, arch)):
            try:
                plan, program = lower(model, arch(pe, activation_bytes, weight_bytes))
            except CapacityError:
                continue
            verify_plan(plan, after="allocate")
            verify_program(program, after="schedule")
            machine = Machine(plan, program)
            machine.run(durations(program, rng))
            machine.run(durations(program, rng, slow=rng.choice(list(Engine))))
            spilled += any(isinstance(i, Store) and i.traffic == "spill" for i in program.instructions)
    # Experts with a capacity do not stream, and at P = 32 a micro model has too few row-blocks to.
    assert spilled or "vmoe" in model or pe == "32x32"


def smaller(model: str, pe: str, lower: Lower, arch: ArchOf) -> list[int]:
    """Activation buffers that hold only a share of what the model takes when there is room."""
    plan, program = lower(model, arch(pe, 1 << 20))
    places = set(plan.places.values())
    most = max(sum(p.words for p in places if p.first <= at <= p.last) for at in range(len(plan.kernels)))
    array = program.arch.array
    return [max(1024, int(most * share) * array.side * array.count) for share in (0.9, 0.75, 0.6, 0.45, 0.25)]


@pytest.mark.parametrize("slow", Engine)
def test_every_engine_may_be_the_slow_one(slow: Engine, lower: Lower, arch: ArchOf, seed: int) -> None:
    for model, activation_bytes in (("lookupvit", 7 << 10), ("m3vit", 1 << 20), ("vit-batch", 16 << 10)):
        plan, program = lower(model, arch(activation_bytes=activation_bytes, weight_bytes=1 << 12))
        Machine(plan, program).run(durations(program, random.Random(seed), slow=slow))


@pytest.mark.parametrize("model", ["vit", "lookupvit", "m3vit"])
def test_a_missing_wait_is_found(model: str, lower: Lower, arch: ArchOf, seed: int) -> None:
    """Take away waits one by one and make what they waited for slow: most must show, the others are implied."""
    # What an engine has waited for once need not be waited for again, so such waits are not worth a try.
    plan, program = lower(model, arch(activation_bytes=12 << 10, weight_bytes=1 << 12))
    machine = Machine(plan, program)
    rng = random.Random(seed)
    complete = list(program.instructions)
    waits, most = [], Counter[tuple[Engine, Engine]]()
    for at, instruction in enumerate(complete):
        for engine in Engine:
            if instruction.waits[engine] > most[instruction.engine, engine]:
                most[instruction.engine, engine] = instruction.waits[engine]
                waits.append((at, engine))
    of_engine = {e: [at for at, i in enumerate(complete) if i.engine is e] for e in Engine}
    found = 0
    sample = rng.sample(waits, 40)
    for at, engine in sample:
        dropped = tuple(0 if e is engine else n for e, n in zip(Engine, complete[at].waits, strict=True))
        program.instructions[at] = replace(complete[at], waits=dropped)
        slow = durations(program, rng)
        slow[of_engine[engine][complete[at].waits[engine] - 1]] = (10**9, 10**9)
        try:
            machine.run(slow)
        except HazardError:
            found += 1
        program.instructions[at] = complete[at]
    print(f"{found} of {len(sample)} missing waits found")  # noqa: T201
    assert found > len(sample) // 2


def test_without_waits_nothing_is_right(lower: Lower, arch: ArchOf, seed: int) -> None:
    plan, program = lower("vit", arch())
    machine = Machine(plan, program)
    program.instructions = [replace(i, waits=NO_WAITS) for i in program.instructions]
    with pytest.raises(HazardError, match="must hold"):
        machine.run(durations(program, random.Random(seed)))


def test_a_wrong_address_is_found(lower: Lower, arch: ArchOf, seed: int) -> None:
    plan, program = lower("vit", arch())
    at = next(n for n, i in enumerate(program.instructions) if isinstance(i, MatMul) and i.residual >= 0)
    wrong = program.instructions[at]
    assert isinstance(wrong, MatMul)
    program.instructions[at] = replace(wrong, residual=wrong.residual + 1)
    with pytest.raises(HazardError, match="must hold"):
        Machine(plan, program).run(durations(program, random.Random(seed)))


@pytest.mark.parametrize("model", MICRO)
def test_waits_name_earlier_instructions_only(model: str, lower: Lower, arch: ArchOf) -> None:
    _, program = lower(model, arch("3x8x8"))
    issued = dict.fromkeys(Engine, 0)
    for instruction in program.instructions:
        assert all(instruction.waits[engine] <= issued[engine] for engine in Engine)
        issued[instruction.engine] += 1


@pytest.mark.parametrize("model", MICRO)
@pytest.mark.parametrize("pe", ["64", "3x8x8"])
def test_every_weight_byte_is_loaded_once_when_nothing_is_spilled(
    model: str, pe: str, lower: Lower, arch: ArchOf
) -> None:
    _, program = lower(model, arch(pe))
    loads = [i for i in program.instructions if isinstance(i, Load) and i.buffer == "weight"]
    spans = sorted((load.dram, load.dram + load.total_bytes) for load in loads)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    packed = sum(size for name, (_, size) in program.dram_map.items() if name.endswith((".weights", ".w1", ".w2")))
    assert sum(load.total_bytes for load in loads) == packed


@pytest.mark.parametrize("model", MICRO)
def test_nothing_shares_dram(model: str, lower: Lower, arch: ArchOf) -> None:
    _, program = lower(model, arch(activation_bytes=24 << 10))
    spans = sorted((address, address + size) for address, size in program.dram_map.values())
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert spans[-1][1] <= program.dram_bytes


@pytest.mark.parametrize("model", MICRO)
def test_two_compilations_give_one_text(model: str, lower: Lower, arch: ArchOf) -> None:
    machine = arch("3x8x8", 24 << 10)
    assert str(lower(model, machine)[1]) == str(lower(model, machine)[1])


@pytest.mark.parametrize("groups", [1, 2, 100])
@pytest.mark.parametrize("chunks", [1, 3, 100])
def test_any_granularity_is_right(groups: int, chunks: int, lower: Lower, arch: ArchOf, seed: int) -> None:
    for model in ("lookupvit", "vit-batch"):
        plan, _ = lower(model, arch())
        program = Schedule(row_groups=groups, weight_chunks=chunks).run(plan)
        Machine(plan, program).run(durations(program, random.Random(seed)))
