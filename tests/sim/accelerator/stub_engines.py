"""The accelerator's control with engines that do nothing: each takes an instruction, and completes it after a while."""

from __future__ import annotations

import functools

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from tests.backends.rtl.programs import MACHINE
from vitaccel_rtl.accelerator.control import ControlUnit
from vitaccel_rtl.accelerator.isa import ENGINES
from vitaccel_sim.accelerator.inside import ACCELERATOR
from vitaccel_sim.accelerator.system import build_system
from vitaccel_sim.model import Model

BUSY_CYCLES = 37
"""Of an instruction."""


class StubAccelerator(wiring.Component):
    """Ports ``s_axi_*``, ``p_axi_*`` and ``interrupt``, as the accelerator has them."""

    def __init__(self) -> None:
        self._control = ControlUnit(parameters=MACHINE)
        ports = {
            name: member
            for name, member in self._control.signature.members.items()
            if name.startswith(("s_axi_", "p_axi_")) or name == "interrupt"
        }
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.control = control = self._control
        for name, member in self.signature.members.items():
            outer, inner = getattr(self, name), getattr(control, name)
            m.d.comb += outer.eq(inner) if member.flow == Out else inner.eq(outer)
        for place, engine in enumerate(ENGINES):
            left = Signal(range(BUSY_CYCLES + 1), name=f"{engine}_left")
            m.d.comb += [
                control.engines[place].ready.eq((control.phase == 0) & (left == 0)),
                control.done[place].eq(left == 1),
            ]
            with m.If(control.engines[place].valid & control.engines[place].ready):
                m.d.sync += left.eq(BUSY_CYCLES)
            with m.Elif(left != 0):
                m.d.sync += left.eq(left - 1)
        return m


@functools.cache
def _built() -> Model:
    names = tuple(dict.fromkeys(name for _, name in ACCELERATOR.counters.values()))
    return build_system(StubAccelerator(), visible=names, optimize="-O1")


def stub_model() -> Model:
    """Return a model that has not run."""
    return _built().another(seed=1)
