"""The contract of streams around any block: assumed of its inputs, asserted of its outputs.

A word stays offered, with the same payload, until it is accepted; after a reset nothing is offered before a word was
accepted. Of a :class:`vitaccel_rtl.stream.Pipeline` more is asserted: while it stalls no register moves. So what it
makes of words does not depend on stalls, and other proofs may leave them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Assume, Cat, Cover, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import Flow

from vitaccel_rtl.stream import Pipeline
from vitaccel_sim.formal.inside import Inside


def streams(block: wiring.Component, flow: Flow) -> Iterator[tuple[str, Any]]:
    """Return the streams that enter (``In``) or leave (``Out``) a block, arrays of streams one by one, with names."""
    for name, member in block.signature.members.items():
        if member.is_signature and isinstance(member.signature, stream.Signature) and member.flow == flow:
            yield from _each(name, getattr(block, name), member.dimensions)


def drive_freely(m: Module, block: wiring.Component) -> None:
    """Let every input of a block take any value in every cycle."""
    for name, member in block.signature.members.items():
        if member.is_port and member.flow == Flow.In:
            for _, port in _each(name, getattr(block, name), member.dimensions):
                m.d.comb += _set(port, AnySeq(len(Value.cast(port))))
    for _, source in streams(block, Flow.In):
        m.d.comb += [_set(source.payload, AnySeq(len(Value.cast(source.payload)))), source.valid.eq(AnySeq(1))]
    for _, sink in streams(block, Flow.Out):
        m.d.comb += sink.ready.eq(AnySeq(1))


def waits(m: Module, port: Any, name: str) -> tuple[Signal, Signal]:
    """Return whether the last cycle's word was not accepted, and its payload."""
    waiting = Signal(name=f"{name}_waiting")
    payload = Signal(len(Value.cast(port.payload)), name=f"{name}_before", reset_less=True)
    m.d.sync += [waiting.eq(port.valid & ~port.ready), payload.eq(Value.cast(port.payload))]
    return waiting, payload


def assume_contract(m: Module, block: wiring.Component) -> None:
    """Assume that what is offered to a block stays until it is accepted; cover that it waits where it can."""
    for name, source in streams(block, Flow.In):
        waiting, payload = waits(m, source, name)
        m.d.comb += [
            Assume(~waiting | (source.valid & (Value.cast(source.payload) == payload))),
            Cover(waiting & source.ready, f"a word waited at {name} and was accepted"),
        ]


class StreamContract(wiring.Component):
    """A block with free inputs that keep the contract, and the assertion that its outputs keep it.

    Parameters
    ----------
    block
        Any component with streams; its other inputs take any value in any cycle.
    answers
        Whether it offers nothing before it accepted a word.
    """

    def __init__(self, block: wiring.Component, *, answers: bool = True) -> None:
        self._block = block
        self._answers = answers
        super().__init__({})

    @property
    def depth(self) -> int:
        """Of the induction: what a pipeline asserts of its stages needs one step back, other blocks show it later."""
        return 2 if isinstance(self._block, Pipeline) else self._block.latency_cycles + 2

    @property
    def cover_depth(self) -> int:
        """Cycles in which a word can wait at either end."""
        return self._block.latency_cycles + 5

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.block = inside = Inside(self._block)
        drive_freely(m, self._block)
        assume_contract(m, self._block)
        self._assert_contract(m)
        accepted = self._assert_answers(m) if self._answers else None
        if isinstance(self._block, Pipeline):
            self._assert_standstill(m, inside, accepted)
        return m

    def _assert_contract(self, m: Module) -> None:
        for name, sink in streams(self._block, Flow.Out):
            waiting, payload = waits(m, sink, name)
            m.d.comb += [
                Assert(~waiting | sink.valid, f"a word offered at {name} stays offered"),
                Assert(~waiting | (Value.cast(sink.payload) == payload), f"a payload offered at {name} stays"),
                Cover(waiting & sink.valid & sink.ready, f"a word waited at {name} and was taken"),
            ]

    def _assert_answers(self, m: Module) -> Signal:
        accepted = Signal()
        for _, source in streams(self._block, Flow.In):
            with m.If(source.valid & source.ready):
                m.d.sync += accepted.eq(1)
        for name, sink in streams(self._block, Flow.Out):
            m.d.comb += Assert(accepted | ~sink.valid, f"nothing is offered at {name} before a word was accepted")
        return accepted

    def _assert_standstill(self, m: Module, inside: Inside, accepted: Value) -> None:
        """Assert what a pipeline keeps in every cycle, so that an induction over one cycle is enough."""
        named = inside.registers
        valid = Cat(named[f"valid_{stage + 1}"] for stage in range(self._block.latency_cycles))
        m.d.comb += Assert(accepted | ~valid.any(), "no stage holds a word before one was accepted")
        stalled = Signal()
        m.d.sync += stalled.eq(~self._block.i.ready)
        same = []
        # Register by register: a solver is slow with equalities of thousands of bits.
        for name, register in named.items():
            before = Signal(len(register), name=f"{name}_before", reset_less=True)
            m.d.sync += before.eq(register)
            same.append(register.as_unsigned() == before)
        m.d.comb += Assert(~stalled | Cat(same).all(), "no register moves while the pipeline stalls")


def _each(name: str, port: Any, dimensions: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
    if not dimensions:
        yield name, port
        return
    for place in range(dimensions[0]):
        yield from _each(f"{name}_{place}", port[place], dimensions[1:])


def _set(port: Any, value: Value) -> Any:
    return Value.cast(port).eq(value)
