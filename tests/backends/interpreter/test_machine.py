"""Whole Programs: every kernel's result is the oracle's on every machine, and a wrong word shows."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.backends.interpreter.networks import MACHINES, MICRO, Case, images_for, machine_of, quantized
from tests.reference.no_float import FloatTensorError, NoFloat
from vitaccel.backends.image.inputs import input_integers
from vitaccel.backends.interpreter.machine import Machine
from vitaccel.errors import CapacityError, NumericsError
from vitaccel.ir.program import Attention, Instruction, Lane, Load, MatMul, Store

QUICK = {("8x8", name) for name in MICRO} | {("3x8x8", name) for name in MICRO} | {(pe, "lookupvit") for pe in MACHINES}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pairs(quick: bool) -> list[tuple[str, str]]:
    return [(pe, name) for pe in MACHINES for name in MICRO if ((pe, name) in QUICK) == quick]


@pytest.mark.parametrize(("pe", "name"), pairs(quick=True))
def test_every_value_is_the_oracles(pe: str, name: str, seed: int) -> None:
    assert Case(quantized(name, seed), machine_of(pe), seed).differences() == []


@pytest.mark.full
@pytest.mark.parametrize(("pe", "name"), pairs(quick=False))
def test_every_value_is_the_oracles_on_every_machine(pe: str, name: str, seed: int) -> None:
    assert Case(quantized(name, seed), machine_of(pe), seed).differences() == []


def tight(name: str, pe: str, seed: int, sizes: tuple[int, ...]) -> Iterator[Case]:
    """A model on machines with so many KiB of activations, where it fits, and a small weight ring."""
    for size in sizes:
        arch = machine_of(pe, buffers__activation_bytes=size << 10, buffers__weight_bytes=1 << 12)
        case = Case(quantized(name, seed), arch, seed, runs=1)
        try:
            assert case.lowered
        except CapacityError:
            continue
        yield case


@pytest.mark.parametrize("name", ["vit-mean", "deit-distilled", "lookupvit", "lookupvit-mean", "m3vit"])
def test_spilled_and_streamed_values_are_the_oracles(name: str, seed: int) -> None:
    spilled = 0
    for case in tight(name, "8x8", seed, (7, 6, 5, 4, 3)):
        assert case.differences() == []
        spilled += any(isinstance(i, Store) and i.traffic == "spill" for i in case.lowered.program.instructions)
    assert spilled


@pytest.mark.full
@pytest.mark.parametrize("pe", MACHINES)
@pytest.mark.parametrize("name", MICRO)
def test_every_model_on_every_tight_machine(name: str, pe: str, seed: int) -> None:
    for case in tight(name, pe, seed, (64, 32, 24, 16, 12, 9, 8, 7, 6, 5, 4, 3, 2)):
        # With their keys in pieces, averaged probabilities are refused.
        if "lookupvit-mean" not in name:
            assert case.differences() == []


# -- a wrong word ----------------------------------------------------------------------------------------------------
def shifted(field: str, by: int = 1) -> object:
    return lambda instruction: replace(instruction, **{field: getattr(instruction, field) + by})


WRONG = {
    "matmul out": (MatMul, shifted("out")),
    "matmul a": (MatMul, shifted("a")),
    "matmul a_step": (MatMul, shifted("a_step")),
    "matmul out_step": (MatMul, shifted("out_step")),
    "matmul k": (MatMul, shifted("k", -1)),
    "matmul n": (MatMul, shifted("n", -1)),
    "matmul moments": (MatMul, shifted("moments")),
    "lane moments": (Lane, shifted("moments")),
    "attention parameters": (Attention, shifted("parameters")),
    "attention q": (Attention, shifted("q")),
    "attention k_step": (Attention, shifted("k_step")),
    "attention v": (Attention, shifted("v")),
    "attention out": (Attention, shifted("out")),
    "lane parameters": (Lane, shifted("parameters")),
    "lane a": (Lane, shifted("a")),
    "lane a_step": (Lane, shifted("a_step")),
    "load dram": (Load, shifted("dram", 1)),
    "load address": (Load, shifted("address")),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_field_shows(what: str, seed: int) -> None:
    kind, change = WRONG[what]
    case = Case(quantized("vit", seed), machine_of("4x4"), seed)
    instructions = case.lowered.program.instructions
    fits = (n for n, i in enumerate(instructions) if isinstance(i, kind) and blocks(i) > 1 and has_moments(i, what))
    at = next(fits)
    assert broken(case, at, change(case.lowered.program.instructions[at]))  # type: ignore[operator]


def blocks(instruction: Instruction) -> int:
    """Row-blocks of an instruction; those of attention and of loads are several here."""
    return getattr(instruction, "row_blocks", 2)


def has_moments(instruction: Instruction, what: str) -> bool:
    """Whether an instruction may take or have moments: one with or without them, unless they are what is wrong."""
    return not what.endswith((" n", " moments")) or getattr(instruction, "moments", -1) >= 0


def test_a_wrong_table_shows(seed: int) -> None:
    case = Case(quantized("vit", seed), machine_of("8x8"), seed)
    found = [(n, i) for n, i in enumerate(case.lowered.program.instructions) if isinstance(i, MatMul) and i.table >= 0]
    at, matmul = found[-1]
    assert broken(case, at, replace(matmul, table=1 - matmul.table))


def broken(case: Case, at: int, instruction: Instruction) -> bool:
    """Whether a Program with another instruction makes something else, or stumbles."""
    fresh = replace(case)
    fresh.__dict__["lowered"] = case.lowered._replace(program=copy.copy(case.lowered.program))
    program = fresh.lowered.program
    program.instructions = [*program.instructions]
    program.instructions[at] = instruction
    try:
        return bool(fresh.differences())
    except (NumericsError, KeyError, IndexError, RuntimeError):
        return True


@pytest.mark.parametrize("what", ["weights", "parameters", "table", "positions"])
def test_a_wrong_byte_of_the_image_shows(what: str, seed: int) -> None:
    case = Case(quantized("vit", seed), machine_of("8x8"), seed)
    assert case.differences() == []
    names = [name for name in case.lowered.program.dram_map if name.endswith(what)]
    address, size = case.lowered.program.dram_map[names[-1]]
    for offset in (0, 8) if what != "table" else (120, 128, 136):
        spoilt = case.constants.copy()
        spoilt[address + offset : address + offset + 8] ^= 0x15
        if case.differences(case.run(spoilt)):
            return
    pytest.fail(f"{names[-1]} of {size} bytes has no word that matters")


# -- what it must not depend on --------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["vit", "lookupvit-mean", "m3vit", "vmoe-batch"])
def test_no_float_tensor_exists(name: str, seed: int) -> None:
    """All is inside but the quantization of the input and what is made of the output."""
    case = Case(quantized(name, seed), machine_of("3x8x8"), seed)
    graph, plan, program = case.lowered
    machine, inputs = Machine(plan, program, case.constants), input_integers(graph, plan, case.images)
    with NoFloat() as seen:
        run = machine.run(inputs, taps=case.tapped())
    assert seen.operations > len(program.instructions)
    assert case.differences(run) == []
    assert {array.dtype.kind for array in (*run.outputs.values(), *run.taps.values())} == {"i"}
    with pytest.raises(FloatTensorError), NoFloat():
        torch.zeros(3) * 2


@pytest.mark.parametrize("name", ["vit", "lookupvit", "m3vit"])
def test_images_side_by_side_are_each_their_own(name: str, seed: int) -> None:
    case = Case(quantized(name, seed), machine_of("4x4"), seed, runs=5)
    graph, plan, program = case.lowered
    machine, inputs = Machine(plan, program, case.constants), input_integers(graph, plan, case.images)
    together = machine.run(inputs, taps=case.tapped())
    for parts in ([1, 1, 1, 1, 1], [2, 3], [4, 1]):
        ends = np.cumsum(parts)
        runs = [machine.run({n: v[e - p : e] for n, v in inputs.items()}, taps=case.tapped())
                for p, e in zip(parts, ends, strict=True)]  # fmt: skip
        for tap, values in together.taps.items():
            np.testing.assert_array_equal(np.concatenate([run.taps[tap] for run in runs]), values)


def test_threads_change_nothing(seed: int) -> None:
    case = Case(quantized("lookupvit", seed), machine_of("8x8"), seed, runs=24)
    alone = case.run()
    torch.set_num_threads(2)
    try:
        both = case.run()
    finally:
        torch.set_num_threads(1)
    for name, values in alone.taps.items():
        np.testing.assert_array_equal(both.taps[name], values)


def test_progress_and_images(seed: int) -> None:
    case = Case(quantized("vit", seed), machine_of("8x8"), seed)
    graph, plan, program = case.lowered
    shares: list[float] = []
    Machine(plan, program, case.constants).run(input_integers(graph, plan, case.images), progress=shares.append)
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert images_for(graph, 3, seed)["image"].shape[0] == 3
