"""The vector engine: streams of row-blocks through the lanes, from the activation buffer and back into it."""

from amaranth.hdl import Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_formats import TABLE_SLOTS
from vitaccel_rtl.accelerator.decode import RAW, decoded, instruction_layout
from vitaccel_rtl.accelerator.delay import later
from vitaccel_rtl.accelerator.frame_delay import FrameDelay
from vitaccel_rtl.accelerator.isa import COUNT, LANE
from vitaccel_rtl.accelerator.lane_arithmetic import CODE_BITS, LaneArithmetic
from vitaccel_rtl.accelerator.lane_moves import LaneMoves
from vitaccel_rtl.accelerator.lane_operands import READ_CLIENTS, LaneOperands
from vitaccel_rtl.accelerator.lane_results import WRITE_CLIENTS, LaneResults
from vitaccel_rtl.accelerator.lane_words import FUNCTION, LANES
from vitaccel_rtl.accelerator.layernorm_rows import LayerNormRows
from vitaccel_rtl.accelerator.parameter_set import PARAMETER_SET
from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.accelerator.row_moments import ASKING
from vitaccel_rtl.accelerator.row_times import RowTimes
from vitaccel_rtl.accelerator.row_walk import RowWalk
from vitaccel_rtl.accelerator.set_memory import set_run
from vitaccel_rtl.accelerator.slot_buffer import PHASE, read_client, write_client
from vitaccel_rtl.formats import TABLE_ENTRIES
from vitaccel_rtl.stream import Stages, check_range

CONSTANTS = 2
"""Parameter sets that are read before the first row-block."""


class VectorEngine(wiring.Component):
    """Runs :data:`~vitaccel_rtl.accelerator.isa.LANE` instructions.

    Every function takes the same time: a word whose operands are at the readers' output is at the writers' input
    `latency.VECTOR` cycles later; so results never meet, and the times in an instruction are closed formulas
    (:mod:`~vitaccel_rtl.accelerator.vector_pace`), which the engine counts down. A frame after an instruction was
    accepted, in which its first two parameter sets are read, its first row-block begins.

    Parameters
    ----------
    side
        P, 4 to 32.
    words, sets
        Of a part of the activation buffer, and of the parameter buffer.
    parts
        Of the activation buffer, one an array: its words stream through the same lanes, wherever they are.
    table, entry_bits, centre
        Of the reciprocal square root (`vitaccel_rtl.layernorm.LayerNormRowScale`).
    has_moments
        Whether there are LayerNorms of rows whose moments were taken as they drained.

    Attributes
    ----------
    i : stream
        Instructions; ready in cycles of phase 0 only.
    done : Signal, out
        A pulse for each instruction, in order, 4 cycles before the frame in which its result is there.
    rests : Signal, out
        In cycles of phase 0: no instruction is under way.
    phase : Signal, in
        Of the buffer.
    reads, writes : arrays of clients, out
        Of the activation buffer: :data:`~vitaccel_rtl.accelerator.lane_operands.READ_CLIENTS` and
        :data:`~vitaccel_rtl.accelerator.lane_results.WRITE_CLIENTS`.
    sets : run, out
        Of the parameter buffer.
    asks, asked : Signal, out
        With *has_moments*: a row-block's moments are asked for, and where they are, for a cycle longer.
    there, moments : Signal, in
        Those of one lane after the other, `latency.MOMENTS_ASKED` cycles after they were asked for, or, of several
        arrays, as much later as `latency.vector_drained` says.
    table_write, table_address, table_entry : Signal, in
        An entry of an activation table (`vitaccel_rtl.activation.Activation` of two slots and 16 bits).

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, side, words, sets, table, entry_bits, centre, parts=1, has_moments=False):
        check_range("side of a vector engine", side, 4, 32)
        self._side, self._has_moments = side, has_moments
        self._parts = Parts(count=parts, words=words)
        self._words = self._parts.words_of_all
        self._root = {"table": table, "entry_bits": entry_bits, "centre": centre}
        lines = self._words // latency.SLOTS
        super().__init__(
            {
                "i": In(stream.Signature(RAW)),
                "done": Out(1),
                "rests": Out(1),
                "phase": In(PHASE),
                "reads": Out(read_client(side, lines)).array(len(READ_CLIENTS)),
                "writes": Out(write_client(side, lines)).array(len(WRITE_CLIENTS)),
                "sets": Out(set_run(sets)),
                **(ASKING if has_moments else {}),
                "table_write": In(1),
                "table_address": In(range(TABLE_ENTRIES * TABLE_SLOTS)),
                "table_entry": In(signed(CODE_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.times = times = RowTimes(side=self._side, has_moments=self._has_moments)
        m.submodules.walk = walk = RowWalk(side=self._side, parts=self._parts)
        accept = Signal()
        arriving, job = Signal(instruction_layout(LANE)), Signal(instruction_layout(LANE), reset_less=True)
        m.d.comb += [
            self.i.ready.eq((self.phase == 0) & times.idle),
            accept.eq(self.i.valid & self.i.ready),
            arriving.eq(decoded(LANE, self.i.p.words)),
            times.accept.eq(accept),
            self.done.eq(times.done),
            self.rests.eq(times.rests),
        ]
        with m.If(accept):
            m.d.sync += job.eq(arriving)
        for part in (times, walk):
            m.d.comb += [part.phase.eq(self.phase), part.job.eq(job)]
        m.d.comb += [getattr(walk, name).eq(getattr(times, name)) for name in ("loads", "begins", "moments", "parity")]
        m.d.comb += walk.last.eq(times.last)
        self._compute(m, times, walk, job, self._constants(m, times, walk, arriving))
        return m

    def _constants(self, m, times, walk, arriving):
        """Ask for parameter sets; return the first two of an instruction."""
        sets = self.sets
        first = times.idle  # no row-block asks for any in this frame
        m.d.comb += [
            sets.start.eq(self.phase == 0),
            sets.address.eq(Mux(first, arriving.sets, walk.fetch.sets)),
            sets.count.eq(Mux(first, Mux(self.i.valid, CONSTANTS, 0), walk.fetch.sets_count)),
        ]
        m.submodules.first_sets = came = FrameDelay(1, cycles=latency.READ_RUN)
        fresh = Signal()
        with m.If(self.phase == 0):
            m.d.sync += fresh.eq(times.accept)
        m.d.comb += [came.phase.eq(self.phase), came.valid.eq(fresh)]
        constants = Signal(data.ArrayLayout(PARAMETER_SET, CONSTANTS), reset_less=True)
        for place in range(CONSTANTS):
            with m.If(came.valid_late & (came.place == place)):
                m.d.sync += constants[place].eq(sets.word)
        return constants

    def _ask(self, m, times, job, layernorm):
        """Ask for the moments of one row-block after the other, when the instruction's epsilon has come."""
        asks = later(m, times.asks, latency.MOMENTS_ASK, name="asks")
        asked, has_asked = Signal(COUNT, reset_less=True), later(m, asks, 1, name="has_asked")
        with m.If(times.loads):
            m.d.sync += asked.eq(job.moments)
        with m.Elif(has_asked):
            m.d.sync += asked.eq(asked + 1)
        m.d.comb += [
            self.asks.eq(asks),
            self.asked.eq(asked),
            layernorm.asks.eq(asks),
            layernorm.channels.eq(job.channels),
            layernorm.there.eq(self.there),
            layernorm.moments.eq(self.moments),
        ]

    def _compute(self, m, times, walk, job, constants):
        """Take a frame's words from the operands to the results."""
        m.submodules.here = here = FrameDelay(LANES, cycles=latency.READ_RUN)
        m.submodules.operands = operands = LaneOperands(side=self._side, words=self._words)
        m.submodules.arithmetic = arithmetic = LaneArithmetic(side=self._side)
        m.submodules.layernorm = layernorm = LayerNormRows(side=self._side, has_moments=self._has_moments, **self._root)
        if self._has_moments:
            self._ask(m, times, job, layernorm)
        after = latency.READ_RUN + latency.VECTOR
        m.submodules.results = results = LaneResults(side=self._side, words=self._words, words_after=after)
        for place, client in enumerate(operands.reads):
            wiring.connect(m, client, wiring.flipped(self.reads[place]))
        for place, client in enumerate(results.clients):
            wiring.connect(m, client, wiring.flipped(self.writes[place]))
        m.d.comb += [
            *(part.phase.eq(self.phase) for part in (here, operands, results)),
            here.valid.eq(walk.has_words),
            here.i.eq(walk.lanes),
            operands.fetch.eq(walk.fetch),
            operands.lanes.eq(here.o),
            *(getattr(results, name).eq(getattr(walk, name)) for name in ("writes", "ends_tile", "out")),
            *(getattr(arithmetic, name).eq(getattr(self, name)) for name in self._table_write),
        ]
        flags = self._flags(m, here)
        lanes, one_set = Signal(LANES, reset_less=True), Signal(PARAMETER_SET, reset_less=True)
        m.d.sync += [lanes.eq(here.o), one_set.eq(self.sets.word)]
        for part in (arithmetic, layernorm):
            m.d.comb += [part.lanes.eq(lanes), part.set.eq(one_set)]
        m.submodules.moves = moves = LaneMoves(side=self._side)
        m.d.comb += [
            moves.a.eq(operands.a),
            moves.b.eq(operands.b),
            moves.lanes.eq(lanes),
            layernorm.a.eq(operands.a),
            arithmetic.a.eq(moves.o),
            arithmetic.b.eq(operands.b),
            arithmetic.constants.eq(constants),
            layernorm.epsilon.eq(constants[0].as_value()),
            *(getattr(layernorm, name).eq(flags[name]) for name in ("valid_moments", "ends", "valid_normal", "first")),
        ]
        self._choose(m, flags, arithmetic, layernorm, moves, results)

    _table_write = ("table_write", "table_address", "table_entry")

    def _flags(self, m, here):
        """Return what is known of a word when it is in the operands' register."""
        is_word = here.valid_late & (here.place < here.o.count)
        is_real = here.valid_late & (here.place < here.o.real)
        is_layernorm = here.o.function == FUNCTION["layernorm"]
        values = {
            "valid_moments": is_word & here.o.moments,
            "ends": here.o.ends & (here.place + 1 == here.o.count),
            "valid_normal": is_word & is_layernorm & ~here.o.moments,
            "first": here.o.first & (here.place == 0),
            "real": is_real,
            "turns": is_word & here.o.by_rows,
        }
        flags = {name: Signal(name=name) for name in values}
        m.d.sync += [flags[name].eq(value) for name, value in values.items()]
        return flags

    def _choose(self, m, flags, arithmetic, layernorm, moves, results):
        """Register a word's result: of the function that is asked for, or zero, or what was there before."""
        stages = Stages(m, Const(1))
        late = latency.LAYERNORM_NORMALIZE
        is_layernorm = stages.flags(flags["valid_normal"], late, name="is_layernorm")[-1]
        real = stages.flags(flags["real"], late, name="is_real")[-1]
        turns = stages.flags(flags["turns"], late + 1, name="turns_late")[-1]
        m.d.comb += results.turns.eq(turns)
        for lane in range(self._side):
            chosen = Mux(is_layernorm, layernorm.o[lane], arithmetic.o[lane])
            chosen = Mux(real, Mux(moves.keeps[lane], moves.kept[lane], chosen), 0)
            chosen = stages.register(chosen, name=f"result_{lane}", shape=signed(CODE_BITS))
            m.d.comb += results.word[lane].eq(chosen)
