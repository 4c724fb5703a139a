from __future__ import annotations

import json

from vitaccel.backends.rtl.blocks.registers import REGISTERS, register_map
from vitaccel_rtl.register_map import ACCESSES
from vitaccel_sim.benches import registers


def test_the_bench_is_told_every_register_and_the_width_of_the_component() -> None:
    point = registers.REGISTERS.points[1]
    component = REGISTERS.component(**point)
    told = registers.REGISTERS.parameters(component, point, 0)
    listed = json.loads(told["map"])["registers"]
    numbers = {name: value for name, value in point.items() if name != "address_bits"}
    assert [register["name"] for register in listed] == [register.name for register in register_map(**numbers)]
    assert {register["access"] for register in listed} == set(ACCESSES)
    assert told["address_bits"] == len(component.s_axi_awaddr)
