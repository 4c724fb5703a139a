"""What do compressed tokens and PE arrays cost? Sweep a small LookupViT over both, in one process.

Run it with ``python examples/tokens_and_arrays.py``; it exports to a temporary folder and prints a table.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from vitaccel import zoo
from vitaccel.arch import load_preset
from vitaccel.compiler import simulate

GRIDS = (3, 5)
ARRAYS = ("4x4", "8x8", "2x8x8")


def main() -> None:
    machine = load_preset("default")
    print("grid   " + "".join(f"{arrays:>12}" for arrays in ARRAYS) + "   cycles")
    with tempfile.TemporaryDirectory() as folder:
        for grid in GRIDS:
            model = zoo.export("lookupvit-micro", Path(folder) / f"grid{grid}.onnx", grid=grid)
            cycles = [simulate(model, machine.with_pe(arrays)).cycles.elapsed for arrays in ARRAYS]
            print(f"{grid}x{grid}    " + "".join(f"{count:>12,}" for count in cycles))


if __name__ == "__main__":
    main()
