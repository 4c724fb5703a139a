"""What calibration images show: largest magnitudes by channel, sample rows, histograms; no image is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

from vitaccel.errors import VitaccelError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Input
from vitaccel.quantization.calibration import batch_size, batches, image_count
from vitaccel.quantization.meaning import FloatMeaning, walk
from vitaccel.quantization.values import ValuePlan

Progress = Callable[[str], None]

BINS = 8192
"""Bins of a histogram, from minus to plus the largest magnitude."""

SAMPLE_ROWS = 512
"""Token rows kept of a value that is sampled."""


def by_channel(value: Tensor) -> Tensor:
    """The value as [elements, channels]: channels are the last axis, of images axis 1."""
    if value.dim() == 4:
        value = value.movedim(1, -1)
    return value.reshape(-1, value.shape[-1]) if value.dim() else value.reshape(1, 1)


class Observation:
    """One pass over the calibration images in float.

    Parameters
    ----------
    graph
        The model.
    plans
        Its values.
    sampled
        Values of which rows are kept.
    limits
        Largest magnitude of every group of every value that gets a histogram, by key; from an earlier pass.
    """

    def __init__(
        self,
        graph: Graph,
        plans: Mapping[str, ValuePlan],
        *,
        sampled: Iterable[str] = (),
        limits: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.graph = graph
        self.plans = plans
        self.limits = limits or {}
        self.peaks: dict[str, np.ndarray] = {}
        self.histograms: dict[str, np.ndarray] = {}
        self.rows: dict[str, list[Tensor]] = {name: [] for name in sampled}
        self._rows_per_batch = SAMPLE_ROWS

    def run(self, calibration: Mapping[str, np.ndarray], progress: Progress, title: str) -> None:
        """See every image.

        Raises
        ------
        VitaccelError
            If a value of the network is not finite.
        """
        count, size = image_count(calibration), batch_size(self.graph)
        runs = -(-count // size)
        self._rows_per_batch = max(1, SAMPLE_ROWS // runs)
        meaning = FloatMeaning(self.graph, inside=self._see_inside)
        for at, feeds in enumerate(batches(self.graph, calibration)):
            progress(f"{title}: images {at * size + 1} to {min(count, (at + 1) * size)} of {count}")
            walk(meaning, feeds, self._see)

    def sample(self, name: str) -> Tensor:
        """Rows kept of a sampled value, [rows, channels]."""
        return torch.cat(self.rows[name])

    def _see(self, name: str, value: Tensor) -> None:
        if name not in self.plans:
            return
        self._record(name, name, by_channel(value), self.plans[name].heads)
        if name in self.rows:
            rows = by_channel(value)
            wanted = min(self._rows_per_batch, len(rows))
            self.rows[name].append(rows[torch.linspace(0, len(rows) - 1, wanted).long()].clone())

    def _see_inside(self, name: str, stem: str, value: Tensor) -> Tensor:
        self._record(f"{name}.{stem}", name, value.reshape(-1, 1), 1)
        return value

    def _record(self, key: str, name: str, value: Tensor, groups: int) -> None:
        if not value.numel():
            return
        peak = value.abs().amax(0).numpy().astype(np.float64)
        if not np.isfinite(peak).all() and not isinstance(self.graph[name].op, Input):
            node = self.graph[name]
            raise VitaccelError(
                f"{node.label or name}: values of {node.op.name} must be finite on the calibration images, not "
                f"{peak[~np.isfinite(peak)][0]}"
            )
        self.peaks[key] = np.maximum(self.peaks[key], peak) if key in self.peaks else peak
        if key in self.limits:
            self._count(key, value, self.limits[key], groups)

    def _count(self, key: str, value: Tensor, limits: np.ndarray, groups: int) -> None:
        found = self.histograms.setdefault(key, np.zeros((groups, BINS)))
        for at, part in enumerate(value.reshape(len(value), groups, -1).unbind(1)):
            reach = max(float(np.float32(limits[at])), 1e-30)
            found[at] += torch.histc(part, BINS, -reach, reach).double().numpy()


def group_peaks(peak: np.ndarray, groups: int) -> np.ndarray:
    """Largest magnitude of each group of neighbouring channels."""
    result: np.ndarray = peak.reshape(groups, -1).max(axis=1)
    return result
