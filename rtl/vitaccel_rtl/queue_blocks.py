"""Entries of a queue counted into blocks of P: where an entry stands, and what it ends."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.stream import check_range


class QueueBlocks(wiring.Component):
    """Counts the entries of one queue after another; the last block of a queue may be shorter than P.

    Parameters
    ----------
    side
        Entries of a block, P: 2 to 64.
    entry_bits
        Width of a number of entries, 1 to 24.

    Attributes
    ----------
    start, entries : Signal, in
        A queue of so many entries begins, perhaps none. Only while *free* is high.
    step : Signal, in
        An entry is accepted. Only while *open* is high.
    open : Signal, out
        Entries of the queue are still to come.
    free : Signal, out
        None are, after this cycle.
    place : Signal, out
        Of the next entry in its block.
    ends_block, ends_queue : Signal, out
        Whether the next entry is the last of its block, and of its queue.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, side, entry_bits):
        check_range("side of a queue", side, 2, 64)
        check_range("entry_bits of a queue", entry_bits, 1, 24)
        self._side = side
        self._entry_bits = entry_bits
        super().__init__(
            {
                "start": In(1),
                "entries": In(entry_bits),
                "step": In(1),
                "open": Out(1),
                "free": Out(1),
                "place": Out(range(side)),
                "ends_block": Out(1),
                "ends_queue": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        left = Signal(self._entry_bits)
        m.d.comb += [
            self.ends_block.eq(self.ends_queue | (self.place == self._side - 1)),
            self.free.eq(~self.open | (self.step & self.ends_queue)),
        ]
        with m.If(self.step):
            m.d.sync += [
                left.eq(left - 1),
                self.place.eq(Mux(self.ends_block, 0, self.place + 1)),
                self.open.eq(~self.ends_queue),
                self.ends_queue.eq(left == 2),
            ]
        with m.If(self.start):
            m.d.sync += [left.eq(self.entries), self.open.eq(self.entries != 0), self.ends_queue.eq(self.entries == 1)]
        return m
