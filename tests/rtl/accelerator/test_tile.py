"""What goes along with a tile, and the registers in which it stands."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tests.rtl.accelerator.part_bench import watch
from vitaccel_rtl.accelerator.isa import COUNT, WORD_ADDRESS
from vitaccel_rtl.accelerator.tile import LANE_COUNT, drain_layout, keep, operands_layout, tile_layout


class Kept(wiring.Component):
    """Some fields of a tile, kept."""

    def __init__(self) -> None:
        super().__init__({"a": In(WORD_ADDRESS), "flag": In(1), "tile": Out(tile_layout())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        operands = self.tile.operands
        keep(m, [(operands.a, self.a), (operands.by_rows, self.flag), (self.tile.drain.by_rows, self.flag)])
        return m


def test_fields_are_those_of_the_cycle_before() -> None:
    drives = [{"a": 5, "flag": 1}, {"a": 1 << WORD_ADDRESS - 1}, {"a": 7, "flag": 1}, {}]
    seen = [tile for (tile,) in watch(Kept(), drives, ["tile"])][1:]
    assert [tile.operands.a for tile in seen] == [5, 1 << WORD_ADDRESS - 1, 7]
    assert [(tile.operands.by_rows, tile.drain.by_rows) for tile in seen] == [(1, 1), (0, 0), (1, 1)]
    assert all(tile.operands.b == tile.drain.out == tile.sets == 0 for tile in seen)


def test_a_tile_holds_addresses_and_counts_of_the_instruction_set() -> None:
    operands, drain, tile = operands_layout(), drain_layout(), tile_layout()
    assert {operands[name].width for name in ("a", "b")} == {drain["out"].width, tile["sets"].width} == {WORD_ADDRESS}
    assert {operands["depth"].width, drain["plane"].width, tile["residual_plane"].width} == {COUNT}
    assert 32 < 1 << drain["words"].width == 1 << LANE_COUNT
    assert tile.size == operands.size + drain.size + 2 * WORD_ADDRESS + COUNT + LANE_COUNT + 1
