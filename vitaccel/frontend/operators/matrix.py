"""Matrix products: ``MatMul`` and ``Gemm``."""

from __future__ import annotations

import numpy as np

from vitaccel.frontend.operators.site import Rule, Site
from vitaccel.ir.ops import Add, Linear, MatMul, TokenMix
from vitaccel.ir.scales import TOKEN_MIX_KEY


def matmul(site: Site) -> str | None:
    """A product by a constant matrix is a Linear or a TokenMix, any other a MatMul."""
    a, b = site.x(0), site.x(1)
    left, right = site.type_of(a), site.type_of(b)
    result = site.type.static_shape
    if right.rank == 1:
        b = _column(site, b, right.static_shape)
        right = site.type_of(b)
    if site.graph.is_const(b) and not site.graph.is_const(a) and _is_matrix(right.static_shape):
        return site.reshape(site.emit(Linear(), a, _matrix(site, b)), result)
    if left.rank == 1:
        a = site.reshape(a, (1, *left.static_shape))
    if site.graph.is_const(a) and right.rank == 3 and _is_matrix(left.static_shape):
        return site.reshape(site.emit(TokenMix(site.text(TOKEN_MIX_KEY, "matmul")), b, _matrix(site, a)), result)
    return site.reshape(site.emit(MatMul(), a, b), result)


def gemm(site: Site) -> str | None:
    """``alpha * A' @ B' + beta * C``; a constant B makes a Linear whose weight absorbs alpha and the transpose."""
    a, b, c = site.x(0), site.x(1), site.operand(2)
    alpha, beta = site.number("alpha", 1.0), site.number("beta", 1.0)
    transposed = bool(site.number("transB", 0))
    if site.number("transA", 0):
        a = site.transpose(a, (1, 0))
    if c is not None and beta == 0:
        c = None
    if not site.graph.is_const(b) or (c is not None and not site.graph.is_const(c)):
        return _general_gemm(site, a, b, c, (alpha, beta, transposed))
    weight = site.derive(b, f"gemm {alpha} {transposed}", lambda w: _scaled(w.T if transposed else w, alpha))
    if c is None:
        return site.emit(Linear(), a, weight)
    width = site.type_of(weight).static_shape[1]
    shape = site.type_of(c).static_shape
    if shape[:-1] in ((), (1,)) and shape[-1:] in ((), (1,), (width,)):
        bias = site.derive(c, f"bias {beta} {width}", lambda v: _scaled(_row(v, width), beta))
        return site.emit(Linear(), a, weight, bias)
    return site.emit(
        Add(), site.emit(Linear(), a, weight), site.derive(c, f"scaled {beta}", lambda v: _scaled(v, beta))
    )


def _general_gemm(site: Site, a: str, b: str, c: str | None, how: tuple[float, float, bool]) -> str | None:
    alpha, beta, transposed = how
    if alpha != 1 or (beta != 1 and c is not None):
        return None
    if site.graph.is_const(b):
        product = site.emit(Linear(), a, site.derive(b, f"gemm 1.0 {transposed}", lambda w: w.T if transposed else w))
    else:
        product = site.emit(MatMul(), a, site.transpose(b, (1, 0)) if transposed else b)
    return product if c is None else site.emit(Add(), product, c)


def _is_matrix(shape: tuple[int, ...]) -> bool:
    """Whether all but the last two dimensions are 1."""
    return len(shape) >= 2 and all(d == 1 for d in shape[:-2])


def _matrix(site: Site, name: str) -> str:
    return site.derive(name, "matrix", lambda w: w if w.ndim == 2 else w.reshape(w.shape[-2:]))


def _column(site: Site, name: str, shape: tuple[int, ...]) -> str:
    if site.graph.is_const(name):
        return site.derive(name, "column", lambda v: v.reshape(-1, 1))
    return site.reshape(name, (*shape, 1))


def _scaled(values: np.ndarray, factor: float) -> np.ndarray:
    return values if factor == 1 else (values * np.float32(factor)).astype(np.float32)


def _row(values: np.ndarray, width: int) -> np.ndarray:
    return values.reshape(-1) if values.size == width else np.broadcast_to(values.reshape(-1), (width,))


RULES: dict[str, Rule] = {"MatMul": matmul, "Gemm": gemm}
