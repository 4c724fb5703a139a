"""Softmax of whole rows: logits in, numerators and the reciprocal of their sum out, the rows kept in between.

What attention does between the two products: a row is written to a queue while its statistics are made, and leaves as
numerators while the next row comes in. Dividing is deferred: the reciprocal comes with every numerator and is for the
outputs of A.V.
"""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.beat_buffer import BeatBuffer
from vitaccel_rtl.credit_queue import CreditQueue
from vitaccel_rtl.exp2 import NUMERATOR_BITS, check_powers, has_lines, whole_bits
from vitaccel_rtl.fifo import LEAST_DEPTH
from vitaccel_rtl.flow import Flow
from vitaccel_rtl.formats import LOGIT_BITS
from vitaccel_rtl.reciprocal import EXPONENT_BITS, MANTISSA_BITS, ReciprocalLane, check_reciprocal
from vitaccel_rtl.softmax import DROPPED_BITS, SoftmaxNumerators, SoftmaxStatistics
from vitaccel_rtl.stream import check_range, lane_word

LONGEST_ROW = 4096

ROWS_IN_FLIGHT = 32
"""Rows of which maximum and scale can wait: more than numerators have stages, as each may be of one key."""


class RowSummary(Flow):
    """P lanes from the statistics of a row to its maximum and the reciprocal of its sum, one word a cycle."""

    def __init__(self, *, lanes, fraction_bits, sum_bits, table, entry_bits, centre):
        check_reciprocal(table, entry_bits, centre)
        self._options = {"table": table, "entry_bits": entry_bits, "centre": centre}
        m = data.ArrayLayout(signed(whole_bits(fraction_bits)), lanes)
        total = data.ArrayLayout(unsigned(sum_bits), lanes)
        super().__init__(
            i=data.StructLayout({"m": m, "total": total, "last": 1}),
            o=data.StructLayout({"m": m, **_scale(lanes), "last": 1}),
            stages=latency.RECIPROCAL,
        )

    def connect(self, m, stages, out):
        for i, total in enumerate(self.i.p.total):
            lane = ReciprocalLane(**self._options)
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [
                lane.advance.eq(stages.advance),
                lane.total.eq(total),
                out.mantissa[i].eq(lane.mantissa),
                out.exponent[i].eq(lane.exponent),
                out.m[i].eq(stages.delay(self.i.p.m[i], latency.RECIPROCAL, name=f"m{i}")),
            ]


class RowQueue(wiring.Component):
    """First in, first out, of *depth* words or a few more: a memory with a register at its output, as in the DMA."""

    def __init__(self, shape, *, depth):
        self._depth = depth
        self._shape = shape
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = BeatBuffer(self._shape, depth=self._depth)
        wiring.connect(m, words.o, wiring.flipped(self.o))
        room = Signal(range(self._depth + 1), init=self._depth)
        has_room = Signal(init=1)
        accepted = Signal()
        m.d.comb += [self.i.ready.eq(has_room), accepted.eq(self.i.valid & has_room)]
        # Registers in front of the memory too: whether a word is accepted comes late in the cycle.
        beat = Signal.like(words.beat, name="beat", reset_less=True)
        arrives = Signal()
        m.d.sync += [beat.eq(self.i.payload), arrives.eq(accepted)]
        m.d.comb += [words.beat.eq(beat), words.arrives.eq(arrives)]
        with m.If(accepted ^ words.leaves):
            m.d.sync += [room.eq(Mux(words.leaves, room + 1, room - 1)), has_room.eq(words.leaves | (room != 1))]
        return m


class Softmax(wiring.Component):
    """P lanes of softmax over rows of at most *keys* logits, one word a cycle in and out.

    Parameters
    ----------
    lanes
        P, 1 to 256.
    fraction_bits, powers
        Fraction bits of a logit, and the ``table`` of :class:`vitaccel_rtl.exp2.Exp2`.
    bits
        Width of a numerator, 8, 12 or 16.
    keys
        Longest row, 1 to 4096; a longer one would never leave.
    table, entry_bits, centre
        Of `vitaccel.reference.reciprocal.Reciprocal`.

    Attributes
    ----------
    i : stream
        ``lanes`` (logits, int16), ``last``: the last key of a row.
    o : stream
        ``lanes`` (numerators u, unsigned *bits*), of each lane's row ``mantissa`` (17 bits) and ``exponent`` (5 bits)
        of the reciprocal of its sum, ``last``.

    Timing
    ------
    From the last key of a row to its first numerator: statistics, reciprocal, registers, a queue and the numerators,
    ``latency.softmax_rows``. Rows follow each other without a gap, while none is shorter than the one before it; of
    shorter ones 32 can wait for a long row to leave.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, lanes, fraction_bits, powers, table, entry_bits, centre, bits=8, keys=LONGEST_ROW):
        check_range("keys of a softmax", keys, 1, LONGEST_ROW)
        check_range("lanes of a softmax", lanes, 1, 256)
        check_powers(fraction_bits, powers)
        check_reciprocal(table, entry_bits, centre)
        if bits not in DROPPED_BITS:
            raise ValueError(f"bits of a numerator must be 8, 12 or 16, not {bits!r}")
        self._lanes = lanes
        self._keys = keys
        self._powers = {"fraction_bits": fraction_bits, "table": powers}
        self._reciprocal = {"table": table, "entry_bits": entry_bits, "centre": centre}
        self._bits = bits
        logits = lane_word(lanes, signed(LOGIT_BITS))
        numerators = lane_word(lanes, unsigned(bits), **_scale(lanes))
        super().__init__({"i": In(stream.Signature(logits)), "o": Out(stream.Signature(numerators))})

    @property
    def latency_cycles(self):
        """Cycles from accepting the last key of a row to offering its first numerator."""
        return latency.softmax_rows(has_lines=has_lines(self._powers["table"]), bits=self._bits)

    @property
    def interval_cycles(self):
        """Cycles from accepting a word to accepting the next, while rows get no shorter and are taken as they come."""
        return latency.WORD_INTERVAL

    def elaborate(self, platform):
        m = Module()
        sum_bits = (self._keys << NUMERATOR_BITS - 1).bit_length()
        m.submodules.statistics = statistics = SoftmaxStatistics(lanes=self._lanes, **self._powers, sum_bits=sum_bits)
        m.submodules.summary = summary = RowSummary(
            lanes=self._lanes, fraction_bits=self._powers["fraction_bits"], sum_bits=sum_bits, **self._reciprocal
        )
        m.submodules.numerators = numerators = SoftmaxNumerators(lanes=self._lanes, **self._powers, bits=self._bits)
        # While a row leaves, the next one comes in as fast; what has come until the row's summary is there is on top.
        depth = self._keys + self.latency_cycles + LEAST_DEPTH
        m.submodules.rows = rows = RowQueue(self.i.p.shape(), depth=depth)
        m.submodules.maxima = maxima = CreditQueue(summary.o.p.m.shape(), depth=ROWS_IN_FLIGHT)
        m.submodules.scales = scales = CreditQueue(data.StructLayout(_scale(self._lanes)), depth=ROWS_IN_FLIGHT)

        wiring.connect(m, statistics.o, summary.i)
        _fork(m, self.i, rows.i, statistics.i)
        m.d.comb += [rows.i.p.eq(self.i.p), statistics.i.p.eq(self.i.p)]
        self._keep_summary(m, summary.o, maxima, scales)
        self._join_maximum(m, rows.o, maxima.o, numerators.i)
        self._join_scale(m, numerators.o, scales.o)
        return m

    def _keep_summary(self, m, summary, maxima, scales):
        """A row's maximum and scale enter their queues a cycle after there was a place in both."""
        accepted = Signal()
        maximum = Signal.like(summary.p.m, name="arriving_maximum", reset_less=True)
        scale = Signal.like(scales.word, name="arriving_scale", reset_less=True)
        m.d.comb += [
            summary.ready.eq(maxima.has_place & scales.has_place),
            accepted.eq(summary.valid & summary.ready),
            maxima.word.eq(maximum),
            scales.word.eq(scale),
        ]
        m.d.sync += [maximum.eq(summary.p.m), *(scale[name].eq(summary.p[name]) for name in _scale(self._lanes))]
        for queue in (maxima, scales):
            m.d.comb += queue.reserve.eq(accepted)
            m.d.sync += queue.arrives.eq(accepted)

    def _join_maximum(self, m, row, maximum, numerators):
        """A word of logits meets the final maximum of its row, which goes with the row's last."""
        m.d.comb += [
            numerators.valid.eq(row.valid & maximum.valid),
            numerators.p.lanes.eq(row.p.lanes),
            numerators.p.last.eq(row.p.last),
            numerators.p.m.eq(maximum.p),
            row.ready.eq(numerators.ready & maximum.valid),
            maximum.ready.eq(numerators.ready & row.valid & row.p.last),
        ]

    def _join_scale(self, m, numerators, scale):
        """A word of numerators meets the scale of its row, which was there before the first of them."""
        m.d.comb += [
            self.o.valid.eq(numerators.valid),
            self.o.p.lanes.eq(numerators.p.lanes),
            self.o.p.last.eq(numerators.p.last),
            *(self.o.p[name].eq(scale.p[name]) for name in _scale(self._lanes)),
            numerators.ready.eq(self.o.ready),
            scale.ready.eq(numerators.valid & self.o.ready & numerators.p.last),
        ]


def _fork(m, source, first, second):
    """A word goes to both sinks in the same cycle, or to none: what a sink is only offered it must not remember."""
    m.d.comb += [
        first.valid.eq(source.valid & second.ready),
        second.valid.eq(source.valid & first.ready),
        source.ready.eq(first.ready & second.ready),
    ]


def _scale(lanes):
    return {
        "mantissa": data.ArrayLayout(unsigned(MANTISSA_BITS), lanes),
        "exponent": data.ArrayLayout(unsigned(EXPONENT_BITS), lanes),
    }
