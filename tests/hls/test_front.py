"""The front of an engine in C++: an instruction starts when all that it waits for has completed, and not before."""

from __future__ import annotations

from tests.hls.cpp_bench import run_cpp
from vitaccel_rtl.accelerator.isa import LANE

BODY = """
        Front front;
        InstructionStream queue;
        TokenStream tokens;
        DoneStream done;
        Instruction instruction{};
        instruction.word[0] = uint32_t(in[0]);
        for (int n = 0; n < ENGINES; ++n) instruction.word[1 + n] = uint32_t(in[1 + n]);
        out[0] = collect(front, queue, tokens) || may_start(front);
        queue.write(instruction);
        int steps = 0;
        for (int n = 0; n < 40 && !may_start(front); ++n, ++steps) {
            tokens.write(Token(n % ENGINES));
            collect(front, queue, tokens);
        }
        out[1] = steps;
        out[2] = is_end(front);
        complete(front, done);
        Done found{};
        out[3] = done.read_nb(found) && !done.read_nb(found);
        out[4] = found.is_end;
        tokens.write(Token(int(ENGINES)));
        out[5] = collect(front, queue, tokens);"""


def test_it_waits_for_as_many_of_each_engine() -> None:
    """A token of each engine in turn: after n of them, engine e has completed (n + 3 - e) // 4 instructions."""
    # Each engine is the last one at least once: whichever were left out, one case would begin too early.
    waits = [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [3, 1, 2, 0], [2, 2, 2, 2], [0, 5, 0, 0], [1, 2, 3, 2]]
    found = run_cpp("front", BODY, [[LANE.code, *each] for each in waits], outputs=6)
    # The first step takes the instruction.
    steps = [max(1, *(4 * (count - 1) + engine + 1 for engine, count in enumerate(each) if count), 1) for each in waits]
    assert found[:, 1].tolist() == steps
    assert found[:, [0, 2, 3, 4, 5]].tolist() == [[0, 0, 1, 0, 1]] * len(waits)


def test_an_end_is_told_as_one() -> None:
    found = run_cpp("front", BODY, [[0, 0, 0, 0, 0]], outputs=6)
    assert found.tolist() == [[0, 1, 1, 1, 1, 1]]
