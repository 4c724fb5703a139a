"""What a user may choose about quantization."""

from __future__ import annotations

from dataclasses import dataclass

from vitaccel.errors import VitaccelError

RANGES = ("mse", "percentile", "max")
ROUNDINGS = ("auto", "nearest", "compensated")


@dataclass(frozen=True)
class QuantizationOptions:
    """Choices of :func:`vitaccel.quantization.quantize`.

    Parameters
    ----------
    weight_bits
        8 or 4: what the machine's ``numerics.weight_bits`` says; all weights have it.
    activation_range
        How the range of an int8 value is found: ``mse`` (least squared error, through the activation function where
        one follows), ``percentile`` or ``max``. Values of 16 bits take their largest magnitude times ``headroom``.
    percentile
        Share of magnitudes within the range, in percent; for ``activation_range`` ``percentile``.
    headroom
        Range of a value of 16 bits over the largest magnitude seen.
    smoothing
        Move variation between channels from what LayerNorm and attention write into the weights that read it.
    bias_correction
        Take the mean error of each layer on the calibration images out of its bias.
    rounding
        Of weights: ``nearest``; ``compensated`` (each row makes up for the errors of those before it, as in GPTQ); or
        ``auto``, which compensates weights of 4 bits.
    damping
        Share of the mean diagonal added to the diagonal of the inputs' second moments before they are inverted.
    correction_images
        Images at most that pass through float and quantized network side by side, for biases and compensation.
    """

    weight_bits: int = 8
    activation_range: str = "mse"
    percentile: float = 99.99
    headroom: float = 1.25
    smoothing: bool = True
    bias_correction: bool = True
    rounding: str = "auto"
    damping: float = 0.01
    correction_images: int = 32

    def __post_init__(self) -> None:
        _check(self.weight_bits in (4, 8), f"weight_bits must be 4 or 8, not {self.weight_bits}")
        _check(
            self.activation_range in RANGES,
            f"activation_range must be one of {', '.join(RANGES)}, not {self.activation_range!r}",
        )
        _check(50 <= self.percentile <= 100, f"percentile must be 50 to 100, not {self.percentile}")
        _check(1 <= self.headroom <= 16, f"headroom must be 1 to 16, not {self.headroom}")
        _check(self.rounding in ROUNDINGS, f"rounding must be one of {', '.join(ROUNDINGS)}, not {self.rounding!r}")
        _check(1e-6 <= self.damping <= 1, f"damping must be 1e-6 to 1, not {self.damping}")
        _check(
            1 <= self.correction_images <= 1024,
            f"correction_images must be 1 to 1024, not {self.correction_images}",
        )

    @property
    def compensated(self) -> bool:
        """Whether weights are rounded with compensation of errors."""
        return self.rounding == "compensated" or (self.rounding == "auto" and self.weight_bits == 4)


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise VitaccelError(message)
