"""Which bits of a flat netlist can be seen at all: a mutation of any other changes nothing, by construction.

From the outputs of the module backwards: bit i of an operand of a bitwise cell, a multiplexer or a register is read if
bit i of its result is; of a sum or product, if any bit from i upwards is; of any other cell, always.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from vitaccel_sim.mutation.place import Mutation

Bits = Sequence[int | str]
"""Of a port: numbers of nets, or ``0``, ``1``, ``x``."""

BITWISE = {
    **dict.fromkeys(("$and", "$or", "$xor", "$xnor"), ("A", "B")),
    **dict.fromkeys(("$not", "$pos"), ("A",)),
    "$mux": ("A", "B"),
    **dict.fromkeys(("$dff", "$dffe", "$sdff", "$sdffe", "$sdffce"), ("D",)),
}
"""Operands of which bit i makes bit i of the result."""

CARRYING = dict.fromkeys(("$add", "$sub", "$mul", "$neg"), ("A", "B"))
"""Operands of which bit i makes bits from i upwards."""

RESULTS = ("Y", "Q", "DATA", "RD_DATA")


class Netlist:
    """A flat netlist as Yosys' ``write_json`` tells it.

    Parameters
    ----------
    module
        ``modules["top"]`` of the JSON.
    """

    def __init__(self, module: Mapping[str, Any]) -> None:
        self._cells: Mapping[str, Any] = module["cells"]
        self._drivers: dict[int | str, list[tuple[str, str, int]]] = defaultdict(list)
        for name, cell in self._cells.items():
            for port in RESULTS:
                for place, net in enumerate(cell["connections"].get(port, ())):
                    self._drivers[net].append((name, port, place))
        outputs = [port["bits"] for port in module["ports"].values() if port["direction"] == "output"]
        self._read = self._all_read({net for bits in outputs for net in bits})

    def _all_read(self, nets: set[int | str]) -> set[int | str]:
        """Return the nets that can be seen if these are."""
        read, waiting = set(nets), list(nets)
        while waiting:
            for name, _, place in self._drivers[waiting.pop()]:
                for operand, bits in self._cells[name]["connections"].items():
                    if operand in RESULTS:
                        continue
                    found = {bits[n] for n in range(len(bits)) if self._makes(name, operand, n, place)} - read
                    read |= found
                    waiting += found
        return read

    def _makes(self, name: str, operand: str, bit: int, result: int) -> bool:
        """Whether a bit of an operand can change a bit of the result."""
        cell = self._cells[name]
        if operand in BITWISE.get(cell["type"], ()):
            last = bit == len(cell["connections"][operand]) - 1
            return bit == result or (last and bit < result)
        if operand in CARRYING.get(cell["type"], ()):
            return bit <= result
        return True

    def may_be_seen(self, mutation: Mutation) -> bool:
        """Whether a mutation changes a bit's value, and one that can be seen."""
        cell = self._cells[mutation.cell]
        bits: Bits = cell["connections"][mutation.port]
        net = bits[mutation.bit]
        if net == "x" or mutation.mode == f"const{net}":
            return False
        if cell["type"].startswith("$memrd") and mutation.port in ("ARST", "SRST", "EN") and isinstance(net, str):
            return False  # RTLIL has the port, and this memory does not use it.
        if mutation.other >= 0 and bits[mutation.other] in ({"0", "1", "x"} - {mutation.mode[-1]}):
            return False
        if mutation.other >= 0 and self._decides(cell, mutation):
            return False
        if mutation.port in RESULTS:
            return net in self._read
        results = ((port, bits) for port, bits in cell["connections"].items() if port in RESULTS)
        return any(
            net in self._read and self._makes(mutation.cell, mutation.port, mutation.bit, place)
            for _, bits in results
            for place, net in enumerate(bits)
        ) or not any(port in RESULTS for port in cell["connections"])

    def _decides(self, cell: Mapping[str, Any], mutation: Mutation) -> bool:
        """Whether the bit on which an inversion depends decides the result by itself where it inverts."""
        value = mutation.mode[-1]
        if cell["type"] in ("$reduce_or", "$reduce_bool", "$logic_not"):
            return value == "1"
        if cell["type"] == "$reduce_and":
            return value == "0"
        if cell["type"] not in ("$eq", "$ne"):
            return False
        constant: Bits = cell["connections"]["B" if mutation.port == "A" else "A"]
        return mutation.port in ("A", "B") and constant[mutation.other : mutation.other + 1] == [
            "0" if value == "1" else "1"
        ]
