"""Tokens that move by lanes: from two row-blocks into one, among those that stay where they are."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.lane_arithmetic import CODE_BITS
from vitaccel_rtl.accelerator.lane_words import LANES
from vitaccel_rtl.accelerator.word_delay import WordDelay
from vitaccel_rtl.stream import check_range


class LaneMoves(wiring.Component):
    """Chooses whose tokens a word has before its lanes are turned, and keeps what its other lanes had.

    Words of the row-block before were at the input a frame earlier. When the lanes are turned by s, the upper P - s
    lanes get tokens of this row-block, and the lower s those of the one before.

    Parameters
    ----------
    side
        P, 1 to 64.

    Attributes
    ----------
    a, b : Signal, in
        P codes of 16 bits: a word, and the word that the result replaces.
    lanes : Signal, in
        What is done with the word, :data:`~vitaccel_rtl.accelerator.lane_words.LANES`.
    o : Signal, out
        In the same cycle: the word that goes through the lanes.
    kept, keeps : Signal, out
        ``latency_cycles`` later: what the result replaces, and which lanes keep it.

    Raises
    ------
    ValueError
        If there are no such lanes.
    """

    def __init__(self, *, side):
        check_range("side of lane moves", side, 1, 64)
        self._side = side
        word = data.ArrayLayout(signed(CODE_BITS), side)
        super().__init__(
            {
                "a": In(word),
                "b": In(word),
                "lanes": In(LANES),
                "o": Out(word),
                "kept": Out(word),
                "keeps": Out(side),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from a word to what its result keeps."""
        return latency.LAYERNORM_NORMALIZE

    def elaborate(self, platform):
        m = Module()
        width = CODE_BITS * self._side
        m.submodules.frame = frame = WordDelay(width=width, cycles=latency.SLOTS)
        m.submodules.late = late = WordDelay(width=width + self._side, cycles=self.latency_cycles)
        m.d.comb += frame.i.eq(self.a.as_value())
        keeps = Signal(self._side)
        for lane in range(self._side):
            before = frame.o[CODE_BITS * lane : CODE_BITS * (lane + 1)].as_signed()
            is_before = self.lanes.moves & (self.lanes.turn > self._side - 1 - lane)
            is_new = (self.lanes.skip <= lane) & (self.lanes.fill > lane)
            m.d.comb += [
                self.o[lane].eq(Mux(is_before, before, self.a[lane])),
                keeps[lane].eq(self.lanes.moves & ~is_new),
            ]
        m.d.comb += [late.i.eq(Cat(self.b.as_value(), keeps)), Cat(self.kept.as_value(), self.keeps).eq(late.o)]
        return m
