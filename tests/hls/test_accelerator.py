"""The accelerator in C++: random transformers, every tensor equal to the interpreter's; waits are obeyed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.backends.interpreter.networks import images_for
from tests.hls.machine_bench import MEMORY_BYTES, MOMENT_BLOCKS, PROGRAM, Bench, arch_of, library
from tests.sim.accelerator.random_networks import random_network
from vitaccel.arch import Arch
from vitaccel.backends.rtl.program_file import Coded, encode_program
from vitaccel.compiled_model.assembled import assembled_network
from vitaccel.compiled_model.hls_model import HlsError, HlsModel
from vitaccel.execution import IntegerModel
from vitaccel.ir.graph import Graph
from vitaccel_rtl.accelerator.isa import LANE_FUNCTIONS
from vitaccel_sim.accelerator.expectations import expected_of
from vitaccel_sim.hls.verify import compare

FEW, MANY = 3, 60
SIDE = 8
SCARCE = 6
"""Places of moments: of the rows of one tensor, so that they are given again and again; of 40 tokens there are 5."""


def check(number: int, moment_blocks: int = MOMENT_BLOCKS) -> None:
    """Two images of a network, every tensor on the way compared."""
    shape, graph = random_network(number)
    model = IntegerModel(graph, machine(moment_blocks))
    assembled = assembled_network(model, "random")
    memory = assembled.memory
    machine_file = library(SIDE, moment_blocks=moment_blocks)
    hls = HlsModel(machine_file, memory, program=assembled.program, weights=assembled.weights)
    taps = [kernel.out for kernel in model.lowered.plan.kernels]
    images = list(expected_of(model, images_for(graph, 2, number), taps=taps))
    assert len(taps) > 3
    for image in images:
        assert compare(hls, memory, image) is None, f"network {number}, {shape}"


def machine(moment_blocks: int = MOMENT_BLOCKS) -> Arch:
    return arch_of(SIDE, moment_blocks=moment_blocks)


@pytest.mark.parametrize("moment_blocks", [MOMENT_BLOCKS, SCARCE])
def test_a_few_random_networks(moment_blocks: int, seed: int) -> None:
    for number in np.random.default_rng(seed).integers(0, 1 << 31, FEW).tolist():
        check(number, moment_blocks)


@pytest.mark.full
def test_many_random_networks(seed: int) -> None:
    for number in np.random.default_rng(seed + 1).integers(0, 1 << 31, MANY).tolist():
        check(number, SCARCE if number % 2 else MOMENT_BLOCKS)


def test_a_wait_is_obeyed() -> None:
    """A load that is first in the program, and whose turn is first, waits for a copy of what it replaces."""
    for wait, copied in ((1, 5), (0, 9)):
        bench = Bench(4)
        bench.words[0] = 5
        load = {"dram": bench.in_memory(bytes([9] * 4)), "rows": 1, "row_bytes": 4, "row_words": 1, "wait_vector": wait}
        copy = {"row_blocks": 1, "channels": 1, "last_rows": 4, "tiles": 1, "a_step": 1, "out": 1, "out_step": 1}
        copy["function"] = LANE_FUNCTIONS.index("copy")
        bench.run_coded(
            [Coded(operation=name, fields={field: n for field, n in fields.items() if n})
             for name, fields in (("load", load), ("lane", copy))]
        )  # fmt: skip
        assert bench.words[:2].tolist() == [[9] * 4, [copied] * 4]


def test_a_program_that_waits_for_nothing_that_comes_is_given_up() -> None:
    bench = Bench(4)
    fields = {"row_blocks": 1, "channels": 1, "last_rows": 4, "tiles": 1, "out": 1, "wait_compute": 1}
    with pytest.raises(HlsError, match="the program must end, and waits for an instruction that never completes"):
        bench.run_coded([Coded(operation="lane", fields=fields)])
    assert PROGRAM < MEMORY_BYTES


def test_a_wrong_weight_is_found(seed: int) -> None:
    _, graph = random_network(7)
    assert isinstance(graph, Graph)
    model = IntegerModel(graph, machine())
    assembled = assembled_network(model, "random")
    weights = bytearray(assembled.weights)
    memory = assembled.memory
    # The first load of the program brings the first weights.
    first = next(each for each in assembled.instructions.instructions if each.fields.get("buffer") == 1)
    weights[first.fields["dram"]] ^= 64
    hls = HlsModel(library(SIDE), memory, program=assembled.program, weights=bytes(weights))
    (image,) = expected_of(model, images_for(graph, 1, seed), taps=[k.out for k in model.lowered.plan.kernels])
    mismatch = compare(hls, memory, image)
    assert mismatch is not None
    assert mismatch.count >= 1


def test_moments_that_are_not_taken_are_found(seed: int) -> None:
    """A matmul that takes moments of no column leaves a LayerNorm with sums of nothing."""
    _, graph = random_network(7)
    model = IntegerModel(graph, machine())
    assembled = assembled_network(model, "random")
    instructions = list(assembled.instructions.instructions)
    first = next(at for at, each in enumerate(instructions) if each.fields.get("takes_moments"))
    fields = {name: value for name, value in instructions[first].fields.items() if name != "moments_channels"}
    instructions[first] = replace(instructions[first], fields=fields)
    program = encode_program(replace(assembled.instructions, instructions=tuple(instructions)))
    hls = HlsModel(library(SIDE), assembled.memory, program=program, weights=assembled.weights)
    (image,) = expected_of(model, images_for(graph, 1, seed), taps=[k.out for k in model.lowered.plan.kernels])
    mismatch = compare(hls, assembled.memory, image)
    assert mismatch is not None
    assert "norm" in mismatch.layer
