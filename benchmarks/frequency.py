"""Frequencies of whole accelerators: placed and routed by nextpnr, and predicted by the cost model.

``python benchmarks/frequency.py`` prints the table of ``docs/synthesis.md`` from what is in ``frequency_placed.csv`` of
the cost model. A row is what ``vitaccel synth DIR --board ulx3s`` says of vit-digits there, in 15 to 30 minutes.
"""

from __future__ import annotations

import sys

from vitaccel.backends.cost_model.frequency import placed_mhz, predicted_mhz
from vitaccel_rtl.synthesis.devices import DEVICES


def table() -> list[str]:
    """Predicted against placed, a line a machine, and the worst error of those that the model does not see."""
    lines = [f"{'machine':40}{'MHz':>7}{'predicted':>11}{'error':>8}"]
    worst: list[float] = []
    for name, device in DEVICES.items():
        fitted, held_out = placed_mhz(name), placed_mhz(name, is_held_out=True)
        for side, placed in sorted((fitted | held_out).items()):
            said = predicted_mhz(name, side)
            line = f"{f'{device.title}, {side}x{side}':38}{'*' if side in held_out else ' ':2}{placed:>7.1f}"
            if said is None:
                lines.append(f"{line}{'-':>11}{'-':>8}")
                continue
            error = said / placed - 1
            worst += [abs(error)] if side in held_out else []
            lines.append(f"{line}{said:>11.1f}{error:>8.1%}")
    return [*lines, f"worst error of those held out (*): {f'{max(worst):.1%}' if worst else 'none'}"]


def main() -> int:
    """Print the table."""
    print("\n".join(table()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
