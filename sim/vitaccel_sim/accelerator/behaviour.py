"""How the memory of a simulated system answers: latency, bandwidth, stalls."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass, field

CHANNELS = ("ar", "r", "aw", "w", "b")
"""Of AXI4, in the order of ``memory.h``."""

ORDERS = ("any", "data first", "address first")
"""Whether AW waits for the data of its burst, or data for AW; in the order of ``memory.h``."""


class BehaviourStructure(ctypes.Structure):
    """``Behaviour`` of ``memory.h``."""

    _fields_ = (
        ("latency", ctypes.c_int64),
        ("jitter", ctypes.c_int64),
        ("beats", ctypes.c_int64),
        ("cycles", ctypes.c_int64),
        ("order", ctypes.c_int64),
        ("longest_burst", ctypes.c_int64),
        ("in_flight", ctypes.c_int64),
        ("stall", ctypes.c_double * len(CHANNELS)),
        ("seed", ctypes.c_uint64),
    )


@dataclass(frozen=True, kw_only=True)
class MemoryBehaviour:
    """How a memory answers; without what may be drawn, the memory that cycles are predicted for.

    Parameters
    ----------
    latency_cycles
        From accepting the address of a burst (when writing, its address and data) to the first beat (the answer), 1 or
        more.
    jitter_cycles
        So many more at most, drawn for each burst.
    beats, beats_cycles
        Of every channel of data at most *beats* move in *beats_cycles* cycles: the bandwidth.
    stalls
        How often a channel of :data:`CHANNELS` does not act: the chance, below 1, of being not ready, or of not
        offering what could be offered.
    order
        One of :data:`ORDERS`.
    longest_burst, in_flight
        Beats of a burst, and bursts that are not answered, at most: more are a fault of the master.

    Raises
    ------
    ValueError
        If a number is out of its range, or a channel or an order unknown.
    """

    latency_cycles: int = 32
    jitter_cycles: int = 0
    beats: int = 1
    beats_cycles: int = 1
    stalls: Mapping[str, float] = field(default_factory=dict)
    order: str = "any"
    longest_burst: int = 256
    in_flight: int = 256

    def __post_init__(self) -> None:
        least = {"latency_cycles": 1, "jitter_cycles": 0, "beats": 1, "longest_burst": 1, "in_flight": 1}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ValueError(f"{name} of a memory must be {value} or more, not {getattr(self, name)}")
        if self.beats_cycles < self.beats:
            most = self.beats_cycles
            raise ValueError(f"beats of a memory must be {most} or fewer in {most} cycles, not {self.beats}")
        for channel, chance in self.stalls.items():
            if channel not in CHANNELS:
                raise ValueError(f"channel of a memory must be one of {', '.join(CHANNELS)}, not {channel!r}")
            if not 0 <= chance < 1:
                raise ValueError(f"stalls of {channel} must be from 0 to less than 1, not {chance}")
        if self.order not in ORDERS:
            raise ValueError(f"order of a memory must be one of {', '.join(ORDERS)}, not {self.order!r}")

    @property
    def is_fixed(self) -> bool:
        """Whether it answers each burst as fast as any other."""
        return not (self.jitter_cycles or any(self.stalls.values())) and self.beats == self.beats_cycles

    @property
    def mean_latency_cycles(self) -> int:
        """Cycles from offering an address to the first beat, or from the last beat to the answer, on the average.

        A channel that acts with the chance 1 - p keeps a word waiting for p / (1 - p) cycles.
        """
        waits = (sum(self._wait(channel) for channel in way) for way in (("ar", "r"), ("w", "b")))
        return round(self.latency_cycles + self.jitter_cycles / 2 + max(waits))

    @property
    def beats_per_cycle(self) -> float:
        """Beats that move in a cycle on the slower channel of data, on the average, while there are any."""
        acts = min(1 - self.stalls.get(channel, 0.0) for channel in ("r", "w"))
        return min(self.beats / self.beats_cycles, acts)

    def _wait(self, channel: str) -> float:
        stall = self.stalls.get(channel, 0.0)
        return stall / (1 - stall)

    def structure(self, seed: int) -> BehaviourStructure:
        """Return what C++ takes, with the seed of one master's stalls."""
        return BehaviourStructure(
            latency=self.latency_cycles,
            jitter=self.jitter_cycles,
            beats=self.beats,
            cycles=self.beats_cycles,
            order=ORDERS.index(self.order),
            longest_burst=self.longest_burst,
            in_flight=self.in_flight,
            stall=tuple(self.stalls.get(channel, 0.0) for channel in CHANNELS),
            seed=seed % 2**64,
        )
