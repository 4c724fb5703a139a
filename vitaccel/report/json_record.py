"""A prediction as one JSON object; ``docs/json.md`` documents every key.

Adding a key keeps :data:`SCHEMA_VERSION`; renaming, removing or redefining one raises it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from vitaccel.arch import Arch
from vitaccel.backends.cost_model.device_use import DeviceUse
from vitaccel.backends.cost_model.result import EnergyParts, LayerCost, Prediction
from vitaccel.report.breakdown import layers_by_block, merge, split_cycles, utilization
from vitaccel.report.summary import available_bytes_per_s, cycle_parts, peak_gops, peak_occupancy_bytes

SCHEMA_VERSION = 1
"""Version of every JSON object that vitaccel prints."""


def as_record(prediction: Prediction) -> dict[str, Any]:
    """Return a prediction as JSON types: totals first, then blocks, then layers in program order."""
    macs, traffic, energy = prediction.actions.macs, prediction.traffic, prediction.energy
    pes, slower = prediction.arch.array.pes, prediction.at_predicted_clock
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "predicted",
        "model": prediction.model,
        "input_shape": list(next(iter(prediction.input_shapes.values()), ())),
        "input_shapes": {name: list(sizes) for name, sizes in prediction.input_shapes.items()},
        "frames": prediction.frames,
        "arch": arch_record(prediction.arch),
        "params": prediction.params,
        "macs": macs,
        "macs_dense": prediction.macs_dense,
        "macs_exported": prediction.macs_exported,
        "routing": prediction.routing or None,
        "experts": [{"layer": load.layer, "tokens": list(load.tokens)} for load in prediction.experts],
        "cycles_by_routing": prediction.cycles_by_routing,
        "instructions": prediction.instructions,
        "cycles": prediction.cycles.elapsed,
        "frequency_hz": prediction.arch.frequency_hz,
        "latency_s": prediction.latency_s,
        "fps": prediction.fps,
        "at_predicted_clock": None if slower is None else asdict(slower),
        "gops": prediction.gops,
        "gops_peak": peak_gops(prediction),
        "utilization": prediction.utilization,
        "bottleneck": prediction.bottleneck,
        "cycle_parts": cycle_parts(split_cycles(prediction.layers, pes)),
        "mac_slots": asdict(prediction.slots),
        "busy_cycles": asdict(prediction.busy),
        "dram_bytes": traffic.total_bytes,
        "dram_bytes_by_kind": asdict(traffic),
        "bandwidth_bytes_per_s": prediction.bandwidth_bytes_per_s,
        "bandwidth_available_bytes_per_s": available_bytes_per_s(prediction),
        "energy_j": energy.total_j,
        "energy_per_frame_j": energy.total_j / prediction.frames,
        "energy_parts_j": _joules(energy),
        "actions": asdict(prediction.actions),
        "activation_peak_bytes": peak_occupancy_bytes(prediction),
        "fits": not prediction.exceeded,
        "exceeded": list(prediction.exceeded),
        "area": None if prediction.use is None else _area(prediction.use),
        "blocks": [{"name": name, **_costs(layers, pes)} for name, layers in layers_by_block(prediction).items()],
        "layers": [
            {"name": layer.name, "op": layer.op, "block": layer.block, **_costs((layer,), pes)}
            for layer in prediction.layers
        ],
    }


def as_columns(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Return several predictions as one JSON object, in the order they stand side by side."""
    return {"schema_version": SCHEMA_VERSION, "columns": [as_record(prediction) for prediction in predictions]}


def arch_record(arch: Arch) -> dict[str, Any]:
    """Return a machine as JSON types: its TOML keys, and what follows from them."""
    record = asdict(arch)
    record["pe"] = str(arch.array)
    record["pes"] = arch.array.pes
    record["multipliers"] = arch.array.multipliers
    record["buffer_bytes"] = arch.buffers.total_bytes
    return record


def to_json(record: object) -> str:
    """Return JSON text with one key of an outer object, and one row of a table, a line; ends in a newline.

    Raises
    ------
    ValueError
        If a number is infinite or not a number.
    """
    return _lines(record, "") + "\n"


def _lines(value: object, indent: str) -> str:
    deeper = indent + "  "
    if isinstance(value, dict) and (not indent or any(_is_table(part) for part in value.values())):
        parts = [f"{deeper}{_compact(key)}: {_lines(part, deeper)}" for key, part in value.items()]
        return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
    if isinstance(value, list) and _is_table(value):
        return "[\n" + ",\n".join(deeper + _lines(part, deeper) for part in value) + f"\n{indent}]"
    return _compact(value)


def _is_table(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _costs(layers: Sequence[LayerCost], pes: int) -> dict[str, Any]:
    cost = merge(layers, "")
    return {
        "macs": cost.actions.macs,
        "cycles": cost.cycles.elapsed,
        "utilization": utilization(cost, pes),
        "dram_bytes": cost.traffic.total_bytes,
        "energy_j": cost.energy.total_j,
        "cycle_parts": cycle_parts(split_cycles(layers, pes)),
        "busy_cycles": asdict(cost.busy),
        "dram_bytes_by_kind": asdict(cost.traffic),
        "energy_parts_j": _joules(cost.energy),
    }


def _area(use: DeviceUse) -> dict[str, Any]:
    return {
        "device": use.device.title,
        "limit": use.limit,
        "logic_rows": use.logic_rows,
        "frequency_hz": None if use.frequency_mhz is None else use.frequency_mhz * 1e6,
        "total": asdict(use.total),
        "shares": dict(use.shares),
        "blocks": [{"block": block, **asdict(area)} for block, area in use.blocks.items()],
    }


def _joules(energy: EnergyParts) -> dict[str, float]:
    return {name.removesuffix("_pj"): value * 1e-12 for name, value in asdict(energy).items()}
