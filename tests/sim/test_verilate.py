"""Verilated components in this process: a counter, a FIFO, wide ports, and builds that are made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.verilog import Verilog
from vitaccel_sim import verilate
from vitaccel_sim.model import Model
from vitaccel_sim.verilate import BuildError, build


class Counter(wiring.Component):
    """Counts cycles in which it is enabled; ``next`` follows the input within the cycle."""

    def __init__(self) -> None:
        super().__init__({"enable": In(1), "count": Out(8), "next": Out(8)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.next.eq(self.count + self.enable)
        m.d.sync += self.count.eq(self.next)
        return m


class Queue(wiring.Component):
    """Amaranth's FIFO of 100-bit words as a stream component."""

    def __init__(self, *, depth: int) -> None:
        self.depth = depth
        super().__init__({"i": In(stream.Signature(100)), "o": Out(stream.Signature(100))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.fifo = queue = fifo.SyncFIFOBuffered(width=100, depth=self.depth)
        wiring.connect(m, wiring.flipped(self.i), queue.w_stream)
        wiring.connect(m, wiring.flipped(self.o), queue.r_stream)
        return m


class Reversed(wiring.Component):
    """Bits in reverse order, a cycle later: every port width has its own C++ type."""

    def __init__(self, *, width: int) -> None:
        self.width = width
        super().__init__({"i": In(width), "o": Out(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.o.eq(Cat(*reversed(self.i)))
        return m


class Recorder(wiring.Component):
    """Writes its input into the next of six places."""

    def __init__(self, *, width: int) -> None:
        self.width = width
        super().__init__({"i": In(width), "o": Out(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(shape=self.width, depth=6, init=[])
        write, read = memory.write_port(), memory.read_port()
        place = Signal(range(6))
        m.d.sync += place.eq(Mux(place == 5, 0, place + 1))
        m.d.comb += [write.addr.eq(place), write.data.eq(self.i), write.en.eq(1), read.addr.eq(place)]
        m.d.comb += [read.en.eq(1), self.o.eq(read.data)]
        return m


@pytest.fixture(scope="module")
def queue() -> Model:
    return build(Queue(depth=6), name="queue")


def test_a_counter_counts() -> None:
    counter = build(Counter(), name="counter")
    assert set(dir(counter.io)) == {"clk", "rst", "enable", "count", "next"}
    counter.clock.tick(3)
    assert counter.io.count == 0
    counter.io.enable = 1
    assert counter.io.next == 1, "combinational outputs follow inputs without a clock edge"
    counter.clock.tick(300)
    assert counter.io.count == 300 % 256
    counter.reset()
    assert (counter.io.count, counter.io.next) == (0, 1)


def test_two_models_of_one_library_are_apart() -> None:
    first, second = build(Counter(), name="counter"), build(Counter(), name="counter")
    first.io.enable = 1
    first.clock.tick(5)
    second.clock.tick(5)
    assert (first.io.count, second.io.count) == (5, 0)


@pytest.mark.parametrize("width", [1, 33, 65])
def test_ports_of_every_width(width: int, seed: int) -> None:
    model = build(Reversed(width=width), name="mirror")
    for value in [*np.random.default_rng(seed).integers(0, 2**31, 20).tolist(), 0, 2**width - 1, 1]:
        word = value * value % 2**width
        model.io.i = word
        model.clock.tick()
        assert model.io.o == int(f"{word:0{width}b}"[::-1], 2)


@pytest.mark.parametrize("width", [7, 40, 100])
def test_a_memory_inside_can_be_looked_at(width: int, seed: int) -> None:
    model = build(Recorder(width=width), name="recorder", visible=("memory", "place"))
    memory, place = model.variable("recorder", "memory"), model.variable("recorder", "place")
    assert memory.shape[0] == 6
    assert place.shape == (1, 1)
    rng = np.random.default_rng(seed)
    words = [int.from_bytes(rng.bytes(13), "little") % 2**width for _ in range(6)]
    for at, word in enumerate(words):
        assert place[0, 0] == at
        model.io.i = word
        model.clock.tick()
    assert [int.from_bytes(entry.tobytes(), "little") for entry in memory] == words
    with pytest.raises(
        ValueError, match=r"^other of recorder must be a name that the build makes visible, and is not$"
    ):
        model.variable("recorder", "other")


def test_a_model_that_goes_leaves_the_names_of_another() -> None:
    gone = build(Recorder(width=7), name="recorder", visible=("memory", "place"))
    stays = gone.another(seed=1)
    del gone
    assert stays.variable("recorder", "memory").shape[0] == 6


def test_waveforms_are_of_the_cycles_that_were_asked_for(tmp_path: Path) -> None:
    model = build(Counter(), name="counter", waves=True)
    model.io.enable = 1
    model.trace(tmp_path / "window.vcd", 3, 5)
    model.clock.tick(9)
    text = (tmp_path / "window.vcd").read_text()
    assert [int(line[1:]) for line in text.splitlines() if line.startswith("#")] == [30, 35, 40, 45]
    assert model.cycles == 9
    with pytest.raises(ValueError, match=r"^a waveform must be of a model built with waves, in a file that can be wri"):
        build(Counter(), name="counter").trace(tmp_path / "none.vcd", 0, 1)


def test_a_port_that_is_not_there_is_told() -> None:
    model = build(Counter(), name="counter")
    with pytest.raises(AttributeError, match=r"^port must be one of .*, not 'reset'$"):
        model.io.reset = 1
    with pytest.raises(AttributeError, match=r"^a port that is written must be an input, not 'count'$"):
        model.io.count = 1
    with pytest.raises(ValueError, match=r"^enable must be from 0 to 2\*\*1 - 1, not 2$"):
        model.io.enable = 2


@pytest.mark.parametrize("offer", [(True,), (True, False, False), (False, True)])
@pytest.mark.parametrize("take", [(True,), (False, False, True), (True, True, True, False)])
def test_a_fifo_keeps_words_and_their_order(
    queue: Model, offer: tuple[bool, ...], take: tuple[bool, ...], seed: int
) -> None:
    queue.reset()
    halves = np.random.default_rng(seed).integers(0, 2**50, (200, 2)).tolist()
    words = [high << 50 | low for high, low in halves]
    run = queue.stream(words, len(words), offer=offer, take=take)
    assert run.words == tuple(words)
    assert all(offer[cycle % len(offer)] or run.accepted[n - 1] < cycle for n, cycle in enumerate(run.accepted))
    assert all(take[cycle % len(take)] for cycle in run.taken)
    if offer == take == (True,):
        assert run.cycles == len(words) + int(run.taken[0] - run.accepted[0])


def test_a_stream_that_hangs_ends_at_the_limit(queue: Model) -> None:
    queue.reset()
    run = queue.stream([1, 2, 3], 4, limit_cycles=50)
    assert (run.words, run.cycles) == ((1, 2, 3), 50)
    blocked = queue.stream(list(range(20)), 1, take=(False,), limit_cycles=50)
    assert (blocked.words, len(blocked.accepted)) == ((), 6)


def test_a_build_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "result").write_text("x")

    def place(text: str, option: str = "-O3") -> Path:
        return verilate.cached({"top.sv": text}, ["verilator", option], tmp_path, make)

    first = place("module top; endmodule")
    assert place("module top; endmodule") == first
    assert len(made) == 1
    assert sorted(path.name for path in first.iterdir()) == ["result", "top.sv"]
    others = {place("module top;\nendmodule"), place("module top; endmodule", "-O2")}
    monkeypatch.setattr(verilate, "_compiler", lambda: "another processor")
    others.add(place("module top; endmodule"))
    assert len({first, *others}) == 4
    assert sorted(tmp_path.iterdir()) == sorted({first, *others}), "nothing is left of making them"


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    broken = Verilog(
        name="top", text="module top(input clk, output [3:0] o);\n  assign o = 8'h11;\nendmodule\n", ports=()
    )
    with pytest.raises(BuildError, match="verilator must accept the component, but says: %Warning-WIDTHTRUNC"):
        build(broken, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
