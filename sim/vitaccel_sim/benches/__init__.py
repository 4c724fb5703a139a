"""The benches of blocks that have other ports than the streams ``i`` and ``o``, without cocotb.

A file for each bench of `vitaccel_sim.bench`: the parameter points at which a block is tried, and what the bench is
told of one. `vitaccel_sim.benches.catalog.BENCHES` holds them by the block's name in `vitaccel.backends.rtl.catalog`.
"""
