"""Where expert queues are kept: linked lists in block memory, their ends and lengths in small memories.

An entry's address is its token and the rank of the choice, so that neither is stored. A queue is two chains, of its
even and of its odd entries: an entry links to the one after the next. A walk then has two cycles from an address to
the next of the same chain, one for the memory and one for a register behind it, and still gives an entry a cycle.
"""

from amaranth.hdl import Array as Choice
from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.probability import PROBABILITY_BITS
from vitaccel_rtl.stream import Stages, check_range


def bits_of(count):
    """Width of a number below *count*: at least 1."""
    return max((count - 1).bit_length(), 1)


class QueueShape:
    """Widths and depths of queues, and the layouts of their streams.

    Parameters
    ----------
    rows
        Lanes of all row-blocks of a job, with and without a token: *tokens* to 4194304.
    tokens
        Of a job at most, 1 to 16384.
    experts
        1 to 256.
    k
        Most choices of a token, 1 to *experts* and 16 at most.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, rows, tokens, experts, k):
        check_range("tokens of queues", tokens, 1, 1 << 14)
        check_range("rows of queues", rows, tokens, 1 << 22)
        check_range("experts of queues", experts, 1, 256)
        check_range("k of queues", k, 1, min(experts, 16))
        self.experts = experts
        self.rank_bits = (k - 1).bit_length()
        self.token_bits = bits_of(tokens)
        self.entries = ((k - 1) << self.token_bits) + tokens
        self.rank = unsigned(bits_of(k))
        self.expert = unsigned(bits_of(experts))
        self.token = unsigned(self.token_bits)
        self.address = unsigned(self.token_bits + self.rank_bits)
        self.length = unsigned(tokens.bit_length())
        self.row = unsigned(bits_of(rows))
        score = unsigned(PROBABILITY_BITS)
        self.stored = data.StructLayout({"row": self.row, "score": score})
        self.job = data.StructLayout({"capacity": self.length, "by_choice": 1})
        self.request = data.StructLayout({"place": self.expert, "by_length": 1, "entries": 1})
        self.answer = data.StructLayout({"expert": self.expert, "length": self.length})
        self.entry = data.StructLayout({"token": self.token, "row": self.row, "score": score, "last": 1})

    @property
    def lists(self):
        """Lists that are kept: one for every expert and rank, of which drop order `token` uses those of rank 0."""
        return self.experts << self.rank_bits

    def list_of(self, expert, rank, by_rank):
        """Place of the list of an expert and a rank; of rank 0 unless lists are kept by rank."""
        return Cat(Mux(by_rank, rank, 0)[: self.rank_bits], expert)

    @property
    def memory_bits(self):
        """Bits of all memories: links and entries, then both ends and counts of lists, then lengths of queues."""
        block = self.entries * (self.address.width + self.stored.size)
        ends = self.lists * (4 * self.address.width + self.length.width)
        return block + ends + self.experts * self.length.width


class QueueMemory(wiring.Component):
    """Appends an entry to a list a cycle, or walks lists.

    Parameters
    ----------
    shape
        :class:`QueueShape`.

    Attributes
    ----------
    forget : Signal, in
        All queues are empty from the next cycle on.
    limit : Signal, in
        Length beyond which a queue does not grow. What is appended later is in its list, behind the end of the queue.
    by_rank : Signal, in
        An expert has a list for each rank, and its queue is all of them in order of rank; otherwise one.
    add, add_expert, add_rank, add_list, add_token, add_entry : Signal, in
        Append an entry to the list of its expert and rank. Of a rank and token, once.
    expert, rank : Signal, in
        Whose *length* (of the queue), *count* (of the list; may be more) and *heads* (of the two chains of the list, as
        far as it reaches) are shown, a cycle later.
    walk, address : Signal, in
        Read an entry. The registers of this path load where *walk* is high.
    link, entry : Signal, out
        Of the address of two such cycles before: the address of the entry after the next, and what is stored.
    """

    def __init__(self, shape):
        self._shape = shape
        super().__init__(
            {
                "forget": In(1),
                "limit": In(shape.length),
                "by_rank": In(1),
                "add": In(1),
                "add_expert": In(shape.expert),
                "add_rank": In(shape.rank),
                "add_list": In(range(shape.lists)),
                "add_token": In(shape.token),
                "add_entry": In(shape.stored),
                "expert": In(shape.expert),
                "rank": In(shape.rank),
                "length": Out(shape.length),
                "count": Out(shape.length),
                "heads": Out(data.ArrayLayout(shape.address, 2)),
                "walk": In(1),
                "address": In(shape.address),
                "link": Out(shape.address),
                "entry": Out(shape.stored),
            }
        )

    def elaborate(self, platform):
        m = Module()
        address = Signal(self._shape.address)
        m.d.comb += address.eq(Cat(self.add_token, self.add_rank[: self._shape.rank_bits]))
        linked, before = self._append(m, address)
        self._count_queues(m)
        self._keep_entries(m, address, linked, before)
        return m

    def _begun(self, m, place, places):
        """Say of each place whether it was added to since the job came; else it is empty, whatever a memory holds."""
        begun = Signal(places)
        with m.If(self.forget):
            m.d.sync += begun.eq(0)
        with m.Elif(self.add):
            m.d.sync += begun.eq(begun | (1 << place))
        return Choice(begun[n] for n in range(places))

    def _append(self, m, address):
        """Keep both ends of each list. Returns whether the new entry is linked to, and from which address."""
        shape = self._shape
        ends = data.StructLayout({"older": shape.address, "newer": shape.address, "count": shape.length})
        m.submodules.tails = tails = memory.Memory(shape=ends, depth=shape.lists, init=[])
        heads = [memory.Memory(shape=shape.address, depth=shape.lists, init=[]) for _ in range(2)]
        m.submodules.head_even, m.submodules.head_odd = heads
        into, shown = self.add_list, Signal(range(shape.lists))
        m.d.comb += shown.eq(shape.list_of(self.expert, self.rank, self.by_rank))
        old, new, read = tails.read_port(domain="comb"), tails.write_port(), tails.read_port(domain="comb")
        begun = self._begun(m, into, shape.lists)
        begins = ~begun[into]
        second = ~begins & (old.data.count == 1)
        m.d.comb += [
            old.addr.eq(into),
            new.addr.eq(into),
            new.en.eq(self.add),
            new.data.older.eq(old.data.newer),
            new.data.newer.eq(address),
            new.data.count.eq(Mux(begins, 1, old.data.count + 1)),
            read.addr.eq(shown),
        ]
        m.d.sync += self.count.eq(Mux(begun[shown], read.data.count, 0))
        for head, first, out in zip(heads, (begins, second), self.heads, strict=True):
            write, look = head.write_port(), head.read_port(domain="comb")
            m.d.comb += [
                write.addr.eq(into),
                write.data.eq(address),
                write.en.eq(self.add & first),
                look.addr.eq(shown),
            ]
            m.d.sync += out.eq(look.data)
        return self.add & ~begins & ~second, old.data.older

    def _count_queues(self, m):
        """Keep the length of each queue."""
        shape = self._shape
        m.submodules.lengths = lengths = memory.Memory(shape=shape.length, depth=shape.experts, init=[])
        begun = self._begun(m, self.add_expert, shape.experts)
        old, new, read = lengths.read_port(domain="comb"), lengths.write_port(), lengths.read_port(domain="comb")
        m.d.comb += [
            old.addr.eq(self.add_expert),
            new.addr.eq(self.add_expert),
            new.en.eq(self.add & ~(begun[self.add_expert] & (old.data == self.limit))),
            new.data.eq(Mux(begun[self.add_expert], old.data + 1, 1)),
            read.addr.eq(self.expert),
        ]
        m.d.sync += self.length.eq(Mux(begun[self.expert], read.data, 0))

    def _keep_entries(self, m, address, linked, before):
        """Block memories: what is stored of an entry, and its link, which is written when it is known."""
        shape = self._shape
        m.submodules.entries = entries = memory.Memory(shape=shape.stored, depth=shape.entries, init=[])
        m.submodules.links = links = memory.Memory(shape=shape.address, depth=shape.entries, init=[])
        write = entries.write_port()
        m.d.comb += [write.addr.eq(address), write.data.eq(self.add_entry), write.en.eq(self.add)]
        link = links.write_port()
        link_enable = Signal()
        link_address, link_data = Signal(shape.address, reset_less=True), Signal(shape.address, reset_less=True)
        m.d.sync += [link_enable.eq(linked), link_address.eq(before), link_data.eq(address)]
        m.d.comb += [link.addr.eq(link_address), link.data.eq(link_data), link.en.eq(link_enable)]
        stages = Stages(m, self.walk)
        for kept, written, out, name in (
            (entries, write, self.entry, "entry_read"),
            (links, link, self.link, "link_read"),
        ):
            read = kept.read_port()
            m.d.comb += [
                read.addr.eq(self.address),
                # Nothing is read while queues are filled; said here, it spares logic for a word read as it is written.
                read.en.eq(self.walk & ~written.en),
                Value.cast(out).eq(stages.register(read.data, name=name)),
            ]
