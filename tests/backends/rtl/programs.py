"""Programs of the accelerator for tests: a small one of every operation, and a strategy that draws any."""

from __future__ import annotations

from hypothesis import strategies as st

from vitaccel.backends.rtl.program_file import PARAMETERS, Coded, ProgramFile
from vitaccel_rtl.accelerator.isa import OPERATIONS

MACHINE = {
    "side": 8,
    "arrays": 1,
    "activation_words": 8192,
    "weight_words": 4096,
    "parameter_sets": 1024,
    "logit_words": 512,
    "moment_blocks": 16,
    "numerics": 0x060808,
    "features": 7,
}

SMALL = ProgramFile(
    machine=MACHINE,
    instructions=(
        Coded(operation="load", fields={"dram": 0x8000, "rows": 4, "row_bytes": 64, "stride_bytes": 64, "step": 8}),
        Coded(
            operation="matmul",
            fields={
                "wait_load": 1,
                "depth": 8,
                "row_blocks": 2,
                "n_tiles": 1,
                "last_rows": 5,
                "has_table": 1,
                "table": 1,
            },
        ),
        Coded(operation="lane", fields={"wait_compute": 1, "function": 4, "has_b": 1, "channels": 16, "shift": 3}),
        Coded(
            operation="attention",
            fields={"wait_compute": 1, "wait_vector": 1, "mode": 1, "heads": 3, "expert": 2, "has_expert": 1},
        ),
        Coded(operation="store", fields={"wait_compute": 2, "dram": 0xFFFF0000, "buffer": 3, "row_bytes": 40}),
    ),
)

words = st.integers(0, (1 << 32) - 1)


@st.composite
def coded(draw: st.DrawFn) -> Coded:
    """An instruction with some of its fields, any number in each."""
    operation = draw(st.sampled_from(list(OPERATIONS.values())))
    bits = {placed.field.name: placed.field.bits for placed in operation.places if placed.field.name != "operation"}
    chosen = draw(st.lists(st.sampled_from(list(bits)), unique=True, max_size=8))
    return Coded(
        operation=operation.name, fields={name: draw(st.integers(1, (1 << bits[name]) - 1)) for name in chosen}
    )


programs = st.builds(
    ProgramFile,
    machine=st.fixed_dictionaries(dict.fromkeys(PARAMETERS, words)),
    instructions=st.lists(coded(), max_size=4).map(tuple),
)
