from __future__ import annotations

import pytest

from vitaccel.report.units import binary_bytes, percent, rate, ratio, shape, si


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "s", "0 s"),
        (0.00519, "s", "5.19 ms"),
        (0.9996, "s", "1.00 s"),
        (999.6, "B", "1.00 kB"),
        (999.4, "B", "999 B"),
        (12_345_678, "B", "12.3 MB"),
        (1.25e9, "MAC", "1.25 GMAC"),
        (3e-13, "J", "0.30 pJ"),
        (-2e-3, "s", "-2.00 ms"),
        (42, "", "42.0"),
    ],
)
def test_si(value: float, unit: str, text: str) -> None:
    assert si(value, unit) == text


@pytest.mark.parametrize(("value", "text"), [(512, "512 B"), (1536, "1.5 KiB"), (1 << 20, "1 MiB"), (3 << 30, "3 GiB")])
def test_binary_bytes(value: int, text: str) -> None:
    assert binary_bytes(value) == text


def test_a_share_that_is_not_zero_never_prints_as_zero() -> None:
    assert percent(0.0) == "0.0%"
    assert percent(0.0001) == "<0.1%"
    assert percent(0.831) == "83.1%"
    assert percent(1.0, 0) == "100%"


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0.0"), (0.71428, "0.714"), (0.9996, "1.00"), (9.9951, "10.0"), (1339, "1,339.0")]
)
def test_rate(value: float, text: str) -> None:
    assert rate(value) == text


def test_ratio() -> None:
    assert ratio(3, 2) == "1.50x"
    assert ratio(1, 1000) == "0.001x"
    assert ratio(0, 0) == ""
    assert ratio(5, 0) == ""


def test_shape() -> None:
    assert shape((1, 3, 224, 224)) == "1x3x224x224"
    assert shape(()) == "scalar"
