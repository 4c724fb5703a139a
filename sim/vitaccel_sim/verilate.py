"""Verilator builds of components as shared libraries, each made once: what goes in is what it is found by again.

Verilator writes C++, and the compiler is called here, not by Verilator's makefile: Verilator's own runtime is compiled
once for all builds, which is most of the time that a small component takes.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from amaranth.lib import wiring

from vitaccel_rtl.lint import WAIVERS, verilator_environment, verilator_folder
from vitaccel_rtl.verilog import Verilog, to_verilog
from vitaccel_sim.model import LIBRARY, Model

BUILD_FOLDER = Path("build", "verilated")
"""Where builds are kept, from the folder a command runs in."""

SHIM = (Path(__file__).with_name("model.h"), Path(__file__).with_name("model.cpp"))

FLAGS = ("-std=gnu++17", "-fPIC", "-march=native", "-faligned-new", "-pthread", "-I.")
UNUSED = ("VM_COVERAGE", "VM_SC", "VM_TIMING", "VM_TRACE", "VM_TRACE_FST", "VM_TRACE_SAIF", "VM_TRACE_VCD")
"""Parts of Verilator that its headers ask about."""

RESERVED = ("interrupt",)
"""Names of ports that Verilator does not leave as they are."""

RUNTIME = ("verilated", "verilated_threads")
"""Files of Verilator's runtime that every build needs."""

TRACED = {"options": ("--trace-vcd",), "defines": ("VM_TRACE", "VM_TRACE_VCD"), "runtime": ("verilated_vcd_c",)}
"""What a build with waveforms has more."""


class BuildError(Exception):
    """Verilator or the C++ compiler refused a component."""


def build(
    design: wiring.Component | Verilog,
    *,
    name: str = "top",
    seed: int = 1,
    sources: Mapping[str, str] | None = None,
    waves: bool = False,
    visible: Sequence[str] = (),
    options: Sequence[str] = (),
    optimize: str = "-O3",
    folder: Path = BUILD_FOLDER,
) -> Model:
    """Return a component as a model in this process, compiled by Verilator unless it has been before.

    Parameters
    ----------
    design
        A component with a clock, or its Verilog.
    name
        Of the top module, for a component.
    seed
        Of the values that Verilog leaves open, memories without initial values for one.
    sources
        More C++ by file name, on top of ``model.h``: :meth:`vitaccel_sim.model.Model.function` finds its functions.
    waves
        Whether :meth:`vitaccel_sim.model.Model.trace` can write waveforms; a build of its own, as it is slower.
    visible
        Names of signals and memories inside, in whatever module, that :meth:`vitaccel_sim.model.Model.variable` finds.
    options, optimize
        Of Verilator, and of the C++ compiler.
    folder
        Of all builds; a build's own folder is called by the hash of what it is made of.

    Raises
    ------
    BuildError
        If a tool refuses it, with what the tool said.
    """
    verilog = design if isinstance(design, Verilog) else to_verilog(design, name=name)
    texts = {path.name: path.read_text() for path in SHIM}
    texts["visible.vlt"] = "".join(
        ["`verilator_config\n", *(f'public_flat_rd -module "*" -var "{name}"\n' for name in visible)]
    )
    parts = TRACED if waves else {}
    place = compiled(
        verilog,
        LIBRARY,
        sources={**texts, "ports.h": _port_table(verilog), **(sources or {})},
        options=(*options, *parts.get("options", ()), "visible.vlt"),
        defines=parts.get("defines", ()),
        runtime=(*RUNTIME, *parts.get("runtime", ())),
        link=("-shared",),
        optimize=optimize,
        folder=folder,
    )
    return Model(place / LIBRARY, verilog.ports, seed=seed)


def compiled(
    verilog: Verilog,
    product: str,
    *,
    sources: dict[str, str],
    options: Sequence[str] = (),
    defines: Sequence[str] = (),
    runtime: Sequence[str] = RUNTIME,
    link: Sequence[str] = (),
    optimize: str = "-O3",
    folder: Path = BUILD_FOLDER,
) -> Path:
    """Return the folder that holds *product*, made of a component and C++ *sources* unless it is there.

    Parameters
    ----------
    verilog
        The component; its class in C++ is ``Vtop``.
    product
        Name of the library or program.
    sources
        C++ by file name; those in ``.cpp`` are compiled.
    options
        Of Verilator.
    defines
        Parts of :data:`UNUSED` that are used.
    runtime
        Files of Verilator's runtime.
    link
        Options of the linker.
    optimize
        Of the C++ compiler: less where a simulation waits for Python anyhow.
    folder
        Of all builds.

    Raises
    ------
    BuildError
        If a tool refuses it, with what the tool said.
    """
    verilate = [
        *("verilator", "--cc", "-Mdir", ".", "--prefix", "Vtop", "--top-module", verilog.name, "-O3", "-Wall"),
        *("--x-assign", "fast", "--x-initial", "unique", "--output-split", "0", "--quiet", *options),
        *("waivers.vlt", "top.sv"),
    ]
    settings = tuple(f"-D{part}={int(part in defines)}" for part in UNUSED)
    compiler = [_gxx(), *FLAGS, *_includes(), *settings, optimize, "-o", product, "unity.cpp"]

    def make(making: Path) -> None:
        _run(verilate, making)
        parts = sorted({path.name for path in making.glob("*.cpp")} - {"Vtop__ALL.cpp"})
        (making / "unity.cpp").write_text("".join(f'#include "{part}"\n' for part in parts))
        _run([*compiler, str(_runtime(runtime, settings, folder)), *link], making)

    texts = {"waivers.vlt": WAIVERS.read_text(), "top.sv": verilog.text, **sources}
    return cached(texts, [*verilate, *compiler, *runtime, *link], folder, make)


def cached(sources: dict[str, str], command: Sequence[str], folder: Path, make: Callable[[Path], None]) -> Path:
    """Return the folder of a build, made by *make* from *sources* unless it is there.

    Two processes may build the same: each builds in a folder of its own, and the first to finish is kept.

    Parameters
    ----------
    sources
        Texts by file name, written into the folder before *make* is called with it.
    command
        What else the build depends on.
    folder
        Of all builds.
    """
    parts = [*command, _compiler(), *(f"{name}\n{text}" for name, text in sorted(sources.items()))]
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    place = folder.resolve() / key
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="making-") as temporary:
        making = Path(temporary, "build")
        making.mkdir()
        for name, text in sources.items():
            (making / name).write_text(text)
        make(making)
        try:
            making.rename(place)
        except OSError:
            if not place.exists():
                raise
    return place


def _runtime(parts: Sequence[str], settings: Sequence[str], folder: Path) -> Path:
    """Return Verilator's runtime as an archive."""
    compiler = [_gxx(), *FLAGS, *_includes(), *settings, "-O2", "-c"]

    def make(making: Path) -> None:
        include = verilator_folder() / "include"
        _run([*compiler, *(str(include / f"{part}.cpp") for part in parts)], making)
        _run(["ar", "rcs", "runtime.a", *(f"{part}.o" for part in parts)], making)

    return cached({}, [*compiler, *parts], folder, make) / "runtime.a"


def _run(command: Sequence[str], folder: Path) -> None:
    environment = verilator_environment()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        tool = Path(command[0]).name
        raise BuildError(f"{tool} must accept the component, but says: {(done.stderr or done.stdout).strip()}")


def _includes() -> tuple[str, ...]:
    include = verilator_folder() / "include"
    return f"-I{include}", f"-I{include / 'vltstd'}"


def _port_table(verilog: Verilog) -> str:
    """Return ports.h: names as Verilator has them in C++."""
    names = [_name_in_cpp(port.name) for port in verilog.ports if port.width]
    return f"#define PORTS(X) {' '.join(f'X({name})' for name in names)}\n#define CLOCK clk\n"


def _name_in_cpp(name: str) -> str:
    """Return ``a___05Fb`` for ``a__b``, and for a word that Verilator reserves the name that it gives it."""
    return f"__SYM__{name}" if name in RESERVED else name.replace("__", "___05F")


def _gxx() -> str:
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    if compiler is None:
        raise BuildError("a C++ compiler must be installed, and g++ is not")
    return compiler


@functools.cache
def _compiler() -> str:
    """Return what tells one compiler and processor from another: a build for one need not run on the other."""
    command = [_gxx(), *FLAGS, "-dM", "-E", "-x", "c++", os.devnull]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
