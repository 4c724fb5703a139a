"""The router of a mixture of experts: logits of row-blocks in, queues of the experts out.

The integers of the instruction `route`: `vitaccel.reference.topk` and `OnlineSoftmax.probabilities`.
"""

from amaranth.hdl import Module, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from vitaccel_rtl import latency
from vitaccel_rtl.choice_score import ChoiceScore
from vitaccel_rtl.choice_walk import ChoiceWalk, walk_job_layout
from vitaccel_rtl.credit_queue import CreditQueue, enqueue
from vitaccel_rtl.exp2 import check_powers, has_lines
from vitaccel_rtl.formats import LOGIT_BITS
from vitaccel_rtl.queue_memory import QueueShape
from vitaccel_rtl.queues import ExpertQueues
from vitaccel_rtl.reciprocal import check_reciprocal
from vitaccel_rtl.row_choices import RowChoices, row_job_layout
from vitaccel_rtl.slot import Slot
from vitaccel_rtl.stream import check_range, lane_word


class ExpertRouter(wiring.Component):
    """Top-k, gate scores and queues, while the row-blocks stream by once.

    Top-k and the statistics of softmax have P lanes. From there on choices come one by one, as the queues take them, so
    one reciprocal and one power make all scores.

    Parameters
    ----------
    lanes
        P, 1 to 256.
    row_blocks, tokens, experts, k
        Of a job at most, see :class:`vitaccel_rtl.queues.ExpertQueues`.
    fraction_bits, table
        Of :class:`vitaccel_rtl.exp2.Exp2`.
    reciprocal
        ``table``, ``entry_bits`` and ``centre`` of `vitaccel.reference.reciprocal.Reciprocal`.

    Attributes
    ----------
    job : stream
        ``row_blocks`` (those of its tokens), ``tokens`` (1 or more), ``frame_tokens`` (tokens of one frame, each of
        which starts a row-block; where the job is a part of a frame, its own tokens), ``k`` (1 to *k*), ``capacity``
        (entries that a queue holds, 0 for all), ``by_choice`` (drop order `choice`, else `token`), ``over_chosen`` (the
        softmax of the scores is over the k chosen experts, else over all). Taken when the job before has begun to be
        queued, before a request that is offered; requests that are accepted afterwards are answered by its queues, and
        what is being answered is answered to its end.
    i : stream
        ``lanes`` (logits, int16), ``last``: the last expert of a row-block, which has k or more. Only those of a job
        are taken.
    request, answer, entry : stream
        Of :class:`vitaccel_rtl.queues.ExpertQueues`.
    ready : Signal, out
        The queues of the last job are complete.

    Timing
    ------
    :meth:`route_cycles`, when logits come as they are taken.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    depends_on_when = True
    """A request is answered by the queues of the job before it."""

    def __init__(self, *, lanes, row_blocks, tokens, experts, k, fraction_bits, table, reciprocal):
        check_range("experts of a router", experts, 1, 256)
        check_range("k of a router", k, 1, min(experts, 16))
        check_range("lanes of a router", lanes, 1, 256)
        check_range("row_blocks of a router", row_blocks, 1, 1 << 14)
        check_range("tokens of a router", tokens, 1, min(lanes * row_blocks, 1 << 14))
        check_powers(fraction_bits, table)
        check_reciprocal(**reciprocal)
        self._sizes = {"lanes": lanes, "experts": experts, "k": k}
        self._row_blocks, self._tokens = row_blocks, tokens
        self._powers = {"fraction_bits": fraction_bits, "table": table}
        self._reciprocal = reciprocal
        self._shape = shape = QueueShape(rows=lanes * row_blocks, tokens=tokens, experts=experts, k=k)
        parts = (row_job_layout(row_blocks=row_blocks, k=k), walk_job_layout(tokens=tokens, k=k), shape.job)
        job = data.StructLayout({name: kind for layout in parts for name, kind in layout.members.items()})
        super().__init__(
            {
                "job": In(stream.Signature(job)),
                "i": In(stream.Signature(lane_word(lanes, signed(LOGIT_BITS)))),
                "request": In(stream.Signature(shape.request)),
                "answer": Out(stream.Signature(shape.answer)),
                "entry": Out(stream.Signature(shape.entry)),
                "ready": Out(1),
            }
        )

    @property
    def memory_bits(self):
        """Bits of the memories of the queues."""
        return self._shape.memory_bits

    def interval_cycles(self, *, experts, k, over_chosen):
        """Cycles from a row-block of P tokens to the next, when logits come as they are taken.

        ``max(experts, P k)``, or those of the statistics of chosen experts where these take longer.
        """
        return latency.route_interval(
            side=self._sizes["lanes"],
            experts=experts,
            k=k,
            over_chosen=over_chosen,
            has_lines=has_lines(self._powers["table"]),
        )

    def route_cycles(self, *, tokens, frame_tokens, experts, k, over_chosen):
        """Cycles from accepting the first word of logits to accepting a request: `latency.route`."""
        return latency.route(
            side=self._sizes["lanes"],
            tokens=tokens,
            frame_tokens=frame_tokens,
            experts=experts,
            most_experts=self._sizes["experts"],
            k=k,
            over_chosen=over_chosen,
            has_lines=has_lines(self._powers["table"]),
        )

    def elaborate(self, platform):
        m = Module()
        sizes, powers, most = self._sizes, self._powers, {"row_blocks": self._row_blocks, "tokens": self._tokens}
        fraction_bits, experts = powers["fraction_bits"], sizes["experts"]
        m.submodules.rows = rows = RowChoices(**sizes, row_blocks=self._row_blocks, **powers)
        m.submodules.walk = walk = ChoiceWalk(**sizes, tokens=self._tokens, fraction_bits=fraction_bits)
        # Within a cycle the lanes do not wait for the walk, nor the walk for queues without a job.
        m.submodules.held = held = Slot(rows.o.payload.shape())
        m.submodules.taken = taken = CreditQueue(walk.o.payload.shape(), depth=2)
        m.submodules.score = score = ChoiceScore(experts=experts, **powers, reciprocal=self._reciprocal)
        m.submodules.queues = queues = ExpertQueues(**sizes, **most)
        connect(m, flipped(self.i), rows.i)
        connect(m, rows.o, held.i)
        connect(m, held.o, walk.i)
        enqueue(m, walk.o, taken)
        connect(m, taken.o, score.i)
        connect(m, score.o, queues.i)
        connect(m, queues.answer, flipped(self.answer))
        connect(m, queues.entry, flipped(self.entry))
        jobs = self._give_job(m, {"rows": rows, "walk": walk, "queues": queues})
        # A job that is offered here comes before a request; the queues see to one that waits in their slot.
        is_free = ~self.job.valid
        m.d.comb += [
            queues.request.valid.eq(self.request.valid & is_free),
            queues.request.p.eq(self.request.p),
            self.request.ready.eq(queues.request.ready & is_free),
            self.ready.eq(queues.ready & ~jobs[-1].o.valid),
        ]
        return m

    def _give_job(self, m, parts):
        """A slot for each part: none waits for another within a cycle. Returns the slots."""
        jobs = []
        for name, part in parts.items():
            m.submodules[f"job_of_{name}"] = job = Slot(part.job.payload.shape())
            connect(m, job.o, part.job)
            m.d.comb += [job.i.p[field].eq(self.job.p[field]) for field in job.i.p.shape().members]
            jobs.append(job)
        takes = jobs[0].i.ready & jobs[1].i.ready & jobs[2].i.ready
        m.d.comb += [job.i.valid.eq(self.job.valid & takes) for job in jobs]
        m.d.comb += self.job.ready.eq(takes)
        return jobs
