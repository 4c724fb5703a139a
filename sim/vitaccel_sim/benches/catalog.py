"""The bench of every block that has no traffic, by the block's name."""

from __future__ import annotations

from vitaccel_sim.benches import buffer, dma, queues, registers, routed, stream
from vitaccel_sim.benches.block_bench import BlockBench

BENCHES: dict[str, BlockBench] = {
    bench.block: bench
    for bench in (
        stream.ARBITER,
        stream.ROUTER,
        registers.REGISTERS,
        buffer.BUFFER,
        queues.QUEUES,
        queues.ROUTER,
        routed.GATHER,
        routed.SCATTER_ADD,
        dma.READ,
        dma.WRITE,
    )
}
"""In the order of `vitaccel.backends.rtl.catalog.BLOCKS`."""
