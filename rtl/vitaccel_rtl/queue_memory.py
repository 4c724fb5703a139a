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

LOOK_STAGES = 2
"""From the place of a list or queue to what is shown of it: a register, the small memories."""

GROUP_BITS = 2
GROUP = 1 << GROUP_BITS
"""Places of which one is chosen in a cycle."""


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
        """Bits of all memories: links and entries, both ends and counts of lists, lengths of queues."""
        block = self.entries * (self.address.width + self.stored.size)
        ends = self.lists * (4 * self.address.width + self.length.width + 2)
        return block + ends + self.experts * (self.length.width + 1)


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
        Append an entry to the list of its expert and rank; what is looked up from the next cycle but one on shows it.
        Of a rank and token, once.
    expert, rank : Signal, in
        Whose *length* (of the queue), *count* (of the list; may be more) and *heads* (of the two chains of the list, as
        far as it reaches) are shown, two cycles later.
    queued, listed : Signal, out
        With these: the queue, and the list, have entries.
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
                "queued": Out(1),
                "listed": Out(1),
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
        adding = Stages(m, 1).flags(self.add, 2, name="adding")
        appended = Stages(m, 1).delay(address, 2, name="appended")
        linked, before = self._append(m, adding, appended)
        self._count_queues(m, adding)
        self._keep_entries(m, address)
        self._keep_links(m, linked, before, appended)
        return m

    def _begun(self, m, adding, place, places):
        """Keep of each place whether it was added to since the job came; else it is empty, whatever a memory holds."""
        begun = Signal(places)
        with m.If(self.forget):
            m.d.sync += begun.eq(0)
        with m.Elif(adding):
            m.d.sync += begun.eq(begun | (1 << place))
        return begun

    def _update(self, m, kept, adding, place, name):
        """Read a place of a memory the cycle after something is added to it, and write it in the one after that.

        What is written in that cycle is not read yet, so it is held aside for the next to be added. Returns whether
        places were added to, and, all of that last cycle: the place, what it holds (zero if nothing was added to it
        before), and the port to write it.
        """
        places = kept.data.depth
        near = Stages(m, 1).register(place, name=f"{name}_near")
        begun = self._begun(m, adding[1], near, places)
        # Which of many places it is, is found in two steps: in groups of four, then among these.
        groups = [Choice(begun[n : n + GROUP]) for n in range(0, places, GROUP)]
        in_group = Cat(group[place[:GROUP_BITS]] for group in groups)
        old, new = kept.read_port(domain="comb"), kept.write_port()
        at = Signal.like(place, name=f"{name}_at", reset_less=True)
        again, there = (Signal(name=f"{name}_{n}", reset_less=True) for n in ("again", "there"))
        read, written = (Signal(kept.data.shape, name=f"{name}_{n}", reset_less=True) for n in ("read", "written"))
        grouped = Stages(m, 1).register(in_group, name=f"{name}_grouped")
        m.d.sync += [
            at.eq(near),
            there.eq(grouped.bit_select(near[GROUP_BITS:], 1)),
            read.eq(old.data),
            written.eq(new.data),
            again.eq(adding[2] & (at == near)),
        ]
        held = Signal(kept.data.shape, name=f"{name}_held")
        was = Value.cast(read) & there.replicate(len(Value.cast(read)))
        m.d.comb += [old.addr.eq(near), new.addr.eq(at), Value.cast(held).eq(Mux(again, Value.cast(written), was))]
        return begun, at, held, new

    def _show(self, m, kept, begun, place, field):
        """Read a field of a place of a memory: zero if nothing was added to it since the job came; and say which."""
        port, there = kept.read_port(domain="comb"), Signal(name=f"{field}_there", reset_less=True)
        read = Signal.like(port.data[field], name=f"{field}_read", reset_less=True)
        m.d.comb += port.addr.eq(place)
        m.d.sync += [read.eq(port.data[field]), there.eq(begun.bit_select(place, 1))]
        return read & there.replicate(len(read)), there

    def _append(self, m, adding, appended):
        """Keep both ends of each list. Returns whether the new entry is linked to, and from which address."""
        shape = self._shape
        # What a list holds is counted; whether that is none or one is asked late in a cycle, so bits say it.
        ends = {"older": shape.address, "newer": shape.address, "count": shape.length, "any": 1, "one": 1}
        ends = data.StructLayout(ends)
        m.submodules.tails = tails = memory.Memory(shape=ends, depth=shape.lists, init=[])
        heads = [memory.Memory(shape=shape.address, depth=shape.lists, init=[]) for _ in range(2)]
        m.submodules.head_even, m.submodules.head_odd = heads
        shown = Signal(range(shape.lists), reset_less=True)
        begun, into, held, new = self._update(m, tails, adding, self.add_list, "tail")
        first, second = ~held.any, held.one
        m.d.comb += [
            new.en.eq(adding[2]),
            new.data.older.eq(held.newer),
            new.data.newer.eq(appended),
            new.data.count.eq(held.count + 1),
            new.data.any.eq(1),
            new.data.one.eq(first),
        ]
        m.d.sync += shown.eq(shape.list_of(self.expert, self.rank, self.by_rank))
        count, listed = self._show(m, tails, begun, shown, "count")
        m.d.comb += [self.count.eq(count), self.listed.eq(listed)]
        for head, begins, out in zip(heads, (first, second), self.heads, strict=True):
            write, look = head.write_port(), head.read_port(domain="comb")
            m.d.comb += [
                write.addr.eq(into),
                write.data.eq(appended),
                write.en.eq(adding[2] & begins),
                look.addr.eq(shown),
            ]
            m.d.sync += out.eq(look.data)
        return adding[2] & ~first & ~second, held.older

    def _count_queues(self, m, adding):
        """Keep the length of each queue, and whether that is the limit."""
        shape = self._shape
        counted = data.StructLayout({"length": shape.length, "full": 1})
        m.submodules.lengths = lengths = memory.Memory(shape=counted, depth=shape.experts, init=[])
        begun, _, held, new = self._update(m, lengths, adding, self.add_expert, "length")
        shown = Signal(shape.expert, reset_less=True)
        m.d.sync += shown.eq(self.expert)
        length, queued = self._show(m, lengths, begun, shown, "length")
        before_limit = Signal(shape.length, reset_less=True)
        m.d.comb += [
            new.data.length.eq(held.length + 1),
            new.data.full.eq(held.full | (held.length == before_limit)),
            new.en.eq(adding[2] & ~held.full),
        ]
        m.d.sync += before_limit.eq(self.limit - 1)
        m.d.comb += [self.length.eq(length), self.queued.eq(queued)]

    def _keep_entries(self, m, address):
        """Block memory: what is stored of an entry."""
        m.submodules.entries = entries = memory.Memory(shape=self._shape.stored, depth=self._shape.entries, init=[])
        write = entries.write_port()
        m.d.comb += [write.addr.eq(address), write.data.eq(self.add_entry), write.en.eq(self.add)]
        self._read(m, entries, write, self.entry, "entry_read")

    def _keep_links(self, m, linked, before, appended):
        """Block memory: the link of an entry, which is written when it is known."""
        shape = self._shape
        m.submodules.links = links = memory.Memory(shape=shape.address, depth=shape.entries, init=[])
        write = links.write_port()
        enable, address, link = Signal(), *(Signal(shape.address, name=n, reset_less=True) for n in ("linking", "link"))
        m.d.sync += [enable.eq(linked), address.eq(before), link.eq(appended)]
        m.d.comb += [write.addr.eq(address), write.data.eq(link), write.en.eq(enable)]
        self._read(m, links, write, self.link, "link_read")

    def _read(self, m, kept, write, out, name):
        """Read a block memory, with a register behind it."""
        read = kept.read_port()
        m.d.comb += [
            read.addr.eq(self.address),
            # Nothing is read while queues are filled; said here, it spares logic for a word read as it is written.
            read.en.eq(self.walk & ~write.en),
            Value.cast(out).eq(Stages(m, self.walk).register(read.data, name=name)),
        ]
