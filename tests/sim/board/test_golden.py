"""A micro network on the whole system of a board, by the driver over its serial line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.sim.delivery.network.micro import IMAGES, network, write
from vitaccel_sim.accelerator.delivered import read_delivery
from vitaccel_sim.board.golden import run_golden


@pytest.mark.full
def test_outputs_are_those_of_the_interpreter(tmp_path: Path) -> None:
    delivered = read_delivery(write(tmp_path))
    runs = list(run_golden(delivered))
    assert [run.is_equal for run in runs] == [True] * IMAGES
    assert len({run.cycles for run in runs}) == 1
    assert abs(runs[0].cycles / network().cycles - 1) < 0.2
    for name, array in delivered.golden.items():
        if name.startswith("output."):
            delivered.golden[name] = array + np.ones_like(array)
    assert not next(run_golden(delivered, images=1)).is_equal
