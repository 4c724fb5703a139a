"""Where the words of a descriptor lie in the beats of its bursts: one plan a word, ahead of the data.

Reading and writing follow the same plan: a word begins at byte ``start`` of a beat and lies in ``span + 1`` beats.
Rows that follow each other without a gap share the beat between them; every other row begins with a beat of its own.
"""

from amaranth.hdl import Module, Mux
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import dma_latency
from vitaccel_rtl.dma_job import descriptor_layout
from vitaccel_rtl.split import Split
from vitaccel_rtl.stream import SkidBuffer


def plan_layout(geometry):
    """Layout of a word's plan.

    Returns
    -------
    data.StructLayout
        ``start``: byte of the beat that the word begins in; ``span``: beats that it lies in, less one; ``count``: its
        bytes, less than P at the end of a row; ``begins``: it is the first of its first beat, which is to be fetched;
        ``ends``: the beat that it ends in is complete; ``last_of_row`` and ``last``, of the descriptor.
    """
    return data.StructLayout(
        {
            "start": geometry.beat_address_bits,
            "span": geometry.span_bits,
            "count": range(geometry.word_bytes + 1),
            "begins": 1,
            "ends": 1,
            "last_of_row": 1,
            "last": 1,
        }
    )


def _state_layout(geometry):
    """A row's ``left`` bytes from ``start`` in its beat on; what is needed for the rows after it."""
    return data.StructLayout(
        {
            "start": geometry.beat_address_bits,
            "left": geometry.length_bits,
            "opens": 1,
            "is_last_word": 1,
            "is_last_row": 1,
            "is_one_run": 1,
            "rows": geometry.rows_bits,
            "row_bytes": geometry.length_bits,
            "row_start": geometry.beat_address_bits,
            "stride": geometry.beat_address_bits,
            "is_one_word": 1,
        }
    )


class WordSplit(Split):
    """The words of descriptors, one a cycle."""

    def __init__(self, geometry):
        self._geometry = geometry
        super().__init__(i=descriptor_layout(geometry), o=plan_layout(geometry), state=_state_layout(geometry))

    def taken(self, m, word):
        low = self._geometry.beat_address_bits
        is_one_word = word.row_bytes <= self._geometry.word_bytes
        return {
            "start": word.address[:low],
            "left": word.row_bytes,
            "opens": 1,
            "is_last_word": is_one_word,
            "is_last_row": word.rows == 1,
            "is_one_run": word.row_bytes == word.stride_bytes,
            "rows": word.rows,
            "row_bytes": word.row_bytes,
            "row_start": word.address[:low],
            "stride": word.stride_bytes[:low],
            "is_one_word": is_one_word,
        }

    def piece(self, m, state):
        word_bytes, low = self._geometry.word_bytes, self._geometry.beat_address_bits
        count_bits = word_bytes.bit_length()
        count = Mux(state.is_last_word, state.left[:count_bits], word_bytes)
        until = state.start + count
        ends_row = state.is_last_word
        ends_run = ends_row & (state.is_last_row | ~state.is_one_run)
        ends = ends_row & state.is_last_row
        plan = {
            "start": state.start,
            "span": (until - 1)[low:],
            "count": count,
            "begins": state.opens | (state.start == 0),
            "ends": ends_run | (until[:low] == 0),
            "last_of_row": ends_row,
            "last": ends,
        }
        next_row_start = (state.row_start + state.stride)[:low]
        rest = {
            "start": Mux(ends_row & ~state.is_one_run, next_row_start, until[:low]),
            "left": Mux(ends_row, state.row_bytes, state.left - word_bytes),
            "opens": ends_row & ~state.is_one_run,
            "is_last_word": Mux(ends_row, state.is_one_word, state.left <= 2 * word_bytes),
            "is_last_row": Mux(ends_row, state.rows == 2, state.is_last_row),
            "rows": Mux(ends_row, state.rows - 1, state.rows),
            "row_start": Mux(ends_row, next_row_start, state.row_start),
        }
        return plan, ends, rest


class WordPlan(wiring.Component):
    """The plans of the words of descriptors, in order, one a cycle.

    Parameters
    ----------
    geometry
        :class:`vitaccel_rtl.axi.Geometry`.

    Attributes
    ----------
    i : stream
        Of :func:`vitaccel_rtl.dma_job.descriptor_layout`.
    o : stream
        Of :func:`plan_layout`.
    """

    def __init__(self, geometry):
        self._geometry = geometry
        super().__init__(
            {"i": In(stream.Signature(descriptor_layout(geometry))), "o": Out(stream.Signature(plan_layout(geometry)))}
        )

    @property
    def latency_cycles(self):
        """Cycles from accepting a descriptor to offering the plan of its first word."""
        return dma_latency.WORD_PLAN

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = WordSplit(self._geometry)
        m.submodules.skid = skid = SkidBuffer(plan_layout(self._geometry))
        wiring.connect(m, wiring.flipped(self.i), words.i)
        wiring.connect(m, words.o, skid.i)
        wiring.connect(m, skid.o, wiring.flipped(self.o))
        return m
