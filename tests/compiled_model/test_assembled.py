"""A network assembled for a machine: program and weights apart in memory, and tasks that a model chooses between."""

from __future__ import annotations

import numpy as np
import pytest

from tests.backends.interpreter.networks import images_for, machine_of, quantized
from tests.sim.delivery.network.micro import NAME, arch, onnx
from vitaccel.backends.rtl.program_file import decode_program
from vitaccel.compiled_model.assembled import assembled_network, indices
from vitaccel.errors import UnsupportedError
from vitaccel.execution import IntegerModel
from vitaccel_sim.delivery.network.imported import integer_model


def test_the_program_is_behind_the_weights_in_pages_of_its_own() -> None:
    made = assembled_network(integer_model(onnx(), NAME, arch()), NAME)
    memory = made.memory
    assert memory.name == NAME
    assert memory.program % 4096 == 0
    assert memory.program >= memory.weights_bytes == len(made.weights)
    assert memory.memory_bytes == memory.program + len(made.program)
    assert decode_program(made.program) == made.instructions


def test_a_task_is_the_first_one() -> None:
    graph = quantized("m3vit-task", 0)
    made = assembled_network(IntegerModel(graph, machine_of("8x8")), "m3vit")
    (name,) = indices(graph)
    given = made.inputs(lambda each: images_for(each, 1, 0))
    assert given[name].tolist() == [0]
    other = made.model.machine({name: 1}).constants.numpy().tobytes()
    assert len(other) == len(made.weights)
    assert not np.array_equal(np.frombuffer(other, np.uint8), np.frombuffer(made.weights, np.uint8))


def test_numerators_of_sixteen_bits_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="numerators of the accelerator must be of 8 bits, not 16"):
        assembled_network(integer_model(onnx(), NAME, arch().with_settings({"numerics.numerator_bits": "16"})), NAME)
