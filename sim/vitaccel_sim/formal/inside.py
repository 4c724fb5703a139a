"""Look into an elaborated component: invariants are about registers that are no ports.

The component is elaborated as it always is, and its Verilog does not change: only the wrapper of a proof refers to its
signals, and gets read ports of its memories beside those that the component has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from amaranth.hdl import Const, Elaboratable, Fragment, MemoryInstance, Module, Shape, Signal, Value
from amaranth.utils import ceil_log2


class Inside(Elaboratable):
    """An elaborated component, to be made a submodule in its place.

    Parameters
    ----------
    component
        Not elaborated before.
    """

    def __init__(self, component: Elaboratable) -> None:
        self._fragment = Fragment.get(component, None)

    @property
    def registers(self) -> dict[str, Value]:
        """All that a clock edge changes but memories, as ``submodule.signal``; a name that is used twice is numbered.

        What a memory's synchronous port has read is such a register too.
        """
        return _by_name(_registers(self._fragment, ""))

    def register(self, name: str) -> Value:
        """Return the register called so.

        Raises
        ------
        KeyError
            If there is none.
        """
        return _one_of("a register", self.registers, name)

    def signal(self, name: str) -> Value:
        """Return the signal called so that no clock edge changes, as :meth:`register` does."""
        return _one_of("a signal", _by_name(_driven(self._fragment, "", clocked=False)), name)

    def memory_word(self, m: Module, name: str, address: Value) -> Value:
        """Return what is at *address* of the memory called so, in this cycle; *m* is the module around."""
        memory = _one_of("a memory", _by_name(_memories(self._fragment, "")), name)
        word = Signal(Shape.cast(memory._data.shape).width, name="memory_word")
        place = Signal(ceil_log2(memory._data.depth), name="memory_place")
        memory.read_port(domain="comb", addr=place, data=word, en=Const(1), transparent_for=())
        m.d.comb += place.eq(address)
        return word

    def elaborate(self, platform: object) -> Fragment:
        return self._fragment


def _registers(fragment: Fragment, path: str) -> Iterator[tuple[str, Value]]:
    yield from _driven(fragment, path, clocked=True)
    for name, memory in _memories(fragment, path):
        for place, port in enumerate(memory._read_ports):
            if port._domain != "comb":
                yield f"{name}.read_{place}", port._data


def _driven(fragment: Fragment, path: str, *, clocked: bool) -> Iterator[tuple[str, Signal]]:
    for domain, statements in fragment.statements.items():
        if (domain != "comb") == clocked:
            yield from ((f"{path}{signal.name}", signal) for signal in statements._lhs_signals())
    for place, (part, name, _) in enumerate(fragment.subfragments):
        yield from _driven(part, f"{path}{name or place}.", clocked=clocked)


def _memories(fragment: Fragment, path: str) -> Iterator[tuple[str, MemoryInstance]]:
    if isinstance(fragment, MemoryInstance):
        yield path.removesuffix("."), fragment
    for place, (part, name, _) in enumerate(fragment.subfragments):
        yield from _memories(part, f"{path}{name or place}.")


def _by_name(found: Iterator[tuple[str, Any]]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for name, thing in found:
        count = 1
        while name in named:
            count += 1
            name = f"{name.removesuffix(f'_{count - 1}')}_{count}"
        named[name] = thing
    return named


def _one_of(what: str, named: dict[str, Any], name: str) -> Any:
    if name not in named:
        raise KeyError(f"{what} must be one of {', '.join(named)}, not {name!r}")
    return named[name]
