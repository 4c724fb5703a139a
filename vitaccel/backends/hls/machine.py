"""``machine.hpp``: the machine that a directory is for, as the type that all headers take."""

from __future__ import annotations

from collections.abc import Mapping

from vitaccel.arch import Numerics
from vitaccel.backends.hls.tables import powers_type, reciprocal_type, rsqrt_type
from vitaccel.ir.plan import ROUTER_FRACTION_BITS
from vitaccel.reference.reciprocal import Reciprocal
from vitaccel.reference.rsqrt import Rsqrt
from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel_rtl.accelerator.isa import FEATURES, HEADER, MAGIC, VERSION, features_word

MACHINE = "machine.hpp"

TEXT = """\
// The machine, and the tables of its softmax, its router and its LayerNorm. Written by vitaccel gen-hls; do not edit.
#pragma once

#include <cstdint>

namespace vitaccel {{

{tables}
struct Machine {{
    using LogitPowers = ::vitaccel::LogitPowers;
    using RouterPowers = ::vitaccel::RouterPowers;
    using Reciprocal = SumReciprocal;
    using Rsqrt = VarianceRsqrt;

{constants}

    // The header of its programs; the number of instructions is the program's.
    static constexpr uint32_t HEADER[{fields}] = {{{header}}};
}};

}}  // namespace vitaccel
"""


def machine_header(parameters: Mapping[str, int], numerics: Numerics, *, kept_rows: int) -> str:
    """Return the text of ``machine.hpp``.

    Parameters
    ----------
    parameters
        What the header of a program says of its machine's sizes and formats, by field.
    numerics
        Of the machine.
    kept_rows
        Rows of logits whose statistics can be kept.
    """
    # Without a place for them a machine has no moments, and refuses programs that need some.
    has = [name for name in FEATURES if name != "moments" or parameters["moment_blocks"]]
    values = {"magic": MAGIC, "version": VERSION, "instructions": 0, "features": features_word(has), **parameters}
    constants = {
        **{name: value for name, value in parameters.items() if name != "numerics"},
        "numerator_bits": numerics.numerator_bits,
        "kept_rows": kept_rows,
    }
    tables = [
        powers_type("LogitPowers", OnlineSoftmax(numerics.logit_fraction_bits).exp2),
        powers_type("RouterPowers", OnlineSoftmax(ROUTER_FRACTION_BITS).exp2),
        reciprocal_type("SumReciprocal", Reciprocal()),
        rsqrt_type("VarianceRsqrt", Rsqrt()),
    ]
    return TEXT.format(
        tables="\n".join(tables),
        constants="\n".join(f"    static constexpr int {name.upper()} = {value};" for name, value in constants.items()),
        fields=len(HEADER),
        header=", ".join(f"{values[field.name]:#x}" for field in HEADER),
    )
