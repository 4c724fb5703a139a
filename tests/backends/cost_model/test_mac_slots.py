"""What becomes of PEs: all parts, whatever they are."""

from __future__ import annotations

from dataclasses import fields

from vitaccel.backends.cost_model.mac_slots import MacSlots


def test_all_slots_are_the_sum_of_every_part() -> None:
    names = [field.name for field in fields(MacSlots)]
    assert MacSlots(**{name: 1 << place for place, name in enumerate(names)}).all == (1 << len(names)) - 1
