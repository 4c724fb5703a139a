"""The memories that an accelerator is said to have are those that it is built with."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from amaranth.hdl import Fragment, Shape
from amaranth.hdl._mem import MemoryInstance

from vitaccel.arch import Arch
from vitaccel.backends.rtl.accelerator import accelerator_of
from vitaccel.backends.rtl.area import machine_shape
from vitaccel_rtl.accelerator.memories import SHALLOW, memories

ALWAYS_LUTS = ("transposer",)
"""Memories of more words, of a byte or two each, for which a block RAM is too dear on any device."""

ROM_LUTS = 64
"""Words of tables of lanes, which are logic."""

MACHINES = {
    "all": ("4x4", ("experts", "kept_logits"), {"memory.bus_bits": "128"}),
    "kept, P of 5": ("5x5", ("kept_logits",), {"memory.outstanding": "4", "memory.burst_beats": "16"}),
    "two arrays, experts": ("2x8x8", ("experts",), {"memory.bus_bits": "512", "memory.burst_beats": "256"}),
    "moments": ("5x5", ("moments",), {"buffers.moment_blocks": "40"}),
    "two arrays, moments": ("2x8x8", ("moments",), {}),
}


def built(component: object) -> Counter[tuple[int, int, bool]]:
    """Count the memories of a component by width, depth, and whether they are tables."""
    found: Counter[tuple[int, int, bool]] = Counter()

    def walk(fragment: Fragment, path: str) -> None:
        for part, name, _ in fragment.subfragments:
            inner = f"{path}.{name}"
            if not isinstance(part, MemoryInstance):
                walk(part, inner)
                continue
            width, depth = Shape.cast(part._data.shape).width, part._data.depth
            is_table = not part._write_ports
            is_lut = depth <= SHALLOW or any(each in inner for each in ALWAYS_LUTS)
            if not is_lut and not (is_table and depth <= ROM_LUTS):
                found[width, depth, is_table] += max(1, len(part._read_ports))

    walk(Fragment.get(component, None), "")
    return found


@pytest.mark.parametrize("name", MACHINES)
def test_they_are_those_that_the_component_has(name: str) -> None:
    pe, features, settings = MACHINES[name]
    sizes = {"buffers.activation_bytes": "81920", "buffers.weight_bytes": "40960", "buffers.logit_bytes": "20480"}
    arch = Arch().with_pe(pe).with_settings({**sizes, **settings})
    shape = machine_shape(arch, features)
    said: Counter[tuple[int, int, bool]] = Counter()
    for listed in memories(shape).values():
        for memory in listed:
            said[memory.width, memory.depth, memory.is_table] += memory.count
    found = built(accelerator_of(arch, features=features))
    assert said == found
    # Broken on purpose: with half the weights, or without what keeps logits and moments, and experts, they are others.
    without = replace(shape, kept_rows=0, moment_blocks=0, has_experts=False)
    for other in (replace(shape, weight_words=shape.weight_words // 2), without):
        listed = [memory for each in memories(other).values() for memory in each]
        assert sum(memory.width * memory.depth * memory.count for memory in listed) < sum(
            width * depth * count for (width, depth, _), count in found.items()
        )
