"""SIGTERM lets a block put back what it holds, and means afterwards what it meant before."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from vitaccel.cli.terminated import EXIT_TERMINATED, tidy_end


def killed(put: list[str]) -> None:
    """Hold something when the signal comes."""
    with tidy_end():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            put.append("nothing came")
        finally:
            put.append("back")


def test_a_block_that_is_told_to_end_puts_back_what_it_holds() -> None:
    before, put = signal.getsignal(signal.SIGTERM), list[str]()
    with pytest.raises(SystemExit) as end:
        killed(put)
    assert end.value.code == EXIT_TERMINATED == 128 + signal.SIGTERM
    assert put == ["back"]
    assert signal.getsignal(signal.SIGTERM) == before


def test_another_thread_changes_nothing() -> None:
    seen = []

    def block() -> None:
        with tidy_end():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]
