"""The runs of a descriptor: its rows, or all of them as one where they follow each other without a gap."""

from amaranth.hdl import Cat, Const, Mux
from amaranth.lib import data

from vitaccel_rtl.dma_job import descriptor_layout
from vitaccel_rtl.split import Split

FACTOR_BITS = 17
"""Of a factor: an unsigned one of 17 bits is one input of an 18 x 18 multiplier."""


def _extent_layout(geometry):
    """What is kept of a descriptor for its runs; the bytes of all rows are two products that are still to be added."""
    low = min(FACTOR_BITS, geometry.length_bits)
    return data.StructLayout(
        {
            **descriptor_layout(geometry).members,
            "is_one_run": 1,
            "low": geometry.rows_bits + low,
            "high": geometry.rows_bits + geometry.length_bits - low,
        }
    )


def run_bits(geometry):
    """Bits of the bytes of a run: all that the address space can hold."""
    return min(geometry.address_bits, geometry.rows_bits + geometry.length_bits)


def run_layout(geometry):
    """Layout of a run: its ``address`` and ``bytes``, and whether it is the descriptor's ``last``."""
    return data.StructLayout({"address": geometry.address_bits, "bytes": run_bits(geometry), "last": 1})


class Extent(Split):
    """Compares stride and length of the rows, and multiplies: no factor is wider than a multiplier's input."""

    def __init__(self, geometry):
        self._geometry = geometry
        layout = _extent_layout(geometry)
        super().__init__(i=descriptor_layout(geometry), o=layout, state=layout)

    def taken(self, m, word):
        fields = {name: word[name] for name in descriptor_layout(self._geometry).members}
        return fields | {
            "is_one_run": word.stride_bytes == word.row_bytes,
            "low": word.rows * word.row_bytes[:FACTOR_BITS],
            "high": word.rows * word.row_bytes[FACTOR_BITS:],
        }

    def piece(self, m, state):
        return {name: state[name] for name in _extent_layout(self._geometry).members}, 1, {}


class Runs(Split):
    """The runs of a descriptor: its rows, or one run when they follow each other without a gap."""

    def __init__(self, geometry):
        state = {
            **run_layout(geometry).members,
            "rows": geometry.rows_bits,
            "stride_bytes": geometry.length_bits,
        }
        super().__init__(i=_extent_layout(geometry), o=run_layout(geometry), state=data.StructLayout(state))

    def taken(self, m, word):
        total = word.low + Cat(Const(0, FACTOR_BITS), word.high)
        return {
            "address": word.address,
            "bytes": Mux(word.is_one_run, total, word.row_bytes),
            "last": word.is_one_run | (word.rows == 1),
            "rows": word.rows,
            "stride_bytes": word.stride_bytes,
        }

    def piece(self, m, state):
        run = {name: state[name] for name in ("address", "bytes", "last")}
        rest = {
            "address": state.address + state.stride_bytes,
            "rows": state.rows - 1,
            "last": state.rows == 2,
        }
        return run, state.last, rest
