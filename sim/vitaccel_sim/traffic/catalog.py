"""The traffic of every block by its name."""

from __future__ import annotations

from vitaccel_sim.traffic import softmax
from vitaccel_sim.traffic.case import Traffic

TRAFFIC: dict[str, Traffic] = {
    traffic.block: traffic
    for traffic in (
        softmax.STATISTICS,
        softmax.NUMERATORS,
    )
}
