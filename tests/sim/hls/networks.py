"""Micro networks compiled for a machine in C++, each made once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tests.backends.interpreter.networks import images_for, machine_of, quantized
from tests.hls.machine_bench import CHECKED
from vitaccel.backends.hls.compiled import compiled
from vitaccel.compiled_model.assembled import Assembled, assembled_network
from vitaccel.compiled_model.hls_model import HlsModel
from vitaccel.compiled_model.model import machine_sources
from vitaccel.execution import IntegerModel
from vitaccel_sim.accelerator.expectations import expected_of
from vitaccel_sim.accelerator.findings import Mismatch
from vitaccel_sim.hls.verify import compare

SEED = 3


@dataclass(frozen=True)
class Made:
    """A network, and its C++."""

    assembled: Assembled
    hls: HlsModel

    def mismatches(self, images: int) -> list[Mismatch | None]:
        """Compare every tensor of some images."""
        model, memory = self.assembled.model, self.assembled.memory
        taps = [entry.name for entry in memory.tensors if entry.kind != "input"]
        assert len(taps) > 10
        inputs = images_for(model.graph, images * model.batch, SEED + 1)
        given = self.assembled.inputs(lambda _: {name: inputs[name] for name in inputs if inputs[name].ndim > 1})
        return [compare(self.hls, memory, image) for image in expected_of(model, given, taps=taps)]


@cache
def made(name: str, pe: str, fraction: int = 6, flags: tuple[str, ...] = CHECKED) -> Made:
    """A micro model by its short name."""
    arch = machine_of(pe, numerics__logit_fraction_bits=fraction)
    assembled = assembled_network(IntegerModel(quantized(name, SEED, fraction=fraction), arch), name)
    sources = machine_sources(arch)
    library = compiled(sources, "model.cpp", flags=flags, is_library=True)
    return Made(assembled, HlsModel(library, assembled.memory, program=assembled.program, weights=assembled.weights))
