"""Blocks equal to a combinational specification: what a word becomes, for every word and every state before it.

A pipeline that does not stall is fed any words in any state. So many cycles later as it has stages, its output must be
the specification of the word of then: nothing older can be seen. As no register moves while it stalls
(:mod:`vitaccel_sim.formal.stream_contract`), that holds under every pattern of stalls.

Where a product of wide operands keeps a solver from an answer, the pipeline is proved in parts that meet in a register:
the part before it says what the register holds, and the part behind it takes what it holds, whatever that is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from amaranth.hdl import Assert, Assume, Cover, Module, ResetSignal, Signal, Value
from amaranth.lib import wiring

from vitaccel_rtl.stream import Pipeline
from vitaccel_sim.formal.inside import Inside
from vitaccel_sim.formal.stream_contract import drive_freely

METHOD = "any state"

Specification = Callable[..., dict[str, Value]]
"""Returns what a word becomes: fields of the output, or registers of the block, by name."""


class Equivalence(wiring.Component):
    """A pipeline of one lane beside its specification; to be proved from any state, at a depth of *stages*.

    Parameters
    ----------
    block
        Its ``o.p`` has fields of one lane, or plain ones.
    specification
        Of a word at its input, and of the *given* registers by their place in it.
    stages
        After which the results are there; the latency, when left out.
    given
        Registers whose value the specification takes, by name, each with the stage it belongs to.
    legal
        Which words the block is made for; all, when left out.
    """

    def __init__(
        self,
        block: Pipeline,
        specification: Specification,
        *,
        stages: int | None = None,
        given: Mapping[str, int] | None = None,
        legal: Callable[[Any], Value] | None = None,
    ) -> None:
        self._block = block
        self._specification = specification
        self._stages = block.latency_cycles if stages is None else stages
        self._given = dict(given or {})
        self._legal = legal
        super().__init__({})

    @property
    def depth(self) -> int:
        """The cycle to look at."""
        return self._stages

    def elaborate(self, platform: object) -> Module:
        m = Module()
        block = self._block
        m.submodules.block = inside = Inside(block)
        drive_freely(m, block)
        m.d.comb += [Assume(block.o.ready), Assume(~ResetSignal())]
        if self._legal is not None:
            m.d.comb += Assume(self._legal(block.i.p))
        word = _delayed(m, block.i.p, self._stages, "word")
        given = [
            _delayed(m, inside.register(name), self._stages - stage, f"given_{place}")
            for place, (name, stage) in enumerate(self._given.items())
        ]
        some = Value.cast(0)
        for name, value in self._specification(word, *given).items():
            made = self._made(inside, name)
            m.d.comb += Assert(made == value, f"{name} is what the specification says")
            some = some | (made != 0)
        if self._stages == block.latency_cycles:
            m.d.comb += Assert(block.o.p.last == word.last, "a row ends with the word that ended it")
        m.d.comb += Cover(some & word.last, "a word becomes something")
        return m

    def _made(self, inside: Inside, name: str) -> Value:
        if name not in self._block.o.p.shape().members:
            return inside.register(name)
        field = self._block.o.p[name]
        return field if isinstance(field, Value) else field[0]


def _delayed(m: Module, value: Any, stages: int, name: str) -> Any:
    for stage in range(stages):
        later = Signal.like(value, name=f"{name}_{stage + 1}", reset_less=True)
        m.d.sync += later.eq(value)
        value = later
    return value
