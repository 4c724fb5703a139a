"""The quantizer's choices as they are stored in the metadata of a quantized ONNX file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from vitaccel import __version__
from vitaccel.errors import QuantizationError, VitaccelError
from vitaccel.quantization.record import QuantizationRecord

SCHEMA_VERSION = 1
"""Version of the stored text; a key that is renamed, removed or redefined raises it."""


@dataclass(frozen=True)
class StoredChoices:
    """How a model was quantized.

    Parameters
    ----------
    record
        Every choice, value by value.
    calibration
        What it was calibrated on: ``file``, ``digits`` or ``random``.
    logit_fraction_bits
        Fraction bits of its base-2 attention logits.
    vitaccel
        Version of vitaccel that did it.
    """

    record: QuantizationRecord
    calibration: str
    logit_fraction_bits: int
    vitaccel: str = __version__

    def as_record(self) -> dict[str, Any]:
        """The choices as JSON types: what ``vitaccel quantize --json`` prints."""
        return {
            "schema_version": SCHEMA_VERSION,
            "vitaccel": self.vitaccel,
            "calibration": self.calibration,
            "logit_fraction_bits": self.logit_fraction_bits,
            **json.loads(self.record.to_json()),
        }

    def to_json(self) -> str:
        """The text for the file; :func:`read_stored` gives the choices back."""
        return json.dumps(self.as_record(), allow_nan=False)


def read_stored(text: str, model: str) -> StoredChoices:
    """Read the choices that a file holds.

    Parameters
    ----------
    text
        The metadata ``vitaccel.quantization``, "" where the file has none.
    model
        The file, for error messages.

    Raises
    ------
    QuantizationError
        If there are none, they are damaged, or a newer vitaccel wrote them.
    """
    if not text:
        raise QuantizationError(f"{model} must hold the choices of vitaccel quantize, and it holds none")
    try:
        plain = json.loads(text)
        version = plain["schema_version"]
        if version != SCHEMA_VERSION:
            raise QuantizationError(f"choices in {model} must have schema version {SCHEMA_VERSION}, not {version}")
        return StoredChoices(
            record=QuantizationRecord.from_json(text),
            calibration=str(plain["calibration"]),
            logit_fraction_bits=int(plain["logit_fraction_bits"]),
            vitaccel=str(plain["vitaccel"]),
        )
    except QuantizationError:
        raise
    except (KeyError, TypeError, ValueError, VitaccelError) as error:
        raise QuantizationError(f"choices in {model} must be what vitaccel quantize wrote, not damaged") from error
