"""The process of a tool, which ends when the one that started it is killed.

It is run as a file, in any folder: it imports nothing of vitaccel_rtl.
"""

from __future__ import annotations

import ctypes
import importlib
import signal
import sys

PR_SET_PDEATHSIG = 1
"""Of Linux' ``prctl``: the signal that a process gets when its parent has ended."""


def main(module: str, function: str, *arguments: str) -> int:
    """Run a function on arguments and return its code."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    code: int = getattr(importlib.import_module(module), function)(list(arguments))
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
