"""Who is next: streams that share one output, word by word or row by row."""

import functools
import operator

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.stream import check_range

POLICIES = ("round-robin", "fixed")
"""``round-robin``: the sources behind the last one granted come first, then from 0 on. ``fixed``: the lowest source."""


def check_policy(what, policy):
    """Raise a ValueError of one sentence unless *policy* is one of `POLICIES`."""
    if policy not in POLICIES:
        raise ValueError(f"policy of {what} must be one of {', '.join(POLICIES)}, not {policy!r}")


def grant(m, requests, *, policy, moves, name):
    """Return the requests with all bits but one of them off: the source that is granted.

    Parameters
    ----------
    m
        The module that the logic becomes part of.
    requests
        A bit for each source.
    policy
        One of `POLICIES`. A request that stays waits for each other source once at most under ``round-robin``; after a
        reset source 0 is first.
    moves
        One bit: the granted source is served in this cycle, and is behind the others from now on.
    name
        Of the signals.
    """
    sources = len(requests)
    granted = Signal(sources, name=f"{name}_grant")
    if policy == "fixed":
        m.d.comb += granted.eq(_lowest(requests))
        return granted
    behind = Signal(sources, name=f"{name}_behind")  # the sources behind the last one granted
    first = Signal(sources, name=f"{name}_first")
    is_first = Signal(name=f"{name}_is_first")
    # Both answers are made before it is known which one holds: this is the longest path of what arbitrates.
    m.d.comb += [
        first.eq(requests & behind),
        is_first.eq(first.any()),
        granted.eq(Mux(is_first, _lowest(first), _lowest(requests))),
    ]
    with m.If(moves & requests.any()):
        m.d.sync += behind.eq(Mux(is_first, _below(first), _below(requests)))
    return granted


def select(granted, values):
    """Return the one of *values* whose bit of *granted* is on, and 0 if none is."""
    values = [Value.cast(value) for value in values]
    chosen = (Mux(bit, value, 0) for bit, value in zip(granted, values, strict=True))
    return functools.reduce(operator.or_, chosen)


def encode(granted):
    """Return the place of the bit that is on."""
    width = max((len(granted) - 1).bit_length(), 1)
    return Cat(Cat(bit for place, bit in enumerate(granted) if place >> w & 1).any() for w in range(width))


def _below(bits):
    """Return for each place whether a bit below it is on."""
    return Cat(bits[:place].any() for place in range(len(bits)))


def _lowest(bits):
    return bits & ~_below(bits)


class Arbiter(wiring.Component):
    """N streams into one, a word a cycle, through two registers.

    Parameters
    ----------
    shape
        Shape of the payload of every source; with *keep_until_last* a struct with ``last``.
    sources
        N, 2 to 32.
    policy
        ``round-robin`` (the default): the sources behind the one granted last come first. ``fixed``: the lowest source
        that has a word; the others may wait for ever.
    keep_until_last
        A source that was granted keeps the output until its word with ``last``, even while it has none to offer.

    Attributes
    ----------
    i : array of streams
        Words of *shape*.
    o : stream
        ``word`` (*shape*), ``source`` (the index of where it came from).

    The output is a register. A word waits to be granted, which accepts it, and is offered ``latency_cycles`` later; it
    is chosen before it is fetched, so that who is next and what it says are two short paths. Under ``round-robin`` the
    bound on that wait is N - 1 words of other sources (with *keep_until_last* N - 1 rows, from the first word of a row;
    the words of a row that has begun wait for nobody). ``i[k].ready`` follows from ``o.ready`` and from all ``i.valid``
    in the same cycle; no ``valid`` follows from a ``ready``.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or words that are to be kept together have no ``last``.
    """

    depends_on_when = True
    """Which source is next follows from who has a word to offer."""

    def __init__(self, shape, *, sources, policy="round-robin", keep_until_last=False):
        check_range("sources of an arbiter", sources, 2, 32)
        check_policy("an arbiter", policy)
        if keep_until_last and not (isinstance(shape, data.StructLayout) and "last" in shape.members):
            raise ValueError(f"words of an arbiter that keeps rows together must have a field 'last', not be {shape!r}")
        self._sources = sources
        self._policy = policy
        self._keep_until_last = keep_until_last
        self._shape = shape
        word = data.StructLayout({"word": shape, "source": unsigned((sources - 1).bit_length())})
        super().__init__(
            {
                "i": In(stream.Signature(shape)).array(sources),
                "o": Out(stream.Signature(word)),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from accepting a word to offering it."""
        return latency.ARBITER

    @property
    def interval_cycles(self):
        """Cycles from accepting a word of any source to the next of any, while results are taken as they come."""
        return latency.WORD_INTERVAL

    @property
    def bound_words(self):
        """Words (rows, if they are kept together) that one may wait for under round-robin; ``None``: any number."""
        return self._sources - 1 if self._policy == "round-robin" else None

    def elaborate(self, platform):
        m = Module()
        advance = Signal()
        valid = Signal(self._sources)
        is_owned = Signal()
        chosen = Signal(self._sources)
        m.d.comb += valid.eq(Cat(source.valid for source in self.i))
        granted = grant(m, valid, policy=self._policy, moves=advance & ~is_owned, name="source")
        if self._keep_until_last:
            granted = self._keep(m, advance, is_owned, chosen, valid, granted)
        for place, source in enumerate(self.i):
            m.d.comb += source.ready.eq(advance & granted[place])
        self._pass_word(m, advance, granted, chosen)
        return m

    def _keep(self, m, advance, is_owned, chosen, valid, first):
        """Return the grants: the owner of a row that has begun, else the *first* of a row, who then owns it."""
        owner = Signal(self._sources, reset_less=True)
        lasts = Signal(self._sources, reset_less=True)
        was_owned = Signal()
        # Who is granted is known late, so whether that word ends its row is found in the next cycle, beside the grant.
        m.d.comb += is_owned.eq(Mux(chosen.any(), (chosen & ~lasts).any(), was_owned))
        with m.If(advance):
            m.d.sync += [was_owned.eq(is_owned), lasts.eq(Cat(source.p.last for source in self.i))]
            with m.If(~is_owned):
                m.d.sync += owner.eq(first)
        return Mux(is_owned, owner & valid, first)

    def _pass_word(self, m, advance, granted, chosen):
        """The words of all sources into registers, and of these the granted one to the output."""
        width = Shape.cast(self._shape).width
        words = [Signal(width, name=f"word_{place}", reset_less=True) for place in range(self._sources)]
        word = Signal(width, reset_less=True)
        source = Signal.like(self.o.p.source, name="source", reset_less=True)
        full = Signal()
        m.d.comb += [
            advance.eq(~full | self.o.ready),
            self.o.valid.eq(full),
            Value.cast(self.o.p.word).eq(word),
            self.o.p.source.eq(source),
        ]
        with m.If(advance):
            m.d.sync += [
                chosen.eq(granted),
                *(kept.eq(Value.cast(incoming.payload)) for kept, incoming in zip(words, self.i, strict=True)),
                full.eq(chosen.any()),
                word.eq(select(chosen, words)),
                source.eq(encode(chosen)),
            ]
