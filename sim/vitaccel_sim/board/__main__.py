"""``python -m vitaccel_sim.board DIR``: golden images of a delivered network on the simulated system of a board."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vitaccel.errors import EXIT_NO, VitaccelError
from vitaccel_sim.accelerator.delivered import read_delivery
from vitaccel_sim.board.golden import run_golden


def main() -> int:
    """Run them, say what became of each, and return 0 if all are right, 1 if not."""
    parser = argparse.ArgumentParser(prog="vitaccel_sim.board", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="what vitaccel gen-rtl wrote")
    parser.add_argument("--images", type=int, help="the first so many golden images only")
    asked = parser.parse_args()
    try:
        delivered = read_delivery(asked.folder)
    except VitaccelError as error:
        parser.error(str(error))
    runs = []
    for run in run_golden(delivered, images=asked.images, say=lambda step: print(step, file=sys.stderr)):  # noqa: T201
        runs.append(run)
        said = "every number is the interpreter's" if run.is_equal else "not equal to the interpreter"
        print(f"{run.cycles:,} cycles, {said}", flush=True)  # noqa: T201
    return 0 if all(run.is_equal for run in runs) else EXIT_NO


if __name__ == "__main__":
    raise SystemExit(main())
