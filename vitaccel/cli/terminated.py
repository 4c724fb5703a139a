"""A command that is told to end (SIGTERM) while it runs other programs: they end too, and nothing is left behind."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Never

EXIT_TERMINATED = 143
"""Exit code after it: 128 + SIGTERM."""


@contextmanager
def tidy_end() -> Iterator[None]:
    """Let SIGTERM end the block as an interrupt does, so that what it holds is let go; then the process ends."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what becomes of signals
        return
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(*_: object) -> Never:
    raise SystemExit(EXIT_TERMINATED)
