"""What makes a Graph, a Plan and a Program legal; checked before and after every pass."""

from __future__ import annotations

import networkx as nx

from vitaccel.arch import PARAMETER_BYTES
from vitaccel.errors import VerifyError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Const, Foreign, Input
from vitaccel.ir.parameters import TABLE_SLOTS
from vitaccel.ir.plan import Plan, kernel_writes
from vitaccel.ir.program import NOWHERE, Attention, Engine, Lane, MatMul, Program, Route, Transfer
from vitaccel.ir.tensor import activation_words


def verify_graph(graph: Graph, *, after: str) -> None:
    """Check a recognised Graph.

    Parameters
    ----------
    graph
        The Graph; no :class:`~vitaccel.ir.ops.Foreign` op may be left.
    after
        Name of the pass that ran last, for the message.

    Raises
    ------
    VerifyError
        If an operand is missing, the graph has a cycle, an op rejects its operand types, a recorded type differs from
        the inferred one, or an output is missing.
    """
    if not nx.is_directed_acyclic_graph(graph.digraph):
        raise VerifyError(f"after {after}: the graph must be acyclic")
    _verify_names(graph, after)
    for name in graph.topological():
        node = graph[name]
        if isinstance(node.op, Foreign):
            raise VerifyError(f"after {after}: {name} is still the ONNX operator {node.op.op_type}")
        if isinstance(node.op, Const | Input):
            continue
        if set(graph.digraph.predecessors(name)) != set(node.inputs):
            raise VerifyError(f"after {after}: the edges into {name} must be its operands")
        try:
            inferred = node.op.infer(*graph.operand_types(name))
        except (ValueError, IndexError) as error:
            raise VerifyError(f"after {after}: {name} = {node.op.name}: {error}") from error
        if inferred != node.type:
            raise VerifyError(f"after {after}: {name} = {node.op.name} must have type {inferred}, not {node.type}")


def _verify_names(graph: Graph, after: str) -> None:
    for output in graph.outputs:
        if output not in graph:
            raise VerifyError(f"after {after}: output {output!r} must be a node")
    for name, node in graph.nodes.items():
        for operand in node.inputs:
            if operand not in graph:
                raise VerifyError(f"after {after}: operand {operand!r} of {name} must be a node")


def verify_plan(plan: Plan, *, after: str) -> None:
    """Check a Plan: operands exist and are written before they are read, and live places never overlap.

    Raises
    ------
    VerifyError
        If a rule is broken.
    """
    ready = {name for name, tensor in plan.tensors.items() if tensor.kind in ("input", "constant")}
    for kernel in plan.kernels:
        for name in kernel.reads:
            if name not in plan.tensors:
                raise VerifyError(f"after {after}: {kernel.label} reads {name}, which must be a tensor of the plan")
            if name not in ready:
                raise VerifyError(f"after {after}: {kernel.label} reads {name}, which must be written before")
        ready.update(kernel_writes(kernel))
    held = {*plan.places.values(), *(p for places in plan.staging.values() for p in places)}
    ordered = sorted(held, key=lambda p: (p.address, p.tensor))
    for at, place in enumerate(ordered):
        for other in ordered[at + 1 :]:
            if other.address >= place.address + place.words:
                break
            if place.first <= other.last and other.first <= place.last:
                raise VerifyError(f"after {after}: places of {place.tensor} and {other.tensor} must not overlap")


def verify_program(program: Program, *, after: str) -> None:
    """Check a Program: every wait names instructions that stand earlier, and every address lies in its buffer.

    Raises
    ------
    VerifyError
        If a rule is broken.
    """
    issued = [0] * len(Engine)
    for at, instruction in enumerate(program.instructions):
        for engine, wait in enumerate(instruction.waits):
            if wait > issued[engine]:
                raise VerifyError(
                    f"after {after}: instruction {at} must wait for at most {issued[engine]} of "
                    f"{Engine(engine).name.lower()}, not {wait}"
                )
        issued[instruction.engine] += 1
        _verify_addresses(program, at, after)
    _verify_groups(program, after)
    capacity = _words(program, "activation")
    for region in program.regions:
        if region.address < 0 or region.address + region.words > capacity:
            raise VerifyError(f"after {after}: the place of {region.tensor} must lie in the activation buffer")


def _verify_groups(program: Program, after: str) -> None:
    """The tokens of a layer of experts are routed group by group, before any of its experts runs."""
    routed: dict[int, list[int]] = {at: [] for at, layer in enumerate(program.layers) if layer.routed}
    for kernel, instruction in zip(program.kernel_of, program.instructions, strict=True):
        if isinstance(instruction, Route):
            routed.setdefault(kernel, []).append(instruction.tokens)
        elif instruction.expert >= 0 and not routed.get(kernel):
            raise VerifyError(f"after {after}: {program.layers[kernel].label} must route tokens before it runs experts")
    for kernel, tokens in routed.items():
        facts = program.layers[kernel].routed
        groups = list(facts.groups or (facts.tokens,)) if facts else []
        if groups != tokens:
            label = program.layers[kernel].label
            raise VerifyError(f"after {after}: {label} must route groups of {groups} tokens, not {tokens}")


OPERANDS = ("a", "b", "v", "q", "logits", "mask", "residual", "out")
"""Fields of instructions that are word addresses in the activation buffer, and ``k`` of attention."""


def _words(program: Program, buffer: str) -> int:
    """Words of each bank of a buffer; sets of the parameter ring; slots for tables."""
    buffers = program.arch.buffers
    if buffer in ("parameter", "table"):
        return buffers.parameter_bytes // PARAMETER_BYTES if buffer == "parameter" else TABLE_SLOTS
    if buffer == "activation":
        return activation_words(program.arch)
    return buffers.weight_bytes // (program.arch.array.side * program.arch.array.count)


def _verify_addresses(program: Program, at: int, after: str) -> None:
    instruction = program.instructions[at]
    names = [(name, "activation") for name in OPERANDS if hasattr(instruction, name)]
    if isinstance(instruction, Transfer):
        last = instruction.dram + (instruction.rows - 1) * instruction.stride_bytes + instruction.row_bytes
        if instruction.dram < 0 or last > program.dram_bytes:
            raise VerifyError(
                f"after {after}: instruction {at}: its bytes must lie in the {program.dram_bytes} of the DRAM image"
            )
        names = [("address", instruction.buffer)]
    names += [(name, name.rstrip("s")) for name in ("parameters", "table") if hasattr(instruction, name)]
    if isinstance(instruction, MatMul):
        names.append(("weight", "weight"))
    if isinstance(instruction, Attention):
        names.append(("k", "activation"))
    for name, buffer in names:
        if not NOWHERE <= getattr(instruction, name) < _words(program, buffer):
            raise VerifyError(f"after {after}: instruction {at}: {name} must lie in the {buffer} buffer")
    if isinstance(instruction, MatMul | Lane) and instruction.moments != NOWHERE:
        blocks = program.arch.buffers.moment_blocks
        if not 0 <= instruction.moments <= blocks - instruction.row_blocks:
            raise VerifyError(f"after {after}: instruction {at}: its row-blocks must have moments among {blocks}")
