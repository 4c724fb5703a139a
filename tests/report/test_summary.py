from __future__ import annotations

import dataclasses

from vitaccel.backends.cost_model.device_use import DeviceUse
from vitaccel.backends.cost_model.result import Busy, Cycles, Prediction
from vitaccel.report.summary import (
    CYCLE_WORDS,
    ENERGY_WORDS,
    TRAFFIC_WORDS,
    bottleneck_in_words,
    clock_in_words,
    clock_warning,
    cycle_table,
    facts,
    routing_in_words,
    summary_table,
)
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.devices import DEVICES


def said(prediction: Prediction) -> dict[str, str]:
    return {fact.label: fact.value for fact in facts(prediction)}


def test_every_fact_of_a_dense_network(prediction: Prediction) -> None:
    found = said(prediction)
    source = found.pop("energy").partition("; ")
    assert source[0] == "4.74 µJ a frame: MACs 1%, lanes <1%, buffers 1%, DRAM 98%, static <1%"
    assert source[2] == prediction.arch.energy.source
    assert found == {
        "model": "tiny, input image 2x3x16x16, 55.2 k parameters",
        "machine": "default: 8x8 = 64 PEs at 200 MHz, 128-bit memory port",
        "latency": "25.0 µs for 2 frames, 5,000 cycles",
        "throughput": "80,000.0 frames/s, 15.4 GOPS of 25.6 peak",
        "utilization": "60.0% (useful MACs / (cycles x PEs))",
        "bottleneck": "memory: the memory port is busy 75.0% of the time; next compute, 67.0%",
        "engines": "occupied compute 67.0%, load 75.0%, vector 6.2%, store 1.8%",
        "MACs": "192 k (192,000)",
        "DRAM traffic": "57.3 kB: weights 55.2 kB, constants 256 B, input 600 B, output 40.0 B, spills 1.20 kB",
        "bandwidth": "2.29 GB/s of 3.20 GB/s available (71.6%)",
        "buffers": "activations peak at 20 KiB of 1 MiB (2.0%)",
        "device": "no limits given",
    }


def test_experts_limits_and_a_slow_memory_are_told(moe_prediction: Prediction) -> None:
    found = said(moe_prediction)
    assert found["MACs"] == "192 k (192,000) routed; 960 k if every expert ran on every token"
    assert found["routing"] == "assumed uniform: the tokens spread evenly over the experts"
    assert found["experts"] == "3 to 5 tokens each, mean 4.0; latency 25.0 µs uniform, 30.0 µs worst"
    assert found["bandwidth"].endswith("of 1.60 GB/s available (143.2%)")
    assert found["device"].startswith("does not fit: the 3x16x16 PE array needs 768 multipliers of the 500")
    assert found["machine"].startswith("default: 3x16x16 = 768 PEs")


def test_each_routing_has_its_words() -> None:
    assert routing_in_words("worst") == "assumed worst case: every token chooses the same experts"
    assert routing_in_words("trace q.json") == "recorded: trace q.json"


def test_macs_as_exported_are_told_when_they_differ(prediction: Prediction) -> None:
    other = dataclasses.replace(prediction, macs_exported=200_000)
    assert said(other)["MACs"] == "192 k (192,000); 200 k as exported"


def test_a_machine_within_its_limits_fits(prediction: Prediction) -> None:
    arch = prediction.arch.with_settings({"limits.multipliers": "128", "limits.memory_bits": "20000000"})
    found = said(dataclasses.replace(prediction, arch=arch))
    assert found["device"] == "fits: 64 of 128 multipliers, 51% of the block RAM in buffers"


TAKEN = {"array": Area(luts=41_000, ram_luts=820, flip_flops=8_364), "lanes": Area(multipliers=78, block_rams=26)}
ECP5, ULTRASCALE = DEVICES["ecp5-85k"], DEVICES["xcup"]


def test_what_a_machine_takes_of_its_device_and_what_limits_it(prediction: Prediction) -> None:
    found = said(dataclasses.replace(prediction, use=DeviceUse(device=ECP5, blocks=TAKEN)))
    assert found["area"] == (
        "41,820 LUT (50.0%), 8,364 FF (10.0%), 78 multipliers (50.0%), 26 block RAMs of 18 kbit (12.5%)"
    )
    assert found["device"] == "fits Lattice LFE5U-85F; most of all it takes LUTs: 50.0%"
    large = DeviceUse(device=ECP5, blocks={"array": Area(multipliers=157)})
    found = said(dataclasses.replace(prediction, use=large, exceeded=large.exceeded))
    assert found["device"] == "does not fit: the accelerator needs 157 multipliers of the 156 there are"


def test_a_clock_is_assumed_unless_machines_were_placed() -> None:
    placed = DeviceUse(device=ECP5, blocks={}, frequency_mhz=56.1)
    assert clock_in_words(DeviceUse(device=ULTRASCALE, blocks={}), 300e6) == (
        "300 MHz assumed: no open tool places and routes AMD XCZU9EG (ZCU102)"
    )
    assert clock_in_words(DeviceUse(device=ECP5, blocks={}), 1e8) == (
        "100 MHz assumed: no machine of its kind was placed and routed"
    )
    assert clock_in_words(placed, 5e7) == "50 MHz reached: 56 MHz predicted from machines that were placed and routed"
    assert clock_in_words(placed, 6e7).startswith("60 MHz not reached: 56 MHz predicted")


def test_what_a_run_takes_at_the_clock_that_is_predicted_is_told_beside_it(prediction: Prediction) -> None:
    def at(mhz: float | None) -> Prediction:
        return dataclasses.replace(prediction, use=DeviceUse(device=ECP5, blocks=TAKEN, frequency_mhz=mhz))

    labels = [fact.label for fact in facts(at(50.0))]
    assert labels[labels.index("throughput") + 1] == "at 50 MHz"
    assert said(at(50.0))["at 50 MHz"] == "100 µs, 20,000.0 frames/s: the same cycles at the clock that is predicted"
    assert clock_warning(at(50.0)) == (
        "its clock is 200 MHz, 50 MHz are predicted, and the same cycles give 20,000.0 frames/s there"
    )
    for reached in (prediction, at(None), at(200.0), at(201.0)):
        assert not any(fact.label.startswith("at ") for fact in facts(reached))
        assert clock_warning(reached) == ""


def test_the_bottleneck_is_what_is_occupied_longest(prediction: Prediction) -> None:
    def of(busy: Busy) -> str:
        layer = dataclasses.replace(prediction.layers[0], cycles=Cycles(array=900, load=100), busy=busy)
        return bottleneck_in_words(dataclasses.replace(prediction, layers=(layer,)))

    assert of(Busy(load=950, store=40, compute=900)) == (
        "memory: the memory port is busy 95.0% of the time; next compute, 90.0%"
    )
    assert of(Busy(store=950, compute=900)).startswith("memory: ")
    assert of(Busy(vector=910, compute=900)).startswith("vector: the lanes are busy 91.0%")
    assert of(Busy(load=100, compute=900)).startswith("compute: the PE array is busy 90.0% of the time")
    assert bottleneck_in_words(dataclasses.replace(prediction, layers=())) == "none: nothing runs"


def test_the_cycle_table_sums_to_its_total(prediction: Prediction) -> None:
    table = cycle_table(prediction)
    assert sum(int(row[1].replace(",", "")) for row in table.rows) == 5000
    assert table.footer[0][1] == "5,000"
    assert [row[0] for row in table.rows] == [words for words, _ in CYCLE_WORDS.values()]


def test_every_field_has_its_words(prediction: Prediction) -> None:
    assert set(TRAFFIC_WORDS) == {f.name for f in dataclasses.fields(prediction.traffic)}
    assert set(ENERGY_WORDS) == {f.name for f in dataclasses.fields(prediction.energy)}


def test_a_prediction_is_never_called_a_measurement(prediction: Prediction) -> None:
    assert "predicted, not measured" in summary_table(prediction).title
