"""A command that is told to end: other programs that it runs end too, and nothing is left behind."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, Never

from vitaccel.cli import ToldToEnd

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Told to end, and the terminal has gone."""

UNUSED = r".* created but never used$"
"""What Amaranth says of a design that was not finished."""


Handler = Callable[[int, FrameType | None], Any]


@contextmanager
def tidy_end() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as an interrupt does, and let go what it holds; then the command ends.

    What nohup started does not heed SIGHUP, and goes on so.
    """
    with _handled({number: _end for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN}):
        yield


@contextmanager
def quiet_interrupt() -> Iterator[None]:
    """Let an interrupt (SIGINT) of the block say nothing of what Amaranth had begun to build."""
    is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with _handled({signal.SIGINT: _interrupt} if is_usual else {}):
        yield


@contextmanager
def _handled(handlers: Mapping[int, Handler]) -> Iterator[None]:
    """Let signals mean something else in the block."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what becomes of signals
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, was in before.items():
            signal.signal(number, was)


def _end(number: int, _: FrameType | None) -> Never:
    raise ToldToEnd(128 + number)


def _interrupt(number: int, frame: FrameType | None) -> Never:
    # At once: what an interrupted expression holds is gone before anyone could catch the exception.
    warnings.filterwarnings("ignore", message=UNUSED)
    signal.default_int_handler(number, frame)
