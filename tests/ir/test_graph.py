"""The Graph: building, editing, order and names."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Add, Input, LayerNorm, Linear, Op
from vitaccel.ir.types import TensorType


def block(name: str = "block") -> Graph:
    """``x + fc(norm(x))``, every node with a name of its own."""
    graph = Graph(name)
    x = graph.add(Input(), type=TensorType((1, 5, 4)), name="x", sources=["image"])
    gamma, beta = (graph.add_const(np.ones(4, np.float32), parameter=True, name=n) for n in ("gamma", "beta"))
    norm = graph.add(LayerNorm(), (x, gamma, beta), name="norm", sources=["LN"])
    weight = graph.add_const(np.eye(4, dtype=np.float32), parameter=True, name="w")
    fc = graph.add(Linear(), (norm, weight), name="fc", sources=["MatMul"])
    graph.outputs = [graph.add(Add(), (x, fc), name="sum")]
    return graph


def shuffled(graph: Graph, seed: int) -> Graph:
    """The same network with its nodes added in another order and under other names."""
    rng = random.Random(seed)
    left, placed = list(graph), dict[str, str]()
    other = Graph(graph.name)
    while left:
        ready = [n for n in left if all(i in placed for i in graph[n].inputs)]
        name = rng.choice(ready)
        left.remove(name)
        node = graph[name]
        fresh = name if isinstance(node.op, Input) else f"n{rng.random()}"
        if graph.is_const(name):
            placed[name] = other.add_const(graph.array(name), parameter=True, name=fresh)
        else:
            placed[name] = other.add(node.op, [placed[i] for i in node.inputs], type=node.type, name=fresh)
    other.outputs = [placed[o] for o in graph.outputs]
    return other


def test_operands_stand_before_their_users_in_operand_order() -> None:
    assert block().topological() == ["x", "gamma", "beta", "norm", "w", "fc", "sum"]


def test_the_order_does_not_depend_on_insertion(seed: int) -> None:
    graph = block()
    for step in range(20):
        other = shuffled(graph, seed + step)
        assert str(other) == str(graph)
        assert list(other.canonical()) == list(graph.canonical())
        position = {n: at for at, n in enumerate(other.topological())}
        assert all(position[i] < position[n] for n in other for i in other[n].inputs)


def test_a_deep_graph_needs_no_deep_stack() -> None:
    graph = Graph("deep")
    name = graph.add(Input(), type=TensorType((1, 1)), name="x")
    for _ in range(5000):
        name = graph.add(Activation("relu"), [name])
    graph.outputs = [name]
    order = graph.canonical().topological()
    assert order == ["x", *(f"%{i}" for i in range(5000))]


def test_a_diamond_is_visited_once() -> None:
    graph = Graph("diamond")
    x = graph.add(Input(), type=TensorType((1, 1)), name="x")
    graph.outputs = [graph.add(Add(), (x, x), name="double"), x]
    assert graph.topological() == ["x", "double"]
    assert graph.users(x) == ["double"]


def test_canonical_copies_everything_but_names() -> None:
    graph = block()
    graph.folded_parameters = 7
    graph.update("fc", label="here", kernel="fc", fmt="int8")
    copy = graph.canonical()
    assert [n for n in copy if not copy.is_const(n)] == ["x", "%0", "%1", "%2"]
    assert copy["%1"].label == "here"
    assert copy["%1"].kernel == "%1"
    assert copy["%1"].sources == {"MatMul"}
    assert copy.outputs == ["%2"]
    assert copy.array("%c2") is graph.array("w")
    assert copy.parameters == graph.parameters == 7 + 4 + 4 + 16
    assert graph["fc"].inputs == ("norm", "w")


def test_unused_inputs_stay_and_other_unused_nodes_go() -> None:
    graph = block()
    graph.add(Input(), type=TensorType((), "i64"), name="task")
    graph.add(Activation(), ["norm"], name="dead")
    graph.prune()
    assert "dead" not in graph
    assert graph.inputs == ["x", "task"]
    assert graph.canonical().inputs == ["task", "x"]
    assert graph.users("norm") == ["fc"]


def test_replace_uses_moves_users_and_outputs() -> None:
    graph = block()
    active = graph.add(Activation("relu"), ["fc"], name="active")
    graph.replace_uses("fc", active, except_in=[active])
    assert graph["sum"].inputs == ("x", "active")
    assert graph["active"].inputs == ("fc",)
    assert (graph.users("fc"), graph.users("active")) == (["active"], ["sum"])
    graph.replace_uses("sum", active)
    assert graph.outputs == ["active"]
    assert graph.topological()[-1] == "active"


def test_a_value_replaced_whole_hands_its_scale_on() -> None:
    graph = Graph("net")
    x = graph.add(Input(), type=TensorType((1, 2)), name="x")
    old, new, other = (graph.add(Activation(kind), [x]) for kind in ("relu", "gelu", "tanh"))
    graph.outputs = [old]
    graph.update(old, scale=(0.5,))
    graph.replace_uses(old, other, except_in=[x])
    assert graph[other].scale == ()
    graph.outputs = [old]
    graph.replace_uses(old, new)
    assert graph[new].scale == (0.5,)


def test_replace_uses_moves_every_operand_of_a_user() -> None:
    graph = Graph("twice")
    x, y = (graph.add(Input(), type=TensorType((1, 1)), name=n) for n in "xy")
    graph.outputs = [graph.add(Add(), (x, x))]
    graph.replace_uses(x, y)
    assert graph[graph.outputs[0]].inputs == ("y", "y")
    assert graph.users(x) == []


def test_update_moves_edges() -> None:
    graph = block()
    graph.update("sum", inputs=("x", "norm"))
    assert graph.users("fc") == []
    assert set(graph.users("norm")) == {"fc", "sum"}
    graph.remove("fc")
    assert "fc" not in graph
    assert "fc" not in graph.digraph


@pytest.mark.parametrize("name", ["norm", "sum"])
def test_what_is_read_or_returned_cannot_be_removed(name: str) -> None:
    with pytest.raises(ValueError, match=f"node '{name}' must be unused"):
        block().remove(name)


@pytest.mark.parametrize(
    ("op", "inputs", "name", "message"),
    [
        (Add(), ("x", "y"), None, "operand 'y' of add must exist"),
        (Activation(), ("x",), "norm", "node name 'norm' must be new"),
        (Linear(), ("x", "gamma"), None, "must agree in K"),
        (Op(), (), None, "the type of op must be given"),
    ],
)
def test_add_refuses(op: Op, inputs: tuple[str, ...], name: str | None, message: str) -> None:
    graph = block()
    before = str(graph), len(graph)
    with pytest.raises(ValueError, match=message):
        graph.add(op, inputs, name=name)
    assert (str(graph), len(graph)) == before


def test_fresh_names_are_new() -> None:
    graph = block()
    graph.add(Activation(), ["x"], name="v1")
    assert graph.fresh() == "v2"


def test_constants_keep_their_array_and_take_its_element() -> None:
    graph = Graph("constants")
    array = np.arange(6, dtype=np.float16).reshape(2, 3)
    names = [graph.add_const(a) for a in (array, np.array([1, 2], np.uint8), np.array(True))]
    assert [str(graph[n].type) for n in names] == ["f32[2,3]", "i64[2]", "bool[]"]
    assert graph.array(names[0]) is array
    assert all(graph.is_const(n) for n in names)


def test_macs_and_parameters_count_what_the_outputs_need() -> None:
    graph = block()
    graph.add(Linear(), ("norm", "w"), name="unused")
    assert graph.macs("fc") == 5 * 4 * 4
    assert graph.total_macs == graph.total_macs_dense == 80
    assert graph.find(lambda node: isinstance(node.op, Linear)) == ["fc"]
    assert graph.parameters == 24


def test_shared_weights_count_once() -> None:
    graph = block()
    graph.outputs = [graph.add(Linear(), ("sum", "w"))]
    assert graph.parameters == 24
    assert graph.total_macs == 160


def test_edges_and_operands_agree() -> None:
    graph = block().canonical()
    order = graph.topological()
    for first, second in pairwise(order):
        assert order.index(first) < order.index(second)
    assert {(a, b) for b in graph for a in graph[b].inputs} == set(graph.digraph.edges)


def test_an_input_may_be_named_like_a_number() -> None:
    made = Graph("net")
    x = made.add(Input(), type=TensorType((1, 4)), name="%0")
    made.outputs = [made.add(Activation("relu"), [made.add(Activation("silu"), [x])])]
    canonical = made.canonical()
    assert canonical.inputs == ["%0"]
    assert canonical.topological() == ["%0", "%1", "%2"]
