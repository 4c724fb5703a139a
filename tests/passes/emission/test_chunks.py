"""Loads into the rings: weight chunks, parameter sets and tables."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.passes.conftest import machine_with
from vitaccel.arch import Arch
from vitaccel.errors import CapacityError
from vitaccel.ir.plan import LaneKernel, Place, Plan, Tensor
from vitaccel.ir.program import Engine, Lane, Load, MatMul, Program
from vitaccel.passes.emission.chunks import chunk_sizes, load_constants
from vitaccel.passes.emission.emitter import Emitter

Lower = Callable[..., tuple[Plan, Program]]


def emitter(arch: Arch | None = None, functions: tuple[str, ...] = ("f",), channels: int = 12) -> Emitter:
    plan = Plan("p", arch or machine_with())
    plan.tensors["x"] = Tensor(name="x", frames=1, tokens=20, channels=channels, element_bytes=2, home="dram")
    plan.kernels = [
        LaneKernel(label="l", node=f"n{at}", op="f", out="x", function=name, operands=("x",), channels=channels)
        for at, name in enumerate(functions)
    ]
    plan.staging[0, "x"] = (Place("x", 100, plan.tensors["x"].words(plan.arch), 0, 0),)
    made = Emitter(plan, row_groups=4, weight_chunks=4)
    made.begin(0)
    return made


@given(
    st.integers(1, 60),
    st.integers(1, 5000),
    st.sampled_from(["64", "4x4", "3x8x8", "5x4x4"]),
    st.integers(1, 20),
    st.integers(1024, 1 << 17),
)
def test_chunks_are_whole_rounds_that_fit(n_tiles: int, tile_bytes: int, pe: str, most: int, size: int) -> None:
    arch = machine_with(pe, weight_bytes=size)
    made = emitter(arch)
    made.weight_chunks = most
    side, count = arch.array.side, arch.array.count
    turn = math.lcm(side, 8) // side if count > 1 else 1
    words = turn * -(-tile_bytes // side)
    fewest = min(turn * count, n_tiles)
    if min(turn, n_tiles) * -(-tile_bytes // side) > size // (side * count):
        tiles = "one tile of weights takes" if fewest == 1 else f"{fewest} tiles of weights take"
        with pytest.raises(CapacityError, match=rf"l \(f\): {tiles} .* buffers.weight_bytes is"):
            chunk_sizes(made, n_tiles, tile_bytes)
        return
    sizes = chunk_sizes(made, n_tiles, tile_bytes)
    assert sum(sizes) == n_tiles
    assert all(chunk % (turn * count) == 0 for chunk in sizes[:-1])
    ring = size // (side * count)
    assert all(min(-(-chunk // (turn * count)) * turn, chunk) * -(-tile_bytes // side) <= ring for chunk in sizes)
    if ring // 4 >= words:
        assert all(-(-chunk // (turn * count)) * words <= ring // 4 for chunk in sizes)


def test_what_the_error_asks_for_holds_two_tiles() -> None:
    made = emitter(machine_with(weight_bytes=1024))
    with pytest.raises(CapacityError, match="weight_bytes=") as caught:
        chunk_sizes(made, 3, 2000)
    enough = int(str(caught.value).rsplit("=", 1)[1])
    assert chunk_sizes(emitter(machine_with(weight_bytes=enough)), 3, 2000) == [1, 1, 1]


def test_parameters_and_table_are_loaded_once_a_kernel() -> None:
    made = emitter(functions=("gelu", "layernorm"))
    load_constants(made)
    assert made.parameters is not None
    assert made.table is not None
    made.begin(1)
    assert made.parameters is made.table is None
    load_constants(made)
    program = made.finish()
    shapes = [(i.buffer, i.address, i.total_bytes) for i in program.instructions if isinstance(i, Load)]
    assert shapes == [("parameter", 0, 8), ("table", 0, 512), ("parameter", 1, 8 * 13)]
    assert set(program.dram_map) == {"n0.f.parameters", "n0.f.table", "n1.f.parameters"}


def test_a_table_slot_is_filled_when_its_last_reader_is_done() -> None:
    made = emitter(functions=("gelu", "silu", "relu"))
    lane = Lane(layer="l", function="gelu", a=0, out=0, row_blocks=1, tokens=1, channels=1)
    for at in range(3):
        made.begin(at)
        load_constants(made)
        made.issue(lane, chunks=[made.parameters, made.table])
    tables = [i for i in made.finish().instructions if isinstance(i, Load) and i.buffer == "table"]
    assert [load.address for load in tables] == [0, 1, 0]
    assert [load.waits[Engine.VECTOR] for load in tables] == [0, 0, 1]


def test_parameters_that_do_not_fit_say_what_would() -> None:
    made = emitter(machine_with(buffers__parameter_bytes="1024"), ("layernorm",), channels=200)
    with pytest.raises(CapacityError, match=r"l \(f\): its parameters take 1608 bytes and .*=3216"):
        load_constants(made)


def test_readers_wait_for_their_constants(lower: Lower, arch: Callable[..., Arch]) -> None:
    """The first reader after a load of parameters or of a table waits for it."""
    _, program = lower("vit", arch())
    loaded: dict[tuple[str, int], int] = {}
    loads = 0
    for instruction in program.instructions:
        if isinstance(instruction, Load):
            loads += 1
            loaded[instruction.buffer, instruction.address] = loads
        elif isinstance(instruction, Lane) and instruction.parameters >= 0:
            assert instruction.waits[Engine.LOAD] >= loaded["parameter", instruction.parameters]
        elif isinstance(instruction, MatMul) and instruction.table >= 0:
            assert instruction.waits[Engine.LOAD] >= loaded["table", instruction.table]
