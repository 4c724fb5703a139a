"""The program: read from DRAM over a port of its own, checked, and handed on word by word."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator import issue_timing
from vitaccel_rtl.accelerator.control_map import ERROR_BITS, error_code
from vitaccel_rtl.accelerator.isa import DRAM_ADDRESS, HEADER, HEADER_BYTES, INSTRUCTION_BYTES
from vitaccel_rtl.accelerator.issue_timing import BEAT_BYTES, INSTRUCTION_WORDS
from vitaccel_rtl.axi import Geometry, read_ports
from vitaccel_rtl.dma_read import DmaRead
from vitaccel_rtl.stream import check_range

INSTRUCTION_COUNT_BITS = 20
MOST_INSTRUCTIONS = (1 << INSTRUCTION_COUNT_BITS) - 1

WORD = data.StructLayout({"data": 8 * BEAT_BYTES, "last": 1})
"""64 bits of an instruction, and whether they are its last."""

GEOMETRY = Geometry(
    data_bits=8 * BEAT_BYTES,
    word_bytes=BEAT_BYTES,
    address_bits=DRAM_ADDRESS,
    burst_beats=INSTRUCTION_WORDS,
    outstanding=16,
    rows_bits=1,
    length_bits=13,
)
"""Of the port: an instruction is a burst, or two where it crosses 4 KiB."""


_BUILT_WITH = ("data_bits", "word_bytes", "address_bits", "burst_beats", "outstanding", "rows_bits", "length_bits")
_ALIGN_BITS = HEADER_BYTES.bit_length() - 1


def check_fetch(header, ahead):
    """Raise a ValueError of one sentence if a :class:`ProgramFetch` cannot have these parameters."""
    names = {field.name for field in HEADER} - {"instructions"}
    if set(header) != names:
        raise ValueError(f"header of a program must have {', '.join(sorted(names))}, not {', '.join(sorted(header))}")
    for name, value in header.items():
        check_range(f"{name} of a header", value, 0, (1 << 32) - 1)
    check_range("instructions read ahead", ahead, 2, GEOMETRY.outstanding - 2)


class ProgramFetch(wiring.Component):
    """Reads the header of a program, refuses what is not for this machine, and gives its instructions on.

    A program is for it if every word of the header is the machine's own, and of ``features`` it needs no more than the
    machine has.

    Every instruction is a job of the DMA engine. One is asked for every 16 cycles at most, as the port needs these for
    its beats, and while fewer than *ahead* are not handed over: so no job ever waits for room, and the cycle of every
    word is known (:mod:`vitaccel_rtl.accelerator.issue_timing`).

    Parameters
    ----------
    header
        The machine's own values by the names of :data:`vitaccel_rtl.accelerator.isa.HEADER`, all but ``instructions``.
    ahead
        Instructions asked for and not handed over at most, 2 to 14: the buffer is as large.

    Attributes
    ----------
    start, address : Signal, in
        Begin to read a program, at *address*, whose lowest 6 bits are taken as 0; only while ``is_idle``.
    stop : Signal, in
        Ask for nothing more, and drop what comes, until ``is_idle``.
    o : stream
        Of :data:`WORD`: instructions, 16 words each, in the order of the program.
    instructions : Signal, out
        How many there are, by the header.
    fails, code : Signal, out
        For a cycle: the program is refused, and the number in
        :data:`vitaccel_rtl.accelerator.control_map.ERRORS` of why. An instruction that was answered with an error is
        handed on, and fails in the cycle after its last word was accepted.
    is_idle : Signal, out
        No program is being read, and nothing is awaited from the port.
    finished : Signal, out
        All instructions of the program were handed over.
    m_axi_ar*, m_axi_r* : AXI4
        See :func:`vitaccel_rtl.axi.read_ports`, of :data:`GEOMETRY`.

    Notes
    -----
    With ``start`` in the cycle before cycle 0, under a memory of fixed latency L: the header is asked for in cycle 0
    and known in cycle ``h = read_latency(L) + 8``; instruction i is asked for in cycle

        ``a[i] = max(h + 1, a[i - 1] + 16, e[i - ahead] + 2)``

    where ``e[j]`` is the cycle in which the last word of instruction j is accepted, and its word w is offered in cycle
    ``a[i] + read_latency(L) + w``, or when the word before it has been accepted.

    Raises
    ------
    ValueError
        If a value of the header is missing, unknown or no number of 32 bits, or *ahead* is out of its range.
    """

    def __init__(self, *, header, ahead=issue_timing.AHEAD):
        check_fetch(header, ahead)
        self._header = dict(header)
        self._ahead = ahead
        super().__init__(
            {
                "start": In(1),
                "address": In(DRAM_ADDRESS),
                "stop": In(1),
                "o": Out(stream.Signature(WORD)),
                "instructions": Out(INSTRUCTION_COUNT_BITS),
                "fails": Out(1),
                "code": Out(ERROR_BITS),
                "is_idle": Out(1),
                "finished": Out(1),
                **read_ports(GEOMETRY),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.reader = reader = DmaRead(
            **{name: getattr(GEOMETRY, name) for name in _BUILT_WITH},
            buffer_beats=self._ahead * INSTRUCTION_WORDS,
            jobs=max(3, self._ahead),
        )
        for name, member in read_ports(GEOMETRY).items():
            inside, outside = getattr(reader, name), getattr(self, name)
            m.d.comb += inside.eq(outside) if member.flow == In else outside.eq(inside)
        in_header = Signal()
        m.d.comb += [
            self.o.p.data.eq(Value.cast(reader.o.p.lanes)),
            self.o.p.last.eq(reader.o.p.last),
            self.o.valid.eq(reader.o.valid & ~in_header & ~self.stop),
            reader.o.ready.eq(in_header | self.stop | self.o.ready),
            reader.status.ready.eq(1),
        ]
        wrong = self._check_header(m, reader.o, in_header)
        self._sequence(m, reader, in_header, wrong)
        return m

    def _check_header(self, m, word, in_header):
        """Return by error whether the header has it; complete when its last word was accepted."""
        wrong = {name: Signal(name=f"wrong_{name}") for name in ("magic", "version", "machine", "length")}
        place = Signal(range(HEADER_BYTES // BEAT_BYTES))
        with m.If(self.start):
            m.d.sync += [place.eq(0), *(flag.eq(0) for flag in wrong.values())]
        with m.If(word.valid & in_header):
            m.d.sync += place.eq(place + 1)
        for number, field in enumerate(HEADER):
            half = Value.cast(word.p.lanes)[32 * (number % 2) :][:32]
            is_there = word.valid & in_header & (place == number // 2)
            if field.name == "instructions":
                with m.If(is_there):
                    m.d.sync += [self.instructions.eq(half), wrong["length"].eq(half > MOST_INSTRUCTIONS)]
            else:
                own = Const(self._header[field.name], 32)
                differs = (half & ~own).any() if field.name == "features" else half != own
                with m.If(is_there & differs):
                    m.d.sync += wrong.get(field.name, wrong["machine"]).eq(1)
        return wrong

    def _sequence(self, m, reader, in_header, wrong):
        """Ask for the header, then for instructions, while few enough are awaited."""
        job, status = reader.i, reader.status
        address = Signal(DRAM_ADDRESS, reset_less=True)
        left = Signal(INSTRUCTION_COUNT_BITS, reset_less=True)
        some_left = Signal()
        asked = job.valid & job.ready
        none_awaited, has_credit = self._credit(m, asked, status.valid)
        is_paced = self._pace(m, asked, in_header)
        m.d.comb += [
            job.p.address.eq(address),
            job.p.rows.eq(1),
            job.p.row_bytes.eq(Mux(in_header, HEADER_BYTES, INSTRUCTION_BYTES)),
        ]
        with m.If(asked):
            m.d.sync += address.eq(address + job.p.row_bytes)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.is_idle.eq(1)
                with m.If(self.start):
                    start = Cat(Const(0, _ALIGN_BITS), self.address[_ALIGN_BITS:])
                    m.d.sync += [address.eq(start), self.finished.eq(0)]
                    m.next = "ASK"
            with m.State("ASK"):
                m.d.comb += [in_header.eq(1), job.valid.eq(1)]
                with m.If(job.ready):
                    m.next = "HEADER"
            with m.State("HEADER"):
                m.d.comb += in_header.eq(1)
                with m.If(status.valid):
                    self._judge(m, status.p.error, wrong)
                    m.d.sync += [left.eq(self.instructions), some_left.eq(self.instructions != 0)]
                    m.next = "INSTRUCTIONS"
                    with m.If(self.fails):
                        m.next = "IDLE"
            with m.State("INSTRUCTIONS"):
                m.d.comb += job.valid.eq(some_left & has_credit & is_paced & ~self.stop)
                with m.If(asked):
                    m.d.sync += [left.eq(left - 1), some_left.eq(left != 1)]
                with m.If(status.valid & status.p.error):
                    m.d.comb += [self.fails.eq(1), self.code.eq(error_code("fetch"))]
                with m.If(none_awaited & (~some_left | self.stop)):
                    m.d.sync += self.finished.eq(~self.stop)
                    m.next = "IDLE"

    def _credit(self, m, asked, answered):
        """Return whether no job is awaited, and whether one more may be: registers."""
        awaited = Signal(range(self._ahead + 1))
        none_awaited, has_credit = Signal(init=1), Signal(init=1)
        with m.If(asked & ~answered):
            m.d.sync += [awaited.eq(awaited + 1), none_awaited.eq(0), has_credit.eq(awaited != self._ahead - 1)]
        with m.Elif(answered & ~asked):
            m.d.sync += [awaited.eq(awaited - 1), none_awaited.eq(awaited == 1), has_credit.eq(1)]
        return none_awaited, has_credit

    @staticmethod
    def _pace(m, asked, in_header):
        """Return whether the beats of the last instruction have had their cycles: a register."""
        pace = Signal(range(INSTRUCTION_WORDS))
        is_paced = Signal(init=1)
        with m.If(in_header):
            m.d.sync += is_paced.eq(1)
        with m.Elif(asked):
            m.d.sync += [pace.eq(INSTRUCTION_WORDS - 1), is_paced.eq(0)]
        with m.Elif(~is_paced):
            m.d.sync += [pace.eq(pace - 1), is_paced.eq(pace == 1)]
        return is_paced

    def _judge(self, m, error, wrong):
        """Say what the header is refused for: the port's error, or else the first thing that is wrong in it."""
        causes = {"fetch": error, **wrong}
        m.d.comb += self.fails.eq(Cat(causes.values()).any())
        for name, is_so in reversed(causes.items()):
            with m.If(is_so):
                m.d.comb += self.code.eq(error_code(name))
