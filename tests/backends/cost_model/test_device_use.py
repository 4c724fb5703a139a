"""Whether a machine fits, and what limits it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.backends.cost_model.test_area import SMALL
from vitaccel.backends.cost_model import area
from vitaccel.backends.cost_model.area import coefficients
from vitaccel.backends.cost_model.device_use import DeviceUse, device_use
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.devices import DEVICES

ECP5 = DEVICES["ecp5-85k"]


def test_what_limits_a_machine_that_fits() -> None:
    use = DeviceUse(device=ECP5, blocks={"a": Area(luts=800, ram_luts=36), "b": Area(multipliers=78, block_rams=52)})
    assert use.limit == "multipliers"
    assert use.shares["multipliers"] == 0.5
    assert use.used("luts") == 836
    assert use.shares["luts"] == 836 / 83640
    assert use.exceeded == ()


def test_every_resource_that_is_exceeded_is_told() -> None:
    use = DeviceUse(device=ECP5, blocks={"a": Area(luts=80_000, ram_luts=4_000, block_rams=209)})
    assert use.exceeded == (
        "the accelerator needs 84,000 LUTs of the 83,640 there are",
        "the accelerator needs 209 block RAMs of 18 kbit of the 208 there are",
    )
    assert use.limit == "block_rams"


def test_a_clock_is_too_fast_only_for_a_device_whose_clock_is_predicted() -> None:
    placed = DeviceUse(device=ECP5, blocks={}, frequency_mhz=50.0)
    assert placed.is_slower_than(51e6)
    assert not placed.is_slower_than(50e6)
    assert not DeviceUse(device=ECP5, blocks={}).is_slower_than(1e11)


def test_a_device_that_nothing_was_fitted_for_is_not_told_of() -> None:
    assert device_use(SMALL, 1, "xc7") is None


def test_nor_is_one_for_which_a_block_was_not_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {key: value for key, value in coefficients().items() if key[1] != "lanes"}
    assert device_use(SMALL, 1, "ecp5-85k") is not None
    monkeypatch.setattr(area, "coefficients", lambda: known)
    assert device_use(SMALL, 1, "ecp5-85k") is None


def test_rows_of_products_become_luts_where_multipliers_are_too_few() -> None:
    use = device_use(SMALL, 1, "ecp5-85k")
    larger = device_use(replace(SMALL, side=8), 1, "ecp5-85k")
    assert use is not None
    assert larger is not None
    assert use.logic_rows == 0
    # 199 products, of which 43 are too many: eight rows of 8, as `vitaccel synth` finds, leave 90 % of 156.
    assert larger.logic_rows == 8
    assert larger.total.multipliers == 135
    assert larger.exceeded == ()


def test_an_array_that_has_not_rows_enough_exceeds_the_multipliers() -> None:
    use = device_use(replace(SMALL, side=32), 1, "ecp5-85k")
    assert use is not None
    assert use.logic_rows == 0 or use.exceeded
    assert any("multipliers" in sentence or "LUTs" in sentence for sentence in use.exceeded)
