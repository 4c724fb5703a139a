"""Everything that ``vitaccel gen-hls MODEL.onnx`` writes, as contents by file name."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from vitaccel.arch import Arch
from vitaccel.backends.rtl.memory_map import MemoryMap
from vitaccel.compiled_model.assembled import Assembled, Images, assembled_network
from vitaccel.compiled_model.model import check_machine, machine_sources
from vitaccel.execution import IntegerModel
from vitaccel.ir.layout import to_bytes
from vitaccel_sim.accelerator.delivered import MACHINE, MEMORY_MAP, MODEL, PROGRAM, WEIGHTS
from vitaccel_sim.accelerator.expectations import expected_of
from vitaccel_sim.accelerator.verify import Expected
from vitaccel_sim.delivery.hls.readme import README, readme
from vitaccel_sim.delivery.network.imported import integer_model

GOLDEN = "golden.bin"

NETWORK = "network.hpp"

NETWORK_TEXT = """\
// Where the network is in memory, and what is in golden.bin. Written by vitaccel gen-hls; do not edit.
#pragma once

#include <cstdint>

namespace network {{

struct Region {{
    uint64_t address, bytes;
}};

constexpr uint64_t MEMORY_BYTES = {memory_bytes};
constexpr uint64_t WEIGHTS = {weights:#x}, WEIGHTS_BYTES = {weights_bytes};
constexpr uint64_t PROGRAM_BYTES = {program_bytes};

constexpr Region INPUTS[] = {{{inputs}}};
constexpr Region OUTPUTS[] = {{{outputs}}};

// Of each image, golden.bin has the bytes of all inputs and then those of all outputs.
constexpr int IMAGES = {images};

}}  // namespace network
"""


@dataclass(frozen=True, kw_only=True)
class HlsNetwork:
    """A network with the C++ of its accelerator.

    Parameters
    ----------
    onnx
        The network as a file.
    assembled
        Its program, its weights, and where they stand.
    images
        The golden vectors.
    """

    onnx: bytes
    assembled: Assembled
    images: tuple[Expected, ...]

    @property
    def model(self) -> IntegerModel:
        """The network as the interpreter has it."""
        return self.assembled.model

    @property
    def sources(self) -> dict[str, str]:
        """The C++, and what compiles it, by file name."""
        arch, memory = self.assembled.model.arch, self.assembled.memory
        return machine_sources(arch) | {NETWORK: _network(memory, len(self.images))}

    @property
    def files(self) -> dict[str, bytes]:
        """Contents by file name; the README names all of them."""
        arch, memory, sources = self.assembled.model.arch, self.assembled.memory, self.sources
        texts = {
            **sources,
            MEMORY_MAP: memory.to_json(),
            MACHINE: json.dumps(asdict(arch), indent=1) + "\n",
            README: readme(memory, arch, sources, self.instructions, images=len(self.images)),
        }
        return {name: text.encode() for name, text in texts.items()} | {
            PROGRAM: self.assembled.program,
            WEIGHTS: self.assembled.weights,
            MODEL: self.onnx,
            GOLDEN: b"".join(_golden(memory, arch, image) for image in self.images),
        }

    @property
    def instructions(self) -> int:
        """Of the program."""
        return len(self.assembled.instructions.instructions)

    def record(self) -> dict[str, Any]:
        """Return what was made as JSON types."""
        memory = self.assembled.memory
        return {
            "model": memory.name,
            "function": "vitaccel_top",
            "instructions": self.instructions,
            "memory_bytes": memory.memory_bytes,
            "weights_bytes": memory.weights_bytes,
            "program_address": memory.program,
            "golden_images": len(self.images) * self.assembled.model.batch,
        }


def deliver_hls(
    onnx: bytes,
    name: str,
    arch: Arch,
    images: Images,
    *,
    said: Collection[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> HlsNetwork:
    """Return a network with everything that belongs to its C++.

    Parameters
    ----------
    onnx
        The quantized model, as a file.
    name
        What it is called.
    arch, said
        The machine, and the keys of it that its user wrote down; number formats of others are the model's.
    images
        Makes the golden images.
    say
        Called with the name of each step before it begins.

    Raises
    ------
    VitaccelError
        If the model cannot be run in integers, does not fit the machine, or takes what the accelerator does not have.
    """
    say("compile")
    check_machine(arch)
    assembled = assembled_network(integer_model(onnx, name, arch, said=said), name)
    say("run golden images")
    expected = tuple(expected_of(assembled.model, assembled.inputs(images)))
    return HlsNetwork(onnx=onnx, assembled=assembled, images=expected)


def _network(memory: MemoryMap, images: int) -> str:
    return NETWORK_TEXT.format(
        memory_bytes=memory.memory_bytes,
        weights=memory.weights,
        weights_bytes=memory.weights_bytes,
        program_bytes=memory.program_bytes,
        inputs=_regions(memory, memory.inputs),
        outputs=_regions(memory, memory.outputs),
        images=images,
    )


def _regions(memory: MemoryMap, names: Sequence[str]) -> str:
    return ", ".join(f"{{{memory.tensor(name).dram:#x}, {memory.tensor(name).dram_bytes}}}" for name in names)


def _golden(memory: MemoryMap, arch: Arch, image: Expected) -> bytes:
    """The bytes of an image's inputs and outputs, as they stand in memory."""

    def parts() -> Iterable[bytes]:
        for names, values in ((memory.inputs, image.inputs), (memory.outputs, image.outputs)):
            for name in names:
                yield to_bytes(values[name], memory.tensor(name).tensor, arch).tobytes()

    return b"".join(parts())
