"""Every proof there is: what of which block, at which size, by which method.

The tests run them, and `benchmarks/proofs.py` prints them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from amaranth.hdl import Cat, Const

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
from vitaccel_rtl.queue_walk import QueueWalk
from vitaccel_rtl.reciprocal import Reciprocal, RowFactor
from vitaccel_rtl.requantize import STAGES_TO_SHIFT, Requantize
from vitaccel_rtl.residual import ResidualAdd
from vitaccel_rtl.router import Router
from vitaccel_rtl.rsqrt import Rsqrt
from vitaccel_rtl.softmax import SoftmaxNumerators, SoftmaxStatistics
from vitaccel_rtl.stream import SkidBuffer
from vitaccel_rtl.topk import TopK
from vitaccel_rtl.transposer import Transposer
from vitaccel_sim.formal.bounds import ArraySums, MomentSums, SoftmaxSum
from vitaccel_sim.formal.equivalence import METHOD, Equivalence
from vitaccel_sim.formal.lookup import Lookup
from vitaccel_sim.formal.order_catalog import ROUTED, orders
from vitaccel_sim.formal.proof import PRODUCTS, Proof
from vitaccel_sim.formal.ranking import Ranking
from vitaccel_sim.formal.specification import (
    Exp2Specification,
    GeluSpecification,
    RequantizeSpecification,
    ResidualSpecification,
    RowFactorSpecification,
    normalized,
)
from vitaccel_sim.formal.stream_contract import StreamContract

CONTRACT, BOUND, EQUAL = "stream contract", "no overflow", "equivalence"

TABLE = {"fraction_bits": 6, "table": OnlineSoftmax(6).exp2.mantissas}
LINES = {"fraction_bits": 8, "table": OnlineSoftmax(8).exp2.lines}
RECIPROCAL = {name: getattr(OnlineSoftmax(6).reciprocal, name) for name in ("table", "entry_bits", "centre")}
RSQRT = {name: getattr(RsqrtSpec(), name) for name in ("table", "entry_bits", "centre")}


def proofs() -> tuple[Proof, ...]:
    """Return all proofs."""
    return (*_contracts(), *orders(), *_bounds(), *_equivalences())


def _contracts() -> Iterator[Proof]:
    quick = {"SkidBuffer", "StreamFifo", "Arbiter", "TopK", "SoftmaxStatistics"}
    blocks: list[tuple[str, Callable[[], Any]]] = [
        ("8 bits", partial(SkidBuffer, 8)),
        ("8 bits, depth 4", partial(StreamFifo, 8, depth=4)),
        ("8 bits, 3 sources", partial(Arbiter, 8, sources=3)),
        ("8 bits, 3 outputs", partial(Router, ROUTED, destinations=3)),
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
    # Flows: all stages are looked at, as a word takes as many cycles whatever happens behind; their sums do not matter.
    flows: list[Callable[[], Any]] = [
        partial(LayerNormRowScale, lanes=1, **RSQRT),
        partial(LayerNormNormalize, lanes=1),
    ]
    for make in flows:
        yield Proof(
            family=CONTRACT,
            block=make.func.__name__,  # type: ignore[attr-defined]
            size="1 lane",
            make=lambda make=make: StreamContract(make()),  # type: ignore[misc]
            is_long=True,
            abstract=PRODUCTS,
        )
    yield Proof(
        family=CONTRACT,
        block="QueueWalk",
        size="2 entries a block",
        make=lambda: StreamContract(QueueWalk(side=2, address_bits=4, tile_bits=2, entry_bits=3), answers=False),
        cover_depth=12,
        is_long=True,
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

    for name, powers in (("mantissas", TABLE), ("lines", LINES)):
        stages = latency.softmax_statistics(has_lines=powers is LINES)
        yield Proof(
            family=BOUND,
            block="SoftmaxStatistics",
            size=f"4096 keys, 28 bits, {name}",
            make=lambda powers=powers: SoftmaxSum(SoftmaxStatistics(lanes=1, **powers), keys=4096),  # type: ignore[misc]
            depth=stages,
            cover_depth=stages + 4,
            is_long=True,
        )
    for size, bits, words, options in (
        ("2 x 2", 24, 255, {}),
        ("2 x 2", 32, 4096, {}),
        ("2 x 2, 2 products a multiplier", 24, 255, {"macs_per_multiplier": 2}),
        ("2 x 2, digits", 25, 512, {"has_digits": True}),
    ):
        yield Proof(
            family=BOUND,
            block="Array",
            size=f"{size}, {words} words, {bits} bits",
            make=lambda bits=bits, words=words, options=options: ArraySums(  # type: ignore[misc]
                Array(side=2, accumulator_bits=bits, **options), words=words
            ),
            depth=1,
            cover_depth=9,
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
    yield from _row_factors()
    yield from _states()


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
    operands = dict.fromkeys(("lane0.operand", "lane0.factor_2"), STAGES_TO_SHIFT - 2)
    parts = dict.fromkeys(("lane0.scaled_low", "lane0.scaled_high"), STAGES_TO_SHIFT - 1)
    shifted = {"lane0.scaled_sum": STAGES_TO_SHIFT}

    def part(specification: Any, **options: Any) -> Callable[[], Equivalence]:
        return lambda: Equivalence(Requantize(lanes=1), specification, **options)

    yield _equal("Requantize", "operands", part(wide.operands, stages=STAGES_TO_SHIFT - 2), is_long=True)
    yield _equal(
        "Requantize", "partial products", part(wide.parts, stages=STAGES_TO_SHIFT - 1, given=operands), is_long=True
    )
    yield _equal(
        "Requantize",
        "their sum, 51 bits",
        part(wide.of_parts, stages=STAGES_TO_SHIFT, given=parts),
        abstract=PRODUCTS,
        is_long=True,
    )
    yield _equal("Requantize", "51 bits to 16", part(wide.of_product, given=shifted), abstract=PRODUCTS, is_long=True)


def _row_factors() -> Iterator[Proof]:
    """What follows the reciprocal, whatever its mantissa and exponent."""
    spec, stages = RowFactorSpecification(fraction=8), latency.RECIPROCAL
    place = f"lane0.place_{stages - latency.NORMALIZE}"
    product, behind = {"lane0.mantissa": stages}, {"product0": stages + 2, place: stages}

    def part(specification: Any, **options: Any) -> Callable[[], Equivalence]:
        return lambda: Equivalence(RowFactor(lanes=1, numerator_bits=8, **RECIPROCAL), specification, **options)

    yield _equal("RowFactor", "product", part(spec.product, stages=stages + 2, given=product), is_long=True)
    yield _equal(
        "RowFactor", "34 bits to 17, shift", part(spec.of_product, given=behind), abstract=PRODUCTS, is_long=True
    )


def _states() -> Iterator[Proof]:
    """Blocks whose results depend on more than a word: by induction."""
    for bits, slots in ((8, 1), (16, 2)):
        yield Proof(
            family=EQUAL,
            block="Activation",
            size=f"{bits} bits, any entry of {slots} tables" if slots > 1 else f"{bits} bits, any entry",
            make=lambda bits=bits, slots=slots: Lookup(Activation(lanes=1, bits=bits, slots=slots)),  # type: ignore[misc]
            depth=3,
            cover_depth=6,
            is_long=True,
        )
    yield Proof(
        family=EQUAL,
        block="TopK",
        size="4 experts, k = 2",
        make=lambda: Ranking(TopK(lanes=1, experts=4, k=2), experts=4, k=2),
        depth=2,
        cover_depth=8,
        is_long=True,
    )
