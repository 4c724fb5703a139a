"""What decides the area of a machine."""

from __future__ import annotations

import pytest

from vitaccel.arch import Arch
from vitaccel.backends.rtl.area import machine_shape
from vitaccel.errors import UnsupportedError


def test_sizes_are_those_of_a_part_of_each_array() -> None:
    arch = Arch().with_pe("2x8x8").with_settings({"memory.bus_bits": "256", "memory.outstanding": "4"})
    shape = machine_shape(arch, ["experts"])
    assert (shape.side, shape.arrays, shape.data_bits, shape.outstanding) == (8, 2, 256, 4)
    assert shape.weight_words * 8 * 2 == arch.buffers.weight_bytes
    assert (shape.has_experts, shape.kept_rows, shape.moment_blocks) == (True, 0, 0)


def test_without_a_choice_a_machine_has_all_its_parts() -> None:
    shape = machine_shape(Arch())
    assert shape.has_experts
    assert shape.kept_rows
    assert shape.moment_blocks == Arch().buffers.moment_blocks > 0


def test_moments_are_kept_of_as_many_row_blocks_as_the_machine_says() -> None:
    arch = Arch().with_settings({"buffers.moment_blocks": "48"})
    assert machine_shape(arch, ["moments"]).moment_blocks == 48
    assert machine_shape(arch, ["experts"]).moment_blocks == 0
    assert machine_shape(arch.with_settings({"buffers.moment_blocks": "0"})).moment_blocks == 0


def test_a_machine_that_is_not_built_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="weights of the accelerator must be of 8 bits, not 4"):
        machine_shape(Arch().with_settings({"numerics.weight_bits": "4"}))
