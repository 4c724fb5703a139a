"""The README of a delivered block: its ports, how it is instantiated, how its bench is run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from vitaccel.backends.rtl.generate import Generated
from vitaccel_rtl.contract import contract
from vitaccel_rtl.header import MARK, ordered, port_meaning, stream_rules, timing
from vitaccel_rtl.ports import Port, fields, shapes
from vitaccel_sim.delivery.bench import Bench

TEXT = """# {name}

{summary}

{mark}: `{command}`.

{text}## Options

{options}

## Ports

{ports}

{payloads}{formats}## Timing

{timing}

{rules}## Instantiation

```systemverilog
{template}
```

## Bench

{tests}

- `make {name}` runs them in Verilator, `make {name} SIM=icarus` in Icarus Verilog; `WAVES=1` leaves a waveform.
{words}
- `make lint` shows Verilator's warnings.
- The Python that make finds must have vitaccel (`make PYTHON=...` names another one), installed by
  `pip install 'vitaccel[rtl,sim,torch]'`.
"""

WORDS = """- Their words are in `{name}.json`: chosen by seed {seed}, results from vitaccel's
  integer reference. `--seed` of the command above chooses other words, `SEED=` of make other idle
  and stalled cycles."""

DRAWN_WORDS = """- They draw words, and idle and stalled cycles: `SEED=` of make chooses others.
  `{name}.json` has what they must know of the block."""


def readme(generated: Generated, bench: Bench, seed: int) -> str:
    """Return the text of ``<name>.md``."""
    component, ports = generated.component, ordered(generated.component, generated.verilog.ports)
    promised = contract(component)
    chosen = "".join(f" --set {name}={value}" for name, value in generated.options.items())
    said = {option.name: option for option in generated.block.options}
    options = [(f"`{n}`", str(value), said[n].allowed, said[n].summary) for n, value in generated.options.items()]
    rules = "".join(f"- {rule}\n" for rule in stream_rules(component))
    return TEXT.format(
        name=generated.name,
        summary=f"{generated.block.summary[:1].upper()}{generated.block.summary[1:]}.",
        mark=MARK,
        command=f"vitaccel gen-rtl --block {generated.block.name}{chosen} --seed {seed} -o .",
        text=_block("\n".join([promised.summary, *promised.text])),
        options=_table(("option", "value", "may be", "meaning"), options),
        ports=_table(("port", "direction", "bits", "meaning"), _port_rows(generated, ports)),
        payloads="".join(_payload(generated, port) for port in ports),
        formats=_block("\n".join(promised.ports)),
        timing=_timing(component),
        rules=f"A stream keeps these rules:\n\n{rules}\n" if rules else "",
        template=template(generated.name, ports),
        tests="\n".join(f"- `{test}`: {text}" for test, text in bench.tests.items()),
        words=(DRAWN_WORDS if bench.draws_words else WORDS).format(name=generated.name, seed=seed),
    )


def template(name: str, ports: Sequence[Port]) -> str:
    """Return Verilog that declares a signal for every port and connects an instance to them."""
    widest = max(len(port.name) for port in ports)
    ranges = max(len(port.bits) for port in ports)
    declared = [f"logic {port.bits:>{ranges}} {port.name};" for port in ports]
    connected = ",\n".join(f"    .{port.name:{widest}} ({port.name})" for port in ports)
    return "\n".join([*declared, "", f"{name} {name}_0 (", connected, ");"])


def _timing(component: Any) -> str:
    """Return cycles as a table, and what the component says of them beside."""
    said = timing(component)
    table = "\n".join(["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in said.items())]) if said else ""
    beside = _block("\n".join(contract(component).timing)).rstrip()
    return "\n\n".join(part for part in (table, beside) if part)


def _port_rows(generated: Generated, ports: Iterable[Port]) -> list[tuple[str, ...]]:
    return [
        (
            f"`{port.name}`",
            "input" if port.is_input else "output",
            str(port.width),
            port_meaning(generated.component, port),
        )
        for port in ports
    ]


def _payload(generated: Generated, port: Port) -> str:
    found = fields(shapes(generated.component).get(port.name, port.width))
    if port.width == 1 or not found[0].name:
        return ""
    rows = [(f"`{f.bits}`", f"`{f.name}`", f.format, f"`{f.element}`" if f.element else "") for f in found]
    return f"`{port.name}`:\n\n{_table(('bits', 'field', 'format', 'element n'), rows)}\n\n"


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _block(text: str) -> str:
    """Return text that is laid out as it is, or nothing."""
    return f"```text\n{text}\n```\n\n" if text.strip() else ""
