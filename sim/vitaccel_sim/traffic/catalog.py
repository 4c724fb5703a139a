"""The traffic of every block by its name."""

from __future__ import annotations

from vitaccel_sim.traffic import (
    activation,
    array,
    exp2,
    gelu,
    layernorm,
    layernorm_normalize,
    probability,
    reciprocal,
    requantize,
    residual,
    rsqrt,
    softmax,
    softmax_rows,
    stream,
    topk,
    transposer,
    weigh,
)
from vitaccel_sim.traffic.case import Traffic

TRAFFIC: dict[str, Traffic] = {
    traffic.block: traffic
    for traffic in (
        stream.SKID_BUFFER,
        stream.FIFO,
        array.ARRAY,
        exp2.EXP2,
        softmax.STATISTICS,
        softmax.NUMERATORS,
        softmax_rows.SOFTMAX,
        reciprocal.RECIPROCALS,
        reciprocal.ROW_FACTOR,
        probability.PROBABILITY,
        requantize.REQUANTIZE,
        activation.ACTIVATION,
        gelu.GELU,
        residual.RESIDUAL,
        rsqrt.RSQRT,
        layernorm.MOMENTS,
        layernorm.ROW_SCALE,
        layernorm_normalize.NORMALIZE,
        topk.TOPK,
        transposer.TRANSPOSER,
        weigh.WEIGH,
    )
}
"""In the order of `vitaccel.backends.rtl.catalog.BLOCKS`."""
