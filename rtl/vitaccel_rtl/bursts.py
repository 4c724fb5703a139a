"""From the rows of a descriptor to the bursts that fetch or write them: no burst crosses 4 KiB or is too long.

    descriptor -> Extent (rows times bytes) -> Runs -> Extremes -> Pages -> Bursts

Every part passes one word a cycle, so that rows of a single beat keep the bus busy.
"""

from itertools import pairwise

from amaranth.hdl import Cat, Const, Module, Mux
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import dma_latency
from vitaccel_rtl.axi import PAGE_BYTES
from vitaccel_rtl.dma_job import descriptor_layout
from vitaccel_rtl.runs import Extent, Runs, run_bits, run_layout
from vitaccel_rtl.split import Split
from vitaccel_rtl.stream import SkidBuffer

PAGE_ADDRESS_BITS = PAGE_BYTES.bit_length() - 1


def burst_layout(geometry):
    """Layout of a burst: ``address`` of its first beat, its ``beats``, and whether it is the descriptor's ``last``."""
    return data.StructLayout(
        {"address": geometry.address_bits, "beats": range(geometry.longest_burst + 1), "last": 1},
    )


def _more_bits(geometry):
    """Bits of the number of pages that a run can reach beyond its first."""
    return run_bits(geometry) + 1 - PAGE_ADDRESS_BITS


def _extremes_layout(geometry):
    """Layout of a run by its ends: ``page`` and ``index`` of its first beat, ``more`` pages, ``final`` beat's index."""
    index = range(geometry.page_beats)
    page = geometry.address_bits - PAGE_ADDRESS_BITS
    return data.StructLayout({"page": page, "index": index, "final": index, "more": _more_bits(geometry), "last": 1})


def _chunk_layout(geometry):
    """Layout of beats within a page: the ``page``, the ``index`` of the first, how many there are."""
    page = geometry.address_bits - PAGE_ADDRESS_BITS
    index, beats = range(geometry.page_beats), range(geometry.page_beats + 1)
    return data.StructLayout({"page": page, "index": index, "beats": beats, "last": 1})


class Extremes(Split):
    """The beats of a run: from the one its first byte is in to the one its last byte is in."""

    def __init__(self, geometry):
        self._low = geometry.beat_address_bits
        layout = _extremes_layout(geometry)
        super().__init__(i=run_layout(geometry), o=layout, state=layout)

    def taken(self, m, word):
        final = word.bytes + word.address[:PAGE_ADDRESS_BITS] - 1
        return {
            "page": word.address[PAGE_ADDRESS_BITS:],
            "index": word.address[self._low : PAGE_ADDRESS_BITS],
            "final": final[self._low : PAGE_ADDRESS_BITS],
            "more": final[PAGE_ADDRESS_BITS:],
            "last": word.last,
        }

    def piece(self, m, state):
        return {name: state[name] for name in ("page", "index", "final", "more", "last")}, 1, {}


class Pages(Split):
    """The beats of a run, cut at multiples of 4 KiB."""

    def __init__(self, geometry):
        self._geometry = geometry
        index = range(geometry.page_beats)
        state = {
            "page": geometry.address_bits - PAGE_ADDRESS_BITS,
            "index": index,
            "final": index,
            "more": _more_bits(geometry),
            "fits": 1,
            "last": 1,
        }
        super().__init__(i=_extremes_layout(geometry), o=_chunk_layout(geometry), state=data.StructLayout(state))

    def taken(self, m, word):
        fields = {name: word[name] for name in ("page", "index", "final", "more", "last")}
        return fields | {"fits": word.more == 0}

    def piece(self, m, state):
        until = Mux(state.fits, state.final, self._geometry.page_beats - 1)
        chunk = {
            "page": state.page,
            "index": state.index,
            "beats": until - state.index + 1,
            "last": state.last & state.fits,
        }
        rest = {"page": state.page + 1, "index": 0, "more": state.more - 1, "fits": state.more == 1}
        return chunk, state.fits, rest


class Bursts(Split):
    """Beats of a page cut into bursts, all but the last as long as a burst may be."""

    def __init__(self, geometry):
        self._geometry = geometry
        layout = _chunk_layout(geometry)
        state = data.StructLayout({**layout.members, "fits": 1})
        super().__init__(i=layout, o=burst_layout(geometry), state=state)

    def taken(self, m, word):
        fields = {name: word[name] for name in ("page", "index", "beats", "last")}
        return fields | {"fits": word.beats <= self._geometry.longest_burst}

    def piece(self, m, state):
        longest = self._geometry.longest_burst
        burst = {
            "address": Cat(Const(0, self._geometry.beat_address_bits), state.index, state.page),
            "beats": Mux(state.fits, state.beats, longest),
            "last": state.last & state.fits,
        }
        rest = {
            "index": state.index + longest,
            "beats": state.beats - longest,
            "fits": state.beats <= 2 * longest,
        }
        return burst, state.fits, rest


class BurstCutter(wiring.Component):
    """The bursts of descriptors, in order.

    A run of n beats is cut at multiples of 4 KiB, and what lies between into bursts of ``longest_burst`` beats and one
    of the rest. One burst, one run and one descriptor pass a cycle; the first burst is offered
    ``dma_latency.BURST_CUTTER`` cycles after its descriptor was accepted.

    Parameters
    ----------
    geometry
        :class:`vitaccel_rtl.axi.Geometry`.

    Attributes
    ----------
    i : stream
        Of :func:`vitaccel_rtl.dma_job.descriptor_layout`.
    o : stream
        Of :func:`burst_layout`.
    """

    def __init__(self, geometry):
        self._geometry = geometry
        super().__init__(
            {"i": In(stream.Signature(descriptor_layout(geometry))), "o": Out(stream.Signature(burst_layout(geometry)))}
        )

    @property
    def latency_cycles(self):
        """Cycles from accepting a descriptor to offering its first burst."""
        return dma_latency.BURST_CUTTER

    def elaborate(self, platform):
        m = Module()
        shape = self._geometry
        parts = [kind(shape) for kind in (Extent, Runs, Extremes, Pages, Bursts)]
        # What is left decides in the same cycle whether a part is ready: no path leads through two such decisions.
        for kind in (Pages, Bursts):
            place = next(place for place, part in enumerate(parts) if isinstance(part, kind))
            parts.insert(place, SkidBuffer(parts[place].i.payload.shape()))
        parts.append(SkidBuffer(burst_layout(shape)))
        for place, part in enumerate(parts):
            m.submodules[f"{type(part).__name__.lower()}_{place}"] = part
        wiring.connect(m, wiring.flipped(self.i), parts[0].i)
        for part, following in pairwise(parts):
            wiring.connect(m, part.o, following.i)
        wiring.connect(m, parts[-1].o, wiring.flipped(self.o))
        return m
