"""The compute engine: matmuls and attention, tile after tile, each at its time, on arrays that work in step."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.buffer_formats import TABLE_SLOTS
from vitaccel_rtl.accelerator.compute_core import RESIDUAL_CLIENTS, ComputeCore
from vitaccel_rtl.accelerator.decode import RAW
from vitaccel_rtl.accelerator.delay import later
from vitaccel_rtl.accelerator.epilogue import RESULT_BITS
from vitaccel_rtl.accelerator.isa import COUNT, MOST_EXPERTS
from vitaccel_rtl.accelerator.logit_reuse import REUSE_CLIENTS
from vitaccel_rtl.accelerator.pace import KEPT_AHEAD
from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.accelerator.row_moments import ANSWERING, MOMENTS
from vitaccel_rtl.accelerator.set_memory import set_run
from vitaccel_rtl.accelerator.shared_operand import SharedOperand
from vitaccel_rtl.accelerator.slot_buffer import read_client, write_client
from vitaccel_rtl.accelerator.tile import tile_layout
from vitaccel_rtl.accelerator.tile_issue import TileIssue
from vitaccel_rtl.formats import TABLE_ENTRIES
from vitaccel_rtl.latency import SLOTS

READ_CLIENTS = (0, 1, *RESIDUAL_CLIENTS)
"""Of each part of the activation buffer, in the order of ``reads``."""


class ComputeEngine(wiring.Component):
    """Runs ``matmul`` and ``attention`` on one or several arrays.

    Of several arrays, each makes those column tiles of a matmul that stand in its part of the buffer, all of the same
    words of A, and array j is given the heads j, j + count, ... of attention. Each has its own part of the activation
    buffer, its own weight buffer and logit buffer, and all do the same in the same cycle: one issue tells all of them.

    Parameters
    ----------
    side
        P.
    words, weight_words, logit_words, sets
        Words of a part of the activation buffer, of a weight buffer, of a logit buffer; sets of the parameter buffer.
    softmax, macs_per_multiplier, kept_rows, moment_blocks
        Of :class:`vitaccel_rtl.accelerator.compute_core.ComputeCore`.
    arrays
        How many, 1 to 8.

    Attributes
    ----------
    phase : in
        Of the frame.
    i : stream
        Instructions; accepted in phase 0, `lead` frames before the first tile.
    done : Signal, out
        A pulse for each instruction.
    reads, writes : arrays of clients, out
        Of the activation buffer, part after part: those of each core.
    weight_valid, weight_address, weight_word : in
        A write to a weight buffer: all of them are the parts of one space.
    sets : array of runs, out
        Of the parameter buffer, one a core.
    asks, asked : in
        With moments: :class:`vitaccel_rtl.accelerator.row_moments.RowMoments`'.
    there, moments : out
        Its answer, the sum of those of all cores: a cycle later for every doubling of their number.
    table_write, table_address, table_entry : in
        An entry of an activation table.
    queue_write, queue_slot, queue_blocks : in
        Row-blocks of the queue of an expert's slot, before a matmul of its rows is offered.
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
        arrays=1,
    ):
        self._reuses, self._takes_moments = kept_rows > 0, moment_blocks > 0
        self._issue = TileIssue(side=side, reuses_logits=self._reuses, arrays=arrays, takes_moments=self._takes_moments)
        self._weights = Parts(count=arrays, words=weight_words)
        self._cores = [
            ComputeCore(
                side=side,
                words=words,
                weight_words=weight_words,
                logit_words=logit_words,
                sets=sets,
                softmax=softmax,
                macs_per_multiplier=macs_per_multiplier,
                kept_rows=kept_rows,
                moment_blocks=moment_blocks,
                place=place,
                shares_a=arrays > 1,
            )
            for place in range(arrays)
        ]
        self._shared = SharedOperand(side=side, parts=Parts(count=arrays, words=words)) if arrays > 1 else None
        lines, writers = words // SLOTS, 2 + (len(REUSE_CLIENTS) if self._reuses else 0)
        super().__init__(
            {
                "phase": In(3),
                "i": In(stream.Signature(RAW)),
                "done": Out(1),
                "reads": Out(read_client(side, lines)).array(arrays * len(READ_CLIENTS)),
                "writes": Out(write_client(side, lines)).array(arrays * writers),
                "weight_valid": In(1),
                "weight_address": In(range(self._weights.words_of_all)),
                "weight_word": In(8 * side),
                "sets": Out(set_run(sets)).array(arrays),
                **(ANSWERING if self._takes_moments else {}),
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
        early = Signal()
        m.d.comb += early.eq(issue.step & issue.tile.operands.from_kept)
        step, tile = self._set_out(m, early)
        for place, core in enumerate(self._cores):
            m.submodules[f"core{place}"] = core
            m.d.comb += [
                core.phase.eq(self.phase),
                core.step.eq(step),
                core.tile.eq(tile),
                core.early.eq(early),
                core.early_operands.eq(issue.tile.operands),
                core.clears.eq(issue.clears),
                core.keeps.eq(issue.keeps),
            ]
            self._connect(m, place, core)
        if self._takes_moments:
            self._answer(m)
        if self._shared:
            m.submodules.shared = shared = self._shared
            m.d.comb += [
                shared.phase.eq(self.phase),
                shared.start.eq(step & tile.operands.a_is_shared),
                shared.address.eq(tile.operands.a),
                shared.depth.eq(tile.operands.depth),
            ]
            for core, run in zip(self._cores, shared.runs, strict=True):
                wiring.connect(m, run, core.shared)
        return m

    def _set_out(self, m, is_early):
        """A tile whose logits were kept sets out some frames behind them. Return the pulse of a tile, and the tile."""
        issue = self._issue
        if not self._reuses:
            return issue.step, issue.tile
        step, tile = Signal(), Signal(tile_layout())
        sets_out = later(m, is_early, KEPT_AHEAD * SLOTS, name="kept_sets_out")
        waits = [Signal(tile_layout(), name=f"waiting_tile{frame}", reset_less=True) for frame in range(KEPT_AHEAD)]
        with m.If(self.phase == 0):
            m.d.sync += [to.eq(of) for to, of in zip(waits, (issue.tile, *waits), strict=False)]
        m.d.comb += [
            step.eq((issue.step & ~is_early) | sets_out),
            tile.as_value().eq(Mux(sets_out, waits[-1].as_value(), issue.tile.as_value())),
        ]
        return step, tile

    def _answer(self, m):
        """Ask every core for moments, and add up what they have of a row, two by two."""
        for core in self._cores:
            m.d.comb += [core.asks.eq(self.asks), core.asked.eq(self.asked)]
        parts, there, level = [core.moments for core in self._cores], self._cores[0].there, 0
        while len(parts) > 1:
            level += 1
            sums = [Signal(MOMENTS, name=f"moments_{level}_{n}", reset_less=True) for n in range((len(parts) + 1) // 2)]
            for place, both in enumerate(sums):
                pair = parts[2 * place : 2 * place + 2]
                m.d.sync += [
                    both.total.eq(sum(one.total for one in pair)),
                    both.squares.eq(sum(one.squares for one in pair)),
                ]
            parts, there = sums, later(m, there, 1, name=f"moments_there_{level}")
        m.d.comb += [self.there.eq(there), self.moments.eq(parts[0])]

    def _connect(self, m, place, core):
        """Give a core its clients, what is written to its weight buffer, and what is written to the tables of all."""
        for ports, own in ((self.reads, core.reads), (self.writes, core.writes)):
            for at, client in enumerate(own):
                wiring.connect(m, client, wiring.flipped(ports[place * len(own) + at]))
        wiring.connect(m, core.sets, wiring.flipped(self.sets[place]))
        is_its_own = 1
        if len(self._cores) > 1:
            is_its_own = self.weight_address[self._weights.bits :] == place
        m.d.comb += [
            core.weight_valid.eq(self.weight_valid & is_its_own),
            core.weight_address.eq(self.weight_address[: self._weights.bits]),
            core.weight_word.eq(self.weight_word),
            core.table_write.eq(self.table_write),
            core.table_address.eq(self.table_address),
            core.table_entry.eq(self.table_entry),
        ]
