"""The smallest network with attention in C++, made once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.sim.delivery.network.micro import IMAGES, NAME, PE, SETTINGS, arch, onnx
from vitaccel.evaluation.data import random_data
from vitaccel_sim.delivery.hls.deliver import HlsNetwork, deliver_hls

MACHINE = ["--pe", PE, *(part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}"))]


@cache
def hls_network() -> HlsNetwork:
    """The delivery; with golden images as the command draws them."""
    return deliver_hls(
        onnx(), NAME, arch(), lambda graph: random_data(graph, IMAGES, seed=0, purpose="golden").inputs, said=SETTINGS
    )


def write(folder: Path) -> Path:
    """Write its files, and return the folder."""
    for name, content in hls_network().files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
