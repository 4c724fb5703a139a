"""Tables as C++ types hold what their specs do."""

from __future__ import annotations

import pytest

from tests.hls.cpp_bench import run_cpp
from vitaccel.backends.hls.tables import gelu_type, powers_type, reciprocal_type, rsqrt_type
from vitaccel.reference.exp2 import Exp2, Exp2Linear
from vitaccel.reference.gelu import WideGelu
from vitaccel.reference.reciprocal import Reciprocal
from vitaccel.reference.rsqrt import Rsqrt

LINES = Exp2Linear(8)

CASES = {
    "mantissas": (powers_type("T", Exp2(6)), "MANTISSAS", Exp2(6).mantissas),
    "bases": (powers_type("T", LINES), "BASES", [base for base, _ in LINES.lines]),
    "slopes": (powers_type("T", LINES), "SLOPES", [slope for _, slope in LINES.lines]),
    "reciprocal": (reciprocal_type("T", Reciprocal()), "ENTRIES", Reciprocal().table),
    "rsqrt": (rsqrt_type("T", Rsqrt()), "ENTRIES", Rsqrt().table),
    "gelu": (gelu_type("T", WideGelu()), "KNOTS", WideGelu().table),
}


@pytest.mark.parametrize("name", CASES)
def test_every_entry(name: str) -> None:
    text, array, entries = CASES[name]
    body = f"out[0] = sizeof T::{array} / sizeof *T::{array}; out[1] = T::{array}[in[0]];"
    found = run_cpp("integers", body, [[n] for n in range(len(entries))], outputs=2, declarations=text)
    assert found.tolist() == [[len(entries), entry] for entry in entries]


@pytest.mark.parametrize(("spec", "made"), [(Reciprocal(), reciprocal_type), (Rsqrt(), rsqrt_type)])
def test_constants_of_a_newton_step(spec: Reciprocal | Rsqrt, made: object) -> None:
    assert callable(made)
    body = "out[0] = T::INDEX_BITS; out[1] = T::ENTRY_BITS; out[2] = T::CENTRE; (void)in;"
    found = run_cpp("integers", body, [[0]], outputs=3, declarations=made("T", spec))
    assert found[0].tolist() == [spec.index_bits, spec.entry_bits, spec.centre]
