"""A P x P transposer: P words of P lanes in, the same numbers with lanes and words exchanged out."""

from amaranth.hdl import Array as Choice
from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.stream import check_range, lane_word


class Transposer(wiring.Component):
    """Word j of the result holds element j of each of the P words of a tile, in their order.

    What gather and scatter-add need: channel-lane rows of single tokens become token-lane words, and back. Two tiles
    are kept: one fills while the other leaves. Element c of word w lies in memory ``(c + w) % P`` at address w, so that
    the P elements of a word, and the P elements of a transposed word, are in P different memories.

    Parameters
    ----------
    side
        Lanes, words of a tile, P: a power of two.
    width
        Bits of a signed element.

    Ports
    -----
    i, o : stream
        ``lanes`` (P signed elements) and ``last``. Every P words are a tile; the ``last`` of a tile's P-th word comes
        out with the P-th word of its result, and that of other words is not read.

    Timing
    ------
    One word a cycle in both directions; the first word of a tile is offered ``latency_cycles = 2`` cycles after its
    P-th was accepted.
    """

    def __init__(self, *, side, width=8):
        check_range("side", side, 2, 64)
        if side & side - 1:
            raise ValueError(f"side must be a power of two, not {side}")
        check_range("width", width, 1, 64)
        self.side = side
        self.width = width
        word = lane_word(side, signed(width))
        super().__init__({"i": In(stream.Signature(word)), "o": Out(stream.Signature(word))})

    @property
    def latency_cycles(self):
        """Cycles from accepting the last word of a tile to offering the first of its result."""
        return latency.TRANSPOSER

    def elaborate(self, platform):
        m = Module()
        full = Signal(2)  # of each half: a whole tile is in it
        freed = Signal(2)
        filled = Signal(2)
        m.d.sync += full.eq((full | filled) & ~freed)
        writes, reads = self._memories(m)
        lasts = self._fill(m, full, filled, writes)
        self._leave(m, full, freed, reads, lasts)
        return m

    def _memories(self, m):
        """P memories of two tiles' words; read in the cycle of the address, so that they are distributed RAM."""
        writes, reads = [], []
        for place in range(self.side):
            memory = Memory(shape=self.width, depth=2 * self.side, init=[])
            m.submodules[f"memory_{place}"] = memory
            writes.append(memory.write_port())
            reads.append(memory.read_port(domain="comb"))
        return writes, reads

    def _fill(self, m, full, filled, writes):
        place = Signal(range(self.side))
        half = Signal()
        accepted = Signal()
        lasts = Signal(2, reset_less=True)
        m.d.comb += [
            self.i.ready.eq(~Mux(half, full[1], full[0])),
            accepted.eq(self.i.valid & self.i.ready),
        ]
        with m.If(accepted):
            m.d.sync += place.eq(place + 1)
            with m.If(place == self.side - 1):
                m.d.comb += filled.eq(1 << half)
                m.d.sync += [half.eq(~half), Choice(lasts)[half].eq(self.i.p.last)]
        rotated = _rotate([self.i.p.lanes[lane] for lane in range(self.side)], place, down=False)
        for write, element in zip(writes, rotated, strict=True):
            m.d.comb += [write.en.eq(accepted), write.addr.eq(Cat(place, half)), write.data.eq(element)]
        return lasts

    def _leave(self, m, full, freed, reads, lasts):
        place = Signal(range(self.side))
        half = Signal()
        advance = Signal()
        moves = Signal()
        m.d.comb += [advance.eq(~self.o.valid | self.o.ready), moves.eq(advance & Mux(half, full[1], full[0]))]
        with m.If(advance):
            m.d.sync += self.o.valid.eq(moves)
        for memory, read in enumerate(reads):
            word = Signal(range(self.side), name=f"word_{memory}")
            m.d.comb += [word.eq(memory - place), read.addr.eq(Cat(word, half))]
        rotated = _rotate([read.data for read in reads], place, down=True)
        kept = Signal.like(self.o.p, name="kept", reset_less=True)
        m.d.comb += self.o.p.eq(kept)
        with m.If(moves):
            ends = place == self.side - 1
            m.d.sync += [
                kept.lanes.eq(Cat(rotated)),
                kept.last.eq(ends & Choice(lasts)[half]),
                place.eq(place + 1),
            ]
            with m.If(ends):
                m.d.comb += freed.eq(1 << half)
                m.d.sync += half.eq(~half)


def _rotate(elements, by, *, down):
    """Rotate a list by a signal: element c goes to place ``c + by``, or ``c - by`` if *down*."""
    side = len(elements)
    sign = 1 if down else -1
    return [Choice(elements[(place + sign * amount) % side] for amount in range(side))[by] for place in range(side)]
