"""What an accelerator takes of an FPGA, predicted for any P, number of arrays, bus and buffers.

Multipliers are counted (:mod:`vitaccel_rtl.accelerator.products`). Block RAMs follow from the memories
(:mod:`vitaccel_rtl.accelerator.memories`) and how Yosys makes one (:mod:`vitaccel_rtl.synthesis.memory_mapping`). LUTs
and registers are sums over blocks, each of a few terms, whose coefficients ``benchmarks/area.py`` fits to syntheses and
keeps in ``area_terms.csv``. Beside that nothing is read, and nothing is run.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib import resources

from vitaccel_rtl.accelerator.memories import MachineShape, memories
from vitaccel_rtl.accelerator.products import products
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.memory_mapping import area_of_memory

TERMS_FILE = "area_terms.csv"

BLOCKS = (
    "array",
    "cores",
    "kept",
    "moments",
    "issue",
    "lanes",
    "experts",
    "buffer",
    "sets",
    "load",
    "store",
    "control",
)
"""What areas are told of: the PEs; what else each array has of its own; what logits are kept with; what takes moments
of rows; what leads tiles to arrays; the vector engine without and with routing, gather and scatter-add; the buffer of
activations and its clients' choices; the parameter buffer; the DMA engines; registers, fetching and handing out
instructions."""

FITTED = ("luts", "ram_luts", "flip_flops")
"""Fields of an :class:`Area` that are sums of terms."""


LOGIC_PRODUCT = Area(luts=82, flip_flops=18, multipliers=-1)
"""What a product of 8 x 8 bits takes of an ECP5 that is made of LUTs, and its register, which a multiplier has."""


def terms(shape: MachineShape) -> dict[str, int]:
    """Return every term of a machine by name."""
    side, arrays = shape.side, shape.arrays
    line_bits = max(1, shape.activation_words // 8 - 1).bit_length()
    return {
        "machine": 1,
        "arrays": arrays,
        "PEs": arrays * side * side,
        "lanes": side,
        "lanes of arrays": arrays * side,
        "turned": side * (side - 1).bit_length(),
        "turned of arrays": arrays * side * (side - 1).bit_length(),
        "bytes of beats": shape.data_bits // 8,
        "address bits": arrays * line_bits,
        "with moments": int(shape.moment_blocks > 0),
        "arrays with moments": arrays if shape.moment_blocks else 0,
    }


def present(shape: MachineShape) -> tuple[str, ...]:
    """Return the blocks that a machine has."""
    absent = {"kept"} if not shape.kept_rows else set()
    absent |= set() if shape.moment_blocks else {"moments"}
    absent |= set() if shape.has_experts else {"experts"}
    return tuple(block for block in BLOCKS if block not in absent)


def families() -> tuple[str, ...]:
    """Return the targets that areas can be predicted for."""
    return tuple(dict.fromkeys(target for target, *_ in coefficients()))


def is_fitted(shape: MachineShape, target: str) -> bool:
    """Whether every block that a machine has was fitted for a target."""
    fitted = {block for family, block, *_ in coefficients() if family == target}
    return fitted >= set(present(shape))


@cache
def coefficients() -> Mapping[tuple[str, str, str, str], float]:
    """Return the coefficients by target, block, resource and term."""
    text = (resources.files("vitaccel.backends.cost_model") / TERMS_FILE).read_text(encoding="utf-8")
    return {
        (row["target"], row["block"], row["resource"], row["term"]): float(row["coefficient"])
        for row in csv.DictReader(text.splitlines())
    }


def predict_area(shape: MachineShape, macs_per_multiplier: int, target: str, *, logic_rows: int = 0) -> dict[str, Area]:
    """Return the area of every block that a machine has.

    Parameters
    ----------
    shape, macs_per_multiplier
        As of :func:`vitaccel_rtl.accelerator.products.products`.
    target
        A target; LUTs and registers of blocks that were not fitted for it are 0 (:func:`is_fitted`).
    logic_rows
        Rows of each array whose products are LUTs of an ECP5.
    """
    values = terms(shape)
    sums: dict[str, dict[str, float]] = {block: dict.fromkeys(FITTED, 0.0) for block in present(shape)}
    for (family, block, resource, term), coefficient in coefficients().items():
        if family == target and block in sums:
            sums[block][resource] += coefficient * values[term]
    block_rams = {
        block: sum(area_of_memory(each, target).block_rams for each in listed)
        for block, listed in memories(shape).items()
    }
    multipliers = products(shape, macs_per_multiplier)
    areas = {
        block: Area(
            **{name: round(value) for name, value in found.items()},
            multipliers=multipliers.get(block, 0),
            block_rams=block_rams.get(block, 0),
        )
        for block, found in sums.items()
    }
    for _ in range(logic_rows * shape.side * shape.arrays):
        areas["array"] += LOGIC_PRODUCT
    return areas


def total_area(areas: Mapping[str, Area]) -> Area:
    """Return the sum over the blocks."""
    return sum(areas.values(), start=Area())
