"""Quantized models run on arrays: shapes, taps, any number of images, and inputs that are refused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tests.backends.interpreter.attention_nets import Net
from tests.backends.interpreter.networks import images_for, machine_of, quantized
from vitaccel.errors import CapacityError, ModelError, VitaccelError
from vitaccel.execution import IntegerModel, IntegerRun
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Slice


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def same(a: IntegerRun, b: IntegerRun) -> bool:
    pairs = [*zip(a.outputs, b.outputs, strict=True), *((a.choices[n], b.choices[n]) for n in a.choices)]
    shared = a.taps.keys() & b.taps.keys()
    pairs += [(a.taps[n][0], b.taps[n][0]) for n in shared]
    return bool(shared or not a.taps) and all(np.array_equal(x, y) for x, y in pairs)


@pytest.mark.parametrize("name", ["vit", "vit-batch", "m3vit", "lookupvit-batch"])
def test_chunks_change_nothing(name: str, seed: int) -> None:
    """Neither how many images there are, nor how many run side by side, nor how many threads work."""
    graph = quantized(name, seed)
    model, images = IntegerModel(graph, machine_of("8x8")), images_for(graph, 5, seed)
    whole = model.run(images, taps=model.taps())
    assert len(whole.outputs[0]) == 5
    for side_by_side in (1, 2):
        assert same(whole, model.run(images, taps=model.taps(), side_by_side=side_by_side))
    torch.set_num_threads(2)
    try:
        assert same(whole, model.run(images, taps=model.taps()))
    finally:
        torch.set_num_threads(1)
    last = model.run({"image": images["image"][4:]}, taps=model.taps())
    assert all(np.array_equal(a[4:], b) for a, b in zip(whole.outputs, last.outputs, strict=True))


@pytest.mark.parametrize("name", ["vit", "vit-batch", "m3vit-task"])
def test_tensors_as_they_stand_in_memory_are_those_of_the_outputs(name: str, seed: int) -> None:
    graph = quantized(name, seed)
    model, images = IntegerModel(graph, machine_of("8x8")), images_for(graph, 3, seed)
    whole = model.run(images)
    plan = model.lowered.plan
    taps = [kernel.out for kernel in plan.kernels]
    runs = list(model.tensors(images, taps=taps))
    assert len(runs) == -(-3 // model.batch)
    for integers, run in runs:
        assert set(integers) == set(plan.inputs)
        assert set(run.taps) == set(taps)
    joined = {n: np.concatenate([run.outputs[n] for _, run in runs]) for n in plan.outputs}
    for found, expected in zip(model.outputs_of(joined), whole.values, strict=True):
        assert np.array_equal(found[:3], expected)
    choices = {"task": 1} if name == "m3vit-task" else {}
    assert set(choices) == set(images) - {"image"}
    assert model.machine(choices) is model.machine(choices)
    assert len(model.machine(choices).constants) == model.lowered.program.dram_bytes


@pytest.mark.parametrize("name", ["vit-mean", "lookupvit-mean", "m3vit"])
def test_taps_do_not_depend_on_the_machine(name: str, seed: int) -> None:
    graph = quantized(name, seed)
    runs = []
    for arch in (machine_of("8x8"), machine_of("3x8x8"), machine_of("32x32"), machine_of("4x4", moe__order="longest")):
        model = IntegerModel(graph, arch)
        runs.append(model.run(images_for(graph, 2, seed), taps=model.taps()))
    assert all(same(runs[0], run) for run in runs[1:])
    for value, (codes, scale) in runs[0].taps.items():
        channels = graph[value].type.static_shape[1 if graph[value].type.rank == 4 else -1]
        assert codes.shape[-1] == channels
        assert scale.size in (1, channels)


def test_taps_are_worth_what_the_float_network_computes(seed: int) -> None:
    graph = quantized("vit", seed)
    model, images = IntegerModel(graph, machine_of("8x8")), images_for(graph, 4, seed)
    (name,) = graph.outputs
    run = model.run(images, taps=[name])
    assert run.values[0].dtype == np.float32
    codes, scale = run.taps[name]
    np.testing.assert_array_equal(codes.reshape(4, 10), run.outputs[0])
    np.testing.assert_allclose(run.values[0], codes.reshape(4, 10) * scale, rtol=1e-6)


def test_an_output_may_be_the_first_token(seed: int) -> None:
    net = Net(seed)
    y = net.norm(net.linear(net.input(2, 13, 9), 11))
    graph = net.quantized(net.op(Slice(1, 0, 1), y), y, seed=seed)
    first, every = IntegerModel(graph, machine_of("8x8")).run(images_for(graph, 3, seed)).outputs
    assert first.shape == (3, 1, 11)
    np.testing.assert_array_equal(first, every[:, :1])


def test_a_task_chooses_its_gates(seed: int) -> None:
    graph = quantized("m3vit-task", seed)
    model = IntegerModel(graph, machine_of("8x8"))
    (task,) = [name for name in graph.inputs if graph[name].type.element != "f32"]
    image = {"image": images_for(graph, 2, seed)["image"]}
    runs = [model.run({**image, task: np.array([choice])}) for choice in (0, 1, 0)]
    assert same(runs[0], runs[2])
    assert not same(runs[0], runs[1])
    with pytest.raises(ModelError, match=f"input {task!r} must be one integer for all images, not 2 different numbers"):
        model.run({**image, task: np.array([0, 1])})


def bad(graph: Graph, seed: int) -> list[tuple[dict[str, np.ndarray], str]]:
    image = images_for(graph, 2, seed)["image"]
    nan = image.copy()
    nan[1, 0, 3, 3] = np.nan
    return [
        ({"image": nan}, "must hold finite numbers, not NaN or infinity"),
        ({"image": image[:, :1]}, "must have shape imagesx3x20x28, not 2x1x20x28"),
        ({"image": image[:0]}, "must have shape imagesx3x20x28, not 0x3x20x28"),
        ({}, "input 'image' must be given"),
        ({"image": image, "x": image}, "input must be one of image, not 'x'"),
    ]


def test_wrong_inputs_are_refused_in_one_sentence(seed: int) -> None:
    graph = quantized("vit", seed)
    model = IntegerModel(graph, machine_of("8x8"))
    for inputs, text in bad(graph, seed):
        with pytest.raises(ModelError) as caught:
            model.run(inputs)
        assert text in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(VitaccelError, match="tap must be a value the Program computes, not 'nothing'"):
        model.run(images_for(graph, 1, seed), taps=["nothing"])
    with pytest.raises(CapacityError):
        IntegerModel(graph, machine_of("8x8", buffers__activation_bytes=1024))


def test_progress_counts_images(seed: int) -> None:
    graph, seen = quantized("vit-batch", seed), []
    IntegerModel(graph, machine_of("8x8")).run(
        images_for(graph, 5, seed), side_by_side=1, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(2, 5), (4, 5), (5, 5)]
