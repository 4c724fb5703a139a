"""States: what is over is alike, whenever it was; the rest is told from the cycle."""

from __future__ import annotations

from vitaccel_rtl.accelerator.timed import Timed


class Part(Timed):
    times = ("one",)

    def __init__(self, one: int) -> None:
        self.one = one


class Whole(Timed):
    times = ("first", "second")
    lists = ("places",)
    parts = ("part",)

    def __init__(self, first: int, second: int, places: list[int], history: list[int], one: int) -> None:
        self.first, self.second, self.places, self.history = first, second, places, history
        self.part = Part(one)

    @property
    def histories(self) -> dict[str, int]:
        return {"history": 3}


def test_times_that_are_over_make_no_difference() -> None:
    one = Whole(3, 120, [90, 130], [1, 2, 101, 105], 99)
    other = Whole(44, 120, [12, 130], [50, 101, 105], 7)
    assert one.since(100) == other.since(100) == (0, 20, (0, 30), (1, 5), (0,))
    assert one.since(98) != other.since(98)


def test_a_state_goes_on_at_another_cycle() -> None:
    whole = Whole(0, 0, [], [], 0)
    whole.resume(Whole(3, 120, [90, 130], [1, 101, 102, 104, 105], 160).since(100), 1000)
    assert (whole.first, whole.second, whole.places, whole.part.one) == (1000, 1020, [1000, 1030], 1060)
    assert whole.history == [1002, 1004, 1005]
