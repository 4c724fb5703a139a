"""The Python file of a delivered bench: the tests of vitaccel's own bench by name, and room for more."""

from __future__ import annotations

from vitaccel.backends.rtl.generate import Generated
from vitaccel_rtl.header import MARK
from vitaccel_sim.delivery.bench import Bench

TEXT = '''"""cocotb bench of {name}: {summary}.

{mark}. `make {name}` runs these tests with the words of {name}.json.
"""

from {module} import (  # noqa: F401
{tests})
'''


def bench_file(generated: Generated, bench: Bench) -> str:
    """Return the text of ``test_<name>.py``."""
    tests = "".join(f"    {test},  # {said}\n" for test, said in bench.tests.items())
    return TEXT.format(
        name=generated.name, summary=generated.block.summary, mark=MARK, module=bench.module, tests=tests
    )
