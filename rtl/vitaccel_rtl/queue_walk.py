"""The way of gather and scatter-add through a queue: block by block of P entries, tile by tile, the address of each."""

from amaranth.hdl import Array as Choice
from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.queue_blocks import QueueBlocks
from vitaccel_rtl.stream import check_range


def walk_job(address_bits, tile_bits, entry_bits, **fields):
    """Layout of a job: where the first routed token stands, words from tile to tile, how many tiles and entries."""
    return data.StructLayout(
        {
            "address": unsigned(address_bits),
            "step": unsigned(address_bits),
            "tiles": unsigned(tile_bits),
            "entries": unsigned(entry_bits),
            **fields,
        }
    )


def check_walk(side, address_bits, tile_bits, entry_bits):
    """Raise a ValueError unless the parameters are those of a :class:`QueueWalk`."""
    check_range("side of a queue", side, 2, 64)
    check_range("address_bits of a queue", address_bits, 1, 32)
    check_range("tile_bits of a queue", tile_bits, 1, 24)
    check_range("entry_bits of a queue", entry_bits, 1, 24)


def side_by_side(offset, step, _tile):
    """Return the words to the tile behind another one where each is *step* words behind the one before."""
    return offset + step


class QueueWalk(wiring.Component):
    """Makes P slots of each tile of each block of a queue, in this order; a slot is the address of an entry's word.

        address = job.address + entry.row + tile * job.step

    The slots of a last block of fewer than P entries are made too, and not *taken*. Two blocks are kept: the entries of
    one arrive, those of the next queue included, while the other is walked. The first tile of a block is walked
    while its entries arrive.

    Parameters
    ----------
    side
        Entries of a block, P: 2 to 64.
    address_bits
        Width of an address, and of a row, 1 to 32. Sums are modulo ``2**address_bits``.
    tile_bits, entry_bits
        Widths of numbers of tiles and of entries, 1 to 24.
    next_tile
        Function of the words from the first tile to another, of the step, and of how many tiles are before that one:
        the words to the tile behind it. The step more, unless tiles stand elsewhere.

    Attributes
    ----------
    job : stream
        ``address``, ``step``, ``tiles`` (1 or more), ``entries`` (of an empty queue 0: nothing comes of it).
    entry : stream
        Row of a token, in words from that of the first routed token: as many as the job says.
    o : stream
        ``address``, ``taken`` (the slot belongs to an entry; otherwise its address means nothing), ``ends_block``,
        ``ends_queue``. One a cycle: ``latency.queue_slots`` for a queue, and none between queues.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, side, address_bits=16, tile_bits=12, entry_bits=16, next_tile=side_by_side):
        check_walk(side, address_bits, tile_bits, entry_bits)
        self._next_tile = next_tile
        self._side = side
        self._address_bits = address_bits
        self._tile_bits = tile_bits
        self._entry_bits = entry_bits
        slot = {"address": unsigned(address_bits), "taken": 1, "ends_block": 1, "ends_queue": 1}
        super().__init__(
            {
                "job": In(stream.Signature(walk_job(address_bits, tile_bits, entry_bits))),
                "entry": In(stream.Signature(unsigned(address_bits))),
                "o": Out(stream.Signature(data.StructLayout(slot))),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from accepting an entry to offering its slot of the first tile."""
        return latency.QUEUE_WALK

    def elaborate(self, platform):
        m = Module()
        context = data.StructLayout(
            {"step": self._address_bits, "last_tile": self._tile_bits, "last_place": range(self._side), "final": 1}
        )
        self._full = Signal(2)  # of each half: its block is complete
        self._contexts = [Signal(context, name=f"context_{half}", reset_less=True) for half in range(2)]
        memory = Memory(shape=self._address_bits, depth=2 << (self._side - 1).bit_length(), init=[])
        m.submodules.rows = memory
        freed = Signal(2)
        filled, half, place = self._load(m, memory.write_port())
        m.d.sync += self._full.eq((self._full | filled) & ~freed)
        self._walk(m, memory.read_port(domain="comb"), freed, half, place)
        return m

    def _load(self, m, write):
        """Take jobs and entries; return which half is completed, which one is written, and where."""
        m.submodules.blocks = blocks = QueueBlocks(side=self._side, entry_bits=self._entry_bits)
        first = Signal.like(self.job.p.address, reset_less=True)
        step = Signal.like(self.job.p.step, reset_less=True)
        last_tile = Signal.like(self.job.p.tiles, reset_less=True)
        half = Signal()
        filled = Signal(2)
        m.d.comb += [
            self.job.ready.eq(blocks.free),
            blocks.start.eq(self.job.valid & self.job.ready),
            blocks.entries.eq(self.job.p.entries),
            self.entry.ready.eq(blocks.open & ~Mux(half, self._full[1], self._full[0])),
            blocks.step.eq(self.entry.valid & self.entry.ready),
            write.en.eq(blocks.step),
            write.addr.eq(Cat(blocks.place, half)),
            write.data.eq(first + self.entry.p),
        ]
        with m.If(blocks.start):
            m.d.sync += [first.eq(self.job.p.address), step.eq(self.job.p.step), last_tile.eq(self.job.p.tiles - 1)]
        for number, context in enumerate(self._contexts):
            with m.If(blocks.step & (half == number)):
                m.d.sync += [
                    context.step.eq(step),
                    context.last_tile.eq(last_tile),
                    context.last_place.eq(blocks.place),
                    context.final.eq(blocks.ends_queue),
                ]
        with m.If(blocks.step & blocks.ends_block):
            m.d.comb += filled.eq(1 << half)
            m.d.sync += half.eq(~half)
        return filled, half, blocks.place

    def _walk(self, m, read, freed, written_half, written_place):
        place = Signal(range(self._side))
        half = Signal()
        tile = Signal(self._tile_bits)
        offset = Signal(self._address_bits)
        full, moves, ends_tile, ends_block = Signal(), Signal(), Signal(), Signal()
        is_last_tile = Signal(reset_less=True)
        context = Choice(self._contexts)[half]
        advance = ~self.o.valid | self.o.ready
        m.d.comb += [
            full.eq(Mux(half, self._full[1], self._full[0])),
            # Of a block that is not complete, the entries before the next one's place are there.
            moves.eq(advance & (full | ((half == written_half) & (place != written_place)))),
            ends_tile.eq(place == self._side - 1),
            ends_block.eq(ends_tile & is_last_tile),
            read.addr.eq(Cat(place, half)),
        ]
        # A tile has two slots or more, and the context is there before the first, so this is in time for the last.
        m.d.sync += is_last_tile.eq(tile == context.last_tile)
        with m.If(advance):
            m.d.sync += self.o.valid.eq(moves)
        with m.If(moves):
            m.d.sync += place.eq(Mux(ends_tile, 0, place + 1))
            with m.If(ends_tile):
                m.d.sync += [tile.eq(tile + 1), offset.eq(self._next_tile(offset, context.step, tile))]
            with m.If(ends_block):
                m.d.comb += freed.eq(1 << half)
                m.d.sync += [tile.eq(0), offset.eq(0), half.eq(~half)]
        slot = Signal.like(self.o.p, name="slot", reset_less=True)
        m.d.comb += self.o.p.eq(slot)
        with m.If(moves):
            m.d.sync += [
                slot.address.eq(read.data + offset),
                slot.taken.eq(~full | (place <= context.last_place)),
                slot.ends_block.eq(ends_block),
                slot.ends_queue.eq(ends_block & context.final),
            ]
