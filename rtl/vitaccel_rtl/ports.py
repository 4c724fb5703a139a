"""Ports of a component as Verilog has them, and where the fields of a payload are in its bits."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Shape
from amaranth.lib import data, stream, wiring


@dataclass(frozen=True, kw_only=True)
class Port:
    """One port of the top module.

    Parameters
    ----------
    name
        As in Verilog: ``i__payload``, ``i__valid``, ``clk``.
    width
        Bits; 0 for a port that Verilog does not have.
    is_input
        Whether the outside drives it.
    """

    name: str
    width: int
    is_input: bool

    @property
    def bits(self) -> str:
        """Its range in a declaration: ``[7:0]``, empty for one bit."""
        return f"[{self.width - 1}:0]" if self.width > 1 else ""


_DECLARED = re.compile(
    r"^ *(input|output) (?:reg |wire )?(?:signed )?(?:\[(\d+):0\] )?([A-Za-z_]\w*)(?: = [^;]*)?;", re.MULTILINE
)


def ports_of(text: str, top: str) -> tuple[Port, ...]:
    """Return the ports of a module in a Verilog text that :mod:`vitaccel_rtl.verilog` wrote.

    Raises
    ------
    ValueError
        If there is no such module.
    """
    module = re.search(rf"^module {re.escape(top)}\(.*?\);.*?^endmodule", text, re.MULTILINE | re.DOTALL)
    if module is None:
        raise ValueError(f"the text must have a module {top}, and has none")
    return tuple(
        Port(name=name, width=int(high or 0) + 1, is_input=flow == "input")
        for flow, high, name in _DECLARED.findall(module[0])
    )


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a payload: a number, or an array of numbers of one kind.

    Parameters
    ----------
    name
        With those of the structs around it: ``lanes``, ``choices.index``; empty for a payload that is one number.
    offset, width
        Of the first element, in bits.
    is_signed
        Whether it is in two's complement.
    repeats
        Length and stride in bits of every array around it, the outermost first.
    """

    name: str
    offset: int
    width: int
    is_signed: bool
    repeats: tuple[tuple[int, int], ...] = ()

    @property
    def bits(self) -> str:
        """All bits from its first element to its last: ``[127:0]``, or ``[128]``."""
        high = self.offset + self.width - 1 + sum((length - 1) * stride for length, stride in self.repeats)
        return f"[{high}:{self.offset}]" if high > self.offset else f"[{high}]"

    @property
    def format(self) -> str:
        """How many numbers of which kind: ``signed 16 bits``, ``8 x unsigned 4 bits``, ``1 bit``."""
        kind = "1 bit" if self.width == 1 else f"{'signed' if self.is_signed else 'unsigned'} {self.width} bits"
        return " x ".join([*(str(length) for length, _ in self.repeats), kind])

    @property
    def element(self) -> str:
        """Where an element is, as Verilog selects it: ``[128 + 4*n +: 4]``; empty outside of arrays."""
        if not self.repeats:
            return ""
        steps = [f"{stride}*{index}" for (_, stride), index in zip(self.repeats, "nkj", strict=False)]
        return f"[{' + '.join([*([str(self.offset)] if self.offset else []), *steps])} +: {self.width}]"


def fields(shape: Any) -> tuple[Field, ...]:
    """Return the fields of a shape or layout, the lowest bits first; a field without bits is left out."""
    return tuple(sorted(_fields(shape, "", 0, ()), key=lambda field: field.offset))


def _fields(shape: Any, name: str, offset: int, repeats: tuple[tuple[int, int], ...]) -> Iterator[Field]:
    layout = _layout(shape)
    if isinstance(layout, data.ArrayLayout):
        stride = Shape.cast(layout.elem_shape).width
        if layout.length:
            yield from _fields(layout.elem_shape, name, offset, (*repeats, (layout.length, stride)))
    elif layout is not None:
        for key, field in layout:
            yield from _fields(field.shape, f"{name}.{key}" if name else str(key), offset + field.offset, repeats)
    elif Shape.cast(shape).width:
        plain = Shape.cast(shape)
        yield Field(name=name, offset=offset, width=plain.width, is_signed=plain.signed, repeats=repeats)


def _layout(shape: Any) -> data.Layout | None:
    try:
        return data.Layout.cast(shape)
    except TypeError:
        return None


def shapes(component: wiring.Component) -> Mapping[str, Any]:
    """Return the shape of every port of a component's signature by its name in Verilog."""
    return {
        "__".join(str(part) for part in path): member.shape
        for path, member, _ in component.signature.flatten(component)
    }


def streams(component: wiring.Component) -> tuple[str, ...]:
    """Return the names of a component's streams, those in interfaces and arrays too: ``i``, ``bus__r``, ``o__0``."""
    return tuple(_streams(component.signature, ""))


def _streams(signature: Any, prefix: str) -> Iterator[str]:
    for name, member in signature.members.items():
        if not member.is_signature:
            continue
        for place in itertools.product(*(range(length) for length in member.dimensions)):
            path = "__".join([f"{prefix}{name}", *(str(index) for index in place)])
            if isinstance(_plain(member.signature), stream.Signature):
                yield path
            else:
                yield from _streams(member.signature, f"{path}__")


def _plain(signature: Any) -> Any:
    return signature.flip() if isinstance(signature, wiring.FlippedSignature) else signature
