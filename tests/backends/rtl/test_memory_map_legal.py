"""A memory map that no machine has is refused, whatever of it is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vitaccel.backends.rtl.memory_map import MappedTensor, MemoryMap, Runs
from vitaccel.backends.rtl.memory_map_legal import check_memory_map
from vitaccel.errors import VitaccelError

TENSOR = MappedTensor(
    name="x", layer="", kind="input", layout="token", frames=1, tokens=4, channels=8, element_bytes=1, dram=0,
    dram_bytes=32, runs=Runs(address=0, count=1, words=8, step_words=8), instruction=-1, completed=(0, 0, 0, 0),
)  # fmt: skip
MAP = MemoryMap(
    name="net", side=4, memory_bytes=192, program=128, program_bytes=64, weights=0, weights_bytes=128, inputs=("x",),
    outputs=("x",), tensors=(TENSOR,), layers=(("l", 1),), macs=0, pes=16,
)  # fmt: skip


def sentence(found: MemoryMap) -> str:
    with pytest.raises(VitaccelError) as refused:
        check_memory_map(found)
    return str(refused.value)


def test_a_map_that_is_right_is_not_refused() -> None:
    check_memory_map(MAP)
    check_memory_map(replace(MAP, tensors=(TENSOR, replace(TENSOR, name="y", dram=-1, runs=None))))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"name": 3}, "name of a memory map must be a text, not 3"),
        ({"side": 0}, "side of a memory map must be a number of 1 or more, not 0"),
        ({"macs": True}, "macs of a memory map must be a number of 0 or more, not True"),
        ({"arrays": 9}, "arrays of a memory map must be 8 or fewer, not 9"),
        ({"memory_bytes": 2**40}, "memory_bytes of a memory map must be 4294967296 or less"),
        ({"program": 129}, "program of a memory map must be in the 192 bytes of the memory, not at 129 with 64 bytes"),
        ({"weights": 65}, "weights of a memory map must be in the 192 bytes of the memory, not at 65 with 128 bytes"),
        ({"tensors": (TENSOR, TENSOR)}, "tensors of a memory map must each be there once"),
        ({"outputs": ("z",)}, "outputs of a memory map must be among its tensors, not 'z'"),
        ({"layers": (("l", "x"),)}, "layers of a memory map must be labels and instructions"),
    ],
)
def test_a_map_that_is_wrong_is_refused(values: dict[str, Any], expected: str) -> None:
    assert sentence(replace(MAP, **values)) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"tokens": "x"}, "tokens of tensor 'x' of a memory map must be a number of 1 or more, not 'x'"),
        ({"instruction": -2}, "instruction of tensor 'x' of a memory map must be a number of -1 or more, not -2"),
        ({"layout": "rows"}, "layout of tensor 'x' of a memory map must be token or channel, not 'rows'"),
        ({"element_bytes": 3}, "element_bytes of tensor 'x' of a memory map must be 1 or 2, not 3"),
        (
            {"completed": (0, 0)},
            "completed of tensor 'x' of a memory map must be four numbers of instructions, not (0, 0)",
        ),
        ({"dram": 161}, "tensor 'x' of a memory map must be in the 192 bytes of the memory, not at 161 with 32 bytes"),
        ({"dram": -1}, "inputs of a memory map must be in the memory, and 'x' is not"),
        (
            {"runs": Runs(address=0, count=1, words=0, step_words=0)},
            "words of runs of tensor 'x' of a memory map must be a number of 1 or more, not 0",
        ),
    ],
)  # fmt: skip
def test_a_tensor_that_is_wrong_is_refused(values: dict[str, Any], expected: str) -> None:
    assert sentence(replace(MAP, tensors=(replace(TENSOR, **values),))) == expected
