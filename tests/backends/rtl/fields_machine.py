"""A machine that knows fields and nothing else: it does what ``docs/isa.md`` says an instruction does, word by word."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product

import numpy as np
import torch

from tests.backends.rtl.fields_experts import FieldsExperts
from tests.rtl.accelerator.parts_model import PartPlaces
from vitaccel.backends.rtl.program_file import ProgramFile
from vitaccel.ir.parameters import decode_sets, decode_wide
from vitaccel.reference.elementwise import AddScaled, Multiply
from vitaccel.reference.fixed_point import LONGEST_SHIFT, round_shift, saturate
from vitaccel.reference.layernorm import LayerNorm
from vitaccel.reference.requantize import MULTIPLIER_LIMIT, ChannelRequantize, Requantize
from vitaccel.reference.rsqrt import Rsqrt
from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel_rtl.accelerator.isa import BUFFERS, LANE_FUNCTIONS, OPERATIONS
from vitaccel_rtl.accelerator.parts import Parts

Fields = Mapping[str, int]
Sets = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def run(address: int, count: int) -> np.ndarray:
    """Return the places of words that follow each other."""
    return np.arange(address, address + count)


class FieldsMachine(FieldsExperts):
    """Buffers of the machine that a program is for, and a DRAM.

    Parameters
    ----------
    program
        Says how large everything is.
    dram
        uint8 of all addresses; stores write to it.
    """

    def __init__(self, program: ProgramFile, dram: np.ndarray) -> None:
        machine = program.machine
        self.program, self.dram, self.side = program, dram, machine["side"]
        self.parts = {
            name: Parts(count=machine["arrays"], words=machine[f"{name}_words"]) for name in ("activation", "weight")
        }
        self.words = {name: np.zeros((parts.words_of_all, self.side), np.int8) for name, parts in self.parts.items()}
        self.sets = np.zeros((machine["parameter_sets"], 8), np.uint8)
        self.tables = np.zeros((2, 256), np.int64)
        self.moments = torch.zeros((machine["moment_blocks"], self.side, 2), dtype=torch.int64)
        self.softmax = OnlineSoftmax(machine["numerics"] >> 16, machine["numerics"] >> 8 & 255)
        self.bits = 8

    def run(self) -> None:
        """All instructions, in order."""
        for coded in self.program.instructions:
            none = dict.fromkeys((placed.field.name for placed in OPERATIONS[coded.operation].places), 0)
            fields = none | dict(coded.fields)
            self.bits = 16 if fields.get("is_wide") else 8
            getattr(self, coded.operation)(fields)

    # -- transfers -------------------------------------------------------------------------------------------------
    def load(self, f: Fields) -> None:
        rows = [
            np.pad(self.dram[start : start + f["row_bytes"]], (0, f["row_words"] * self.side - f["row_bytes"]))
            for start in (f["dram"] + row * f["stride_bytes"] for row in range(f["rows"]))
        ]
        buffer = BUFFERS[f["buffer"]]
        if buffer in self.words:
            for row, raw in enumerate(rows):
                self.words[buffer][self._row(f, row, buffer)] = raw.view(np.int8).reshape(-1, self.side)
            return
        (raw,) = (row[: f["row_bytes"]] for row in rows)
        if buffer == "parameter":
            self.sets[f["address"] : f["address"] + f["row_bytes"] // 8] = raw.reshape(-1, 8)
        else:
            self.tables[f["address"]] = raw.view(f"<i{f['row_bytes'] // 256}")

    def store(self, f: Fields) -> None:
        assert BUFFERS[f["buffer"]] == "activation"
        for row in range(f["rows"]):
            start = f["dram"] + row * f["stride_bytes"]
            raw = self.words["activation"][self._row(f, row, "activation")].reshape(-1).view(np.uint8)
            self.dram[start : start + f["row_bytes"]] = raw[: f["row_bytes"]]

    def _row(self, f: Fields, row: int, buffer: str) -> list[int]:
        """Places of the words of a transfer's row."""
        places, way = PartPlaces(self.parts[buffer], self.side), {name: f[name] for name in ("by_tiles", "is_wide")}
        return [places.of_row(f["address"], f["step"], row, word, **way) for word in range(f["row_words"])]

    # -- words -----------------------------------------------------------------------------------------------------
    def places(self, address: int, count: int, frame: int = 0) -> np.ndarray:
        """Places of the words of a row-block, whose tiles stand in one part after the other."""
        if self.parts["activation"].count == 1:
            return np.arange(address, address + count)
        places = PartPlaces(self.parts["activation"], self.side)
        return np.array([places.of_word(address, word, frame) for word in range(count)], np.int64)

    def read(self, places: np.ndarray, plane: int = 0, buffer: str = "activation") -> torch.Tensor:
        """Words as integers ``[count, P]``, of both bytes if there is a *plane*."""
        words = self.words[buffer]
        low = words[places].astype(np.int64)
        if plane:
            low = (low & 255) | words[places + plane].astype(np.int64) << 8
        assert low.shape == (len(places), self.side)
        return torch.from_numpy(low)

    def write(self, places: np.ndarray, values: torch.Tensor, f: Fields) -> None:
        """Words of integers ``[count, P]``, in planes if results are wide."""
        numbers = values.numpy()
        assert numbers.shape == (len(places), self.side)
        for byte, at in enumerate((places, places + f["out_plane"])[: 1 + f["is_wide"]]):
            self.words["activation"][at] = (numbers >> 8 * byte).astype(np.uint8).view(np.int8)

    def constants(self, first: int, count: int) -> Sets:
        offsets, multipliers, shifts = torch.from_numpy(decode_sets(self.sets[first : first + count].reshape(-1)))
        return offsets, multipliers, shifts

    # -- compute ---------------------------------------------------------------------------------------------------
    def matmul(self, f: Fields) -> None:
        f = self.rows_of_expert(f)
        for column, row in product(range(f["n_tiles"]), range(f["row_blocks"])):
            a = self.read(self.places(f["a"] + row * f["a_step"], f["depth"]))
            for array in range(self.program.machine["arrays"]):
                self._tile(f, a, column, row, array)

    def _tile(self, f: Fields, a: torch.Tensor, column: int, row: int, array: int) -> None:
        """A tile of an array, all of whose operands but A stand in its own part."""
        buffer = "activation" if f["b_is_activation"] else "weight"
        parts, activation = self.parts[buffer], self.parts["activation"]
        at = parts.place(array, f["b"] + column * f["b_step"])
        offsets, multipliers, shifts = self._column_sets(f, column, array, at + f["depth"])
        residual = None
        if f["has_residual"]:
            place = f["residual"] + row * f["residual_step"] + column * f["residual_tile_step"]
            residual = self.read(run(activation.place(array, place), self.side), f["residual_plane"]).T
        bits = 8 if f["has_table"] else self.bits
        product_ = a.T @ self.read(run(at, f["depth"]), buffer=buffer)
        result = ChannelRequantize(multipliers, shifts, offsets, bits).compute(product_, residual).to(torch.int64)
        if f["has_table"]:
            result = torch.from_numpy(self.tables[f["table"]])[result + 128]
        if f["takes_moments"]:
            self._take_moments(f, result, f["moments"] + row, self._tile_of_all(column, array))
        words = result if f["by_rows"] else result.T
        if f["by_rows"] and row == f["row_blocks"] - 1:
            words = words[: f["last_rows"]]
        place = f["out"] + row * f["out_step"] + column * f["out_tile_step"]
        self.write(run(activation.place(array, place), len(words)), words, f)

    def _tile_of_all(self, column: int, array: int) -> int:
        """Which tile of all arrays' an array's is: a turn of one is followed by the next one's."""
        tiles = math.lcm(self.side, 8) // self.side
        turn, nth = divmod(column, tiles)
        return (turn * self.program.machine["arrays"] + array) * tiles + nth

    def _take_moments(self, f: Fields, result: torch.Tensor, place: int, tile: int) -> None:
        """Sums and sums of squares of those columns of a tile that count."""
        if f["begins_moments"] and tile == 0:
            self.moments[place] = 0
        counted = result[:, : max(0, f["moments_channels"] - tile * self.side)]
        self.moments[place, :, 0] += counted.sum(1)
        self.moments[place, :, 1] += (counted * counted).sum(1)

    def _column_sets(self, f: Fields, column: int, array: int, behind: int) -> Sets:
        if f["b_is_activation"]:
            return self.constants(f["sets"] + self._tile_of_all(column, array) * self.side, self.side)
        raw = self.words["weight"][behind : behind + 8].reshape(-1).view(np.uint8)
        offsets, multipliers, shifts = torch.from_numpy(decode_sets(raw))
        # Of a round with fewer tiles than arrays, others have anything there: numbers that no set has, too.
        return offsets, multipliers.clamp(min=1 - MULTIPLIER_LIMIT), shifts & LONGEST_SHIFT

    def attention(self, f: Fields) -> None:
        arrays, parts = self.program.machine["arrays"], self.parts["activation"]
        rounds = product(range(f["frames"]), range(f["heads"]), range(f["row_blocks"]), range(arrays))
        for frame, head, row, array in rounds:
            moves = {n: frame * f[f"{n}_frame"] + head * f[f"{n}_head"] for n in ("q", "k", "v", "out")}
            at = {n: parts.place(array, f[n] + moved) for n, moved in moves.items()}
            of_logits, of_output = zip(*self.constants(f["sets"] + 2 * (head * arrays + array), 2), strict=True)
            (_, multiplier, shift), (_, out_multiplier, out_shift) = of_logits, of_output
            if not out_multiplier:
                continue  # a head that fills up a round: nothing depends on what becomes of it
            q = self.read(run(at["q"] + row * f["q_step"], f["head_dim"]))
            keys = [self.read(run(at["k"] + block * f["k_step"], f["head_dim"])) for block in range(f["key_blocks"])]
            k = torch.cat([*keys[:-1], keys[-1][:, : f["last_keys"]]], 1)
            y = saturate(round_shift(q.T @ k * multiplier, shift), 16).to(torch.int16)
            m, total = self.softmax.statistics(y)
            u = self.softmax.numerators(y, m).to(torch.int64)
            for tile in range(f["value_tiles"]):
                v = self.read(run(at["v"] + tile * f["v_step"], f["keys"]))
                factors = out_multiplier.expand(self.side), out_shift.expand(self.side)
                result = self.softmax.normalize(u @ v, total, *factors, self.bits, None)
                last = tile == f["value_tiles"] - 1
                words = result.T[: f["last_channels"] if last else self.side]
                self.write(run(at["out"] + row * f["out_step"] + tile * self.side, len(words)), words, f)

    # -- lanes -----------------------------------------------------------------------------------------------------
    def lane(self, f: Fields) -> None:
        for row in range(f["row_blocks"]):
            b = self._rows(f, "b", row, f["a_is_wide"]) if f["has_b"] else None
            taken = self.moments[f["moments"] + row] if f["has_moments"] else None
            result = self._function(f, self._moved(f, row), b, taken).to(torch.int64)
            if f["shift"]:
                number = row * self.side + torch.arange(self.side) - (0 if f["moves_up"] else f["shift"])
                stays = (number < 0) | (number >= f["tokens"])
                result[stays] = self._rows(f, "b", row, f["is_wide"])[stays]
            at = f["out"] + row * f["out_step"]
            if not f["by_rows"]:
                self.write(self.places(at, f["channels"], f["out_frame"]), result.T, f)
                continue
            rows = result[: f["last_rows"]] if row == f["row_blocks"] - 1 else result
            filled = torch.nn.functional.pad(rows, (0, f["tiles"] * self.side - f["channels"]))
            for tile, words in enumerate(filled.split(self.side, 1)):
                first = PartPlaces(self.parts["activation"], self.side).of_token(at, f["out_tile_step"], tile, 0)
                self.write(run(first, len(words)), words, f)

    def _rows(self, f: Fields, name: str, row: int, wide: int) -> torch.Tensor:
        """Tokens ``[P, channels]`` of a row-block of an operand."""
        plane = f[f"{name}_plane"] if wide else 0
        places = self.places(f[name] + row * f[f"{name}_step"], f["channels"], f["b_frame"] if name == "b" else 0)
        return self.read(places, plane).T

    def _moved(self, f: Fields, row: int) -> torch.Tensor:
        """Tokens of a row-block, or of it and a neighbour where they move by lanes; zeros where there are none."""
        first = row if f["moves_up"] or not f["shift"] else row - 1
        start = f["shift"] if f["moves_up"] or not f["shift"] else self.side - f["shift"]
        blocks = [
            self._rows(f, "a", at, f["a_is_wide"])
            if at >= 0
            else torch.zeros(self.side, f["channels"], dtype=torch.int64)
            for at in range(first, first + 1 + (f["shift"] > 0))
        ]
        return torch.cat(blocks)[start : start + self.side]

    def _function(self, f: Fields, a: torch.Tensor, b: torch.Tensor | None, taken: torch.Tensor | None) -> torch.Tensor:
        """A function of tokens ``[P, channels]``, whose moments may have been taken."""
        function = LANE_FUNCTIONS[f["function"]]
        if function in ("copy", "zero"):
            return a if function == "copy" else torch.zeros_like(a)
        if function == "layernorm":
            offsets, multipliers, shifts = self.constants(f["sets"] + 1, f["channels"])
            epsilon = decode_wide(self.sets[f["sets"]])
            return LayerNorm(multipliers, offsets, int(shifts[0]), epsilon, self.bits, Rsqrt()).compute(a, taken)
        if function == "activation":
            _, multiplier, shift = self.constants(f["sets"], 1)
            codes = Requantize(int(multiplier), int(shift), 8).compute(a).to(torch.int64)
            return torch.from_numpy(self.tables[f["table"]])[codes + 128]
        if b is None:
            offsets, multipliers, shifts = self.constants(f["sets"], f["channels"])
            return ChannelRequantize(multipliers, shifts, offsets, self.bits).compute(a)
        _, multipliers, shifts = self.constants(f["sets"], 2)
        if function == "add":
            return AddScaled(int(multipliers[0]), int(multipliers[1]), int(shifts[0]), self.bits).compute(a, b)
        assert function == "mul"
        return Multiply(Requantize(int(multipliers[0]), int(shifts[0]), self.bits)).compute(a, b)
