"""Factors of a block of routed tokens: each entry's gate score times the layer's multiplier, a lane each."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.fixed_point import FACTOR_BITS
from vitaccel_rtl.formats import SCORE_BITS
from vitaccel_rtl.queue_blocks import QueueBlocks
from vitaccel_rtl.stream import Stages, check_range

SHIFT_BITS = 6

GATE_FACTOR_BITS = SCORE_BITS + FACTOR_BITS
"""Of a score times a multiplier: below ``2**16 * 2**17`` in magnitude, and a sign."""


def scale_job(entry_bits, **fields):
    """Layout of what scales the results of a queue, behind other fields of its job."""
    scale = {"multiplier": signed(FACTOR_BITS), "shift": unsigned(SHIFT_BITS), "entries": unsigned(entry_bits)}
    return data.StructLayout({**fields, **scale})


class GateFactors(wiring.Component):
    """Takes the scores of a queue one by one, offers the factors of P entries at once.

    Two blocks are kept: the scores of one arrive, those of the next queue included, while the other is offered.

    Parameters
    ----------
    side
        Entries of a block, P: 2 to 64.
    entry_bits
        Width of a number of entries, 1 to 24.

    Attributes
    ----------
    job : stream
        ``multiplier`` (signed, 18 bits), ``shift`` (0 to 47), ``entries`` (0 for an empty queue: no
        word comes of it).
    entry : stream
        Gate score, uq0.16: as many as the job says.
    o : stream
        ``factors`` (signed, 34 bits, a lane each; those beyond the queue mean nothing), ``shift``. One for each
        block, offered until it is accepted.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, side, entry_bits=16):
        check_range("side of a queue", side, 2, 64)
        check_range("entry_bits of a queue", entry_bits, 1, 24)
        self._side = side
        self._entry_bits = entry_bits
        word = {"factors": data.ArrayLayout(signed(GATE_FACTOR_BITS), side), "shift": unsigned(SHIFT_BITS)}
        super().__init__(
            {
                "job": In(stream.Signature(scale_job(entry_bits))),
                "entry": In(stream.Signature(unsigned(SCORE_BITS))),
                "o": Out(stream.Signature(data.StructLayout(word))),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from accepting the last score of a block to offering its factors."""
        return latency.GATE_FACTORS

    def elaborate(self, platform):
        m = Module()
        m.submodules.blocks = blocks = QueueBlocks(side=self._side, entry_bits=self._entry_bits)
        job_multiplier = Signal.like(self.job.p.multiplier, reset_less=True)
        job_shift = Signal.like(self.job.p.shift, reset_less=True)
        advance = Signal()
        m.d.comb += [
            self.job.ready.eq(blocks.free),
            blocks.start.eq(self.job.valid & self.job.ready),
            blocks.entries.eq(self.job.p.entries),
            self.entry.ready.eq(blocks.open & advance),
            blocks.step.eq(self.entry.valid & self.entry.ready),
        ]
        with m.If(blocks.start):
            m.d.sync += [job_multiplier.eq(self.job.p.multiplier), job_shift.eq(self.job.p.shift)]
        stages = Stages(m, advance)
        arrived = stages.flags(blocks.step, 2, name="arrived")[-1]
        ends = stages.flags(blocks.ends_block, 2, name="ends")[-1]
        score = stages.register(self.entry.p, name="score")
        multiplier = stages.register(job_multiplier, name="multiplier")
        product = stages.register(score * multiplier, name="product")
        shift = stages.delay(job_shift, 2, name="shift")
        self._keep(m, advance, arrived, ends, product, shift)
        return m

    def _keep(self, m, advance, arrived, ends, product, shift):
        full = Signal(2)
        filled, freed = Signal(2), Signal(2)
        write_half, read_half = Signal(), Signal()
        place = Signal(range(self._side))
        takes = Signal()
        m.d.sync += full.eq((full | filled) & ~freed)
        m.d.comb += [
            advance.eq(~arrived | ~Mux(write_half, full[1], full[0])),
            takes.eq(arrived & advance),
            self.o.valid.eq(Mux(read_half, full[1], full[0])),
        ]
        kept = [Signal(self.o.p.shape(), name=f"kept_{half}", reset_less=True) for half in range(2)]
        for half, word in enumerate(kept):
            for lane, factor in enumerate(word.factors):
                with m.If(takes & (write_half == half) & (place == lane)):
                    m.d.sync += [factor.eq(product), word.shift.eq(shift)]
        with m.If(takes):
            m.d.sync += place.eq(Mux(ends, 0, place + 1))
            with m.If(ends):
                m.d.comb += filled.eq(1 << write_half)
                m.d.sync += write_half.eq(~write_half)
        with m.If(self.o.valid & self.o.ready):
            m.d.comb += freed.eq(1 << read_half)
            m.d.sync += read_half.eq(~read_half)
        m.d.comb += Cat(self.o.p).eq(Mux(read_half, Cat(kept[1]), Cat(kept[0])))
