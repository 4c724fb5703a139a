"""Machine descriptions: frozen, validated, read from presets, TOML files and ``--set key=value``.

One record holds every number about a machine that a pass or a cost model may read. Widths are in bits, sizes in
bytes, times in clock cycles unless the name says otherwise.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, get_type_hints

from vitaccel.errors import ArchError, did_you_mean

PARAMETER_BYTES = 8
"""Bytes of one output channel's parameters: int32 bias, 18-bit multiplier and 6-bit shift, padded to 8."""


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise ArchError(message)


@dataclass(frozen=True)
class PeArrays:
    """``count`` output-stationary arrays of ``side`` x ``side`` int8 MAC units, side by side.

    Parameters
    ----------
    side
        P: rows and columns of one array, and lanes of its post-processing; 4 to 32.
    count
        Arrays that take adjacent output tiles (or heads) of one instruction; 1 to 64.
    macs_per_multiplier
        Products one hardware multiplier delivers a cycle (2 when two int8 products share a wide multiplier).
    post_latency_cycles
        Pipeline depth from the last product to the written word: accumulate, bias, requantize, activation, write.
    """

    side: int = 8
    count: int = 1
    macs_per_multiplier: int = 1
    post_latency_cycles: int = 12

    def __post_init__(self) -> None:
        _check(
            4 <= self.side <= 32, f"array.side must be 4 to 32, not {self.side}; use more arrays for more PEs (3x32x32)"
        )
        _check(1 <= self.count <= 64, f"array.count must be 1 to 64, not {self.count}")
        _check(
            self.macs_per_multiplier in (1, 2),
            f"array.macs_per_multiplier must be 1 or 2, not {self.macs_per_multiplier}",
        )
        _check(
            self.post_latency_cycles >= 1,
            f"array.post_latency_cycles must be at least 1, not {self.post_latency_cycles}",
        )

    @property
    def pes(self) -> int:
        """Multiply-accumulate units."""
        return self.count * self.side * self.side

    @property
    def multipliers(self) -> int:
        """Hardware multipliers of the arrays."""
        return -(-self.pes // self.macs_per_multiplier)

    def __str__(self) -> str:
        grid = f"{self.side}x{self.side}"
        return grid if self.count == 1 else f"{self.count}x{grid}"


@dataclass(frozen=True)
class Memory:
    """DRAM and the AXI ports to it.

    Parameters
    ----------
    bus_bits
        Data width of one AXI port: 32, 64, 128, 256 or 512.
    ports
        Ports a transfer is striped over.
    burst_beats
        Longest burst, in beats; 1 to 256.
    outstanding
        Bursts in flight on one port.
    latency_cycles
        From a read request to its first beat.
    peak_bytes_per_s
        DRAM peak; 0 means the ports are the limit (on-chip or simulated memory).
    efficiency
        Share of the DRAM peak a streaming access reaches; 0 < e <= 1.
    """

    bus_bits: int = 128
    ports: int = 1
    burst_beats: int = 64
    outstanding: int = 8
    latency_cycles: int = 64
    peak_bytes_per_s: float = 0.0
    efficiency: float = 1.0

    def __post_init__(self) -> None:
        _check(
            self.bus_bits in (32, 64, 128, 256, 512),
            f"memory.bus_bits must be 32, 64, 128, 256 or 512, not {self.bus_bits}",
        )
        _check(1 <= self.ports <= 32, f"memory.ports must be 1 to 32, not {self.ports}")
        _check(1 <= self.burst_beats <= 256, f"memory.burst_beats must be 1 to 256, not {self.burst_beats}")
        _check(1 <= self.outstanding <= 256, f"memory.outstanding must be 1 to 256, not {self.outstanding}")
        _check(
            0 <= self.latency_cycles <= 100_000, f"memory.latency_cycles must be 0 to 100000, not {self.latency_cycles}"
        )
        _check(self.peak_bytes_per_s >= 0, f"memory.peak_bytes_per_s must not be negative, not {self.peak_bytes_per_s}")
        _check(0 < self.efficiency <= 1, f"memory.efficiency must be above 0 and at most 1, not {self.efficiency}")

    @property
    def beat_bytes(self) -> int:
        """Bytes of one beat over all ports."""
        return self.bus_bits // 8 * self.ports

    @property
    def burst_bytes(self) -> int:
        """Bytes of one burst over all ports."""
        return self.beat_bytes * self.burst_beats


@dataclass(frozen=True)
class Buffers:
    """On-chip memories, in bytes over all arrays.

    Parameters
    ----------
    activation_bytes
        Activations and kept attention logits.
    weight_bytes
        Ring buffer of weight tiles and their per-channel parameters.
    logit_bytes
        Logits of two row-blocks in flight between QK^T and A.V.
    """

    activation_bytes: int = 256 * 1024
    weight_bytes: int = 64 * 1024
    logit_bytes: int = 32 * 1024

    def __post_init__(self) -> None:
        for key in ("activation_bytes", "weight_bytes", "logit_bytes"):
            _check(getattr(self, key) >= 1024, f"buffers.{key} must be at least 1024, not {getattr(self, key)}")

    @property
    def total_bytes(self) -> int:
        """All on-chip buffer bytes."""
        return self.activation_bytes + self.weight_bytes + self.logit_bytes


@dataclass(frozen=True)
class Numerics:
    """Number formats the machine is built for.

    Parameters
    ----------
    weight_bits
        8, or 4 for packed int4 weights.
    numerator_bits
        Softmax numerators fed to A.V: 8, 12 or 16; above 8 takes two passes over the keys.
    logit_fraction_bits
        Fraction bits of the base-2 logits Q5.f: 6 or 8.
    """

    weight_bits: int = 8
    numerator_bits: int = 8
    logit_fraction_bits: int = 6

    def __post_init__(self) -> None:
        _check(self.weight_bits in (4, 8), f"numerics.weight_bits must be 4 or 8, not {self.weight_bits}")
        _check(
            self.numerator_bits in (8, 12, 16),
            f"numerics.numerator_bits must be 8, 12 or 16, not {self.numerator_bits}",
        )
        _check(
            self.logit_fraction_bits in (6, 8),
            f"numerics.logit_fraction_bits must be 6 or 8, not {self.logit_fraction_bits}",
        )

    @property
    def numerator_passes(self) -> int:
        """Passes of A.V over the keys: one 8-bit digit of the numerator each."""
        return -(-self.numerator_bits // 8)


@dataclass(frozen=True)
class Routing:
    """How experts are run.

    Parameters
    ----------
    order
        ``static``: expert 0 to E-1, so that weights load before the routing is known; ``longest``: longest queue
        first, empty experts neither loaded nor run, but loading waits for the routing.
    """

    order: str = "static"

    def __post_init__(self) -> None:
        _check(self.order in ("static", "longest"), f"moe.order must be static or longest, not {self.order!r}")


@dataclass(frozen=True)
class Limits:
    """What the device offers; 0 means unlimited.

    Parameters
    ----------
    multipliers
        Hardware multipliers (DSP blocks).
    memory_bits
        Bits of block RAM (and UltraRAM).
    """

    multipliers: int = 0
    memory_bits: int = 0

    def __post_init__(self) -> None:
        _check(self.multipliers >= 0, f"limits.multipliers must not be negative, not {self.multipliers}")
        _check(self.memory_bits >= 0, f"limits.memory_bits must not be negative, not {self.memory_bits}")


@dataclass(frozen=True)
class Energy:
    """Energy of counted actions, and static power.

    Parameters
    ----------
    mac_pj
        One int8 multiply-accumulate into int32.
    lane_pj
        One lane operation (requantize, softmax, LayerNorm, add) on one element.
    sram_pj_per_byte
        One byte read from or written to an on-chip buffer.
    dram_pj_per_byte
        One byte moved to or from DRAM.
    static_w
        Power drawn whatever runs.
    source
        Where the numbers come from.
    """

    mac_pj: float = 0.3
    lane_pj: float = 3.4
    sram_pj_per_byte: float = 2.5
    dram_pj_per_byte: float = 162.5
    static_w: float = 0.0
    source: str = "Horowitz, ISSCC 2014, 45 nm"

    def __post_init__(self) -> None:
        for key in ("mac_pj", "lane_pj", "sram_pj_per_byte", "dram_pj_per_byte", "static_w"):
            _check(getattr(self, key) >= 0, f"energy.{key} must not be negative, not {getattr(self, key)}")


@dataclass(frozen=True)
class Arch:
    """A machine: everything the compiler and the cost model may know about it."""

    name: str = "default"
    description: str = ""
    frequency_hz: float = 200e6
    array: PeArrays = field(default_factory=PeArrays)
    memory: Memory = field(default_factory=Memory)
    buffers: Buffers = field(default_factory=Buffers)
    numerics: Numerics = field(default_factory=Numerics)
    moe: Routing = field(default_factory=Routing)
    limits: Limits = field(default_factory=Limits)
    energy: Energy = field(default_factory=Energy)

    def __post_init__(self) -> None:
        _check(self.frequency_hz > 0, f"frequency_hz must be positive, not {self.frequency_hz}")

    @property
    def dram_bytes_per_cycle(self) -> float:
        """Bytes a streaming transfer moves in one cycle: the ports or the DRAM, whichever is slower."""
        if not self.memory.peak_bytes_per_s:
            return float(self.memory.beat_bytes)
        dram = self.memory.peak_bytes_per_s * self.memory.efficiency / self.frequency_hz
        return min(float(self.memory.beat_bytes), dram)

    def with_pe(self, text: str) -> Arch:
        """The same machine with another PE array: ``64`` (8x8), ``16x16`` or ``3x32x32``.

        Raises
        ------
        ArchError
            If the count is not the square of a side from 4 to 32, or the text has another form.
        """
        return replace(self, array=replace(self.array, **parse_pe(text)))

    def with_settings(self, settings: Mapping[str, str]) -> Arch:
        """The same machine with ``key=value`` settings applied, keys dotted as in TOML (``memory.bus_bits``)."""
        arch = self
        for key, text in settings.items():
            arch = _set(arch, key.split("."), text, key)
        return arch

    def exceeded_limits(self) -> tuple[str, ...]:
        """One sentence for every limit of the device this machine breaks."""
        broken = []
        if self.limits.multipliers and self.array.multipliers > self.limits.multipliers:
            broken.append(
                f"the {self.array} PE array needs {self.array.multipliers} multipliers of the {self.limits.multipliers} there are"
            )
        if self.limits.memory_bits and self.buffers.total_bytes * 8 > self.limits.memory_bits:
            broken.append(
                f"the buffers need {self.buffers.total_bytes * 8} bits of block RAM of the {self.limits.memory_bits} there are"
            )
        return tuple(broken)


def parse_pe(text: str) -> dict[str, int]:
    """``side`` and ``count`` of a ``--pe`` value."""
    match = re.fullmatch(r"\s*(?:(\d+)x)?(?:(\d+)x)?(\d+)\s*", text)
    if not match:
        raise ArchError(f"--pe must be a count (64), a side twice (8x8) or arrays times sides (3x32x32), not {text!r}")
    parts = [int(p) for p in match.groups() if p is not None]
    if len(parts) == 1:
        side = round(parts[0] ** 0.5)
        if side * side != parts[0] or not 4 <= side <= 32:
            near = min(range(4, 33), key=lambda s: abs(s * s - parts[0]))
            raise ArchError(
                f"--pe must be the square of a side from 4 to 32, not {parts[0]}; nearest is {near * near}, "
                "and several arrays are written as 3x32x32"
            )
        return {"side": side, "count": 1}
    count, side, other = ([1] if len(parts) == 2 else []) + parts
    if side != other:
        raise ArchError(f"--pe must name square arrays, not {side}x{other}")
    return {"side": side, "count": count}


def preset_names() -> tuple[str, ...]:
    """Names of the machines that ship with vitaccel."""
    folder = resources.files("vitaccel") / "presets"
    return tuple(sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml")))


@cache
def load_preset(name: str) -> Arch:
    """A machine that ships with vitaccel.

    Raises
    ------
    ArchError
        If there is no preset of that name.
    """
    if name not in preset_names():
        raise ArchError(
            f"preset must be one of {', '.join(preset_names())}, not {name!r}{did_you_mean(name, preset_names())}"
        )
    text = (resources.files("vitaccel") / "presets" / f"{name}.toml").read_text(encoding="utf-8")
    return from_mapping(tomllib.loads(text), f"preset {name}")


def load_arch(path: Path) -> Arch:
    """A machine from a TOML file; keys not given keep the default machine's values.

    Raises
    ------
    ArchError
        If the file cannot be read, is not TOML, or has an unknown key or an impossible value.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArchError(f"machine description {path} must be readable: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArchError(f"machine description {path} must be TOML: {error}") from error
    return from_mapping(content, str(path))


def from_mapping(content: Mapping[str, Any], where: str) -> Arch:
    """A machine from nested tables."""
    arch: Arch = _build(Arch, content, where, "")
    return arch


def _build(kind: type[Any], content: Mapping[str, Any], where: str, prefix: str) -> Any:
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for key, value in content.items():
        if key not in hints:
            known = sorted(hints)
            raise ArchError(f"{where}: key {prefix}{key} must be one of {', '.join(known)}{did_you_mean(key, known)}")
        if is_dataclass(hints[key]):
            if not isinstance(value, Mapping):
                raise ArchError(f"{where}: {prefix}{key} must be a table, not {value!r}")
            values[key] = _build(hints[key], value, where, f"{prefix}{key}.")  # type: ignore[arg-type]
        else:
            values[key] = _scalar(hints[key], value, f"{where}: {prefix}{key}")
    try:
        return kind(**values)
    except ArchError as error:
        raise ArchError(f"{where}: {error}") from None


def _scalar(kind: type[Any], value: Any, key: str) -> Any:
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, kind) and not isinstance(value, bool):
        return value
    raise ArchError(
        f"{key} must be {'an integer' if kind is int else 'a number' if kind is float else 'a string'}, not {value!r}"
    )


def _set(record: Any, path: list[str], text: str, key: str) -> Any:
    names = [f.name for f in fields(record)]
    if path[0] not in names:
        raise ArchError(
            f"--set {key} must name one of {', '.join(names)}, not {path[0]!r}{did_you_mean(path[0], names)}"
        )
    hint = get_type_hints(type(record))[path[0]]
    if is_dataclass(hint):
        inner = [f.name for f in fields(hint)]  # type: ignore[arg-type]
        if len(path) != 2:
            raise ArchError(f"--set {key} must name a value of {path[0]}: {', '.join(f'{path[0]}.{n}' for n in inner)}")
        return replace(record, **{path[0]: _set(getattr(record, path[0]), path[1:], text, key)})
    if len(path) != 1:
        raise ArchError(f"--set {key} must stop at {path[0]}, which has no parts")
    return replace(record, **{path[0]: _parse(hint, text, key)})


def _parse(kind: type[Any], text: str, key: str) -> Any:
    try:
        return int(text, 0) if kind is int else float(text) if kind is float else text
    except ValueError:
        raise ArchError(f"--set {key} must be {'an integer' if kind is int else 'a number'}, not {text!r}") from None
