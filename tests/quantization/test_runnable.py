from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.quantization.conftest import front, images_for
from vitaccel.arch import Arch
from vitaccel.errors import QuantizationError
from vitaccel.frontend import ImportedModel
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import AttentionLogits
from vitaccel.passes.precision import Precision
from vitaccel.quantization import QuantizationOptions, quantize
from vitaccel.quantization.runnable import (
    is_quantized,
    logit_fraction_bits,
    machine_for,
    quantized_numerics,
    runnable,
)

Make = Callable[..., Graph]


@pytest.fixture
def make(imported: Callable[..., ImportedModel], seed: int) -> Make:
    """A quantized micro model."""

    def quantized(name: str, *, weight_bits: int = 8, fraction_bits: int = 6) -> Graph:
        graph = Precision(logit_fraction_bits=fraction_bits).run(front(imported(name).graph))
        return quantize(graph, images_for(graph, 2, seed), QuantizationOptions(weight_bits=weight_bits))[0]

    return quantized


def test_a_float_model_is_told_what_to_do(imported: Callable[..., ImportedModel]) -> None:
    graph = imported("vit-micro").graph
    assert not is_quantized(graph)
    with pytest.raises(QuantizationError, match=r"^a\.onnx must be quantized .* vitaccel quantize a\.onnx .*--float"):
        runnable(graph, "a.onnx")


@pytest.mark.parametrize(
    ("name", "weight_bits", "fraction_bits"),
    [("vit-micro", 8, 6), ("lookupvit-micro", 4, 6), ("lookupvit-micro", 8, 8), ("m3vit-micro", 4, 8)],
)
def test_what_a_graph_was_made_for(name: str, weight_bits: int, fraction_bits: int, make: Make) -> None:
    graph = runnable(make(name, weight_bits=weight_bits, fraction_bits=fraction_bits), name)
    assert is_quantized(graph)
    assert quantized_numerics(graph) == {"weight_bits": weight_bits, "logit_fraction_bits": fraction_bits}
    machine = machine_for(graph, Arch())
    assert (machine.numerics.weight_bits, machine.numerics.logit_fraction_bits) == (weight_bits, fraction_bits)
    assert machine.numerics.numerator_bits == Arch().numerics.numerator_bits


def test_what_the_user_said_is_not_overruled(make: Make) -> None:
    graph = make("vit-micro")
    four = Arch().with_settings({"numerics.weight_bits": "4"})
    with pytest.raises(QuantizationError, match=r"^numerics\.weight_bits must be 8, which .*, not 4$"):
        machine_for(graph, four, said={"numerics.weight_bits"})
    assert machine_for(graph, four, said={"memory.bus_bits"}).numerics.weight_bits == 8
    eight = Arch().with_settings({"numerics.logit_fraction_bits": "8"})
    with pytest.raises(QuantizationError, match=r"^numerics\.logit_fraction_bits must be 6, which .*, not 8$"):
        machine_for(graph, eight, said={"numerics.logit_fraction_bits"})


def test_logits_in_another_format_get_one_of_the_machine(make: Make) -> None:
    graph = make("vit-micro")
    logits = graph.find(lambda node: isinstance(node.op, AttentionLogits))
    graph.update(logits[0], scale=(0.05,))
    assert logit_fraction_bits(graph) == 0
    settled = runnable(graph, "foreign.onnx")
    assert logit_fraction_bits(settled) == 6
    assert {settled[name].scale for name in logits} == {(float(np.float32(np.log(2) / 64)),)}
    assert graph[logits[0]].scale == (0.05,)


def test_a_file_of_our_own_is_left_alone(make: Make) -> None:
    graph = make("vit-micro")
    assert runnable(graph, "own.onnx", own=True) is graph


def test_a_model_without_attention_demands_only_weights(seed: int) -> None:
    from tests.quantization.conftest import Net

    assert quantized_numerics(Net(seed, 1, 4, 8).graph) == {}
