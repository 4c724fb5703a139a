"""A P x P transposer: P words of P lanes in, the same numbers with lanes and words exchanged out."""

from amaranth.hdl import Array as Choice
from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.stream import check_range, lane_word


class Transposer(wiring.Component):
    """Word j of the result holds element j of each of the P words of a tile, in their order.

    What gather and scatter-add need: channel-lane rows of single tokens become token-lane words, and back. Two tiles
    are kept: one fills while the other leaves. Element c of word w lies in memory ``(c + w) % P`` at address w, so that
    the P elements of a word, and the P elements of a transposed word, are in P different memories. Words are rotated on
    the way in and on the way out, each time in two steps with a register between, and what is read has a register
    before it is rotated: at P = 32 anything less is too slow.

    Parameters
    ----------
    side
        Lanes, words of a tile, P: 2 to 64, a power of two or not.
    width
        Bits of a signed element, 1 to 64.

    Attributes
    ----------
    i, o : stream
        ``lanes`` (P signed elements) and ``last``. Every P words are a tile; the ``last`` of a tile's P-th word comes
        out with the P-th word of its result, and that of other words is not read. One word a cycle in both directions;
        ``i.ready`` follows from ``o.ready`` in the same cycle while both tiles are full.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, side, width=8):
        check_range("side of a transposer", side, 2, 64)
        check_range("width of a transposer", width, 1, 64)
        self.side = side
        self.width = width
        word = lane_word(side, signed(width))
        super().__init__({"i": In(stream.Signature(word)), "o": Out(stream.Signature(word))})

    @property
    def latency_cycles(self):
        """Cycles from accepting the last word of a tile to offering the first of its result."""
        return latency.TRANSPOSER

    @property
    def interval_cycles(self):
        """Cycles from accepting a word to accepting the next, while results are taken as they come."""
        return latency.WORD_INTERVAL

    def elaborate(self, platform):
        m = Module()
        full = Signal(2)  # of each half: a whole tile was accepted
        readable = Signal(2)  # ... and its last word is in the memories
        filled = Signal(2)
        freed = Signal(2)
        m.d.sync += [full.eq((full | filled) & ~freed), readable.eq(full & ~freed)]
        writes, reads = self._memories(m)
        lasts = self._fill(m, full, filled, freed, writes)
        self._leave(m, readable, freed, reads, lasts)
        return m

    def _memories(self, m):
        """P memories of two tiles' words; read in the cycle of the address, so that they are distributed RAM."""
        writes, reads = [], []
        for place in range(self.side):
            memory = Memory(shape=self.width, depth=2 << (self.side - 1).bit_length(), init=[])
            m.submodules[f"memory_{place}"] = memory
            writes.append(memory.write_port())
            reads.append(memory.read_port(domain="comb"))
        return writes, reads

    def _fill(self, m, full, filled, freed, writes):
        """Accept words, and write them a cycle later; return the ``last`` of the tile in each half."""
        place = Signal(range(self.side))
        half = Signal()
        accepted = Signal()
        ends = Signal()
        lasts = Signal(2, reset_less=True)
        m.d.comb += [
            # A half whose last word is read in this cycle is free: a word accepted now is written in the next.
            self.i.ready.eq(Mux(half, ~full[1] | freed[1], ~full[0] | freed[0])),
            accepted.eq(self.i.valid & self.i.ready),
            ends.eq(place == self.side - 1),
        ]
        with m.If(accepted):
            m.d.sync += place.eq(Mux(ends, 0, place + 1))
            with m.If(ends):
                m.d.comb += filled.eq(1 << half)
                m.d.sync += [half.eq(~half), Choice(lasts)[half].eq(self.i.p.last)]
        first, second = rotation_steps(place)
        arriving = _register(m, rotate(list(self.i.p.lanes), first, down=False), "arriving")
        by = _register(m, [bit for bit, _ in second], "arriving_rest")
        turned = rotate(arriving, [(bit, amount) for bit, (_, amount) in zip(by, second, strict=True)], down=False)
        write, address = Signal(), Signal(len(place) + 1, reset_less=True)
        m.d.sync += [write.eq(accepted), address.eq(Cat(place, half))]
        for port, element in zip(writes, turned, strict=True):
            m.d.comb += [port.en.eq(write), port.addr.eq(address), port.data.eq(element)]
        return lasts

    def _leave(self, m, readable, freed, reads, lasts):
        """Read transposed words, and offer them three cycles later."""
        place = Signal(range(self.side))
        half = Signal()
        advance, moves, ends = Signal(), Signal(), Signal()
        between = Signal(2)
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            moves.eq(advance & Mux(half, readable[1], readable[0])),
            ends.eq(place == self.side - 1),
        ]
        with m.If(advance):
            m.d.sync += [Cat(between, self.o.valid).eq(Cat(moves, between))]
        with m.If(moves):
            m.d.sync += place.eq(Mux(ends, 0, place + 1))
            with m.If(ends):
                m.d.comb += freed.eq(1 << half)
                m.d.sync += half.eq(~half)
        for read, word in zip(reads, self._words(m, moves), strict=True):
            m.d.comb += read.addr.eq(Cat(word, half))
        last = ends & Choice(lasts)[half]
        kept = Signal.like(self.o.p, name="kept", reset_less=True)
        with m.If(advance):
            read = _register(m, [read.data for read in reads], "read")
            *by, last = _register(m, [*place, last], "by")
            first, second = rotation_steps(by)
            leaving = _register(m, rotate(read, first, down=True), "leaving")
            *by, last = _register(m, [*(bit for bit, _ in second), last], "rest")
            turned = rotate(leaving, [(bit, amount) for bit, (_, amount) in zip(by, second, strict=True)], down=True)
            m.d.sync += [kept.lanes.eq(Cat(turned)), kept.last.eq(last)]
        m.d.comb += self.o.p.eq(kept)

    def _words(self, m, moves):
        """Return the address in each memory, ``(memory - place) % P``: a ring of registers that turns with *place*."""
        words = [Signal(range(self.side), name=f"word_{memory}", init=memory) for memory in range(self.side)]
        with m.If(moves):
            m.d.sync += [word.eq(words[memory - 1]) for memory, word in enumerate(words)]
        return words


def rotation_steps(by):
    """Return the bits of a rotation in two steps, as pairs of a bit and by how much it rotates."""
    bits = [(bit, 1 << n) for n, bit in enumerate(by)]
    half = (len(bits) + 1) // 2
    return bits[:half], bits[half:]


def rotate(elements, by, *, down):
    """Rotate a list by the sum of the amounts whose bits are set: element c goes to place ``c + by``, or ``c - by``."""
    side = len(elements)
    for bit, amount in by:
        step = amount if down else -amount
        elements = [Mux(bit, elements[(place + step) % side], elements[place]) for place in range(side)]
    return elements


def _register(m, values, name):
    """Return values a cycle later (or when the block that this stands in is entered)."""
    registers = []
    for n, value in enumerate(values):
        value = Value.cast(value)
        register = Signal(value.shape(), name=f"{name}_{n}", reset_less=True)
        m.d.sync += register.eq(value)
        registers.append(register)
    return registers
