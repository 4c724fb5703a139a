"""Instructions of one expert on one group of tokens: gather, two matmuls, scatter-add."""

from __future__ import annotations

from dataclasses import dataclass

from vitaccel.ir.plan import MoeKernel, ceil_div, weight_tile_bytes
from vitaccel.ir.program import NOWHERE, Engine, Gather, MatMul, ScatterAdd
from vitaccel.passes.dependencies import Access
from vitaccel.passes.emission.chunks import chunk_sizes, load_weights
from vitaccel.passes.emission.emitter import Chunk, Emitter


@dataclass(frozen=True)
class Group:
    """Tokens that are routed together.

    Parameters
    ----------
    first, count
        Their row-blocks.
    tokens
        How many there are.
    piece
        Which group it is; streaming places take turns.
    """

    first: int
    count: int
    tokens: int
    piece: int

    def access(self, emitter: Emitter, name: str) -> Access:
        """Access to their rows of an operand or of the result."""
        return emitter.access(name, 0 if emitter.is_streamed(name) else self.first, self.count, self.piece)


@dataclass(frozen=True)
class Stage:
    """An expert at work on a group; ``route`` is the vector count at which its queue is known."""

    kernel: MoeKernel
    group: Group
    expert: int
    route: int

    @property
    def max_rows(self) -> int:
        """Most tokens it can get."""
        return min(self.group.tokens, self.kernel.max_rows)

    @property
    def staging(self) -> tuple[str, str, str]:
        """Tensors of its gathered tokens, hidden rows and results."""
        copy = self.expert % self.kernel.in_flight
        gathered, hidden, result = self.kernel.staging[3 * copy : 3 * copy + 3]
        return gathered, hidden, result


def place_weights(emitter: Emitter, kernel: MoeKernel) -> None:
    """Put the weights of all experts into DRAM one after another, at equal distances."""
    for expert in range(kernel.experts):
        for second in (False, True):
            n_tiles, tile_bytes = _tiles(emitter, kernel, second)
            emitter.dram(_weights(kernel, expert, second), n_tiles * tile_bytes)


def _weights(kernel: MoeKernel, expert: int, second: bool) -> str:
    """What the weights of one of an expert's matmuls are called in DRAM."""
    return f"{kernel.node}.expert{expert}.{'w2' if second else 'w1'}"


def _shape(kernel: MoeKernel, second: bool) -> tuple[int, int]:
    """K and N of one of an expert's matmuls."""
    return (kernel.hidden, kernel.width_out) if second else (kernel.width_in, kernel.hidden)


def _tiles(emitter: Emitter, kernel: MoeKernel, second: bool) -> tuple[int, int]:
    """Weight tiles of one of an expert's matmuls, and the bytes of one."""
    k, n = _shape(kernel, second)
    return ceil_div(n, emitter.arch.array.side), weight_tile_bytes(k, emitter.arch)


def gather(emitter: Emitter, stage: Stage) -> None:
    """Emit the gathering of the expert's tokens, once the routing is known."""
    kernel, group = stage.kernel, stage.group
    gathered, _, _ = stage.staging
    emitter.issue(
        Gather(
            layer=kernel.label,
            expert=stage.expert,
            a=emitter.address(kernel.x, group.first, group.piece),
            out=emitter.address(gathered),
            a_step=emitter.tile_step(kernel.x, group.first, group.count),
            out_step=emitter.tensor(gathered).row_block_words(emitter.arch),
            channels=kernel.width_in,
        ),
        reads=[group.access(emitter, kernel.x)],
        writes=[emitter.access(gathered)],
        after=[(Engine.VECTOR, stage.route)],
    )


def scatter(emitter: Emitter, stage: Stage) -> None:
    """Emit the adding of the expert's results to the group's rows of the output."""
    kernel, group = stage.kernel, stage.group
    _, _, result = stage.staging
    assert emitter.parameters is not None
    emitter.issue(
        ScatterAdd(
            layer=kernel.label,
            expert=stage.expert,
            a=emitter.address(result),
            out=emitter.address(kernel.out, group.first, group.piece),
            parameters=emitter.parameters.address,
            a_step=emitter.tensor(result).row_block_words(emitter.arch),
            out_step=emitter.tensor(kernel.out).row_block_words(emitter.arch),
            frame_tokens=kernel.tokens,
            channels=kernel.width_out,
        ),
        # Experts share tokens: a sum must be there before the next is added to it.
        reads=[emitter.access(result), group.access(emitter, kernel.out)],
        writes=[group.access(emitter, kernel.out)],
        chunks=[emitter.parameters],
    )


def multiply(emitter: Emitter, stage: Stage, *, second: bool) -> None:
    """Emit one of the expert's two matmuls, chunk by chunk of its weights."""
    kernel, side = stage.kernel, emitter.arch.array.side
    gathered, hidden, result = stage.staging
    a, out = (hidden, result) if second else (gathered, hidden)
    k, n = _shape(kernel, second)
    target = emitter.tensor(out)
    first_tile = 0
    for tiles in chunk_sizes(emitter, *_tiles(emitter, kernel, second)):
        chunk = _load(emitter, stage, second, first_tile, tiles)
        instruction = MatMul(
            layer=kernel.label,
            expert=stage.expert,
            a=emitter.address(a),
            weight=chunk.address,
            out=emitter.address(out) + target.channel_words(emitter.arch, first_tile * side),
            table=NOWHERE if second or emitter.table is None else emitter.table.address,
            a_step=emitter.tensor(a).row_block_words(emitter.arch),
            out_step=target.row_block_words(emitter.arch),
            row_blocks=ceil_div(stage.max_rows, side),
            tokens=stage.max_rows,
            k=k,
            n=min(tiles * side, n - first_tile * side),
            n_tiles=tiles,
            activation="" if second else kernel.activation,
            out_bytes=target.element_bytes,
        )
        emitter.issue(
            instruction,
            reads=[emitter.access(a)],
            writes=[emitter.access(out)],
            chunks=[chunk, None if second else emitter.table],
        )
        first_tile += tiles


def _load(emitter: Emitter, stage: Stage, second: bool, first_tile: int, tiles: int) -> Chunk:
    """Load tiles of weights; with the longest queue first, which expert's they are is known after the routing."""
    kernel, expert = stage.kernel, stage.expert
    n_tiles, tile_bytes = _tiles(emitter, kernel, second)
    name = _weights(kernel, expert, second)
    if emitter.arch.moe.order != "longest":
        return load_weights(emitter, name, first_tile, tiles, tile_bytes, n_tiles)
    image = emitter.program.dram_map
    following = image.get(_weights(kernel, 1, second), (0, 0))[0]
    return load_weights(
        emitter,
        name,
        first_tile,
        tiles,
        tile_bytes,
        n_tiles,
        expert=expert,
        expert_stride=following - image[_weights(kernel, 0, second)][0],
        after_route=stage.route,
    )
