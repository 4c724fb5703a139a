"""Eight places, one for each bank, in which words wait until their write client meets their bank."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.slot_buffer import PHASE, check_buffer, check_client, write_client


class WaitingLine(wiring.Component):
    """A word that is put at t is written at ``t + 2 + w``, the first cycle from ``t + 2`` on that meets its bank.

    So ``w = (address - client - 2 - phase(t)) % 8``, whatever waits beside it. Words of a run of consecutive addresses
    always find their places free, however they come: one for the same place comes 8 cycles later, or more.

    Parameters
    ----------
    side, words
        Of the buffer.
    client
        Which of the buffer's write clients this is.

    Attributes
    ----------
    phase : Signal, in
        The buffer's.
    address : Signal, in
        Of a word.
    room : Signal, out
        Whether a word for *address* may be put in this cycle: no other waits for its bank beyond this cycle.
    put, word : Signal, in
        Puts a word; only where there is room.
    memory : write client, out
        Of the buffer.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, side, words, client):
        check_buffer(side, words)
        check_client(client)
        self._side = side
        self._client = client
        super().__init__(
            {
                "phase": In(PHASE),
                "address": In(range(words)),
                "room": Out(1),
                "put": In(1),
                "word": In(8 * side),
                "memory": Out(write_client(side, words // latency.SLOTS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        line = self.address[PHASE:]
        bits = 8 * self._side + len(self.memory.line)
        m.submodules.places = places = Memory(shape=bits, depth=latency.SLOTS, init=[])
        puts, takes = places.write_port(), places.read_port(domain="comb")
        waits = Signal(latency.SLOTS)
        bank, next_bank = self.address[:PHASE], Signal(PHASE)
        taken, put = Signal(latency.SLOTS), Signal(latency.SLOTS)
        m.d.comb += [
            next_bank.eq(self.phase + self._client + 1),
            taken.eq(1 << next_bank),
            put.eq(self.put << bank),
            self.room.eq(~waits.bit_select(bank, 1) | (bank == next_bank)),
            puts.en.eq(self.put),
            puts.addr.eq(bank),
            puts.data.eq(Cat(self.word, line)),
            takes.addr.eq(next_bank),
        ]
        leaving = Signal(bits, reset_less=True)
        m.d.sync += [
            waits.eq((waits & ~taken) | put),
            self.memory.valid.eq((waits & taken).any()),
            leaving.eq(takes.data),
        ]
        m.d.comb += Cat(self.memory.word, self.memory.line).eq(leaving)
        return m
