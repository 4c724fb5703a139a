"""Whether the C++ of an accelerator computes what the interpreter does: outputs, and tensors on the way."""

from __future__ import annotations

from vitaccel.arch import Arch
from vitaccel.backends.rtl.memory_map import MemoryMap
from vitaccel.compiled_model.hls_model import HlsModel
from vitaccel.ir.layout import from_bytes, to_bytes
from vitaccel_sim.accelerator.findings import Mismatch, first_mismatch
from vitaccel_sim.accelerator.verify import POISON, Expected


def compare(model: HlsModel, memory: MemoryMap, expected: Expected) -> Mismatch | None:
    """Run an image and compare.

    Parameters
    ----------
    model, memory
        The compiled network.
    expected
        The image, and what must come of it.

    Returns
    -------
    Mismatch or None
        The wrong number that stands first in the order of the program.

    Raises
    ------
    HlsError
        If the program is refused or does not end.
    """
    arch = Arch().with_pe(f"{memory.side}x{memory.side}")
    for name in memory.inputs:
        entry = memory.tensor(name)
        model.load(entry.dram, to_bytes(expected.inputs[name], entry.tensor, arch).tobytes())
    for name in memory.outputs:
        entry = memory.tensor(name)
        model.load(entry.dram, bytes([POISON]) * entry.dram_bytes)
    numbers = {**expected.taps, **expected.outputs}
    # An output is compared in memory, where a host reads it.
    wanted = [entry for entry in memory.tensors if entry.name in expected.taps and entry.name not in expected.outputs]
    found = list(model.tensors(wanted))
    found += [(entry, model.read(entry)) for entry in map(memory.tensor, memory.outputs)]
    wrong = [first_mismatch(each, numbers[each.name], from_bytes(raw, each.tensor, arch)) for each, raw in found]
    return min((each for each in wrong if each), key=lambda each: each.instruction, default=None)
