"""A better machine is never slower: memory, clock, weight and logit buffers; and what is true of the others.

The passes read no timing, so a faster memory or clock runs the same Program; every start is a maximum of sums of
durations, so no duration that shrinks can make anything later. Buffers change the Program: those laws are measured.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from vitaccel.arch import Arch
from vitaccel.backends.cost_model.result import Prediction
from vitaccel.compiler import compile_model, predict_compiled, simulate
from vitaccel.errors import CapacityError
from vitaccel.frontend import ImportedModel

MODELS = ("vit-micro", "lookupvit-micro", "m3vit-micro", "vmoe-micro", "hybrid-micro")
SLOW = {"memory.peak_bytes_per_s": "3e8", "memory.latency_cycles": "200"}
MACHINES = {
    "default": Arch(),
    "slow memory": Arch().with_settings(SLOW),
    "two arrays of 5x5": Arch().with_pe("2x5x5").with_settings(SLOW),
    "spills": Arch().with_settings({"buffers.activation_bytes": "24576", "memory.peak_bytes_per_s": "5e8"}),
}
# Not 7 ports: with them vit-micro takes a cycle more on two arrays of 5x5 than with 3.
SAME_PROGRAM = {
    "memory.bus_bits": ("32", "64", "128", "256", "512"),
    "memory.ports": ("1", "2", "3", "4", "8"),
    "memory.outstanding": ("1", "2", "3", "16"),
    "memory.latency_cycles": ("1000", "256", "65", "3", "0"),
    "memory.peak_bytes_per_s": ("1e8", "4e8", "1e9", "3.3e9", "1e12", "0"),
    "memory.efficiency": ("0.1", "0.5", "0.77", "1"),
}
OTHER_PROGRAM = {
    "buffers.weight_bytes": tuple(map(str, (1024, 1500, 2048, 3000, 4096, 6000, 8192, 16384, 65536, 131072))),
    "buffers.logit_bytes": tuple(map(str, (1024, 1500, 2048, 4096, 65536))),
}

Imported = Callable[..., ImportedModel]


def never_slower(predictions: dict[str, Prediction]) -> None:
    for (small, before), (large, after) in pairwise(predictions.items()):
        assert after.latency_s <= before.latency_s, f"{small} -> {large}"


@pytest.fixture
def one_shift(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the shift between beats and words take as long on every bus: on a wider one it takes a stage or two more.

    Each wait for a transfer is so much longer; `test_timing` has it alone. Nothing else is slower on a wider bus here.
    """
    monkeypatch.setattr("vitaccel_rtl.dma_latency._shift", lambda _places: 6)


@pytest.mark.usefixtures("one_shift")
@pytest.mark.parametrize("key", SAME_PROGRAM)
@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("model", MODELS)
def test_a_better_memory_runs_the_same_program_and_is_never_slower(
    model: str, machine: str, key: str, imported: Imported
) -> None:
    predictions = {}
    programs = []
    for value in SAME_PROGRAM[key]:
        compiled = compile_model(imported(model), MACHINES[machine].with_settings({key: value}))
        predictions[value] = predict_compiled(compiled)
        programs.append(compiled.program.instructions)
    assert all(program == programs[0] for program in programs)
    never_slower(predictions)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("model", MODELS)
def test_a_clock_twice_as_fast_is_never_slower(model: str, machine: str, imported: Imported) -> None:
    """By whole factors: a transfer takes whole cycles, and those of a clock 1.5 times as fast may round up more."""
    clocks = ("5e7", "1e8", "2e8", "4e8", "1.6e9")
    arch = MACHINES[machine]
    never_slower({hz: simulate(imported(model), arch.with_settings({"frequency_hz": hz})) for hz in clocks})


@pytest.mark.parametrize("key", OTHER_PROGRAM)
@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("model", MODELS)
def test_a_larger_weight_or_logit_buffer_is_never_slower(
    model: str, machine: str, key: str, imported: Imported
) -> None:
    predictions = {}
    for value in OTHER_PROGRAM[key]:
        try:
            predictions[value] = simulate(imported(model), MACHINES[machine].with_settings({key: value}))
        except CapacityError:
            assert not predictions, "what fits a small buffer fits a larger one"
    assert len(predictions) > 2
    never_slower(predictions)


@pytest.mark.parametrize("pe", ["8x8", "2x5x5"])
@pytest.mark.parametrize("model", MODELS)
def test_a_larger_activation_buffer_never_moves_more_bytes(model: str, pe: str, imported: Imported) -> None:
    """It can be slower: what streams in runs of rows also overlaps with the lanes row by row, what stays does not."""
    moved = []
    for size in range(8000, 60_000, 4000):
        arch = Arch().with_pe(pe).with_settings({"buffers.activation_bytes": str(size)})
        try:
            moved.append(simulate(imported(model), arch).traffic.total_bytes)
        except CapacityError:
            assert not moved, "what fits a small buffer fits a larger one"
    assert moved == sorted(moved, reverse=True)


@pytest.mark.parametrize("pe", ["8x8", "4x4"])
@pytest.mark.parametrize("model", MODELS)
def test_several_arrays_accumulate_faster_than_one(model: str, pe: str, imported: Imported) -> None:
    """One array more may be slower: heads are filled up to whole rounds of all, and so are the matmuls around them.

    Where P is odd, even two may be: a head takes eight tiles, and these models' heads have fewer.
    """
    cycles = [simulate(imported(model), Arch().with_pe(f"{count}x{pe}")).cycles.array for count in range(1, 7)]
    assert all(cycles[0] > more for more in cycles[1:])
