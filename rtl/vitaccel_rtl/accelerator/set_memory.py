"""The memory of parameter sets, with a copy for every engine that reads them."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_formats import SET_BITS, STORED_BITS
from vitaccel_rtl.accelerator.isa import COUNT
from vitaccel_rtl.accelerator.word_memory import WordMemory
from vitaccel_rtl.stream import check_range

WRITE = ("write_valid", "write_address", "write_word")


def set_run(sets):
    """Signature of who reads runs of so many sets: ``start``, ``address``, ``count``; ``valid``, ``word``, ``last``."""
    return wiring.Signature(
        {
            "start": Out(1),
            "address": Out(range(sets)),
            "count": Out(COUNT),
            "valid": In(1),
            "word": In(STORED_BITS),
            "last": In(1),
        }
    )


class SetMemory(wiring.Component):
    """Copies, written together, of a :class:`~vitaccel_rtl.accelerator.word_memory.WordMemory` of parameter sets.

    Of the 64 bits of a set the first 62 are kept and read.

    Parameters
    ----------
    sets
        Parameter sets, 1 to 1,048,576.
    readers
        Copies, 1 to 8.

    Attributes
    ----------
    write_valid, write_address, write_word : Signal, in
        A write to all copies.
    reads : array of runs, in
        For each copy a run as in `WordMemory`: ``start``, ``address``, ``count``, and ``latency_cycles`` later
        ``valid``, ``word``, ``last``.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, sets, readers):
        check_range("sets of a set memory", sets, 1, 1 << 20)
        check_range("readers of a set memory", readers, 1, 8)
        self._sets = sets
        super().__init__(
            {
                "write_valid": In(1),
                "write_address": In(range(sets)),
                "write_word": In(SET_BITS),
                "reads": In(set_run(sets)).array(readers),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from the start of a run to its first set."""
        return latency.READ_RUN

    def elaborate(self, platform):
        m = Module()
        for place, run in enumerate(self.reads):
            copy = WordMemory(bits=STORED_BITS, words=self._sets)
            m.submodules[f"copy_{place}"] = copy
            m.d.comb += [getattr(copy, name).eq(getattr(self, name)) for name in WRITE]
            m.d.comb += [getattr(copy, name).eq(getattr(run, name)) for name in ("start", "address", "count")]
            m.d.comb += [getattr(run, name).eq(getattr(copy, name)) for name in ("valid", "word", "last")]
        return m
