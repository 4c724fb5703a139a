"""Verification, on a machine that copies: what is right is right, and what is wrong is told where it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.sim.accelerator.loopback import BREAKS, INSIDE, REGISTERS, WRONG_WORD, loopback_model, program
from vitaccel.arch import Arch
from vitaccel.backends.rtl.memory_map import MappedTensor, MemoryMap, Runs
from vitaccel.ir.layout import to_bytes
from vitaccel_rtl.dma_timing import Job
from vitaccel_rtl.verilog import Verilog
from vitaccel_sim.accelerator import verify as module
from vitaccel_sim.accelerator.behaviour import MemoryBehaviour
from vitaccel_sim.accelerator.findings import ImageResult
from vitaccel_sim.accelerator.verify import POISON, Expected, Hardware, Verifier, verify
from vitaccel_sim.model import Model

POINT = {"data_bits": 64, "word_bytes": 8, "burst_beats": 16, "outstanding": 4}
TOKENS, CHANNELS, WORDS = 19, 11, 3 * 11
SIZE = 8 * WORDS
SOURCE, DESTINATION, DRAM_BYTES = 0x1000, 0x2000, 0x3000
SHAPE = {"layout": "token", "frames": 1, "tokens": TOKENS, "channels": CHANNELS, "element_bytes": 1, "dram_bytes": SIZE}


def mapped(name: str, kind: str, dram: int, number: int, completed: tuple[int, int, int, int]) -> MappedTensor:
    runs = Runs(address=0, count=3, words=CHANNELS, step_words=CHANNELS) if kind == "activation" else None
    return MappedTensor(
        name=name, layer=kind, kind=kind, dram=dram, runs=runs, instruction=number, completed=completed, **SHAPE
    )


MAP = MemoryMap(
    name="copy",
    side=8,
    memory_bytes=DRAM_BYTES,
    program=0,
    program_bytes=16,
    weights=64,
    weights_bytes=3,
    inputs=("x",),
    outputs=("y",),
    tensors=(
        mapped("x", "input", SOURCE, -1, (0, 0, 0, 0)),
        mapped("h", "activation", -1, 0, (1, 0, 0, 0)),
        mapped("y", "output", DESTINATION, 1, (0, 0, 0, 1)),
    ),
    layers=(("activation", 1), ("output", 1)),
    macs=640,
    pes=64,
)


class Copying(Hardware):
    """The machine that copies, built once for all tests."""

    def model(self, *, waves: bool = False) -> Model:
        return loopback_model(POINT, waves=waves)


HARDWARE = Copying(
    verilog=Verilog(name="vitaccel", text="", ports=()),
    registers=REGISTERS,
    memory=MAP,
    program=program(Job(address=SOURCE, row_bytes=SIZE), DESTINATION),
    weights=b"abc",
    inside=INSIDE,
)


def images(seed: int, count: int = 1, cycles: int | None = None) -> list[Expected]:
    """Return images that are copied."""
    generator = np.random.default_rng(seed)
    values = generator.integers(-128, 128, (count, 1, TOKENS, CHANNELS))
    return [Expected(inputs={"x": x}, outputs={"y": x}, taps={"h": x}, cycles=cycles) for x in values]


@pytest.fixture
def one_run_a_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue begins at its beginning only after a reset."""
    run = Verifier.run

    def after_reset(self: Verifier, *given: object, **named: object) -> ImageResult:
        self.accelerator.system.reset()
        if broken := getattr(HARDWARE, "broken", 0):
            self.accelerator.write("broken", broken)
        return run(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Verifier, "run", after_reset)


@pytest.mark.usefixtures("one_run_a_reset")
@pytest.mark.parametrize("stalls", [{}, {"r": 0.3, "w": 0.3}])
def test_what_is_right_is_right(stalls: dict[str, float], seed: int) -> None:
    behaviour = MemoryBehaviour(latency_cycles=9, stalls=stalls)
    heard: list[int] = []
    found = verify(HARDWARE, images(seed, 3), behaviour=behaviour, progress=lambda done, _: heard.append(done))
    assert found.is_equal
    assert found.is_right
    assert found.cycles_are_equal is None
    record = found.record()
    assert (record["equal"], record["images"], record["tensors"], record["top1"]) == (True, 3, 2, None)
    assert record["cycles_measured"] == sum(result.cycles for result in found.results) > 0
    assert record["utilization"] == pytest.approx(3 * 640 / (64 * record["cycles_measured"]))
    assert record["simulated_cycles_per_s"] > 0
    assert heard == [1, 2, 3]


@pytest.mark.usefixtures("one_run_a_reset")
def test_cycles_are_compared_under_a_fixed_memory(seed: int) -> None:
    (plain,) = verify(HARDWARE, images(seed)).results
    right = verify(HARDWARE, images(seed, 2, plain.cycles))
    assert right.cycles_are_equal
    assert right.record()["cycles_predicted"] == 2 * plain.cycles
    late = verify(HARDWARE, images(seed, 2, plain.cycles - 1))
    assert late.is_equal
    assert late.cycles_are_equal is False
    assert not late.is_right
    stalled = verify(HARDWARE, images(seed, 1, 1), behaviour=MemoryBehaviour(stalls={"r": 0.5}))
    assert stalled.is_right


@pytest.mark.usefixtures("one_run_a_reset")
def test_the_first_wrong_number_is_told_and_a_waveform_written(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Copying, "broken", BREAKS.index("wrong word"), raising=False)
    (image,) = images(seed)
    (result,) = verify(HARDWARE, [image], waveforms=tmp_path).results
    block, channel = divmod(WRONG_WORD, CHANNELS)
    token = 8 * block + 2
    value = int(image.inputs["x"][0, token, channel])
    wrong = (value ^ 2) if value >= 0 else -((-value - 1) ^ 2) - 1
    assert str(result.mismatch) == (
        f"instruction 0 (activation): h must be {value} at token {token}, channel {channel}, not {wrong} "
        "(1 numbers are wrong)"
    )
    assert result.waveform == tmp_path / "mismatch_0.vcd"
    assert "m_axi_rdata" in result.waveform.read_text()
    assert not verify(HARDWARE, [image]).is_right


@pytest.mark.usefixtures("one_run_a_reset")
@pytest.mark.parametrize("wrong", ["h", "y"])
def test_one_number_that_differs_is_told_of_its_tensor(wrong: str, seed: int) -> None:
    (image,) = images(seed)
    other = image.inputs["x"].copy()
    other[0, 18, 10] ^= 1
    changed = {"taps": {"h": other}} if wrong == "h" else {"outputs": {"y": other}}
    (result,) = verify(HARDWARE, [Expected(**{**vars(image), **changed})]).results
    assert result.mismatch is not None
    assert (result.mismatch.tensor, result.mismatch.token, result.mismatch.channel) == (wrong, 18, 10)


@pytest.mark.usefixtures("one_run_a_reset")
def test_a_run_that_fails_is_told_and_the_next_is_right(seed: int) -> None:
    verifier = Verifier(HARDWARE, behaviour=MemoryBehaviour())
    (image,) = images(seed)
    verifier.accelerator.system.refuse(SOURCE, SOURCE + 8, 2)
    result = verifier.run(image)
    assert result.failure == "a run must end without an error, not with 'read'"
    assert (result.is_equal, result.cycles) == (False, 0)
    verifier.accelerator.system.accept_all()
    assert verifier.run(image).is_equal


@pytest.mark.usefixtures("one_run_a_reset")
def test_a_run_that_fails_has_a_waveform_of_its_end(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Copying, "broken", BREAKS.index("no last"), raising=False)
    (result,) = verify(HARDWARE, images(seed), waveforms=tmp_path).results
    assert "m_axi W: no WLAST with beat 16 of a burst" in result.failure
    assert result.waveform is not None
    assert len(result.waveform.read_text()) > 1000


def test_a_run_that_does_not_end_is_given_up(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST_LIMIT_CYCLES", 100)
    (result,) = verify(HARDWARE, images(seed, cycles=1)).results
    assert result.failure == "a run must end within 100, and this one did not"


def test_outputs_of_an_earlier_run_do_not_count(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program does nothing: the output is still there, and is not taken for the result of this run."""
    verifier = Verifier(HARDWARE, behaviour=MemoryBehaviour())
    (image,) = images(seed)
    raw = to_bytes(image.outputs["y"], MAP.tensor("y").tensor, Arch())
    verifier.accelerator.load(DESTINATION, raw.tobytes())
    monkeypatch.setattr(verifier.accelerator, "start", lambda _: None)
    monkeypatch.setattr(verifier.accelerator, "wait", lambda _: None)
    monkeypatch.setattr(verifier._observer, "tensors", lambda *_: iter(()))
    result = verifier.run(image)
    assert result.mismatch is not None
    assert verifier.accelerator.fetch(DESTINATION, SIZE) == bytes([POISON]) * SIZE
