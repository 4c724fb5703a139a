"""What an evaluation found, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass

from vitaccel.arch import Numerics
from vitaccel.quantization.options import QuantizationOptions

LOSS_DB = 3.0
"""A layer that loses more than this is named: its error has twice the power, or more, of what it was given."""


@dataclass(frozen=True)
class LayerQuality:
    """One value of the integer network beside the same value of the float network.

    Parameters
    ----------
    name
        Layer that computes it; for an input of the model, the input.
    op
        What the layer is: ``linear``, ``attention``, ``layernorm``, ...; ``input`` for an input of the model.
    value
        Its name in the Graph.
    sqnr_db
        Signal to quantization noise over all images and elements.
    source
        Of the layers whose values this one reads, the one with the least SQNR; "" where it reads none.
    source_db
        That SQNR; infinite where the layer reads none.
    """

    name: str
    op: str
    value: str
    sqnr_db: float
    source: str = ""
    source_db: float = float("inf")

    @property
    def loss_db(self) -> float:
        """``source_db - sqnr_db``: what the layer adds to the noise it was given; 0 where it reads constants only.

        Negative where noise averages out, as in a sum with a cleaner operand.
        """
        return self.source_db - self.sqnr_db if self.source else 0.0


@dataclass(frozen=True)
class GateQuality:
    """The choices of one layer of experts in both networks, each on the values of its own network.

    Parameters
    ----------
    name
        The layer.
    experts, k
        Experts there are, and experts a token gets.
    tokens
        Tokens routed, over all images.
    same_sets
        Tokens that get the same k experts in both networks, in whatever order.
    same_choices
        Choices of the float network that the integer network made too; of ``k * tokens``.
    float_load, int_load
        Tokens that chose each expert, capacity not regarded.
    """

    name: str
    experts: int
    k: int
    tokens: int
    same_sets: int
    same_choices: int
    float_load: tuple[int, ...]
    int_load: tuple[int, ...]

    @property
    def agreement(self) -> float:
        """Share of tokens that get the same experts."""
        return self.same_sets / self.tokens

    @property
    def choice_agreement(self) -> float:
        """Share of choices that are the same."""
        return self.same_choices / (self.k * self.tokens)


@dataclass(frozen=True)
class ImageGroup:
    """Images that have something in common.

    Parameters
    ----------
    images
        How many they are.
    agreement
        Share of their rows of logits with the same largest class in both networks; ``None`` without images.
    sqnr_db
        Of their logits; ``None`` without images.
    """

    images: int
    agreement: float | None
    sqnr_db: float | None


@dataclass(frozen=True)
class RoutingEffect:
    """What comes of gates that choose otherwise.

    Parameters
    ----------
    same, other
        Images on which the gates of both networks agree about every token in every layer, and the others: integer
        network against float network.
    rerouted
        All images: the float network that takes the integer gates' choices, and scores them itself, against the float
        network. What is lost there is lost by the choices alone.
    """

    same: ImageGroup
    other: ImageGroup
    rerouted: ImageGroup


@dataclass(frozen=True)
class Evaluation:
    """The integer network beside the float network on the same images.

    Parameters
    ----------
    model, data
        Names of what was evaluated, and on what.
    images
        Images.
    float_top1, int_top1
        Share of images whose largest logit is that of their label, in each network; ``None`` without labels.
    agreement
        Share of rows of the first output (images; pixels of a map) whose largest class is the same in both networks.
    sqnr_db
        Of the first output.
    layers
        Inputs of the model, then every layer whose value can be seen, in the order of the Program.
    gates
        Layers of experts.
    routing
        What the gates' choices do; ``None`` without experts.
    numerics
        Number formats of the integer network.
    quantization
        How it was quantized; ``None`` if it came quantized: then the float network has the same rounded weights, and
        what is measured is the rounding of activations.
    calibration
        What it was calibrated on, "" if it came quantized.
    """

    model: str
    data: str
    images: int
    float_top1: float | None
    int_top1: float | None
    agreement: float
    sqnr_db: float
    layers: tuple[LayerQuality, ...]
    gates: tuple[GateQuality, ...]
    routing: RoutingEffect | None
    numerics: Numerics
    quantization: QuantizationOptions | None = None
    calibration: str = ""

    @property
    def first_losing(self) -> LayerQuality | None:
        """The first layer in the order of the Program that loses more than :data:`LOSS_DB`."""
        return next((layer for layer in self.layers if layer.loss_db > LOSS_DB), None)

    @property
    def gate_agreement(self) -> float | None:
        """Share of tokens that get the same experts, over all layers of experts; ``None`` without any."""
        tokens = sum(gate.tokens for gate in self.gates)
        return sum(gate.same_sets for gate in self.gates) / tokens if tokens else None

    @property
    def choice_agreement(self) -> float | None:
        """Share of choices that are the same, over all layers of experts; ``None`` without any."""
        choices = sum(gate.k * gate.tokens for gate in self.gates)
        return sum(gate.same_choices for gate in self.gates) / choices if choices else None
