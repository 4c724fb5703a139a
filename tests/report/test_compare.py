from __future__ import annotations

import dataclasses

from vitaccel.backends.cost_model.device_use import DeviceUse
from vitaccel.backends.cost_model.result import Prediction
from vitaccel.report.compare import column_titles, comparison_tables
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.devices import DEVICES


def test_columns_are_titled_by_what_differs(prediction: Prediction) -> None:
    wide = dataclasses.replace(prediction, arch=prediction.arch.with_pe("16x16"))
    other = dataclasses.replace(prediction, model="other")
    assert column_titles([prediction, wide]) == ("8x8 PEs", "16x16 PEs")
    assert column_titles([prediction, other]) == ("tiny", "other")
    assert column_titles([prediction, dataclasses.replace(wide, model="other")]) == (
        "tiny, 8x8 PEs",
        "other, 16x16 PEs",
    )
    assert column_titles([prediction, wide, prediction]) == ("8x8 PEs (1)", "16x16 PEs", "8x8 PEs (3)")


def test_equal_columns_are_numbered(prediction: Prediction) -> None:
    first, second = column_titles([prediction, prediction])
    assert (first, second) == ("tiny, default, 8x8 PEs (1)", "tiny, default, 8x8 PEs (2)")


def test_ratios_are_to_the_first_column(prediction: Prediction) -> None:
    wide = dataclasses.replace(prediction, arch=prediction.arch.with_pe("16x16"))
    *_, totals = comparison_tables([prediction, wide])
    rows = {row[0]: row[1:] for row in totals.rows}
    assert rows["PEs"] == ("64", "256", "4.00x")
    assert rows["utilization"] == ("60.0%", "15.0%", "0.25x")
    assert rows["bottleneck"] == ("memory", "memory", "")


def test_clocks_stand_side_by_side_if_one_is_not_reached(prediction: Prediction) -> None:
    def at(mhz: float) -> Prediction:
        return dataclasses.replace(
            prediction, use=DeviceUse(device=DEVICES["ecp5-85k"], blocks={"array": Area(luts=1)}, frequency_mhz=mhz)
        )

    def rows(*predictions: Prediction) -> dict[str, tuple[str, ...]]:
        return {row[0]: row[1:] for row in comparison_tables(predictions)[-1].rows}

    slower = rows(at(50.0), at(200.0), prediction)
    assert slower["clock"] == ("200 MHz not reached", "200 MHz reached", "", "200 MHz assumed", "")
    assert slower["device"] == ("fits Lattice LFE5U-85F", "fits Lattice LFE5U-85F", "", "no limits given", "")
    assert "clock" not in rows(at(200.0), prediction)


def test_an_operator_that_one_network_lacks_counts_zero(prediction: Prediction) -> None:
    less = dataclasses.replace(prediction, layers=prediction.layers[::2])
    _, operators, _ = comparison_tables([prediction, less])
    rows = {row[0]: row[1:] for row in operators.rows}
    assert rows["layer_norm"] == ("300", "0", "0.00x")


def test_the_parts_of_each_column_sum_to_its_cycles(prediction: Prediction) -> None:
    wide = dataclasses.replace(prediction, arch=prediction.arch.with_pe("16x16"))
    parts, operators, _ = comparison_tables([prediction, wide])
    for table in (parts, operators):
        for at in (1, 2):
            assert sum(int(row[at].replace(",", "")) for row in table.rows) == 5000
            assert table.footer[0][at] == "5,000"
