"""What quantization decided, to be stored beside the model and printed on request."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from vitaccel.errors import VitaccelError
from vitaccel.quantization.options import QuantizationOptions


@dataclass(frozen=True)
class ValueChoice:
    """The scale of one value, or of one value inside a node (``%27.hidden``).

    ``method`` says how the range was found: ``given`` by the format, ``stream`` or ``headroom`` from the largest
    magnitude of all values that share the scale, ``mse``, ``percentile`` or ``max``. ``peak`` is the largest magnitude
    seen, ``ratio`` the range over it (the smallest of all heads); ``scale`` has one number, or one for each head.
    """

    value: str
    label: str
    op: str
    bits: int
    method: str
    peak: float
    ratio: float
    scale: tuple[float, ...]
    stream: str


@dataclass(frozen=True)
class WeightChoice:
    """How weights were rounded: ``nearest`` or ``compensated``, and what that left of them."""

    node: str
    label: str
    operand: str
    bits: int
    rounding: str
    smallest_scale: float
    largest_scale: float
    sqnr_db: float


@dataclass(frozen=True)
class SmoothingChoice:
    """What the channels of a value were divided by; see :class:`vitaccel.quantization.smoothing.Smoothing`."""

    value: str
    label: str
    kind: str
    strength: float
    factors: tuple[float, ...]


@dataclass(frozen=True)
class BiasChoice:
    """A bias that took in a mean error: the root mean square and the largest of what was added, in the value's unit."""

    node: str
    label: str
    operand: str
    rms: float
    largest: float
    added: bool


@dataclass(frozen=True)
class QuantizationRecord:
    """Everything that was chosen for one model.

    Parameters
    ----------
    model
        Name of the Graph.
    images
        Calibration images.
    correction_images
        Images, of these, that passed through float and quantized network side by side; 0 when none had to.
    options
        What was asked for.
    """

    model: str
    images: int
    correction_images: int
    options: QuantizationOptions
    values: tuple[ValueChoice, ...]
    weights: tuple[WeightChoice, ...]
    smoothing: tuple[SmoothingChoice, ...]
    biases: tuple[BiasChoice, ...]

    def to_json(self) -> str:
        """The record as JSON text; :meth:`from_json` gives it back. Infinite decibels become null."""
        plain: dict[str, Any] = asdict(self)
        for weight in plain["weights"]:
            weight["sqnr_db"] = weight["sqnr_db"] if weight["sqnr_db"] < float("inf") else None
        return json.dumps(plain, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> QuantizationRecord:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        VitaccelError
            If the text is no such record.
        """
        try:
            plain = json.loads(text)
            for weight in plain["weights"]:
                weight["sqnr_db"] = float("inf") if weight["sqnr_db"] is None else weight["sqnr_db"]
            return QuantizationRecord(
                model=plain["model"],
                images=plain["images"],
                correction_images=plain["correction_images"],
                options=QuantizationOptions(**plain["options"]),
                values=tuple(ValueChoice(**{**v, "scale": tuple(v["scale"])}) for v in plain["values"]),
                weights=tuple(WeightChoice(**w) for w in plain["weights"]),
                smoothing=tuple(SmoothingChoice(**{**s, "factors": tuple(s["factors"])}) for s in plain["smoothing"]),
                biases=tuple(BiasChoice(**b) for b in plain["biases"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise VitaccelError(f"a quantization record must be what `vitaccel quantize` wrote: {error}") from error


def format_record(record: QuantizationRecord) -> str:
    """The record as text: a line for each value, weight, smoothing and bias."""
    options = ", ".join(f"{key} {value}" for key, value in asdict(record.options).items())
    lines = [f"{record.model}: {record.images} calibration images; {options}", ""]
    lines += _table(
        ("value", "where", "op", "bits", "range by", "largest", "range", "step"),
        [
            (v.value, v.label, v.op, str(v.bits), v.method, f"{v.peak:.4g}", f"{v.ratio:.3f}", _steps(v.scale))
            for v in record.values
        ],
    )
    lines += _table(
        ("weight of", "where", "operand", "bits", "rounding", "steps", "SQNR dB"),
        [
            (w.node, w.label, w.operand, str(w.bits), w.rounding, _steps((w.smallest_scale, w.largest_scale)),
             f"{w.sqnr_db:.1f}")
            for w in record.weights
        ],
    )  # fmt: skip
    lines += _table(
        ("smoothed", "where", "kind", "strength", "factors"),
        [(s.value, s.label, s.kind, f"{s.strength:.2f}", _steps(s.factors)) for s in record.smoothing],
    )
    lines += _table(
        ("bias of", "where", "operand", "rms added", "largest added", "new"),
        [
            (b.node, b.label, b.operand, f"{b.rms:.3g}", f"{b.largest:.3g}", "yes" if b.added else "no")
            for b in record.biases
        ],
    )
    return "\n".join(lines).rstrip() + "\n"


def _steps(scale: tuple[float, ...]) -> str:
    low, high = min(scale), max(scale)
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"


def _table(titles: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    widths = [max(len(cell) for cell in column) for column in zip(titles, *rows, strict=True)]
    cells = [titles, *rows]
    return [
        *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells),
        "",
    ]
