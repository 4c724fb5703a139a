"""The activation buffer of several arrays: a part for each, which all can be seen as one."""

from amaranth.hdl import Array, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.slot_buffer import CLIENTS, PHASE, SlotBuffer, check_client, read_client, write_client


class PartedBuffer(wiring.Component):
    """As many slot buffers as there are parts, in step.

    A client is either shared, and reads (or writes) any word of any part, in the space of
    :class:`~vitaccel_rtl.accelerator.parts.Parts`; or every part has one of its own, and all of them are at work at
    once. Either meets the banks as in one `SlotBuffer`.

    Parameters
    ----------
    side
        Bytes of a word, P.
    parts
        :class:`~vitaccel_rtl.accelerator.parts.Parts`, whose words are a multiple of 8.
    own_reads, own_writes
        Numbers of the clients that are each part's own.

    Attributes
    ----------
    phase : Signal, in
        As of `SlotBuffer`.
    reads, writes : arrays of 8 clients, in
        The shared clients, with lines of the whole space; those of the numbers above do nothing.
    part_reads, part_writes : arrays of clients, in
        The parts' own: those of part 0 in the order of *own_reads*, then those of part 1, and so on.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, side, parts, own_reads, own_writes):
        for client in (*own_reads, *own_writes):
            check_client(client)
        self._parts, self._own = parts, (tuple(own_reads), tuple(own_writes))
        self._buffers = [SlotBuffer(side=side, words=parts.words) for _ in range(parts.count)]
        lines, all_lines = parts.words // latency.SLOTS, parts.words_of_all // latency.SLOTS
        super().__init__(
            {
                "phase": In(PHASE),
                "reads": In(read_client(side, all_lines)).array(CLIENTS),
                "writes": In(write_client(side, all_lines)).array(CLIENTS),
                "part_reads": In(read_client(side, lines)).array(parts.count * len(own_reads)),
                "part_writes": In(write_client(side, lines)).array(parts.count * len(own_writes)),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from a read to its word."""
        return latency.SLOT_BUFFER

    def elaborate(self, platform):
        m = Module()
        for part, buffer in enumerate(self._buffers):
            m.submodules[f"part{part}"] = buffer
            m.d.comb += buffer.phase.eq(self.phase)
            for own, ports, clients in zip(
                self._own, (self.part_reads, self.part_writes), (buffer.reads, buffer.writes), strict=True
            ):
                for place, client in enumerate(own):
                    wiring.connect(m, wiring.flipped(ports[part * len(own) + place]), clients[client])
        own_reads, own_writes = self._own
        for client in range(CLIENTS):
            if client not in own_reads:
                self._read(m, client)
            if client not in own_writes:
                self._write(m, client)
        return m

    def _choose(self, m, client, name):
        """Pass a shared client's request to its part, and return which that is."""
        port = getattr(self, name)[client]
        bits = self._parts.bits - PHASE
        which = port.line[bits:] if self._parts.count > 1 else Signal(1, name=f"{name}_{client}_part")
        for part, buffer in enumerate(self._buffers):
            request = getattr(buffer, name)[client]
            m.d.comb += [request.valid.eq(port.valid & (which == part)), request.line.eq(port.line)]
        return which

    def _read(self, m, client):
        which = self._choose(m, client, "reads")
        for stage in range(latency.SLOT_BUFFER):
            before, which = which, Signal(len(which), name=f"part_of_{client}_{stage + 1}", reset_less=True)
            m.d.sync += which.eq(before)
        words = Array(buffer.reads[client].word for buffer in self._buffers)
        m.d.comb += self.reads[client].word.eq(words[which])

    def _write(self, m, client):
        self._choose(m, client, "writes")
        for buffer in self._buffers:
            m.d.comb += buffer.writes[client].word.eq(self.writes[client].word)
