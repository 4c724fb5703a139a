"""AXI4-Lite with 32-bit data: the signature, and ports with the names that other tools know.

A component with the members of :func:`flat_members` has the ports ``s_axi_awaddr``, ``s_axi_awvalid`` and so on at the
top of its Verilog; :class:`AxiLitePorts` makes them one interface again, for `amaranth.lib.wiring.connect`.
"""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.stream import check_range

DATA_BITS = 32

OKAY = 0b00
SLVERR = 0b10
"""Responses: done; refused by the slave."""


class AxiLiteSignature(wiring.Signature):
    """The five channels of AXI4-Lite, from the master's side.

    Parameters
    ----------
    address_bits
        Width of a byte address, 3 to 64.
    """

    def __init__(self, *, address_bits):
        check_range("address_bits of AXI4-Lite", address_bits, 3, 64)
        self._address_bits = address_bits
        super().__init__(
            {
                "awaddr": Out(address_bits),
                "awprot": Out(3),
                "awvalid": Out(1),
                "awready": In(1),
                "wdata": Out(DATA_BITS),
                "wstrb": Out(DATA_BITS // 8),
                "wvalid": Out(1),
                "wready": In(1),
                "bresp": In(2),
                "bvalid": In(1),
                "bready": Out(1),
                "araddr": Out(address_bits),
                "arprot": Out(3),
                "arvalid": Out(1),
                "arready": In(1),
                "rdata": In(DATA_BITS),
                "rresp": In(2),
                "rvalid": In(1),
                "rready": Out(1),
            }
        )

    @property
    def address_bits(self):
        """Width of a byte address."""
        return self._address_bits

    def __eq__(self, other):
        return isinstance(other, AxiLiteSignature) and self._address_bits == other.address_bits

    def __repr__(self):
        return f"AxiLiteSignature(address_bits={self._address_bits})"


def flat_members(signature, prefix):
    """Return the members of a signature as those of a component: ``{"s_axi_awaddr": ...}`` for the prefix ``s_axi``."""
    return {f"{prefix}_{name}": member for name, member in signature.members.items()}


class AxiLitePorts:
    """Flat ports of a component as one interface.

    Parameters
    ----------
    component
        Has the members that :func:`flat_members` makes of *signature* and *prefix*.
    signature
        :class:`AxiLiteSignature`, flipped on the side of the slave.
    prefix
        ``s_axi``, for one.
    """

    def __init__(self, component, signature, prefix):
        self.signature = signature
        for name in signature.members:
            setattr(self, name, getattr(component, f"{prefix}_{name}"))
