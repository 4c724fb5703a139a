"""Networks run word by word, with what each of their kernels became."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.passes.conftest import machine_with
from tests.passes.machine import Machine
from vitaccel.arch import Arch
from vitaccel.errors import CapacityError
from vitaccel.ir.graph import Graph
from vitaccel.ir.plan import Plan
from vitaccel.ir.program import Program

Ran = list[tuple[Plan, Program]]


@pytest.fixture
def run_everywhere(lower: Callable[..., tuple[Plan, Program]], seed: int) -> Callable[..., Ran]:
    """Return ``run(graph, arrays, sizes)``: run it on every machine it fits, and return the Plans and Programs."""

    def run(graph: Graph, arrays: tuple[str, ...] = ("64", "4x4", "3x8x8"), sizes: tuple[int, ...] = ()) -> Ran:
        rng, found = random.Random(seed), []
        for pe in arrays:
            for size in (1 << 20, *sizes):
                try:
                    plan, program = lower(graph, machine_with(pe, size, 1 << 13))
                except CapacityError:
                    continue
                machine = Machine(plan, program)
                for _ in range(3):
                    machine.run([(int(10 ** rng.uniform(0, 3)), rng.randrange(200)) for _ in program.instructions])
                found.append((plan, program))
        assert found
        return found

    return run


@pytest.fixture
def arch_of() -> Callable[..., Arch]:
    return machine_with
