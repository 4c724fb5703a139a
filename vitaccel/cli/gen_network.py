"""``vitaccel gen-rtl MODEL``: a network on its accelerator, as a directory that an engineer can pick up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vitaccel.cli.network_folder import one_machine, write_network
from vitaccel.cli.terminal import note
from vitaccel.errors import OutputError


def generate_network(model: str, flags: Mapping[str, Any], output: Path | None, json_path: str | None) -> None:
    """Write the directory, and say what was written.

    Parameters
    ----------
    model
        A ``.onnx`` file, in float or quantized, or a name of the zoo.
    flags
        Of the command: ``pe``, ``preset``, ``arch_file``, ``settings``, ``inputs``, ``images``.
    output, json_path
        The directory; where the record goes.

    Raises
    ------
    VitaccelError
        If the machine or the model is refused, or something cannot be written.
    """
    if output is None:
        raise OutputError(f"an output directory must be given, as in vitaccel gen-rtl {model} --pe 64 -o build/")
    arch = one_machine(model, flags, output, json_path)
    from vitaccel.backends.rtl.assemble import machine_parameters
    from vitaccel_sim.delivery.network.deliver import deliver_network
    from vitaccel_sim.delivery.network.readme import NETWORK_MARK, README

    machine_parameters(arch)
    made, written = write_network(
        model, flags, arch, deliver_network, output, json_path, mark=NETWORK_MARK, index=README
    )
    speed = f", {made.cycles:,} cycles a run, {made.utilization:.1%} utilization"
    note(f"wrote {len(written)} files in {output}: {made.instructions:,} instructions{speed}; README.md says the rest")
