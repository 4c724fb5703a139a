"""The comment above generated Verilog: what it is, its ports to the bit, formats, latency, rules of its streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vitaccel_rtl.contract import Contract, contract, cycles
from vitaccel_rtl.latency import WORD_INTERVAL
from vitaccel_rtl.ports import Field, Port, fields, shapes, streams

MARK = "Written by vitaccel"
"""Begins a line of every file that vitaccel writes about a block, and of no other."""

STREAM_RULES = (
    "A word passes at a rising edge of clk at which valid and ready are both high.",
    "valid never waits for ready, and does not fall before its word has passed.",
    "A payload offered stays as it is until it has passed; it means nothing while valid is low.",
)
"""Of every block."""

SAME_WORDS = "What comes out depends on the words that went in, and not on when."
"""Of every block whose class does not say ``depends_on_when``: who comes first is served first there."""

CLOCK_RULES = {
    "clk": "clock; everything happens at its rising edge",
    "rst": "reset; synchronous, active high; words inside are lost",
}
"""What the ports do that no signature has."""

PARTS = {
    "payload": "the word",
    "valid": "a word is offered",
    "ready": "the word offered is accepted at this edge",
}
"""What each port of a stream says."""

ONE_WORD_A_CYCLE = "one word a cycle"


def header(component: Any, name: str, ports: Sequence[Port], options: Mapping[str, str]) -> str:
    """Return the comment, an empty line behind it.

    Parameters
    ----------
    component
        The component.
    name
        Of the top module.
    ports
        Of the top module.
    options
        What was chosen, in words: ``{"lanes": "16: P, elements of a word"}``.
    """
    kind = type(component)
    promised = contract(component)
    lines = [f"{name}: {promised.summary}" if promised.summary else name]
    lines += [f"{MARK} from {kind.__module__}.{kind.__qualname__}; do not edit."]
    sections = {
        "": promised.text,
        "Options": _aligned(options),
        "Ports": tuple(_port_lines(component, ports)),
        "Formats": promised.ports,
        "Timing": (*_aligned(timing(component)), *promised.timing),
        "Streams": stream_rules(component),
        "Background": _background(promised),
    }
    for title, text in sections.items():
        if text:
            lines += ["", *([title] if title else []), *(f"  {line}" if title else line for line in text)]
    return "".join(f"// {line}".rstrip() + "\n" for line in lines) + "\n"


def stream_rules(component: Any) -> tuple[str, ...]:
    """Return what holds for the streams of a component, in sentences; none if it has no streams."""
    if not streams(component):
        return ()
    return STREAM_RULES if getattr(component, "depends_on_when", False) else (*STREAM_RULES, SAME_WORDS)


def timing(component: Any) -> dict[str, str]:
    """Return latency and throughput in words."""
    said = cycles(component)
    if getattr(component, "interval_cycles", None) == WORD_INTERVAL:
        said["throughput"] = ONE_WORD_A_CYCLE
    return said


def port_meaning(component: Any, port: Port) -> str:
    """Return what a port is for: empty where only its component says."""
    stream, _, part = port.name.rpartition("__")
    if stream in streams(component):
        return f"stream {stream}: {PARTS[part]}"
    return CLOCK_RULES.get(port.name, "")


def ordered(component: Any, ports: Sequence[Port]) -> tuple[Port, ...]:
    """Return the ports that Verilog has: clock and reset first, the others as the signature has them."""
    order = [*CLOCK_RULES, *shapes(component)]
    places = {name: place for place, name in enumerate(order)}
    kept = (port for port in ports if port.width)
    return tuple(sorted(kept, key=lambda port: places.get(port.name, len(places))))


def _port_lines(component: Any, ports: Sequence[Port]) -> Iterator[str]:
    kept = ordered(component, ports)
    widest = max((len(port.name) for port in kept), default=0)
    layouts = shapes(component)
    for port in kept:
        direction = "input " if port.is_input else "output"
        found = fields(layouts[port.name]) if port.name in layouts and port.width > 1 else ()
        meaning = [port_meaning(component, port)]
        if len(found) == 1 and not found[0].name:
            meaning.append(found[0].format)
            found = ()
        text = ", ".join(part for part in meaning if part)
        yield f"{direction}  {port.name:{widest}}  {port.width:5}  {text}".rstrip()
        yield from _field_lines(found)


def _field_lines(found: Sequence[Field]) -> Iterator[str]:
    rows = [(field.bits, field.name, field.format, field.element) for field in found]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for bits, name, format_, element in rows:
        where = f"element at {element}" if element else ""
        yield f"          {bits:{widths[0]}}  {name:{widths[1]}}  {format_:{widths[2]}}  {where}".rstrip()


def _aligned(said: Mapping[str, str]) -> tuple[str, ...]:
    widest = max((len(name) for name in said), default=0)
    return tuple(f"{name:{widest}}  {text}".rstrip() for name, text in said.items())


def _background(promised: Contract) -> tuple[str, ...]:
    """Return what the module says, if that is more than a sentence: formulas."""
    return promised.background if len(promised.background) > 1 else ()
