"""The Plan under construction: which tensor holds a Graph value in which width and layout."""

from __future__ import annotations

from dataclasses import dataclass, field

from vitaccel.arch import Arch
from vitaccel.errors import UnsupportedError
from vitaccel.ir.graph import Graph
from vitaccel.ir.heads import columns_of_heads
from vitaccel.ir.ops import Attention, AttentionLogits, Const, Conv2d, Input, Linear, MatMul, Mean, Moe, TokenMix
from vitaccel.ir.plan import CHANNEL, TOKEN, Kernel, LaneKernel, Plan, Tensor
from vitaccel.ir.views import Extent, base, extent, is_input_layout, real_users
from vitaccel.passes.convolution import is_depthwise

Form = tuple[int, str]
"""Element bytes and layout of a tensor."""

INT8_TOKEN: Form = (1, TOKEN)
INT8_CHANNEL: Form = (1, CHANNEL)
INT16_TOKEN: Form = (2, TOKEN)
INT16_CHANNEL: Form = (2, CHANNEL)


@dataclass
class Builder:
    """Graph and Plan side by side.

    Parameters
    ----------
    graph
        Fused, labelled Graph with formats.
    plan
        The Plan being filled.
    """

    graph: Graph
    plan: Plan
    primary: dict[str, str] = field(default_factory=dict)
    forms: dict[tuple[str, Form], str] = field(default_factory=dict)

    @property
    def arch(self) -> Arch:
        """The machine."""
        return self.plan.arch

    def tail(self, root: str) -> str:
        """The last node fused into a root: the value its kernel produces."""
        name = root
        while following := [u for u in real_users(self.graph, name) if self.graph[u].kernel == root]:
            name = following[0]
        return name

    def fused(self, root: str) -> list[str]:
        """Nodes fused behind a root, in data-flow order."""
        found, name = [], root
        while following := [u for u in real_users(self.graph, name) if self.graph[u].kernel == root]:
            name = following[0]
            found.append(name)
        return found

    def produced_form(self, value: str) -> Form:
        """Width and layout in which a kernel should write a value, from what its users want."""
        if value in {base(self.graph, output) for output in self.graph.outputs}:
            # A single row (a classifier's scores) drained by rows leaves no lane of its words empty.
            lone_row = extent(self.graph[value].type).tokens == 1 and not real_users(self.graph, value)
            return INT16_CHANNEL if lone_row else INT16_TOKEN
        wanted = {self.wanted_form(user, value) for user in real_users(self.graph, value)}
        for form in (INT16_TOKEN, INT8_TOKEN, INT8_CHANNEL):
            if form in wanted:
                return form
        return INT16_TOKEN

    def wanted_form(self, user: str, value: str) -> Form:
        """Width and layout in which a node reads a value."""
        op, inputs = self.graph[user].op, [base(self.graph, i) for i in self.graph[user].inputs]
        if isinstance(op, Linear | Conv2d | AttentionLogits):
            return INT16_TOKEN if is_depthwise(self.graph, user) else INT8_TOKEN
        if isinstance(op, TokenMix | Mean):
            return INT8_CHANNEL
        if isinstance(op, MatMul):
            return INT8_TOKEN if inputs[0] == value else INT8_CHANNEL
        if isinstance(op, Attention) and inputs[1] == value:
            return INT8_CHANNEL
        if isinstance(op, Moe) and inputs[0] == value:
            return INT8_CHANNEL
        return INT16_TOKEN

    def read(self, value: str, form: Form, label: str) -> str:
        """The tensor that holds a value in a form, converting it if no kernel wrote it so."""
        source = base(self.graph, value)
        if (source, form) in self.forms:
            return self.forms[source, form]
        node = self.graph[source]
        if isinstance(node.op, Const | Input) or is_input_layout(self.graph, source):
            kind = "constant" if isinstance(node.op, Const) else "input"
            return self.leaf(source, value, form, kind)
        if source not in self.primary:
            raise UnsupportedError(f"{label}: operand {source} ({node.op.name}) must come from a kernel")
        have = self.plan.tensors[self.primary[source]]
        name = self.tensor(
            source,
            form,
            frames=have.frames,
            tokens=have.tokens,
            channels=have.head_dim * have.heads or have.channels,
            heads=have.heads,
        )
        self.plan.kernels.append(
            LaneKernel(
                label=f"{node.label}.convert",
                node=source,
                op="convert",
                function="convert",
                out=name,
                operands=(have.name,),
                frames=have.frames,
                tokens=have.tokens,
                channels=have.channels,
            )
        )
        return name

    def leaf(self, source: str, value: str, form: Form, kind: str) -> str:
        """A constant or input in DRAM, packed by the host in the form it is read."""
        type = self.graph[value].type
        # A constant of rank 2 is a table of tokens that serves all frames; an activation of rank 2 is one token each.
        shape = Extent(1, *type.static_shape) if kind == "constant" and type.rank == 2 else extent(type)
        name = self.tensor(
            source, form, frames=shape.frames, tokens=shape.tokens, channels=shape.channels, kind=kind, home="dram"
        )
        if kind == "input":
            self.plan.inputs.append(name)
        return name

    def tensor(
        self,
        value: str,
        form: Form,
        *,
        frames: int,
        tokens: int,
        channels: int,
        kind: str = "activation",
        home: str = "chip",
        suffix: str = "",
        heads: int = 0,
    ) -> str:
        """Add a tensor for a value (or for scratch when ``suffix`` is given), by heads if any, and return its name."""
        head_dim, array = (channels // heads if heads else 0), self.arch.array
        element_bytes, layout = form
        stem = f"{value}{suffix}"
        name = stem if stem not in self.plan.tensors else f"{stem}.{'i8' if element_bytes == 1 else 'i16'}.{layout}"
        self.plan.tensors[name] = Tensor(
            name=name,
            frames=frames,
            tokens=tokens,
            channels=columns_of_heads(heads, head_dim, array.side, array.count) if heads else channels,
            element_bytes=element_bytes,
            layout=layout,
            kind=kind,
            home=home,
            heads=heads,
            head_dim=head_dim,
        )
        if not suffix:
            self.forms[value, form] = name
        return name

    def produce(self, value: str, *, heads: int = 0, form: Form | None = None) -> str:
        """Add the tensor a kernel writes for a value, in the form its users want, and by heads if there are some."""
        chosen = form if form is not None else self.produced_form(value)
        shape = extent(self.graph[value].type)
        output = value in {base(self.graph, o) for o in self.graph.outputs}
        name = self.tensor(
            value,
            chosen,
            frames=shape.frames,
            tokens=shape.tokens,
            channels=shape.channels,
            kind="output" if output else "activation",
            heads=heads,
        )
        self.primary[value] = name
        if output:
            self.plan.outputs.append(name)
        return name

    def emit(self, kernel: Kernel) -> None:
        """Append a kernel."""
        self.plan.kernels.append(kernel)

    def heads_read(self, value: str, channels: int) -> int:
        """Heads in which a value is read that a matmul is to place; 0 where channels may stand in their own order.

        Values need whole tiles (a word of theirs holds P channels of one head); with several arrays, of which each
        takes a head, queries and keys do, and heads stand in the array's own part of the buffer.
        """
        side, count = self.arch.array.side, self.arch.array.count
        for user in real_users(self.graph, value):
            node = self.graph[user]
            heads, as_value = 0, False
            if isinstance(node.op, AttentionLogits):
                heads = node.op.heads
            elif isinstance(node.op, Attention) and base(self.graph, node.inputs[1]) == value:
                logits = self.graph[node.inputs[0]].op
                as_value = True
                heads = logits.heads if isinstance(logits, AttentionLogits) and node.op.reuse != "head_mean_T" else 0
            if heads and (count > 1 or (as_value and (channels // heads) % side)):
                return int(heads)
        return 0
