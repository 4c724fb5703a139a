from __future__ import annotations

import torch

from vitaccel.reference.gelu import WideGelu
from vitaccel_sim.traffic.gelu import changed, edges, witnesses

SPEC = WideGelu()


def test_edges_are_in_every_segment_of_either_sign() -> None:
    step = 1 << SPEC.fraction - SPEC.step_bits
    for sign in (1, -1):
        assert {abs(code) // step for code in edges(SPEC) if code * sign > 0} >= set(range(SPEC.segments + 2))


def test_witnesses_tell_whatever_any_code_tells() -> None:
    """Where all codes together do not see that a knot is larger or smaller by one, no word can."""
    found, every = torch.tensor(witnesses(SPEC)), torch.arange(SPEC.format.max + 1)
    for place in range(0, SPEC.segments + 1, 5):
        for change in (1, -1, 8, -8):
            other = changed(SPEC, place, SPEC.table[place] + change)
            differs = bool((other.compute(every) != SPEC.compute(every)).any())
            assert bool((other.compute(found) != SPEC.compute(found)).any()) == differs


def test_segments_too_long_to_search_have_no_witness() -> None:
    assert witnesses(WideGelu(bits=32, fraction=24)) == []
