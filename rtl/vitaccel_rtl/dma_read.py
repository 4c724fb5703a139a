"""The read engine: rows of bytes in DRAM become words on chip."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import dma_cycles
from vitaccel_rtl.axi import ERROR_BIT, Geometry, constants, issue, read_ports
from vitaccel_rtl.beat_buffer import BeatBuffer
from vitaccel_rtl.beats_to_words import BeatsToWords
from vitaccel_rtl.bursts import BurstCutter
from vitaccel_rtl.dma_job import STATUS, descriptor_layout, fork
from vitaccel_rtl.fifo import StreamFifo
from vitaccel_rtl.realign import bytes_layout
from vitaccel_rtl.reserve import Reserve
from vitaccel_rtl.stream import SkidBuffer, check_range
from vitaccel_rtl.word_plan import WordPlan


class DmaRead(wiring.Component):
    """AXI4 read DMA: descriptors in, words out, one status for each descriptor.

    Bursts are requested ahead of the data, while fewer than ``outstanding`` are in flight and the buffer has room for
    all beats that were requested: R is never stalled. Beats become words as :class:`BeatsToWords` says; the last word
    of a row is filled up with zeros. After an error a descriptor goes on to its end, with the data as they came, so
    that every burst is answered and every word that is waited for is there; the status tells.

    Parameters
    ----------
    buffer_beats
        Beats of the data buffer, ``longest_burst`` and at least 3, to 65,536. When ``None``, those of all
        bursts in flight, so that a burst hardly waits for room while words are taken as fast as they come.
    jobs
        Descriptors, 3 or more, whose words may be awaited at a time.
    geometry
        The parameters of :class:`vitaccel_rtl.axi.Geometry`.

    Attributes
    ----------
    i : stream
        Of :func:`vitaccel_rtl.dma_job.descriptor_layout`.
    o : stream
        ``lanes`` (P bytes), ``last_of_row``, ``last`` (of the descriptor).
    status : stream
        ``error``, once for each descriptor, after its last word was accepted. While two are not taken, the last word
        of the next descriptor waits.
    m_axi_ar*, m_axi_r* : AXI4
        See :func:`vitaccel_rtl.axi.read_ports`. Bursts are answered in order, as all have the same ID.

    Notes
    -----
    One beat a cycle in, one word a cycle out, whichever is slower; when each part of a job takes which time says
    :mod:`vitaccel_rtl.dma_timing`.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, buffer_beats=None, jobs=4, **geometry):
        self._geometry = shape = Geometry(**geometry)
        least = max(3, shape.longest_burst)
        ample = dma_cycles.buffer_beats(shape.outstanding, shape.longest_burst)
        self._buffer_beats = ample if buffer_beats is None else buffer_beats
        check_range("buffer_beats of a read DMA", self._buffer_beats, least, 1 << 16)
        check_range("jobs of a read DMA", jobs, 3, 256)
        self._jobs = jobs
        super().__init__(
            {
                "i": In(stream.Signature(descriptor_layout(shape))),
                "o": Out(stream.Signature(bytes_layout(shape.word_bytes, last_of_row=1, last=1))),
                "status": Out(stream.Signature(STATUS)),
                **read_ports(shape),
            }
        )

    @property
    def geometry(self):
        """What this engine was built for."""
        return self._geometry

    @property
    def buffer_beats(self):
        """Beats of the data buffer."""
        return self._buffer_beats

    def interval_cycles(self, job, latency_cycles):
        """Cycles from a job to the next of many that are alike, in a memory of this latency.

        One a beat (or a word, if there are more of those), or more where bursts wait for their places.
        """
        shape = self._geometry
        sizes = {"beat_bytes": shape.beat_bytes, "burst_beats": shape.longest_burst, "outstanding": shape.outstanding}
        bus = dma_cycles.read_bus(latency_cycles=latency_cycles, buffer_beats=self._buffer_beats, **sizes)
        return max(dma_cycles.occupation(bus, job).repeated, job.words(shape.word_bytes))

    def elaborate(self, platform):
        m = Module()
        m.submodules.cutter = cutter = BurstCutter(self._geometry)
        m.submodules.reserve = reserve = Reserve(self._geometry, beats=self._buffer_beats)
        m.submodules.jobs = jobs = StreamFifo(descriptor_layout(self._geometry), depth=self._jobs)
        m.submodules.plan = plan = WordPlan(self._geometry)
        beat = bytes_layout(self._geometry.beat_bytes, error=1)
        m.submodules.buffer = buffer = BeatBuffer(beat, depth=self._buffer_beats)
        m.submodules.words = words = BeatsToWords(self._geometry)
        fork(m, self.i, cutter.i, jobs.i)
        wiring.connect(m, jobs.o, plan.i)
        wiring.connect(m, plan.o, words.plan)
        wiring.connect(m, buffer.o, words.i)
        wiring.connect(m, cutter.o, reserve.i)
        self._request(m, reserve.o)
        m.d.comb += [
            reserve.leaves.eq(buffer.leaves),
            buffer.beat.lanes.eq(self.m_axi_rdata),
            buffer.beat.error.eq(self.m_axi_rresp[ERROR_BIT]),
            buffer.arrives.eq(self.m_axi_rvalid),
            self.m_axi_rready.eq(1),
        ]
        self._deliver(m, words.o)
        return m

    def _request(self, m, burst):
        """Issue bursts that have room on AR while they may be in flight."""
        in_flight = Signal(range(self._geometry.outstanding + 1))
        issues = issue(m, self, "ar", burst, in_flight != self._geometry.outstanding)
        ends = self.m_axi_rvalid & self.m_axi_rlast
        m.d.comb += constants("ar", self, self._geometry)
        m.d.sync += in_flight.eq(in_flight + issues - ends)

    def _deliver(self, m, word):
        """Words to the output, and a status after the last of a descriptor."""
        m.submodules.status = status = SkidBuffer(STATUS)
        wiring.connect(m, status.o, wiring.flipped(self.status))
        passes = ~word.p.last | status.i.ready
        seen = Signal()
        accepted = self.o.valid & self.o.ready
        m.d.comb += [
            self.o.p.lanes.eq(word.p.lanes),
            self.o.p.last_of_row.eq(word.p.last_of_row),
            self.o.p.last.eq(word.p.last),
            self.o.valid.eq(word.valid & passes),
            word.ready.eq(self.o.ready & passes),
            status.i.p.error.eq(seen | word.p.error),
            status.i.valid.eq(accepted & word.p.last),
        ]
        with m.If(accepted):
            m.d.sync += seen.eq(~word.p.last & (seen | word.p.error))
