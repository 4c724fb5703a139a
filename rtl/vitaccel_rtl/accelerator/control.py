"""The control unit: a program is started by the host, fetched, and its instructions issued to the four engines."""

from amaranth.hdl import Cat, Const, Module, Mux, ResetInserter
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator import issue_timing
from vitaccel_rtl.accelerator.control_map import (
    PARAMETERS,
    START,
    STOP,
    error_code,
    machine_registers,
)
from vitaccel_rtl.accelerator.decode import RAW
from vitaccel_rtl.accelerator.dispatch import check_queued
from vitaccel_rtl.accelerator.fetch import GEOMETRY, ProgramFetch, check_fetch
from vitaccel_rtl.accelerator.isa import ENGINES, MAGIC, VERSION
from vitaccel_rtl.accelerator.issue import Issue
from vitaccel_rtl.accelerator.run_counters import RunCounters
from vitaccel_rtl.accelerator.run_state import RunState
from vitaccel_rtl.axi import read_ports
from vitaccel_rtl.axi_lite import AxiLiteSignature, flat_members
from vitaccel_rtl.latency import SLOTS
from vitaccel_rtl.register_map import address_bits, check_map
from vitaccel_rtl.registers import PREFIX, Registers

PORT = "p_axi"
"""Prefix of the ports of the program's AXI4 master."""


class ControlUnit(wiring.Component):
    """Registers, fetch, queues, fronts, tokens, and the phase that all engines share.

    The host writes the program's address and starts it. The run's cycle 0 is the third after the one in which that
    write was accepted: it has phase 0, every count is 0, and the counter of cycles is 0 in it. When every instruction
    has been completed the run is over: *busy* falls, *done* rises and the counter stands still, ``RUN_END`` cycles
    after the last completion, at the number of that cycle.

    An error (:data:`vitaccel_rtl.accelerator.control_map.ERRORS`) and ``stop`` end a run early: from the next cycle on
    no engine can accept an instruction, the rest of the program is forgotten, and *busy* falls when all that was
    accepted is completed and the memory has answered all that it was asked. Then another program can be started; the
    engines need no reset. After an error its code stays until the next start or stop.

    Parameters
    ----------
    parameters
        The machine's own by the names of :data:`vitaccel_rtl.accelerator.control_map.PARAMETERS`: what the header of
        every program must say.
    ahead, queued
        Instructions read ahead, and those that fit the queue of an engine.

    Attributes
    ----------
    s_axi_* : AXI4-Lite
        :func:`vitaccel_rtl.accelerator.control_map.machine_registers`.
    p_axi_ar*, p_axi_r* : AXI4
        The program is read here.
    engines : stream, one for each of :data:`vitaccel_rtl.accelerator.isa.ENGINES`
        Instructions, of :data:`vitaccel_rtl.accelerator.decode.RAW`. An engine is ready in cycles of phase 0 only. An
        instruction that was offered and not accepted may be withdrawn, when a run ends early.
    done : Signal, in, one for each engine
        It completes the oldest of its instructions, in the cycle after it accepted it or later. It may have accepted 15
        that are not completed.
    error : Signal, in, two: load engine, store engine
        A burst was answered with an error.
    phase : Signal, out
        0 to 7, over and over.
    interrupt : Signal, out
        Something is pending that is enabled.

    Notes
    -----
    When what is issued: :mod:`vitaccel_rtl.accelerator.issue_timing`.

    Raises
    ------
    ValueError
        If a parameter is missing, unknown or no number of 32 bits, or another one is out of its range.
    """

    def __init__(self, *, parameters, ahead=issue_timing.AHEAD, queued=issue_timing.QUEUED):
        self._header = {"magic": MAGIC, "version": VERSION, **parameters}
        check_fetch(self._header, ahead)
        check_queued(queued)
        self._ahead = ahead
        self._queued = queued
        bus = AxiLiteSignature(address_bits=address_bits(machine_registers())).flip()
        program = {_outside(name): member for name, member in read_ports(GEOMETRY).items()}
        super().__init__(
            {
                **flat_members(bus, PREFIX),
                **program,
                "engines": Out(stream.Signature(RAW)).array(len(ENGINES)),
                "done": In(1).array(len(ENGINES)),
                "error": In(1).array(2),
                "phase": Out(range(SLOTS)),
                "interrupt": Out(1),
            }
        )

    @property
    def registers(self):
        """The map of the registers, in the order of their addresses."""
        return check_map(machine_registers())

    def elaborate(self, platform):
        m = Module()
        m.submodules.registers = registers = Registers(machine_registers())
        m.submodules.fetch = fetch = ProgramFetch(header=self._header, ahead=self._ahead)
        m.submodules.state = state = RunState()
        m.submodules.counters = counters = RunCounters()
        issue = Issue(queued=self._queued)
        m.submodules.issue = ResetInserter(state.starts)(issue)
        wiring.connect(m, fetch.o, issue.i)
        for place in range(len(ENGINES)):
            wiring.connect(m, issue.engines[place], wiring.flipped(self.engines[place]))
            m.d.comb += [
                issue.done[place].eq(self.done[place]),
                counters.in_engine[place].eq(issue.in_engine[place]),
                counters.stands[place].eq(issue.stands[place]),
            ]
        m.d.comb += [
            fetch.start.eq(state.starts),
            fetch.stop.eq(state.stops),
            fetch.address.eq(registers.program),
            issue.enable.eq(state.runs),
            counters.clear.eq(state.starts),
            counters.runs.eq(state.runs | state.stops),
            state.start.eq(registers.control[START]),
            state.stop.eq(registers.control[STOP]),
            state.is_over.eq(fetch.finished & issue.none_pending),
            state.is_quiet.eq(fetch.is_idle & ~Cat(issue.in_engine).any()),
        ]
        m.d.sync += self.phase.eq(Mux(state.starts, 0, self.phase + 1))
        self._find_errors(m, state, fetch, issue)
        self._show(m, state, counters, registers, fetch, issue)
        self._expose(m, registers, fetch)
        return m

    def _find_errors(self, m, state, fetch, issue):
        causes = {"load": self.error[0], "store": self.error[1], "operation": issue.is_unknown}
        m.d.comb += [state.fails.eq(fetch.fails | Cat(causes.values()).any()), state.code.eq(fetch.code)]
        for name, is_so in causes.items():
            with m.If(is_so):
                m.d.comb += state.code.eq(error_code(name))

    def _show(self, m, state, counters, registers, fetch, issue):
        """Let the host read what there is, and interrupt it."""
        shown = {
            "identity": MAGIC,
            **{name: self._header[name] for name in ("version", *(field.name for field in PARAMETERS))},
            "status": Cat(state.runs | state.stops, state.done, Const(0, 2), state.error, Cat(issue.in_engine)),
            "instructions": fetch.instructions,
            "cycles_low": counters.cycles_low,
            "cycles_high": counters.cycles_high,
        }
        for place, engine in enumerate(ENGINES):
            shown[f"completed_{engine}"] = issue.counts[place]
            shown |= {f"{kind}_{engine}": getattr(counters, kind)[place] for kind in ("busy", "waiting", "idle")}
        m.d.comb += [getattr(registers, name).eq(value) for name, value in shown.items()]
        m.d.comb += registers.interrupt_pending_set.eq(Cat(state.ends, state.breaks))
        m.d.sync += self.interrupt.eq((registers.interrupt_pending & registers.interrupt_enable).any())

    def _expose(self, m, registers, fetch):
        """Connect the ports of the registers and of the fetch to the outside."""
        bus = AxiLiteSignature(address_bits=registers.axi.signature.address_bits).flip()
        ports = [(registers, name, name, member) for name, member in flat_members(bus, PREFIX).items()]
        ports += [(fetch, name, _outside(name), member) for name, member in read_ports(GEOMETRY).items()]
        for part, name, outside, member in ports:
            inner, outer = getattr(part, name), getattr(self, outside)
            m.d.comb += inner.eq(outer) if member.flow == In else outer.eq(inner)


def _outside(name):
    """Return what a port of the fetch is called at the control unit."""
    return name.replace("m_axi", PORT)
