"""Every input there is, or every one that makes a difference, through the Verilated block against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from vitaccel.reference.gelu import WideGelu
from vitaccel.reference.reciprocal import Reciprocal as ReciprocalSpec
from vitaccel.reference.rsqrt import Rsqrt as RsqrtSpec
from vitaccel_rtl.gelu import Gelu
from vitaccel_rtl.reciprocal import Reciprocal
from vitaccel_rtl.rsqrt import Rsqrt
from vitaccel_sim.verilate import build


def results(block: Any, words: np.ndarray) -> np.ndarray:
    """Return the results of words of 64 bits at most, each a row, as integers without their ``last``."""
    size = (block.i.payload.shape().size + 7) // 8
    size = 1 << (size - 1).bit_length()
    sent = words.astype("<u8").view(np.uint8).reshape(len(words), 8)[:, :size]
    run = build(block, name="block").stream(np.ascontiguousarray(sent), len(words))
    width = block.o.payload.shape().size - 1
    return np.array(run.words, np.uint64) & np.uint64((1 << width) - 1)


def leading(bits: int, kept: int, seed: int) -> np.ndarray:
    """Return an integer for every place of the highest bit and every value of the *kept* bits behind it."""
    rng, parts = np.random.default_rng(seed), []
    for place in range(bits):
        below = max(place - kept, 0)
        top = np.arange(1 << min(place, kept), dtype=np.uint64) + np.uint64(1 << min(place, kept))
        parts.append((top << np.uint64(below)) | rng.integers(0, 1 << below, len(top), dtype=np.uint64))
    return np.concatenate(parts)


def test_gelu_of_every_code() -> None:
    spec = WideGelu()
    codes = np.arange(-32768, 32768)
    got = results(Gelu(lanes=1, table=spec.table), codes.astype(np.uint64) & np.uint64(0xFFFF))
    assert (got.astype(np.uint16).view(np.int16) == spec.compute(torch.tensor(codes)).numpy()).all()


def test_reciprocal_of_every_argument(seed: int) -> None:
    spec = ReciprocalSpec()
    totals = leading(32, 16, seed)
    got = results(Reciprocal(lanes=1, table=spec.table, entry_bits=spec.entry_bits, centre=spec.centre), totals)
    mantissa, exponent = (part.numpy() for part in spec.compute(torch.tensor(totals.astype(np.int64))))
    assert (got == (mantissa | exponent << 17).astype(np.uint64)).all()


@pytest.mark.full
def test_rsqrt_of_every_argument(seed: int) -> None:
    spec = RsqrtSpec()
    variances = leading(63, 17, seed)
    got = results(Rsqrt(lanes=1, table=spec.table, entry_bits=spec.entry_bits, centre=spec.centre), variances)
    mantissa, exponent = (part.numpy() for part in spec.compute(torch.tensor(variances.astype(np.int64))))
    assert (got == (mantissa | exponent << 18).astype(np.uint64)).all()


def test_one_wrong_entry_is_found(seed: int) -> None:
    spec = ReciprocalSpec()
    table = (spec.table[0] ^ 1, *spec.table[1:])
    totals = leading(17, 16, seed)
    got = results(Reciprocal(lanes=1, table=table, entry_bits=spec.entry_bits, centre=spec.centre), totals)
    mantissa, exponent = (part.numpy() for part in spec.compute(torch.tensor(totals.astype(np.int64))))
    assert (got != (mantissa | exponent << 17).astype(np.uint64)).any()
