"""What goes into each block and what must come out: words from the reference, extremes, and bins of both.

One file per stem. A :class:`vitaccel_sim.traffic.case.Traffic` says at which parameter points a block is tried and
makes its words; `vitaccel_sim.traffic.catalog.TRAFFIC` holds them by the block's name in
`vitaccel.backends.rtl.catalog`. Benches in every simulator, generated benches, coverage, mutation and the tests of the
tests all take their words from here.
"""
