"""Attention on the small machine in C++: operands that are drawn, and what the reference makes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from tests.hls.cpp_bench import integers
from tests.hls.machine_bench import CHANNEL, Bench
from vitaccel.reference.fixed_point import round_shift, saturate
from vitaccel.reference.matmul import accumulate, accumulate_unsigned
from vitaccel.reference.softmax import OnlineSoftmax

Q, K, V, W, OUT, BACK, KEPT = 0, 400, 800, 1200, 1600, 2000, 2400
"""Where things stand: W is what the way back multiplies."""


@dataclass(frozen=True)
class Case:
    """Sizes, and what is drawn by a seed."""

    side: int
    heads: int
    head_dim: int
    value_dim: int
    queries: int
    keys: int
    seed: int
    fraction_bits: int = 6

    def drawn(self, number: int, tokens: int, channels: int) -> np.ndarray:
        return integers(np.random.default_rng(self.seed + number), 8, tokens * channels).reshape(tokens, channels)

    @property
    def q(self) -> np.ndarray:
        return self.drawn(0, self.queries, self.heads * self.head_dim)

    @property
    def k(self) -> np.ndarray:
        return self.drawn(1, self.keys, self.heads * self.head_dim)

    def values(self, number: int, tokens: int) -> np.ndarray:
        """Values whose heads begin tiles."""
        width = -(-self.value_dim // self.side) * self.side
        found = self.drawn(number, tokens, self.heads * width).reshape(tokens, self.heads, width)
        found[..., self.value_dim :] = 0
        return found.reshape(tokens, -1)

    @property
    def sets(self) -> tuple[np.ndarray, np.ndarray]:
        """Multipliers and shifts: two a head, three for the way back."""
        random = np.random.default_rng(self.seed)
        # Logits of a few octaves, and outputs of some dozen.
        shifts = np.tile([24, 16], self.heads)
        return random.integers(1 << 16, 1 << 17, 2 * self.heads), shifts

    @property
    def softmax(self) -> OnlineSoftmax:
        return OnlineSoftmax(self.fraction_bits, 8)

    def split(self, rows: np.ndarray, dim: int) -> torch.Tensor:
        """``[heads, tokens, dim]``."""
        heads = rows.reshape(len(rows), self.heads, -1)[..., :dim]
        return torch.from_numpy(np.ascontiguousarray(heads.transpose(1, 0, 2)))

    @property
    def logits(self) -> torch.Tensor:
        """``[heads, queries, keys]``."""
        product = accumulate(self.split(self.q, self.head_dim), self.split(self.k, self.head_dim).transpose(-1, -2))
        multipliers, shifts = (torch.from_numpy(each[::2])[:, None, None] for each in self.sets)
        return saturate(round_shift(product.to(torch.int64) * multipliers, shifts), 16)

    def expected(self, bits: int) -> np.ndarray:
        """``[queries, heads * value_dim]``."""
        m, total = self.softmax.statistics(self.logits)
        v = self.split(self.values(2, self.keys), self.value_dim)
        product = accumulate_unsigned(self.softmax.numerators(self.logits, m), v, 8)
        multipliers, shifts = (torch.from_numpy(each[1::2])[:, None].expand_as(total) for each in self.sets)
        found = self.softmax.normalize(product, total, multipliers, shifts, bits)
        return found.transpose(0, 1).reshape(self.queries, -1).numpy()

    def expected_back(self, bits: int) -> np.ndarray:
        """``[keys, heads * value_dim]``."""
        w = self.split(self.values(3, self.queries), self.value_dim)
        product = accumulate_unsigned(self.softmax.probabilities(self.logits).transpose(-1, -2), w, 16)
        multipliers, shifts = (torch.from_numpy(each[1::2])[:, None, None] for each in self.sets)
        found = saturate(round_shift(product * multipliers, shifts + 18), bits)
        return found.transpose(0, 1).reshape(self.keys, -1).numpy()

    def blocks(self, count: int) -> tuple[int, int]:
        """Groups of P, and how many are in the last."""
        groups = -(-count // self.side)
        return groups, count - (groups - 1) * self.side

    def bench(self) -> Bench:
        """A machine with the operands and the sets."""
        bench = Bench(self.side, self.fraction_bits)
        bench.put(Q, self.q)
        bench.put(K, self.k)
        bench.put(V, self.values(2, self.keys), layout=CHANNEL)
        bench.put(W, self.values(3, self.queries), layout=CHANNEL)
        multipliers, shifts = self.sets
        bench.add_sets(3, np.zeros(2 * self.heads), multipliers, shifts)
        bench.add_sets(103, np.zeros(2 * self.heads), multipliers, shifts + 18)
        return bench

    def add(self, bench: Bench, width: int, **more: int) -> None:
        """Add the instruction."""
        (rows, last_rows), (key_blocks, last_keys) = self.blocks(self.queries), self.blocks(self.keys)
        tiles, last_channels = self.blocks(self.value_dim)
        channels = self.heads * self.value_dim
        bench.add(
            "attention", frames=1, heads=self.heads, row_blocks=rows, last_rows=last_rows, head_dim=self.head_dim,
            key_blocks=key_blocks, last_keys=last_keys, keys=self.keys, value_tiles=tiles,
            last_channels=last_channels, q=Q, q_step=self.heads * self.head_dim, q_head=self.head_dim, k=K,
            k_step=self.heads * self.head_dim, k_head=self.head_dim, v=V, v_step=self.keys, v_head=tiles * self.keys,
            out=OUT, out_step=channels * width, out_head=self.value_dim, out_plane=channels if width == 2 else 0,
            is_wide=int(width == 2), sets=3, **more,
        )  # fmt: skip

    @property
    def kept(self) -> dict[str, int]:
        """Fields of logits that are kept: keys are tokens, and every head has a channel for each query."""
        channels = self.heads * self.queries
        return {"logits": KEPT, "logits_step": 2 * channels, "logits_plane": channels, "logits_head": self.queries}

    def add_back(self, bench: Bench, width: int) -> None:
        """Add the instruction that uses kept logits."""
        (rows, last_rows), (tiles, last_channels) = self.blocks(self.keys), self.blocks(self.value_dim)
        channels, of_head = self.heads * self.value_dim, self.blocks(self.queries)[0] * self.side
        bench.add(
            "attention", mode=1, frames=1, heads=self.heads, row_blocks=rows, last_rows=last_rows, keys=self.queries,
            value_tiles=tiles, last_channels=last_channels, q_head=of_head, q_frame=of_head * self.heads, v=W,
            v_step=self.queries, v_head=tiles * self.queries, out=BACK, out_step=channels * width,
            out_head=self.value_dim, out_plane=channels if width == 2 else 0, is_wide=int(width == 2), sets=103,
            **self.kept,
        )  # fmt: skip
