"""Streams through the lanes: every function that is run, slices and joins at any token, broadcasts of a frame."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.backends.interpreter.attention_nets import Net
from tests.backends.interpreter.networks import Case, lanes, machine_of, quantized
from vitaccel.backends.interpreter import machine
from vitaccel.backends.interpreter.execute import State, execute
from vitaccel.backends.interpreter.lane import FUNCTIONS
from vitaccel.ir.ops import Activation, Add, Concat, Mul, Slice
from vitaccel.ir.program import Instruction, Lane


def stream(net: Net, tokens: int, channels: int = 11, batch: int = 2) -> str:
    """A value of 16 bits with a scale of its own."""
    return net.linear(net.input(batch, tokens, 9), channels)


NETS: dict[str, Callable[[Net], str]] = {
    "add": lambda n: n.op(Add(), n.norm(stream(n, 13)), n.norm(stream(n, 13))),
    "mul": lambda n: n.op(Mul(), n.norm(stream(n, 13)), n.norm(stream(n, 13))),
    "scaled": lambda n: n.op(Mul(), n.norm(stream(n, 13)), n.const(n.normal(11))),
    "shifted": lambda n: n.op(Add(), n.norm(stream(n, 13)), n.const(n.normal(11))),
    "activation": lambda n: n.op(Activation("gelu"), n.norm(stream(n, 13))),
    "slice": lambda n: n.op(Slice(1, 3, 12), n.norm(stream(n, 21))),
    "slice at a word": lambda n: n.op(Slice(1, 8, 19), n.norm(stream(n, 21))),
    "slice read in 8 bits": lambda n: n.linear(n.op(Slice(1, 5, 19), n.norm(stream(n, 21))), 7),
    "tokens": lambda n: n.norm(n.op(Concat(1), n.norm(stream(n, 5)), n.norm(stream(n, 13)), n.norm(stream(n, 8)))),
    "channels": lambda n: n.norm(n.op(Concat(2), n.norm(stream(n, 13, 11)), n.norm(stream(n, 13, 6)))),
}


@pytest.mark.parametrize("pe", ["8x8", "3x4x4"])
@pytest.mark.parametrize("what", NETS)
def test_every_function_is_the_oracles(what: str, pe: str, seed: int) -> None:
    net = Net(seed)
    graph = net.quantized(NETS[what](net), seed=seed)
    assert Case(graph, machine_of(pe), seed).differences() == []


@pytest.mark.parametrize("pe", ["8x8", "4x4"])
def test_a_frame_is_read_again_for_each_of_a_batch(pe: str, seed: int) -> None:
    """The class token of a batch: one frame copied to all."""
    case = Case(quantized("vit-batch", seed), machine_of(pe), seed)
    (copy,) = lanes(case.plan, "copy")
    assert copy.op == "broadcast"
    run = case.run()
    tokens = run.taps[copy.out]
    assert (tokens == tokens[:, :1]).all()
    assert np.abs(tokens).max() > 0
    assert case.differences(run) == []


def test_a_slice_that_narrows_is_rescaled(seed: int) -> None:
    for name in ("vit-mean", "deit-distilled-batch"):
        case = Case(quantized(name, seed), machine_of("8x8"), seed)
        narrowing = [k for k in lanes(case.plan, "convert") if k.op == "slice"]
        assert narrowing
        assert case.differences() == []


MOMENT_BLOCKS = [(pe, blocks) for pe in ("4x4", "5x5", "2x8x8") for blocks in (1, 5, 14, 64)]


@pytest.mark.parametrize("name", ["vit-batch", "lookupvit"])
def test_results_do_not_depend_on_whose_moments_are_kept(name: str, seed: int) -> None:
    """From none at all to all of them: some LayerNorms stream once, places are used again, nothing else changes."""
    graph, kinds = quantized(name, seed), set()
    for pe in sorted({pe for pe, _ in MOMENT_BLOCKS}):
        twice = Case(graph, machine_of(pe, buffers__moment_blocks=0), seed).run()
        for blocks in (blocks for of, blocks in MOMENT_BLOCKS if of == pe):
            case = Case(graph, machine_of(pe, buffers__moment_blocks=blocks), seed)
            kinds.add(frozenset(lane.passes for lane in layernorms(case)))
            once = case.run()
            assert once.outputs.keys() == twice.outputs.keys()
            for tensor, values in (twice.outputs | twice.taps).items():
                np.testing.assert_array_equal((once.outputs | once.taps)[tensor], values, tensor)
    assert kinds >= {frozenset({1, 2}), frozenset({2})}


def layernorms(case: Case) -> list[Lane]:
    return [i for i in case.lowered.program.instructions if isinstance(i, Lane) and i.function == "layernorm"]


@pytest.mark.parametrize(("moment_blocks", "shows"), [(0, False), (64, True)])
def test_it_is_the_memory_that_a_layernorm_reads(
    moment_blocks: int, shows: bool, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moments of a row that are spoilt in the memory spoil its result, unless it is summed up again."""
    case = Case(quantized("vit", seed), machine_of("8x8", buffers__moment_blocks=moment_blocks), seed)

    def spoilt(instruction: Instruction, state: State) -> None:
        if isinstance(instruction, Lane) and instruction.function == "layernorm":
            state.memories.moments[:, :, 0, 0] += 50_000
            state.memories.moments[:, :, 0, 1] += 50_000**2
        execute(instruction, state)

    assert case.differences() == []
    monkeypatch.setattr(machine, "execute", spoilt)
    wrong = case.differences()
    assert wrong[0].endswith("(layernorm)") if shows else not wrong


def test_every_lane_function_has_a_meaning() -> None:
    assert set(FUNCTIONS) == {"copy", "zero", "layernorm", "convert", "add", "mul", "activation", "head_mean"}
