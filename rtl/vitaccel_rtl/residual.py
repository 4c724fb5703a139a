"""Residual lanes: two streams of one scale are added and saturated; nothing is rounded.

The integers of `vitaccel.reference.residual.ResidualAdd`.
"""

from amaranth.hdl import signed
from amaranth.lib import data

from vitaccel_rtl import latency
from vitaccel_rtl.fixed_point import saturate
from vitaccel_rtl.stream import Pipeline, check_range, lane_word


class ResidualAdd(Pipeline):
    """P residual lanes, one word a cycle, 2 cycles a word: the sum, and its saturation.

    Parameters
    ----------
    lanes
        P, 1 to 256.
    bits
        Width of the stream, 8 to 32 (`ResidualAdd.bits`).
    update_bits
        Width of an update, 2 to 48.

    Attributes
    ----------
    i : stream
        ``lanes`` (updates, signed *update_bits*), ``residual`` (signed *bits* a lane), ``last``.
    o : stream
        ``lanes`` (signed *bits*), ``last``.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, lanes, bits=16, update_bits=16):
        check_range("lanes of a residual addition", lanes, 1, 256)
        check_range("bits of a residual addition", bits, 8, 32)
        check_range("update_bits of a residual addition", update_bits, 2, 48)
        self._bits = bits
        super().__init__(
            i=lane_word(lanes, signed(update_bits), residual=data.ArrayLayout(signed(bits), lanes)),
            o=lane_word(lanes, signed(bits)),
            latency_cycles=latency.RESIDUAL,
        )

    def connect(self, m, stages, valid, last):
        for i, out in enumerate(self.o.p.lanes):
            total = stages.register(self.i.p.lanes[i] + self.i.p.residual[i], name=f"total{i}")
            code = stages.register(saturate(total, self._bits), name=f"code{i}", shape=signed(self._bits))
            m.d.comb += out.eq(code)
