"""What a prediction says: frozen records that add up, layer to block to network.

Every total is the sum of its rows: the cycles of the layers sum to the cycles of the network, and the parts of a
layer's cycles sum to the layer's. Bytes, operations and energy likewise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vitaccel.arch import Arch
from vitaccel.backends.cost_model.additive import Additive
from vitaccel.backends.cost_model.device_use import DeviceUse
from vitaccel.backends.cost_model.mac_slots import MacSlots


@dataclass(frozen=True)
class Cycles(Additive):
    """Where the time of the compute engine goes; the fields sum to the elapsed cycles.

    Parameters
    ----------
    array
        The PE arrays accumulate.
    drain
        The array waits for its own earlier result to drain (fill, drain and pipeline depth).
    load
        It waits for weights, constants or spilled activations from DRAM.
    vector
        It waits for the lanes of the vector engine (LayerNorm, routing, gather, scatter-add).
    store
        It waits for a store to DRAM.
    """

    array: int = 0
    drain: int = 0
    load: int = 0
    vector: int = 0
    store: int = 0

    @property
    def elapsed(self) -> int:
        """All cycles."""
        return self.array + self.drain + self.load + self.vector + self.store


@dataclass(frozen=True)
class Busy(Additive):
    """Cycles each engine is occupied (they overlap: no sum)."""

    load: int = 0
    compute: int = 0
    vector: int = 0
    store: int = 0


@dataclass(frozen=True)
class Traffic(Additive):
    """Bytes over the DRAM interface by kind of tensor; ``spill`` counts both directions."""

    weight: int = 0
    constant: int = 0
    input: int = 0
    output: int = 0
    spill: int = 0

    @property
    def total_bytes(self) -> int:
        """All bytes."""
        return self.weight + self.constant + self.input + self.output + self.spill


@dataclass(frozen=True)
class Actions(Additive):
    """Counted actions, the basis of energy.

    Parameters
    ----------
    macs
        Useful multiply-accumulates.
    multiplications
        What the arrays multiply, padding excluded: MACs, every further pass of a numerator, products with constants.
    mac_slots
        Multiply-accumulates the arrays clocked, padding included.
    lane_operations
        Elements through the lanes.
    activation_bytes, weight_bytes, logit_bytes
        Bytes read from and written to each on-chip buffer.
    """

    macs: int = 0
    multiplications: int = 0
    mac_slots: int = 0
    lane_operations: int = 0
    activation_bytes: int = 0
    weight_bytes: int = 0
    logit_bytes: int = 0


@dataclass(frozen=True)
class EnergyParts(Additive):
    """Energy by component, in picojoules."""

    mac_pj: float = 0.0
    lane_pj: float = 0.0
    sram_pj: float = 0.0
    dram_pj: float = 0.0
    static_pj: float = 0.0

    @property
    def total_j(self) -> float:
        """All of it, in joules."""
        return (self.mac_pj + self.lane_pj + self.sram_pj + self.dram_pj + self.static_pj) * 1e-12


@dataclass(frozen=True)
class LayerCost:
    """One layer (kernel) of the network."""

    name: str
    op: str
    cycles: Cycles
    busy: Busy
    traffic: Traffic
    actions: Actions
    energy: EnergyParts
    slots: MacSlots = field(default_factory=MacSlots)

    @property
    def block(self) -> str:
        """The block the layer belongs to: its name up to the first dot."""
        return self.name.split(".", 1)[0]


@dataclass(frozen=True)
class Event:
    """One instruction on the timeline; times in cycles from the start."""

    engine: str
    mnemonic: str
    layer: str
    start: int
    occupied: int
    done: int


@dataclass(frozen=True)
class Occupancy:
    """Words of the activation buffer in use from a cycle on, summed over banks, in bytes."""

    cycle: int
    used_bytes: int


@dataclass(frozen=True)
class ExpertLoad:
    """Tokens each expert of a layer gets under the routing assumption, dropped ones not counted."""

    layer: str
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class AtClock:
    """What the cycles of a run take at another clock than the machine's.

    Parameters
    ----------
    frequency_hz
        The clock.
    latency_s, fps
        Of as many cycles: memory brings as many bytes in each, as late in cycles.
    """

    frequency_hz: float
    latency_s: float
    fps: float


@dataclass(frozen=True)
class Prediction:
    """The cost of one run of a network on a machine.

    Parameters
    ----------
    model, input_shapes
        What ran.
    arch
        On what.
    params, macs_dense, macs_exported
        Parameters; MACs if every expert ran on every token; MACs of the file as written.
    layers
        In program order.
    timeline
        Every instruction.
    occupancy
        Activation-buffer use over time.
    routing
        The routing assumption, "" without experts.
    experts
        Tokens of every expert, one record a layer of experts.
    cycles_by_routing
        Elapsed cycles under each assumption that needs no data (``uniform``, ``worst``); empty without experts.
    exceeded
        Sentences for every device limit that is broken.
    use
        What the accelerator takes of its device; ``None`` if the machine names none, or none is known.
    """

    model: str
    input_shapes: dict[str, tuple[int, ...]]
    arch: Arch
    params: int
    macs_dense: int
    macs_exported: int
    layers: tuple[LayerCost, ...]
    timeline: tuple[Event, ...] = field(repr=False)
    occupancy: tuple[Occupancy, ...] = field(repr=False)
    instructions: int = 0
    routing: str = ""
    experts: tuple[ExpertLoad, ...] = ()
    cycles_by_routing: dict[str, int] = field(default_factory=dict)
    exceeded: tuple[str, ...] = ()
    use: DeviceUse | None = None

    @property
    def cycles(self) -> Cycles:
        """Sum over the layers."""
        return Cycles.total(layer.cycles for layer in self.layers)

    @property
    def busy(self) -> Busy:
        """Sum over the layers."""
        return Busy.total(layer.busy for layer in self.layers)

    @property
    def traffic(self) -> Traffic:
        """Sum over the layers."""
        return Traffic.total(layer.traffic for layer in self.layers)

    @property
    def actions(self) -> Actions:
        """Sum over the layers."""
        return Actions.total(layer.actions for layer in self.layers)

    @property
    def slots(self) -> MacSlots:
        """Sum over the layers."""
        return MacSlots.total(layer.slots for layer in self.layers)

    @property
    def energy(self) -> EnergyParts:
        """Sum over the layers."""
        return EnergyParts.total(layer.energy for layer in self.layers)

    @property
    def latency_s(self) -> float:
        """Seconds from the first instruction to the last result."""
        return self.cycles.elapsed / self.arch.frequency_hz

    @property
    def frames(self) -> int:
        """Images in one run: the batch."""
        shapes = list(self.input_shapes.values())
        return shapes[0][0] if shapes and shapes[0] else 1

    @property
    def fps(self) -> float:
        """Images a second, one run after another."""
        return self.frames / self.latency_s if self.latency_s else 0.0

    @property
    def at_predicted_clock(self) -> AtClock | None:
        """The run at the clock that its device is predicted to reach; ``None`` where that is no lower, or not known."""
        if self.use is None or self.use.frequency_mhz is None or not self.use.is_slower_than(self.arch.frequency_hz):
            return None
        reached_hz = self.use.frequency_mhz * 1e6
        slower = reached_hz / self.arch.frequency_hz
        return AtClock(frequency_hz=reached_hz, latency_s=self.latency_s / slower, fps=self.fps * slower)

    @property
    def utilization(self) -> float:
        """Useful MACs / (cycles x PEs)."""
        slots = self.cycles.elapsed * self.arch.array.pes
        return self.actions.macs / slots if slots else 0.0

    @property
    def gops(self) -> float:
        """Achieved 1e9 operations a second, two operations a MAC."""
        return 2 * self.actions.macs / self.latency_s / 1e9 if self.latency_s else 0.0

    @property
    def bottleneck(self) -> str:
        """What would have to be faster first: the part that is occupied longest."""
        return max(self.occupied, key=lambda part: self.occupied[part])

    @property
    def occupied(self) -> dict[str, int]:
        """Cycles in which ``compute``, ``memory`` (its busier direction) and ``vector`` are occupied; they overlap."""
        busy = self.busy
        return {"compute": busy.compute, "memory": max(busy.load, busy.store), "vector": busy.vector}

    @property
    def bandwidth_bytes_per_s(self) -> float:
        """Achieved DRAM bandwidth."""
        return self.traffic.total_bytes / self.latency_s if self.latency_s else 0.0
