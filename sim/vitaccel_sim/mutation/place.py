"""One change of one bit of a netlist: where it is, how it is called, and the command of Yosys that makes it."""

from __future__ import annotations

from dataclasses import dataclass

CONTROL = "mutation"
"""The input that chooses: 0 for the netlist as it is, else the number of a mutation."""


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One change of one bit of a netlist.

    Parameters
    ----------
    number
        What chooses it.
    mode
        ``inv``, ``const0``, ``const1``; ``cnot0``, ``cnot1``: inverted where another bit of the port is 0, or 1.
    cell, port, bit
        The bit of a port of a cell. Cells have the names of what they drive: ``last_1_$sdffe_Q``.
    other
        The other bit, or -1.
    signal
        What is connected there: ``lane0.base[3]``; empty where it has no name.
    """

    number: int
    mode: str
    cell: str
    port: str
    bit: int
    other: int
    signal: str

    def __str__(self) -> str:
        return self.place + (f" ({self.signal})" if self.signal else "")

    @property
    def place(self) -> str:
        """What it changes and how, whatever its number: ``last_1_$sdffe_Q.D[0] inv``."""
        return f"{self.cell}.{self.port}[{self.bit}] {self.mode}" + (f" by {self.other}" if self.other >= 0 else "")

    def command(self, width: int = 0) -> str:
        """Return the command of Yosys that adds this mutation: for good, or chosen by a control of so many bits."""
        control = f" -ctrl {CONTROL} {width} {self.number}" if width else ""
        other = f" -ctrlbit {self.other}" if self.other >= 0 else ""
        where = f"-module top -cell {self.cell} -port {self.port} -portbit {self.bit}"
        return f"mutate -mode {self.mode}{control} {where}{other}"
