from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.evaluation.conftest import Made
from vitaccel import zoo
from vitaccel.arch import load_preset
from vitaccel.backends.float_graph import evaluate
from vitaccel.compiler import prepare_graph
from vitaccel.evaluation.attention_logits import record_attention_logits
from vitaccel.evaluation.data import random_data
from vitaccel.evaluation.subject import Subject, digits_data
from vitaccel.frontend import ImportedModel
from vitaccel.ir.ops import AttentionLogits
from vitaccel.quantization.calibration import batches
from vitaccel.reference.certificate.numerics import Numerics
from vitaccel.reference.certificate.promises import check_promises
from vitaccel.reference.certificate.recorded import recorded_rows
from vitaccel.reference.certificate.softmax_table import measure_softmax


@pytest.mark.parametrize("short", ["vit", "vit-batch", "lookupvit"])
def test_they_are_the_arguments_of_softmax(micro: Callable[[str], Made], short: str, seed: int) -> None:
    subject, pairing = micro(short)
    graph, data = pairing.reference, random_data(subject.graph, 4, seed=seed)
    names = graph.find(lambda node: isinstance(node.op, AttentionLogits))
    runs = [evaluate(graph, feeds, taps=names)[1] for feeds in batches(graph, data.inputs)]
    found = record_attention_logits(graph, data)
    assert list(found) == [graph[name].label for name in names]
    for name, logits in zip(names, found.values(), strict=True):
        np.testing.assert_allclose(logits, np.concatenate([run[name] for run in runs])[:4], rtol=1e-5, atol=1e-6)


def test_only_the_first_images(micro: Callable[[str], Made]) -> None:
    subject, pairing = micro("vit")
    found = record_attention_logits(pairing.reference, random_data(subject.graph, 4, seed=0), images=2)
    assert {len(logits) for logits in found.values()} == {2}


@pytest.mark.parametrize(("name", "layers"), [("vit-digits", 3), ("lookupvit-digits", 4), ("m3vit-digits", 5)])
def test_the_promises_hold_on_the_logits_of_trained_models(
    imported: Callable[..., ImportedModel], name: str, layers: int
) -> None:
    subject = Subject(name, imported(name).graph, digits=True)
    graph = prepare_graph(subject.graph, load_preset("default"))
    found = record_attention_logits(graph, digits_data(subject, "test"))
    assert len(found) == layers
    kept = check_promises(Numerics(softmax=(measure_softmax(name, recorded_rows(found)),)))
    assert len(kept) == 4
    assert [one.promise.name for one in kept if not one.holds] == []


def test_they_are_what_the_softmax_of_the_model_gets(imported: Callable[..., ImportedModel]) -> None:
    """PyTorch's own model, its softmax listened to."""
    heard: list[torch.Tensor] = []

    class Listener(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            if getattr(func, "__name__", "") == "softmax":
                heard.append(args[0])
            return func(*args, **(kwargs or {}))

    subject = Subject("vit-digits", imported("vit-digits").graph, digits=True)
    data = digits_data(subject, "test").first(2)
    model = zoo.build("vit-digits", attention="eager").eval()
    with torch.no_grad(), Listener():
        model(torch.from_numpy(data.inputs["image"]))
    found = record_attention_logits(prepare_graph(subject.graph, load_preset("default")), data)
    assert len(heard) == len(found)
    for logits, expected in zip(found.values(), heard, strict=True):
        np.testing.assert_allclose(logits, expected.numpy(), rtol=1e-3, atol=1e-3)
