"""An accelerator in this process as a driver has it: built, with memory around it, and reset."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from vitaccel_rtl.register_map import Register, to_json
from vitaccel_sim.accelerator.behaviour import MemoryBehaviour
from vitaccel_sim.accelerator.driver import Accelerator
from vitaccel_sim.accelerator.system import System
from vitaccel_sim.model import Model


class SimulatedAccelerator(Accelerator):
    """A driver whose bus is a :class:`System`.

    Parameters
    ----------
    model
        Of :func:`vitaccel_sim.accelerator.system.build_system`.
    registers
        Its map.
    dram_bytes
        Size of the memory, which holds zeros.
    base
        Address of its first byte.
    behaviour
        How the memory answers.
    seed
        Of its stalls.
    refuses_outside
        Whether bursts outside the memory are answered with DECERR; else they are a fault.

    Attributes
    ----------
    system
        What only a simulation has: its cycles, its traffic, error responses.
    """

    def __init__(
        self,
        model: Model,
        registers: Sequence[Register],
        *,
        dram_bytes: int,
        base: int = 0,
        behaviour: MemoryBehaviour | None = None,
        seed: int = 0,
        refuses_outside: bool = False,
    ) -> None:
        self.system = System(
            model,
            np.zeros(dram_bytes, np.uint8),
            base=base,
            behaviour=behaviour,
            seed=seed,
            refuses_outside=refuses_outside,
        )
        super().__init__(self.system, json.loads(to_json(registers))["registers"])
        self.system.reset()
