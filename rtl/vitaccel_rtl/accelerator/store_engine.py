"""The store engine: rows of words of the activation buffer to DRAM, as ``isa.STORE`` says."""

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.decode import RAW, decoded, instruction_layout
from vitaccel_rtl.accelerator.job_gate import JobGate, check_jobs
from vitaccel_rtl.accelerator.line_reader import LineReader
from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.accelerator.row_runs import RowRuns, TileRuns, rows_layout
from vitaccel_rtl.accelerator.slot_buffer import check_buffer, read_client
from vitaccel_rtl.axi import Geometry, write_ports
from vitaccel_rtl.dma_job import descriptor_layout
from vitaccel_rtl.dma_write import DmaWrite
from vitaccel_rtl.fifo import StreamFifo

CLIENT = 6
"""Of the activation buffer's readers."""


class StoreEngine(wiring.Component):
    """Executes ``isa.STORE``: jobs of a write DMA, several under way at a time, completed in order.

    ``row_bytes`` bytes of the ``row_words`` words from ``address + r * step`` of the activation buffer on go to row r
    in DRAM; with several parts, those words of it that the instruction says. After an AXI error a job goes on to its
    end.

    Parameters
    ----------
    side
        P, the bytes of a word: 4 to 32.
    activation_words
        Of a part of the buffer, a multiple of 8.
    parts
        Of the buffer, one an array.
    jobs
        Instructions that may be under way at a time, 3 to 256.
    geometry
        The parameters of :class:`vitaccel_rtl.axi.Geometry` but ``word_bytes``.

    Attributes
    ----------
    phase : Signal, in
        Of the frame.
    i : stream
        Instructions, ``row_words = ceil(row_bytes / P)``; accepted in cycles of phase 0 in which less than *jobs* are
        under way.
    done : Signal, out
        An instruction is completed: all of its bytes are in DRAM.
    error : Signal, out
        It had an error on the bus; together with its ``done``.
    activation : read client of the activation buffer, out
    m_axi_aw*, m_axi_w*, m_axi_b* : AXI4
        See :func:`vitaccel_rtl.axi.write_ports`.

    Notes
    -----
    A word a cycle, at most, goes to the bus. Cycles: :mod:`vitaccel_rtl.accelerator.transfer_timing`.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, side, activation_words, parts=1, jobs=8, **geometry):
        check_jobs(jobs)
        self._parts = Parts(count=parts, words=activation_words)
        words = self._parts.words_of_all
        check_buffer(side, words)
        self._geometry = Geometry(word_bytes=side, **geometry)
        self._dma = {"word_bytes": side, "jobs": jobs, **geometry}
        self._reader = {"side": side, "words": words, "client": CLIENT}
        self._jobs = jobs
        super().__init__(
            {
                "phase": In(3),
                "i": In(stream.Signature(RAW)),
                "done": Out(1),
                "error": Out(1),
                "activation": Out(read_client(side, words // 8)),
                **write_ports(self._geometry),
            }
        )

    @property
    def geometry(self):
        """What the DMA was built for."""
        return self._geometry

    def elaborate(self, platform):
        m = Module()
        m.submodules.gate = gate = JobGate(jobs=self._jobs)
        m.submodules.dma = dma = DmaWrite(**self._dma)
        m.submodules.reader = reader = LineReader(**self._reader)
        m.submodules.descriptors = descriptors = StreamFifo(descriptor_layout(self._geometry), depth=self._jobs)
        m.submodules.rows = rows = StreamFifo(rows_layout(self._parts), depth=self._jobs)
        m.submodules.runs = runs = self._runs(reader.i.payload.shape())
        m.d.comb += [
            gate.phase.eq(self.phase),
            gate.begins.eq(self.i.valid & self.i.ready),
            gate.completes.eq(self.done),
            self.i.ready.eq(gate.opens),
            reader.phase.eq(self.phase),
            dma.words.p.lanes.eq(reader.o.p.word),
            dma.words.valid.eq(reader.o.valid),
            reader.o.ready.eq(dma.words.ready),
            self.done.eq(dma.status.valid),
            self.error.eq(dma.status.valid & dma.status.p.error),
            dma.status.ready.eq(1),
        ]
        self._begin(m, gate.begins, descriptors.i, rows.i)
        for source, sink in ((descriptors.o, dma.i), (rows.o, runs.i), (runs.o, reader.i)):
            wiring.connect(m, source, sink)
        wiring.connect(m, reader.memory, wiring.flipped(self.activation))
        for name, member in write_ports(self._geometry).items():
            inner, outer = getattr(dma, name), getattr(self, name)
            m.d.comb += outer.eq(inner) if member.flow is Out else inner.eq(outer)
        return m

    def _runs(self, run):
        """Build what makes runs of rows."""
        if self._parts.count == 1:
            return RowRuns(run)
        return TileRuns(run, parts=self._parts, side=self._reader["side"])

    def _begin(self, m, begins, descriptor, rows):
        """Hand an instruction to both that must know of it; they have room for *jobs* of them."""
        job = data.View(instruction_layout(isa.STORE), decoded(isa.STORE, self.i.p.words))
        m.d.comb += [
            descriptor.p.address.eq(job.dram),
            descriptor.p.rows.eq(job.rows),
            descriptor.p.row_bytes.eq(job.row_bytes),
            descriptor.p.stride_bytes.eq(job.stride_bytes),
            descriptor.valid.eq(begins),
            rows.p.address.eq(job.address),
            rows.p.step.eq(job.step),
            rows.p.rows.eq(job.rows),
            rows.p.row_words.eq(job.row_words),
            rows.p.is_last.eq(job.rows == 1),
            rows.valid.eq(begins),
        ]
        if self._parts.count > 1:
            m.d.comb += [rows.p.by_tiles.eq(job.by_tiles), rows.p.is_wide.eq(job.is_wide)]
