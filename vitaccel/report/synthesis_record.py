"""What a design takes of a device, as JSON types."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from vitaccel.report.json_record import SCHEMA_VERSION
from vitaccel_rtl.synthesis.implement import Implementation


def synthesis_record(made: Implementation) -> dict[str, Any]:
    """Return a synthesis as JSON types; everything in it comes from the tools."""
    best = made.best
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "synthesized",
        "design": made.name,
        "target": made.device.name,
        "device": made.device.title,
        "available": asdict(made.device.total),
        "area": asdict(made.total),
        "shares": dict(made.device.shares(made.total)),
        "missing": list(made.missing),
        "logic_rows": made.logic_rows,
        "blocks": [{"block": path, **asdict(area)} for path, area in made.areas.items() if path],
        "frequency_hz": None if best is None else best.frequency_mhz * 1e6,
        "seed": None if best is None else best.seed,
        "path": list(made.path),
        "runs": [
            {
                "seed": timing.seed,
                "frequency_hz": timing.frequency_mhz * 1e6,
                "from": timing.start,
                "to": timing.end,
                "logic_s": timing.logic_ns * 1e-9,
                "routing_s": timing.routing_ns * 1e-9,
            }
            for timing in made.timings
        ],
        "failed_seeds": [{"seed": failed.seed, "error": failed.sentence} for failed in made.failed_seeds],
        "stages": [{"stage": stage.name, "seconds": stage.seconds} for stage in made.stages],
    }
