"""One array of the compute engine, and all that is its own: from a tile that sets out to its result."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_formats import SETS_OF_HEAD, TABLE_SLOTS
from vitaccel_rtl.accelerator.delay import later
from vitaccel_rtl.accelerator.epilogue import RESULT_BITS, Epilogue
from vitaccel_rtl.accelerator.kept_operand import CLIENT as KEPT_READER
from vitaccel_rtl.accelerator.logit_reuse import REUSE_CLIENTS, LogitReuse
from vitaccel_rtl.accelerator.logit_rows import LogitRows
from vitaccel_rtl.accelerator.operands import Operands
from vitaccel_rtl.accelerator.pace import SETS_LATE
from vitaccel_rtl.accelerator.parameter_set import PARAMETER_SET
from vitaccel_rtl.accelerator.parts import turn_words
from vitaccel_rtl.accelerator.residual_planes import ResidualPlanes
from vitaccel_rtl.accelerator.row_moments import ANSWERING, RowMoments
from vitaccel_rtl.accelerator.run_writer import RunWriter
from vitaccel_rtl.accelerator.set_memory import set_run
from vitaccel_rtl.accelerator.shared_operand import shared_run
from vitaccel_rtl.accelerator.slot_buffer import read_client, write_client
from vitaccel_rtl.accelerator.tile import drain_layout, operands_layout, tile_layout
from vitaccel_rtl.accelerator.tile_queue import TileQueue
from vitaccel_rtl.accelerator.tile_sets import TileSets
from vitaccel_rtl.arbiter import select
from vitaccel_rtl.array import Array
from vitaccel_rtl.formats import TABLE_ENTRIES
from vitaccel_rtl.latency import SLOTS

RESIDUAL_CLIENTS = 2, KEPT_READER
"""Of the activation buffer's read clients; those of the operands are 0 and 1, those of the results' writes too. High
bytes come through that of kept logits, which no matmul has."""


class ComputeCore(wiring.Component):
    """Works on the tiles that it is told, on its own part of the activation buffer.

    Parameters
    ----------
    side
        P.
    words, weight_words, logit_words, sets
        Words of its part of the activation buffer, of the weight buffer, of the logit buffer; sets of the parameter
        buffer.
    softmax
        Of :class:`vitaccel_rtl.accelerator.logit_rows.LogitRows`.
    macs_per_multiplier
        Of :class:`vitaccel_rtl.array.Array`.
    kept_rows
        Rows of logits whose statistics are kept, so that the logits can be used again; with 0 a core cannot.
    moment_blocks
        Row-blocks whose moments are kept; with 0 none are taken.
    place
        Which of several cores it is: heads are dealt out to them one by one, columns by turns of tiles.
    shares_a
        Whether A may come from all parts by turns, and go to all cores.

    Attributes
    ----------
    phase : in
        Of the frame.
    step, tile : in
        A tile sets out, in phase 0: :func:`vitaccel_rtl.accelerator.tile.tile_layout`.
    early, early_operands : in
        Logits that are used again set out, some frames ahead of their tile.
    clears, keeps : in
        As of :class:`vitaccel_rtl.accelerator.tile_issue.TileIssue`.
    shared : in, out
        With *shares_a*: :class:`vitaccel_rtl.accelerator.shared_operand.SharedOperand`'s run and word.
    reads, writes : arrays of clients, out
        Of its part of the activation buffer: operands, then `RESIDUAL_CLIENTS`; results, and behind them, if the core
        reuses logits, those of :class:`vitaccel_rtl.accelerator.logit_reuse.LogitReuse`.
    weight_valid, weight_address, weight_word : in
        A write to the weight buffer.
    sets : run, out
        Of the parameter buffer.
    asks, asked : in
        With moments: :class:`vitaccel_rtl.accelerator.row_moments.RowMoments`'.
    there, moments : out
        Its answer.
    table_write, table_address, table_entry : in
        An entry of an activation table.
    """

    def __init__(
        self,
        *,
        side,
        words,
        weight_words,
        logit_words,
        sets,
        softmax,
        macs_per_multiplier=1,
        kept_rows=0,
        moment_blocks=0,
        place=0,
        shares_a=False,
    ):
        self._side, self._place, self._shares_a = side, place, shares_a
        self._array = Array(side=side, macs_per_multiplier=macs_per_multiplier, has_digits=kept_rows > 0)
        self._reuse = LogitReuse(side=side, words=words, rows=kept_rows, softmax=softmax) if kept_rows else None
        self._operands = Operands(side=side, words=words, weight_words=weight_words, shares_a=shares_a)
        self._residual = ResidualPlanes(side=side, words=words, clients=RESIDUAL_CLIENTS)
        self._moments = RowMoments(side=side, blocks=moment_blocks, place=place) if moment_blocks else None
        self._rows = LogitRows(side=side, words=logit_words, softmax=softmax)
        self._writers = [RunWriter(side=side, words=words, client=client) for client in range(2)]
        lines, reused = words // SLOTS, len(REUSE_CLIENTS) if kept_rows else 0
        super().__init__(
            {
                "phase": In(3),
                "step": In(1),
                "tile": In(tile_layout()),
                "early": In(1),
                "early_operands": In(operands_layout()),
                "clears": In(1),
                "keeps": In(1),
                **({"shared": In(shared_run(side))} if shares_a else {}),
                "reads": Out(read_client(side, lines)).array(4),
                "writes": Out(write_client(side, lines)).array(2 + reused),
                "weight_valid": In(1),
                "weight_address": In(range(weight_words)),
                "weight_word": In(8 * side),
                "sets": Out(set_run(sets)),
                **(ANSWERING if moment_blocks else {}),
                "table_write": In(1),
                "table_address": In(range(TABLE_ENTRIES * TABLE_SLOTS)),
                "table_entry": In(signed(RESULT_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        step, tile = self.step, self.tile
        holds, drained = Signal(), Signal()
        m.submodules.operands = operands = self._operands
        m.submodules.residual = residual = self._residual
        m.submodules.array = array = self._array
        m.submodules.rows = rows = self._rows
        has = {"keeps_logits": self._reuse is not None, "takes_moments": self._moments is not None}
        m.submodules.epilogue = epilogue = Epilogue(side=self._side, **has)
        m.submodules.drains = drains = TileQueue(drain_layout(takes_moments=self._moments is not None))
        starts_tile = self._hold(m, array.o, drains.head, holds, drained)
        sets, one_set = self._sets(m, step, tile, array.o, drains.head, drained & starts_tile)
        if self._shares_a:
            wiring.connect(m, operands.shared, wiring.flipped(self.shared))
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
            drains.word.as_value().eq(tile.drain.as_value()),
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
            self._use_again(m, epilogue)
        if self._moments:
            m.submodules.moments = moments = self._moments
            wiring.connect(m, epilogue.moments, moments.i)
            m.d.comb += [moments.asks.eq(self.asks), moments.asked.eq(self.asked)]
            m.d.comb += [self.there.eq(moments.there), self.moments.eq(moments.moments)]
        self._write(m, epilogue)
        return m

    def _use_again(self, m, epilogue):
        """Keep logits and their statistics, and make operands of them."""
        m.submodules.reuse = reuse = self._reuse
        operands, rows, early = self._operands, self._rows, self.early_operands
        m.d.comb += [
            reuse.phase.eq(self.phase),
            reuse.clear.eq(self.clears),
            reuse.start.eq(self.early),
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
        first = tile.sets + Mux(of_heads, SETS_OF_HEAD * self._place, turn_words(self._side) * self._place)
        # Sets of columns come a frame behind the tile: those of the column before are in use until it drains.
        waits, address = Signal(), Signal.like(run.address, name="sets_address", reset_less=True)
        late = Signal()
        m.d.comb += late.eq(waits & (self.phase == 0))
        with m.If(fetches & ~of_heads):
            m.d.sync += [waits.eq(1), address.eq(first)]
        with m.Elif(late):
            m.d.sync += waits.eq(0)
        m.d.comb += [
            run.start.eq((fetches & of_heads) | late),
            run.address.eq(Mux(late, address, first)),
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
            rows.output_keeps.eq(self.keeps),
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
