"""Random Programs: every instruction, any sizes, any waits that name earlier instructions; and small machines."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

from hypothesis import strategies as st

from vitaccel.arch import Arch, Energy, Memory, Numerics, PeArrays
from vitaccel.arch import Routing as ExpertOrder
from vitaccel.backends.cost_model.routing import Routing
from vitaccel.ir.program import (
    Attention,
    Engine,
    Gather,
    Instruction,
    Lane,
    Layer,
    Load,
    MatMul,
    Program,
    Region,
    Route,
    Routed,
    ScatterAdd,
    Store,
)

KINDS = (Load, Load, MatMul, MatMul, Attention, Lane, Route, Gather, ScatterAdd, Store)
TRAFFIC = ("weight", "constant", "input", "output", "spill")


def random_machine(rng: random.Random) -> Arch:
    """Return a machine with small arrays, any memory, and an energy table without a zero."""
    return Arch(
        frequency_hz=rng.choice((1e8, 3e8)),
        array=PeArrays(side=rng.choice((4, 5, 8)), count=rng.randint(1, 3)),
        memory=Memory(latency_cycles=rng.randint(0, 90), outstanding=rng.randint(1, 8)),
        numerics=Numerics(numerator_bits=rng.choice((8, 12)), logit_fraction_bits=rng.choice((6, 8))),
        moe=ExpertOrder(rng.choice(("static", "longest"))),
        energy=Energy(*(rng.randint(1, 99) / 8 for _ in range(5)), source="made up"),
    )


def random_layers(rng: random.Random) -> list[Layer]:
    """Return a few layers, some of experts."""
    layers = []
    for at in range(rng.randint(1, 5)):
        experts = rng.randint(1, 6)
        tokens = rng.randint(1, 30)
        capacity = rng.choice((0, rng.randint(1, tokens)))
        groups = () if capacity else random_groups(rng, tokens)
        routed = Routed(tokens, experts, rng.randint(1, experts), capacity, rng.randint(1, 99), groups)
        macs, multiplications = rng.randint(0, 9999), rng.randint(0, 9999)
        layers.append(Layer(f"block{at}.mlp", "moe", macs, routed if rng.random() < 0.4 else None, multiplications))
    return layers


def random_groups(rng: random.Random, tokens: int) -> tuple[int, ...]:
    """Cut so many tokens into a few groups, sometimes none."""
    cuts = sorted(rng.sample(range(1, tokens), min(tokens - 1, rng.randint(0, 4))))
    groups = tuple(end - begin for begin, end in pairwise((0, *cuts, tokens)))
    return groups if len(groups) > 1 else ()


def random_instruction(rng: random.Random, kind: type[Instruction], shared: dict[str, object]) -> Instruction:
    """Return an instruction of a kind with random sizes; ``shared`` are its layer, waits and expert."""
    n = rng.randint
    fields: dict[type[Instruction], dict[str, object]] = {
        MatMul: {
            "a": 0, "weight": n(-1, 0), "out": 0, "residual": n(-1, 0), "row_blocks": n(1, 4), "tokens": 1,
            "k": n(1, 30), "n": 1, "n_tiles": n(1, 5), "out_bytes": n(1, 2),
            "moments": n(-1, 0),
        },
        Attention: {
            "v": 0, "out": 0, "logits": n(-1, 0), "mode": rng.choice(("none", "post_softmax_T", "pre_softmax_T")),
            "frames": n(1, 2), "heads": n(1, 4), "head_dim": n(1, 9), "value_dim": n(1, 9), "queries": n(1, 20),
            "keys": n(1, 20), "in_flight": n(1, 2),
        },
        Lane: {
            "function": "add", "a": 0, "out": 0, "row_blocks": n(1, 4), "tokens": 1, "channels": n(1, 40),
            "passes": n(1, 3), "element_bytes": n(1, 2), "out_bytes": n(1, 2),
        },
        Route: {"logits": 0, "row_blocks": n(1, 4), "tokens": n(1, 20), "experts": n(1, 8), "k": n(1, 3)},
        Gather: {"a": 0, "out": 0, "channels": n(1, 40)},
        ScatterAdd: {"a": 0, "out": 0, "channels": n(1, 40)},
    }  # fmt: skip
    transfer = {
        "dram": 0, "buffer": rng.choice(("weight", "activation")), "address": 0, "rows": n(1, 5),
        "row_bytes": n(1, 400), "traffic": rng.choice(TRAFFIC),
    }  # fmt: skip
    return kind(**shared, **fields.get(kind, transfer))  # type: ignore[arg-type]


def random_program(rng: random.Random) -> Program:
    """Return a Program that no pass would make but that follows every rule of Programs."""
    program = Program("random", random_machine(rng), layers=random_layers(rng))
    issued, routes = [0] * len(Engine), [0] * len(program.layers)
    kernel = 0
    for _ in range(rng.randint(1, 40)):
        kernel = min(len(program.layers) - 1, kernel + (rng.random() < 0.15))
        layer = program.layers[kernel]
        expert = rng.randrange(layer.routed.experts) if layer.routed and rng.random() < 0.6 else -1
        kinds = [kind for kind in KINDS if expert >= 0 or not issubclass(kind, Gather | ScatterAdd)]
        if layer.routed and routes[kernel] == max(1, len(layer.routed.groups)):
            kinds.remove(Route)
        waits = tuple(rng.randint(0, count) if rng.random() < 0.4 else 0 for count in issued)
        made = random_instruction(rng, rng.choice(kinds), {"layer": layer.label, "waits": waits, "expert": expert})
        routes[kernel] += isinstance(made, Route)
        issued[made.engine] += 1
        program.instructions.append(made)
        program.kernel_of.append(kernel)
    for at in range(rng.randint(0, 6)):
        engine = rng.choice(program.instructions).engine  # of one engine, the later instruction also ends later
        own = [index for index, made in enumerate(program.instructions) if made.engine is engine]
        first, last = sorted(rng.choices(own, k=2))
        others = [rng.randrange(len(program.instructions)) for _ in range(rng.choice((0, 2)))]
        touched = tuple(other for other in others if first <= other <= last)
        program.regions.append(Region(f"t{at}", 0, rng.randint(1, 100), first, last, touched))
    return program


def random_routing(rng: random.Random, program: Program) -> Routing:
    """Return one of the assumptions, or a trace with an empty queue here and there."""
    kind = rng.choice(("uniform", "worst", "trace"))
    if kind != "trace":
        return Routing(kind)
    queues = {}
    for layer in program.layers:
        if layer.routed:
            routed = layer.routed
            chosen = rng.sample(range(routed.experts), rng.randint(routed.k, routed.experts))
            wanted = Counter(expert for _ in range(routed.tokens) for expert in rng.sample(chosen, routed.k))
            cap = routed.capacity or routed.tokens
            queues[layer.label] = tuple(min(cap, wanted[expert]) for expert in range(routed.experts))
    return Routing("trace", queues, "made up")


RANDOM = st.integers(0, 2**32 - 1).map(random.Random)
"""What a random Program is made from; only the seed is drawn, since drawing every size is ten times slower."""
