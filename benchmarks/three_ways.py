"""One program on three machines: generated RTL in Verilator, the C++ for HLS in g++, and the integer interpreter.

``python benchmarks/three_ways.py`` takes the models below; ``... vit-digits model.int8.onnx --pe 8x8`` these models, by
name or as files. What gen-rtl and gen-hls write must be the same ``program.bin``, ``weights.bin`` and
``memory_map.json``; then every tensor that the program writes must be the same three times, and the RTL must take the
cycles that were predicted. The first difference ends it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from vitaccel.arch import load_preset
from vitaccel.compiled_model.model import check_machine
from vitaccel.errors import VitaccelError
from vitaccel.ir.layout import to_bytes

if TYPE_CHECKING:
    from vitaccel.ir.graph import Graph
    from vitaccel_sim.accelerator.findings import Verification
    from vitaccel_sim.accelerator.verify import Expected
    from vitaccel_sim.delivery.hls.deliver import HlsNetwork
    from vitaccel_sim.delivery.network.deliver import Network

MODELS = (("vit-micro", "4x4"), ("lookupvit-micro", "4x4"), ("m3vit-micro", "4x4"), ("deit-tiny", "16x16"))
SHARED = ("program.bin", "weights.bin", "memory_map.json", "model.onnx")
"""Files that both commands write."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What was equal.

    Parameters
    ----------
    model, pe
        Which, on which machine.
    instructions
        Of the program.
    tensors, numbers
        That the program writes, and numbers in all of them.
    cycles
        Of the RTL, as predicted.
    rtl_s, hls_s, interpreter_s
        Processor seconds of a run, without building.
    """

    model: str
    pe: str
    instructions: int
    tensors: int
    numbers: int
    cycles: int
    rtl_s: float
    hls_s: float
    interpreter_s: float


def show(model: str, pe: str) -> Shown:
    """Run a model on a machine three ways and compare.

    Raises
    ------
    AssertionError
        If anything differs.
    """
    from vitaccel_sim.accelerator.expectations import expected_of

    rtl, hls, inputs = delivered(model, pe)
    memory = rtl.hardware.memory
    began = time.process_time()
    taps = [entry.name for entry in memory.tensors if entry.kind != "input"]
    (truth,) = expected_of(rtl.model, inputs, taps=taps)
    interpreter_s = time.process_time() - began
    of_cpp, hls_s = in_cpp(hls, truth)
    found, rtl_s = in_rtl(rtl, truth)
    (result,) = found.results
    for name in memory.outputs:
        of_rtl = to_bytes(result.outputs[name], memory.tensor(name).tensor, rtl.model.arch)
        assert of_cpp[name] == of_rtl.tobytes(), f"C++ and RTL must give the same {name}"
    return Shown(
        model=memory.name,
        pe=pe,
        instructions=hls.instructions,
        tensors=found.tensors,
        numbers=sum(values.size for values in {**truth.taps, **truth.outputs}.values()),
        cycles=result.cycles,
        rtl_s=rtl_s,
        hls_s=hls_s,
        interpreter_s=interpreter_s,
    )


def delivered(model: str, pe: str) -> tuple[Network, HlsNetwork, dict[str, np.ndarray]]:
    """What gen-rtl and gen-hls write, whose common files are the same, and an image."""
    from vitaccel.cli.quantized_source import golden_images, quantized_model
    from vitaccel_sim.delivery.hls.deliver import deliver_hls
    from vitaccel_sim.delivery.network.deliver import deliver_network

    onnx, subject, _ = quantized_model(model, lambda _: None)
    arch = load_preset("default").with_pe(pe)

    def images(graph: Graph) -> dict[str, np.ndarray]:
        return dict(golden_images(graph, subject, None, 1))

    rtl = deliver_network(onnx, subject.name, arch, images)
    hls = deliver_hls(onnx, subject.name, arch, images)
    of_rtl, of_hls = rtl.files, hls.files
    for name in SHARED:
        assert of_rtl[name] == of_hls[name], f"{name} must be the same of gen-rtl and of gen-hls"
    return rtl, hls, hls.assembled.inputs(images)


def in_cpp(hls: HlsNetwork, truth: Expected) -> tuple[dict[str, bytes], float]:
    """Outputs as they stand in memory, of a run that is compared, and its processor seconds."""
    from vitaccel.compiled_model.hls_model import HlsModel
    from vitaccel.compiled_model.model import library_of
    from vitaccel_sim.hls.verify import compare

    made = hls.assembled
    machine = HlsModel(library_of(made.model.arch), made.memory, program=made.program, weights=made.weights)
    began = time.process_time()
    mismatch = compare(machine, made.memory, truth)
    seconds = time.process_time() - began
    assert mismatch is None, f"C++: {mismatch}"
    return {name: machine.read(made.memory.tensor(name)).tobytes() for name in made.memory.outputs}, seconds


def in_rtl(rtl: Network, truth: Expected) -> tuple[Verification, float]:
    """What the verification of a run found, which is that all is right, and its processor seconds."""
    from vitaccel_sim.accelerator.behaviour import MemoryBehaviour
    from vitaccel_sim.accelerator.verify import verify

    rtl.hardware.model()
    began = time.process_time()
    memory = MemoryBehaviour(latency_cycles=rtl.model.arch.memory.latency_cycles)
    found = verify(rtl.hardware, [replace(truth, cycles=rtl.images[0].cycles)], behaviour=memory)
    seconds = time.process_time() - began
    (result,) = found.results
    assert result.is_equal, f"RTL: {result.failure or result.mismatch}"
    assert found.cycles_are_equal, f"cycles must be {result.cycles_predicted:,}, not {result.cycles:,}"
    return found, seconds


COLUMNS = "{:<16} {:>6} {:>12} {:>8} {:>10} {:>10} {:>8} {:>8} {:>12}"


def table(shown: Iterable[Shown]) -> Iterator[str]:
    """Yield what was equal as lines, each as soon as it is known."""
    yield COLUMNS.format("", "", "", "tensors", "numbers", "cycles of", "RTL", "C++", "interpreter")
    yield COLUMNS.format("model", "PEs", "instructions", "equal", "equal", "the RTL", "s", "s", "s")
    for each in shown:
        yield COLUMNS.format(
            each.model,
            each.pe,
            f"{each.instructions:,}",
            each.tensors,
            f"{each.numbers:,}",
            f"{each.cycles:,}",
            f"{each.rtl_s:.2f}",
            f"{each.hls_s:.2f}",
            f"{each.interpreter_s:.2f}",
        )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("models", nargs="*")
    parser.add_argument("--pe", default="4x4")
    chosen = parser.parse_args(arguments)
    asked = [(model, chosen.pe) for model in chosen.models] or MODELS
    try:
        check_machine(load_preset("default").with_pe(chosen.pe))
        for line in table(show(model, pe) for model, pe in asked):
            print(line, flush=True)
    except VitaccelError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
