"""Frequencies from what was placed, and none where nothing was."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from vitaccel.backends.cost_model import frequency
from vitaccel.backends.cost_model.frequency import placed_mhz, predicted_mhz
from vitaccel_rtl.synthesis.devices import DEVICES


def test_nothing_is_said_of_devices_that_no_open_tool_places() -> None:
    for name, device in DEVICES.items():
        if not device.is_routed:
            assert placed_mhz(name) == {}
            assert predicted_mhz(name, 8) is None


@pytest.mark.parametrize(
    ("placed", "side", "mhz"),
    [
        ({}, 4, None),
        ({4: 80.0}, 4, 80.0),
        ({4: 80.0}, 8, None),
        ({4: 100.0, 8: 50.0}, 4, 100.0),
        ({4: 100.0, 8: 50.0}, 16, 100 / 3),  # 10 ns, 20 ns, 30 ns
        ({8: 100.0, 16: 50.0}, 4, 100.0),  # not faster than any that was placed
    ],
)
def test_a_period_is_a_line_over_the_logarithm_of_p(
    placed: Mapping[int, float], side: int, mhz: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frequency, "placed_mhz", lambda _: placed)
    assert predicted_mhz("ecp5-85k", side) == (None if mhz is None else pytest.approx(mhz))


def test_what_is_held_out_is_no_part_of_the_line() -> None:
    assert not placed_mhz("ecp5-85k").keys() & placed_mhz("ecp5-85k", is_held_out=True).keys()


def test_what_is_recorded_is_what_a_machine_can_have() -> None:
    for side, mhz in (placed_mhz("ecp5-85k") | placed_mhz("ecp5-85k", is_held_out=True)).items():
        assert 4 <= side <= 32
        assert 10 < mhz < 400
