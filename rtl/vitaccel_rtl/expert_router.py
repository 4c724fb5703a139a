"""The router of a mixture of experts: logits of row-blocks in, queues of the experts out.

The integers of the instruction `route`: `vitaccel.reference.topk` and `OnlineSoftmax.probabilities`.
"""

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from vitaccel_rtl import latency
from vitaccel_rtl.choice_score import ChoiceScore
from vitaccel_rtl.choice_walk import ChoiceWalk
from vitaccel_rtl.exp2 import has_lines
from vitaccel_rtl.queues import ExpertQueues
from vitaccel_rtl.row_choices import RowChoices


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
        softmax of the scores is over the k chosen experts, else over all). Taken when the choices of the job before are
        queued and no request is accepted or answered.
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

    def __init__(self, *, lanes, row_blocks, tokens, experts, k, fraction_bits, table, reciprocal):
        powers = {"fraction_bits": fraction_bits, "table": table}
        sizes = {"lanes": lanes, "experts": experts, "k": k}
        self._rows = RowChoices(**sizes, row_blocks=row_blocks, **powers)
        self._walk = ChoiceWalk(**sizes, tokens=tokens, fraction_bits=fraction_bits)
        self._score = ChoiceScore(experts=experts, **powers, reciprocal=reciprocal)
        self._queues = ExpertQueues(**sizes, row_blocks=row_blocks, tokens=tokens)
        self._lanes, self._experts, self._has_lines = lanes, experts, has_lines(table)
        parts = (self._rows, self._walk, self._queues)
        fields = {name: shape for part in parts for name, shape in part.job.payload.shape().members.items()}
        super().__init__(
            {
                "job": In(stream.Signature(data.StructLayout(fields))),
                "i": self._rows.signature.members["i"],
                "request": self._queues.signature.members["request"],
                "answer": self._queues.signature.members["answer"],
                "entry": self._queues.signature.members["entry"],
                "ready": Out(1),
            }
        )

    @property
    def memory_bits(self):
        """Bits of the memories of the queues."""
        return self._queues.memory_bits

    def route_cycles(self, *, tokens, frame_tokens, experts, k, over_chosen):
        """Cycles from accepting the first word of logits to accepting a request: `latency.route`."""
        return latency.route(
            side=self._lanes,
            tokens=tokens,
            frame_tokens=frame_tokens,
            experts=experts,
            most_experts=self._experts,
            k=k,
            over_chosen=over_chosen,
            has_lines=self._has_lines,
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.rows = rows = self._rows
        m.submodules.walk = walk = self._walk
        m.submodules.score = score = self._score
        m.submodules.queues = queues = self._queues
        connect(m, flipped(self.i), rows.i)
        connect(m, rows.o, walk.i)
        connect(m, walk.o, score.i)
        connect(m, score.o, queues.i)
        connect(m, flipped(self.request), queues.request)
        connect(m, queues.answer, flipped(self.answer))
        connect(m, queues.entry, flipped(self.entry))
        m.d.comb += self.ready.eq(queues.ready)
        self._give_job(m, (rows, walk, queues))
        return m

    def _give_job(self, m, parts):
        """All parts take the job in the same cycle."""
        for part in parts:
            others = [other.job.ready for other in parts if other is not part]
            m.d.comb += part.job.valid.eq(self.job.valid & others[0] & others[1])
            m.d.comb += [part.job.p[name].eq(self.job.p[name]) for name in part.job.p.shape().members]
        m.d.comb += self.job.ready.eq(parts[0].job.ready & parts[1].job.ready & parts[2].job.ready)
