"""Instructions of the compute engine become tiles, each sent when its time has come."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.attention_nest import AttentionNest
from vitaccel_rtl.accelerator.completions import Completions
from vitaccel_rtl.accelerator.decode import RAW, decoded, instruction_layout
from vitaccel_rtl.accelerator.expert_times import SKIPPED
from vitaccel_rtl.accelerator.isa import ATTENTION, COUNT, FRAMES, MATMUL, MOST_EXPERTS
from vitaccel_rtl.accelerator.matmul_nest import MatMulNest
from vitaccel_rtl.accelerator.pace import KEPT_AHEAD, lead
from vitaccel_rtl.accelerator.tile import tile_layout
from vitaccel_rtl.accelerator.transposed_nest import TransposedNest
from vitaccel_rtl.arbiter import select
from vitaccel_rtl.latency import SLOTS

OPERATIONS = {"matmul": MATMUL, "attention": ATTENTION, "transposed": ATTENTION}
"""What the instructions of each nest are."""


class TileIssue(wiring.Component):
    """Accepts instructions, and sends their tiles.

    Parameters
    ----------
    side
        P.
    reuses_logits
        Whether there is attention with kept logits.
    arrays
        How many work on a tile each at a time.
    takes_moments
        Of :class:`vitaccel_rtl.accelerator.matmul_nest.MatMulNest`.

    Attributes
    ----------
    phase : in
        Of the frame.
    i : stream
        Instructions, accepted in phase 0, `pace.lead` frames before the first tile.
    done : Signal, out
        A pulse for each instruction.
    step, tile : out
        A tile is sent, in phase 0: :func:`vitaccel_rtl.accelerator.tile.tile_layout`.
    clears, keeps : Signal, out
        Attention begins whose logits are kept; the last one that began is such.
    queue_write, queue_slot, queue_blocks : in
        Row-blocks of the queue of an expert's slot, before a matmul of its rows is offered.
    """

    def __init__(self, *, side, reuses_logits, arrays=1, takes_moments=False):
        self._side, self._arrays, self._takes_moments = side, arrays, takes_moments
        self._reuses = reuses_logits
        super().__init__(
            {
                "phase": In(3),
                "i": In(stream.Signature(RAW)),
                "done": Out(1),
                "step": Out(1),
                "tile": Out(tile_layout()),
                "clears": Out(1),
                "keeps": Out(1),
                "queue_write": In(1),
                "queue_slot": In(range(MOST_EXPERTS)),
                "queue_blocks": In(COUNT),
            }
        )

    def elaborate(self, platform):
        m = Module()
        sizes = {"side": self._side, "arrays": self._arrays}
        matmul = MatMulNest(**sizes, takes_moments=self._takes_moments)
        nests = {"matmul": matmul, "attention": AttentionNest(**sizes)}
        if self._reuses:
            nests["transposed"] = TransposedNest(**sizes)
        m.submodules.completions = completions = Completions()
        accepts, arriving, chosen = self._accept(m, nests)
        parts = {
            part: select(Cat(chosen.values()), [Value.cast(getattr(nest, part)) for nest in nests.values()])
            for part in ("tile", "interval", "result", "is_last")
        }
        is_last = Signal()
        m.d.comb += [self.tile.as_value().eq(parts["tile"]), is_last.eq(parts["is_last"])]
        self._send(m, nests, completions, parts, is_last, (accepts, arriving, chosen))
        return m

    def _accept(self, m, nests):
        """Give instructions to their nests; return the pulse, whose it is now, and whose the one under way is."""
        attention = data.View(instruction_layout(ATTENTION), decoded(ATTENTION, self.i.p.words))
        is_attention = self.i.p.operation == ATTENTION.code
        is_reuse = attention.mode.any() if self._reuses else Const(0)
        arriving = {name: Signal(name=f"arriving_{name}") for name in nests}
        chosen = {name: Signal(name=f"is_{name}") for name in nests}
        accepts = Signal()
        m.d.comb += [
            accepts.eq(self.i.valid & self.i.ready),
            arriving["matmul"].eq(self.i.p.operation == MATMUL.code),
            arriving["attention"].eq(is_attention & ~is_reuse),
            self.clears.eq(accepts & arriving["attention"] & attention.keeps_logits),
        ]
        with m.If(accepts & arriving["attention"]):
            m.d.sync += self.keeps.eq(attention.keeps_logits)
        if self._reuses:
            m.d.comb += arriving["transposed"].eq(is_attention & is_reuse)
        for name, nest in nests.items():
            m.submodules[name] = nest
            m.d.comb += [
                nest.instruction.as_value().eq(decoded(OPERATIONS[name], self.i.p.words)),
                nest.start.eq(accepts & arriving[name]),
                nest.step.eq(self.step & chosen[name]),
            ]
            with m.If(accepts):
                m.d.sync += chosen[name].eq(arriving[name])
        return accepts, arriving, chosen

    def _send(self, m, nests, completions, parts, is_last, instructions):
        accepts, arriving, chosen = instructions
        busy, skips, ends_skip = Signal(), Signal(), Signal()
        left = Signal(FRAMES)
        starts_frame = Signal()
        must_wait = chosen["attention"] & nests["attention"].must_wait
        m.d.comb += [
            starts_frame.eq(self.phase == 0),
            self.step.eq(starts_frame & busy & (left == 0) & ~must_wait),
            self.i.ready.eq(starts_frame & ~busy & ~skips & (left == 0)),
            ends_skip.eq(starts_frame & skips & completions.idle),
            nests["attention"].frame.eq(self.phase == SLOTS - 1),
            completions.phase.eq(self.phase),
            completions.push.eq((self.step & is_last) | ends_skip),
            completions.result.eq(Mux(skips, SKIPPED, parts["result"])),
            self.done.eq(completions.done),
        ]
        # What sets out behind its logits ends so much later, too.
        rest = Mux(is_last & chosen["transposed"], KEPT_AHEAD, 0) if self._reuses else 0
        is_empty = self._rows_of_expert(m, nests["matmul"])
        with m.If(ends_skip):
            m.d.sync += skips.eq(0)
        with m.If(accepts & is_empty):
            m.d.sync += skips.eq(1)
        with m.Elif(accepts):
            m.d.sync += [busy.eq(1), left.eq(self._lead(nests, arriving))]
        with m.Elif(self.step):
            m.d.sync += [left.eq(parts["interval"] + rest), busy.eq(~is_last)]
        with m.Elif((self.phase == SLOTS - 1) & (left != 0)):
            m.d.sync += left.eq(left - 1)

    def _lead(self, nests, arriving):
        """Frames to the first tile, :func:`vitaccel_rtl.accelerator.pace.lead`: one more for each depth it falls at."""
        depths = {"matmul": nests["matmul"].instruction.depth, "attention": nests["attention"].instruction.head_dim}
        if self._reuses:
            depths["transposed"] = nests["transposed"].instruction.keys
        depth = select(Cat(arriving[name] for name in depths), list(depths.values()))
        falls = [d for d in range(1, self._side) if lead(d, self._side) < lead(d - 1, self._side)]
        return 1 + sum((depth < fall for fall in falls), Const(0, 1))

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
