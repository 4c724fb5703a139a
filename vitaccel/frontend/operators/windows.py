"""Operators on images: convolution, batch normalisation, pooling, padding, resizing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vitaccel.frontend.derive import derive
from vitaccel.frontend.operators.site import RefusedError, Rule, Site
from vitaccel.ir.graph import is_parameter
from vitaccel.ir.ops import Add, Conv2d, Mul, Pool2d, Resize2d

Padding = tuple[int, int, int, int]
RESIZE_MODES = ("linear", "nearest")
RESIZE_COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")


def conv(site: Site) -> str | None:
    """A 2-D convolution with constant weights."""
    x, weight, bias = site.x(0), site.x(1), site.operand(2)
    if site.type_of(x).rank != 4:
        raise RefusedError(f"be 2-D, not {site.type_of(x).rank - 2}-D")
    if not site.graph.is_const(weight) or (bias is not None and not site.graph.is_const(bias)):
        raise RefusedError("have constant weights")
    if site.type_of(weight).rank != 4:
        raise RefusedError("have 4-D weights")
    kernel = site.type_of(weight).static_shape[2:]
    stride, dilation = _pair(site, "strides"), _pair(site, "dilations")
    padding = _padding(site, (kernel[0], kernel[1]), stride, dilation)
    op = Conv2d(stride, padding, dilation, int(site.number("group", 1)))
    return site.emit(op, x, weight, *(() if bias is None else (bias,)))


def batch_normalization(site: Site) -> str | None:
    """Folded into the convolution before it, or a product and a sum.

    ``y = (x - mean) * gamma / sqrt(variance + eps) + beta``. Folding loses the C gammas, and the C betas if the
    convolution has learned a bias already: they are counted in ``graph.folded_parameters``.
    """
    graph, x = site.graph, site.x()
    arrays = [site.const(p) for p in (1, 2, 3, 4)]
    if site.number("training_mode", 0) or any(a is None for a in arrays):
        raise RefusedError("be in inference mode with constant statistics")
    gamma, beta, mean, variance = (a.astype(np.float64).reshape(-1) for a in arrays if a is not None)
    if (variance + site.number("epsilon", 1e-5) <= 0).any():
        raise RefusedError("have a positive variance")
    factor = gamma / np.sqrt(variance + site.number("epsilon", 1e-5))
    shift = beta - mean * factor
    node = graph[x]
    if isinstance(node.op, Conv2d) and graph.users(x) == [site.name] and x not in graph.outputs:
        bias = graph.array(node.inputs[2]) if len(node.inputs) == 3 else 0.0
        new_bias = (bias * factor + shift).astype(np.float32)
        learned_bias = len(node.inputs) == 3 and is_parameter(graph[node.inputs[2]])
        graph.folded_parameters += gamma.size * (1 + learned_bias)
        new_weight = derive(
            graph,
            node.inputs[1],
            lambda weight: (weight * factor[:, None, None, None]).astype(np.float32),
            parameter=True,
            sources=graph[site.name].sources,
        )
        operands = [new_weight, site.constant(new_bias, parameter=True)]
        return site.emit(node.op, node.inputs[0], *operands, also=node.sources)
    tail = (1,) * (site.type.rank - 2)
    product = site.constant(factor.astype(np.float32).reshape(-1, *tail), parameter=True)
    offset = site.constant(shift.astype(np.float32).reshape(-1, *tail), parameter=True)
    return site.emit(Add(), site.emit(Mul(), site.x(), product), offset)


def pool(kind: str) -> Rule:
    """The rule of MaxPool or AveragePool."""

    def rule(site: Site) -> str | None:
        x = site.x()
        kernel = site.ints("kernel_shape") or ()
        if site.type_of(x).rank != 4 or len(kernel) != 2 or site.op.output:
            raise RefusedError("pool images and have one output")
        if set(site.ints("dilations") or (1,)) != {1}:
            raise RefusedError("have dilation 1")
        stride = _pair(site, "strides")
        window = (kernel[0], kernel[1])
        padding = _padding(site, window, stride, (1, 1))
        include = kind == "avg" and bool(site.number("count_include_pad", 0)) and any(padding)
        made = site.emit(Pool2d(kind, window, stride, padding, include), x)
        if site.type_of(made) != site.type:
            raise RefusedError("have windows that end within the image, without ceil_mode")
        return made

    return rule


def pad(site: Site) -> str | None:
    """Zeros around an image that only a convolution without padding reads become that convolution's padding."""
    x, pads, fill = site.x(), site.ints("pads", 1), site.const(2)
    rank = site.type.rank
    constant = site.text("mode", "constant") == "constant" and (fill is None or not fill.any())
    if rank != 4 or not constant or pads is None or any(p < 0 for p in pads):
        return None
    axes = [a % rank for a in site.ints("axes", 3) or range(rank)]
    amounts = np.zeros((2, rank), int)
    amounts[:, axes] = np.array(pads).reshape(2, -1)
    users = [site.graph[u] for u in site.graph.users(site.name)]
    if amounts[:, :2].any() or site.name in site.graph.outputs or not users:
        return None
    # The convolutions come later in canonical order, so they are still Foreign.
    if not all(getattr(u.op, "op_type", "") == "Conv" and u.inputs.count(site.name) == 1 for u in users):
        return None
    for user in site.graph.users(site.name):
        op = site.graph[user].op
        before = op.attr("pads", (0, 0, 0, 0))  # type: ignore[attr-defined]
        if op.attr("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):  # type: ignore[attr-defined]
            return None
        total = tuple(int(b) + int(a) for b, a in zip(before, amounts[:, 2:].reshape(-1), strict=True))
        attrs = {**dict(op.attrs), "pads": total, "auto_pad": "NOTSET"}  # type: ignore[attr-defined]
        site.graph.update(
            user,
            op=replace(op, attrs=tuple(sorted(attrs.items()))),  # type: ignore[call-arg]
            sources=site.graph[user].sources | site.graph[site.name].sources,
        )
    return x


def resize(site: Site) -> str | None:
    """Interpolation of an image to a constant size."""
    x = site.x()
    before, after = site.type_of(x).static_shape, site.type.static_shape
    if len(before) != 4 or before[:2] != after[:2]:
        raise RefusedError("resize the height and width of an image")
    mode, coordinates = site.text("mode", "nearest"), site.text("coordinate_transformation_mode", "half_pixel")
    if mode not in RESIZE_MODES or coordinates not in RESIZE_COORDINATES:
        raise RefusedError(
            f"interpolate in mode {' or '.join(RESIZE_MODES)} with coordinates {', '.join(RESIZE_COORDINATES)}, "
            f"not {mode} with {coordinates}"
        )
    if coordinates == "pytorch_half_pixel":
        if any(new == 1 < old for old, new in zip(before[2:], after[2:], strict=True)):
            raise RefusedError("make more than one row and column with coordinates pytorch_half_pixel")
        coordinates = "half_pixel"
    rounding = "floor" if coordinates == "asymmetric" else "round_prefer_floor"
    if mode == "nearest" and site.text("nearest_mode", "round_prefer_floor") != rounding:
        raise RefusedError(f"have nearest_mode {rounding} with coordinates {coordinates}")
    if site.text("keep_aspect_ratio_policy", "stretch") != "stretch" or not _scales_fit(site, before, after):
        raise RefusedError("have scales that make a whole number of rows and columns")
    antialias = bool(site.number("antialias", 0))
    if antialias and not site.number("exclude_outside", 0):
        raise RefusedError("have exclude_outside 1 with antialias, which is what PyTorch and JAX mean")
    return site.emit(Resize2d(after[2], after[3], mode, antialias, coordinates), x)


def _scales_fit(site: Site, before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Whether the scales given, if any, are the ratios of the sizes: other scales would shift the samples."""
    scales = site.const(2)
    if scales is None or scales.size == 0:
        return True
    ratios = [new / old for old, new in zip(before, after, strict=True)]
    given = scales.reshape(-1).tolist()
    return all(any(abs(g - r) <= 1e-4 * r for r in ratios) for g in given)


def _pair(site: Site, key: str) -> tuple[int, int]:
    values = site.ints(key) or (1, 1)
    if len(values) != 2 or min(values) < 1:
        raise RefusedError(f"have two positive {key}")
    return values[0], values[1]


def _padding(site: Site, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]) -> Padding:
    """Top, left, bottom, right; SAME pads so that the output has ``ceil(size / stride)`` positions."""
    auto = site.text("auto_pad", "NOTSET")
    if auto in ("NOTSET", "VALID"):
        pads = site.ints("pads") if auto == "NOTSET" else None
        values = pads or (0, 0, 0, 0)
        if len(values) != 4 or min(values) < 0:
            raise RefusedError("have four non-negative pads")
        return values[0], values[1], values[2], values[3]
    totals = []
    for size, k, s, d in zip(site.type_of(site.x()).static_shape[2:], kernel, stride, dilation, strict=True):
        totals.append(max((-(-size // s) - 1) * s + d * (k - 1) + 1 - size, 0))
    small = [t // 2 for t in totals]
    large = [t - t // 2 for t in totals]
    first, last = (small, large) if auto == "SAME_UPPER" else (large, small)
    return first[0], first[1], last[0], last[1]


RULES: dict[str, Rule] = {
    "Conv": conv,
    "BatchNormalization": batch_normalization,
    "MaxPool": pool("max"),
    "AveragePool": pool("avg"),
    "Pad": pad,
    "Resize": resize,
}
