"""The DRAM image: the integers of a quantized model where its Program looks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vitaccel.arch import Arch
from vitaccel.backends.image.attention import attention_constants
from vitaccel.backends.image.lane import lane_constants
from vitaccel.backends.image.matmul import matmul_constants
from vitaccel.backends.image.model import Model
from vitaccel.backends.image.moe import moe_constants
from vitaccel.ir.graph import Graph
from vitaccel.ir.layout import to_bytes
from vitaccel.ir.plan import AttentionKernel, Kernel, LaneKernel, MatMulKernel, MoeKernel, Plan
from vitaccel.ir.program import Program


@dataclass(frozen=True)
class Image:
    """The bytes of a model in DRAM before it runs.

    Parameters
    ----------
    arch
        The machine.
    bytes
        uint8, ``program.dram_bytes`` of them: weights, parameters, tables and constants; zero elsewhere.
    """

    arch: Arch
    bytes: np.ndarray


def build_image(graph: Graph, plan: Plan, program: Program, *, choices: Mapping[str, int] | None = None) -> Image:
    """Put every constant of a quantized model into its place.

    Parameters
    ----------
    graph
        The compiled Graph, with scales (see :attr:`vitaccel.ir.graph.Node.scale`).
    plan, program
        What it was compiled to.
    choices
        For every integer input (a task), which row of its tables to put in.

    Raises
    ------
    UnsupportedError
        Naming the layer whose accumulator could overflow, or that cannot be run in integers.
    QuantizationError
        If a value has no scale.
    """
    model = Model(graph, plan, dict(choices or {}))
    raw = np.zeros(program.dram_bytes, np.uint8)

    def put(name: str, data: np.ndarray) -> None:
        address, size = program.dram_map[name]
        if data.size != size:
            raise AssertionError(f"{name} must have {size} bytes, not {data.size}")
        raw[address : address + size] = data

    for kernel in plan.kernels:
        for name, data in _constants(model, kernel).items():
            if name in plan.tensors:
                put(name, to_bytes(data, plan.tensors[name], plan.arch))
            else:
                put(name, data)
    for name, values in model.leaves().items():
        if name in program.dram_map:
            put(name, to_bytes(values, plan.tensors[name], plan.arch))
    return Image(plan.arch, raw)


def _constants(model: Model, kernel: Kernel) -> dict[str, np.ndarray]:
    """What a kernel finds in DRAM, by name: bytes, or the integers of a tensor."""
    if isinstance(kernel, MatMulKernel):
        return matmul_constants(model, kernel)
    if isinstance(kernel, AttentionKernel):
        return attention_constants(model, kernel)
    if isinstance(kernel, MoeKernel):
        return moe_constants(model, kernel)
    assert isinstance(kernel, LaneKernel)
    return lane_constants(model, kernel)
