"""The accelerator of a machine description: what its gateware is built from."""
# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from vitaccel.arch import Arch
from vitaccel.backends.rtl.assemble import machine_parameters
from vitaccel.backends.rtl.assemble_attention import KEPT_ROWS
from vitaccel.backends.rtl.blocks.softmax import powers_of, reciprocal_of
from vitaccel.ir.plan import ROUTER_FRACTION_BITS
from vitaccel.reference.reciprocal import Reciprocal
from vitaccel.reference.rsqrt import Rsqrt
from vitaccel.reference.softmax import LONGEST_ROW, OnlineSoftmax
from vitaccel_rtl.accelerator.accelerator import Accelerator
from vitaccel_rtl.accelerator.isa import FEATURES, features_word

ADDRESS_BITS = 32
"""Of a byte in DRAM."""


def accelerator_of(arch: Arch, *, features: Collection[str] = FEATURES) -> Any:
    """Return the gateware of a machine, an ``amaranth.lib.wiring.Component``.

    Parameters
    ----------
    arch
        The machine.
    features
        Which of :data:`vitaccel_rtl.accelerator.isa.FEATURES` it has; ``moments`` only where it keeps any.

    Raises
    ------
    UnsupportedError
        If there is no such accelerator.
    """
    numerics, memory, root = arch.numerics, arch.memory, Rsqrt()
    features = set(features) - (set() if arch.buffers.moment_blocks else {"moments"})
    softmax = {
        **powers_of(numerics.logit_fraction_bits),
        "numerator_bits": numerics.numerator_bits,
        "sum_bits": OnlineSoftmax(numerics.logit_fraction_bits).sum_bits(LONGEST_ROW),
        "reciprocal": reciprocal_of(Reciprocal()),
    }
    router = {**powers_of(ROUTER_FRACTION_BITS), "reciprocal": reciprocal_of(Reciprocal())}
    return Accelerator(
        machine=machine_parameters(arch) | {"features": features_word(features)},
        softmax=softmax,
        rsqrt={"table": root.table, "entry_bits": root.entry_bits, "centre": root.centre},
        memory={
            "data_bits": memory.bus_bits,
            "burst_beats": memory.burst_beats,
            "outstanding": memory.outstanding,
            "address_bits": ADDRESS_BITS,
        },
        macs_per_multiplier=arch.array.macs_per_multiplier,
        kept_rows=KEPT_ROWS if "kept_logits" in features else 0,
        moment_blocks=arch.buffers.moment_blocks if "moments" in features else 0,
        router=router if "experts" in features else None,
    )
