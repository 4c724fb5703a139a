"""An evaluation as one JSON object; ``docs/json.md`` documents every key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from math import isfinite
from typing import Any

from vitaccel.evaluation.result import LOSS_DB, Evaluation, GateQuality, ImageGroup, LayerQuality
from vitaccel.evaluation.softmax_modes import softmax_mode
from vitaccel.report.json_record import SCHEMA_VERSION


def evaluation_record(found: Evaluation) -> dict[str, Any]:
    """Return an evaluation as JSON types; decibels that are infinite are ``None``."""
    first, routing = found.first_losing, found.routing
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "measured",
        "model": found.model,
        "data": found.data,
        "images": found.images,
        "float_top1": found.float_top1,
        "int_top1": found.int_top1,
        "agreement": found.agreement,
        "sqnr_db": _decibels(found.sqnr_db),
        "weight_bits": found.numerics.weight_bits,
        "softmax": softmax_mode(found.numerics),
        "calibration": found.calibration or None,
        "quantization": asdict(found.quantization) if found.quantization else None,
        "loss_limit_db": LOSS_DB,
        "first_losing": first.name if first else None,
        "layers": [_layer(layer) for layer in found.layers],
        "gate_agreement": found.gate_agreement,
        "gate_choice_agreement": found.choice_agreement,
        "gates": [_gate(gate) for gate in found.gates],
        "routing": {
            "same": _group(routing.same),
            "other": _group(routing.other),
            "rerouted": _group(routing.rerouted),
        }
        if routing
        else None,
    }


def evaluation_modes(found: Iterable[Evaluation]) -> dict[str, Any]:
    """Return evaluations of one model in several softmax modes as one JSON object."""
    return {"schema_version": SCHEMA_VERSION, "modes": [evaluation_record(one) for one in found]}


def _layer(layer: LayerQuality) -> dict[str, Any]:
    return {
        "name": layer.name,
        "op": layer.op,
        "value": layer.value,
        "sqnr_db": _decibels(layer.sqnr_db),
        "loss_db": _decibels(layer.loss_db),
        "source": layer.source or None,
    }


def _gate(gate: GateQuality) -> dict[str, Any]:
    return {
        "name": gate.name,
        "experts": gate.experts,
        "k": gate.k,
        "tokens": gate.tokens,
        "agreement": gate.agreement,
        "choice_agreement": gate.choice_agreement,
        "float_load": list(gate.float_load),
        "int_load": list(gate.int_load),
    }


def _group(group: ImageGroup) -> dict[str, Any]:
    return {"images": group.images, "agreement": group.agreement, "sqnr_db": _decibels(group.sqnr_db)}


def _decibels(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None
