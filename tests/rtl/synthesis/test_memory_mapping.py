"""What a memory becomes, against Yosys on a grid of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from vitaccel_rtl.synthesis import memory_mapping
from vitaccel_rtl.synthesis.builds import cached
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.memory_mapping import Memory, area_of_memory
from vitaccel_rtl.synthesis.tools import YOSYS

SHAPES = ((8, 16), (7, 40), (65, 22), (64, 127), (33, 64), (65, 65), (33, 128), (33, 512), (16, 512), (21, 300))
LARGE = ((32, 4096), (64, 1365), (40, 3000), (18, 2048), (64, 8192), (256, 2048), (28, 8192), (32, 40000), (9, 65536))
GRID = tuple(Memory(width=width, depth=depth) for width, depth in SHAPES + LARGE)
TABLES = tuple(Memory(width=width, depth=depth, is_table=True) for width, depth in ((16, 64), (11, 256), (12, 1024)))

COMMANDS = {
    "ecp5": "synth_ecp5 -noflatten -top grid -run begin:map_ffram",
    "xcup": "synth_xilinx -family xcup -top grid -run begin:map_ffram",
    "xc7": "synth_xilinx -family xc7 -top grid -run begin:map_ffram",
}
"""Until memories are cells of the device, and nothing else is."""

BLOCK_RAMS = {
    **dict.fromkeys(("DP16KD", "PDPW16KD", "RAMB18E2", "RAMB18E1"), 1),
    **dict.fromkeys(("RAMB36E2", "RAMB36E1"), 2),
}
LUTS = {"TRELLIS_DPR16X4": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM32M": 4, "RAM64M": 4}


def verilog(memories: Iterable[Memory]) -> str:
    """Return a module for each memory, and one that has all of them."""
    modules, instances, outputs = [], [], []
    for place, memory in enumerate(memories):
        bits, last = (memory.depth - 1).bit_length(), memory.width - 1
        filled = "".join(f"    mem[{at}] = {memory.width}'d{at * 40503 % 65521};\n" for at in range(memory.depth))
        contents = f"  initial begin\n{filled}  end\n" if memory.is_table else ""
        writes = "" if memory.is_table else "if (we) mem[wa] <= d; "
        modules.append(
            f"module m{place}(input clk, we, input [{bits - 1}:0] wa, ra, "
            f"input [{last}:0] d, output reg [{last}:0] q);\n"
            f"  (* no_rw_check *) reg [{last}:0] mem [{memory.depth - 1}:0];\n{contents}"
            f"  always @(posedge clk) begin {writes}q <= mem[ra]; end\nendmodule\n"
        )
        instances.append(f"  m{place} i{place}(.clk(clk), .we(we), .wa(wa), .ra(ra), .d(d), .q(q{place}));\n")
        outputs.append(f"output [{last}:0] q{place}")
    ports = ", ".join(["input clk, we", "input [31:0] wa, ra", "input [511:0] d", *outputs])
    return f"{''.join(modules)}module grid({ports});\n{''.join(instances)}endmodule\n"


def mapped(memories: tuple[Memory, ...], target: str, folder: Path) -> list[tuple[int, int]]:
    """Return the block RAMs, and the LUTs that are memory, of each."""
    script = f"read_verilog -sv grid.v; {COMMANDS[target]}; json -o grid.json"
    place = cached(YOSYS, ("-q", "-p", script), {"grid.v": verilog(memories)}, folder)
    modules = json.loads((place / "grid.json").read_text())["modules"]
    found = []
    for number in range(len(memories)):
        cells = Counter(cell["type"] for cell in modules[f"m{number}"]["cells"].values())
        kinds = (BLOCK_RAMS, LUTS)
        found.append(tuple(sum(each * cells[kind] for kind, each in known.items()) for known in kinds))
    return found


def ruled(memories: tuple[Memory, ...], target: str) -> list[tuple[int, int]]:
    areas = [area_of_memory(memory, target) for memory in memories]
    return [(area.block_rams, area.ram_luts) for area in areas]


@pytest.mark.parametrize("target", sorted(COMMANDS))
def test_memories_become_what_yosys_makes_of_them(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memories = GRID + TABLES
    found = mapped(memories, target, tmp_path)
    assert ruled(memories, target) == found
    monkeypatch.setattr(memory_mapping, "CHOICE_COST", 50.0)  # broken: as if choosing between cells were dear
    assert ruled(memories, target) != found


def test_several_alike_take_as_much_as_all_of_them() -> None:
    one, many = (area_of_memory(Memory(width=33, depth=512, count=count), "ecp5") for count in (1, 3))
    assert one == Area(block_rams=1)
    assert many == Area(block_rams=3)


def test_a_memory_of_few_bits_is_registers() -> None:
    assert area_of_memory(Memory(width=1, depth=2), "ecp5") == Area(flip_flops=2)
