"""Every proof there is: what of which block, at which size, by which method.

The tests run them, and `benchmarks/proofs.py` prints them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from amaranth.hdl import Cat, Const
from amaranth.lib import wiring

from vitaccel.reference.gelu import WideGelu
from vitaccel.reference.rsqrt import Rsqrt as RsqrtSpec
from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel_rtl import latency
from vitaccel_rtl.activation import Activation
from vitaccel_rtl.arbiter import Arbiter
from vitaccel_rtl.array import Array
from vitaccel_rtl.exp2 import Exp2
from vitaccel_rtl.fifo import StreamFifo
from vitaccel_rtl.gelu import Gelu
from vitaccel_rtl.layernorm import LayerNormMoments, LayerNormNormalize, LayerNormRowScale
from vitaccel_rtl.reciprocal import Reciprocal, RowFactor
from vitaccel_rtl.requantize import STAGES_TO_SHIFT, Requantize
from vitaccel_rtl.residual import ResidualAdd
from vitaccel_rtl.rsqrt import Rsqrt
from vitaccel_rtl.softmax import SoftmaxNumerators, SoftmaxStatistics
from vitaccel_rtl.stream import SkidBuffer
from vitaccel_rtl.topk import TopK
from vitaccel_rtl.transposer import Transposer
from vitaccel_sim.formal.bounds import ArraySums, MomentSums, SoftmaxSum
from vitaccel_sim.formal.equivalence import METHOD, Equivalence
from vitaccel_sim.formal.order import Delay, InOrder, delay_contents, fifo_contents, skid_contents
from vitaccel_sim.formal.prove import BUILD_FOLDER, ProofResult, prove
from vitaccel_sim.formal.specification import (
    Exp2Specification,
    GeluSpecification,
    RequantizeSpecification,
    ResidualSpecification,
    normalized,
)
from vitaccel_sim.formal.stream_contract import StreamContract

PRODUCTS = ("$mul",)
CONTRACT, ORDER, BOUND, EQUAL = "stream contract", "order, no loss", "no overflow", "equivalence"

TABLE = {"fraction_bits": 6, "table": OnlineSoftmax(6).exp2.mantissas}
LINES = {"fraction_bits": 8, "table": OnlineSoftmax(8).exp2.lines}
RECIPROCAL = {name: getattr(OnlineSoftmax(6).reciprocal, name) for name in ("table", "entry_bits", "centre")}
RSQRT = {name: getattr(RsqrtSpec(), name) for name in ("table", "entry_bits", "centre")}


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A property of a block, and how it is proved.

    Parameters
    ----------
    family, block, size
        As the table of proofs says them.
    make
        The component to prove, a new one each time.
    method, abstract
        Of :func:`vitaccel_sim.formal.prove.prove`.
    depth, cover_depth
        The same; what the component says, when left out.
    is_long
        Whether the test of it is a long one.
    """

    family: str
    block: str
    size: str
    make: Callable[[], wiring.Component]
    method: str = "induction"
    depth: int | None = None
    cover_depth: int | None = None
    abstract: tuple[str, ...] = field(default=())
    is_long: bool = False

    def __str__(self) -> str:
        return f"{self.family}: {self.block}, {self.size}"

    def run(self, *, timeout_seconds: int = 600, folder: Path = BUILD_FOLDER) -> ProofResult:
        """Prove it."""
        component: Any = self.make()
        return prove(
            component,
            depth=component.depth if self.depth is None else self.depth,
            method=self.method,
            cover_depth=getattr(component, "cover_depth", None) if self.cover_depth is None else self.cover_depth,
            abstract=self.abstract,
            timeout_seconds=timeout_seconds,
            folder=folder,
        )


def proofs() -> tuple[Proof, ...]:
    """Return all proofs."""
    return (*_contracts(), *_orders(), *_bounds(), *_equivalences())


def _contracts() -> Iterator[Proof]:
    quick = {"SkidBuffer", "StreamFifo", "Arbiter", "TopK", "SoftmaxStatistics"}
    blocks: list[tuple[str, Callable[[], Any]]] = [
        ("8 bits", partial(SkidBuffer, 8)),
        ("8 bits, depth 4", partial(StreamFifo, 8, depth=4)),
        ("8 bits, 3 sources", partial(Arbiter, 8, sources=3)),
        ("1 lane", partial(Requantize, lanes=1)),
        ("1 lane", partial(Activation, lanes=1)),
        ("1 lane", partial(Gelu, lanes=1, table=WideGelu().table)),
        ("1 lane", partial(ResidualAdd, lanes=1)),
        ("1 lane, mantissas", partial(Exp2, lanes=1, **TABLE)),
        ("1 lane, lines", partial(Exp2, lanes=1, **LINES)),
        ("1 lane", partial(SoftmaxStatistics, lanes=1, **TABLE)),
        ("1 lane", partial(SoftmaxNumerators, lanes=1, bits=8, **TABLE)),
        ("1 lane", partial(Reciprocal, lanes=1, **RECIPROCAL)),
        ("1 lane", partial(RowFactor, lanes=1, numerator_bits=16, **RECIPROCAL)),
        ("1 lane", partial(Rsqrt, lanes=1, **RSQRT)),
        ("1 lane", partial(LayerNormMoments, lanes=1)),
        ("1 lane", partial(LayerNormRowScale, lanes=1, **RSQRT)),
        ("1 lane", partial(LayerNormNormalize, lanes=1)),
        ("1 lane, 4 experts", partial(TopK, lanes=1, experts=4, k=2)),
        ("2 x 2", partial(Array, side=2, accumulator_bits=17)),
        ("2 x 2", partial(Transposer, side=2, width=2)),
        ("4 x 4", partial(Transposer, side=4, width=2)),
    ]
    for size, make in blocks:
        block = make.func.__name__  # type: ignore[attr-defined]
        yield Proof(
            family=CONTRACT,
            block=block,
            size=size,
            make=lambda make=make: StreamContract(make()),  # type: ignore[misc]
            is_long=block not in quick,
        )


def _orders() -> Iterator[Proof]:
    yield Proof(
        family=ORDER,
        block="SkidBuffer",
        size="8 bits",
        make=lambda: InOrder(SkidBuffer(8), skid_contents),
        depth=2,
        cover_depth=6,
    )
    for depth in (3, 4, 6):
        yield Proof(
            family=ORDER,
            block="StreamFifo",
            size=f"8 bits, depth {depth}",
            make=lambda depth=depth: InOrder(StreamFifo(8, depth=depth), fifo_contents(depth)),  # type: ignore[misc]
            depth=3,
            cover_depth=depth + 5,
            is_long=depth != 4,
        )
    for stages in (1, 3, 7):
        yield Proof(
            family=ORDER,
            block="Pipeline",
            size=f"8 bits, {stages} stages",
            make=lambda stages=stages: InOrder(  # type: ignore[misc]
                Delay(width=8, latency_cycles=stages), delay_contents(stages)
            ),
            depth=stages + 1,
            cover_depth=2 * stages + 5,
            is_long=stages != 3,
        )


def _bounds() -> Iterator[Proof]:
    yield Proof(
        family=BOUND,
        block="LayerNormMoments",
        size="4096 channels",
        make=lambda: MomentSums(LayerNormMoments(lanes=1), channels=4096),
        depth=4,
        cover_depth=7,
        is_long=True,
    )

    yield Proof(
        family=BOUND,
        block="SoftmaxStatistics",
        size="4096 keys, 28 bits",
        make=lambda: SoftmaxSum(SoftmaxStatistics(lanes=1, **TABLE), keys=4096),
        depth=latency.softmax_statistics(has_lines=False),
        cover_depth=latency.softmax_statistics(has_lines=False) + 4,
        is_long=True,
    )
    yield Proof(
        family=BOUND,
        block="Array",
        size="2 x 2, 255 words, 24 bits",
        make=lambda: ArraySums(Array(side=2, accumulator_bits=24), words=255),
        depth=1,
        cover_depth=8,
        abstract=PRODUCTS,
        is_long=True,
    )


def _equal(block: str, size: str, make: Callable[[], Equivalence], **options: Any) -> Proof:
    return Proof(family=EQUAL, block=block, size=size, make=make, method=METHOD, **options)


def _equivalences() -> Iterator[Proof]:
    table, lines = Exp2Specification(**TABLE), Exp2Specification(**LINES)
    gelu = {"bits": 16, "fraction": 12, "step_bits": 4, "table": WideGelu().table}
    yield _equal("Exp2", "16 bits, mantissas", lambda: Equivalence(Exp2(lanes=1, **TABLE), table, legal=table.legal))
    yield _equal(
        "Exp2", "16 bits, lines", lambda: Equivalence(Exp2(lanes=1, **LINES), lines, legal=lines.legal), is_long=True
    )
    yield _equal(
        "ResidualAdd",
        "16 and 48 bits",
        lambda: Equivalence(ResidualAdd(lanes=1, update_bits=48), ResidualSpecification(bits=16)),
    )
    yield _equal("Gelu", "16 bits", lambda: Equivalence(Gelu(lanes=1, **gelu), GeluSpecification(**gelu)), is_long=True)
    yield from _normalizations()
    yield from _requantizations()


def _normalizations() -> Iterator[Proof]:
    """The part of a reciprocal and a root that finds the highest bit; the rest is a test over all that it leaves."""
    stages = latency.NORMALIZE
    options: dict[str, Any] = {"stages": stages, "legal": lambda word: word.lanes[0] != 0}
    yield _equal(
        "Reciprocal",
        "32 bits, normalization",
        lambda: Equivalence(
            Reciprocal(lanes=1, **RECIPROCAL),
            lambda word: {f"lane0.total_normal_{stages - 1}": normalized(word.lanes[0])},
            **options,
        ),
        abstract=PRODUCTS,
    )
    yield _equal(
        "Rsqrt",
        "63 bits, normalization",
        lambda: Equivalence(
            Rsqrt(lanes=1, **RSQRT),
            lambda word: {f"lane0.variance_normal_{stages - 1}": normalized(Cat(word.lanes[0], Const(0, 1)))},
            **options,
        ),
        abstract=PRODUCTS,
        is_long=True,
    )


def _requantizations() -> Iterator[Proof]:
    """Operands, partial products, their sum, and what becomes of it: each part meets the next in registers."""
    wide = RequantizeSpecification(bits=16)
    operands, parts = {"lane0.total": 1, "lane0.factor": 1}, {"lane0.scaled_low": 2, "lane0.scaled_high": 2}
    shifted = {"lane0.scaled_sum": STAGES_TO_SHIFT}

    def part(specification: Any, **options: Any) -> Callable[[], Equivalence]:
        return lambda: Equivalence(Requantize(lanes=1), specification, **options)

    yield _equal("Requantize", "operands", part(wide.operands, stages=1), is_long=True)
    yield _equal("Requantize", "partial products", part(wide.parts, stages=2, given=operands), is_long=True)
    yield _equal(
        "Requantize", "their sum, 51 bits", part(wide.of_parts, stages=3, given=parts), abstract=PRODUCTS, is_long=True
    )
    yield _equal("Requantize", "51 bits to 16", part(wide.of_product, given=shifted), abstract=PRODUCTS, is_long=True)
