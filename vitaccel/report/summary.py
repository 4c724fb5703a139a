"""The summary of a prediction: facts with units, where the cycles go, and the bottleneck in words."""

from __future__ import annotations

from dataclasses import dataclass

from vitaccel.backends.cost_model.device_use import DeviceUse
from vitaccel.backends.cost_model.result import EnergyParts, Prediction, Traffic
from vitaccel.report.breakdown import CycleSplit, split_cycles
from vitaccel.report.table import Column, Table
from vitaccel.report.units import binary_bytes, percent, rate, shape, si
from vitaccel_rtl.synthesis.devices import RESOURCES

AREA_WORDS = {"luts": "LUT", "flip_flops": "FF", "multipliers": "multipliers", "block_rams": "block RAMs of 18 kbit"}
"""Resources of a device that a summary tells."""

TRAFFIC_WORDS = {
    "weight": "weights",
    "constant": "constants",
    "input": "input",
    "output": "output",
    "spill": "spills",
}
"""Kinds of DRAM traffic, by field of :class:`~vitaccel.backends.cost_model.result.Traffic`."""

ENERGY_WORDS = {
    "mac_pj": "MACs",
    "lane_pj": "lanes",
    "sram_pj": "buffers",
    "dram_pj": "DRAM",
    "static_pj": "static",
}
"""Components of energy, by field of :class:`~vitaccel.backends.cost_model.result.EnergyParts`."""

ENGINES = ("compute", "load", "vector", "store")
"""Engines, the fields of :class:`~vitaccel.backends.cost_model.result.Busy`."""

CYCLE_WORDS = {
    "useful": ("array, useful", "useful MACs, as if every PE were busy"),
    "padding": ("array, padding", "partly filled tiles, extra passes, sums that count no MACs"),
    "drain": ("drain", "the array waits for its own results to leave"),
    "load": ("memory read", "the array waits for DRAM"),
    "vector": ("lanes", "the array waits for LayerNorm, routing, gather or scatter-add"),
    "store": ("memory write", "the array waits for a store"),
}
"""Parts of the elapsed cycles and what they are, by field of :class:`~vitaccel.report.breakdown.CycleSplit`."""


@dataclass(frozen=True)
class Fact:
    """One line of the summary."""

    label: str
    value: str


def facts(prediction: Prediction) -> tuple[Fact, ...]:
    """Return everything about a prediction that fits a line each, in reading order."""
    lines = [
        Fact("model", _model(prediction)),
        Fact("machine", machine(prediction)),
        Fact("latency", _latency(prediction)),
        Fact("throughput", _throughput(prediction)),
        *_at_predicted_clock(prediction),
        Fact("utilization", _utilization(prediction)),
        Fact("bottleneck", bottleneck_in_words(prediction)),
        Fact("engines", _engines(prediction)),
        Fact("MACs", macs_in_words(prediction)),
    ]
    if prediction.routing:
        lines.append(Fact("routing", routing_in_words(prediction.routing)))
        lines.append(Fact("experts", experts_in_words(prediction)))
    lines += [
        Fact("DRAM traffic", _traffic(prediction.traffic)),
        Fact("bandwidth", _bandwidth(prediction)),
        Fact("buffers", _buffers(prediction)),
        Fact("energy", _energy(prediction)),
    ]
    if prediction.use is not None:
        lines.append(Fact("area", area_in_words(prediction.use)))
        lines.append(Fact("clock", clock_in_words(prediction.use, prediction.arch.frequency_hz)))
    lines.append(Fact("device", device_in_words(prediction)))
    return tuple(lines)


def summary_table(prediction: Prediction) -> Table:
    """Return the facts as a table of two columns."""
    return Table(
        "Summary (predicted, not measured)",
        (Column(""), Column("", elastic=True)),
        tuple((fact.label, fact.value) for fact in facts(prediction)),
    )


def cycle_table(prediction: Prediction) -> Table:
    """Return where the elapsed cycles go; the rows sum to the total."""
    split = split_cycles(prediction.layers, prediction.arch.array.pes)
    elapsed = split.elapsed
    rows = tuple(
        (words, f"{cycles:,}", percent(cycles / elapsed if elapsed else 0.0), meaning)
        for (words, meaning), cycles in zip(CYCLE_WORDS.values(), cycle_parts(split).values(), strict=True)
    )
    return Table(
        "Where the cycles go (predicted)",
        (Column("part"), Column("cycles", right=True), Column("%", right=True), Column("", elastic=True)),
        rows,
        footer=(("total", f"{elapsed:,}", "100.0%" if elapsed else "0.0%", ""),),
    )


def cycle_parts(split: CycleSplit) -> dict[str, int]:
    """Return the fields of a split by name, in the order of :data:`CYCLE_WORDS`."""
    return {part: getattr(split, part) for part in CYCLE_WORDS}


def machine(prediction: Prediction) -> str:
    """Return the machine in a line: PEs, clock, memory port."""
    arch = prediction.arch
    ports = "" if arch.memory.ports == 1 else f"{arch.memory.ports} x "
    plural = "" if arch.memory.ports == 1 else "s"
    return (
        f"{arch.name}: {arch.array} = {arch.array.pes} PEs at {arch.frequency_hz / 1e6:g} MHz, "
        f"{ports}{arch.memory.bus_bits}-bit memory port{plural}"
    )


def available_bytes_per_s(prediction: Prediction) -> float:
    """Bytes a second a streaming transfer could reach on this machine."""
    return prediction.arch.dram_bytes_per_cycle * prediction.arch.frequency_hz


def peak_gops(prediction: Prediction) -> float:
    """1e9 operations a second with every PE busy, two operations a MAC."""
    return 2 * prediction.arch.array.pes * prediction.arch.frequency_hz / 1e9


def peak_occupancy_bytes(prediction: Prediction) -> int:
    """Most bytes of the activation buffer in use at once."""
    return max((point.used_bytes for point in prediction.occupancy), default=0)


def bottleneck_in_words(prediction: Prediction) -> str:
    """Return what limits the network, with its share, what comes next, and what the array waits for."""
    split = split_cycles(prediction.layers, prediction.arch.array.pes)
    if not split.elapsed:
        return "none: nothing runs"
    said = {"compute": "the PE array is busy", "memory": "the memory port is busy", "vector": "the lanes are busy"}
    occupied = prediction.occupied
    first, second, _ = sorted(said, key=lambda part: -occupied[part])
    text = f"{first}: {said[first]} {percent(occupied[first] / split.elapsed)} of the time"
    if first == "compute" and split.padding:
        text += f" (padding {percent(split.padding / split.elapsed)})"
    if occupied[second]:
        text += f"; next {second}, {percent(occupied[second] / split.elapsed)}"
    return text


def macs_in_words(prediction: Prediction) -> str:
    """Return the MACs run, and the dense and exported counts where they differ."""
    macs = prediction.actions.macs
    text = f"{si(macs)} ({macs:,})"
    if prediction.macs_dense != macs:
        text += f" routed; {si(prediction.macs_dense)} if every expert ran on every token"
    if prediction.macs_exported not in (macs, prediction.macs_dense):
        text += f"; {si(prediction.macs_exported)} as exported"
    return text


def routing_in_words(routing: str) -> str:
    """Return a routing assumption of the cost model in words."""
    said = {
        "uniform": "assumed uniform: the tokens spread evenly over the experts",
        "worst": "assumed worst case: every token chooses the same experts",
    }
    return said.get(routing, f"recorded: {routing}")


def experts_in_words(prediction: Prediction) -> str:
    """Return how many tokens the experts get, and the latency under every routing that needs no data."""
    tokens = [count for load in prediction.experts for count in load.tokens]
    clock = prediction.arch.frequency_hz
    routed = ", ".join(f"{si(cycles / clock, 's')} {kind}" for kind, cycles in prediction.cycles_by_routing.items())
    return f"{min(tokens)} to {max(tokens)} tokens each, mean {sum(tokens) / len(tokens):.1f}; latency {routed}"


def device_in_words(prediction: Prediction) -> str:
    """Return whether the machine fits its device, and what does not."""
    if prediction.exceeded:
        return f"does not fit: {'; '.join(prediction.exceeded)}"
    use = prediction.use
    if use is not None:
        return f"fits {use.device.title}; most of all it takes {RESOURCES[use.limit]}: {percent(use.shares[use.limit])}"
    limits = prediction.arch.limits
    if not (limits.multipliers or limits.memory_bits):
        return "no limits given"
    array, buffers = prediction.arch.array, prediction.arch.buffers
    used = []
    if limits.multipliers:
        used.append(f"{array.multipliers} of {limits.multipliers} multipliers")
    if limits.memory_bits:
        used.append(f"{percent(buffers.total_bytes * 8 / limits.memory_bits, 0)} of the block RAM in buffers")
    return f"fits: {', '.join(used)}"


def area_in_words(use: DeviceUse) -> str:
    """Return what the accelerator takes of its device, with the share of each; *predicted*, as everything here."""
    return ", ".join(f"{use.used(name):,} {words} ({percent(use.shares[name])})" for name, words in AREA_WORDS.items())


def clock_in_words(use: DeviceUse, frequency_hz: float) -> str:
    """Return whether the machine's clock is known to be reached on its device, or assumed."""
    clock = f"{frequency_hz / 1e6:g} MHz"
    if not use.device.is_routed:
        return f"{clock} assumed: no open tool places and routes {use.device.title}"
    if use.frequency_mhz is None:
        return f"{clock} assumed: no machine of its kind was placed and routed"
    verdict = "not reached" if use.is_slower_than(frequency_hz) else "reached"
    return f"{clock} {verdict}: {use.frequency_mhz:.0f} MHz predicted from machines that were placed and routed"


def clock_warning(prediction: Prediction) -> str:
    """Return a sentence if the machine's clock is predicted not to be reached, with what the run takes then."""
    slower = prediction.at_predicted_clock
    if slower is None:
        return ""
    return (
        f"its clock is {prediction.arch.frequency_hz / 1e6:g} MHz, {slower.frequency_hz / 1e6:.0f} MHz are predicted, "
        f"and the same cycles give {rate(slower.fps)} frames/s there"
    )


def _at_predicted_clock(prediction: Prediction) -> tuple[Fact, ...]:
    slower = prediction.at_predicted_clock
    if slower is None:
        return ()
    said = f"{si(slower.latency_s, 's')}, {rate(slower.fps)} frames/s: the same cycles at the clock that is predicted"
    return (Fact(f"at {slower.frequency_hz / 1e6:.0f} MHz", said),)


def _model(prediction: Prediction) -> str:
    inputs = ", ".join(f"{name} {shape(sizes)}" for name, sizes in prediction.input_shapes.items())
    return f"{prediction.model}, input {inputs}, {si(prediction.params)} parameters"


def _latency(prediction: Prediction) -> str:
    frames = "" if prediction.frames == 1 else f" for {prediction.frames} frames"
    return f"{si(prediction.latency_s, 's')}{frames}, {prediction.cycles.elapsed:,} cycles"


def _throughput(prediction: Prediction) -> str:
    return f"{rate(prediction.fps)} frames/s, {rate(prediction.gops)} GOPS of {rate(peak_gops(prediction))} peak"


def _utilization(prediction: Prediction) -> str:
    return f"{percent(prediction.utilization)} (useful MACs / (cycles x PEs))"


def _engines(prediction: Prediction) -> str:
    busy, elapsed = prediction.busy, max(1, prediction.cycles.elapsed)
    return "occupied " + ", ".join(f"{engine} {percent(getattr(busy, engine) / elapsed)}" for engine in ENGINES)


def _traffic(traffic: Traffic) -> str:
    parts = ((words, getattr(traffic, kind)) for kind, words in TRAFFIC_WORDS.items())
    listed = ", ".join(f"{words} {si(size, 'B')}" for words, size in parts if size)
    return f"{si(traffic.total_bytes, 'B')}: {listed}" if listed else "none"


def _bandwidth(prediction: Prediction) -> str:
    achieved, available = prediction.bandwidth_bytes_per_s, available_bytes_per_s(prediction)
    return f"{si(achieved, 'B/s')} of {si(available, 'B/s')} available ({percent(achieved / available)})"


def _buffers(prediction: Prediction) -> str:
    peak, size = peak_occupancy_bytes(prediction), prediction.arch.buffers.activation_bytes
    return f"activations peak at {binary_bytes(peak)} of {binary_bytes(size)} ({percent(peak / size)})"


def _energy(prediction: Prediction) -> str:
    energy = prediction.energy
    a_frame = si(energy.total_j / prediction.frames, "J")
    return f"{a_frame} a frame: {_energy_parts(energy)}; {prediction.arch.energy.source}"


def _energy_parts(energy: EnergyParts) -> str:
    whole = energy.total_j * 1e12
    parts = ((words, getattr(energy, part)) for part, words in ENERGY_WORDS.items())
    return ", ".join(f"{words} {percent(size / whole, 0)}" for words, size in parts if size)
