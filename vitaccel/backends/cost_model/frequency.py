"""The clock that an accelerator reaches on a device, from place-and-routes of whole machines, where an open tool can.

``frequency_placed.csv`` has a row for each of them: the device, P, the number of arrays, the seed of the placer, the
frequency that nextpnr reports, and whether the model is not to see it. Of the seeds of a machine the fastest counts.
The period is a line over the logarithm of P, as wires grow with what they lead across.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from functools import cache
from importlib import resources

PLACED_FILE = "frequency_placed.csv"


@cache
def placed_mhz(device: str, *, is_held_out: bool = False) -> Mapping[int, float]:
    """Return the frequency of the machines of one array that were placed on a device, by P.

    Parameters
    ----------
    device
        A key of :data:`vitaccel_rtl.synthesis.devices.DEVICES`.
    is_held_out
        Those that :func:`predicted_mhz` does not see, instead of those that it is made of.
    """
    text = (resources.files("vitaccel.backends.cost_model") / PLACED_FILE).read_text(encoding="utf-8")
    found: dict[int, float] = {}
    for row in csv.DictReader(text.splitlines()):
        if (row["device"], row["arrays"], row["held_out"]) == (device, "1", str(int(is_held_out))):
            side = int(row["side"])
            found[side] = max(found.get(side, 0.0), float(row["mhz"]))
    return dict(sorted(found.items()))


def predicted_mhz(device: str, side: int) -> float | None:
    """Return the frequency of a machine of one array, ``None`` unless machines of two P or more were placed.

    Parameters
    ----------
    device
        As of :func:`placed_mhz`.
    side
        P.
    """
    placed = placed_mhz(device)
    if len(placed) < 2:
        return placed.get(side)
    places = [math.log2(each) for each in placed]
    periods = [1e3 / each for each in placed.values()]
    middle, mean = sum(places) / len(places), sum(periods) / len(periods)
    spread = sum((place - middle) ** 2 for place in places)
    slope = sum((at - middle) * (ns - mean) for at, ns in zip(places, periods, strict=True)) / spread
    return 1e3 / max(min(periods), mean + slope * (math.log2(side) - middle))
