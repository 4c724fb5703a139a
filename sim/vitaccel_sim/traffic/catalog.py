"""The traffic of every block by its name."""

from __future__ import annotations

from vitaccel_sim.traffic import gelu, layernorm, layernorm_normalize, requantize, rsqrt, softmax, stream, topk
from vitaccel_sim.traffic.case import Traffic

TRAFFIC: dict[str, Traffic] = {
    traffic.block: traffic
    for traffic in (
        stream.SKID_BUFFER,
        stream.FIFO,
        softmax.STATISTICS,
        softmax.NUMERATORS,
        requantize.REQUANTIZE,
        gelu.GELU,
        rsqrt.RSQRT,
        layernorm.MOMENTS,
        layernorm.ROW_SCALE,
        layernorm_normalize.NORMALIZE,
        topk.TOPK,
    )
}
"""In the order of `vitaccel.backends.rtl.catalog.BLOCKS`."""
