"""The list of zoo models and their options, without PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from vitaccel.errors import VitaccelError, did_you_mean
from vitaccel.zoo.option import Option, OptionValue
from vitaccel.zoo.shapes import DIGITS, HYBRID_MICRO, LOOKUP_MICRO, M3VIT, PLAIN, PLAIN_MICRO, VMOE, ModelShape

LISTED_STYLES = ("dense_list", "nonzero", "hit_loop")
"""MoE styles that hold every expert as its own pair of 2-D weights."""

STACKED_STYLES = ("dense_bmm", "gather_w", "einsum_cap", "microsoft")
"""MoE styles that hold the experts as two 3-D weights."""


@dataclass(frozen=True)
class ModelInfo:
    """What ``vitaccel export --list`` says about one model.

    Parameters
    ----------
    name, family
        ``vit-tiny`` and ``vit``.
    description
        One line.
    input_shape
        ``(1, channels, height, width)`` with the default options.
    options
        The options of :func:`vitaccel.zoo.build` that this model takes.
    """

    name: str
    family: str
    description: str
    input_shape: tuple[int, ...]
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Request:
    """A model with its dimensions and a checked value for each of its options."""

    info: ModelInfo
    shape: ModelShape
    options: Mapping[str, OptionValue]

    def text(self, name: str) -> str:
        """Return the value of a text option."""
        return str(self.options[name])

    def flag(self, name: str) -> bool:
        """Return the value of a true-or-false option."""
        return bool(self.options[name])

    def integer(self, name: str) -> int:
        """Return the value of an integer option."""
        return int(self.options[name])


_SHARED = (
    Option("attention", "sdpa", "self-attention as one fused call or as matmul, softmax, matmul", ("sdpa", "eager")),
    Option("gelu", "erf", "form of the GELU", ("erf", "tanh", "sigmoid")),
)
_IMAGE_SIZE = Option("image_size", 224, "side of the input, pixels", (224, 384))
_FUSED = Option("qkv", "fused", "one projection for q, k and v (timm) or three", ("fused", "separate"))
_SEPARATE = replace(_FUSED, default="separate", description="three projections for q, k and v (Hugging Face) or one")


def _depth(shape: ModelShape) -> Option:
    return Option("depth", shape.depth, "number of blocks", minimum=1)


def _vit_options(shape: ModelShape) -> tuple[Option, ...]:
    cls = Option("cls", True, "class token; without it the patch tokens are averaged")
    registers = Option("registers", 0, "number of register tokens", minimum=0)
    return (cls, registers, _FUSED, _depth(shape), *_SHARED)


def _deit_options(shape: ModelShape) -> tuple[Option, ...]:
    head = Option("distilled_head", False, "average the classifiers of the class and the distillation token")
    return (head, _SEPARATE, _depth(shape), *_SHARED)


def _lookupvit_options(shape: ModelShape, *, grid: int) -> tuple[Option, ...]:
    return (
        Option("grid", grid, "compressed tokens are grid x grid", (3, 5, 7, 10)),
        Option(
            "reuse", "post_softmax_T", "what the second cross-attention reuses of the first",
            ("post_softmax_T", "pre_softmax_T", "head_mean_T"),
        ),
        Option("resample", "resize", "how lookup tokens become compressed tokens", ("resize", "pool", "matmul")),
        Option("antialias", False, "antialiased resize, as JAX does; the legacy exporter cannot write it"),
        _FUSED, _depth(shape), *_SHARED,
    )  # fmt: skip


def _moe_options(shape: ModelShape, *, style: str) -> tuple[Option, ...]:
    assert shape.moe is not None
    return (
        Option("moe_style", style, "how tokens reach their experts", (*LISTED_STYLES, *STACKED_STYLES)),
        Option("scores", "softmax_all", "gate scores: softmax over all experts, over the top k, or renormalised",
               ("softmax_all", "softmax_topk", "renorm")),
        Option("gate", "plain", "official keeps the zeroed noise and the top-(k+1) of the M3ViT source",
               ("plain", "official")),
        Option("top_k", shape.moe.top_k, "experts per token", minimum=1, maximum=shape.moe.experts),
        Option("capacity_factor", 1.05, "slots per expert over an even share; einsum_cap only", minimum=0.01),
        _FUSED, *_SHARED,
    )  # fmt: skip


def _m3vit_options(shape: ModelShape, *, decoder: bool) -> tuple[Option, ...]:
    assert shape.moe is not None
    last_task = len(shape.moe.task_classes) - 1
    return (
        Option("task", 0, "task whose gates and decoder are used", minimum=0, maximum=last_task),
        Option("task_input", False, "the task is an input of the graph and selects the gates"),
        Option("decoder", decoder, "end in the task's dense-prediction decoder, not in a classifier"),
        *_moe_options(shape, style="nonzero"),
    )


def _entry(family: str, size: str, shape: ModelShape, description: str, options: tuple[Option, ...]) -> Request:
    if family in {"vit", "deit", "lookupvit"} and size in PLAIN:
        options = (_IMAGE_SIZE, *options)
    name = f"{family}-{size}"
    defaults = {option.name: option.default for option in options}
    return Request(ModelInfo(name, family, description, (1, shape.channels, *shape.image), options), shape, defaults)


def _words(shape: ModelShape) -> str:
    text = f"width {shape.width}, {shape.depth} blocks, {shape.heads} heads, patch {shape.patch}"
    if shape.moe is None:
        return text
    return f"{text}, {shape.moe.experts} experts in {len(shape.moe.layers)} blocks, top-{shape.moe.top_k}"


def _catalog() -> dict[str, Request]:
    entries = []
    for size, shape in {**PLAIN, "micro": PLAIN_MICRO}.items():
        entries.append(_entry("vit", size, shape, f"Vision transformer, {_words(shape)}", _vit_options(shape)))
        text = f"DeiT with class and distillation token, {_words(shape)}"
        entries.append(_entry("deit", size, shape, text, _deit_options(shape)))
    for size, shape in {**PLAIN, "micro": LOOKUP_MICRO}.items():
        text = f"LookupViT, bidirectional cross-attention, {_words(shape)}"
        options = _lookupvit_options(shape, grid=3 if size == "micro" else 5)
        entries.append(_entry("lookupvit", size, shape, text, options))
    for size, shape in M3VIT.items():
        text = f"M3ViT, multi-task mixture of experts, {_words(shape)}"
        entries.append(_entry("m3vit", size, shape, text, _m3vit_options(shape, decoder=size == "small")))
    for size, shape in VMOE.items():
        text = f"V-MoE, mixture of experts with capacity, {_words(shape)}"
        entries.append(_entry("vmoe", size, shape, text, _moe_options(shape, style="einsum_cap")))
    text = f"Convolution stem, depthwise convolutions and pooling, then a transformer, {_words(HYBRID_MICRO)}"
    entries.append(_entry("hybrid", "micro", HYBRID_MICRO, text, (_FUSED, *_SHARED)))
    entries.extend(_digits())
    return {entry.info.name: entry for entry in entries}


def _digits() -> Iterator[Request]:
    """Yield the models that have trained weights, see :mod:`vitaccel.zoo.trained`."""
    vit, lookupvit, m3vit = DIGITS["vit"], DIGITS["lookupvit"], DIGITS["m3vit"]
    kinds = {
        "vit": (vit, "Vision transformer", _vit_options(vit)),
        "lookupvit": (lookupvit, "LookupViT", _lookupvit_options(lookupvit, grid=3)),
        "m3vit": (m3vit, "M3ViT", _m3vit_options(m3vit, decoder=False)),
    }
    for family, (shape, kind, options) in kinds.items():
        yield _entry(family, "digits", shape, f"{kind} trained on handwritten digits, {_words(shape)}", options)


_CATALOG = _catalog()


def models() -> tuple[ModelInfo, ...]:
    """Return every zoo model, families together, in a fixed order; needs no PyTorch."""
    return tuple(entry.info for entry in _CATALOG.values())


def resolve(name: str, options: Mapping[str, object]) -> Request:
    """Return the model ``name`` with ``options`` checked and the defaults filled in.

    Raises
    ------
    VitaccelError
        The model or an option is unknown, a value is not legal, or two options contradict each other.
    """
    if name not in _CATALOG:
        raise VitaccelError(f"model must be one of {', '.join(_CATALOG)}, not {name!r}{did_you_mean(name, _CATALOG)}")
    entry = _CATALOG[name]
    known = {option.name: option for option in entry.info.options}
    values = dict(entry.options)
    for key, value in options.items():
        if key not in known:
            raise VitaccelError(
                f"option of {name} must be one of {', '.join(known)}, not {key!r}{did_you_mean(key, known)}"
            )
        values[key] = known[key].check(value, model=name)
    _check_together(name, values, given=frozenset(options))
    return Request(entry.info, _shape(entry.shape, values), values)


def _check_together(name: str, values: Mapping[str, OptionValue], *, given: frozenset[str]) -> None:
    style = values.get("moe_style")
    if "capacity_factor" in given and style != "einsum_cap":
        raise VitaccelError(f"option capacity_factor of {name} must come with moe_style einsum_cap, not {style}")
    if values.get("task_input") and values["decoder"]:
        raise VitaccelError(f"option task_input of {name} must come with decoder false: each task has its own decoder")
    if values.get("task_input") and values["task"] != 0 and "task" in given:
        raise VitaccelError(f"option task of {name} must not be given with task_input: the task is then a graph input")
    if values.get("antialias") and values["resample"] != "resize":
        raise VitaccelError(f"option antialias of {name} must come with resample resize, not {values['resample']}")
    if style == "microsoft" and values["gelu"] == "sigmoid":
        raise VitaccelError(f"option gelu of {name} must be tanh or erf with moe_style microsoft, not sigmoid")
    if style == "microsoft" and values["gate"] == "official":
        raise VitaccelError(f"option gate of {name} must be plain with moe_style microsoft, not official")


def _shape(shape: ModelShape, values: Mapping[str, OptionValue]) -> ModelShape:
    if "image_size" in values:
        side = int(values["image_size"])
        shape = replace(shape, image=(side, side))
    if "depth" in values:
        shape = replace(shape, depth=int(values["depth"]))
    if shape.moe is not None:
        shape = replace(shape, moe=replace(shape.moe, top_k=int(values["top_k"])))
    return shape
