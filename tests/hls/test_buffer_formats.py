"""Words of the buffers are as wide as the machine's, and buffers as deep as its header says."""

from __future__ import annotations

from tests.hls.cpp_bench import run_cpp

MACHINE = """struct Machine {
    static constexpr int SIDE = 12, ACTIVATION_WORDS = 100, WEIGHT_WORDS = 50, PARAMETER_SETS = 30;
};"""

BODY = """
        out[0] = sizeof(Word<12>);
        out[1] = sizeof(ActivationBuffer<Machine>);
        out[2] = sizeof(WeightBuffer<Machine>);
        out[3] = sizeof(ParameterBuffer<Machine>);
        out[4] = in[0];"""


def test_sizes_are_the_machine_s() -> None:
    found = run_cpp("buffer_formats", BODY, [[0]], outputs=5, declarations=MACHINE)
    assert found[0, :4].tolist() == [12, 1200, 600, 240]
