"""Which expert gets how many tokens: uniform, worst case, or a recorded trace."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from vitaccel.errors import VitaccelError, did_you_mean
from vitaccel.ir.program import Layer, Program, Route, Routed

ASSUMPTIONS = ("uniform", "worst")


@dataclass(frozen=True)
class Routing:
    """A routing assumption.

    Parameters
    ----------
    kind
        ``uniform``: assignments spread evenly, remainders to the lower experts; ``worst``: every token chooses the same
        k experts; ``trace``: recorded queue lengths.
    queues
        For a trace: queue lengths by layer name.
    source
        Where a trace came from.
    """

    kind: str = "uniform"
    queues: dict[str, tuple[int, ...]] | None = None
    source: str = ""

    def __str__(self) -> str:
        return f"trace {self.source}" if self.kind == "trace" else self.kind

    def queue_lengths(self, layer: Layer) -> tuple[int, ...]:
        """Tokens of each expert slot of a layer, after capacity; their sum is the assignments that are kept."""
        routed = layer.routed
        if routed is None:
            return ()
        if self.kind == "trace" and self.queues is not None:
            return _from_trace(self.queues, layer, routed, self.source)
        assignments = routed.tokens * routed.k
        if self.kind == "worst":
            lengths = [routed.tokens if e < routed.k else 0 for e in range(routed.experts)]
        else:
            lengths = _dealt(assignments, routed)
        cap = routed.capacity or routed.tokens
        return tuple(min(length, cap) for length in lengths)

    def group_queues(self, layer: Layer) -> tuple[tuple[int, ...], ...]:
        """Queue lengths in each group of tokens; over the groups they sum to :meth:`queue_lengths`.

        ``uniform`` deals the assignments out like cards and goes on where the group before ended; in the ``worst`` case
        every group chooses the same experts; a trace is spread in proportion to the groups' tokens.
        """
        lengths, routed = self.queue_lengths(layer), layer.routed
        if routed is None or len(routed.groups) < 2:
            return (lengths,)
        if self.kind == "worst":
            return tuple(tuple(n if e < routed.k else 0 for e in range(routed.experts)) for n in routed.groups)
        if self.kind == "trace":
            return _in_proportion(lengths, routed)
        dealt, found = 0, []
        for tokens in routed.groups:
            upto = dealt + tokens * routed.k
            found.append(tuple(n - m for n, m in zip(_dealt(upto, routed), _dealt(dealt, routed), strict=True)))
            dealt = upto
        return tuple(found)

    def route_queues(self, program: Program) -> tuple[tuple[int, ...], ...]:
        """Queue lengths of every route of a Program, in its order: those of a layer's groups, one after the other."""
        groups = {at: iter(self.group_queues(layer)) for at, layer in enumerate(program.layers) if layer.routed}
        each = zip(program.instructions, program.kernel_of, strict=True)
        return tuple(next(groups[kernel]) for instruction, kernel in each if isinstance(instruction, Route))


def _dealt(assignments: int, routed: Routed) -> list[int]:
    """What each expert has when so many assignments are dealt out one by one."""
    share, rest = divmod(assignments, routed.experts)
    return [share + (e < rest) for e in range(routed.experts)]


def _in_proportion(lengths: tuple[int, ...], routed: Routed) -> tuple[tuple[int, ...], ...]:
    """Every group gets its share of an expert's tokens, rounded down; what is left goes where most choices are free.

    No group gives an expert more tokens than it has, or makes more choices than its tokens can: a left-over token goes
    to each of the groups with the most choices left, the earlier of equals, which finds a way if there is one (Gale and
    Ryser), and shares that are not rounded are one.
    """
    found = [[length * tokens // routed.tokens for length in lengths] for tokens in routed.groups]
    free = [tokens * routed.k - sum(shares) for tokens, shares in zip(routed.groups, found, strict=True)]
    for expert, length in enumerate(lengths):
        left = length - sum(shares[expert] for shares in found)
        for group in sorted(range(len(found)), key=lambda at: -free[at])[:left]:
            found[group][expert] += 1
            free[group] -= 1
    return tuple(tuple(shares) for shares in found)


def parse_routing(text: str) -> Routing:
    """A routing assumption from ``uniform``, ``worst`` or the name of a JSON file ``{layer: [queue lengths]}``.

    Raises
    ------
    VitaccelError
        If the word is unknown, or the file cannot be read or has another form.
    """
    if text in ASSUMPTIONS:
        return Routing(text)
    path = Path(text.removeprefix("trace:"))
    if not path.exists():
        hint = did_you_mean(text, ASSUMPTIONS)
        raise VitaccelError(f"routing must be uniform, worst or a JSON file of queue lengths, not {text!r}{hint}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise VitaccelError(f"routing trace {path} must be readable JSON: {error}") from error
    if not isinstance(content, dict) or not all(_is_queue(v) for v in content.values()):
        raise VitaccelError(f"routing trace {path} must map layer names to lists of queue lengths")
    return Routing("trace", {str(k): tuple(v) for k, v in content.items()}, str(path))


def _is_queue(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in value)


def _from_trace(queues: dict[str, tuple[int, ...]], layer: Layer, routed: Routed, source: str) -> tuple[int, ...]:
    if layer.label not in queues:
        hint = did_you_mean(layer.label, queues)
        raise VitaccelError(f"routing trace {source} must have queue lengths for layer {layer.label}{hint}")
    lengths = queues[layer.label]
    if len(lengths) != routed.experts:
        raise VitaccelError(
            f"routing trace {source} must have {routed.experts} queue lengths for {layer.label}, not {len(lengths)}"
        )
    bound = routed.capacity or routed.tokens
    if max(lengths) > bound or sum(lengths) > routed.tokens * routed.k:
        raise VitaccelError(
            f"routing trace {source} must give {layer.label} at most {bound} tokens an expert and "
            f"{routed.tokens * routed.k} in all, not {max(lengths)} and {sum(lengths)}"
        )
    # Fewer tokens than that would understate the work: what is missing must have been dropped somewhere.
    if sum(lengths) < routed.tokens * routed.k and not (routed.capacity and max(lengths) == routed.capacity):
        full = f"an expert with {routed.capacity} tokens" if routed.capacity else "a layer with a capacity"
        raise VitaccelError(
            f"routing trace {source} must give {layer.label} {routed.tokens * routed.k} tokens in all, "
            f"not {sum(lengths)}: only {full} drops any"
        )
    return lengths
