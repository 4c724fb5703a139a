from __future__ import annotations

import onnx
import pytest

from vitaccel.frontend.macs import macs_exported, routed_sources
from vitaccel.frontend.normalize import normalize
from vitaccel.frontend.translate import translate
from vitaccel.ir.graph import Graph


def of(signature: str, body: str) -> Graph:
    text = f'<ir_version: 10, opset_import: ["": 23, "com.microsoft": 1]> g {signature} {{ {body} }}'
    graph = normalize(onnx.parser.parse_model(text)).graph
    translate(graph)
    return graph


BODY = """n = NonZero(w)  f = Cast<to=1>(n)  a = Constant<value_ints=[1, 1, 2, -1]>()
k = Reshape(f, a)  t = Transpose<perm=[0, 1, 3, 2]>(k)  y = Attention(t, t, t)"""


@pytest.mark.parametrize(
    ("signature", "body", "macs"),
    [
        ("(float[2,3,4] a, float[2,4,5] b) => (float[2,3,5] y)", "y = MatMul(a, b)", 2 * 3 * 4 * 5),
        ("(float[2,3,4] a, float[2,5,4] b) => (float y)", 'y = Einsum<equation="abc,adc->abd">(a, b)', 2 * 3 * 4 * 5),
        (
            "(float[2,3,7,8] q, float[2,3,5,8] k, float[2,3,5,4] v) => (float[2,3,7,4] y)",
            "y = Attention(q, k, v)",
            2 * 3 * 7 * 5 * (8 + 4),
        ),
        (
            "(float[2,7,24] q, float[2,5,24] k, float[2,5,12] v) => (float[2,7,12] y)",
            "y = Attention<q_num_heads=3, kv_num_heads=3>(q, k, v)",
            2 * 3 * 7 * 5 * (8 + 4),
        ),
        (
            "(float[6,4] x, float[6,3] r, float[3,8,4] w, float[3,8] b, float[3,4,8] v, float[3,4] c) => (float y)",
            "y = com.microsoft.MoE<k=2>(x, r, w, b, v, c)",
            6 * 2 * (8 * 4 + 4 * 8),
        ),
    ],
)
def test_matrix_products_count(signature: str, body: str, macs: int) -> None:
    assert macs_exported(of(signature, body)) == macs


def test_attention_over_unknown_tokens_counts_nothing() -> None:
    graph = of("(float[1,2,2,4] x, float[2,2] w) => (float y)", BODY)
    assert "onnx.Attention" in str(graph)
    assert macs_exported(graph) == 0


def test_products_of_unknown_size_are_named() -> None:
    graph = of("(float[6,4] x, float[2,2] w) => (float y)", "n = NonZero(x)  f = Cast<to=1>(n)  y = MatMul(w, f)")
    assert macs_exported(graph) == 0
    assert routed_sources(graph) == {"MatMul_2"}
