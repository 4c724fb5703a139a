"""Areas that are predicted: sums of terms that say what they should, and block RAMs of memories."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vitaccel.backends.cost_model import area as model
from vitaccel.backends.cost_model.area import (
    BLOCKS,
    LOGIC_PRODUCT,
    coefficients,
    families,
    predict_area,
    present,
    terms,
    total_area,
)
from vitaccel_rtl.accelerator.memories import MachineShape
from vitaccel_rtl.synthesis.cells import Area

SMALL = MachineShape(
    side=4,
    arrays=1,
    activation_words=8192,
    weight_words=4096,
    logit_words=1024,
    parameter_sets=1024,
    data_bits=32,
    burst_beats=64,
    outstanding=2,
)


def test_terms_of_a_machine() -> None:
    values = terms(replace(SMALL, side=5, arrays=3, data_bits=128))
    assert (values["PEs"], values["lanes"], values["lanes of arrays"]) == (75, 5, 15)
    assert (values["turned"], values["bytes of beats"], values["address bits"]) == (15, 16, 30)
    assert (values["with moments"], values["arrays with moments"]) == (0, 0)
    values = terms(replace(SMALL, arrays=3, moment_blocks=64))
    assert (values["with moments"], values["arrays with moments"]) == (1, 3)


def test_every_coefficient_is_of_a_block_a_resource_and_a_term_and_none_is_negative() -> None:
    for (target, block, resource, term), value in coefficients().items():
        assert target in families()
        assert block in BLOCKS
        assert resource in model.FITTED
        assert term in terms(SMALL)
        assert value > 0


@pytest.mark.parametrize("target", families())
def test_a_sum_is_that_of_the_coefficients(target: str) -> None:
    areas = predict_area(SMALL, 1, target)
    assert tuple(areas) == present(SMALL)
    values = terms(SMALL)
    for block, area in areas.items():
        luts = sum(
            value * values[term]
            for (family, of, resource, term), value in coefficients().items()
            if (family, of, resource) == (target, block, "luts")
        )
        assert area.luts == round(luts)
    assert total_area(areas) == sum(areas.values(), start=Area())


def test_a_machine_of_the_smallest_ecp5_board_to_the_multiplier_and_block_ram() -> None:
    total = total_area(predict_area(SMALL, 1, "ecp5"))
    assert (total.multipliers, total.block_rams) == (91, 58)


@pytest.mark.parametrize("target", families())
@pytest.mark.parametrize("change", ["side", "arrays", "weight_words", "kept_rows", "moment_blocks", "has_experts"])
def test_more_takes_more(target: str, change: str) -> None:
    sizes = {"side": 8, "arrays": 2, "data_bits": 256, "weight_words": 1 << 16}
    larger = {**sizes, "kept_rows": 4096, "moment_blocks": 64, "has_experts": True}
    one, more = (
        total_area(predict_area(shape, 1, target)) for shape in (SMALL, replace(SMALL, **{change: larger[change]}))
    )
    before, after = (
        (area.luts + area.ram_luts, area.flip_flops, area.multipliers, area.block_rams) for area in (one, more)
    )
    assert all(least <= most for least, most in zip(before, after, strict=True))
    assert before != after


@pytest.mark.parametrize("target", families())
def test_moments_take_a_multiplier_a_lane_and_a_memory_as_wide_as_all_lanes(target: str) -> None:
    with_moments = replace(SMALL, side=8, arrays=2, moment_blocks=256)
    areas, plain = (predict_area(shape, 1, target) for shape in (with_moments, replace(with_moments, moment_blocks=0)))
    of_moments = areas.pop("moments")
    # Blocks that hand moments on are larger by what that takes, and have no more of what is counted.
    for block, area in plain.items():
        assert (areas[block].multipliers, areas[block].block_rams) == (area.multipliers, area.block_rams)
        assert areas[block] == area or block in ("cores", "issue", "lanes")
    assert of_moments.multipliers == 2 * 8
    wide = {"ecp5": -(-71 * 8 // 36), "xcup": 2 * -(-71 * 8 // 72)}
    assert of_moments.block_rams == 2 * wide[target]
    assert min(of_moments.luts, of_moments.flip_flops) > 0


def test_products_of_luts_take_no_multipliers() -> None:
    plain, logic = (total_area(predict_area(SMALL, 1, "ecp5", logic_rows=rows)) for rows in (0, 3))
    assert logic.multipliers == plain.multipliers - 12
    assert logic.luts == plain.luts + 12 * LOGIC_PRODUCT.luts
    assert logic.block_rams == plain.block_rams
