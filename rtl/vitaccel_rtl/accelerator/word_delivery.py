"""Words of load jobs to the buffers that they are for, with their addresses."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.set_loader import word_write
from vitaccel_rtl.fifo import StreamFifo
from vitaccel_rtl.realign import bytes_layout

PLACE = data.StructLayout(
    {"address": isa.WORD_ADDRESS, "step": isa.STEP, "to_activation": 1, "to_weight": 1, "to_sets": 1}
)
"""Of a job: where its first row goes, the words to the next one, and the buffer, one bit of three."""


def line_word(side, words):
    """Layout of a word for :class:`vitaccel_rtl.accelerator.line_writer.LineWriter`."""
    return data.StructLayout({"word": 8 * side, "address": range(words), "ends": 1, "last": 1})


class WordDelivery(wiring.Component):
    """Gives the words of jobs their addresses, row by row, and hands them on; one word a cycle.

    Parameters
    ----------
    side
        P, the bytes of a word.
    activation_words, weight_words
        Of the buffers.
    jobs
        Jobs, 3 or more, that may be known at a time.

    Attributes
    ----------
    job : stream, in
        Of :data:`PLACE`; known 3 cycles before the first word of the job, or more.
    i : stream
        ``lanes`` (P bytes), ``last_of_row``, ``last`` (of the job).
    lines : stream, out
        Of :func:`line_word`; a row ends a run.
    weight : see :func:`vitaccel_rtl.accelerator.set_loader.word_write`, out
        A register: a word is written in the cycle after it was taken.
    sets : stream, out
        ``lanes``.
    weight_finishes : Signal, out
        The last word of a job for the weight buffer was taken.
    """

    def __init__(self, *, side, activation_words, weight_words, jobs):
        self._jobs = jobs
        super().__init__(
            {
                "job": In(stream.Signature(PLACE)),
                "i": In(stream.Signature(bytes_layout(side, last_of_row=1, last=1))),
                "lines": Out(stream.Signature(line_word(side, activation_words))),
                "weight": Out(word_write(range(weight_words), 8 * side)),
                "sets": Out(stream.Signature(bytes_layout(side))),
                "weight_finishes": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.jobs = jobs = StreamFifo(PLACE, depth=self._jobs)
        wiring.connect(m, wiring.flipped(self.job), jobs.i)
        place = Signal(PLACE)
        next_row = Signal.like(place.address, reset_less=True)
        taken = Signal()
        is_known = place.to_activation | place.to_weight | place.to_sets
        m.d.comb += [
            self.i.ready.eq(
                (place.to_activation & self.lines.ready) | place.to_weight | (place.to_sets & self.sets.ready)
            ),
            taken.eq(self.i.valid & self.i.ready),
            jobs.o.ready.eq(~is_known | (taken & self.i.p.last)),
        ]
        with m.If(jobs.o.ready):
            m.d.sync += place.eq(jobs.o.payload)
            for part in ("to_activation", "to_weight", "to_sets"):
                m.d.sync += place[part].eq(jobs.o.p[part] & jobs.o.valid)
            m.d.sync += next_row.eq(jobs.o.p.address + jobs.o.p.step)
        with m.Elif(taken & self.i.p.last_of_row):
            m.d.sync += [place.address.eq(next_row), next_row.eq(next_row + place.step)]
        with m.Elif(taken):
            m.d.sync += place.address.eq(place.address + 1)
        self._hand_on(m, place, taken)
        return m

    def _hand_on(self, m, place, taken):
        """Words to the part that the job is for."""
        word = self.i.p
        goes = Signal()
        m.d.comb += [
            self.lines.p.word.eq(word.lanes.as_value()),
            self.lines.p.address.eq(place.address),
            self.lines.p.ends.eq(word.last_of_row),
            self.lines.p.last.eq(word.last),
            self.lines.valid.eq(self.i.valid & place.to_activation),
            self.sets.p.lanes.eq(word.lanes),
            self.sets.valid.eq(self.i.valid & place.to_sets),
            goes.eq(self.i.valid & place.to_weight),
            self.weight_finishes.eq(goes & word.last),
        ]
        m.d.sync += [
            self.weight.write_valid.eq(goes),
            self.weight.write_address.eq(place.address),
            self.weight.write_word.eq(word.lanes.as_value()),
        ]
