"""The write engine: words on chip become rows of bytes in DRAM."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import dma_cycles
from vitaccel_rtl.axi import ERROR_BIT, Geometry, constants, issue, write_ports
from vitaccel_rtl.bursts import BurstCutter
from vitaccel_rtl.dma_job import STATUS, descriptor_layout, fork
from vitaccel_rtl.fifo import LEAST_DEPTH, StreamFifo
from vitaccel_rtl.realign import beat_layout, bytes_layout
from vitaccel_rtl.stream import SkidBuffer, check_range
from vitaccel_rtl.word_plan import WordPlan
from vitaccel_rtl.words_to_beats import WordsToBeats


class DmaWrite(wiring.Component):
    """AXI4 write DMA: descriptors and their words in, one status for each descriptor.

    Bursts are announced ahead of their data, while fewer than ``outstanding`` are unanswered; neither AW nor W waits
    for the other to be accepted. Words become beats as :class:`WordsToBeats` says; bytes of a beat that belong to no
    row have no strobe. After an error a descriptor goes on to its end; the status tells.

    Parameters
    ----------
    jobs
        Descriptors, 3 or more, whose words may be awaited at a time.
    geometry
        The parameters of :class:`vitaccel_rtl.axi.Geometry`.

    Attributes
    ----------
    i : stream
        Of :func:`vitaccel_rtl.dma_job.descriptor_layout`.
    words : stream, in
        ``lanes`` (P bytes), ``ceil(row_bytes / P)`` words for every row; bytes beyond the row are not written. Where a
        row or a descriptor ends is the descriptor's to say.
    status : stream
        ``error``, once for each descriptor, after the last of its bursts was answered. While two are not taken, B
        waits.
    m_axi_aw*, m_axi_w*, m_axi_b* : AXI4
        See :func:`vitaccel_rtl.axi.write_ports`. Bursts are answered in order, as all have the same ID.

    Notes
    -----
    One word a cycle in, one beat a cycle out, whichever is slower; when each part of a job takes which time says
    :mod:`vitaccel_rtl.dma_timing`.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, jobs=4, **geometry):
        self._geometry = shape = Geometry(**geometry)
        check_range("jobs of a write DMA", jobs, 3, 256)
        self._jobs = jobs
        super().__init__(
            {
                "i": In(stream.Signature(descriptor_layout(shape))),
                "words": In(stream.Signature(bytes_layout(shape.word_bytes))),
                "status": Out(stream.Signature(STATUS)),
                **write_ports(shape),
            }
        )

    @property
    def geometry(self):
        """What this engine was built for."""
        return self._geometry

    def interval_cycles(self, job, latency_cycles):
        """Cycles from a job to the next of many that are alike, in a memory of this latency.

        One a beat (or a word, if there are more of those), or more where bursts wait for their places.
        """
        shape = self._geometry
        sizes = {"beat_bytes": shape.beat_bytes, "burst_beats": shape.longest_burst, "outstanding": shape.outstanding}
        bus = dma_cycles.write_bus(latency_cycles=latency_cycles, **sizes)
        return max(dma_cycles.occupation(bus, job).repeated, job.words(shape.word_bytes))

    def elaborate(self, platform):
        m = Module()
        m.submodules.cutter = cutter = BurstCutter(self._geometry)
        m.submodules.jobs = jobs = StreamFifo(descriptor_layout(self._geometry), depth=self._jobs)
        m.submodules.plan = plan = WordPlan(self._geometry)
        m.submodules.beats = beats = WordsToBeats(self._geometry)
        queued = max(LEAST_DEPTH, self._geometry.outstanding)
        # Of every burst that is not answered: its last beat until that left, whether it is its descriptor's last.
        end_of_burst = data.StructLayout({"final": range(max(2, self._geometry.longest_burst))})
        m.submodules.lengths = lengths = StreamFifo(end_of_burst, depth=queued)
        m.submodules.ends = ends = StreamFifo(data.StructLayout({"last": 1}), depth=queued)
        fork(m, self.i, cutter.i, jobs.i)
        wiring.connect(m, jobs.o, plan.i)
        wiring.connect(m, plan.o, beats.plan)
        wiring.connect(m, wiring.flipped(self.words), beats.i)
        self._announce(m, cutter.o, lengths.i, ends.i)
        self._send(m, beats.o, lengths.o)
        self._collect(m, ends.o)
        return m

    def _announce(self, m, burst, lengths, ends):
        """Issue bursts on AW while they may be in flight; the queues, as deep as that, have room for them."""
        in_flight = Signal(range(self._geometry.outstanding + 1))
        issues = issue(m, self, "aw", burst, in_flight != self._geometry.outstanding)
        answered = self.m_axi_bvalid & self.m_axi_bready
        m.d.sync += in_flight.eq(in_flight + issues - answered)
        m.d.comb += [
            *constants("aw", self, self._geometry),
            lengths.p.final.eq(burst.p.beats - 1),
            lengths.valid.eq(issues),
            ends.p.last.eq(burst.p.last),
            ends.valid.eq(issues),
        ]

    def _send(self, m, beat, length):
        """Send beats on W, the last one of each burst marked."""
        layout = data.StructLayout({**beat_layout(self._geometry).members, "last": 1})
        m.submodules.skid = skid = SkidBuffer(layout)
        sent = Signal(range(self._geometry.longest_burst))
        is_last = sent == length.p.final
        passes = beat.valid & length.valid & skid.i.ready
        m.d.comb += [
            skid.i.p.lanes.eq(beat.p.lanes),
            skid.i.p.strobe.eq(beat.p.strobe),
            skid.i.p.last.eq(is_last),
            skid.i.valid.eq(beat.valid & length.valid),
            beat.ready.eq(length.valid & skid.i.ready),
            length.ready.eq(passes & is_last),
            self.m_axi_wdata.eq(skid.o.p.lanes),
            self.m_axi_wstrb.eq(skid.o.p.strobe),
            self.m_axi_wlast.eq(skid.o.p.last),
            self.m_axi_wvalid.eq(skid.o.valid),
            skid.o.ready.eq(self.m_axi_wready),
        ]
        with m.If(passes):
            m.d.sync += sent.eq(Mux(is_last, 0, sent + 1))

    def _collect(self, m, end):
        """Take the answers on B, and make a status of those of a descriptor."""
        m.submodules.status = status = SkidBuffer(STATUS)
        wiring.connect(m, status.o, wiring.flipped(self.status))
        seen = Signal()
        error = seen | self.m_axi_bresp[ERROR_BIT]
        answered = self.m_axi_bvalid & self.m_axi_bready
        m.d.comb += [
            self.m_axi_bready.eq(status.i.ready),
            end.ready.eq(answered),
            status.i.p.error.eq(error),
            status.i.valid.eq(answered & end.p.last),
        ]
        with m.If(answered):
            m.d.sync += seen.eq(error & ~end.p.last)
