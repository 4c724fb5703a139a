"""Run delivered benches: ``python -m vitaccel_sim.delivery.run NAME``, as their Makefile does in their folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import Verilog
from vitaccel_sim.cocotb_runner import BenchResult, run_bench
from vitaccel_sim.delivery.vectors import from_text
from vitaccel_sim.verilate import BuildError

BUILD_FOLDER = Path("sim_build")
"""Where simulations are kept; the second run finds the first one's."""

WAVEFORMS = {"verilator": ".vcd", "icarus": ".fst"}

FINE, FAILED, CANNOT_RUN = 0, 1, 2
"""Exit codes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benches, or lint, of blocks in the current folder; print what passed and what failed.

    Returns
    -------
    int
        0 fine, 1 a test failed or Verilator warned, 2 it cannot be run.
    """
    asked = _parser().parse_args(arguments)
    codes = []
    for name in asked.names:
        try:
            codes.append(_lint(name) if asked.lint else _run(name, asked))
        except (OSError, ValueError, BuildError, RuntimeError) as error:
            print(f"error: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
            codes.append(CANNOT_RUN)
    return max(codes, default=FINE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vitaccel_sim.delivery.run", description=main.__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a block: NAME.sv, NAME.json and test_NAME.py")
    parser.add_argument("--simulator", choices=WAVEFORMS, default="verilator")
    parser.add_argument("--seed", type=int, help="of idle and stalled cycles (default: that of the words)")
    parser.add_argument("--test", help="one test of the bench")
    parser.add_argument("--waves", action="store_true", help="leave a waveform, NAME.vcd or NAME.fst")
    parser.add_argument("--lint", action="store_true", help="print Verilator's warnings instead")
    return parser


def _run(name: str, asked: argparse.Namespace) -> int:
    vectors = from_text(Path(f"{name}.json").read_text(encoding="utf-8"))
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # the simulator's Python looks where this one does
    result = run_bench(
        _verilog(name),
        f"test_{name}",
        seed=vectors["seed"] if asked.seed is None else asked.seed,
        parameters=vectors["parameters"],
        testcase=asked.test,
        waveform=Path(f"{name}{WAVEFORMS[asked.simulator]}") if asked.waves else None,
        simulator=asked.simulator,
        folder=BUILD_FOLDER,
    )
    _show(result, name, asked)
    return FINE if result.passed and not result.failed else FAILED


def _show(result: BenchResult, name: str, asked: argparse.Namespace) -> None:
    for test in result.passed:
        print(f"  passed  {test}")  # noqa: T201
    for test, message in result.failed.items():
        print(f"  FAILED  {test}: {message}")  # noqa: T201
    if result.failed and not asked.waves:
        again = f"make {name} SIM={asked.simulator} SEED={result.seed} TEST={next(iter(result.failed))} WAVES=1"
        print(f"  with a waveform: {again}")  # noqa: T201
    if not result.passed and not result.failed:
        print("  FAILED  no test ran")  # noqa: T201
    if result.waveform is not None:
        print(f"  wrote {result.waveform}")  # noqa: T201


def _lint(name: str) -> int:
    said = lint(_verilog(name))
    print("\n".join(said) if said else f"{name}.sv: no warnings")  # noqa: T201
    return FAILED if said else FINE


def _verilog(name: str) -> Verilog:
    return Verilog(name=name, text=Path(f"{name}.sv").read_text(encoding="utf-8"), ports=())


if __name__ == "__main__":
    raise SystemExit(main())
