"""What a host asks for over a line of bytes: registers by AXI4-Lite, and bytes of the memory.

A request is 9 bytes: its kind, an address and a value of 32 bits each, the least significant byte first.

| kind | what | value | behind it | answer |
|---|---|---|---|---|
| ``R`` | read a register | any | | its 4 bytes |
| ``W`` | write a register | its new value | | ``A`` |
| ``L`` | load memory | bytes, 1 or more | so many bytes | ``A`` when the last was written |
| ``F`` | fetch memory | bytes, 1 or more | | so many bytes |
| ``I`` | interrupt | any | | a byte: 1 if it is pending |

A host waits for the whole answer before it sends its next request: what comes before that is lost. A byte that begins
no request is skipped. A break on the line ends a request that is not complete.
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.axi_lite import DATA_BITS, AxiLiteSignature
from vitaccel_rtl.stream import check_range

KINDS = {"read": b"R", "write": b"W", "load": b"L", "fetch": b"F", "interrupt": b"I"}
REQUEST_BYTES = 9
ANSWER = b"A"
"""Of what has been written."""

_HEAD_BYTES = REQUEST_BYTES - 1


class HostLink(wiring.Component):
    """Does what requests say, one after the other.

    Parameters
    ----------
    register_bits, memory_bits
        Of a byte address of the registers and of the memory.

    Attributes
    ----------
    valid, byte, breaks : Signal, in
        Of a :class:`vitaccel_rtl.board.serial.SerialReceiver`.
    o : stream
        Bytes of answers.
    registers : AXI4-Lite
        The master.
    address, write_byte : Signal, out
        A byte of the memory, while one of the next two is high.
    writes, reads : Signal, out
        It is to be written, or read, until *done* in the same cycle or a later one.
    done : Signal, in
        It was.
    read_byte : Signal, in
        With *done* of a read.
    interrupt : Signal, in
        What ``I`` answers.

    Notes
    -----
    Nothing is kept that comes too early: a byte to load must be written before the next one comes, and a request
    answered before the next one begins.
    """

    def __init__(self, *, register_bits, memory_bits):
        check_range("memory_bits of a host link", memory_bits, 3, 32)
        self._memory_bits = memory_bits
        super().__init__(
            {
                "valid": In(1),
                "byte": In(8),
                "breaks": In(1),
                "o": Out(stream.Signature(8)),
                "registers": Out(AxiLiteSignature(address_bits=register_bits)),
                "address": Out(memory_bits),
                "write_byte": Out(8),
                "writes": Out(1),
                "reads": Out(1),
                "done": In(1),
                "read_byte": In(8),
                "interrupt": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        head = Signal(8 * _HEAD_BYTES, reset_less=True)
        kind = Signal(8, reset_less=True)
        count = Signal(range(_HEAD_BYTES))
        left = Signal(32, reset_less=True)
        answer, answers = Signal(DATA_BITS, reset_less=True), Signal(3)
        bus = self.registers
        m.d.comb += [
            bus.awaddr.eq(head),
            bus.araddr.eq(head),
            bus.wdata.eq(head[32:]),
            bus.wstrb.eq(~0),
            self.o.valid.eq(answers != 0),
            self.o.payload.eq(answer[:8]),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [answer.eq(answer[8:]), answers.eq(answers - 1)]
        with m.FSM():
            with m.State("KIND"):
                m.d.sync += [kind.eq(self.byte), count.eq(0)]
                with m.If(self.valid & Cat(self.byte == each[0] for each in KINDS.values()).any()):
                    m.next = "HEAD"
            with m.State("HEAD"):
                with m.If(self.valid):
                    m.d.sync += [head.eq(Cat(head[8:], self.byte)), count.eq(count + 1)]
                    with m.If(count == _HEAD_BYTES - 1):
                        m.next = "BEGIN"
                with m.If(self.breaks):
                    m.next = "KIND"
            with m.State("BEGIN"):
                m.d.sync += [self.address.eq(head), left.eq(head[32:])]
                with m.Switch(kind):
                    for name, code in KINDS.items():
                        with m.Case(code[0]):
                            m.next = name.upper()
            self._registers(m, bus, answer, answers)
            self._memory(m, left, answer, answers)
            with m.State("INTERRUPT"):
                m.d.sync += [answer.eq(self.interrupt), answers.eq(1)]
                m.next = "ANSWER"
            with m.State("ANSWER"), m.If(answers == 0):
                m.next = "KIND"
        return m

    def _registers(self, m, bus, answer, answers):
        with m.State("READ"):
            m.d.comb += bus.arvalid.eq(1)
            with m.If(bus.arready):
                m.next = "READ-ANSWER"
        with m.State("READ-ANSWER"):
            m.d.comb += bus.rready.eq(1)
            with m.If(bus.rvalid):
                m.d.sync += [answer.eq(bus.rdata), answers.eq(4)]
                m.next = "ANSWER"
        asks_address, asks_data = Signal(), Signal()
        with m.State("WRITE"):
            m.d.sync += [asks_address.eq(1), asks_data.eq(1)]
            m.next = "WRITE-ANSWER"
        with m.State("WRITE-ANSWER"):
            m.d.comb += [bus.awvalid.eq(asks_address), bus.wvalid.eq(asks_data), bus.bready.eq(1)]
            with m.If(bus.awready):
                m.d.sync += asks_address.eq(0)
            with m.If(bus.wready):
                m.d.sync += asks_data.eq(0)
            with m.If(bus.bvalid):
                m.d.sync += [answer.eq(ANSWER[0]), answers.eq(1)]
                m.next = "ANSWER"

    def _memory(self, m, left, answer, answers):
        with m.State("LOAD"):
            m.d.sync += self.write_byte.eq(self.byte)
            with m.If(self.valid):
                m.next = "LOAD-BYTE"
            with m.If(self.breaks):
                m.next = "KIND"
        with m.State("LOAD-BYTE"):
            m.d.comb += self.writes.eq(1)
            with m.If(self.done):
                m.d.sync += [self.address.eq(self.address + 1), left.eq(left - 1)]
                m.next = "LOAD"
                with m.If(left == 1):
                    m.d.sync += [answer.eq(ANSWER[0]), answers.eq(1)]
                    m.next = "ANSWER"
        with m.State("FETCH"):
            m.d.comb += self.reads.eq(answers == 0)
            with m.If(self.done):
                m.d.sync += [
                    answer.eq(self.read_byte), answers.eq(1), self.address.eq(self.address + 1), left.eq(left - 1),
                ]  # fmt: skip
                with m.If(left == 1):
                    m.next = "ANSWER"
