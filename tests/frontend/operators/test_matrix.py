from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

Agrees = Callable[..., list[str]]


@pytest.fixture
def weight(seed: int) -> Callable[..., np.ndarray]:
    rng = np.random.default_rng(seed + 1)
    return lambda *shape: rng.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (2, 2, 3, 4)])
def test_a_product_by_a_constant_matrix_is_linear(agrees: Agrees, weight: Agrees, shape: tuple[int, ...]) -> None:
    assert agrees("MatMul", shape, weight(4, 5)) == ["linear"]


def test_a_constant_matrix_may_have_leading_ones(agrees: Agrees, weight: Agrees) -> None:
    assert agrees("MatMul", (2, 3, 4), weight(1, 4, 5)) == ["linear"]
    assert agrees("MatMul", (3, 4), weight(1, 4, 5)) == ["linear", "reshape"]


def test_a_constant_vector_is_a_matrix_of_one_column(agrees: Agrees, weight: Agrees) -> None:
    assert agrees("MatMul", (2, 3, 4), weight(4)) == ["linear", "reshape"]


def test_stacked_constant_matrices_stay_a_product(agrees: Agrees, weight: Agrees) -> None:
    assert agrees("MatMul", (3, 2, 4), weight(3, 4, 5)) == ["matmul"]


@pytest.mark.parametrize(("a", "b"), [((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (3, 4, 5)), ((4,), (2, 4, 5))])
def test_a_product_of_two_values(agrees: Agrees, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    assert "matmul" in agrees("MatMul", a, b)


def test_a_constant_from_the_left_mixes_tokens(agrees: Agrees, weight: Agrees) -> None:
    assert agrees("MatMul", weight(2, 3), (1, 3, 4)) == ["token_mix"]
    assert agrees("MatMul", weight(1, 2, 3), (2, 3, 4)) == ["token_mix"]
    assert agrees("MatMul", weight(2, 3), (3, 4)) == ["matmul"]


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.5, 2.0), (1.0, 0.0)])
@pytest.mark.parametrize("bias", [(5,), (1, 5), (1,), (), (3, 5), (3, 1)])
def test_gemm_with_constant_weights_is_linear(
    agrees: Agrees, weight: Agrees, transposed: int, alpha: float, beta: float, bias: tuple[int, ...]
) -> None:
    shape = (5, 4) if transposed else (4, 5)
    made = agrees("Gemm", (3, 4), weight(*shape), weight(*bias), transB=transposed, alpha=alpha, beta=beta)
    varies_along_rows = bias[:1] == (3,) and beta != 0
    assert made == (["linear", "add"] if varies_along_rows else ["linear"])


def test_gemm_transposes_its_first_operand(agrees: Agrees, weight: Agrees) -> None:
    assert agrees("Gemm", (4, 3), weight(4, 5), None, transA=1) == ["transpose", "linear"]


def test_gemm_of_two_values(agrees: Agrees, left: Callable[..., bool], weight: Agrees) -> None:
    assert agrees("Gemm", (3, 4), (5, 4), (5,), transB=1) == ["transpose", "matmul", "add"]
    assert agrees("Gemm", (3, 4), weight(5, 4), (5,), transB=1) == ["linear", "add"]
    assert left("Gemm", (3, 4), (4, 5), None, alpha=2.0)


def test_a_shared_weight_stays_shared() -> None:
    import onnx

    from vitaccel.frontend.normalize import normalize
    from vitaccel.frontend.translate import translate

    text = """<ir_version: 8, opset_import: ["": 18]> g (float[3,2] x) => (float[3,2] y)
    <float[2,2] w = {1, 2, 3, 4}> { a = Gemm<transB=1>(x, w)  y = Gemm<transB=1>(a, w) }"""
    graph = normalize(onnx.parser.parse_model(text)).graph
    translate(graph)
    assert graph.parameters == 4
