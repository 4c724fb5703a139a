"""The compute engine: matmuls and attention on one array, tile after tile, each at its time."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_formats import TABLE_SLOTS
from vitaccel_rtl.accelerator.decode import RAW
from vitaccel_rtl.accelerator.delay import later
from vitaccel_rtl.accelerator.epilogue import RESULT_BITS, Epilogue
from vitaccel_rtl.accelerator.isa import COUNT, MOST_EXPERTS
from vitaccel_rtl.accelerator.kept_operand import CLIENT as KEPT_READER
from vitaccel_rtl.accelerator.logit_reuse import REUSE_CLIENTS, LogitReuse
from vitaccel_rtl.accelerator.logit_rows import LogitRows
from vitaccel_rtl.accelerator.operands import Operands
from vitaccel_rtl.accelerator.pace import KEPT_AHEAD, SETS_LATE
from vitaccel_rtl.accelerator.parameter_set import PARAMETER_SET
from vitaccel_rtl.accelerator.residual_planes import ResidualPlanes
from vitaccel_rtl.accelerator.run_writer import RunWriter
from vitaccel_rtl.accelerator.set_memory import set_run
from vitaccel_rtl.accelerator.slot_buffer import read_client, write_client
from vitaccel_rtl.accelerator.tile import drain_layout, tile_layout
from vitaccel_rtl.accelerator.tile_issue import TileIssue
from vitaccel_rtl.accelerator.tile_queue import TileQueue
from vitaccel_rtl.accelerator.tile_sets import TileSets
from vitaccel_rtl.activation import TABLE_ENTRIES
from vitaccel_rtl.arbiter import select
from vitaccel_rtl.array import Array
from vitaccel_rtl.latency import SLOTS

RESIDUAL_CLIENTS = 2, KEPT_READER
"""Of the activation buffer's read clients; those of the operands are 0 and 1, those of the results' writes too. High
bytes come through that of kept logits, which no matmul has."""


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
    kept_rows
        Rows of logits whose statistics are kept, so that the logits can be used again; with 0 an engine cannot.

    Attributes
    ----------
    phase : in
        Of the frame.
    i : stream
        Instructions; accepted in phase 0, `lead` frames before the first tile.
    done : Signal, out
        A pulse for each instruction.
    reads, writes : arrays of clients, out
        Of the activation buffer: operands, then `RESIDUAL_CLIENTS`; results, and behind them, if the engine reuses
        logits, those of :class:`vitaccel_rtl.accelerator.logit_reuse.LogitReuse`.
    weight_valid, weight_address, weight_word : in
        A write to the weight buffer.
    sets : run, out
        Of the parameter buffer.
    table_write, table_address, table_entry : in
        An entry of an activation table.
    queue_write, queue_slot, queue_blocks : in
        Row-blocks of the queue of an expert's slot, before a matmul of its rows is offered.
    """

    def __init__(self, *, side, words, weight_words, logit_words, sets, softmax, macs_per_multiplier=1, kept_rows=0):
        self._side = side
        self._array = Array(side=side, macs_per_multiplier=macs_per_multiplier, has_digits=kept_rows > 0)
        self._reuse = LogitReuse(side=side, words=words, rows=kept_rows, softmax=softmax) if kept_rows else None
        self._issue = TileIssue(side=side, reuses_logits=kept_rows > 0)
        self._operands = Operands(side=side, words=words, weight_words=weight_words)
        self._residual = ResidualPlanes(side=side, words=words, clients=RESIDUAL_CLIENTS)
        self._rows = LogitRows(side=side, words=logit_words, softmax=softmax)
        self._writers = [RunWriter(side=side, words=words, client=client) for client in range(2)]
        lines, reused = words // SLOTS, len(REUSE_CLIENTS) if kept_rows else 0
        super().__init__(
            {
                "phase": In(3),
                "i": In(stream.Signature(RAW)),
                "done": Out(1),
                "reads": Out(read_client(side, lines)).array(4),
                "writes": Out(write_client(side, lines)).array(2 + reused),
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
        m.submodules.issue = issue = self._issue
        wiring.connect(m, wiring.flipped(self.i), issue.i)
        m.d.comb += [issue.phase.eq(self.phase), self.done.eq(issue.done)]
        m.d.comb += [
            getattr(issue, name).eq(getattr(self, name)) for name in ("queue_write", "queue_slot", "queue_blocks")
        ]
        step, tile = self._set_out(m, issue)
        holds, drained = Signal(), Signal()
        m.submodules.operands = operands = self._operands
        m.submodules.residual = residual = self._residual
        m.submodules.array = array = self._array
        m.submodules.rows = rows = self._rows
        m.submodules.epilogue = epilogue = Epilogue(side=self._side, keeps_logits=self._reuse is not None)
        m.submodules.drains = drains = TileQueue(drain_layout())
        starts_tile = self._hold(m, array.o, drains.head, holds, drained)
        sets, one_set = self._sets(m, step, tile, array.o, drains.head, drained & starts_tile)
        for client, memory in zip((*operands.memories, residual.memories[0]), self.reads, strict=False):
            wiring.connect(m, client, wiring.flipped(memory))
        self._share(m, [residual.memories[1], *([self._reuse.memory] if self._reuse else [])], self.reads[3])
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
            rows.read.eq(step & tile.operands.from_logits & ~tile.operands.from_kept),
            rows.read_address.eq(tile.operands.a),
            rows.depth.eq(tile.operands.depth),
            rows.slot.eq(tile.operands.slot),
            array.i.valid.eq(operands.valid),
            array.o.ready.eq(~holds),
            drains.push.eq(step & (~tile.operands.from_kept | tile.operands.is_low_digit)),
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
            epilogue.one_set.eq(one_set),
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
        if self._reuse:
            self._use_again(m, issue, epilogue)
        self._write(m, epilogue)
        return m

    def _set_out(self, m, issue):
        """A tile whose logits were kept sets out some frames behind them. Return the pulse of a tile, and the tile."""
        if not self._reuse:
            return issue.step, issue.tile
        is_early, step, tile = Signal(), Signal(), Signal(tile_layout())
        m.d.comb += is_early.eq(issue.step & issue.tile.operands.from_kept)
        sets_out = later(m, is_early, KEPT_AHEAD * SLOTS, name="kept_sets_out")
        waits = [Signal(tile_layout(), name=f"waiting_tile{frame}", reset_less=True) for frame in range(KEPT_AHEAD)]
        with m.If(self.phase == 0):
            m.d.sync += [to.eq(of) for to, of in zip(waits, (issue.tile, *waits), strict=False)]
        m.d.comb += [
            step.eq((issue.step & ~is_early) | sets_out),
            tile.as_value().eq(Mux(sets_out, waits[-1].as_value(), issue.tile.as_value())),
        ]
        return step, tile

    def _use_again(self, m, issue, epilogue):
        """Keep logits and their statistics, and make operands of them."""
        m.submodules.reuse = reuse = self._reuse
        operands, rows, early = self._operands, self._rows, issue.tile.operands
        m.d.comb += [
            reuse.phase.eq(self.phase),
            reuse.clear.eq(issue.clears),
            reuse.start.eq(issue.step & early.from_kept),
            reuse.tile.eq(early),
            reuse.low.eq(operands.early_word),
            reuse.keeps.eq(epilogue.keeps),
            reuse.lanes.eq(epilogue.logits),
            reuse.last.eq(epilogue.kept_last),
            reuse.place.eq(epilogue.kept_place),
            reuse.summary_valid.eq(rows.kept_valid),
            reuse.maxima.eq(rows.maxima),
            reuse.totals.eq(rows.totals),
            operands.early.eq(reuse.start),
            operands.early_a.eq(early.a),
            operands.early_count.eq(early.depth),
            operands.digits.eq(reuse.digits),
            self._array.i.p.next_digit.eq(operands.next_digit),
        ]
        for client, port in zip(reuse.writes, list(self.writes)[2:], strict=True):
            wiring.connect(m, client, wiring.flipped(port))

    def _share(self, m, clients, port):
        """Several readers have one port of the buffer, never at the same time."""
        valid = Cat(client.valid for client in clients)
        m.d.comb += [port.valid.eq(valid.any()), port.line.eq(select(valid, [client.line for client in clients]))]
        m.d.comb += [client.word.eq(port.word) for client in clients]

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
        m.submodules.one_sets = one_sets = TileQueue(PARAMETER_SET)
        operands, rows, run = self._operands, self._rows, self.sets
        fetches = step & (tile.sets_count != 0)
        of_heads = tile.drain.has_one_set
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
            run.count.eq(Mux(late, self._side, tile.sets_count)),
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
            one_sets.push.eq(begins_head),
            one_sets.word.as_value().eq(run.word),
            one_sets.pop.eq(sums.valid & sums.p.last & drain.has_one_set & drain.ends_row),
            rows.output_set_valid.eq(run.valid & ~of_columns & ~begins_head),
            rows.output_set.as_value().eq(run.word),
            rows.output_keeps.eq(self._issue.keeps),
        ]
        return tile_sets.sets, one_sets.head

    def _write(self, m, epilogue):
        low, high = self._writers
        m.submodules.low, m.submodules.high = low, high
        for writer, memory in zip(self._writers, self.writes, strict=False):
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
