"""No computation makes a float tensor, and none depends on batch, chunks, memory layout or number of threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.reference.no_float import without_float
from vitaccel.reference.exp2 import Exp2, Exp2Linear
from vitaccel.reference.fixed_point import round_shift, saturate
from vitaccel.reference.reciprocal import Reciprocal
from vitaccel.reference.requantize import ChannelRequantize, Requantize
from vitaccel.reference.softmax import MASKED, OnlineSoftmax

BATCH = 37
CHANNELS = 24


@dataclass(frozen=True)
class Case:
    """A computation over rows: *compute* takes tensors whose first dimension is the batch, and returns such tensors."""

    name: str
    compute: Callable[..., Tensor | tuple[Tensor, ...]]
    kinds: tuple[str, ...]


def attention(y: Tensor, values: Tensor) -> Tensor:
    spec = OnlineSoftmax(6, 8)
    m, total = spec.statistics(y)
    return spec.normalize((spec.numerators(y, m).unsqueeze(-1) * values).sum(-2), total, 70000, 16)


def channels() -> ChannelRequantize:
    return ChannelRequantize.from_scales([0.001 * (c - 3) for c in range(CHANNELS)], range(CHANNELS), 16)


CASES = [
    Case("round_shift", lambda x: round_shift(x, 7), ("int32",)),
    Case("round_shift per channel", lambda x: round_shift(x, torch.arange(CHANNELS)), ("int32",)),
    Case("saturate", lambda x: saturate(x, 8), ("int32",)),
    Case("Requantize", lambda x: Requantize.from_scale(0.0123, 8).compute(x, 5), ("int32",)),
    Case("ChannelRequantize", lambda x: channels().compute(x), ("int32",)),
    Case("ChannelRequantize with residual", lambda x, r: channels().compute(x, r), ("int32", "logits")),
    Case("Exp2", lambda y: Exp2().compute(y, torch.tensor(512)), ("logits",)),
    Case("Exp2Linear", lambda y: Exp2Linear().compute(y, torch.tensor(128)), ("logits",)),
    Case("Reciprocal", lambda s: Reciprocal().compute(s), ("sums",)),
    *(
        case
        for f in (6, 8)
        for case in (
            Case(f"statistics f={f}", OnlineSoftmax(f).statistics, ("logits",)),
            Case(f"probabilities f={f}", OnlineSoftmax(f).probabilities, ("logits",)),
        )
    ),
    Case("attention", attention, ("logits", "values")),
]


def drawn(case: Case, seed: int) -> list[Tensor]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 200, (BATCH, CHANNELS)).round()
    logits[rng.random((BATCH, CHANNELS)) < 0.1] = MASKED
    logits[:3] = np.sort(rng.integers(-30000, 30000, (3, CHANNELS)))
    tensors = {
        "int32": rng.integers(-(2**31), 2**31, (BATCH, CHANNELS)).astype(np.int32),
        "sums": rng.integers(1, 2**32, (BATCH, CHANNELS)),
        "logits": logits.astype(np.int16),
        "values": rng.integers(-128, 128, (BATCH, CHANNELS, 8)).astype(np.int8),
    }
    return [torch.from_numpy(tensors[kind]) for kind in case.kinds]


def run(case: Case, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    result = case.compute(*inputs)
    return result if isinstance(result, tuple) else (result,)


def equal(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def joined(parts: list[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    return tuple(torch.cat(tensors) for tensors in zip(*parts, strict=True))


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


every_case = pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])


@every_case
def test_no_float_tensor_is_made(case: Case, seed: int) -> None:
    inputs = drawn(case, seed)
    assert equal(without_float(run, case, inputs), run(case, inputs))


@every_case
def test_results_are_int64(case: Case, seed: int) -> None:
    assert {result.dtype for result in run(case, drawn(case, seed))} == {torch.int64}


@every_case
@pytest.mark.parametrize("chunk", [1, 2, 8, 36])
def test_a_batch_is_its_chunks(case: Case, chunk: int, seed: int) -> None:
    inputs = drawn(case, seed)
    parts = [run(case, list(part)) for part in zip(*(t.split(chunk) for t in inputs), strict=True)]
    assert equal(joined(parts), run(case, inputs))


@every_case
def test_any_integer_type_and_layout_enters(case: Case, seed: int) -> None:
    inputs = drawn(case, seed)
    strided = [torch.stack([t, t], -1)[..., 0] for t in inputs]
    assert not any(t.is_contiguous() for t in strided)
    assert equal(run(case, strided), run(case, inputs))
    assert equal(run(case, [t.to(torch.int64) for t in inputs]), run(case, inputs))


@every_case
def test_arguments_are_left_as_they_were(case: Case, seed: int) -> None:
    inputs = [t.to(torch.int64) for t in drawn(case, seed)]
    before = [t.clone() for t in inputs]
    run(case, inputs)
    assert equal(tuple(inputs), tuple(before))


@every_case
@pytest.mark.parametrize("count", [2, 3])
def test_threads_change_nothing(case: Case, count: int, seed: int) -> None:
    """The batch is repeated until PyTorch does share the work: it does from 32,768 elements on."""
    inputs = [t.repeat(60, *[1] * (t.ndim - 1)) for t in drawn(case, seed)]
    with threads(1):
        alone = run(case, inputs)
    with threads(count):
        assert torch.get_num_threads() == count
        assert equal(run(case, inputs), alone)
