"""Quantized micro models, machines to run them on, and a Program's values beside the oracle's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tests.backends.interpreter.plain import Plain
from vitaccel import zoo
from vitaccel.arch import Arch
from vitaccel.backends.image import build_image
from vitaccel.backends.image.inputs import input_integers
from vitaccel.backends.interpreter.machine import Machine, Run
from vitaccel.compiler import Lowered, compile_graph
from vitaccel.frontend import import_model
from vitaccel.ir.graph import Graph
from vitaccel.ir.plan import AttentionKernel, LaneKernel, Plan
from vitaccel.passes.canonicalize import Canonicalize
from vitaccel.passes.fuse import Fuse
from vitaccel.passes.label import Label
from vitaccel.passes.precision import Precision
from vitaccel.quantization import QuantizationOptions, quantize

MICRO: dict[str, tuple[str, dict[str, Any]]] = {
    "vit": ("vit-micro", {}),
    "vit-mean": ("vit-micro", {"cls": False, "registers": 2}),
    "vit-batch": ("vit-micro", {"batch": 2}),
    "deit-distilled": ("deit-micro", {"distilled_head": True}),
    "deit-distilled-batch": ("deit-micro", {"distilled_head": True, "batch": 2}),
    "lookupvit": ("lookupvit-micro", {}),
    "lookupvit-pre": ("lookupvit-micro", {"reuse": "pre_softmax_T"}),
    "lookupvit-mean": ("lookupvit-micro", {"reuse": "head_mean_T"}),
    "lookupvit-batch": ("lookupvit-micro", {"resample": "matmul", "batch": 2}),
    "m3vit": ("m3vit-micro", {}),
    "m3vit-task": ("m3vit-micro", {"task_input": True}),
    "vmoe": ("vmoe-micro", {}),
    "vmoe-batch": ("vmoe-micro", {"batch": 2}),
}
"""Micro models by a short name: zoo name and options."""

MACHINES = ("8x8", "4x4", "16x16", "3x8x8", "2x5x5", "32x32")


def front(graph: Graph, fraction: int = 6) -> Graph:
    """Bring a Graph to where quantization begins."""
    for each in (Canonicalize(), Fuse(), Label(), Precision(logit_fraction_bits=fraction)):
        graph = each.run(graph)
    return graph


@cache
def imported(name: str) -> Graph:
    """The Graph of a micro model."""
    model, options = MICRO[name]
    with TemporaryDirectory() as folder:
        path = zoo.export(model, Path(folder) / "model.onnx", exporter="legacy", **options)
        return import_model(path).graph


@cache
def quantized(name: str, seed: int, weight_bits: int = 8, fraction: int = 6) -> Graph:
    """A micro model quantized on three images."""
    graph = front(imported(name), fraction)
    return quantize(graph, images_for(graph, 3, seed), QuantizationOptions(weight_bits=weight_bits))[0]


def images_for(graph: Graph, count: int, seed: int) -> dict[str, np.ndarray]:
    """Draw normal images for a graph; every index is 1."""
    generator = np.random.default_rng(seed)
    return {
        name: generator.standard_normal((count, *graph[name].type.static_shape[1:])).astype(np.float32)
        if graph[name].type.element == "f32"
        else np.array([1])
        for name in graph.inputs
    }


def machine_of(pe: str = "8x8", **settings: Any) -> Arch:
    """The default machine with other arrays and settings, ``part__key=value``."""
    return Arch().with_pe(pe).with_settings({k.replace("__", "."): str(v) for k, v in settings.items()})


@dataclass(frozen=True)
class Case:
    """A quantized Graph on a machine, with images of some runs."""

    graph: Graph
    arch: Arch
    seed: int
    runs: int = 2

    @cached_property
    def lowered(self) -> Lowered:
        return compile_graph(self.graph, self.arch)

    @property
    def plan(self) -> Plan:
        return self.lowered.plan

    @cached_property
    def indices(self) -> dict[str, int]:
        return {name: 1 for name in self.graph.inputs if self.graph[name].type.element != "f32"}

    @cached_property
    def images(self) -> dict[str, np.ndarray]:
        (batch,) = {self.graph[n].type.static_shape[0] for n in self.graph.inputs if n not in self.indices}
        found = images_for(self.graph, self.runs * batch, self.seed + 1)
        return {name: array for name, array in found.items() if name not in self.indices}

    @cached_property
    def constants(self) -> np.ndarray:
        graph, plan, program = self.lowered
        return build_image(graph, plan, program, choices=self.indices).bytes

    @cached_property
    def plain(self) -> Plain:
        return Plain(self.lowered.graph, self.plan, self.images, self.indices)

    def tapped(self) -> list[str]:
        return [kernel.out for kernel in self.plan.kernels]

    def run(self, constants: np.ndarray | None = None) -> Run:
        """All images (one after another where experts' weights depend on the image), every kernel's result tapped."""
        graph, plan, program = self.lowered
        machine = Machine(plan, program, self.constants if constants is None else constants)
        inputs = input_integers(graph, plan, self.images)
        if machine.most_images > 1:
            return machine.run(inputs, taps=self.tapped())
        parts = [
            machine.run({n: v[at : at + 1] for n, v in inputs.items()}, taps=self.tapped()) for at in range(self.runs)
        ]
        joined = [{n: np.concatenate([getattr(p, kind)[n] for p in parts]) for n in getattr(parts[0], kind)}
                  for kind in ("outputs", "taps")]  # fmt: skip
        choices = {n: np.concatenate([p.choices[n] for p in parts]) for n in parts[0].choices}
        return Run(joined[0], joined[1], choices)

    def differences(self, run: Run | None = None) -> list[str]:
        """Kernels whose result is not the oracle's, in program order, and outputs."""
        found = self.run() if run is None else run
        wrong = [
            f"{kernel.label} ({kernel.op})"
            for kernel in self.plan.kernels
            if not equal(own_channels(self.plan, kernel.out, found.taps[kernel.out]), self.plain.values[kernel.out])
        ]
        wrong += [f"output {n}" for n in self.plan.outputs if not equal(found.outputs[n], self.plain.values[n])]
        wrong += [f"choices of {n}" for n, c in self.plain.choices.items() if not equal(found.choices[n], c)]
        return wrong


def equal(found: np.ndarray, expected: np.ndarray) -> bool:
    """Whether integers are the same; what does not depend on the image may stand once."""
    whole = np.broadcast_to(expected, (len(found), *expected.shape[1:]))
    return found.shape == whole.shape and bool((found == whole).all())


def own_channels(plan: Plan, name: str, values: np.ndarray) -> np.ndarray:
    """Values head after head, without the channels that fill up heads, and heads that fill up rounds of arrays."""
    for kernel in plan.kernels:
        if isinstance(kernel, AttentionKernel) and name in (kernel.q, kernel.k, kernel.v, kernel.out):
            width = kernel.value_dim if name in (kernel.v, kernel.out) else kernel.head_dim
            if values.shape[-1] == kernel.heads * width and not plan.tensors[name].heads:
                return values
            side, count = plan.arch.array.side, plan.arch.array.count
            turn = side if count == 1 else math.lcm(side, 8)
            rounds = -(-kernel.heads // count)
            # [round, turn of the head, array, channel] becomes [round, array, turn and channel].
            turns = values.reshape(-1, rounds, values.shape[-1] // (rounds * count * turn), count, turn)
            heads = np.moveaxis(turns, 3, 2).reshape(-1, rounds * count, turns.shape[2] * turn)
            return heads[:, : kernel.heads, :width].reshape(*values.shape[:-1], -1)
    return values


def lanes(plan: Plan, function: str) -> list[LaneKernel]:
    """The lane kernels of a function."""
    return [k for k in plan.kernels if isinstance(k, LaneKernel) and k.function == function]
