"""Parts of a machine description: PE arrays, memory, buffers, number formats, device limits, energy table.

Widths are in bits, sizes in bytes, times in clock cycles unless the name says otherwise. Every record refuses what no
machine can be, with one sentence that names the key as TOML and ``--set`` spell it.
"""

from __future__ import annotations

from dataclasses import dataclass

from vitaccel.errors import ArchError
from vitaccel_rtl.synthesis.devices import DEVICES

PARAMETER_BYTES = 8
"""Bytes of one output channel's parameters: int32 bias, 18-bit multiplier and 6-bit shift, padded to 8."""

NO_DEVICE = "none"
"""Of a machine that is for no device in particular."""

MAX_BUFFER_BYTES = 2**30
"""Largest on-chip buffer: 1 GiB, far above any device, so that a typing error is refused and not simulated."""

MOST_MOMENT_BLOCKS = 4096
"""Row-blocks whose moments may be kept: of 16,384 tokens at P = 4."""

MAX_ENERGY = 1e9
"""Largest entry of an energy table, in its own unit."""


def check(condition: bool, message: str) -> None:
    """Raise :class:`ArchError` with *message* unless *condition* holds."""
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
    """

    side: int = 8
    count: int = 1
    macs_per_multiplier: int = 1

    def __post_init__(self) -> None:
        check(
            4 <= self.side <= 32, f"array.side must be 4 to 32, not {self.side}; use more arrays for more PEs (3x32x32)"
        )
        check(1 <= self.count <= 64, f"array.count must be 1 to 64, not {self.count}")
        check(
            self.macs_per_multiplier in (1, 2),
            f"array.macs_per_multiplier must be 1 or 2, not {self.macs_per_multiplier}",
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
        Share of the DRAM peak a streaming access reaches; 0.01 to 1.
    """

    bus_bits: int = 128
    ports: int = 1
    burst_beats: int = 64
    outstanding: int = 8
    latency_cycles: int = 64
    peak_bytes_per_s: float = 0.0
    efficiency: float = 1.0

    def __post_init__(self) -> None:
        check(
            self.bus_bits in (32, 64, 128, 256, 512),
            f"memory.bus_bits must be 32, 64, 128, 256 or 512, not {self.bus_bits}",
        )
        check(1 <= self.ports <= 32, f"memory.ports must be 1 to 32, not {self.ports}")
        check(1 <= self.burst_beats <= 256, f"memory.burst_beats must be 1 to 256, not {self.burst_beats}")
        check(1 <= self.outstanding <= 256, f"memory.outstanding must be 1 to 256, not {self.outstanding}")
        check(
            0 <= self.latency_cycles <= 100_000, f"memory.latency_cycles must be 0 to 100000, not {self.latency_cycles}"
        )
        peak = self.peak_bytes_per_s
        check(
            peak == 0 or 1e6 <= peak <= 1e15,
            f"memory.peak_bytes_per_s must be 0 (the ports are the limit) or 1e6 to 1e15, not {peak}",
        )
        check(0.01 <= self.efficiency <= 1, f"memory.efficiency must be 0.01 to 1, not {self.efficiency}")

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
    parameter_bytes
        Ring buffer of what the lanes and the attention take as parameters (of LayerNorm, one set a channel).
    moment_blocks
        Row-blocks (of P rows) whose sums and sums of squares are taken as they drain and kept for the LayerNorm behind;
        with 0, or where they do not fit, a LayerNorm streams its rows twice. No bytes: 71 bits a row.
    """

    activation_bytes: int = 1024 * 1024
    weight_bytes: int = 128 * 1024
    logit_bytes: int = 64 * 1024
    parameter_bytes: int = 32 * 1024
    moment_blocks: int = 64

    def __post_init__(self) -> None:
        for key in ("activation_bytes", "weight_bytes", "logit_bytes", "parameter_bytes"):
            size = getattr(self, key)
            check(1024 <= size <= MAX_BUFFER_BYTES, f"buffers.{key} must be 1024 to {MAX_BUFFER_BYTES}, not {size}")
        check(
            0 <= self.moment_blocks <= MOST_MOMENT_BLOCKS,
            f"buffers.moment_blocks must be 0 to {MOST_MOMENT_BLOCKS}, not {self.moment_blocks}",
        )

    @property
    def total_bytes(self) -> int:
        """All on-chip buffer bytes."""
        return self.activation_bytes + self.weight_bytes + self.logit_bytes + self.parameter_bytes


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
        check(self.weight_bits in (4, 8), f"numerics.weight_bits must be 4 or 8, not {self.weight_bits}")
        check(
            self.numerator_bits in (8, 12, 16),
            f"numerics.numerator_bits must be 8, 12 or 16, not {self.numerator_bits}",
        )
        check(
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
        check(self.order in ("static", "longest"), f"moe.order must be static or longest, not {self.order!r}")


@dataclass(frozen=True)
class Limits:
    """What the device offers; 0 means unlimited.

    Parameters
    ----------
    multipliers
        Hardware multipliers (DSP blocks): the data sheet's total.
    memory_bits
        Bits of block RAM and UltraRAM: the data sheet's total, parity bits included.
    device
        A key of :data:`vitaccel_rtl.synthesis.devices.DEVICES`, for which the area of the machine is predicted; or
        ``none``.
    """

    multipliers: int = 0
    memory_bits: int = 0
    device: str = NO_DEVICE

    def __post_init__(self) -> None:
        known = (NO_DEVICE, *DEVICES)
        check(self.device in known, f"limits.device must be one of {', '.join(known)}, not {self.device!r}")
        check(self.multipliers >= 0, f"limits.multipliers must not be negative, not {self.multipliers}")
        check(self.memory_bits >= 0, f"limits.memory_bits must not be negative, not {self.memory_bits}")


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
    source: str = "Horowitz, ISSCC 2014, 45 nm; leakage not counted"

    def __post_init__(self) -> None:
        for key in ("mac_pj", "lane_pj", "sram_pj_per_byte", "dram_pj_per_byte", "static_w"):
            check(0 <= getattr(self, key) <= MAX_ENERGY, f"energy.{key} must be 0 to 1e9, not {getattr(self, key)}")
        check(self.source.isprintable(), f"energy.source must be one printable line, not {self.source!r}")
