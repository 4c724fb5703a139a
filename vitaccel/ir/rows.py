"""Rows of kernels: in which runs they are worked on, and which rows of an operand a run needs.

A kernel's output is ``frames`` frames of ``tokens`` tokens, each frame padded to whole row-blocks of P tokens. An
operand may have rows of another shape: an image seen through a window, one frame for all frames, the first token only.
"""

from __future__ import annotations

from dataclasses import dataclass

from vitaccel.ir.ops.base import need


def ceil_div(a: int, b: int) -> int:
    """The least integer that is not below a / b."""
    return -(-a // b)


@dataclass(frozen=True, kw_only=True)
class Window:
    """How rows of an output image come from rows of an input image.

    Output row y needs input rows ``y * numerator // denominator - before`` and the ``size - 1`` below, where they
    exist. Tokens that are no image are one of width 1.

    Parameters
    ----------
    height, width
        Of the input image.
    out_width
        Of the output image.
    size
        Input rows one output row needs.
    before
        Input rows above the first one that lies on the stride (padding of a convolution); negative skips rows.
    numerator, denominator
        Input rows from one output row to the next.
    """

    height: int
    width: int
    out_width: int
    size: int = 1
    before: int = 0
    numerator: int = 1
    denominator: int = 1

    def __post_init__(self) -> None:
        need(min(self.height, self.width, self.out_width, self.size) >= 1, f"a window must have rows, not {self}")
        need(self.numerator >= 1 and self.denominator >= 1, f"a window must have a stride, not {self}")

    def span(self, first: int, count: int) -> tuple[int, int]:
        """First input token, and the number of tokens, that a run of output tokens needs."""
        top = self._row(first) - self.before
        bottom = self._row(first + count - 1) - self.before + self.size - 1
        low, high = (max(0, min(row, self.height - 1)) for row in (top, bottom))
        return low * self.width, (high - low + 1) * self.width

    def _row(self, token: int) -> int:
        return token // self.out_width * self.numerator // self.denominator


def runs(frames: int, blocks: int, pieces: int, *, by_frame: bool) -> list[tuple[int, int]]:
    """Row-blocks as runs (first, count): at most ``pieces`` of equal length, the last possibly shorter.

    With ``by_frame`` no run crosses from one frame (of ``blocks`` row-blocks) to the next, whatever ``pieces`` says.
    """
    total = frames * blocks
    size = ceil_div(total, min(pieces, total))
    length = blocks if by_frame else total
    return [
        (start + first, min(size, length - first))
        for start in range(0, total, length)
        for first in range(0, length, size)
    ]


def token_groups(frames: int, blocks: int, pieces: int) -> list[tuple[int, int]]:
    """Row-blocks as runs (first, count) of whole frames, or of parts of one frame.

    A token of a run is then known by its number from the run's first token. There are about ``pieces`` runs of equal
    length, the last of all (or of a frame) possibly shorter.
    """
    if pieces > frames:
        return runs(frames, blocks, pieces, by_frame=True)
    return [(first * blocks, count * blocks) for first, count in runs(1, frames, pieces, by_frame=False)]


def valid_tokens(tokens: int, side: int, first: int, count: int) -> int:
    """Tokens that exist in a run of row-blocks when every frame has ``tokens``."""
    blocks = ceil_div(tokens, side)

    def before(block: int) -> int:
        return block // blocks * tokens + min(block % blocks * side, tokens)

    return before(first + count) - before(first)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Row-blocks of an operand beside the row-blocks of a kernel.

    Parameters
    ----------
    tokens
        Tokens of a frame of the kernel.
    frames, own_tokens
        Shape of the operand; one frame serves all frames of the kernel.
    side
        P.
    window
        How the operand's rows are seen, where they are not seen one to one.
    """

    tokens: int
    frames: int
    own_tokens: int
    side: int
    window: Window | None = None

    @property
    def aligned(self) -> bool:
        """Whether row-block i of the kernel needs row-block i of the operand and nothing else."""
        return self.window is None and self.own_tokens == self.tokens

    def needed(self, first: int, count: int) -> tuple[int, int]:
        """Row-blocks (first, count) of the operand that a run of the kernel's row-blocks needs."""
        blocks, own = ceil_div(self.tokens, self.side), ceil_div(self.own_tokens, self.side)
        if self.aligned and (self.frames > 1 or first + count <= blocks):
            return first, count
        begin, end = first // blocks, (first + count - 1) // blocks
        low, _ = self._in_frame(first % blocks, blocks if begin < end else first % blocks + count)
        _, high = self._in_frame(0 if begin < end else first % blocks, (first + count - 1) % blocks + 1)
        if self.frames == 1:
            return (low, high - low) if begin == end else (0, own)
        return begin * own + low, (end - begin) * own + high - low

    def _in_frame(self, begin: int, end: int) -> tuple[int, int]:
        """Row-blocks begin to end (exclusive) of the operand's frame, for the same of the kernel's frame."""
        own = ceil_div(self.own_tokens, self.side)
        if self.window is not None:
            stop = min(end * self.side, self.tokens)
            token, many = self.window.span(begin * self.side, stop - begin * self.side)
            return token // self.side, ceil_div(token + many, self.side)
        if self.own_tokens == self.tokens:
            return begin, end
        if self.tokens == 1:
            return 0, 1
        return 0, own
