"""The gate score of one choice after another: its probability among all experts, or among those chosen."""

from amaranth.hdl import unsigned
from amaranth.lib import data

from vitaccel_rtl import latency
from vitaccel_rtl.choice_walk import ENDS, choice_layout
from vitaccel_rtl.exp2 import check_powers, has_lines
from vitaccel_rtl.probability import PROBABILITY_BITS, ProbabilityLane
from vitaccel_rtl.reciprocal import ReciprocalLane, check_reciprocal
from vitaccel_rtl.row_choices import choice_shapes
from vitaccel_rtl.stream import Pipeline, check_range


def scored_layout(*, experts):
    """Layout of a choice with its ``score`` (uq0.16): ``expert``, and what it ends."""
    expert = choice_shapes(experts=experts, fraction_bits=1)["expert"]
    return data.StructLayout({"expert": expert, "score": unsigned(PROBABILITY_BITS), **ENDS})


class ChoiceScore(Pipeline):
    """One reciprocal and one probability, one choice a cycle: as fast as the queues take them.

    Parameters
    ----------
    experts
        1 to 256.
    fraction_bits, table
        Of :class:`vitaccel_rtl.exp2.Exp2`.
    reciprocal
        ``table``, ``entry_bits`` and ``centre`` of `vitaccel.reference.reciprocal.Reciprocal`.

    Attributes
    ----------
    i : stream
        Choices, of the layout of :func:`vitaccel_rtl.choice_walk.choice_layout`.
    o : stream
        Of the layout of :func:`scored_layout`.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, experts, fraction_bits, table, reciprocal):
        check_range("experts of a router", experts, 1, 256)
        check_powers(fraction_bits, table)
        check_reciprocal(**reciprocal)
        self._powers = {"fraction_bits": fraction_bits, "table": table}
        self._reciprocal = reciprocal
        super().__init__(
            i=choice_layout(experts=experts, fraction_bits=fraction_bits),
            o=scored_layout(experts=experts),
            latency_cycles=latency.choice_score(has_lines=has_lines(table)),
        )

    def connect(self, m, stages, valid, last):
        choice, scored = self.i.p, self.o.p
        m.submodules.reciprocal = reciprocal = ReciprocalLane(**self._reciprocal)
        m.submodules.probability = probability = ProbabilityLane(**self._powers)
        m.d.comb += [
            reciprocal.advance.eq(stages.advance),
            reciprocal.total.eq(choice.total),
            probability.advance.eq(stages.advance),
            probability.y.eq(stages.delay(choice.logit, latency.RECIPROCAL, name="logit")),
            probability.m.eq(stages.delay(choice.m, latency.RECIPROCAL, name="m")),
            probability.mantissa.eq(reciprocal.mantissa),
            probability.exponent.eq(reciprocal.exponent),
            scored.score.eq(probability.out),
        ]
        for field in ("expert", "ends_token", "ends_row_block"):
            m.d.comb += scored[field].eq(stages.delay(choice[field], self.latency_cycles, name=field))
