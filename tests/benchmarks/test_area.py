"""Machines whose areas are compared: what is fitted, what is held out, and that the tables say the truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from vitaccel.arch import load_preset
from vitaccel.backends.cost_model import area as model
from vitaccel.backends.rtl.area import machine_shape
from vitaccel_rtl.synthesis.cells import Area


@pytest.fixture(scope="module")
def area(benchmark_module: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_module("area")


def test_instances_become_blocks_and_nothing_is_lost(area: ModuleType) -> None:
    parts = {
        "": Area(luts=100),
        "buffer": Area(luts=1),
        "buffer.bank_0": Area(luts=1),
        "compute": Area(luts=60),
        "compute.core0": Area(luts=30),
        "compute.core1": Area(luts=20),
        "compute.core0.array": Area(luts=12),
        "compute.core1.array$7": Area(luts=10),
        "compute.core0.reuse": Area(luts=5),
        "compute.core0.moments": Area(luts=4),
        "compute.core1.moments": Area(luts=2),
        "compute.issue": Area(luts=7),
        "vector": Area(luts=25),
        "vector.experts": Area(luts=9),
        "load": Area(luts=4),
        "store": Area(luts=3),
        "sets": Area(luts=2),
    }
    found = {block: each.luts for block, each in area.blocks_of(parts).items()}
    assert found == {
        "array": 22, "cores": 17, "kept": 5, "moments": 6, "issue": 10, "lanes": 16, "experts": 9,
        "buffer": 1, "sets": 2, "load": 4, "store": 3, "control": 5,
    }  # fmt: skip
    assert sum(found.values()) == 100


def test_the_least_squares_have_no_negative_coefficient(area: ModuleType) -> None:
    exact = area.least_squares([[1, 4], [1, 8], [1, 16]], [30, 50, 90], [1, 1, 1])
    assert exact == pytest.approx([10, 5])
    falling = area.least_squares([[1, 4], [1, 8]], [50, 30], [1, 1])
    assert falling == pytest.approx([40, 0])


def test_areas_are_kept_and_read_again(area: ModuleType, tmp_path: Path) -> None:
    name = str(area.POINTS[0])
    found = {name: {"array": Area(luts=1, multipliers=2), "load": Area(block_rams=3)}}
    area.write({name: found[name] | {"kept": Area()}}, tmp_path / "kept.csv")
    assert area.read(tmp_path / "kept.csv") == found


def test_every_machine_has_a_name_of_its_own(area: ModuleType) -> None:
    assert len({str(point) for point in area.POINTS}) == len(area.POINTS)
    assert all(any(point.target == target for point in area.POINTS) for target in area.PRESETS)


@pytest.mark.parametrize("flag", ["--synthesize", "--by-blocks"])
def test_a_machine_that_is_in_no_table_is_refused(
    area: ModuleType, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        area.main([flag, "nosuch"])
    assert stopped.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"error: {flag} must name machines " in err
    assert err.endswith(", not nosuch\n")


def test_only_machines_that_are_said_to_have_moments_take_them(area: ModuleType) -> None:
    found = area.read()
    for point in area.POINTS:
        has, shape = "moments" in point.features, machine_shape(point.arch, point.features)
        assert shape.moment_blocks == (area.MOMENT_BLOCKS if has else 0)
        assert ("moments" in found.get(str(point), {"moments": 0} if has else {})) == has
        if not has:
            assert point.arch.buffers.moment_blocks == load_preset(area.PRESETS[point.target]).buffers.moment_blocks
    assert load_preset("zcu102").buffers.moment_blocks == area.MOMENT_BLOCKS


def test_the_coefficients_are_those_of_the_syntheses_that_are_kept(area: ModuleType) -> None:
    found = area.read()
    for target in model.families():
        fitted = {row[:-1]: float(f"{row[-1]:.6g}") for row in area.fit(target, found)}
        assert fitted == {key: value for key, value in model.coefficients().items() if key[0] == target}


def test_predictions_are_within_ten_percent_and_exact_where_they_count(area: ModuleType) -> None:
    found = area.read()
    assert list(found) == [str(point) for point in area.POINTS]
    assert {point.target for point in area.POINTS if point.is_held_out} == set(area.PRESETS)
    for point in area.POINTS:
        real, said = model.total_area(found[str(point)]), area.predicted(point)
        assert area.is_predicted(point), point
        assert said.luts + said.ram_luts == pytest.approx(real.luts + real.ram_luts, rel=0.1), point
        assert said.flip_flops == pytest.approx(real.flip_flops, rel=0.1), point
        assert (said.multipliers, said.block_rams) == (real.multipliers, real.block_rams), point


def test_the_table_tells_the_worst_error_of_those_held_out(area: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    point = next(point for point in area.POINTS if point.is_held_out)
    monkeypatch.setattr(area, "predicted", lambda _: Area(luts=110, flip_flops=100, multipliers=5, block_rams=1))
    monkeypatch.setattr(area, "is_predicted", lambda _: True)
    found = {str(point): {"array": Area(luts=100, flip_flops=100, multipliers=5, block_rams=1)}}
    lines = area.compared(found)
    assert lines[-1] == "worst error of those held out (*): LUT 10.0%, FF 0.0%, mult. 0.0%, BRAM 0.0%"
    assert lines[-2] == "worst error of those fitted: none"
    assert " * " in lines[1]


def test_the_document_shows_what_is_printed(
    area: ModuleType, capsys: pytest.CaptureFixture[str], shown: Callable[[str, str, str], None]
) -> None:
    assert area.main([]) == 0
    shown("synthesis.md", "python benchmarks/area.py", capsys.readouterr().out)
