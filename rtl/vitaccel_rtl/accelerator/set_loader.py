"""From words of P bytes to parameter sets and to the entries of activation tables."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.buffer_formats import SET_BITS
from vitaccel_rtl.accelerator.table_entries import TableEntries, table_write
from vitaccel_rtl.axi import Geometry
from vitaccel_rtl.dma_job import descriptor_layout
from vitaccel_rtl.fifo import StreamFifo
from vitaccel_rtl.formats import TABLE_ENTRIES
from vitaccel_rtl.realign import bytes_layout
from vitaccel_rtl.word_plan import WordPlan
from vitaccel_rtl.words_to_beats import WordsToBeats

WIDE_TABLE_BIT = TABLE_ENTRIES.bit_length()
"""Of the bytes of a table: set of the 512 of int16, and not of the 256 of int8."""

BYTES_BITS = 24
"""Of the bytes of a job."""


def set_geometry(side):
    """Geometry of the parts that make sets of words: a set is a beat of 8 bytes, and a job's first begins a word."""
    return Geometry(data_bits=SET_BITS, word_bytes=side, length_bits=BYTES_BITS, rows_bits=1)


def job_layout(sets):
    """Layout of a job: its ``bytes``, the ``address`` of its first set or its table's slot, and which ``is_table``."""
    return data.StructLayout({"bytes": BYTES_BITS, "address": range(max(2, sets)), "is_table": 1})


def word_write(address, bits):
    """Members of the write port of a memory of words of *bits*, as who writes it sees them."""
    return wiring.Signature({"write_valid": Out(1), "write_address": Out(address), "write_word": Out(bits)})


class SetLoader(wiring.Component):
    """Sets of 8 bytes of the words of jobs: into the parameter memory, or as entries into a table.

    The words of a job follow each other without a gap, whatever P is: the sets that a word completes leave one a cycle,
    and a word that completes none takes a cycle. So a job of n words and s sets takes s cycles if P is 8 or more, and
    n, in which some words complete none, if P is less. Those of a table leave when its entries are written, 256 cycles
    for either width. Between jobs a cycle passes in which no set leaves, and a job does not begin before the last
    entry of the table before it was written.

    Parameters
    ----------
    side
        P, 4 to 32.
    sets
        Of the parameter memory.
    slots
        Tables.
    jobs
        Jobs, 3 or more, that may be known at a time.

    Attributes
    ----------
    job : stream, in
        Of :func:`job_layout`: a multiple of 8 bytes, of a table 256 (int8) or 512 (int16). Known before its words.
    i : stream
        ``lanes`` (P bytes): ``ceil(bytes / P)`` words for every job, the last one filled up with zeros.
    parameter : see :func:`word_write`, out
        A register: a set is written in the cycle after it left.
    table : see :func:`vitaccel_rtl.accelerator.table_entries.table_write`, out
    finishes : Signal, out
        The last set of a job leaves, or the last entry of a table is written.
    """

    def __init__(self, *, side, sets, slots, jobs):
        self._geometry = set_geometry(side)
        self._sets = sets
        self._slots = slots
        self._jobs = jobs
        super().__init__(
            {
                "job": In(stream.Signature(job_layout(sets))),
                "i": In(stream.Signature(bytes_layout(side))),
                "parameter": Out(word_write(range(sets), SET_BITS)),
                "table": Out(table_write(slots)),
                "finishes": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.places = places = StreamFifo(job_layout(self._sets), depth=self._jobs)
        wiring.connect(m, wiring.flipped(self.job), places.i)
        beat = self._sets_of_words(m)
        m.submodules.entries = entries = TableEntries(slots=self._slots)
        wiring.connect(m, entries.write, wiring.flipped(self.table))
        busy = Signal()
        job = Signal(job_layout(self._sets), reset_less=True)
        left = Signal(range(1 << BYTES_BITS - 3), reset_less=True)
        begins = Signal(reset_less=True)
        last = Signal(reset_less=True)
        leaves = Signal()
        m.d.comb += [
            beat.ready.eq(busy & (~job.is_table | entries.i.ready)),
            leaves.eq(beat.valid & beat.ready),
            entries.i.valid.eq(beat.valid & busy & job.is_table),
            entries.i.p.set.eq(beat.p.lanes.as_value()),
            entries.i.p.is_wide.eq(job.bytes[WIDE_TABLE_BIT]),
            entries.i.p.begins.eq(begins),
            entries.i.p.slot.eq(job.address),
            entries.i.p.last.eq(last),
            places.o.ready.eq(~busy & entries.idle),
            self.finishes.eq(entries.finishes | (leaves & last & ~job.is_table)),
        ]
        with m.If(places.o.ready):
            m.d.sync += [
                busy.eq(places.o.valid),
                job.eq(places.o.payload),
                left.eq(places.o.p.bytes[3:]),
                last.eq(places.o.p.bytes[3:] == 1),
                begins.eq(1),
            ]
        with m.If(leaves):
            m.d.sync += [busy.eq(~last), begins.eq(0), job.address.eq(job.address + 1)]
            m.d.sync += [left.eq(left - 1), last.eq(left == 2)]
        self._write(m, beat, job, leaves)
        return m

    def _sets_of_words(self, m):
        """Build what makes sets of words, and return its output stream."""
        m.submodules.jobs = jobs = StreamFifo(descriptor_layout(self._geometry), depth=self._jobs)
        m.submodules.plan = plan = WordPlan(self._geometry)
        m.submodules.beats = beats = WordsToBeats(self._geometry)
        descriptor = jobs.i.p
        m.d.comb += [
            descriptor.rows.eq(1),
            descriptor.row_bytes.eq(self.job.p.bytes),
            descriptor.stride_bytes.eq(self.job.p.bytes),
            # As deep as the queue of places and read before it: where there is room in that, there is room here.
            jobs.i.valid.eq(self.job.valid & self.job.ready),
        ]
        wiring.connect(m, jobs.o, plan.i)
        wiring.connect(m, plan.o, beats.plan)
        wiring.connect(m, wiring.flipped(self.i), beats.i)
        return beats.o

    def _write(self, m, beat, job, leaves):
        """Build the registers of the port to the parameter memory."""
        m.d.sync += [
            self.parameter.write_valid.eq(leaves & ~job.is_table),
            self.parameter.write_address.eq(job.address),
            self.parameter.write_word.eq(beat.p.lanes.as_value()),
        ]
