"""What decides the area of a machine's accelerator."""

from __future__ import annotations

from collections.abc import Collection

from vitaccel.arch import Arch
from vitaccel.backends.rtl.assemble import machine_parameters
from vitaccel.backends.rtl.assemble_attention import KEPT_ROWS
from vitaccel_rtl.accelerator.isa import FEATURES
from vitaccel_rtl.accelerator.memories import MachineShape


def machine_shape(arch: Arch, features: Collection[str] = FEATURES) -> MachineShape:
    """Return the sizes of an accelerator, as :func:`vitaccel.backends.rtl.accelerator.accelerator_of` builds it.

    Parameters
    ----------
    arch, features
        Of that function.

    Raises
    ------
    UnsupportedError
        If there is no such accelerator.
    """
    sizes = machine_parameters(arch)
    names = ("side", "arrays", "activation_words", "weight_words", "logit_words", "parameter_sets")
    return MachineShape(
        **{name: sizes[name] for name in names},
        data_bits=arch.memory.bus_bits,
        burst_beats=arch.memory.burst_beats,
        outstanding=arch.memory.outstanding,
        moment_blocks=sizes["moment_blocks"] if "moments" in features else 0,
        kept_rows=KEPT_ROWS if "kept_logits" in features else 0,
        has_experts="experts" in features,
    )
