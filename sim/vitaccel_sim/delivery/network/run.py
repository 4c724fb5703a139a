"""Run the bench of a delivered network: ``python -m vitaccel_sim.delivery.network.run``, as its Makefile does."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from vitaccel.errors import VitaccelError
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import Verilog
from vitaccel_sim.accelerator.delivered import TOP, VERILOG
from vitaccel_sim.cocotb_runner import BenchResult, run_bench
from vitaccel_sim.delivery.run import BUILD_FOLDER, CANNOT_RUN, FAILED, FINE, WAVEFORMS
from vitaccel_sim.verilate import BuildError

MODULE = f"test_{TOP}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench, or lint, of the network in the current folder; print what passed and what failed.

    Returns
    -------
    int
        0 fine, 1 a test failed or Verilator warned, 2 it cannot be run.
    """
    asked = _parser().parse_args(arguments)
    try:
        return _lint() if asked.lint else _run(asked)
    except (OSError, ValueError, BuildError, RuntimeError, VitaccelError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
        return CANNOT_RUN


def _parser() -> argparse.ArgumentParser:
    said = main.__doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(prog="vitaccel_sim.delivery.network.run", description=said)
    parser.add_argument("--simulator", choices=WAVEFORMS, default="verilator")
    parser.add_argument("--images", type=int, default=1, help="golden images to run (default: the first)")
    parser.add_argument("--seed", type=int, default=0, help="of stalls")
    parser.add_argument("--test", help="one test of the bench")
    parser.add_argument("--waves", action="store_true", help=f"leave a waveform, {TOP}.vcd or {TOP}.fst")
    parser.add_argument("--lint", action="store_true", help="print Verilator's warnings instead")
    return parser


def _run(asked: argparse.Namespace) -> int:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # the simulator's Python looks where this one does
    result = run_bench(
        _verilog(),
        MODULE,
        seed=asked.seed,
        parameters={"folder": here, "images": asked.images},
        testcase=asked.test,
        waveform=Path(f"{TOP}{WAVEFORMS[asked.simulator]}") if asked.waves else None,
        simulator=asked.simulator,
        folder=BUILD_FOLDER,
    )
    _show(result)
    return FINE if result.passed and not result.failed else FAILED


def _show(result: BenchResult) -> None:
    for test in result.passed:
        print(f"  passed  {test}")  # noqa: T201
    for test, message in result.failed.items():
        print(f"  FAILED  {test}: {message}")  # noqa: T201
    if not result.passed and not result.failed:
        print("  FAILED  no test ran")  # noqa: T201
    if result.waveform is not None:
        print(f"  wrote {result.waveform}")  # noqa: T201


def _lint() -> int:
    said = lint(_verilog())
    print("\n".join(said) if said else f"{VERILOG}: no warnings")  # noqa: T201
    return FAILED if said else FINE


def _verilog() -> Verilog:
    return Verilog(name=TOP, text=Path(VERILOG).read_text(encoding="utf-8"), ports=())


if __name__ == "__main__":
    raise SystemExit(main())
