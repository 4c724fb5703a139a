"""The operations of the Graph: what a vision transformer is made of, each with its type rule and its MAC count.

Every op is a frozen record of attributes; operands are listed in its docstring. ``macs`` follows the convention of
``torch.utils.flop_counter`` (matmuls and convolutions; no bias, normalisation, softmax, activation or interpolation).
:class:`Foreign` stands for an ONNX operator the frontend has not recognised yet; none may be left when it is done.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import prod
from typing import ClassVar

from vitaccel.ir.types import TensorType

Attribute = int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...]


@dataclass(frozen=True)
class Op:
    """Base of all operations."""

    name: ClassVar[str] = "op"

    def infer(self, *operands: TensorType) -> TensorType:
        """Type of the result; raises ``ValueError`` when the operands do not fit the op."""
        raise ValueError(f"the type of {self.name} must be given")

    def macs(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        """Multiply-accumulates, routed experts counted as routed."""
        return 0

    def macs_dense(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        """Multiply-accumulates if every expert ran on every token."""
        return self.macs(operands, result)

    def attributes(self) -> dict[str, object]:
        """Attributes that differ from their defaults, for printing."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}


def need(condition: bool, message: str) -> None:
    """Raise ``ValueError(message)`` unless the condition holds."""
    if not condition:
        raise ValueError(message)


# -- leaves --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Input(Op):
    """A graph input; no operands."""

    name: ClassVar[str] = "input"


@dataclass(frozen=True)
class Const(Op):
    """A constant whose array the Graph holds; ``parameter`` says whether it was learned."""

    name: ClassVar[str] = "const"
    parameter: bool = False


@dataclass(frozen=True)
class Foreign(Op):
    """Output ``output`` of an ONNX operator not recognised (yet); operands as in ONNX, absent optional ones dropped.

    ``present`` records which ONNX input positions the operands fill, e.g. ``(0, 2)``.
    """

    name: ClassVar[str] = "onnx"
    op_type: str = ""
    domain: str = ""
    attrs: tuple[tuple[str, Attribute], ...] = ()
    output: int = 0
    present: tuple[int, ...] = ()
    origin: str = ""

    def attr(self, key: str, default: Attribute | None = None) -> Attribute | None:
        """The value of an ONNX attribute, or the default."""
        return dict(self.attrs).get(key, default)


# -- matrix work ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Linear(Op):
    """``x[..., K] @ w[K, N] (+ b[N])``; ``w`` is a Const, or a Select of constants (task gates)."""

    name: ClassVar[str] = "linear"

    def infer(self, *operands: TensorType) -> TensorType:
        x, w = operands[:2]
        need(w.rank == 2 and x.shape[-1] == w.shape[0], f"linear of {x} by {w} must agree in K")
        need(len(operands) == 2 or operands[2].shape == w.shape[1:], "linear bias must have N elements")
        return TensorType((*x.shape[:-1], w.shape[1]))

    def macs(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        return result.size * operands[1].static_shape[0]


@dataclass(frozen=True)
class MatMul(Op):
    """``a[..., M, K] @ b[..., K, N]`` of two activations, leading dimensions broadcast."""

    name: ClassVar[str] = "matmul"

    def infer(self, *operands: TensorType) -> TensorType:
        a, b = operands
        need(a.rank >= 2 and b.rank >= 2 and a.shape[-1] == b.shape[-2], f"matmul of {a} by {b} must agree in K")
        return TensorType((*broadcast(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]))

    def macs(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        return result.size * operands[0].static_shape[-1]


@dataclass(frozen=True)
class TokenMix(Op):
    """``m[M, N] @ x[B, N, C]`` with a constant ``m``: token resampling or pooling. Operands: x, m.

    ``kind`` is how the model wrote it: ``matmul`` (its MACs count), ``resize`` or ``pool`` (they do not, by convention).
    """

    name: ClassVar[str] = "token_mix"
    kind: str = "matmul"

    def infer(self, *operands: TensorType) -> TensorType:
        x, m = operands
        need(x.rank == 3 and m.rank == 2 and m.shape[1] == x.shape[1], f"token_mix of {x} by {m} must agree in tokens")
        need(self.kind in ("matmul", "resize", "pool"), f"token_mix kind must be known, not {self.kind!r}")
        return TensorType((x.shape[0], m.shape[0], x.shape[2]))

    def macs(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        return result.size * operands[1].static_shape[1] if self.kind == "matmul" else 0


@dataclass(frozen=True)
class Conv2d(Op):
    """2-D convolution. Operands: x[B, C, H, W], w[O, C/groups, kh, kw], (b[O]). ``padding`` is top, left, bottom, right."""

    name: ClassVar[str] = "conv2d"
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def infer(self, *operands: TensorType) -> TensorType:
        x, w = operands[:2]
        need(x.rank == 4 and w.rank == 4, f"conv2d must see 4-D operands, not {x} and {w}")
        need(x.static_shape[1] == w.static_shape[1] * self.groups, f"conv2d of {x} by {w} must agree in channels")
        height, width = window_counts(x, w.static_shape[2:], self.stride, self.padding, self.dilation)
        return TensorType((x.shape[0], w.shape[0], height, width))

    def macs(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        return result.size * prod(operands[1].static_shape[1:])


# -- attention -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class AttentionLogits(Op):
    """``scale * q_h @ k_h^T (+ mask)`` for every head. Operands: q[B, M, H*d], k[B, N, H*d], (mask to B, H, M, N)."""

    name: ClassVar[str] = "attention_logits"
    heads: int = 1
    scale: float = 1.0

    def infer(self, *operands: TensorType) -> TensorType:
        q, k = operands[:2]
        need(
            q.rank == 3 and k.rank == 3 and q.shape[2] == k.shape[2], f"attention of {q} and {k} must agree in channels"
        )
        need(q.static_shape[2] % self.heads == 0, f"{self.heads} heads must divide {q.shape[2]} channels")
        return TensorType((q.shape[0], self.heads, q.shape[1], k.shape[1]))

    def macs(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        return result.size * (operands[0].static_shape[2] // self.heads)


REUSES = ("none", "post_softmax_T", "pre_softmax_T", "head_mean_T")


@dataclass(frozen=True)
class Attention(Op):
    """Probabilities of the logits applied to values. Operands: logits[B, H, M, N], v.

    ``reuse`` says how: ``none`` softmax over N, times v[B, N, H*d]; ``post_softmax_T`` the transpose of the softmax over
    N, times v[B, M, H*d] (LookupViT); ``pre_softmax_T`` softmax over M of the transposed logits; ``head_mean_T`` the
    transpose of the probabilities averaged over heads, times all channels of v[B, M, D].
    """

    name: ClassVar[str] = "attention"
    reuse: str = "none"

    def infer(self, *operands: TensorType) -> TensorType:
        logits, v = operands
        need(self.reuse in REUSES, f"attention reuse must be one of {', '.join(REUSES)}, not {self.reuse!r}")
        batch, _, m, n = logits.shape
        contracted, kept = (n, m) if self.reuse == "none" else (m, n)
        need(v.rank == 3 and v.shape[1] == contracted, f"attention values {v} must have {contracted} tokens")
        return TensorType((batch, kept, v.shape[2]))

    def macs(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        return result.size * operands[1].static_shape[1]


# -- experts -------------------------------------------------------------------------------------------------------
SCORES = ("softmax_all", "softmax_topk", "renorm")


@dataclass(frozen=True)
class Moe(Op):
    """Top-k routed experts. Operands: x[..., D], router logits[..., E], w1[E, D, h], b1[E, h], w2[E, h, D2], b2[E, D2].

    The value of a token is ``sum_j score_j * (act(x @ w1_e + b1_e) @ w2_e + b2_e)`` over its k choices ``e = e_j``,
    best first; ties go to the lower expert. ``score``: ``softmax_all`` raw probabilities over all experts;
    ``softmax_topk`` softmax over the chosen logits; ``renorm`` raw probabilities divided by their sum over the chosen
    (the same function, kept apart because it is computed differently). ``capacity`` > 0 bounds the tokens of an expert:
    it takes the first ``capacity`` assignments in ``order``, which is ``token`` (a token's choices together, tokens in
    order) or ``choice`` (all first choices in token order before any second). Tokens are counted over all leading
    dimensions together, row by row: a batch is one group. A dropped choice adds nothing, and the scores of the others
    stay as they were.
    """

    name: ClassVar[str] = "moe"
    experts: int = 1
    k: int = 1
    score: str = "softmax_all"
    activation: str = "gelu"
    capacity: int = 0
    order: str = ""

    def infer(self, *operands: TensorType) -> TensorType:
        x, logits, w1, _, w2, _ = operands
        need(self.score in SCORES, f"moe score must be one of {', '.join(SCORES)}, not {self.score!r}")
        need(1 <= self.k <= self.experts, f"moe k must be 1 to {self.experts}, not {self.k}")
        need(
            logits.shape == (*x.shape[:-1], self.experts),
            f"moe router logits {logits} must rate {self.experts} experts",
        )
        need(w1.static_shape[:2] == (self.experts, x.shape[-1]), f"moe first weights {w1} must fit {x}")
        need(w2.static_shape[:2] == (self.experts, w1.shape[2]), f"moe second weights {w2} must fit {w1}")
        need(bool(self.capacity) == bool(self.order), "a moe capacity must come with a drop order")
        return TensorType((*x.shape[:-1], w2.shape[2]))

    def macs(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        rows = prod(operands[0].static_shape[:-1]) * self.k
        if self.capacity:
            rows = min(rows, self.experts * self.capacity)
        return rows * self._macs_per_row(operands)

    def macs_dense(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        return prod(operands[0].static_shape[:-1]) * self.experts * self._macs_per_row(operands)

    def _macs_per_row(self, operands: tuple[TensorType, ...]) -> int:
        return prod(operands[2].static_shape[1:]) + prod(operands[4].static_shape[1:])


# -- lane work -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class LayerNorm(Op):
    """Normalise over the last axis. Operands: x[..., C], gamma[C], beta[C]."""

    name: ClassVar[str] = "layernorm"
    eps: float = 1e-6

    def infer(self, *operands: TensorType) -> TensorType:
        x, gamma, beta = operands
        need(gamma.shape == beta.shape == x.shape[-1:], f"layernorm of {x} must have {x.shape[-1]} gammas and betas")
        return x


ACTIVATIONS = (
    "gelu",
    "gelu_tanh",
    "gelu_sigmoid",
    "relu",
    "relu6",
    "silu",
    "hardswish",
    "hardsigmoid",
    "sigmoid",
    "tanh",
)


@dataclass(frozen=True)
class Activation(Op):
    """A function of each element; ``kind`` is one of :data:`ACTIVATIONS` (``gelu`` is the erf form)."""

    name: ClassVar[str] = "activation"
    kind: str = "gelu"

    def infer(self, *operands: TensorType) -> TensorType:
        need(self.kind in ACTIVATIONS, f"activation must be one of {', '.join(ACTIVATIONS)}, not {self.kind!r}")
        return operands[0]


@dataclass(frozen=True)
class Add(Op):
    """Element-wise sum of two values, broadcast as in NumPy."""

    name: ClassVar[str] = "add"

    def infer(self, *operands: TensorType) -> TensorType:
        return TensorType(broadcast(operands[0].shape, operands[1].shape))


@dataclass(frozen=True)
class Mul(Op):
    """Element-wise product of two values, broadcast as in NumPy."""

    name: ClassVar[str] = "mul"

    def infer(self, *operands: TensorType) -> TensorType:
        return TensorType(broadcast(operands[0].shape, operands[1].shape))


@dataclass(frozen=True)
class Softmax(Op):
    """Softmax over the last axis."""

    name: ClassVar[str] = "softmax"

    def infer(self, *operands: TensorType) -> TensorType:
        return operands[0]


@dataclass(frozen=True)
class Mean(Op):
    """Mean over the tokens of x[B, N, C], giving [B, C]."""

    name: ClassVar[str] = "mean"

    def infer(self, *operands: TensorType) -> TensorType:
        x = operands[0]
        need(x.rank == 3, f"mean must see tokens [B, N, C], not {x}")
        return TensorType((x.shape[0], x.shape[2]))


@dataclass(frozen=True)
class Pool2d(Op):
    """Window pooling of x[B, C, H, W]; ``kind`` is ``max`` or ``avg`` (padding not counted unless ``include_pad``)."""

    name: ClassVar[str] = "pool2d"
    kind: str = "max"
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    include_pad: bool = False

    def infer(self, *operands: TensorType) -> TensorType:
        x = operands[0]
        need(self.kind in ("max", "avg"), f"pool2d kind must be max or avg, not {self.kind!r}")
        return TensorType((*x.shape[:2], *window_counts(x, self.kernel, self.stride, self.padding, (1, 1))))


@dataclass(frozen=True)
class Resize2d(Op):
    """Interpolate x[B, C, H, W] to ``height`` x ``width``; half-pixel ``linear`` or ``nearest``."""

    name: ClassVar[str] = "resize2d"
    height: int = 1
    width: int = 1
    mode: str = "linear"
    antialias: bool = False
    coordinates: str = "half_pixel"

    def infer(self, *operands: TensorType) -> TensorType:
        return TensorType((*operands[0].shape[:2], self.height, self.width))


# -- views: the machine's layouts make most of them free -----------------------------------------------------------
@dataclass(frozen=True)
class ToTokens(Op):
    """x[B, C, H, W] as tokens [B, H*W, C]."""

    name: ClassVar[str] = "to_tokens"

    def infer(self, *operands: TensorType) -> TensorType:
        batch, channels, height, width = operands[0].static_shape
        return TensorType((batch, height * width, channels))


@dataclass(frozen=True)
class FromTokens(Op):
    """Tokens [B, H*W, C] as x[B, C, H, W]."""

    name: ClassVar[str] = "from_tokens"
    height: int = 1
    width: int = 1

    def infer(self, *operands: TensorType) -> TensorType:
        batch, tokens, channels = operands[0].static_shape
        need(tokens == self.height * self.width, f"{tokens} tokens must be {self.height} x {self.width}")
        return TensorType((batch, channels, self.height, self.width))


@dataclass(frozen=True)
class Reshape(Op):
    """The same elements in another shape."""

    name: ClassVar[str] = "reshape"
    shape: tuple[int, ...] = ()

    def infer(self, *operands: TensorType) -> TensorType:
        need(operands[0].size == prod(self.shape), f"reshape of {operands[0]} to {self.shape} must keep its size")
        return TensorType(self.shape, operands[0].element)


@dataclass(frozen=True)
class Transpose(Op):
    """Axes in another order."""

    name: ClassVar[str] = "transpose"
    perm: tuple[int, ...] = ()

    def infer(self, *operands: TensorType) -> TensorType:
        need(sorted(self.perm) == list(range(operands[0].rank)), f"perm {self.perm} must permute {operands[0]}")
        return TensorType(tuple(operands[0].shape[p] for p in self.perm), operands[0].element)


@dataclass(frozen=True)
class Slice(Op):
    """Elements ``start`` to ``stop`` (exclusive) of one axis, all non-negative."""

    name: ClassVar[str] = "slice"
    axis: int = 0
    start: int = 0
    stop: int = 0

    def infer(self, *operands: TensorType) -> TensorType:
        shape = list(operands[0].static_shape)
        need(
            0 <= self.start < self.stop <= shape[self.axis], f"slice {self.start}:{self.stop} must lie in {operands[0]}"
        )
        shape[self.axis] = self.stop - self.start
        return TensorType(tuple(shape), operands[0].element)


@dataclass(frozen=True)
class Concat(Op):
    """Values joined along one axis."""

    name: ClassVar[str] = "concat"
    axis: int = 0

    def infer(self, *operands: TensorType) -> TensorType:
        shape = list(operands[0].static_shape)
        rest = [[d for a, d in enumerate(o.static_shape) if a != self.axis] for o in operands]
        need(all(r == rest[0] for r in rest), "concat operands must agree in the other axes")
        shape[self.axis] = sum(o.static_shape[self.axis] for o in operands)
        return TensorType(tuple(shape), operands[0].element)


@dataclass(frozen=True)
class Broadcast(Op):
    """A value repeated to ``shape``, as NumPy broadcasts."""

    name: ClassVar[str] = "broadcast"
    shape: tuple[int, ...] = ()

    def infer(self, *operands: TensorType) -> TensorType:
        need(broadcast(operands[0].shape, self.shape) == self.shape, f"{operands[0]} must broadcast to {self.shape}")
        return TensorType(self.shape, operands[0].element)


@dataclass(frozen=True)
class Select(Op):
    """Row of a constant table chosen by an integer input (a task's gate). Operands: table[T, ...], index of one element."""

    name: ClassVar[str] = "select"

    def infer(self, *operands: TensorType) -> TensorType:
        table, index = operands
        need(index.size == 1 and index.element == "i64", f"select index must be one integer, not {index}")
        return TensorType(table.shape[1:], table.element)


# -- shape rules ---------------------------------------------------------------------------------------------------
def broadcast(a: tuple[int | None, ...], b: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """NumPy broadcasting of two shapes."""
    rank = max(len(a), len(b))
    left, right = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
    need(all(x == y or x == 1 or y == 1 for x, y in zip(left, right, strict=True)), f"{a} and {b} must broadcast")
    return tuple(y if x == 1 else x for x, y in zip(left, right, strict=True))


def window_counts(
    x: TensorType,
    kernel: tuple[int, ...],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
) -> tuple[int, int]:
    """Number of window positions down and across an image."""
    height, width = x.static_shape[2:]
    tall = height + padding[0] + padding[2] - dilation[0] * (kernel[0] - 1) - 1
    wide = width + padding[1] + padding[3] - dilation[1] * (kernel[1] - 1) - 1
    need(tall >= 0 and wide >= 0, f"window {kernel} must fit into {x}")
    return tall // stride[0] + 1, wide // stride[1] + 1
