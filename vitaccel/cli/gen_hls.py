"""``vitaccel gen-hls``: a network with its accelerator as C++ for HLS tools, and for any compiler."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import click

from vitaccel.cli.json_option import JsonCommand, json_option
from vitaccel.cli.machines import machine_options
from vitaccel.cli.network_folder import one_machine, write_network
from vitaccel.cli.outcome import debug_option
from vitaccel.cli.terminal import note
from vitaccel.errors import VitaccelError

NEEDED = (("amaranth", "Amaranth", "rtl"), ("torch", "PyTorch", "torch"))
"""Module, what people call it, and the extra of vitaccel that installs it."""


@click.command("gen-hls", cls=JsonCommand)
@click.argument("model", metavar="MODEL")
@machine_options
@click.option("--inputs", type=click.Path(path_type=Path), metavar="FILE.npz", help="Golden images (default: digits of "
              "a model that was trained on them, else seeded noise).")  # fmt: skip
@click.option("--images", type=click.IntRange(min=1), metavar="N", help="Golden images [4].")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", required=True, help="The directory to "
              "write to.")  # fmt: skip
@json_option
@debug_option
def gen_hls(model: str, *, output: Path, json_path: str | None, **flags: Any) -> None:
    """Write MODEL with its accelerator as C++: vitaccel gen-hls model.onnx --pe 64 -o build_hls/.

    MODEL is a .onnx file, or a model of the zoo by its name; a float model is quantized with default calibration.
    """
    arch = one_machine(model, flags, output, json_path)
    _need()
    from vitaccel.compiled_model.model import check_machine
    from vitaccel_sim.delivery.hls.deliver import deliver_hls
    from vitaccel_sim.delivery.hls.readme import HLS_MARK, README

    check_machine(arch)
    made, written = write_network(model, flags, arch, deliver_hls, output, json_path, mark=HLS_MARK, index=README)
    note(f"wrote {len(written)} files in {output}: {made.instructions:,} instructions; make -C {output} runs them")


def _need() -> None:
    for module, name, extra in NEEDED:
        if importlib.util.find_spec(module) is None:
            raise VitaccelError(f"gen-hls needs {name}: pip install 'vitaccel[{extra}]'")
