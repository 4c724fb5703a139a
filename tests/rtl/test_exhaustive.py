"""Every input there is, or every one that makes a difference, through the Verilated block against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from vitaccel.backends.rtl.blocks.softmax import powers_of
from vitaccel.reference.fixed_point import round_shift
from vitaccel.reference.gelu import WideGelu
from vitaccel.reference.reciprocal import Reciprocal as ReciprocalSpec
from vitaccel.reference.rsqrt import Rsqrt as RsqrtSpec
from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel_rtl.exp2 import whole_bits
from vitaccel_rtl.gelu import Gelu
from vitaccel_rtl.probability import Probability
from vitaccel_rtl.reciprocal import Reciprocal
from vitaccel_rtl.rsqrt import Rsqrt
from vitaccel_rtl.softmax import SoftmaxNumerators
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


def logits_of(fraction_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Return every logit below a maximum, for the largest, the lowest and two between, and that maximum beside it."""
    lowest, largest = -(1 << 15 - fraction_bits), 1 << 15 - fraction_bits
    logits, maxima = [], []
    for maximum in (lowest, -3, 5, largest):
        below = np.arange(-32768, min(maximum << fraction_bits, 32767) + 1)
        logits.append(below)
        maxima.append(np.full(len(below), maximum))
    return np.concatenate(logits), np.concatenate(maxima)


def packed(*fields: tuple[np.ndarray, int]) -> np.ndarray:
    """Return words of fields, each with its width, the first of them lowest."""
    word, place = np.zeros(len(fields[0][0]), np.uint64), 0
    for values, width in fields:
        word |= (values.astype(np.uint64) & np.uint64((1 << width) - 1)) << np.uint64(place)
        place += width
    return word


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


@pytest.mark.parametrize(
    ("fraction_bits", "bits"),
    [(6, 8), *(pytest.param(f, b, marks=pytest.mark.full) for f, b in ((6, 12), (6, 16), (8, 8), (8, 12), (8, 16)))],
)
def test_numerators_of_every_logit(fraction_bits: int, bits: int) -> None:
    spec = OnlineSoftmax(fraction_bits, bits)
    logits, maxima = logits_of(fraction_bits)
    block = SoftmaxNumerators(lanes=1, bits=bits, **powers_of(fraction_bits))
    got = results(block, packed((logits, 16), (maxima, whole_bits(fraction_bits))))
    expected = spec.numerators(torch.tensor(logits).unsqueeze(-1), torch.tensor(maxima)).squeeze(-1).numpy()
    assert (got == expected.astype(np.uint64)).all()


@pytest.mark.full
@pytest.mark.parametrize("fraction_bits", [6, 8])
def test_probabilities_of_every_logit(fraction_bits: int, seed: int) -> None:
    """With the least sum, the sum of the longest row, and random ones between: that of a logit is any."""
    spec = OnlineSoftmax(fraction_bits, 16)
    logits, maxima = logits_of(fraction_bits)
    totals = np.random.default_rng(seed).integers(1 << 14, (1 << 27) + 1, 3)
    for total in (1 << 14, 1 << 15, 1 << 27, *totals.tolist()):
        mantissa, exponent = (int(part) for part in spec.reciprocal.compute(torch.tensor(total)))
        words = packed(
            (logits, 16),
            (maxima, whole_bits(fraction_bits)),
            (np.full(len(logits), mantissa), 17),
            (np.full(len(logits), exponent), 5),
        )
        got = results(Probability(lanes=1, **powers_of(fraction_bits)), words)
        numerators = spec.numerators(torch.tensor(logits).unsqueeze(-1), torch.tensor(maxima)).squeeze(-1)
        expected = round_shift(numerators * mantissa, exponent + 1).clamp(max=65535).numpy()
        assert (got == expected.astype(np.uint64)).all()


def test_one_wrong_entry_is_found(seed: int) -> None:
    spec = ReciprocalSpec()
    table = (spec.table[0] ^ 1, *spec.table[1:])
    totals = leading(17, 16, seed)
    got = results(Reciprocal(lanes=1, table=table, entry_bits=spec.entry_bits, centre=spec.centre), totals)
    mantissa, exponent = (part.numpy() for part in spec.compute(torch.tensor(totals.astype(np.int64))))
    assert (got != (mantissa | exponent << 17).astype(np.uint64)).any()
