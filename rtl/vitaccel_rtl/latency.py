"""Cycles of every block: formulas that the gateware is built from, its benches measure and the cost model reads.

Pure Python, so that a prediction needs no Amaranth. *Latency* is from accepting a word (for a block that makes one word
of a row, the last of the row) to offering the result that belongs to it, without back-pressure. *Interval* is from the
acceptance of one word, row or tile to that of the next at full speed: one cycle a word where nothing else is said.
"""

WORD_INTERVAL = 1
"""Of every block that streams: a word, a request or a choice is accepted every cycle, while results are taken as they
come."""

# --------------------------------------------------------------------------------------------------- streams and queues

SKID_BUFFER = 1
"""Of `vitaccel_rtl.stream.SkidBuffer`."""

SLOT = 1
"""Of `vitaccel_rtl.slot.Slot`."""

STREAM_FIFO = 2
"""Of `vitaccel_rtl.fifo.StreamFifo`, when it is empty."""

ARBITER = 2
"""Of `vitaccel_rtl.arbiter.Arbiter`, from accepting a word: all sources in registers, then the one granted."""

ROUTER = 1
"""Of `vitaccel_rtl.router.Router`: a register."""

# ------------------------------------------------------------------------------------------------ buffers and registers

BANK = 4
"""Of `vitaccel_rtl.bank.Bank`, from an address to its word: address, memory, its output, the word."""

CREDIT_QUEUE = 1
"""Of `vitaccel_rtl.credit_queue.CreditQueue`, when it is empty: a register."""

BUFFER_READ = BANK + CREDIT_QUEUE
"""Of `vitaccel_rtl.buffer.Buffer`, from accepting an address to offering its word."""

SLOTS = 8
"""Cycles of a frame, and banks of `vitaccel_rtl.accelerator.slot_buffer.SlotBuffer`: each client has one a cycle."""

SLOT_BUFFER = 6
"""Of `vitaccel_rtl.accelerator.slot_buffer.SlotBuffer`, from presenting a read to its word at the client's port."""

READ_RUN = 1 + (SLOTS - 1) + SLOT_BUFFER + 2
"""Of `vitaccel_rtl.accelerator.run_reader.RunReader`, from the start of a run to its first word: a register, the wait
for a bank and the delay that makes all waits equal, the buffer, that delay's memory and output."""

WRITE_RUN = 2 + (SLOTS - 1) + 2
"""Of `vitaccel_rtl.accelerator.run_writer.RunWriter`, from one cycle behind the last word of a run to where a run that
reads it may start: the delay's memory and output, the wait for a bank, the bank."""

DONE_TO_START = 2
"""Cycles from the `done` of an instruction to the start of one that waits for it, if that is the start of a frame."""

LINE_WRITER = 2 + (SLOTS - 1) - DONE_TO_START
"""Of `vitaccel_rtl.accelerator.line_writer.LineWriter`, from accepting a word with `last` to its `done`: the place and
its output, the longest wait for a bank, less what lies between `done` and who reads it."""

LINE_READER = 1 + SLOT_BUFFER + CREDIT_QUEUE
"""Of `vitaccel_rtl.accelerator.line_reader.LineReader`, from accepting a run to its first word, beyond the wait for its
bank: a register, the buffer, the queue behind it."""

FRONT = 18
"""Of `vitaccel_rtl.accelerator.front.Front`, from accepting an instruction to offering the next.

16 words, through two registers.
"""

RUN_END = 3
"""From the last completion of a program, or from its header if it has no instructions, to the end of the run."""

REGISTERS_READ = 3
"""Of `vitaccel_rtl.registers.Registers`, from accepting the address of a read to offering its data."""

REGISTERS_WRITE = 2
"""Of `vitaccel_rtl.registers.Registers`, from accepting a write (the later of address and data) to its answer."""

REGISTERS_READ_INTERVAL = REGISTERS_READ + 1
"""Of `vitaccel_rtl.registers.Registers`, from accepting the address of a read to accepting the next, which waits."""

REGISTERS_WRITE_INTERVAL = REGISTERS_WRITE + 1
"""Of `vitaccel_rtl.registers.Registers`, from accepting a write to accepting the next, which waits."""

# --------------------------------------------------------------------------------------------------------- the PE array

ARRAY = 5 + CREDIT_QUEUE
"""Of `vitaccel_rtl.array.Array`, from the last word of a tile to the first of its result.

Operands, products (the multiplier's register, and one on the way from there), sums, drain, and the queue behind it.
"""

TRANSPOSER = 5
"""Of `vitaccel_rtl.transposer.Transposer`, from the last word of a tile to the first of its result: two rotations, each
in two steps, and the memories between."""


def array_interval(depth: int, side: int) -> int:
    """Cycles from a tile of *depth* words to the next on P x P PEs: ``max(K, P)``, as the drain takes P cycles."""
    return max(depth, side)


# ----------------------------------------------------------------------------------------------------------- arithmetic

NORMALIZE = 4
"""Stages of `vitaccel_rtl.fixed_point.normalize`: two halvings of the search a stage, each a stage before its shift."""

REQUANTIZE = 9
"""Of `vitaccel_rtl.requantize.Requantize`.

Sum, operands, two partial products, product, shift in two, cut, rounding, saturation.
"""

ACTIVATION = 2
"""Of `vitaccel_rtl.activation.Activation`: a memory, its output."""

GELU = 5
"""Of `vitaccel_rtl.gelu.Gelu`: magnitude, segment, line (2), difference to ReLU."""

RESIDUAL = 2
"""Of `vitaccel_rtl.residual.ResidualAdd`: sum, saturation."""

RECIPROCAL = NORMALIZE + 7
"""Of `vitaccel_rtl.reciprocal.Reciprocal`.

Highest bit, table, operand, product, difference, operand, product, rounding.
"""

ROW_FACTOR = RECIPROCAL + 3
"""Of `vitaccel_rtl.reciprocal.RowFactor`: the reciprocal, an operand, a product, its rounding."""

RSQRT = NORMALIZE + 13
"""Of `vitaccel_rtl.rsqrt.Rsqrt`.

Highest bit, table, its output, operand, product, operand, wide product (2), difference, operand, wide product (2),
rounding, saturation.
"""

# -------------------------------------------------------------------------------------------------------------- softmax

MAXIMUM = 3
"""Stages before the power in `vitaccel_rtl.softmax.SoftmaxStatistics`.

The logit rounded up, the running maximum, how far the logit is below it.
"""


def exp2(*, has_lines: bool) -> int:
    """Latency of `vitaccel_rtl.exp2.Exp2`: a table of mantissas (1) or of lines (3), a shift and its rounding (2)."""
    return (3 if has_lines else 1) + 2


def softmax_statistics(*, has_lines: bool) -> int:
    """Latency of `vitaccel_rtl.softmax.SoftmaxStatistics`, from the last key of a row to its maximum and sum.

    The maximum, a power, its shift to the scale of the running total, that total, its shift back.
    """
    return MAXIMUM + exp2(has_lines=has_lines) + 3


def softmax_numerators(*, has_lines: bool, bits: int) -> int:
    """Latency of `vitaccel_rtl.softmax.SoftmaxNumerators`.

    How far the logit is below the maximum, a power, and a rounding to less than 16 bits.
    """
    return 1 + exp2(has_lines=has_lines) + (bits < 16)


def softmax_rows(*, has_lines: bool, bits: int) -> int:
    """Latency of `vitaccel_rtl.softmax_rows.Softmax`, from the last key of a row to its first numerator."""
    summary = softmax_statistics(has_lines=has_lines) + RECIPROCAL + CREDIT_QUEUE
    return summary + 1 + CREDIT_QUEUE + softmax_numerators(has_lines=has_lines, bits=bits)


# ------------------------------------------------------------------------------------------------------------ LayerNorm

LAYERNORM_MOMENTS = 3
"""Of `vitaccel_rtl.layernorm.LayerNormMoments`, from the last channel of a row to its moments."""

LAYERNORM_VARIANCE = 7
"""Stages before the root in `vitaccel_rtl.layernorm.LayerNormRowScale`.

Operands, products (2), sums (2), difference, sum.
"""

LAYERNORM_ROW_SCALE = LAYERNORM_VARIANCE + RSQRT + CREDIT_QUEUE
"""Of `vitaccel_rtl.layernorm.LayerNormRowScale`."""

LAYERNORM_NORMALIZE = 20 + CREDIT_QUEUE
"""Of `vitaccel_rtl.layernorm.LayerNormNormalize`.

Distance from the mean, operand, its factor, shift, operand, affine part, shift, cut in two, rounding,
saturation, and the queue behind.
"""

# ---------------------------------------------------------------------------------------------------- the vector engine

VECTOR = 1 + LAYERNORM_NORMALIZE + 1
"""Of `vitaccel_rtl.accelerator.vector_engine.VectorEngine`, from an operand at the readers' output to its result at the
writers' input, whatever the function: operands, the slowest function, the choice of a function's result."""

VECTOR_MOMENTS = LAYERNORM_MOMENTS + 1 + LAYERNORM_ROW_SCALE + 2
"""Of `vitaccel_rtl.accelerator.layernorm_rows.LayerNormRows`, from the last word of a row-block to the first lane's
factors being there: moments, the register that shifts lanes out, scale, a register, the memory. Lanes follow."""

ROW_MOMENTS = 6
"""Of `vitaccel_rtl.accelerator.row_moments.RowMoments`, from a row-block's last word to where its moments may be asked
for: which words count, the word or zero, the square (2), the sums, and the memory that they are written to."""

MOMENTS_ASKED = 4
"""Of `vitaccel_rtl.accelerator.row_moments.RowMoments`, from asking to the first lane's moments: the memory, its
register, a cycle more where a tile is begun, the register that shifts lanes out."""

MOMENTS_ASK = READ_RUN + 1 - (SLOTS - 3) - MOMENTS_ASKED
"""Of `vitaccel_rtl.accelerator.vector_engine.VectorEngine`, from the decision in phase 5 to asking for moments: with
the first ones the instruction's epsilon has come, too."""


def vector_drained(arrays: int) -> int:
    """Cycles from the first word of a row-block that were streamed for its moments to its first lane's factors.

    They were taken as it drained, and are asked for instead: scale, a register, the memory, a sum of the arrays for
    every doubling of their number; and all of it a frame before the words would come.
    """
    return LAYERNORM_ROW_SCALE + 2 + (arrays - 1).bit_length() - SLOTS


def vector_rows_drain(side: int) -> int:
    """Frames for which the vector engine takes no instruction behind one with results by rows, beyond the interval.

    The last tile's *side* words are written behind those of what comes next, were it not for these frames.
    """
    return max(-(-(side + (side - 1) % SLOTS + 1 + TRANSPOSER + SLOTS - 2 * SLOTS - 2) // SLOTS), 0)


# --------------------------------------------------------------------------------------------------- mixture of experts

TOPK = 3
"""Of `vitaccel_rtl.topk.TopK`, from the last expert of a row to its choices: two comparisons, order."""

QUEUE_WALK = 2
"""Of `vitaccel_rtl.queue_walk.QueueWalk`, from an entry to its slot of the first tile: a memory, its address's sum."""

GATE_FACTORS = 3
"""Of `vitaccel_rtl.gate_factors.GateFactors`, from the last score of a block: operands, product, a lane's place."""

WEIGH = 8
"""Of `vitaccel_rtl.weigh.Weigh`: operands, two partial products, product, shift in two, cut, rounding, saturation."""

ACCUMULATE = 2
"""Of `vitaccel_rtl.scatter_add.Accumulate`: sum, saturation."""


def queue_slots(entries: int, tiles: int, side: int) -> int:
    """Cycles of a queue in gather and scatter-add, at one word a cycle: P of every tile of every block of P entries.

    With a queue in hand this is the interval of :class:`vitaccel_rtl.gather.Gather` from job to job.
    """
    return -(-entries // side) * side * tiles


def gather(side: int, response: int = STREAM_FIFO) -> int:
    """Of `vitaccel_rtl.gather.Gather`, from accepting a job to offering its last word, beyond its `queue_slots`.

    A tile of reads, each answered after *response* cycles, and its transposition.
    """
    return QUEUE_WALK + max(response, STREAM_FIFO) + side + TRANSPOSER - 1


def scatter_add(side: int, entries: int) -> int:
    """Of `vitaccel_rtl.scatter_add.ScatterAdd`, from accepting a job to accepting the next, beyond its `queue_slots`.

    The factors of the first block, a tile of weighted results, its transposition, and the sum; the sums so far are read
    meanwhile, if the buffer answers within that time.
    """
    weighed = min(entries, side) + GATE_FACTORS + WEIGH + CREDIT_QUEUE
    return weighed + side + TRANSPOSER + CREDIT_QUEUE + ACCUMULATE + CREDIT_QUEUE - 1


def scatter_add_interval(entries: int, tiles: int, side: int) -> int:
    """Cycles from accepting a job of `vitaccel_rtl.scatter_add.ScatterAdd` to accepting the next: it has ended.

    A job without entries is over in a cycle.
    """
    return queue_slots(entries, tiles, side) + scatter_add(side, entries) if entries else WORD_INTERVAL


def probability(*, has_lines: bool) -> int:
    """Latency of `vitaccel_rtl.probability.Probability`: a power, a product, a shift in two, saturation."""
    return exp2(has_lines=has_lines) + 4


def choice_score(*, has_lines: bool) -> int:
    """Latency of `vitaccel_rtl.choice_score.ChoiceScore`: the reciprocal of a sum, then a probability."""
    return RECIPROCAL + probability(has_lines=has_lines)


QUEUE_FORGET = 1
"""From accepting a job of `vitaccel_rtl.queues.ExpertQueues` to accepting its choices, with all queues empty."""

QUEUE_ANSWER = 5
"""From accepting a request of a queue to offering its length."""

QUEUE_ENTRY = 7
"""From accepting a request of a queue to offering its first entry.

In drop order `choice`, 2 more for every rank before it that has no entries in the queue.
"""


def queues_ready(experts: int) -> int:
    """Cycles of `vitaccel_rtl.queues.ExpertQueues` from accepting the last choice to accepting a request.

    The choice is appended in two cycles, and the experts are sorted by the lengths of their queues, one a cycle, each
    of which is looked up in two.
    """
    return experts + 5 + TOPK


def row_choices_interval(*, experts: int, k: int, over_chosen: bool, has_lines: bool) -> int:
    """Cycles from a row-block to the next in `vitaccel_rtl.row_choices.RowChoices`: it is streamed once.

    When scores are over the chosen experts, these go through the statistics after the row, one row at a time, which may
    take longer than the *experts* words of the next: ``k`` and the latency of the statistics with the queue behind.
    """
    return max(experts, k + softmax_statistics(has_lines=has_lines) + CREDIT_QUEUE) if over_chosen else experts


def route_interval(*, side: int, experts: int, k: int, over_chosen: bool, has_lines: bool) -> int:
    """Cycles from a row-block of P tokens to the next in `vitaccel_rtl.expert_router.ExpertRouter`.

    It is streamed once, while the choices of the one before are walked one by one.
    """
    streamed = row_choices_interval(experts=experts, k=k, over_chosen=over_chosen, has_lines=has_lines)
    return max(streamed, side * k)


def route(
    *,
    side: int,
    tokens: int,
    frame_tokens: int,
    experts: int,
    most_experts: int,
    k: int,
    over_chosen: bool,
    has_lines: bool,
) -> int:
    """Cycles of `vitaccel_rtl.expert_router.ExpertRouter` from accepting the first logits to accepting a request.

    A row-block is streamed once, in *experts* words, while the choices of the one before are walked one by one; so each
    takes

        ``max(row_choices_interval, valid tokens * k)``

    cycles (`route_interval`, when all its lanes have tokens), or less where it waits in a slot for the walk of one that
    takes longer. All *most_experts* queues that there are get sorted.
    """
    statistics = softmax_statistics(has_lines=has_lines) + CREDIT_QUEUE
    interval = row_choices_interval(experts=experts, k=k, over_chosen=over_chosen, has_lines=has_lines)
    first = experts + statistics - 1
    if over_chosen:
        first += TOPK + CREDIT_QUEUE + k - 1
    whole, rest = divmod(min(frame_tokens, tokens), side)
    walks = [valid * k for valid in [side] * whole + [rest] * (rest > 0)]
    waits = first
    walked = waits + SLOT
    all_walks = walks * max(tokens // frame_tokens, 1)
    for walk in all_walks[:-1]:
        waits = max(waits + interval, walked + 1)
        walked = max(waits + SLOT, walked + walk)
    behind = CREDIT_QUEUE + choice_score(has_lines=has_lines) + queues_ready(most_experts)
    return walked + walks[-1] + behind
