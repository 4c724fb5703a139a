"""Evaluations made by hand, with every kind of figure in them."""

from __future__ import annotations

from dataclasses import replace

from vitaccel.arch import Numerics
from vitaccel.evaluation.result import Evaluation, GateQuality, ImageGroup, LayerQuality, RoutingEffect
from vitaccel.quantization.options import QuantizationOptions

LAYERS = (
    LayerQuality("image", "input", "image", float("inf")),
    LayerQuality("embed.patch", "conv2d", "%3", 48.0, "image"),
    LayerQuality("block0.moe", "moe", "%9", 44.5, "embed.patch", 48.0),
    LayerQuality("head.linear", "linear", "%12", 47.25, "block0.moe", 44.5),
)
GATE = GateQuality("block0.moe", 3, 2, 100, 97, 196, float_load=(80, 70, 50), int_load=(81, 69, 50))

LABELLED = Evaluation(
    model="tiny",
    data="digits",
    images=8,
    float_top1=1.0,
    int_top1=0.875,
    agreement=0.875,
    sqnr_db=47.25,
    layers=LAYERS,
    gates=(),
    routing=None,
    numerics=Numerics(),
    quantization=QuantizationOptions(),
    calibration="4 images: others",
)
"""With labels, without experts; its first layer is the first to lose."""

ROUTED = replace(
    LABELLED,
    float_top1=None,
    int_top1=None,
    layers=(replace(LAYERS[0], sqnr_db=49.0), replace(LAYERS[1], source_db=49.0), *LAYERS[2:]),
    gates=(GATE,),
    routing=RoutingEffect(ImageGroup(8, 1.0, 50.5), ImageGroup(0, None, None), ImageGroup(8, 1.0, float("inf"))),
    numerics=Numerics(weight_bits=4, numerator_bits=16, logit_fraction_bits=8),
    quantization=None,
    calibration="",
)
"""With experts, without labels; quantized before."""
