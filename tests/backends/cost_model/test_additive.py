"""Records that add field by field."""

from __future__ import annotations

from dataclasses import dataclass

from vitaccel.backends.cost_model.additive import Additive


@dataclass(frozen=True)
class Fruit(Additive):
    apples: int = 0
    pears: int = 0


def test_records_add_field_by_field() -> None:
    assert Fruit(1, 2) + Fruit(pears=5) == Fruit(1, 7)
    assert Fruit.total(Fruit(count, 1) for count in range(4)) == Fruit(6, 4)
    assert Fruit.total([]) == Fruit()
