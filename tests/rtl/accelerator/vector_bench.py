"""Lane instructions at random, what they make of a memory, and the engine with its buffers."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tests.rtl.accelerator.engine_bench import MOMENT_BLOCKS, Engine, EngineBench
from tests.rtl.accelerator.parts_model import PartPlaces
from vitaccel.ir.parameters import encode_sets, encode_wide
from vitaccel.reference.elementwise import AddScaled, Multiply
from vitaccel.reference.requantize import ChannelRequantize, Requantize
from vitaccel.reference.rsqrt import Rsqrt
from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.accelerator.vector_engine import VectorEngine
from vitaccel_rtl.accelerator.vector_pace import VectorPace, vector_pace
from vitaccel_rtl.latency import SLOTS
from vitaccel_sim.traffic.layernorm import random_rows
from vitaccel_sim.traffic.layernorm_normalize import some_layer

WORDS, SETS = 2048, 256
OPERANDS = 768
"""Words of operands; results stand behind them."""

FUNCTIONS = ("layernorm", "convert", "copy", "zero", "add", "mul", "activation")

Bytes = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.int64]


@functools.cache
def engine_of(side: int, count: int) -> Engine:
    """Return a vector engine with an activation buffer and a parameter buffer; one for all tests of a process."""
    root, parts = Rsqrt(), Parts(count=count, words=WORDS)
    table = {"table": root.table, "entry_bits": root.entry_bits, "centre": root.centre}
    engine = VectorEngine(side=side, words=WORDS, sets=SETS, parts=count, has_moments=True, **table)
    sizes = {"side": side, "words": parts.words_of_all, "sets": SETS, "arrays": count}
    return Engine(EngineBench(engine, **sizes, first_read=3, first_write=2), seed=side)


@dataclass(frozen=True, kw_only=True)
class Case:
    """An instruction, its times, and the parameter sets that it needs from its ``sets`` on."""

    function: str
    fields: dict[str, int]
    pace: VectorPace
    sets: Bytes
    spec: Any


def roundup(words: int) -> int:
    """Words up to the next multiple of 8."""
    return -(-words // SLOTS) * SLOTS


class Traffic:
    """Random instructions that fit the buffers together: their results do not overlap."""

    def __init__(self, side: int, seed: int, count: int = 1) -> None:
        self.side = side
        self.count, self.places = count, PartPlaces(Parts(count=count, words=WORDS), side)
        self.rng = random.Random(seed)
        self.memory = self._operands()
        self.tables = np.array([self.rng.randint(-(1 << 15), (1 << 15) - 1) for _ in range(512)], np.int64)
        self.next_out, self.next_set = OPERANDS, 0
        self.sets = np.zeros((SETS, 8), np.uint8)
        self.next_moments = 0

    def forget(self) -> None:
        """Begin anew, with other operands."""
        self.memory = self._operands()
        self.next_out, self.next_set = OPERANDS, 0
        self.next_moments = 0

    def _operands(self) -> Bytes:
        """Bytes at random, with some stretches of rows of kinds that a LayerNorm is sensitive to."""
        words = self.places.parts.words_of_all
        return np.frombuffer(self.rng.randbytes(words * self.side), np.uint8).reshape(words, self.side).copy()

    def add_rows(self, a: int, plane: int, channels: int) -> None:
        """Put a row-block of int16 rows of all kinds at *a*."""
        rows = np.array(random_rows(self.rng, self.side, channels)).T.astype(np.uint16)
        words = self.words(a, channels)
        self.memory[words] = rows & 255
        self.memory[words + plane] = rows >> 8

    def words(self, address: int, channels: int, frame: int = 0) -> Codes:
        """Places of the words of a row-block."""
        return np.array([self.places.of_word(address, channel, frame) for channel in range(channels)], np.int64)

    def case(self, function: str, **asked: int) -> Case | None:
        """Return an instruction, with some fields as *asked*; nothing if it does not fit any more."""
        rng, side = self.rng, self.side
        channels = asked.get("channels", rng.choice((1, rng.randint(2, 9), rng.randint(8, 40))))
        row_blocks = asked.get("row_blocks", rng.randint(1, 4))
        wide = asked.get("a_is_wide", rng.randrange(2) if function != "layernorm" else 1)
        has_b = asked.get("has_b", rng.randrange(2)) if function in ("add", "mul") else 0
        by_rows = asked.get("by_rows", rng.randrange(2))
        # Where moments are there before, an instruction does not care which place they have.
        drained = asked.get("has_moments", rng.randrange(2)) if function == "layernorm" else 0
        drained = drained if self.next_moments + row_blocks <= MOMENT_BLOCKS else 0
        is_wide = asked.get("is_wide", rng.randrange(2)) if function != "copy" else wide
        tiles = -(-channels // side)
        last_rows = rng.randint(1, side)
        # A join of channels may begin in any frame of any part.
        joins = self.count > 1 and not by_rows
        before = rng.randrange(2 * self.count * side // SLOTS) if joins else 0
        plane = roundup(self.places.words_of(channels))
        step = plane * (1 + wide)
        fields = {
            "function": isa.LANE_FUNCTIONS.index(function),
            **{"channels": channels, "row_blocks": row_blocks, "last_rows": last_rows, "tiles": tiles},
            **{"a_is_wide": wide, "is_wide": is_wide, "has_b": has_b, "by_rows": by_rows, "table": rng.randrange(2)},
        }
        for operand in "ab":
            first = rng.randrange(0, (OPERANDS - (row_blocks + 1) * step) // SLOTS) * SLOTS
            fields |= {operand: first, f"{operand}_step": step, f"{operand}_plane": plane}
        if by_rows:
            tokens = roundup(row_blocks * side)
            out = {"out_step": side, "out_tile_step": tokens * (1 + is_wide), "out_plane": tokens}
            size = -(-tiles // self.count) * tokens * (1 + is_wide)
        else:
            out_plane = roundup(self.places.words_of(SLOTS * before + channels))
            out = {"out_step": out_plane * (1 + is_wide), "out_plane": out_plane}
            size = row_blocks * out_plane * (1 + is_wide)
        pace = vector_pace(
            side=side, function=function, channels=channels, last_rows=last_rows, a_is_wide=bool(wide),
            has_b=bool(has_b), by_rows=bool(by_rows), has_moments=bool(drained), arrays=self.count,
        )  # fmt: skip
        fields |= {"has_moments": drained, "moments": self.next_moments if drained else 0}
        fields |= {**out, "out": self.places.of_word(self.next_out, SLOTS * before), "sets": self.next_set}
        fields |= {"out_frame": SLOTS * before % side // SLOTS}
        fields |= {"interval": pace.interval, "scale": pace.scale, "result": pace.result}
        spec, sets = self._spec(function, channels, bool(has_b), 16 if is_wide else 8)
        if self.next_out + size > WORDS or self.next_set + len(sets) > SETS:
            return None
        self.sets[self.next_set : self.next_set + len(sets)] = sets
        self.next_out, self.next_set = self.next_out + roundup(size), self.next_set + len(sets)
        self.next_moments += row_blocks * drained
        if function == "layernorm":
            for block in range(row_blocks):
                self.add_rows(fields["a"] + block * step, plane, channels)
        return Case(function=function, fields=fields, pace=pace, sets=sets, spec=spec)

    def moving(self, function: str, **asked: int) -> Case | None:
        """Return an instruction whose tokens move by lanes, down into what is at its result, or up."""
        rng, side = self.rng, self.side
        case = self.case(function, **asked)
        if case is None:
            return None
        f = case.fields
        shift, up = rng.randint(1, side - 1), f["by_rows"] or rng.randrange(2)
        tokens = f["row_blocks"] * side - rng.randrange(side)
        tokens = tokens if up else max(tokens - shift, 1)
        f |= {"shift": shift, "moves_up": up, "tokens": tokens, "last_rows": (tokens - 1) % side + 1}
        f |= {"row_blocks": -(-(tokens + (0 if up else shift)) // side)}
        f |= {
            "b": f["out"],
            "b_frame": f["out_frame"],
            "b_step": f["out_step"] // SLOTS * SLOTS,
            "b_plane": f["out_plane"],
        }
        pace = vector_pace(
            side=side, function=function, channels=f["channels"], last_rows=f["last_rows"],
            a_is_wide=bool(f["a_is_wide"]), by_rows=bool(f["by_rows"]), moves=True,
        )  # fmt: skip
        f |= {"interval": pace.interval, "result": pace.result}
        return replace(case, pace=pace)

    def _spec(self, function: str, channels: int, has_b: bool, bits: int) -> tuple[Any, Bytes]:
        """Return what a function computes with, and its parameter sets."""
        rng = self.rng
        if function == "layernorm":
            spec = some_layer(rng, channels, bits)
            of_channels = encode_sets(spec.offset.numpy(), spec.multiplier.numpy(), spec.shift)
            return spec, np.concatenate([encode_wide(spec.epsilon), of_channels]).reshape(-1, 8)
        if function in ("copy", "zero"):
            return None, np.zeros((0, 8), np.uint8)
        is_sum, of_channels = function == "add" and has_b, function == "convert" or not has_b
        count = 1 if function == "activation" else channels if of_channels else 2 if is_sum else 1
        multipliers = [rng.choice((-1, 1)) * rng.randint(1 << 14, (1 << 17) - 1) for _ in range(count)]
        shifts = [rng.choice((0, 16, 17, 20, 24, 33, 63)) if function == "mul" else rng.randint(14, 24)] * count
        offsets = [rng.randint(-(1 << 16), 1 << 16) for _ in range(count)]
        sets = encode_sets(offsets, multipliers, shifts).reshape(-1, 8)
        if is_sum:
            return AddScaled(*multipliers, shifts[0], bits), sets
        if function == "activation":
            return Requantize(multipliers[0], shifts[0], 8), sets
        if function == "mul" and has_b:
            return Multiply(Requantize(multipliers[0], shifts[0], bits)), sets
        vectors = (torch.tensor(values) for values in (multipliers, shifts, offsets))
        return ChannelRequantize(*vectors, bits), sets

    def apply(self, case: Case, memory: Bytes) -> None:
        """Do what the instruction does to a memory."""
        f = case.fields
        a, b = (self._read(memory, f, operand) for operand in "ab")
        if case.function == "zero":
            result = np.zeros_like(a)
        elif case.function == "copy":
            result = a
        elif f["has_b"]:
            result = case.spec.compute(torch.from_numpy(a), torch.from_numpy(b)).numpy()
        else:
            result = case.spec.compute(torch.from_numpy(a)).numpy()
        if case.function == "activation":
            result = self.tables[f["table"] * 256 + result + 128]
        if f.get("shift"):
            result = self._among_others(memory, f, result)
        planes = [result & 255, result >> 8 & 255][: 1 + f["is_wide"]]
        for place, codes in enumerate(planes):
            write = self._write_rows if f["by_rows"] else self._write_tokens
            write(memory, f, f["out"] + place * f["out_plane"], codes)

    def _among_others(self, memory: Bytes, f: dict[str, int], moved: Codes) -> Codes:
        """Tokens that moved, among those that stand where they are written."""
        shift, tokens = f["shift"], f["tokens"]
        first, source = (0, shift) if f["moves_up"] else (shift, 0)
        target = self._read(memory, {**f, "a_is_wide": f["is_wide"]}, "b")[: f["row_blocks"] * self.side]
        target[first : first + tokens] = moved[source : source + tokens]
        return target

    def _read(self, memory: Bytes, f: dict[str, int], operand: str) -> Codes:
        """Rows of an operand, a token each; one row-block more than there are where tokens move."""
        blocks = []
        for block in range(f["row_blocks"] + (f.get("shift", 0) > 0)):
            first = f[operand] + block * f[f"{operand}_step"]
            words = self.words(first, f["channels"], f.get(f"{operand}_frame", 0))
            low = memory[words].astype(np.int64)
            high = memory[(words + f[f"{operand}_plane"]) % len(memory)].view(np.int8).astype(np.int64)
            blocks.append((high * 256 + low if f["a_is_wide"] else low.astype(np.uint8).view(np.int8)).T)
        return np.concatenate(blocks).astype(np.int64)

    def _write_tokens(self, memory: Bytes, f: dict[str, int], out: int, codes: Codes) -> None:
        for block in range(f["row_blocks"]):
            words = self.words(out + block * f["out_step"], f["channels"], f["out_frame"])
            memory[words] = codes[block * self.side : (block + 1) * self.side].T

    def _write_rows(self, memory: Bytes, f: dict[str, int], out: int, codes: Codes) -> None:
        tokens = (f["row_blocks"] - 1) * self.side + f["last_rows"]
        padded = np.zeros((tokens, f["tiles"] * self.side), np.int64)
        padded[:, : f["channels"]] = codes[:tokens]
        for tile in range(f["tiles"]):
            first = self.places.of_token(out, f["out_tile_step"], tile, 0)
            memory[first : first + tokens] = padded[:, tile * self.side : (tile + 1) * self.side]

    def load(self, engine: Engine) -> None:
        """Load memory, parameter sets and tables."""
        engine.load(self.memory)
        engine.load_sets(self.sets)
        engine.write("table", {place: int(entry) & 0xFFFF for place, entry in enumerate(self.tables)})

    def load_moments(self, engine: Engine, cases: Iterable[Case]) -> None:
        """Load the moments that LayerNorms find."""
        for f in (case.fields for case in cases if case.fields["has_moments"]):
            rows = self._read(self.memory, f, "a")
            for block in range(f["row_blocks"]):
                engine.load_moments(f["moments"] + block, rows[block * self.side :][: self.side])
