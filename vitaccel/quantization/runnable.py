"""From a quantized file to a machine that can run it: what the file must say, and what the machine must have."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from vitaccel.arch import Arch
from vitaccel.errors import QuantizationError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import AttentionLogits, Conv2d, Linear, Moe, Select
from vitaccel.ir.scales import logit_format
from vitaccel.quantization.needs import need_torch

FRACTION_BITS = {"q9.6": 6, "q7.8": 8}
"""Formats of attention logits that a machine has, and ``numerics.logit_fraction_bits`` of each."""

WEIGHTS: dict[type, tuple[int, ...]] = {Conv2d: (1,), Linear: (1,), Moe: (2, 4)}
"""Operands that ``numerics.weight_bits`` speaks of, by op; matrices that mix tokens have 8 bits on every machine."""


def runnable(graph: Graph, model: str, *, own: bool = False) -> Graph:
    """Check that a Graph has all the scales that integers need, and bring them into the form of the machine.

    Files of ``vitaccel quantize`` have that form and are left alone. In those of other quantizers a value that the
    machine holds in 16 bits (what is added, normalised or given out) keeps its range and gets the finer steps; all
    values of a residual stream share the widest of their ranges; attention logits are base-2 numbers with 6 fraction
    bits, whatever scale the file has for them.

    Parameters
    ----------
    graph
        From :func:`vitaccel.frontend.import_model`; it is not changed.
    model
        The file, for error messages.
    own
        Whether ``vitaccel quantize`` wrote the file: it has its metadata.

    Raises
    ------
    VitaccelError
        If PyTorch is missing.
    QuantizationError
        If the model is a float model, or a value has no scale.
    """
    if not is_quantized(graph):
        raise QuantizationError(
            f"{model} must be quantized to run in integers: vitaccel quantize {model} --calibration data.npz "
            "-o model.int8.onnx; --float runs it as it is"
        )
    need_torch("running a model in integers")
    if own:
        return graph
    from vitaccel.quantization.adopt import adopt_scales

    return adopt_scales(graph, fraction_bits=logit_fraction_bits(graph) or 6, model=model)


def is_quantized(graph: Graph) -> bool:
    """Whether any value of a Graph has a scale."""
    return any(graph[name].scale for name in graph)


def logit_fraction_bits(graph: Graph) -> int:
    """Fraction bits of the attention logits of a quantized Graph; 0 where they are in no format of the machine."""
    nodes = [graph[name] for name in graph.find(lambda node: isinstance(node.op, AttentionLogits))]
    found = {FRACTION_BITS.get(logit_format(replace(node, fmt="int16")), 0) for node in nodes}
    return found.pop() if len(found) == 1 else 0


def quantized_numerics(graph: Graph) -> dict[str, int]:
    """What a quantized Graph was made for: ``weight_bits`` and ``logit_fraction_bits``, where it has such values."""
    bits = set()
    for name in graph.topological():
        for at in WEIGHTS.get(type(graph[name].op), ()):
            weight = graph[name].inputs[at]
            weight = graph[weight].inputs[0] if isinstance(graph[weight].op, Select) else weight
            bits.add(4 if graph[weight].fmt == "int4" else 8)
    fraction_bits = logit_fraction_bits(graph)
    found = {"weight_bits": max(bits)} if bits else {}
    return found | ({"logit_fraction_bits": fraction_bits} if fraction_bits else {})


def machine_for(graph: Graph, arch: Arch, *, said: Collection[str] = ()) -> Arch:
    """The machine with the number formats that a quantized Graph was made for.

    Parameters
    ----------
    graph
        From :func:`runnable`.
    arch
        The machine.
    said
        Keys of the machine that its user wrote down, such as ``numerics.weight_bits``: these stay.

    Raises
    ------
    QuantizationError
        If one of these says otherwise than the Graph.
    """
    needed = quantized_numerics(graph)
    for key, value in needed.items():
        there = getattr(arch.numerics, key)
        if f"numerics.{key}" in said and there != value:
            raise QuantizationError(f"numerics.{key} must be {value}, which the model was quantized for, not {there}")
    return replace(arch, numerics=replace(arch.numerics, **needed))
