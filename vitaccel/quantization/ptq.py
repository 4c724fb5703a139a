"""Post-training quantization of a Graph: smoothing, ranges, scales, weights, biases."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from vitaccel.errors import VitaccelError
from vitaccel.ir.graph import Graph
from vitaccel.ir.verify import verify_graph
from vitaccel.quantization.calibration import check_calibration, image_count
from vitaccel.quantization.observe import Observation, group_peaks
from vitaccel.quantization.options import QuantizationOptions
from vitaccel.quantization.readers import own_constants, weight_readers
from vitaccel.quantization.record import QuantizationRecord, SmoothingChoice
from vitaccel.quantization.scales import Scales, histogram_groups, select_scales
from vitaccel.quantization.smoothing import Smoothing, apply_factors, balance_logits, choose_factors, smoothing_sites
from vitaccel.quantization.sweep import round_layers
from vitaccel.quantization.values import plan_values

MARGIN = 1 + 1e-5
"""Histograms reach this far past the largest magnitude: smoothed values differ from predicted ones in the last bits."""

Peaks = Mapping[str, np.ndarray]


def quantize_graph(
    graph: Graph,
    calibration: Mapping[str, np.ndarray],
    options: QuantizationOptions,
    progress: Callable[[str], None],
) -> tuple[Graph, QuantizationRecord]:
    """What :func:`vitaccel.quantization.quantize` promises."""
    images = check_calibration(graph, calibration)
    if any(graph[name].scale for name in graph):
        raise VitaccelError(f"model {graph.name!r} must be in float to be quantized; it has scales already")
    result = graph.canonical()
    own_constants(result)
    first, smoothings = _smooth(result, images, options, progress)
    plans = plan_values(result)
    groups = histogram_groups(plans)
    limits = {key: group_peaks(first[key], heads) * MARGIN for key, heads in groups.items() if key in first}
    second = Observation(result, plans, limits=limits)
    second.run(images, progress, "ranges")
    reference = result.canonical()
    values = Scales(result, plans, second, options).assign()
    # Constants may have been renamed; values have not.
    layers, swept = round_layers(reference, result, images, options, progress)
    select_scales(result)
    result.prune()
    result = result.canonical()
    verify_graph(result, after="quantize")
    record = QuantizationRecord(
        model=graph.name,
        images=image_count(images),
        correction_images=swept,
        options=options,
        values=tuple(values),
        weights=tuple(layers.weights),
        smoothing=tuple(
            SmoothingChoice(s.value, result[s.value].label, s.kind, s.strength, s.factors) for s in smoothings
        ),
        biases=tuple(layers.biases),
    )
    return result, record


def _smooth(
    graph: Graph, images: Mapping[str, np.ndarray], options: QuantizationOptions, progress: Callable[[str], None]
) -> tuple[dict[str, np.ndarray], list[Smoothing]]:
    """Smooth in place; returns the largest magnitudes of all channels afterwards, and what was done."""
    sites = smoothing_sites(graph) if options.smoothing else []
    seen = Observation(graph, plan_values(graph), sampled={site.observed for site in sites})
    seen.run(images, progress, "observing")
    peaks, done = dict(seen.peaks), []
    for at, site in enumerate(sites):
        progress(f"smoothing: {at + 1} of {len(sites)}")
        matrices = [reader.matrix(graph) for reader in weight_readers(graph, site.observed)]
        rows = seen.sample(site.observed).numpy().astype(np.float64)
        strength, factors = choose_factors(rows, peaks[site.observed], matrices, options.weight_bits)
        if strength:
            apply_factors(graph, site, factors)
            for value in site.divided(graph):
                peaks[value] = peaks[value] / factors
            done.append(Smoothing(site.source, site.kind, strength, tuple(factors.tolist())))
    if options.smoothing:
        for balanced in balance_logits(graph, peaks):
            peaks[balanced.value] = peaks[balanced.value] / np.asarray(balanced.factors)
            done.append(balanced)
    return peaks, done


def smooth_graph(
    graph: Graph, calibration: Mapping[str, np.ndarray], options: QuantizationOptions
) -> tuple[Graph, list[Smoothing]]:
    """The float Graph that :func:`quantize_graph` rounds: it means the same as the one given."""
    result = graph.canonical()
    own_constants(result)
    _, done = _smooth(result, check_calibration(graph, calibration), options, lambda _text: None)
    return result.canonical(), done
