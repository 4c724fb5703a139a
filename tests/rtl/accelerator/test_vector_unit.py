"""Route, gather and scatter-add against the reference, and lanes between them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
import torch

from tests.rtl.accelerator.engine_bench import Engine, EngineBench
from tests.rtl.accelerator.parts_model import PartPlaces
from vitaccel.backends.rtl.blocks.softmax import powers_of, reciprocal_of
from vitaccel.ir.parameters import encode_sets
from vitaccel.ir.plan import ROUTER_FRACTION_BITS
from vitaccel.reference.fixed_point import round_shift, saturate
from vitaccel.reference.reciprocal import Reciprocal
from vitaccel.reference.rsqrt import Rsqrt
from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.expert_pace import route_interval, scatter_interval
from vitaccel_rtl.accelerator.expert_times import gather_cycles, route_cycles, scatter_cycles
from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.accelerator.vector_pace import vector_pace
from vitaccel_rtl.accelerator.vector_unit import VectorUnit
from vitaccel_rtl.latency import SLOTS
from vitaccel_sim.traffic.routing import KINDS, RoutingJob, random_job

WORDS, SETS = 4096, 48
LOGITS, X, SUMS, GATHERED, RESULTS = 0, 256, 768, 1280, 2304
"""Where everything begins."""

Bytes = npt.NDArray[np.uint8]


class Watched(Engine):
    """Notes the lengths that are told."""

    def tick(self) -> None:
        io = self.model.io
        if io.queue_write:
            self.told[io.queue_slot] = io.queue_blocks
        super().tick()

    told: dict[int, int]


@cache
def engine_of(side: int, count: int) -> Watched:
    root, words = Rsqrt(), Parts(count=count, words=WORDS).words_of_all
    unit = VectorUnit(
        side=side,
        words=WORDS,
        sets=SETS,
        parts=count,
        router={**powers_of(ROUTER_FRACTION_BITS), "reciprocal": reciprocal_of(Reciprocal())},
        table=root.table,
        entry_bits=root.entry_bits,
        centre=root.centre,
    )
    engine = Watched(EngineBench(unit, side=side, words=words, sets=SETS, first_read=3, first_write=2), seed=side)
    engine.told = {}
    return engine


def up(words: int) -> int:
    return -(-words // SLOTS) * SLOTS


@dataclass
class Layer:
    """A layer of experts: its routing, its places, and what its instructions make of a memory."""

    side: int
    job: RoutingJob
    channels: int
    multiplier: int
    shift: int
    count: int = 1

    @property
    def places(self) -> PartPlaces:
        return PartPlaces(Parts(count=self.count, words=WORDS), self.side)

    @property
    def plane(self) -> int:
        return up(self.places.words_of(self.channels))

    def words(self, address: int, channels: int) -> npt.NDArray[np.int64]:
        """Places of the words of a row-block."""
        return np.array([self.places.of_word(address, channel) for channel in range(channels)], np.int64)

    def most(self, expert: int) -> int:
        return -(-self.job.length(expert) // self.side)

    def put_logits(self, memory: Bytes) -> None:
        plane = up(self.places.words_of(self.job.experts))
        rows = np.zeros((self.job.row_blocks * self.side, self.job.experts), np.int64)
        for token, logits in enumerate(self.job.logits.numpy()):
            rows[self.row(token)] = logits
        for block in range(self.job.row_blocks):
            words = rows[block * self.side : (block + 1) * self.side].T
            at = self.words(LOGITS + 2 * plane * block, self.job.experts)
            memory[at], memory[at + plane] = words & 255, words >> 8 & 255

    def row(self, token: int) -> int:
        frame, place = divmod(token, self.job.frame_tokens)
        return frame * -(-self.job.frame_tokens // self.side) * self.side + place

    def route(self) -> dict[str, int]:
        job, plane = self.job, up(self.places.words_of(self.job.experts))
        return {
            "logits": LOGITS, "logits_step": 2 * plane, "logits_plane": plane, "row_blocks": job.row_blocks,
            "tokens": job.tokens, "frame_tokens": job.frame_tokens, "experts": job.experts, "choices": job.k,
            "capacity": job.capacity, "by_choice": job.order == "choice", "over_chosen": job.over_chosen,
            "interval": route_interval(side=self.side, experts=job.experts, choices=job.k, over_chosen=job.over_chosen,
                                       has_lines=ROUTER_FRACTION_BITS == 8),
        }  # fmt: skip

    def gather(self, expert: int, place: int) -> dict[str, int]:
        tiles = -(-self.channels // self.side)
        return {
            "expert": expert, "has_expert": 1, "a": X, "a_step": up(self.job.tokens), "tiles": tiles,
            "last_channels": self.channels - (tiles - 1) * self.side, "out": GATHERED + place, "out_step": self.plane,
        }  # fmt: skip

    def do_gather(self, memory: Bytes, expert: int, place: int) -> None:
        step, tiles = up(self.job.tokens), -(-self.channels // self.side)
        tokens = np.zeros((self.most(expert) * self.side, tiles * self.side), np.uint8)
        for at, entry in enumerate(self.job.entries(expert)):
            at_tiles = [self.places.of_token(X, step, tile, entry["token"]) for tile in range(tiles)]
            tokens[at] = memory[at_tiles].reshape(-1)
        for block in range(self.most(expert)):
            words = tokens[block * self.side : (block + 1) * self.side, : self.channels].T
            memory[self.words(GATHERED + place + block * self.plane, self.channels)] = words

    def scatter(self, expert: int, place: int) -> dict[str, int]:
        return {
            "expert": expert, "has_expert": 1, "a": RESULTS + place, "a_step": 2 * self.plane, "a_plane": self.plane,
            "channels": self.channels, "out": SUMS, "out_step": 2 * self.plane, "out_plane": self.plane, "sets": 3,
            "interval": scatter_interval(self.channels),
        }  # fmt: skip

    def negate(self) -> dict[str, int]:
        """Sums times -1, by a set for each channel."""
        pace = vector_pace(side=self.side, function="mul", channels=self.channels, last_rows=self.side, a_is_wide=True)
        return {
            "function": isa.LANE_FUNCTIONS.index("mul"), "a_is_wide": 1, "is_wide": 1, "channels": self.channels,
            "row_blocks": self.job.row_blocks, "last_rows": self.side, "tiles": 1, "a": SUMS, "sets": 8,
            "a_step": 2 * self.plane, "a_plane": self.plane, "out": SUMS, "out_step": 2 * self.plane,
            "out_plane": self.plane, "interval": pace.interval, "scale": pace.scale, "result": pace.result,
        }  # fmt: skip

    def do_negate(self, memory: Bytes) -> None:
        self.put_sums(memory, saturate(-torch.from_numpy(self.codes(memory, SUMS, self.job.row_blocks)), 16).numpy())

    def put_sums(self, memory: Bytes, sums: npt.NDArray[np.int64]) -> None:
        for block in range(self.job.row_blocks):
            words = sums[block * self.side : (block + 1) * self.side].T
            at = self.words(SUMS + block * 2 * self.plane, self.channels)
            memory[at], memory[at + self.plane] = words & 255, words >> 8 & 255

    def codes(self, memory: Bytes, first: int, blocks: int) -> npt.NDArray[np.int64]:
        """Rows of int16."""
        rows = []
        for block in range(blocks):
            at = self.words(first + block * 2 * self.plane, self.channels)
            low, high = memory[at].astype(np.int64), memory[at + self.plane].view(np.int8).astype(np.int64)
            rows.append((low + 256 * high).T)
        return np.concatenate(rows)

    def do_scatter(self, memory: Bytes, expert: int, place: int) -> None:
        if not self.job.length(expert):
            return
        sums, results = (
            self.codes(memory, SUMS, self.job.row_blocks),
            self.codes(memory, RESULTS + place, self.most(expert)),
        )
        for at, entry in enumerate(self.job.entries(expert)):
            product = torch.from_numpy(results[at] * entry["score"] * self.multiplier)
            added = torch.from_numpy(sums[entry["row"]]) + round_shift(product, 16 + self.shift)
            sums[entry["row"]] = saturate(added, 16).numpy()
        self.put_sums(memory, sums)


def run(layer: Layer, rng: random.Random, *, lanes: bool = False, interval: int = 0) -> list[tuple[int, int]]:
    """Route, gather and scatter for all experts, and compare the whole memory.

    With *lanes*, these negate the sums before and after every scatter-add; *interval* is another one.
    """
    engine, words = engine_of(layer.side, layer.count), layer.places.parts.words_of_all
    memory = np.frombuffer(rng.randbytes(words * layer.side), np.uint8).reshape(words, layer.side).copy()
    layer.put_logits(memory)
    engine.load(memory)
    sets = np.zeros((SETS, 8), np.uint8)
    sets[3] = encode_sets([0], [layer.multiplier], layer.shift).reshape(-1, 8)
    sets[8:] = encode_sets([0], [-(1 << 16)], 16).reshape(-1, 8)
    engine.load_sets(sets)
    engine.told.clear()
    program = [(isa.ROUTE, layer.route())]
    place, room = 0, 0
    for expert in range(layer.job.experts):
        if room + layer.most(expert) * 2 * layer.plane > WORDS - RESULTS:
            room = 0
        if place + layer.most(expert) * layer.plane > RESULTS - GATHERED:
            place = 0
        program += [(isa.GATHER, layer.gather(expert, place)), (isa.SCATTER_ADD, layer.scatter(expert, room))]
        if interval:
            program[-1][1]["interval"] = interval
        if lanes:
            program.append((isa.LANE, layer.negate()))
            program.insert(-2, (isa.LANE, layer.negate()))
            layer.do_negate(memory)
        layer.do_gather(memory, expert, place)
        layer.do_scatter(memory, expert, room)
        if lanes:
            layer.do_negate(memory)
        place += layer.most(expert) * layer.plane
        room += layer.most(expert) * 2 * layer.plane
    times = engine.run(*program, limit=200_000)
    engine.to_phase(0)
    for _ in range(2 * SLOTS):
        engine.tick()
    found = engine.look(words)
    assert engine.told == {slot: layer.most(slot) for slot in range(layer.job.experts)}
    np.testing.assert_array_equal(found, memory)
    return times


def layer_of(side: int, rng: random.Random, kind: str, experts: int = 6, **fixed: int) -> Layer:
    sizes = {"lanes": side, "row_blocks": 6, "tokens": 5 * side, "experts": experts, "k": 2}
    job = random_job({**sizes, "fraction_bits": ROUTER_FRACTION_BITS}, rng, kind, **fixed)
    channels = rng.choice([1, side - 1, side, 2 * side, 2 * side + 3, 24])
    return Layer(side, job, channels, rng.choice((-1, 1)) * rng.randint(1 << 14, (1 << 17) - 1), rng.randint(14, 18))


@pytest.mark.parametrize("side", [5, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_of_experts(side: int, kind: str, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(3):
        run(layer_of(side, rng, kind), rng)


@pytest.mark.parametrize("side", [5, 8])
def test_lanes_and_experts_take_turns(side: int, seed: int) -> None:
    """What the lanes do is there before a queue's tokens are moved, and the other way round."""
    rng = random.Random(seed)
    for kind in KINDS:
        run(layer_of(side, rng, kind), rng, lanes=True)


def test_more_channels_than_a_row_of_results_has(seed: int) -> None:
    """A sum is read again while results of the same row-block are on their way: an interval too short is seen."""
    rng = random.Random(seed)
    layer = layer_of(8, rng, "one expert", tokens=40, frame_tokens=40, over_chosen=False, capacity=0)
    layer.channels = 8
    run(layer, rng)
    with pytest.raises(AssertionError):
        run(layer, rng, interval=2)


def check_cycles(layer: Layer, times: list[tuple[int, int]]) -> None:
    """Require that all instructions took what the formulas say."""
    side, job, tiles = layer.side, layer.job, -(-layer.channels // layer.side)
    expected = [
        route_cycles(
            side=side, tokens=job.tokens, frame_tokens=job.frame_tokens, experts=job.experts, k=job.k,
            most_experts=isa.MOST_EXPERTS, over_chosen=job.over_chosen, has_lines=ROUTER_FRACTION_BITS == 8,
            interval=layer.route()["interval"],
        )
    ]  # fmt: skip
    for expert in range(job.experts):
        length = job.length(expert)
        expected.append(gather_cycles(length, side=side, tiles=tiles))
        interval = scatter_interval(layer.channels)
        expected.append(scatter_cycles(length, channels=layer.channels, interval=interval))
    assert [done - accepted for accepted, done in times] == expected


@pytest.mark.parametrize("side", [5, 8])
def test_cycles_are_those_of_the_formulas(side: int, seed: int) -> None:
    rng = random.Random(seed)
    for kind in KINDS:
        layer = layer_of(side, rng, kind)
        check_cycles(layer, run(layer, rng))


@pytest.mark.parametrize(
    ("side", "count"),
    [(4, 3), *(pytest.param(*at, marks=pytest.mark.full) for at in ((5, 2), (8, 3), (12, 3), (16, 2)))],
)
def test_words_of_several_parts_and_the_cycles_of_one(side: int, count: int, seed: int) -> None:
    """Logits of more experts than a tile has words, and tiles of tokens, results and sums in parts of their own."""
    rng = random.Random(seed)
    for kind in rng.sample(KINDS, 3):
        layer = layer_of(side, rng, kind, experts=rng.choice((6, 8, 17, 24, 32)))
        layer.count, layer.channels = count, rng.choice((side, 2 * side + 3, 3 * side + 9, 4 * side))
        check_cycles(layer, run(layer, rng))
