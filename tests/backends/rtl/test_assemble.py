"""Whole programs: their fields say what the interpreter does, bit by bit; what the accelerator cannot is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.backends.interpreter.attention_nets import Net
from tests.backends.interpreter.networks import Case, machine_of, quantized
from tests.backends.rtl.fields_machine import FieldsMachine
from vitaccel.arch import Arch
from vitaccel.backends.image.inputs import input_integers
from vitaccel.backends.rtl.assemble import assemble, machine_parameters
from vitaccel.backends.rtl.disassembly import disassembly
from vitaccel.backends.rtl.program_file import ProgramFile, decode_program, encode_program
from vitaccel.errors import UnsupportedError
from vitaccel.ir.layout import from_bytes, to_bytes
from vitaccel.ir.ops import Activation, Add, AttentionLogits, Concat, Mean, Mul, Slice
from vitaccel.ir.ops import Attention as AttentionOp
from vitaccel.ir.program import Attention, Instruction, Lane, MatMul, Program, Route, ScatterAdd, Store, Transfer
from vitaccel_rtl.accelerator.isa import ENGINES, LANE_FUNCTIONS


def outputs(case: Case, program: ProgramFile) -> dict[str, np.ndarray]:
    """Outputs of the first image, by the fields of a program."""
    plan, dram_map = case.plan, case.lowered.program.dram_map
    dram = case.constants.copy()
    for name, values in input_integers(case.lowered.graph, plan, case.images).items():
        start, size = dram_map[name]
        dram[start : start + size] = to_bytes(values[0], plan.tensors[name], case.arch)
    FieldsMachine(program, dram).run()
    found = {}
    for name in plan.outputs:
        start, size = dram_map[name]
        found[name] = from_bytes(dram[start : start + size], plan.tensors[name], case.arch)
    return found


@pytest.mark.parametrize(
    ("name", "pe", "settings"),
    [
        ("vit", "8x8", {}),
        ("vit", "4x4", {}),
        ("vit", "5x5", {}),
        ("vit", "12x12", {}),
        ("vit", "16x16", {}),
        ("vit-mean", "8x8", {}),
        ("vit-batch", "8x8", {}),
        ("deit-distilled", "5x5", {}),
        ("deit-distilled-batch", "8x8", {}),
        ("vit", "8x8", {"buffers__activation_bytes": 6 << 10, "buffers__weight_bytes": 1 << 12}),
        ("m3vit", "8x8", {}),
        ("m3vit", "5x5", {"buffers__weight_bytes": 1 << 12}),
        ("m3vit-task", "16x16", {}),
        ("vmoe-batch", "4x4", {}),
        ("vit", "2x8x8", {}),
        ("vit-mean", "3x8x8", {}),
        ("deit-distilled-batch", "2x16x16", {}),
        ("vit", "2x8x8", {"buffers__activation_bytes": 12 << 10, "buffers__weight_bytes": 1 << 13}),
        ("m3vit", "2x8x8", {}),
        ("vmoe-batch", "3x8x8", {}),
        ("vit", "3x6x6", {}),
        ("vit-mean", "2x5x5", {"buffers__weight_bytes": 1 << 15}),
        ("m3vit", "2x4x4", {}),
        ("vit", "2x12x12", {"buffers__activation_bytes": 24 << 10, "buffers__weight_bytes": 1 << 14}),
        ("vit", "8x8", {"numerics__logit_fraction_bits": 8, "buffers__logit_bytes": 1 << 10}),
        ("vit", "8x8", {"buffers__moment_blocks": 0}),
        ("vit-batch", "8x8", {"buffers__moment_blocks": 10}),
        ("vit", "3x8x8", {"buffers__moment_blocks": 3, "buffers__weight_bytes": 1 << 12}),
    ],
)
def test_fields_say_what_the_interpreter_does(name: str, pe: str, settings: dict[str, int], seed: int) -> None:
    arch = machine_of(pe, **settings)
    case = Case(quantized(name, seed, fraction=arch.numerics.logit_fraction_bits), arch, seed, runs=1)
    expected = case.run().outputs
    for output, found in outputs(case, assemble(case.lowered.program)).items():
        np.testing.assert_array_equal(found, expected[output][0])


def small(net: Net, frames: int = 1) -> str:
    """A block of a transformer, its widths odd: attention, whose result is a residual's other summand, and an MLP."""
    x = net.linear(net.input(frames, 13, 10), 18)
    attended = net.norm(x)
    q, k, v = (net.linear(attended, 18) for _ in range(3))
    heads = net.op(AttentionOp("none"), net.op(AttentionLogits(3, 6**-0.5), q, k), v)
    y = net.op(Add(), x, net.linear(heads, 18))
    hidden = net.op(Activation("silu"), net.linear(net.norm(y), 150))
    return net.op(Add(), y, net.linear(hidden, 18))


NETS: dict[str, Callable[[Net], str]] = {
    "block": small,
    "block of two frames": lambda n: small(n, 2),
    "mean": lambda n: n.linear(n.op(Mean(), n.norm(small(n, 2))), 9),
    "add": lambda n: n.op(Add(), n.norm(small(n)), n.norm(n.linear(n.input(1, 13, 9), 18))),
    "mul": lambda n: n.op(Mul(), n.norm(small(n, 2)), n.norm(n.linear(n.input(2, 13, 9), 18))),
    "scaled": lambda n: n.op(Mul(), n.norm(small(n)), n.const(n.normal(18))),
    "shifted": lambda n: n.op(Add(), n.norm(small(n)), n.const(n.normal(18))),
    "activation": lambda n: n.op(Activation("gelu"), n.norm(small(n))),
    "channels": lambda n: n.norm(n.op(Concat(2), n.norm(small(n)), n.norm(n.linear(n.input(1, 13, 9), 6)))),
    "channels from a frame on": lambda n: n.norm(
        n.op(Concat(2), n.norm(n.linear(small(n), 24)), n.norm(n.linear(n.input(1, 13, 9), 22)))
    ),
    "slice": lambda n: n.op(Slice(1, 3, 12), n.norm(small(n, 2))),
    "tokens": lambda n: n.norm(n.op(Concat(1), n.norm(n.linear(n.input(1, 5, 9), 18)), n.norm(small(n)))),
    "slice at a word": lambda n: n.linear(n.op(Slice(1, 8, 13), n.norm(small(n))), 7),
}


def case_of(what: str, arch: Arch, seed: int) -> Case:
    net = Net(seed)
    return Case(net.quantized(NETS[what](net), seed=seed), arch, seed, runs=1)


@pytest.mark.parametrize("what", NETS)
@pytest.mark.parametrize("pe", ["8x8", "2x8x8", "2x12x12"])
def test_every_kind_of_instruction_is_said_in_fields(what: str, pe: str, seed: int) -> None:
    case = case_of(what, machine_of(pe), seed)
    if what == "channels" and case.arch.array.count > 1:
        with pytest.raises(UnsupportedError, match="must write from a multiple of 8 channels on, not from 18"):
            assemble(case.lowered.program)
        return
    program = assemble(case.lowered.program)
    (expected,) = case.run().outputs.values()
    (found,) = outputs(case, program).values()
    np.testing.assert_array_equal(found, expected[0])
    assert decode_program(encode_program(program)) == program


def test_the_nets_have_every_kind_of_instruction() -> None:
    programs = [assemble(case_of(what, machine_of("8x8"), 1).lowered.program) for what in NETS]
    fields = [coded for program in programs for coded in program.instructions]
    functions = {LANE_FUNCTIONS[c.fields.get("function", 0)] for c in fields if c.operation == "lane"}
    assert functions >= {*LANE_FUNCTIONS} - {"zero", "head_mean"}
    flags = {f"{c.operation} {name}" for c in fields for name in c.fields}
    has = "by_rows", "has_residual", "has_table", "is_wide", "b_is_activation"
    assert flags >= {f"matmul {name}" for name in has} | {
        "attention heads",
        "matmul takes_moments",
        "matmul begins_moments",
        "lane has_moments",
        "lane has_b",
        "lane by_rows",
        "lane shift",
        "lane moves_up",
    }


WRONG = [
    ("matmul", "out_plane", 8), ("matmul", "b_step", 1), ("attention", "v_head", 8), ("attention", "last_channels", -1),
    ("lane", "a_plane", 8), ("store", "step", 8),
    ("matmul", "moments_channels", -1), ("lane", "moments", 1),
]  # fmt: skip
"""Operations, and by how much a field of them is off."""


def test_a_wrong_field_shows(seed: int) -> None:
    """The comparison is a real one: results depend on what fields say."""
    case = case_of("block", machine_of("8x8"), seed)
    (expected,) = case.run().outputs.values()
    program = assemble(case.lowered.program)
    for operation, name, by in WRONG:
        wrong = tuple(
            replace(c, fields={**c.fields, name: c.fields[name] + by})
            if c.operation == operation and name in c.fields
            else c
            for c in program.instructions
        )
        (found,) = outputs(case, replace(program, instructions=wrong)).values()
        assert not np.array_equal(found, expected[0]), name


def test_a_small_program_is_golden(golden: Callable[[str, str], None]) -> None:
    case = case_of("block", machine_of("8x8"), 1)
    golden("assembly.txt", disassembly(assemble(case.lowered.program)))


def test_what_a_program_sums_up_to_is_its_own() -> None:
    program = case_of("block of two frames", machine_of("4x4"), 1).lowered.program
    assembled = assemble(program).instructions
    assert [c.operation for c in assembled] == [i.mnemonic for i in program.instructions]
    for coded, instruction in zip(assembled, program.instructions, strict=True):
        fields = coded.fields
        assert tuple(fields.get(f"wait_{engine}", 0) for engine in ENGINES) == instruction.waits
        if isinstance(instruction, Transfer):
            assert fields["rows"] * fields["row_bytes"] == instruction.total_bytes
        if isinstance(instruction, MatMul):
            assert fields["depth"] * fields["row_blocks"] * fields["n_tiles"] == (
                instruction.k * instruction.row_blocks * instruction.n_tiles
            )


@pytest.mark.parametrize("pe", ["5x5", "8x8", "12x12"])
def test_rows_begin_at_multiples_of_the_powers_of_two_that_divide_p(pe: str) -> None:
    """What a DMA may take for granted of addresses in DRAM."""
    arch = machine_of(pe)
    multiple = arch.array.side & -arch.array.side
    for coded in assemble(case_of("block of two frames", arch, 1).lowered.program).instructions:
        if coded.operation in ("load", "store"):
            assert coded.fields.get("dram", 0) % multiple == 0
            assert coded.fields["rows"] == 1 or coded.fields["stride_bytes"] % multiple == 0


# -- what is refused -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("pe", "settings", "said"),
    [
        ("9x8x8", {}, "the accelerator must have 8 arrays or fewer, not 9"),
        ("8x8", {"numerics__weight_bits": 4}, "weights of the accelerator must be of 8 bits, not 4"),
        ("8x8", {"numerics__numerator_bits": 16}, "numerators of the accelerator must be of 8 bits, not 16"),
    ],
)
def test_machines_that_are_no_accelerator_are_refused(pe: str, settings: dict[str, int], said: str) -> None:
    with pytest.raises(UnsupportedError) as error:
        machine_parameters(machine_of(pe, **settings))
    assert str(error.value) == said


def test_a_machine_in_its_header() -> None:
    assert machine_parameters(machine_of("16x16", buffers__activation_bytes=100_000)) == {
        "side": 16, "arrays": 1, "activation_words": 6248, "weight_words": 8192, "parameter_sets": 4096,
        "logit_words": 2048, "moment_blocks": 64, "numerics": 0x06_08_08,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "lookupvit-pre",
            r"instruction \d+ \(attention of block0\.\S+\) must be of mode none or post_softmax_T, not pre_softmax_T",
        ),
    ],
)
def test_models_that_need_more_are_refused(name: str, said: str) -> None:
    program = Case(quantized(name, 1), machine_of("8x8"), 1).lowered.program
    with pytest.raises(UnsupportedError, match=said):
        assemble(program)


def program_of(instruction: Instruction) -> Program:
    return Program("p", machine_of("8x8"), [instruction])


MATMUL = MatMul(layer="x", a=0, weight=0, out=64, row_blocks=1, tokens=8, k=8, n=8, n_tiles=1)
ATTENTION = Attention(
    layer="x", q=0, k=8, v=16, out=24, frames=1, heads=1, head_dim=8, value_dim=8, queries=8, keys=8, parameters=0
)
LANE = Lane(layer="x", function="copy", a=0, out=64, row_blocks=1, tokens=8, channels=8)
ROUTE = Route(layer="x", logits=0, row_blocks=1, tokens=8, frame_tokens=8, experts=4, k=2)

REFUSED: list[tuple[Instruction, str]] = [
    (
        replace(LANE, expert=2),
        "must not be an expert's: of experts the accelerator has matmuls, and moves of their tokens",
    ),
    (
        replace(MATMUL, expert=2, drain="channel"),
        "must have token-lane results of an expert: the accelerator has no others",
    ),
    (replace(ROUTE, experts=33), "must have 32 experts or fewer, not 33"),
    (replace(ROUTE, k=5), "must have 4 choices of a token or fewer, not 5"),
    (replace(ROUTE, row_blocks=257), "must have 2048 rows or fewer at once, not 2056"),
    (replace(ROUTE, logits=4), "must have logits at a multiple of 8 words, not 4"),
    (
        ScatterAdd(layer="x", expert=0, a=0, out=0, a_step=16, out_step=12, parameters=0, channels=6),
        "must have out_step at a multiple of 8 words, not 12",
    ),
    (
        replace(MATMUL, residual=0, table=0),
        "must not add a residual behind an activation: the accelerator adds it before",
    ),
    (
        replace(MATMUL, residual=0, drain="channel"),
        "must not add a residual to results by rows: the accelerator has them",
    ),
    (
        replace(MATMUL, row_blocks=3, tokens=9, drain="channel"),
        "must have 3 row-blocks of one frame, not 9 tokens in them",
    ),
    (
        replace(MATMUL, moments=0, out_bytes=2, drain="channel"),
        "must not take moments of results by rows: the accelerator has them by columns",
    ),
    (
        replace(MATMUL, moments=0, out_bytes=2, table=0),
        "must not take moments behind an activation: the accelerator takes them before tables",
    ),
    (replace(MATMUL, moments=0), "must not take moments of int8 results: the accelerator takes them of int16"),
    (
        replace(MATMUL, moments=0, out_bytes=2, expert=2),
        "must not take moments of an expert's results: its rows are a queue's",
    ),
    (replace(LANE, moments=0), "must be a layernorm to have moments, not copy"),
    (replace(MATMUL, a_step=1 << 16), "must have a_step of 0 to 65535, not 65536"),
    (replace(ATTENTION, mode="pre_softmax_T"), "must be of mode none or post_softmax_T, not pre_softmax_T"),
    (
        replace(ATTENTION, mode="post_softmax_T", logits=8, queries=256),
        "must sum over fewer than 256 queries in 32 bits, not 256",
    ),
    (
        replace(ATTENTION, logits=8, heads=40, queries=100),
        "must keep the statistics of 4096 rows of logits or fewer, not of 4160",
    ),
    (replace(ATTENTION, mask=0), "must not have a mask: the accelerator has none"),
    (replace(ATTENTION, residual=0), "must not add a residual: the accelerator adds none to attention"),
    (replace(ATTENTION, drain="channel"), "must have a token-lane result: the accelerator has no other of attention"),
    (
        replace(LANE, function="head_mean"),
        "must have a function of copy, zero, layernorm, convert, add, mul, activation, not",
    ),
    (
        replace(LANE, function="layernorm", shift=1),
        "must have a function of copy or convert to move tokens by lanes, not",
    ),
    (replace(LANE, shift=-8), "must move tokens by less than 8 lanes, not 8"),
    (replace(LANE, shift=1, drain="channel"), "must not move tokens down by lanes into results by rows"),
    (Store(layer="x", dram=0, buffer="weight", address=0), "must store from the activation buffer, not from weight"),
]


@pytest.mark.parametrize(("instruction", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_what_the_accelerator_cannot_do_is_refused(instruction: Instruction, said: str) -> None:
    with pytest.raises(UnsupportedError) as error:
        assemble(program_of(instruction))
    assert str(error.value).startswith(f"instruction 0 ({instruction.mnemonic} of x) {said}")


def test_queues_in_another_order_than_that_of_experts_are_refused(seed: int) -> None:
    case = Case(quantized("m3vit", seed), machine_of("8x8", moe__order="longest"), seed)
    with pytest.raises(UnsupportedError, match=r"must have experts in static order, not longest"):
        assemble(case.lowered.program)
