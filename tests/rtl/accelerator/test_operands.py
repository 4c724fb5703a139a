"""Both operands of a tile at the array in the same cycles, from wherever they come, and the sets behind the weights."""

from __future__ import annotations

import random
from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from tests.rtl.accelerator.slot_bench import SLOTS, Port, simulate
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_formats import SET_BYTES
from vitaccel_rtl.accelerator.operands import Operands
from vitaccel_rtl.accelerator.slot_buffer import SlotBuffer

SIDE, WORDS, WEIGHTS = 4, 128, 64
NUMERATORS = 0x80FF_7F01
"""What A is where it is made of logits."""


class Fed(wiring.Component):
    """The operands with a buffer in front of them."""

    def __init__(self) -> None:
        super().__init__({})
        self.part = Operands(side=SIDE, words=WORDS, weight_words=WEIGHTS)
        self.buffer = SlotBuffer(side=SIDE, words=WORDS)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.part, m.submodules.buffer = self.part, self.buffer
        phase = Signal(3)
        m.d.sync += phase.eq(phase + 1)
        m.d.comb += [self.part.phase.eq(phase), self.buffer.phase.eq(phase), self.part.numerators.eq(NUMERATORS)]
        for client, port in enumerate(self.part.memories):
            wiring.connect(m, port, self.buffer.reads[client])
        return m


def port(part: Any, name: str) -> Port:
    return Port(getattr(part, name))


def test_pairs_of_words_come_at_the_array_from_buffers_weights_and_logits(seed: int) -> None:
    rng = random.Random(seed)
    machine = Fed()
    part, client = machine.part, machine.buffer.writes[4]
    content, weights = ([rng.getrandbits(8 * SIDE) for _ in range(count)] for count in (WORDS, WEIGHTS))
    valid, line, word = (port(client, name) for name in ("valid", "line", "word"))
    to = [port(part, f"write_{name}") for name in ("valid", "address", "word")]
    drives: list[dict[Port, int]] = []
    for cycle in range(WORDS):
        of = cycle // SLOTS * SLOTS + (cycle + 4) % SLOTS
        drives.append({valid: 1, line: of // SLOTS, word: content[of]})
        if cycle < WEIGHTS:
            drives[-1] |= dict(zip(to, (1, cycle, weights[cycle]), strict=True))
    drives += [{} for _ in range(300)]
    start, has_sets = port(part, "start"), port(part, "has_sets")
    fields = {name: Port(getattr(part.operands, name)) for name in ("a", "b", "depth", *FLAGS)}
    tiles = [
        {"a": 13, "b": 5, "depth": 11, "sets": 1},
        {"a": 64, "b": 43, "depth": 6, "b_is_activation": 1, "by_rows": 1},
        {"a": 3, "b": 90, "depth": 17, "from_logits": 1, "b_is_activation": 1},
        {"a": 100, "b": 30, "depth": 4},
    ]
    begin = WORDS + SLOTS
    expected: dict[int, tuple[int, ...]] = {}
    sets: dict[int, tuple[int, int]] = {}
    for tile in tiles:
        drives[begin] |= {start: 1, has_sets: tile.get("sets", 0)}
        drives[begin] |= {port: tile.get(name, 0) for name, port in fields.items()}
        for k in range(tile["depth"]):
            a = NUMERATORS if tile.get("from_logits") else content[tile["a"] + k]
            b = (content if tile.get("b_is_activation") else weights)[tile["b"] + k]
            last = k == tile["depth"] - 1
            expected[begin + latency.READ_RUN + k] = (a, b, tile.get("from_logits", 0), tile.get("by_rows", 0), last)
        if tile.get("sets"):
            first = begin + latency.READ_RUN + tile["depth"]
            sets = {first + n: (n == 0, weights[tile["b"] + tile["depth"] + n]) for n in range(SET_BYTES)}
        begin += SLOTS * -(-(tile["depth"] + 7 + SET_BYTES) // SLOTS)
    probes = [part.valid, part.a, part.b, part.unsigned, part.by_rows, part.last]
    probes += [part.set_valid, part.set_begins, part.set_word]
    mask = (1 << 8 * SIDE) - 1
    for cycle, (is_valid, a, b, unsigned, by_rows, last, *of_set) in enumerate(simulate(machine, drives, probes)):
        assert is_valid == (cycle in expected), f"cycle {cycle}"
        if is_valid:
            assert (a & mask, b & mask, unsigned, by_rows, last) == expected[cycle], f"cycle {cycle}"
        assert of_set[0] == (cycle in sets), f"cycle {cycle}"
        if of_set[0]:
            assert (of_set[1], of_set[2]) == sets[cycle]


FLAGS = ("from_logits", "b_is_activation", "by_rows")
"""Fields of a tile that say where its operands come from."""
