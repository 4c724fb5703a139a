"""Cycles of every block: formulas that the gateware is built from, its benches measure and the cost model reads.

Pure Python, so that a prediction needs no Amaranth. *Latency* is from accepting a word (for a block that makes one word
of a row, the last of the row) to offering the result that belongs to it, without back-pressure. *Interval* is from the
acceptance of one word, row or tile to that of the next at full speed: one cycle a word where nothing else is said.
"""

# --------------------------------------------------------------------------------------------------- streams and queues

SKID_BUFFER = 1
"""Of `vitaccel_rtl.stream.SkidBuffer`."""

STREAM_FIFO = 2
"""Of `vitaccel_rtl.fifo.StreamFifo`, when it is empty."""

ARBITER = 1
"""Of `vitaccel_rtl.arbiter.Arbiter`, from the cycle in which a source is granted: a register."""

ROUTER = 1
"""Of `vitaccel_rtl.router.Router`: a register."""

# ------------------------------------------------------------------------------------------------ buffers and registers

BUFFER_READ = 4
"""Of `vitaccel_rtl.buffer.Buffer`, from accepting an address to offering its word.

Address, memory, its output, the response.
"""

REGISTERS_READ = 2
"""Of `vitaccel_rtl.registers.Registers`, from accepting the address of a read to offering its data."""

REGISTERS_WRITE = 2
"""Of `vitaccel_rtl.registers.Registers`, from accepting a write (the later of address and data) to its answer."""

# --------------------------------------------------------------------------------------------------------- the PE array

ARRAY = 4
"""Of `vitaccel_rtl.array.Array`, from the last word of a tile to the first of its result.

Operands, products, sums, drain.
"""

TRANSPOSER = 4
"""Of `vitaccel_rtl.transposer.Transposer`, from the last word of a tile to the first of its result: two rotations, each
in two steps, and the memories between."""


def array_interval(depth: int, side: int) -> int:
    """Cycles from a tile of *depth* words to the next on P x P PEs: ``max(K, P)``, as the drain takes P cycles."""
    return max(depth, side)


# ----------------------------------------------------------------------------------------------------------- arithmetic

NORMALIZE = 3
"""Stages of `vitaccel_rtl.fixed_point.normalize`: two halvings of the search a stage."""

REQUANTIZE = 7
"""Of `vitaccel_rtl.requantize.Requantize`: sum, two partial products, product, shift in two, cut, saturation."""

ACTIVATION = 1
"""Of `vitaccel_rtl.activation.Activation`: a memory."""

GELU = 5
"""Of `vitaccel_rtl.gelu.Gelu`: magnitude, segment, line (2), difference to ReLU."""

RESIDUAL = 2
"""Of `vitaccel_rtl.residual.ResidualAdd`: sum, saturation."""

RECIPROCAL = NORMALIZE + 5
"""Of `vitaccel_rtl.reciprocal.Reciprocal`: highest bit, table, product, difference, product, rounding."""

ROW_FACTOR = RECIPROCAL + 2
"""Of `vitaccel_rtl.reciprocal.RowFactor`: the reciprocal, a product, its rounding."""

RSQRT = NORMALIZE + 8
"""Of `vitaccel_rtl.rsqrt.Rsqrt`.

Highest bit, table, product, wide product (2), difference, wide product (2), rounding.
"""

# -------------------------------------------------------------------------------------------------------------- softmax

MAXIMUM = 2
"""Stages before the power in `vitaccel_rtl.softmax.SoftmaxStatistics`: the logit rounded up, the running maximum."""


def exp2(*, has_lines: bool) -> int:
    """Latency of `vitaccel_rtl.exp2.Exp2`: a table of mantissas (1) or of lines (3), a shift and its rounding (2)."""
    return (3 if has_lines else 1) + 2


def softmax_statistics(*, has_lines: bool) -> int:
    """Latency of `vitaccel_rtl.softmax.SoftmaxStatistics`, from the last key of a row to its maximum and sum."""
    return MAXIMUM + exp2(has_lines=has_lines) + 1


def softmax_numerators(*, has_lines: bool, bits: int) -> int:
    """Latency of `vitaccel_rtl.softmax.SoftmaxNumerators`: a power, and a rounding to less than 16 bits."""
    return exp2(has_lines=has_lines) + (bits < 16)


# ------------------------------------------------------------------------------------------------------------ LayerNorm

LAYERNORM_MOMENTS = 3
"""Of `vitaccel_rtl.layernorm.LayerNormMoments`, from the last channel of a row to its moments."""

LAYERNORM_VARIANCE = 5
"""Stages before the root in `vitaccel_rtl.layernorm.LayerNormRowScale`."""

LAYERNORM_ROW_SCALE = LAYERNORM_VARIANCE + RSQRT
"""Of `vitaccel_rtl.layernorm.LayerNormRowScale`."""

LAYERNORM_NORMALIZE = 15
"""Of `vitaccel_rtl.layernorm.LayerNormNormalize`.

Distance from the mean, its factor, shift, affine part, shift, code.
"""

# --------------------------------------------------------------------------------------------------- mixture of experts

TOPK = 1
"""Of `vitaccel_rtl.topk.TopK`, from the last expert of a row to its choices."""
