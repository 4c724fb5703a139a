"""Logits used again: kept in the activation buffer with their statistics, and read as an operand."""

from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.kept_logits import CLIENTS, KeptLogits, place_layout
from vitaccel_rtl.accelerator.kept_operand import KeptOperand
from vitaccel_rtl.accelerator.kept_statistics import KeptStatistics
from vitaccel_rtl.accelerator.slot_buffer import read_client, write_client
from vitaccel_rtl.accelerator.tile import operands_layout
from vitaccel_rtl.exp2 import whole_bits
from vitaccel_rtl.formats import LOGIT_BITS
from vitaccel_rtl.latency import SLOTS

REUSE_CLIENTS = CLIENTS
"""Of the activation buffer's writers; of its readers see :mod:`vitaccel_rtl.accelerator.kept_operand`."""


class LogitReuse(wiring.Component):
    """What bidirectional cross-attention needs beside attention.

    Parameters
    ----------
    side, words, rows
        P, words of the activation buffer, rows of logits whose statistics are kept.
    softmax
        Of :class:`vitaccel_rtl.accelerator.logit_rows.LogitRows`.

    Attributes
    ----------
    phase : in
        Of the frame.
    clear : in
        The statistics that come next are those of the first rows that are kept.
    keeps, lanes, last, place : in
        Words of logits: :class:`vitaccel_rtl.accelerator.kept_logits.KeptLogits`.
    summary_valid, maxima, totals : in
        Statistics of P rows.
    start, tile, low : in
        A digit of kept logits sets out: :class:`vitaccel_rtl.accelerator.kept_operand.KeptOperand`.
    digits : out
        The operand, `KEPT_AHEAD` frames and `READ_RUN` later.
    memory : read client, out
    writes : array of write clients, out
        Of the activation buffer.
    """

    def __init__(self, *, side, words, rows, softmax):
        powers = {name: softmax[name] for name in ("fraction_bits", "table")}
        self._kept = KeptLogits(side=side, words=words)
        self._operand = KeptOperand(side=side, words=words, entries=rows, **powers)
        self._statistics = KeptStatistics(
            side=side,
            entries=rows,
            fraction_bits=softmax["fraction_bits"],
            sum_bits=softmax["sum_bits"],
            reciprocal=softmax["reciprocal"],
        )
        lines = words // SLOTS
        super().__init__(
            {
                "phase": In(3),
                "clear": In(1),
                "keeps": In(1),
                "lanes": In(data.ArrayLayout(signed(LOGIT_BITS), side)),
                "last": In(1),
                "place": In(place_layout()),
                "summary_valid": In(1),
                "maxima": In(data.ArrayLayout(signed(whole_bits(softmax["fraction_bits"])), side)),
                "totals": In(data.ArrayLayout(unsigned(softmax["sum_bits"]), side)),
                "start": In(1),
                "tile": In(operands_layout()),
                "low": In(8 * side),
                "digits": Out(8 * side),
                "memory": Out(read_client(side, lines)),
                "writes": Out(write_client(side, lines)).array(len(REUSE_CLIENTS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.kept = kept = self._kept
        m.submodules.operand = operand = self._operand
        m.submodules.statistics = statistics = self._statistics
        wiring.connect(m, operand.memory, wiring.flipped(self.memory))
        for client, port in zip(kept.writes, self.writes, strict=True):
            wiring.connect(m, client, wiring.flipped(port))
        tile = self.tile
        m.d.comb += [
            kept.phase.eq(self.phase),
            kept.valid.eq(self.keeps),
            kept.lanes.eq(self.lanes),
            kept.last.eq(self.last),
            kept.place.eq(self.place),
            statistics.clear.eq(self.clear),
            statistics.valid.eq(self.summary_valid),
            statistics.m.eq(self.maxima),
            statistics.total.eq(self.totals),
            statistics.read_address.eq(operand.read_address),
            operand.phase.eq(self.phase),
            operand.start.eq(self.start),
            operand.high.eq(tile.a + tile.plane),
            operand.count.eq(tile.depth),
            operand.statistics.eq(tile.statistics),
            operand.is_low_digit.eq(tile.is_low_digit),
            operand.low.eq(self.low),
            operand.row.eq(statistics.row),
            self.digits.eq(operand.digits),
        ]
        return m
