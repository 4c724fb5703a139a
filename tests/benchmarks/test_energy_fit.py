"""The energy numbers of the presets, of docs/energy.md and of benchmarks/energy_fit.py are the same."""

from __future__ import annotations

import importlib.util
import random
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from vitaccel.arch import load_preset, preset_names

ROOT = Path(__file__).parents[2]
NUMBERS = ("mac_pj", "lane_pj", "sram_pj_per_byte", "dram_pj_per_byte", "static_w")


@pytest.fixture(scope="module")
def energy_fit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("energy_fit", ROOT / "benchmarks" / "energy_fit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up by name
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "energy_fit", module)
        spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted(set(preset_names()) - {"default"}))
def test_a_preset_holds_the_numbers_the_script_prints(energy_fit: ModuleType, name: str) -> None:
    computed, written = energy_fit.preset_tables()[name], load_preset(name).energy
    assert {key: getattr(written, key) for key in NUMBERS} == {key: getattr(computed, key) for key in NUMBERS}


def test_the_script_has_a_table_for_every_preset(energy_fit: ModuleType) -> None:
    assert set(energy_fit.preset_tables()) | {"default"} == set(preset_names())


def test_the_document_shows_what_the_script_prints(energy_fit: ModuleType) -> None:
    document = (ROOT / "docs" / "energy.md").read_text(encoding="utf-8")
    assert f"```text\n{energy_fit.report()}```" in document


def test_the_default_table_is_horowitz() -> None:
    energy = load_preset("default").energy
    assert energy.mac_pj == pytest.approx(0.2 + 0.1)  # int8 multiply, int32 add
    assert energy.lane_pj == pytest.approx(3.1 + 3 * 0.1)  # int32 multiply, three int32 adds
    assert energy.sram_pj_per_byte == 20 / 8  # 64 bits of 32 KB
    assert energy.dram_pj_per_byte == 1300 / 8  # 64 bits


@pytest.mark.parametrize(
    ("net", "macs"),
    [
        # models.md: 782,911,488 with a classifier of 1000 x 192 MACs; DeiT likewise, without its classifier here
        ("M3VIT_TINY", 782_911_488 - 192_000),
        ("VIT_TINY", 1_253_683_200 - 192_000),
    ],
)
def test_counted_macs_are_the_models(energy_fit: ModuleType, net: str, macs: int) -> None:
    assert energy_fit.count(getattr(energy_fit, net)).macs == macs


def test_every_buffer_byte_of_a_matrix_product_is_counted(energy_fit: ModuleType) -> None:
    class OneProduct(energy_fit.Encoder):  # type: ignore[misc, name-defined]
        def matmuls(self) -> Any:
            yield 5, 6, 7, 2

    one = energy_fit.count(OneProduct(tokens=0, width=0, heads=1), side=4)
    assert one.macs == 2 * 5 * 6 * 7
    assert one.lane_ops == 2 * 5 * 6
    assert one.sram_bytes == 2 * (4 * 7 * (4 + 4) + 5 * 6)  # 2 x 2 tiles, each reads 7 words of A and of B


def test_the_fit_finds_a_line_that_is_there(energy_fit: ModuleType, seed: int) -> None:
    rng = random.Random(seed)
    line = energy_fit.Fit(rng.uniform(1, 9), rng.uniform(5, 50))
    row = energy_fit.PUBLISHED[0]
    rows = [
        replace(row, gmacs_per_s=rate, power_w=line.power_w(rate)) for rate in (rng.uniform(10, 900) for _ in range(7))
    ]
    for found in (energy_fit.fit_rows(rows), energy_fit.envelope(rows), energy_fit.least_squares(rows)):
        assert found.static_w == pytest.approx(line.static_w)
        assert found.pj_per_mac == pytest.approx(line.pj_per_mac)


def test_the_envelope_is_under_every_row_and_touches_one(energy_fit: ModuleType) -> None:
    rows = energy_fit.rows_of("ZCU102")
    best = energy_fit.envelope(rows)
    over = [row.power_w - best.power_w(row.gmacs_per_s) for row in rows]
    assert min(over) == pytest.approx(0, abs=1e-9)
    assert best.static_w >= 0
    assert best.pj_per_mac >= 0


def test_the_split_over_actions_gives_the_fitted_energy_back(energy_fit: ModuleType) -> None:
    actions = energy_fit.count(energy_fit.M3VIT_TINY)
    fitted_pj = energy_fit.fits()["ZCU102"].pj_per_mac * actions.macs
    assert actions.pj(load_preset("zcu102").energy) == pytest.approx(fitted_pj, rel=0.01)  # three digits are kept


def test_scaling_goes_down_with_the_node(energy_fit: ModuleType) -> None:
    assert energy_fit.scale(45, 0.9, 45, 0.9) == 1
    factors = [energy_fit.scale(45, 0.9, node, 0.9) for node in (45, 32, 20, 16, 7)]
    assert factors == sorted(factors, reverse=True)
    assert energy_fit.scale(32, 0.8, 32, 1.0) > 1
