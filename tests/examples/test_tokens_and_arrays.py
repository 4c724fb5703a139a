"""The example runs, and more arrays never take more cycles."""

import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "tokens_and_arrays.py"


def test_it_prints_falling_cycles() -> None:
    done = subprocess.run([sys.executable, str(EXAMPLE)], capture_output=True, text=True, check=True)
    rows = [[int(n.replace(",", "")) for n in re.findall(r"[\d,]{3,}", line)] for line in done.stdout.splitlines()[1:]]
    assert [len(row) for row in rows] == [3, 3]
    for row in rows:
        assert row == sorted(row, reverse=True)
    assert all(more > fewer for fewer, more in zip(rows[0], rows[1], strict=True))
