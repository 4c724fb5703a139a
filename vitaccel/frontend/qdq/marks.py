"""What a value keeps when a file quantizes it: once, in 16 bits and in 8, or more than once."""

from __future__ import annotations

from vitaccel.ir.graph import Graph

NARROW = "int8"
WIDE = "int16"


def put_scale(graph: Graph, name: str, scale: tuple[float, ...], fmt: str) -> bool:
    """Give a value the scale of one more QuantizeLinear.

    A value in 16 bits and in 8 keeps both, the second as its narrow copy. Of two quantizations of one width the one
    with the larger range stays.

    Parameters
    ----------
    graph, name
        The value.
    scale, fmt
        One number or one for each channel; ``int8`` or ``int16``.

    Returns
    -------
    bool
        Whether a quantization was lost.
    """
    node = graph[name]
    if not node.scale or (node.scale, node.fmt) == (scale, fmt):
        graph.update(name, scale=scale, fmt=fmt)
        return False
    if node.fmt == fmt:
        wider = max(scale) > max(node.scale)
        graph.update(name, scale=scale if wider else node.scale)
        return True
    wide, narrow = (node.scale, scale) if fmt == NARROW else (scale, node.scale)
    copy = max(max(narrow), node.narrow_scale)
    graph.update(name, scale=wide, fmt=WIDE, narrow_scale=copy)
    return len(narrow) > 1 or node.narrow_scale not in (0.0, copy)
