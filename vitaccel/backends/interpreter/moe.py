"""Routing, and what takes tokens to experts and results back."""

from __future__ import annotations

import torch
from torch import Tensor

from vitaccel.backends.interpreter.execute import Queue, State, execute
from vitaccel.ir.plan import ROUTER_FRACTION_BITS, ceil_div
from vitaccel.ir.program import Gather, Route, ScatterAdd
from vitaccel.ir.tensor import plane_words
from vitaccel.reference.fixed_point import round_shift, saturate
from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel.reference.topk import ExpertQueues, Queues, TopK

SCORE_BITS = 16
"""Fraction bits of a gate score."""


@execute.register
def route(instruction: Route, state: State) -> None:
    """Choices, scores and queues of every image."""
    logits = _frames(instruction, state)
    choices = TopK(instruction.experts, instruction.k).compute(logits)
    scores = _scores(instruction, logits, choices)
    queues = ExpertQueues(instruction.experts, instruction.capacity, instruction.order)
    state.queues = [
        _ordered(queues.compute(chosen), of_choice, instruction.experts, state)
        for chosen, of_choice in zip(choices, scores, strict=True)
    ]
    state.choices.setdefault(instruction.layer, []).append(choices)


def _frames(instruction: Route, state: State) -> Tensor:
    """Router logits ``[images, tokens, experts]`` of whole frames, or of a part of one."""
    side, experts = state.arch.array.side, instruction.experts
    step = 2 * plane_words(experts, state.arch)
    rows = state.memories.activation.read_tokens(instruction.logits, step, instruction.row_blocks, experts, 2)
    if instruction.tokens <= instruction.frame_tokens:
        return rows[:, : instruction.tokens]
    frames = rows.reshape(rows.shape[0], -1, ceil_div(instruction.frame_tokens, side) * side, experts)
    return frames[:, :, : instruction.frame_tokens].reshape(rows.shape[0], -1, experts)


def _scores(instruction: Route, logits: Tensor, choices: Tensor) -> Tensor:
    """Gate scores of the choices, uq0.16."""
    softmax = OnlineSoftmax(ROUTER_FRACTION_BITS)
    if instruction.score == "softmax_all":
        return softmax.probabilities(logits.to(torch.int16)).gather(-1, choices)
    return softmax.probabilities(logits.gather(-1, choices).to(torch.int16))


def _ordered(queues: Queues, scores: Tensor, experts: int, state: State) -> list[Queue]:
    """Queues slot by slot: in the order of the experts, or the longest first (of equal ones the lower expert)."""
    found = []
    for expert in range(experts):
        tokens, choice = queues.of(expert)
        found.append(Queue(expert, tokens, scores[tokens, choice]))
    if state.arch.moe.order == "longest":
        found.sort(key=lambda queue: -len(queue.tokens))
    return found


@execute.register
def gather(instruction: Gather, state: State) -> None:
    """An expert's tokens, from channel-lane rows into token-lane words."""
    banks, side = state.memories.activation, state.arch.array.side
    queues = [of_image[instruction.expert] for of_image in state.queues]
    longest = max(len(queue.tokens) for queue in queues)
    if not longest:
        return
    highest = max(_last(queue) for queue in queues) + 1
    rows = banks.read_rows(instruction.a, instruction.a_step, highest, instruction.channels)
    blocks = ceil_div(longest, side)
    taken = torch.zeros((len(queues), blocks * side, instruction.channels), dtype=torch.int8)
    for image, queue in enumerate(queues):
        taken[image, : len(queue.tokens)] = rows[image, queue.tokens]
    banks.write_tokens(instruction.out, instruction.out_step, taken, 1)


@execute.register
def scatter_add(instruction: ScatterAdd, state: State) -> None:
    """An expert's results times their scores, added where their tokens are."""
    banks, side = state.memories.activation, state.arch.array.side
    queues = [of_image[instruction.expert] for of_image in state.queues]
    longest = max(len(queue.tokens) for queue in queues)
    if not longest:
        return
    _, multiplier, shift = state.sets(instruction.parameters, 1)
    results = banks.read_tokens(instruction.a, instruction.a_step, ceil_div(longest, side), instruction.channels, 2)
    frame_rows = ceil_div(instruction.frame_tokens, side) * side
    highest = max(_last(queue) for queue in queues)
    last = highest // instruction.frame_tokens * frame_rows + highest % instruction.frame_tokens
    blocks = last // side + 1
    total = banks.read_tokens(instruction.out, instruction.out_step, blocks, instruction.channels, 2)
    for image, queue in enumerate(queues):
        count = len(queue.tokens)
        rows = queue.tokens // instruction.frame_tokens * frame_rows + queue.tokens % instruction.frame_tokens
        product = results[image, :count].to(torch.int64) * queue.scores[:, None] * multiplier
        added = round_shift(product, SCORE_BITS + int(shift))
        total[image, rows] = saturate(total[image, rows].to(torch.int64) + added, 16).to(torch.int16)
    banks.write_tokens(instruction.out, instruction.out_step, total, 2)


def _last(queue: Queue) -> int:
    """The last token of a queue, in order of tokens; 0 for an empty one."""
    return int(queue.tokens.max()) if len(queue.tokens) else 0
