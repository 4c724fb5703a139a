from __future__ import annotations

import json

import pytest

from tests.report.syntheses import AREA_ONLY, FAILED, PLACED, TOO_LARGE
from vitaccel.report.json_record import to_json
from vitaccel.report.synthesis_record import synthesis_record
from vitaccel_rtl.synthesis.implement import Implementation


def test_what_it_takes_of_what_there_is() -> None:
    record = synthesis_record(PLACED)
    assert (record["kind"], record["design"], record["logic_rows"]) == ("synthesized", "vitaccel", 2)
    assert (record["target"], record["device"]) == ("ecp5-85k", "Lattice LFE5U-85F")
    assert (record["area"]["luts"], record["area"]["ram_luts"], record["available"]["luts"]) == (8000, 364, 83640)
    assert record["shares"] == pytest.approx(
        {"luts": 0.1, "flip_flops": 0.05, "multipliers": 0.5, "block_rams": 0.25, "ram_luts": 364 / 41820}
    )
    assert record["missing"] == []


def test_every_block_and_not_the_whole_among_them() -> None:
    blocks = synthesis_record(PLACED)["blocks"]
    assert [block["block"] for block in blocks] == [path for path in PLACED.areas if path]
    assert blocks[-1] == {
        "block": "buffers",
        "luts": 2800,
        "carries": 0,
        "flip_flops": 0,
        "multipliers": 0,
        "block_rams": 52,
        "ram_luts": 2400,
    }


def test_frequencies_in_hertz_and_times_in_seconds() -> None:
    record = synthesis_record(PLACED)
    assert (record["frequency_hz"], record["seed"], record["path"]) == (98e6, 4, ["buffers", "", "array.row_1"])
    assert [run["frequency_hz"] for run in record["runs"]] == [91.5e6, 98e6, 96e6]
    run = record["runs"][1]
    assert (run["seed"], run["from"], run["to"]) == (4, "buffers.c", "array.d")
    assert (run["logic_s"], run["routing_s"]) == (pytest.approx(4.0e-9), pytest.approx(6.2e-9))
    assert record["stages"][0] == {"stage": "synthesis", "seconds": 12.4}


def test_what_is_not_placed_has_no_frequency() -> None:
    record = synthesis_record(AREA_ONLY)
    assert (record["frequency_hz"], record["seed"], record["path"], record["runs"]) == (None, None, [], [])
    assert record["shares"]["multipliers"] == pytest.approx(78 / 740)


def test_what_does_not_fit_is_listed() -> None:
    assert synthesis_record(TOO_LARGE)["missing"] == ["84,000 of 83,640 LUTs", "157 of 156 multipliers"]


def test_seeds_that_failed_are_beside_the_runs() -> None:
    record = synthesis_record(FAILED)
    assert record["failed_seeds"] == [{"seed": 5, "error": "nextpnr-ecp5 must accept it, but says: <no>"}]
    assert [run["seed"] for run in record["runs"]] == [1, 4, 7]
    assert synthesis_record(PLACED)["failed_seeds"] == []


@pytest.mark.parametrize("made", [PLACED, FAILED, AREA_ONLY, TOO_LARGE])
def test_it_is_json(made: Implementation) -> None:
    record = synthesis_record(made)
    assert json.loads(to_json(record)) == record
