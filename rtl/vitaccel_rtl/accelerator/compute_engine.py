"""The compute engine: matmuls and attention on one array, tile after tile, each at its time."""

from amaranth.hdl import Const, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.attention_nest import AttentionNest
from vitaccel_rtl.accelerator.completions import Completions
from vitaccel_rtl.accelerator.decode import RAW, decoded
from vitaccel_rtl.accelerator.delay import later
from vitaccel_rtl.accelerator.epilogue import RESULT_BITS, TABLE_SLOTS, Epilogue
from vitaccel_rtl.accelerator.isa import ATTENTION, COUNT, FRAMES, MATMUL, MOST_EXPERTS
from vitaccel_rtl.accelerator.logit_rows import LogitRows
from vitaccel_rtl.accelerator.matmul_nest import MatMulNest
from vitaccel_rtl.accelerator.operands import Operands
from vitaccel_rtl.accelerator.pace import SETS_LATE, lead
from vitaccel_rtl.accelerator.residual_planes import ResidualPlanes
from vitaccel_rtl.accelerator.run_writer import RunWriter
from vitaccel_rtl.accelerator.set_memory import set_run
from vitaccel_rtl.accelerator.slot_buffer import read_client, write_client
from vitaccel_rtl.accelerator.tile import drain_layout, tile_layout
from vitaccel_rtl.accelerator.tile_queue import TileQueue
from vitaccel_rtl.accelerator.tile_sets import TileSets, set_layout
from vitaccel_rtl.activation import TABLE_ENTRIES
from vitaccel_rtl.array import Array
from vitaccel_rtl.latency import SLOTS

RESIDUAL_CLIENT = 2
"""Of the activation buffer's read clients; those of the operands are 0 and 1, those of the results' writes too."""


SKIPPED = 2
"""Frames from where a matmul without rows could begin, with nothing before it under way, to its result."""


class ComputeEngine(wiring.Component):
    """Runs ``matmul`` and ``attention``.

    Parameters
    ----------
    side
        P.
    words, weight_words, logit_words, sets
        Words of the activation buffer, of the weight buffer, of the logit buffer; sets of the parameter buffer.
    softmax
        Of :class:`vitaccel_rtl.accelerator.logit_rows.LogitRows`.
    macs_per_multiplier
        Of :class:`vitaccel_rtl.array.Array`.

    Attributes
    ----------
    phase : in
        Of the frame.
    i : stream
        Instructions; accepted in phase 0, `lead` frames before the first tile.
    done : Signal, out
        A pulse for each instruction.
    reads, writes : arrays of clients, out
        Of the activation buffer.
    weight_valid, weight_address, weight_word : in
        A write to the weight buffer.
    sets : run, out
        Of the parameter buffer.
    table_write, table_address, table_entry : in
        An entry of an activation table.
    queue_write, queue_slot, queue_blocks : in
        Row-blocks of the queue of an expert's slot, before a matmul of its rows is offered.
    """

    def __init__(self, *, side, words, weight_words, logit_words, sets, softmax, macs_per_multiplier=1):
        self._side = side
        self._array = Array(side=side, macs_per_multiplier=macs_per_multiplier)
        self._operands = Operands(side=side, words=words, weight_words=weight_words)
        self._residual = ResidualPlanes(side=side, words=words, client=RESIDUAL_CLIENT)
        self._rows = LogitRows(side=side, words=logit_words, softmax=softmax)
        self._writers = [RunWriter(side=side, words=words, client=client) for client in range(2)]
        lines = words // SLOTS
        super().__init__(
            {
                "phase": In(3),
                "i": In(stream.Signature(RAW)),
                "done": Out(1),
                "reads": Out(read_client(side, lines)).array(3),
                "writes": Out(write_client(side, lines)).array(2),
                "weight_valid": In(1),
                "weight_address": In(range(weight_words)),
                "weight_word": In(8 * side),
                "sets": Out(set_run(sets)),
                "table_write": In(1),
                "table_address": In(range(TABLE_ENTRIES * TABLE_SLOTS)),
                "table_entry": In(signed(RESULT_BITS)),
                "queue_write": In(1),
                "queue_slot": In(range(MOST_EXPERTS)),
                "queue_blocks": In(COUNT),
            }
        )

    def elaborate(self, platform):
        m = Module()
        step, tile = self._issue(m)
        holds, drained = Signal(), Signal()
        m.submodules.operands = operands = self._operands
        m.submodules.residual = residual = self._residual
        m.submodules.array = array = self._array
        m.submodules.rows = rows = self._rows
        m.submodules.epilogue = epilogue = Epilogue(side=self._side)
        m.submodules.drains = drains = TileQueue(drain_layout())
        starts_tile = self._hold(m, array.o, drains.head, holds, drained)
        sets, logit_set = self._sets(m, step, tile, array.o, drains.head, drained & starts_tile)
        for client, memory in zip((*operands.memories, residual.memory), self.reads, strict=True):
            wiring.connect(m, client, wiring.flipped(memory))
        m.d.comb += [
            operands.phase.eq(self.phase),
            operands.start.eq(step),
            operands.operands.eq(tile.operands),
            operands.has_sets.eq(tile.weight_sets),
            operands.write_valid.eq(self.weight_valid),
            operands.write_address.eq(self.weight_address),
            operands.write_word.eq(self.weight_word),
            operands.numerators.eq(rows.numerators.as_value()),
            residual.phase.eq(self.phase),
            residual.start.eq(step & tile.drain.has_residual),
            residual.address.eq(tile.residual),
            residual.plane.eq(tile.residual_plane),
            residual.taken.eq(epilogue.residual_taken),
            rows.read.eq(step & tile.operands.from_logits),
            rows.read_address.eq(tile.operands.a),
            rows.depth.eq(tile.operands.depth),
            rows.slot.eq(tile.operands.slot),
            array.i.valid.eq(operands.valid),
            array.o.ready.eq(~holds),
            drains.push.eq(step),
            drains.word.eq(tile.drain),
            drains.pop.eq(drained & array.o.p.last),
        ]
        m.d.comb += [getattr(array.i.p, name).eq(getattr(operands, name)) for name in ("a", "b")]
        m.d.comb += [getattr(array.i.p, name).eq(getattr(operands, name)) for name in ("unsigned", "by_rows", "last")]
        m.d.comb += [
            epilogue.drain.eq(drains.head),
            epilogue.valid.eq(drained),
            epilogue.lanes.eq(array.o.p.lanes),
            epilogue.last.eq(array.o.p.last),
            epilogue.sets.eq(sets),
            epilogue.logit_set.eq(logit_set),
            epilogue.factors.eq(rows.factors),
            epilogue.residual.eq(residual.residual),
            rows.valid.eq(epilogue.logits_valid),
            rows.lanes.eq(epilogue.logits),
            rows.address.eq(epilogue.logits_address),
            rows.ends_row.eq(epilogue.logits_end_row),
            epilogue.table_write.eq(self.table_write),
            epilogue.table_address.eq(self.table_address),
            epilogue.table_entry.eq(self.table_entry),
        ]
        self._write(m, epilogue)
        return m

    def _issue(self, m):
        """Accept instructions and send their tiles; return the pulse of a tile, and the tile."""
        m.submodules.matmul = matmul = MatMulNest(side=self._side)
        m.submodules.attention = attention = AttentionNest(side=self._side)
        m.submodules.completions = completions = Completions()
        is_attention, busy, skips = Signal(), Signal(), Signal()
        left = Signal(FRAMES)
        starts_frame, step = Signal(), Signal()
        tile = Signal(tile_layout())
        chosen = {
            name: Mux(is_attention, getattr(attention, name), getattr(matmul, name)) for name in ("interval", "result")
        }
        is_last = Signal()
        accepts = Signal()
        ends_skip = Signal()
        m.d.comb += [
            ends_skip.eq(starts_frame & skips & completions.idle),
            starts_frame.eq(self.phase == 0),
            step.eq(starts_frame & busy & (left == 0) & ~(is_attention & attention.must_wait)),
            is_last.eq(Mux(is_attention, attention.is_last, matmul.is_last)),
            self.i.ready.eq(starts_frame & ~busy & ~skips & (left == 0)),
            accepts.eq(self.i.valid & self.i.ready),
            matmul.instruction.as_value().eq(decoded(MATMUL, self.i.p.words)),
            attention.instruction.as_value().eq(decoded(ATTENTION, self.i.p.words)),
            matmul.start.eq(accepts & (self.i.p.operation == MATMUL.code)),
            attention.start.eq(accepts & (self.i.p.operation == ATTENTION.code)),
            matmul.step.eq(step & ~is_attention),
            attention.step.eq(step & is_attention),
            attention.frame.eq(self.phase == SLOTS - 1),
            completions.phase.eq(self.phase),
            completions.push.eq(step & is_last | ends_skip),
            completions.result.eq(Mux(skips, SKIPPED, chosen["result"])),
            self.done.eq(completions.done),
        ]
        m.d.comb += tile.eq(Mux(is_attention, attention.tile.as_value(), matmul.tile.as_value()))
        is_empty = self._rows_of_expert(m, matmul)
        with m.If(ends_skip):
            m.d.sync += skips.eq(0)
        with m.If(accepts & is_empty):
            m.d.sync += skips.eq(1)
        with m.Elif(accepts):
            is_next = self.i.p.operation == ATTENTION.code
            depth = Mux(is_next, attention.instruction.head_dim, matmul.instruction.depth)
            m.d.sync += [busy.eq(1), is_attention.eq(is_next), left.eq(self._lead(depth))]
        with m.Elif(step):
            m.d.sync += [left.eq(chosen["interval"]), busy.eq(~is_last)]
        with m.Elif((self.phase == SLOTS - 1) & (left != 0)):
            m.d.sync += left.eq(left - 1)
        return step, tile

    def _rows_of_expert(self, m, matmul):
        """Take the row-blocks of an expert's matmul from its queue; return whether there are none."""
        m.submodules.queues = queues = Memory(shape=COUNT, depth=MOST_EXPERTS, init=[])
        writes, reads = queues.write_port(), queues.read_port(domain="comb")
        is_expert = Signal()
        m.d.comb += [
            writes.en.eq(self.queue_write),
            writes.addr.eq(self.queue_slot),
            writes.data.eq(self.queue_blocks),
            reads.addr.eq(matmul.instruction.expert),
            is_expert.eq((self.i.p.operation == MATMUL.code) & matmul.instruction.has_expert),
        ]
        with m.If(is_expert):
            m.d.comb += matmul.instruction.row_blocks.eq(reads.data)
        return is_expert & (reads.data == 0)

    def _lead(self, depth):
        """Frames to the first tile, :func:`vitaccel_rtl.accelerator.pace.lead`: one more for each depth it falls at."""
        falls = [d for d in range(1, self._side) if lead(d, self._side) < lead(d - 1, self._side)]
        return 1 + sum((depth < fall for fall in falls), Const(0, 1))

    def _hold(self, m, sums, drain, holds, drained):
        """By rows, all sets of a column are there before its first sums. Return whether a word is a tile's first."""
        starts_tile, waited = Signal(init=1), Signal(range(SETS_LATE + 1))
        m.d.comb += [
            holds.eq(starts_tile & drain.takes_sets & drain.by_rows & (waited != SETS_LATE)),
            drained.eq(sums.valid & ~holds),
        ]
        with m.If(drained):
            m.d.sync += [starts_tile.eq(sums.p.last), waited.eq(0)]
        with m.Elif(sums.valid):
            m.d.sync += waited.eq(waited + 1)
        return starts_tile

    def _sets(self, m, step, tile, sums, drain, starts_tile):
        """Parameter sets on their way: behind the weights, or from the parameter buffer. Return those in use."""
        m.submodules.tile_sets = tile_sets = TileSets(side=self._side)
        m.submodules.logit_sets = logit_sets = TileQueue(set_layout())
        operands, rows, run = self._operands, self._rows, self.sets
        fetches = step & (tile.sets_count != 0)
        of_heads = tile.drain.is_logits
        # Sets of columns come a frame behind the tile: those of the column before are in use until it drains.
        waits, address = Signal(), Signal.like(run.address, name="sets_address", reset_less=True)
        late = Signal()
        m.d.comb += late.eq(waits & (self.phase == 0))
        with m.If(fetches & ~of_heads):
            m.d.sync += [waits.eq(1), address.eq(tile.sets)]
        with m.Elif(late):
            m.d.sync += waits.eq(0)
        m.d.comb += [
            run.start.eq((fetches & of_heads) | late),
            run.address.eq(Mux(late, address, tile.sets)),
            run.count.eq(Mux(late, self._side, 2)),
        ]
        begins_columns = later(m, late, latency.READ_RUN, name="column_sets")
        begins_head = later(m, fetches & of_heads, latency.READ_RUN, name="head_sets")
        receives_columns = Signal()
        with m.If(begins_columns | begins_head):
            m.d.sync += receives_columns.eq(begins_columns)
        of_columns = begins_columns | (receives_columns & ~begins_head)
        m.d.comb += [
            tile_sets.begin.eq(operands.set_begins | begins_columns),
            tile_sets.word_valid.eq(operands.set_valid),
            tile_sets.word.eq(operands.set_word),
            tile_sets.set_valid.eq(run.valid & of_columns),
            tile_sets.set.eq(run.word),
            tile_sets.take.eq(starts_tile & drain.takes_sets),
            logit_sets.push.eq(begins_head),
            logit_sets.word.as_value().eq(run.word),
            logit_sets.pop.eq(sums.valid & sums.p.last & drain.is_logits & drain.ends_row),
            rows.output_set_valid.eq(run.valid & ~of_columns & ~begins_head),
            rows.output_set.as_value().eq(run.word),
        ]
        return tile_sets.sets, logit_sets.head

    def _write(self, m, epilogue):
        low, high = self._writers
        m.submodules.low, m.submodules.high = low, high
        for writer, memory in zip(self._writers, self.writes, strict=True):
            wiring.connect(m, writer.memory, wiring.flipped(memory))
        for place, (writer, address) in enumerate(
            ((low, epilogue.result_address), (high, epilogue.result_high)),
        ):
            m.d.comb += [
                writer.phase.eq(self.phase),
                writer.start.eq(epilogue.result_start & (epilogue.result_is_wide if place else 1)),
                writer.address.eq(address),
                writer.count.eq(epilogue.result_words),
            ]
            for lane, code in enumerate(epilogue.result):
                m.d.comb += writer.word[8 * lane : 8 * lane + 8].eq(code[8 * place : 8 * place + 8])
