"""Operators along an axis: softmax, layer normalisation, means."""

from __future__ import annotations

import numpy as np

from vitaccel.frontend.operators.site import RefusedError, Rule, Site
from vitaccel.ir.ops import LayerNorm, Mean, Softmax, ToTokens


def softmax(site: Site) -> str | None:
    """Softmax over the last axis, others by transposing around it."""
    x = site.x()
    rank = site.type.rank
    axis = site.axis(-1, rank=rank)
    if axis == rank - 1:
        return site.emit(Softmax(), x)
    perm = list(range(rank))
    perm[axis], perm[-1] = perm[-1], perm[axis]
    swapped = tuple(perm)
    return site.transpose(site.emit(Softmax(), site.transpose(x, swapped)), swapped)


def layer_normalization(site: Site) -> str | None:
    """LayerNorm over the last axis; a missing beta is 0."""
    x, gamma, beta = site.x(0), site.x(1), site.operand(2)
    rank, width = site.type.rank, site.type.static_shape[-1]
    if site.axis(-1, rank=rank) != rank - 1:
        raise RefusedError("normalise over the last axis only")
    if not site.graph.is_const(gamma) or (beta is not None and not site.graph.is_const(beta)):
        return None
    return site.emit(
        LayerNorm(site.number("epsilon", 1e-5)), x, _row(site, gamma, width), _row_or_zero(site, beta, width)
    )


def reduce_mean(site: Site) -> str | None:
    """The mean over tokens or over an image; a mean over channels is part of a LayerNorm and stays."""
    x = site.x()
    shape = site.type_of(x).static_shape
    axes = tuple(sorted(a % len(shape) for a in site.ints("axes", 1) or ()))
    if len(shape) == 3 and axes == (1,):
        tokens = x
    elif len(shape) == 4 and axes == (2, 3):
        tokens = site.emit(ToTokens(), x)
    elif len(shape) == 4 and axes == (1, 2):
        tokens = site.reshape(x, (shape[0], shape[1] * shape[2], shape[3]))
    else:
        return None
    return site.reshape(site.emit(Mean(), tokens), site.type.static_shape)


def global_average_pool(site: Site) -> str | None:
    """The mean over all positions of an image or of channels-first tokens."""
    x = site.x()
    rank = site.type_of(x).rank
    if rank not in (3, 4):
        raise RefusedError("pool images or tokens")
    tokens = site.emit(ToTokens(), x) if rank == 4 else site.transpose(x, (0, 2, 1))
    return site.reshape(site.emit(Mean(), tokens), site.type.static_shape)


def _row(site: Site, name: str, width: int) -> str:
    size = site.type_of(name).size
    if size not in (1, width):
        raise RefusedError(f"have {width} gammas and betas, not {size}")
    return site.derive(
        name, f"row {width}", lambda v: v if v.shape == (width,) else np.broadcast_to(v.reshape(-1), (width,))
    )


def _row_or_zero(site: Site, name: str | None, width: int) -> str:
    return _row(site, name, width) if name is not None else site.constant(np.zeros(width, np.float32))


RULES: dict[str, Rule] = {
    "Softmax": softmax,
    "LayerNormalization": layer_normalization,
    "ReduceMean": reduce_mean,
    "GlobalAveragePool": global_average_pool,
}
