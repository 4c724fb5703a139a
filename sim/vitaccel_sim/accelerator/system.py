"""The accelerator with a memory and a master of its registers, in this process: what a driver needs of hardware.

One call of C++ runs a whole network. The system is a bus in the sense of :mod:`vitaccel_sim.accelerator.driver`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from amaranth.lib import wiring

from vitaccel_rtl.axi_lite import OKAY
from vitaccel_rtl.registers import PREFIX
from vitaccel_rtl.verilog import Verilog
from vitaccel_sim.accelerator.behaviour import BehaviourStructure, MemoryBehaviour
from vitaccel_sim.bench.axi_rules import RuleError
from vitaccel_sim.model import Model
from vitaccel_sim.verilate import BUILD_FOLDER, build

SOURCES = ("pins.h", "memory.h", "memory.cpp", "registers.h", "system.cpp")

MASTERS = ("m_axi", "p_axi")
"""Prefixes of the accelerator's AXI4 masters: for data, and for the program."""


_LITE = (
    *("awaddr", "awprot", "awvalid", "awready", "wdata", "wstrb", "wvalid", "wready", "bresp", "bvalid", "bready"),
    *("araddr", "arprot", "arvalid", "arready", "rdata", "rresp", "rvalid", "rready"),
)
_ADDRESS = ("valid", "ready", "addr", "len", "size", "burst")
_READ = (*(f"ar{name}" for name in _ADDRESS), "rvalid", "rready", "rdata", "rresp", "rlast")
_WRITE = (
    *(f"aw{name}" for name in _ADDRESS),
    *("wvalid", "wready", "wdata", "wstrb", "wlast", "bvalid", "bready", "bresp"),
)

ACCESS_LIMIT_CYCLES = 10_000
"""Of an access to a register."""

_INTERRUPTED, _LIMIT_REACHED, _FAULTY, _STOPPED, _COUNTED = range(5)

_PROGRESS = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_int64)
_TRAFFIC_NUMBERS = 6
_NUMBER, _ADDRESS_TYPE, _WHERE = ctypes.c_int64, ctypes.c_uint64, ctypes.c_void_p

_FUNCTIONS = {
    "system_new": ((_WHERE, _WHERE, _ADDRESS_TYPE, _ADDRESS_TYPE, ctypes.c_bool), _WHERE),
    "system_delete": ((), None),
    "system_add_reader": ((_WHERE, ctypes.c_char_p, ctypes.POINTER(BehaviourStructure)), None),
    "system_add_writer": ((_WHERE, ctypes.c_char_p, ctypes.POINTER(BehaviourStructure)), None),
    "system_refuse": ((_ADDRESS_TYPE, _ADDRESS_TYPE, ctypes.c_int), None),
    "system_reset": ((_NUMBER,), None),
    "system_read": ((_ADDRESS_TYPE, ctypes.POINTER(ctypes.c_uint32), _NUMBER), ctypes.c_int),
    "system_write": ((_ADDRESS_TYPE, ctypes.c_uint32, _NUMBER), ctypes.c_int),
    "system_run": ((_NUMBER, _NUMBER, _PROGRESS), ctypes.c_int),
    "system_watch": ((_WHERE, _WHERE, ctypes.c_int, _NUMBER), ctypes.c_int),
    "system_step": ((_NUMBER,), None),
    "system_cycle": ((), _NUMBER),
    "system_fault": ((), ctypes.c_char_p),
    "system_traffic": ((_WHERE,), None),
}


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What went over the read or the write channels of a master.

    Parameters
    ----------
    bursts, beats
        How many.
    in_flight, most_in_flight
        Bursts that are not answered, now and at most.
    first_beat, last_beat
        In which cycle of the system; -1 if there was none.
    """

    bursts: int
    beats: int
    in_flight: int
    most_in_flight: int
    first_beat: int
    last_beat: int


def build_system(
    design: wiring.Component | Verilog,
    *,
    waves: bool = False,
    visible: Sequence[str] = (),
    seed: int = 1,
    optimize: str = "-O3",
    folder: Path = BUILD_FOLDER,
) -> Model:
    """Return an accelerator as a model that :class:`System` takes; see :func:`vitaccel_sim.verilate.build`."""
    texts = {name: Path(__file__).with_name(name).read_text() for name in SOURCES}
    return build(
        design,
        name="vitaccel",
        seed=seed,
        sources=texts,
        waves=waves,
        visible=visible,
        optimize=optimize,
        folder=folder,
    )


class System:
    """An accelerator, its DRAM, and the master of its registers.

    Parameters
    ----------
    model
        Of :func:`build_system`. Its ports: ``clk``, ``rst``, ``interrupt``, ``s_axi_*`` (AXI4-Lite), ``m_axi_*`` and
        ``p_axi_*`` (AXI4, the read or the write channels or both; either master may be missing).
    dram
        Bytes, as they are read and written; not a copy.
    base
        Address of the first of them.
    behaviour
        How the memory answers.
    seed
        Of its stalls.
    refuses_outside
        Whether bursts outside the memory are answered with DECERR; else they are a fault of the accelerator.

    Raises
    ------
    AttributeError
        If the model lacks a port.
    ValueError
        If *dram* is no vector of bytes.
    """

    def __init__(
        self,
        model: Model,
        dram: npt.NDArray[np.uint8],
        *,
        base: int = 0,
        behaviour: MemoryBehaviour | None = None,
        seed: int = 0,
        refuses_outside: bool = False,
    ) -> None:
        if dram.dtype != np.uint8 or dram.ndim != 1 or not dram.flags["C_CONTIGUOUS"] or not dram.flags["WRITEABLE"]:
            raise ValueError("memory of a system must be a writable vector of uint8")
        self.model, self.dram, self.base = model, dram, base
        self.behaviour = behaviour or MemoryBehaviour()
        places = model.places(["rst", "interrupt", *(f"{PREFIX}_{name}" for name in _LITE)])
        self._functions = {
            name: model.function(name, (_WHERE, *arguments), result) for name, (arguments, result) in _FUNCTIONS.items()
        }
        make = self._functions["system_new"]
        self._handle = make(model.handle, places.ctypes.data, dram.ctypes.data, base, len(dram), refuses_outside)
        self._channels: list[tuple[str, str]] = []
        self._connect("reader", "read", "arvalid", _READ, seed)
        self._connect("writer", "write", "awvalid", _WRITE, seed)

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._call("system_delete")
            self._handle = None

    def _call(self, name: str, *given: object) -> Any:
        return self._functions[name](self._handle, *given)

    def _connect(self, slave: str, direction: str, mark: str, names: Iterable[str], seed: int) -> None:
        for master in MASTERS:
            if f"{master}_{mark}" in self.model.ports:
                places = self.model.places([f"{master}_{name}" for name in names])
                structure = self.behaviour.structure(seed * 16 + len(self._channels))
                self._call(f"system_add_{slave}", places.ctypes.data, _TEXTS[master], ctypes.byref(structure))
                self._channels.append((master, direction))

    # -- what a driver needs of hardware -----------------------------------------------------------------------------
    def read32(self, address: int) -> int:
        """Return a register.

        Raises
        ------
        OSError
            If there is none at this address, or no answer.
        RuleError
            If the accelerator broke a rule of AXI meanwhile.
        """
        value = ctypes.c_uint32()
        self._answered(self._call("system_read", address, ctypes.byref(value), ACCESS_LIMIT_CYCLES), address)
        return value.value

    def write32(self, address: int, value: int) -> None:
        """Write a register; raises as :meth:`read32`."""
        self._answered(self._call("system_write", address, value, ACCESS_LIMIT_CYCLES), address)

    def read_memory(self, address: int, count: int) -> bytes:
        """Return bytes of the DRAM.

        Raises
        ------
        ValueError
            If they are not in it.
        """
        return self.dram[self._place(address, count)].tobytes()

    def write_memory(self, address: int, content: bytes) -> None:
        """Put bytes into the DRAM; raises as :meth:`read_memory`."""
        self.dram[self._place(address, len(content))] = np.frombuffer(content, np.uint8)

    def wait(
        self, limit_cycles: int, *, progress: Callable[[int], None] | None = None, progress_cycles: int = 1_000_000
    ) -> bool:
        """Run until ``interrupt`` is high, and return whether it is: not if the limit was reached.

        Parameters
        ----------
        limit_cycles
            Of this run.
        progress, progress_cycles
            Called with the cycles of this run, every so many; what it raises ends the run and is raised here.

        Raises
        ------
        RuleError
            If the accelerator broke a rule of AXI.
        """
        raised: list[BaseException] = []

        def call(cycles: int) -> bool:
            try:
                if progress is not None:
                    progress(cycles)
            except BaseException as error:
                raised.append(error)
            return bool(raised)

        every = progress_cycles if progress is not None else limit_cycles
        ending = self._call("system_run", limit_cycles, every, _PROGRESS(call))
        self._check()
        if raised:
            raise raised[0]
        return ending == _INTERRUPTED

    # -- what only a simulation has ----------------------------------------------------------------------------------
    @property
    def cycle(self) -> int:
        """Cycles since the system was made."""
        return self._call("system_cycle")

    def reset(self, cycles: int = 2) -> None:
        """Hold ``rst`` for so many cycles, with a memory that forgets what was asked, but not its content."""
        self._call("system_reset", cycles)

    def step(self, cycles: int = 1) -> None:
        """Let cycles pass, whatever ``interrupt`` is.

        Raises
        ------
        RuleError
            If the accelerator broke a rule of AXI.
        """
        self._call("system_step", cycles)
        self._check()

    def watch(self, counters: Sequence[npt.NDArray[np.uint8]], targets: Sequence[int], limit_cycles: int) -> bool:
        """Run until a counter has reached its target, and return whether one has: not if an interrupt came first.

        Parameters
        ----------
        counters
            Signals inside of 17 to 32 bits, see :meth:`vitaccel_sim.model.Model.variable`.
        targets
            Of each; 2**32 - 1 of one that does not matter.
        limit_cycles
            Of this run.

        Raises
        ------
        TimeoutError
            If the limit was reached.
        RuleError
            If the accelerator broke a rule of AXI.
        """
        places = np.array([counter.ctypes.data for counter in counters], np.uint64)
        wanted = np.array(targets, np.uint32)
        ending = self._call("system_watch", places.ctypes.data, wanted.ctypes.data, len(wanted), limit_cycles)
        self._check()
        if ending == _LIMIT_REACHED:
            raise TimeoutError(f"a run must end within {limit_cycles:,}, and this one did not")
        return ending == _COUNTED

    def refuse(self, first: int, end: int, response: int) -> None:
        """Answer beats of the addresses from *first* to before *end* with *response* from now on: 2 or 3, an error."""
        self._call("system_refuse", first, end, response)

    def accept_all(self) -> None:
        """Forget what :meth:`refuse` was told."""
        self._call("system_refuse", 0, 0, OKAY)

    def traffic(self) -> dict[tuple[str, str], Traffic]:
        """Return what went over the channels since the beginning, by master and ``read`` or ``write``."""
        numbers = np.zeros((len(self._channels), _TRAFFIC_NUMBERS), np.int64)
        self._call("system_traffic", numbers.ctypes.data)
        names = tuple(Traffic.__dataclass_fields__)
        rows = [dict(zip(names, row, strict=True)) for row in numbers.tolist()]
        return {channel: Traffic(**row) for channel, row in zip(self._channels, rows, strict=True)}

    def _place(self, address: int, count: int) -> slice:
        first = address - self.base
        if first < 0 or first + count > len(self.dram):
            raise ValueError(
                f"{count} bytes at {address:#x} must lie in the {len(self.dram)} bytes from {self.base:#x}"
            )
        return slice(first, first + count)

    def _answered(self, response: object, address: int) -> None:
        self._check()
        if response != OKAY:
            said = "no answer" if response == -1 else f"response {response}"
            raise OSError(f"a register must be at address {address:#x}, not {said}")

    def _check(self) -> None:
        fault = self._call("system_fault")
        if fault:
            raise RuleError(f"cycle {self.cycle - 1}: {fault.decode()}")


_TEXTS = {master: ctypes.create_string_buffer(master.encode()) for master in MASTERS}
"""Names of masters that live as long as a system may."""
