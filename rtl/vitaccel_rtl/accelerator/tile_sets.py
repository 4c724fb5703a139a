"""Parameter sets of the P columns of a tile: a pair of register files, one in use, one that fills."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.buffer_formats import SET_BITS, SET_BYTES, STORED_BITS
from vitaccel_rtl.accelerator.parameter_set import PARAMETER_SET


class TileSets(wiring.Component):
    """Holds P sets for the tile that drains, while those of the next column of tiles come.

    Parameters
    ----------
    side
        P.

    Attributes
    ----------
    begin : Signal, in
        With the first word, or before it: words that come from now on are the sets of the next column.
    word_valid, word : in
        The sets as words of P bytes, as they stand behind the weights of a tile; 8 words.
    set_valid, set : in
        The sets one by one, as the parameter buffer gives them.
    take : Signal, in
        The sets that came last are in use from this cycle on.
    sets : out
        P sets, those in use. A set that comes after *take* is there a cycle after its last word.
    """

    def __init__(self, *, side):
        self._side = side
        super().__init__(
            {
                "begin": In(1),
                "word_valid": In(1),
                "word": In(8 * side),
                "set_valid": In(1),
                "set": In(STORED_BITS),
                "take": In(1),
                "sets": Out(data.ArrayLayout(PARAMETER_SET, side)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        side = self._side
        fills, in_use = Signal(), Signal()
        place = Signal(range(max(side, SET_BYTES)))
        with m.If(self.begin):
            m.d.sync += fills.eq(~fills)
        with m.If(self.take):
            m.d.sync += in_use.eq(~in_use)
        # A word that comes with `begin` is the first of the next sets.
        target = fills ^ self.begin
        at = Mux(self.begin, 0, place)
        with m.If(self.word_valid | self.set_valid):
            m.d.sync += place.eq(at + 1)
        with m.Elif(self.begin):
            m.d.sync += place.eq(0)
        files = []
        for bank in range(2):
            kept = Signal(side * SET_BITS, name=f"sets{bank}", reset_less=True)
            for word in range(SET_BYTES):
                with m.If(self.word_valid & (target == bank) & (at == word)):
                    m.d.sync += kept[word * 8 * side : (word + 1) * 8 * side].eq(self.word)
            for number in range(side):
                with m.If(self.set_valid & (target == bank) & (at == number)):
                    m.d.sync += kept[number * SET_BITS : (number + 1) * SET_BITS].eq(self.set)
            files.append(Cat(kept.word_select(number, SET_BITS)[:STORED_BITS] for number in range(side)))
        m.d.comb += self.sets.as_value().eq(Mux(in_use ^ self.take, files[1], files[0]))
        return m
