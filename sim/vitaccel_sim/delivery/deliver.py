"""Everything that ``vitaccel gen-rtl --block`` writes about a block, as texts by file name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitaccel.backends.rtl.generate import Generated, generate
from vitaccel_rtl.header import MARK, ordered
from vitaccel_rtl.ports import fields, shapes
from vitaccel_sim.delivery.bench import Bench
from vitaccel_sim.delivery.bench_file import bench_file
from vitaccel_sim.delivery.bench_of import bench_of
from vitaccel_sim.delivery.readme import readme
from vitaccel_sim.delivery.vectors import to_text

MAKEFILE = Path(__file__).with_name("Makefile")


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A block with all that belongs to it.

    Parameters
    ----------
    generated
        The block and its Verilog.
    bench
        Its bench.
    seed
        Of the bench's words.
    """

    generated: Generated
    bench: Bench
    seed: int

    @property
    def files(self) -> dict[str, str]:
        """Texts by file name; each has a line with :data:`vitaccel_rtl.header.MARK`."""
        name = self.generated.name
        return {
            f"{name}.sv": self.generated.verilog.text,
            f"test_{name}.py": bench_file(self.generated, self.bench),
            f"{name}.json": to_text(self._vectors()),
            f"{name}.md": readme(self.generated, self.bench, self.seed),
            "Makefile": MAKEFILE.read_text(encoding="utf-8"),
        }

    def _vectors(self) -> dict[str, Any]:
        return {
            "about": f"{MARK}: words for {self.generated.name} and what it must make of them",
            "block": self.generated.block.name,
            "options": dict(self.generated.options),
            "seed": self.seed,
            "parameters": self.bench.parameters,
        }

    def record(self) -> dict[str, Any]:
        """Return what was made as JSON types."""
        component = self.generated.component
        layouts = shapes(component)
        return {
            "block": self.generated.block.name,
            "module": self.generated.name,
            "options": [{"name": name, "value": value} for name, value in self.generated.options.items()],
            "seed": self.seed,
            "bench": self.bench.module,
            "latency_cycles": getattr(component, "latency_cycles", None),
            "interval_cycles": _number(getattr(component, "interval_cycles", None)),
            "ports": [
                {
                    "name": port.name,
                    "direction": "input" if port.is_input else "output",
                    "bits": port.width,
                    "fields": [
                        {
                            "name": field.name,
                            "offset": field.offset,
                            "bits": field.width,
                            "signed": field.is_signed,
                            "arrays": [{"length": n, "stride_bits": stride} for n, stride in field.repeats],
                        }
                        for field in fields(layouts[port.name])
                    ]
                    if port.name in layouts
                    else [],
                }
                for port in ordered(component, self.generated.verilog.ports)
            ],
        }


def _number(cycles: Any) -> int | None:
    return cycles if isinstance(cycles, int) else None


def deliver(name: str, given: Mapping[str, int], *, lanes: int | None = None, seed: int = 0) -> Delivery:
    """Return a block of the library with everything that belongs to it.

    Parameters
    ----------
    name, given, lanes
        As :func:`vitaccel.backends.rtl.generate.generate` takes them.
    seed
        Of the words of its bench.

    Raises
    ------
    BlockError
        If there is no such block, an option is impossible, or the block has no bench.
    """
    generated = generate(name, given, lanes=lanes)
    return Delivery(generated=generated, bench=bench_of(generated, seed), seed=seed)
