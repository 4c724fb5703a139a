"""The runs of a descriptor: its rows, or all of them as one where they follow each other without a gap."""

from amaranth.hdl import Cat, Const, Mux
from amaranth.lib import data

from vitaccel_rtl.dma_job import descriptor_layout
from vitaccel_rtl.split import Split


def _extent_layout(geometry):
    """A descriptor with the bytes of all its rows, as two partial sums that are still to be added."""
    half = (geometry.rows_bits + 1) // 2
    return data.StructLayout(
        {
            **descriptor_layout(geometry).members,
            "low": geometry.length_bits + half,
            "high": geometry.length_bits + geometry.rows_bits - half,
        }
    )


def run_bits(geometry):
    """Bits of the bytes of a run: all that the address space can hold."""
    return min(geometry.address_bits, geometry.rows_bits + geometry.length_bits)


def run_layout(geometry):
    """Layout of a run: its ``address`` and ``bytes``, and whether it is the descriptor's ``last``."""
    return data.StructLayout({"address": geometry.address_bits, "bytes": run_bits(geometry), "last": 1})


class Extent(Split):
    """Multiplies the rows by their bytes, half of the rows' bits at a time."""

    def __init__(self, geometry):
        self._geometry = geometry
        self._half = (geometry.rows_bits + 1) // 2
        layout = _extent_layout(geometry)
        super().__init__(i=descriptor_layout(geometry), o=layout, state=layout)

    def taken(self, m, word):
        fields = {name: word[name] for name in descriptor_layout(self._geometry).members}
        rows = word.rows
        return fields | {"low": word.row_bytes * rows[: self._half], "high": word.row_bytes * rows[self._half :]}

    def piece(self, m, state):
        return {name: state[name] for name in _extent_layout(self._geometry).members}, 1, {}


class Runs(Split):
    """The runs of a descriptor: its rows, or one run when they follow each other without a gap."""

    def __init__(self, geometry):
        self._half = (geometry.rows_bits + 1) // 2
        state = {
            **run_layout(geometry).members,
            "rows": geometry.rows_bits,
            "stride_bytes": geometry.length_bits,
        }
        super().__init__(i=_extent_layout(geometry), o=run_layout(geometry), state=data.StructLayout(state))

    def taken(self, m, word):
        is_one_run = word.stride_bytes == word.row_bytes
        total = word.low + Cat(Const(0, self._half), word.high)
        return {
            "address": word.address,
            "bytes": Mux(is_one_run, total, word.row_bytes),
            "last": is_one_run | (word.rows == 1),
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
