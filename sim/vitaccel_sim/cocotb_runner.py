"""Run a cocotb bench on a component: Verilator or Icarus, builds made once, seeds that repeat, waveforms, coverage."""

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
from vitaccel_sim.verilate import BUILD_FOLDER, cached, compiled

PARAMETERS = "VITACCEL_BENCH_PARAMETERS"
COVERAGE = "VITACCEL_BENCH_COVERAGE"
"""Environment variables that name files: the values a bench gets in the simulator's process, the hits it leaves."""

PUBLIC_PORTS = '`verilator_config\npublic_flat_rw -module "{top}" -var "*"\n'
"""What Verilator must leave as it is."""


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
    code
        Verilator's coverage of lines and toggles, if it was asked for.
    """

    passed: tuple[str, ...]
    failed: dict[str, str]
    seed: int
    waveform: Path | None
    coverage: dict[str, int]
    code: str = ""

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
    simulator: str = "verilator",
    code_coverage: bool = False,
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
        Where to write the run as VCD (Verilator) or FST (Icarus); a build of its own, as it is slower.
    simulator
        ``verilator`` or ``icarus``.
    code_coverage
        Whether Verilator counts lines and toggles; a build of its own, as it is slower.
    name
        Of the top module, for a component.
    folder
        Of all builds.

    Returns
    -------
    BenchResult
        Also when tests fail; :meth:`BenchResult.check` raises then.

    Raises
    ------
    ValueError
        If there is no such simulator, or Icarus is asked for coverage of code.
    """
    if simulator not in SIMULATORS:
        raise ValueError(f"a simulator must be one of {', '.join(SIMULATORS)}, not {simulator}")
    verilog = design if isinstance(design, Verilog) else to_verilog(design, name=name)
    seed = random.SystemRandom().randrange(2**31) if seed is None else seed % 2**31
    print(f"{module} on {verilog.name} in {simulator}: seed {seed}")  # noqa: T201
    build = SIMULATORS[simulator]
    place = build(verilog, folder, waves=waveform is not None, code_coverage=code_coverage)
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        (here / "parameters.json").write_text(json.dumps(dict(parameters or {})))
        extra = {
            PARAMETERS: str(here / "parameters.json"),
            COVERAGE: str(here / "coverage.json"),
        }
        runner = _Run(simulator, verilog.name, module, place, here, seed)
        runner.test(testcase, extra, waves=waveform is not None)
        passed, failed = _results(here / "results.xml")
        if waveform is not None:
            waveform.write_bytes((here / DUMPS[simulator]).read_bytes())
        hits = json.loads((here / "coverage.json").read_text()) if (here / "coverage.json").exists() else {}
        code = (here / "coverage.dat").read_text() if code_coverage else ""
    return BenchResult(passed=passed, failed=failed, seed=seed, waveform=waveform, coverage=hits, code=code)


def bench_parameters() -> dict[str, Any]:
    """Return, in the simulator's process, the parameters that :func:`run_bench` was given."""
    parameters: dict[str, Any] = json.loads(Path(os.environ[PARAMETERS]).read_text())
    return parameters


def coverage_file() -> Path:
    """Return, in the simulator's process, where to leave coverage: ``Coverage.write(coverage_file())``."""
    return Path(os.environ[COVERAGE])


def _build_verilator(verilog: Verilog, folder: Path, *, waves: bool, code_coverage: bool) -> Path:
    libraries = cocotb_tools.config.libs_dir
    main = cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
    # All that a bench looks at is ports; the rest, unless it is to be seen, Verilator may optimize away.
    public = "--public-flat-rw" if waves or code_coverage else "public.vlt"
    options, defines, runtime = ["--vpi", public], [], ["verilated", "verilated_threads", "verilated_vpi"]
    if waves:
        options += ["--trace"]
        defines += ["VM_TRACE", "VM_TRACE_VCD"]
        runtime += ["verilated_vcd_c"]
    if code_coverage:
        options += ["--coverage-line", "--coverage-toggle"]
        defines += ["VM_COVERAGE"]
        runtime += ["verilated_cov"]
    return compiled(
        verilog,
        verilog.name,
        sources={"main.cpp": main.read_text(), "public.vlt": PUBLIC_PORTS.format(top=verilog.name)},
        options=options,
        defines=defines,
        runtime=runtime,
        link=(f"-Wl,-rpath,{libraries}", f"-L{libraries}", "-lcocotbvpi_verilator"),
        optimize="-O0" if code_coverage else "-O1",
        folder=folder,
    )


def _build_icarus(verilog: Verilog, folder: Path, *, waves: bool, code_coverage: bool) -> Path:
    """Return the folder of a simulation by Icarus; it is made in a moment, and counts no lines."""
    if code_coverage:
        raise ValueError("coverage of code must be asked of verilator, not of icarus")

    def make(making: Path) -> None:
        get_runner("icarus").build(
            sources=[making / "top.sv"],
            hdl_toplevel=verilog.name,
            build_dir=making,
            build_args=["-g2012"],
            timescale=("1ns", "1ps"),
            waves=waves,
            log_file=making / "build.log",
        )

    return cached({"top.sv": verilog.text}, ["icarus", "-g2012", str(waves)], folder, make)


SIMULATORS = {"verilator": _build_verilator, "icarus": _build_icarus}
"""How each simulation is built."""

DUMPS = {"verilator": "dump.vcd", "icarus": "dump.fst"}
"""The waveform that each leaves."""


@dataclass(frozen=True)
class _Run:
    """One run of a simulation that was built."""

    simulator: str
    top: str
    module: str
    place: Path
    here: Path
    seed: int

    def test(self, testcase: str | None, extra: dict[str, str], *, waves: bool) -> None:
        # cocotb's runner raises SystemExit for a simulator that fails; what failed is in its results.
        here = self.here
        # Icarus would write where the simulation was built, and that folder was renamed since.
        dump = [f"+dumpfile_path={here / DUMPS['icarus']}"] if waves and self.simulator == "icarus" else []
        try:
            get_runner(self.simulator).test(
                test_module=self.module, hdl_toplevel=self.top, hdl_toplevel_lang="verilog", build_dir=self.place,
                test_dir=here, seed=self.seed, testcase=testcase, waves=waves, extra_env=extra, plusargs=dump,
                results_xml=str(here / "results.xml"), log_file=here / "log",
            )  # fmt: skip
        except SystemExit as error:
            if not (here / "results.xml").exists():
                said = (here / "log").read_text()
                raise RuntimeError(f"{self.simulator} must run the bench, but says: {said}") from error


def _results(path: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    passed, failed = [], {}
    for case in ElementTree.parse(path).iter("testcase"):
        broken = case.find("failure") if case.find("failure") is not None else case.find("error")
        if broken is None:
            passed.append(case.get("name", ""))
        else:
            failed[case.get("name", "")] = broken.get("message") or broken.get("error_msg") or (broken.text or "")
    return tuple(passed), failed
