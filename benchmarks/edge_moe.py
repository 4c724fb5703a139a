"""Edge-MoE's own machine, from the bounds of its loops: ``python benchmarks/edge_moe.py``.

This is not our machine and not our cost model. It shows why ours must know the width of a port: with the 256-bit ports
that Edge-MoE's kernel was written for, its loops take 40 % less than published; with the 128-bit ports of the ZCU102,
what is published. Loops and tiles are those of its public HLS source (Sarkar et al., ICCAD 2023, arXiv 2305.18691;
M3ViT-Tiny, 128x256, 300 MHz).
"""

from __future__ import annotations

from dataclasses import dataclass

CLOCK_HZ = 300e6
PUBLISHED_MS = 34.64
"""As later papers quote it: UbiMoE table II, CoQMoE table 3."""

TOKENS, WIDTH, HIDDEN = 129, 192, 768
LAYERS, MOE_LAYERS = 12, 6
EXPERTS, CHOSEN, EXPERT_HIDDEN = 16, 2, 384
TILE = 16
"""The linear unit multiplies 16 inputs by 16 x 16 weights a cycle."""

BEAT_CHANNELS, BEAT_WEIGHTS = 8, 16
"""A 256-bit beat is 8 activations of 32 bits, or 16 weights of 16 bits."""

QUERIES_AT_ONCE = 4
TOKEN_BEATS = WIDTH // BEAT_CHANNELS


@dataclass(frozen=True)
class Part:
    """Cycles of one part of the frame.

    Parameters
    ----------
    cycles
        In all layers.
    attention
        Whether it is QK^T or A.V.
    """

    name: str
    cycles: int
    attention: bool = False


def linear(tokens: int, inputs: int, outputs: int) -> int:
    """Cycles of one product: every token sees every 16 x 16 tile."""
    return tokens * (inputs // TILE) * (outputs // TILE)


def weights(inputs: int, outputs: int, beat: int) -> int:
    """Cycles to load one weight matrix, ``beat`` cycles a 256-bit beat; nothing else runs meanwhile."""
    return inputs * outputs // BEAT_WEIGHTS * beat


def attention(beat: int) -> int:
    """QK^T (or A.V) of one layer: for each group of four queries all keys stream from DRAM, a beat an iteration."""
    groups = -(-(TOKENS + QUERIES_AT_ONCE - 1) // QUERIES_AT_ONCE)
    return groups * TOKENS * TOKEN_BEATS * beat


def experts(beat: int, *, hidden: bool) -> int:
    """One layer of experts, tokens spread evenly; with ``hidden``, one matrix loads while another multiplies."""
    compute = linear(TOKENS * CHOSEN, WIDTH, EXPERT_HIDDEN) // EXPERTS
    load = weights(WIDTH, EXPERT_HIDDEN, beat)
    matrices = 2 * EXPERTS
    if not hidden:
        return matrices * (load + compute)
    return load + (matrices - 1) * max(load, compute) + compute


def frame(beat: int, *, hidden: bool) -> tuple[Part, ...]:
    """One frame; ``beat`` is the cycles of a 256-bit beat: 1 on a 256-bit port, 2 on a 128-bit port."""
    dense = LAYERS - MOE_LAYERS
    square = linear(TOKENS, WIDTH, WIDTH) + weights(WIDTH, WIDTH, beat)
    mlp = linear(TOKENS, WIDTH, HIDDEN) + weights(WIDTH, HIDDEN, beat)
    rows = TOKENS * TOKEN_BEATS * beat
    embed = 8 * 3 * 16 * 8 * 24  # patch rows, colours, lines, beats of a line, blocks of channels
    # Two LayerNorms of two streams and two additions a layer; zeroing and the gate in a layer of experts.
    streams = LAYERS * (2 * 2 + 2) * rows + MOE_LAYERS * 2 * rows
    return (
        Part("attention linears", LAYERS * 4 * square),
        Part("QK^T", LAYERS * attention(beat), attention=True),
        Part("A.V", LAYERS * attention(beat), attention=True),
        Part("dense MLP", dense * 2 * mlp),
        Part("experts", MOE_LAYERS * experts(beat, hidden=hidden)),
        Part("embedding, LayerNorm, gate, add", embed + streams),
    )


def milliseconds(parts: tuple[Part, ...]) -> float:
    """Latency of a frame."""
    return sum(part.cycles for part in parts) / CLOCK_HZ * 1e3


def attention_share(parts: tuple[Part, ...]) -> float:
    """Share of the cycles that QK^T and A.V take."""
    return sum(part.cycles for part in parts if part.attention) / sum(part.cycles for part in parts)


def report() -> str:
    """Both port widths, with expert weights hidden behind the experts' matmuls and not."""
    cases = [frame(beat, hidden=hidden) for beat in (1, 2) for hidden in (True, False)]
    heads = ["256 bit, hidden", "256 bit, not", "128 bit, hidden", "128 bit, not"]
    lines = [f"{'Mcycles':34}" + "".join(f"{head:>17}" for head in heads)]
    for rows in zip(*cases, strict=True):
        lines.append(f"  {rows[0].name:32}" + "".join(f"{row.cycles / 1e6:>17.2f}" for row in rows))
    lines.append(f"  {'ms at 300 MHz':32}" + "".join(f"{milliseconds(case):>17.1f}" for case in cases))
    lines.append(f"  {'share of QK^T and A.V':32}" + "".join(f"{attention_share(case):>17.0%}" for case in cases))
    return "\n".join([*lines, f"published: {PUBLISHED_MS} ms"]) + "\n"


if __name__ == "__main__":
    print(report(), end="")
