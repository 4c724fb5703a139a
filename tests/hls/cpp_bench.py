"""A few lines of C++ around a header, compiled with every check on and run on rows of integers."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vitaccel.backends.hls.compiled import CAREFUL, compiled
from vitaccel.backends.hls.sources import hls_headers

MAIN = """\
#include <cstdint>
#include <cstdio>
{includes}

using namespace vitaccel;

{declarations}

int main() {{
    int64_t in[{inputs}], out[{outputs}];
    while (std::fread(in, sizeof in, 1, stdin) == 1) {{
{body}
        std::fwrite(out, sizeof out, 1, stdout);
    }}
    return 0;
}}
"""


def run_cpp(
    headers: str,
    body: str,
    rows: npt.ArrayLike,
    *,
    outputs: int = 1,
    declarations: str = "",
    flags: Sequence[str] = CAREFUL,
) -> npt.NDArray[np.int64]:
    """Return what a body makes of each row.

    Parameters
    ----------
    headers
        Their stems, with spaces between them.
    body
        Statements that set ``out[0]`` and so on from ``in[0]`` and so on, all ``int64_t``.
    rows
        Integers ``[rows, inputs]``.
    outputs
        How many a row has.
    declarations
        In front of ``main``.
    flags
        Of the compiler.

    Returns
    -------
    ndarray
        ``[rows, outputs]``.
    """
    table = np.ascontiguousarray(rows, np.int64)
    text = MAIN.format(
        includes="\n".join(f'#include "vitaccel_hls/{stem}.hpp"' for stem in headers.split()),
        declarations=declarations,
        inputs=table.shape[1],
        outputs=outputs,
        body=body,
    )
    program = compiled(hls_headers() | {"bench.cpp": text}, "bench.cpp", flags=flags)
    done = subprocess.run([program], input=table.tobytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return np.frombuffer(done.stdout, np.int64).reshape(len(table), outputs)


def integers(random: np.random.Generator, bits: int, count: int, *, signed: bool = True) -> npt.NDArray[np.int64]:
    """Random codes of a width, a few extremes first."""
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    drawn = random.integers(low, high, count, dtype=np.int64, endpoint=True)
    # Small magnitudes as often as large ones.
    drawn[::2] >>= random.integers(0, bits, len(drawn[::2]))
    extremes = np.array([low, high, 0, 1, low + 1])[: len(drawn)]
    drawn[: len(extremes)] = extremes
    return drawn
