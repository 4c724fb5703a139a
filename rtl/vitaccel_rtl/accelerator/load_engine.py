"""The load engine: rows of bytes in DRAM into the buffers, as ``isa.LOAD`` says."""

from amaranth.hdl import Cat, Module, Mux
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import dma_cycles
from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.buffer_formats import SET_BITS
from vitaccel_rtl.accelerator.completion_order import CompletionOrder
from vitaccel_rtl.accelerator.decode import RAW, decoded, instruction_layout
from vitaccel_rtl.accelerator.job_gate import JobGate, check_jobs
from vitaccel_rtl.accelerator.line_writer import LineWriter
from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.accelerator.set_loader import SetLoader, word_write
from vitaccel_rtl.accelerator.slot_buffer import check_buffer, write_client
from vitaccel_rtl.accelerator.table_entries import table_write
from vitaccel_rtl.accelerator.word_delivery import WordDelivery
from vitaccel_rtl.axi import Geometry, read_ports
from vitaccel_rtl.dma_job import descriptor_layout
from vitaccel_rtl.dma_read import DmaRead
from vitaccel_rtl.fifo import StreamFifo
from vitaccel_rtl.stream import SkidBuffer, check_range

CLIENT = 4
"""Of the activation buffer's writers."""

PARTS = 3
"""That finish jobs: the buffers of activations and of weights, and what makes parameter sets and tables."""


class LoadEngine(wiring.Component):
    """Executes ``isa.LOAD``: jobs of a read DMA, several under way at a time, completed in order.

    Word w of row r goes to ``address + r * step + w`` of the activation or the weight buffer, or with several parts to
    where the instruction says; the last word of a row is filled up with zeros. Parameters and tables are one row, which
    becomes sets of 8 bytes or entries as :class:`vitaccel_rtl.accelerator.set_loader.SetLoader` says. After an AXI
    error a job goes on to its end.

    Parameters
    ----------
    side
        P, the bytes of a word: 4 to 32.
    activation_words, weight_words, parameter_sets
        Of the buffers, of the first two of each of their parts; the first is a multiple of 8.
    parts
        Of the buffers of activations and of weights, one an array.
    table_slots
        Activation tables.
    jobs
        Instructions that may be under way at a time, 3 to 256.
    buffer_beats
        Of :class:`vitaccel_rtl.dma_read.DmaRead`.
    geometry
        The parameters of :class:`vitaccel_rtl.axi.Geometry` but ``word_bytes``. Rows begin at multiples of its
        ``align_bytes`` in DRAM, P unless it is told: parameters and tables, too.

    Attributes
    ----------
    phase : Signal, in
        Of the frame.
    i : stream
        Instructions; accepted in cycles of phase 0 in which less than *jobs* are under way.
    done : Signal, out
        An instruction is completed: what it loaded is there for one that starts ``latency.DONE_TO_START`` cycles later.
    error : Signal, out
        An instruction had an error on the bus; before its ``done``, or with it.
    activation : write client of the activation buffer, out
    weight, parameter : see :func:`vitaccel_rtl.accelerator.set_loader.word_write`, out
    table : see :func:`vitaccel_rtl.accelerator.table_entries.table_write`, out
    m_axi_ar*, m_axi_r* : AXI4
        See :func:`vitaccel_rtl.axi.read_ports`.

    Notes
    -----
    A word a cycle, at most, comes from the bus. Cycles: :mod:`vitaccel_rtl.accelerator.transfer_timing`.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(
        self,
        *,
        side,
        activation_words,
        weight_words,
        parameter_sets,
        parts=1,
        table_slots=2,
        jobs=8,
        buffer_beats=None,
        **geometry,
    ):
        check_jobs(jobs)
        activation = Parts(count=parts, words=activation_words)
        check_buffer(side, activation.words_of_all)
        check_range("weight_words of a load engine", weight_words, 1, 1 << isa.WORD_ADDRESS)
        check_range("parameter_sets of a load engine", parameter_sets, 1, 1 << isa.WORD_ADDRESS)
        check_range("table_slots of a load engine", table_slots, 1, 16)
        weight = Parts(count=parts, words=weight_words)
        self._geometry = shape = Geometry(word_bytes=side, **geometry)
        ample = dma_cycles.buffer_beats(shape.outstanding, shape.longest_burst)
        self._dma = {
            "word_bytes": side,
            "jobs": jobs,
            "buffer_beats": ample if buffer_beats is None else buffer_beats,
            **geometry,
        }
        words = {"activation_words": activation_words, "weight_words": weight_words}
        self._words = {"side": side, **words, "parts": parts, "jobs": jobs}
        self._writer = {"side": side, "words": activation.words_of_all, "client": CLIENT}
        self._sets = {"side": side, "sets": parameter_sets, "slots": table_slots, "jobs": jobs}
        self._jobs = jobs
        super().__init__(
            {
                "phase": In(3),
                "i": In(stream.Signature(RAW)),
                "done": Out(1),
                "error": Out(1),
                "activation": Out(write_client(side, activation.words_of_all // 8)),
                "weight": Out(word_write(range(weight.words_of_all), 8 * side)),
                "parameter": Out(word_write(range(parameter_sets), SET_BITS)),
                "table": Out(table_write(table_slots)),
                **read_ports(self._geometry),
            }
        )

    @property
    def geometry(self):
        """What the DMA was built for."""
        return self._geometry

    @property
    def buffer_beats(self):
        """Beats of the DMA's buffer."""
        return self._dma["buffer_beats"]

    def elaborate(self, platform):
        m = Module()
        m.submodules.gate = gate = JobGate(jobs=self._jobs)
        m.submodules.dma = dma = DmaRead(**self._dma)
        m.submodules.words = words = WordDelivery(**self._words)
        m.submodules.writer = writer = LineWriter(**self._writer)
        m.submodules.sets = sets = SetLoader(**self._sets)
        m.submodules.order = order = CompletionOrder(parts=PARTS, jobs=self._jobs)
        m.submodules.descriptors = descriptors = StreamFifo(descriptor_layout(self._geometry), depth=self._jobs)
        m.d.comb += [
            gate.phase.eq(self.phase),
            gate.begins.eq(self.i.valid & self.i.ready),
            gate.completes.eq(self.done),
            self.i.ready.eq(gate.opens),
            writer.phase.eq(self.phase),
            order.finishes.eq(Cat(writer.done, words.weight_finishes, sets.finishes)),
            self.done.eq(order.done),
            self.error.eq(dma.status.valid & dma.status.p.error),
            dma.status.ready.eq(1),
        ]
        self._begin(m, gate.begins, descriptors.i, words.job, order.i, sets.job)
        # Whether the writer is ready follows from a word's address in the same cycle: the DMA must not wait for that.
        m.submodules.skid = skid = SkidBuffer(words.lines.payload.shape())
        for source, sink in ((descriptors.o, dma.i), (dma.o, words.i), (words.sets, sets.i)):
            wiring.connect(m, source, sink)
        for source, sink in ((words.lines, skid.i), (skid.o, writer.i)):
            wiring.connect(m, source, sink)
        outputs = {self.activation: writer.memory, self.weight: words.weight}
        outputs |= {self.parameter: sets.parameter, self.table: sets.table}
        for port, source in outputs.items():
            wiring.connect(m, source, wiring.flipped(port))
        self._connect_bus(m, dma)
        return m

    def _begin(self, m, begins, descriptor, place, order, sets):
        """Hand an instruction to all that must know of it; they have room for *jobs* of them."""
        job = data.View(instruction_layout(isa.LOAD), decoded(isa.LOAD, self.i.p.words))
        m.d.comb += [
            descriptor.p.address.eq(job.dram),
            descriptor.p.rows.eq(job.rows),
            descriptor.p.row_bytes.eq(job.row_bytes),
            descriptor.p.stride_bytes.eq(job.stride_bytes),
            place.p.address.eq(job.address),
            place.p.step.eq(job.step),
            place.p.to_activation.eq(job.buffer == 0),
            place.p.to_weight.eq(job.buffer == 1),
            place.p.to_sets.eq(job.buffer[1]),
            order.p.part.eq(Mux(job.buffer[1], 2, job.buffer)),
            sets.p.bytes.eq(job.row_bytes),
            sets.p.address.eq(job.address),
            sets.p.is_table.eq(job.buffer[0]),
            sets.valid.eq(begins & job.buffer[1]),
        ]
        if self._words["parts"] > 1:
            m.d.comb += [place.p.by_tiles.eq(job.by_tiles), place.p.is_wide.eq(job.is_wide)]
        m.d.comb += [stream.valid.eq(begins) for stream in (descriptor, place, order)]

    def _connect_bus(self, m, dma):
        """Connect the ports of the DMA's bus with the engine's own."""
        for name, member in read_ports(self._geometry).items():
            inner, outer = getattr(dma, name), getattr(self, name)
            m.d.comb += outer.eq(inner) if member.flow is Out else inner.eq(outer)
