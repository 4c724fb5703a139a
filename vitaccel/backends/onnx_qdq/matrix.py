"""Matrix ops outside attention and experts."""

from __future__ import annotations

from vitaccel.backends.onnx_qdq.emit import Site, emit
from vitaccel.backends.onnx_qdq.pairs import constant
from vitaccel.ir import ops
from vitaccel.ir.scales import TOKEN_MIX_KEY


@emit.register
def linear(_op: ops.Linear, site: Site) -> str:
    """``MatMul`` and ``Add``.

    The bias has as many axes as the product: a vector makes onnxruntime 1.31 fuse both into a Gemm with a Reshape
    before it, and its next rewrite of the QuantizeLinear that it puts there has two contradicting types.
    """
    product = site.op("MatMul", site.x(0), site.x(1))
    if len(site.node.inputs) == 2:
        return product
    bias = site.node.inputs[2]
    return site.op("Add", product, constant(site.builder, site.graph, bias, rank=len(site.shape)))


@emit.register
def matmul(_op: ops.MatMul, site: Site) -> str:
    """``MatMul``."""
    return site.op("MatMul", site.x(0), site.x(1))


@emit.register
def token_mix(op: ops.TokenMix, site: Site) -> str:
    """``MatMul`` by the stored matrix; a resize or a pooling says in the node's metadata that it was one."""
    metadata = {} if op.kind == "matmul" else {TOKEN_MIX_KEY: op.kind}
    return site.op("MatMul", site.x(1), site.x(0), metadata=metadata)
