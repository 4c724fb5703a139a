"""Micro networks compiled for a machine in C++, each made once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tests.backends.interpreter.networks import images_for, machine_of, quantized
from tests.hls.machine_bench import CHECKED
from vitaccel.backends.hls.sources import hls_sources
from vitaccel.backends.rtl.assemble import machine_parameters
from vitaccel.backends.rtl.assemble_attention import KEPT_ROWS
from vitaccel.execution import IntegerModel
from vitaccel_sim.accelerator.expectations import expected_of
from vitaccel_sim.accelerator.findings import Mismatch
from vitaccel_sim.delivery.network.assembled import Assembled, assembled_network
from vitaccel_sim.hls.compiled import compiled
from vitaccel_sim.hls.model import HlsModel
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
    sources = hls_sources(machine_parameters(arch), arch.numerics, kept_rows=KEPT_ROWS)
    library = compiled(sources, "model.cpp", flags=flags, is_library=True)
    return Made(assembled, HlsModel(library, assembled.memory, program=assembled.program, weights=assembled.weights))
