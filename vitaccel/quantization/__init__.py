"""Post-training quantization: a float Graph and calibration images in, a Graph with integer scales out.

:func:`quantize` needs PyTorch (the ``torch`` extra), and so does :func:`compare`; options, records and calibration
files do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from vitaccel.ir.graph import Graph
from vitaccel.quantization.calibration import load_calibration
from vitaccel.quantization.needs import need_torch
from vitaccel.quantization.options import QuantizationOptions
from vitaccel.quantization.record import QuantizationRecord, format_record

if TYPE_CHECKING:
    from vitaccel.quantization.comparison import Comparison

__all__ = [
    "QuantizationOptions",
    "QuantizationRecord",
    "compare",
    "format_record",
    "load_calibration",
    "quantize",
]


def quantize(
    graph: Graph,
    calibration: Mapping[str, np.ndarray],
    options: QuantizationOptions | None = None,
    progress: Callable[[str], None] | None = None,
) -> tuple[Graph, QuantizationRecord]:
    """Give every value of a Graph a scale and bring its weights onto integer grids.

    Parameters
    ----------
    graph
        A recognised Graph after the passes ``canonicalize``, ``fuse``, ``label`` and ``precision``; it is not changed.
    calibration
        One array for each input, with any number of images along the first axis (an index may be given once).
    options
        What to choose; the defaults otherwise.
    progress
        Called with a short text as each stage goes on.

    Returns
    -------
    Graph
        The same values under the same names. Every value that is no free view has :attr:`Node.scale` (and, where they
        apply, ``narrow_scale`` and ``inner_scale``); weights, biases, token tables, masks and mixing matrices are
        constants on their grids with ``fmt`` ``int8``, ``int4``, ``int32`` or ``int16``. Parameters of LayerNorm, and
        numbers for each channel in a lane's sum or product, stay in float: they become multipliers. All scales are
        float32 numbers above zero. The same arguments give the same Graph, whatever the number of threads: sums of
        floats depend on it, and choices on sums, so it runs on one.
    QuantizationRecord
        What was chosen.

    Raises
    ------
    VitaccelError
        If PyTorch is not installed, the calibration data do not fit, or a value is not finite on them.
    """
    need_torch("quantizing a model")
    from vitaccel.quantization.ptq import quantize_graph

    with _one_thread():
        return quantize_graph(graph, calibration, options or QuantizationOptions(), progress or (lambda _text: None))


def compare(
    reference: Graph, quantized: Graph, record: QuantizationRecord, images: Mapping[str, np.ndarray]
) -> Comparison:
    """Error of every value when the quantized Graph is rounded wherever the machine rounds.

    See :func:`vitaccel.quantization.comparison.compare`.
    """
    need_torch("quantizing a model")
    from vitaccel.quantization.comparison import compare as measure

    return measure(reference, quantized, record, images)


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
