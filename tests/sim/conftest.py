"""The simulator in which a defect is shown: one is enough, and Icarus builds in a moment."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture(scope="session")
def quick_simulator() -> str:
    """Icarus where it is installed, else Verilator."""
    return "icarus" if shutil.which("iverilog") else "verilator"
