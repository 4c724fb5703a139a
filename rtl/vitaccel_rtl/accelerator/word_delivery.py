"""Words of load jobs to the buffers that they are for, with their addresses."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.part_walk import PartWalk
from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.accelerator.set_loader import word_write
from vitaccel_rtl.fifo import StreamFifo
from vitaccel_rtl.realign import bytes_layout


def place_layout(parts):
    """Layout of a job: where its first row goes, the words to the next one, and the buffer, one bit of three.

    With several parts also how rows lie in them, as :meth:`vitaccel_rtl.accelerator.part_walk.PartWalk.next_row` says.
    """
    own = {"by_tiles": 1, "is_wide": 1} if parts.count > 1 else {}
    address = parts.bits + parts.part_bits if parts.count > 1 else isa.WORD_ADDRESS
    places = {"address": address, "step": isa.STEP, "to_activation": 1, "to_weight": 1, "to_sets": 1}
    return data.StructLayout(places | own)


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
        Of the buffers, or of each of their parts.
    parts
        Of each of these buffers.
    jobs
        Jobs, 3 or more, that may be known at a time.

    Attributes
    ----------
    job : stream, in
        Of :func:`place_layout`; known 3 cycles before the first word of the job, or more.
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

    def __init__(self, *, side, activation_words, weight_words, parts, jobs):
        self._jobs = jobs
        # Addresses are those of the larger buffer; a smaller one has the part in other bits.
        self._parts = Parts(count=parts, words=max(activation_words, weight_words))
        self._place = place_layout(self._parts)
        self._walk = PartWalk(parts=self._parts, side=side, chunk=1)
        self._activation, self._weight = (Parts(count=parts, words=words) for words in (activation_words, weight_words))
        super().__init__(
            {
                "job": In(stream.Signature(self._place)),
                "i": In(stream.Signature(bytes_layout(side, last_of_row=1, last=1))),
                "lines": Out(stream.Signature(line_word(side, self._activation.words_of_all))),
                "weight": Out(word_write(range(self._weight.words_of_all), 8 * side)),
                "sets": Out(stream.Signature(bytes_layout(side))),
                "weight_finishes": Out(1),
            }
        )

    def elaborate(self, platform):
        m, walk = Module(), self._walk
        m.submodules.jobs = jobs = StreamFifo(self._place, depth=self._jobs)
        wiring.connect(m, wiring.flipped(self.job), jobs.i)
        place = Signal(self._place)
        next_row = Signal.like(place.address, reset_less=True)
        second, position, taken = Signal(reset_less=True), Signal(range(walk.positions), reset_less=True), Signal()
        tile = Signal(range(walk.turn_tiles), reset_less=True)
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
            m.d.sync += next_row.eq(walk.next_row(jobs.o.p.address, jobs.o.p, Const(0, tile.shape()), second=0))
        with m.Elif(taken & self.i.p.last_of_row):
            m.d.sync += [place.address.eq(next_row), next_row.eq(walk.next_row(next_row, place, tile, second=second))]
        with m.Elif(taken):
            m.d.sync += place.address.eq(walk.behind(place.address, position, 1))
        if self._parts.count > 1:
            self._tell_apart(m, (jobs.o.ready, jobs.o.p), taken, place, (second, position, tile))
        self._hand_on(m, place, taken)
        return m

    def _tell_apart(self, m, begins, taken, place, counts):
        """Count the planes and tiles of a turn, of the row behind this one, and the words of it in all parts."""
        (begins, job), (second, position, tile), walk = begins, counts, self._walk
        with m.If(begins):
            m.d.sync += [second.eq(1), position.eq(0), tile.eq(walk.ends_tile(job, second=0))]
        with m.Elif(taken & self.i.p.last_of_row):
            m.d.sync += [second.eq(~second), position.eq(0), tile.eq(tile + walk.ends_tile(place, second=second))]
        with m.Elif(taken & ~place.by_tiles):
            m.d.sync += position.eq(walk.position_behind(position))

    def _hand_on(self, m, place, taken):
        """Words to the part that the job is for."""
        word = self.i.p
        goes = Signal()
        m.d.comb += [
            self.lines.p.word.eq(word.lanes.as_value()),
            self.lines.p.address.eq(self._address(place, self._activation)),
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
            self.weight.write_address.eq(self._address(place, self._weight)),
            self.weight.write_word.eq(word.lanes.as_value()),
        ]

    def _address(self, place, buffer):
        """Return the address of a word in a buffer of its own."""
        if buffer.count == 1:
            return place.address
        return Cat(place.address[: buffer.bits], place.address[self._parts.bits :][: buffer.part_bits])
