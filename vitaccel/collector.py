"""Python's garbage collector, which is in the way where many objects are made that all stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Let the collector rest in this block: it would walk all instructions over and over, and find nothing to collect.

    What is not in a cycle is freed as ever. It works again behind the block if it did before.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
