"""AXI4 as a master speaks it: the ports of its channels by their standard names, and the constants of a burst.

Of AXI4 the machine uses what a DMA needs: one ID, INCR bursts of whole beats, normal non-cacheable memory, no
exclusive access. The ports are plain members, so that in Verilog they are ``m_axi_araddr`` and not a packed struct.
"""

from dataclasses import dataclass

from amaranth.hdl import Signal
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import dma_latency
from vitaccel_rtl.stream import check_range

PAGE_BYTES = 4096
"""No burst crosses a multiple of this."""

BURST_INCREMENTING = 0b01
CACHE_NORMAL = 0b0011
"""Normal memory that is not cached but may be buffered."""

RESPONSE_BITS = 2
LENGTH_BITS = 8
"""Of ``arlen`` and ``awlen``: the beats of a burst, less one."""

ERROR_BIT = 1
"""Of a response: SLVERR is 2 and DECERR 3."""


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """What a DMA engine is built for; the parameters of :class:`vitaccel_rtl.dma_read.DmaRead`.

    Parameters
    ----------
    data_bits
        Of a beat: 32, 64, 128, 256 or 512.
    word_bytes
        Bytes of a word on chip, P: 4 to 32.
    address_bits
        Of a DRAM address in bytes: 32 to 64.
    burst_beats
        Beats of a burst at most: 1 to 256; what is more than 4096 bytes is never used.
    outstanding
        Bursts in flight at most: 1 to 256.
    align_bytes
        Rows begin at multiples of it; *word_bytes* when ``None``.
    rows_bits, length_bits
        Of the number of rows, and of their length and stride in bytes.
    id_bits
        Of the IDs, all of which are 0.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    data_bits: int
    word_bytes: int
    address_bits: int = 32
    burst_beats: int = 64
    outstanding: int = 8
    align_bytes: int | None = None
    rows_bits: int = 16
    length_bits: int = 24
    id_bits: int = 1

    def __post_init__(self):
        if self.data_bits not in (32, 64, 128, 256, 512):
            raise ValueError(f"data_bits of a bus must be 32, 64, 128, 256 or 512, not {self.data_bits!r}")
        check_range("word_bytes of a DMA", self.word_bytes, 4, 32)
        check_range("address_bits of a DMA", self.address_bits, 32, 64)
        check_range("burst_beats of a DMA", self.burst_beats, 1, 256)
        check_range("outstanding of a DMA", self.outstanding, 1, 256)
        check_range("align_bytes of a DMA", self.row_align_bytes, 1, PAGE_BYTES)
        check_range("rows_bits of a DMA", self.rows_bits, 1, 17)
        check_range("length_bits of a DMA", self.length_bits, 13, 32)
        check_range("id_bits of a DMA", self.id_bits, 1, 16)

    @property
    def row_align_bytes(self):
        """Bytes of which the address of every row is a multiple."""
        return self.word_bytes if self.align_bytes is None else self.align_bytes

    @property
    def sizes(self):
        """The three sizes that say how words lie in beats, by the names of :mod:`vitaccel_rtl.latency`."""
        return {"beat_bytes": self.beat_bytes, "word_bytes": self.word_bytes, "align_bytes": self.row_align_bytes}

    @property
    def beat_bytes(self):
        """Bytes of a beat, B."""
        return self.data_bits // 8

    @property
    def beat_address_bits(self):
        """Bits of a byte's place in its beat."""
        return self.beat_bytes.bit_length() - 1

    @property
    def page_beats(self):
        """Beats between two multiples of 4096 bytes."""
        return PAGE_BYTES // self.beat_bytes

    @property
    def longest_burst(self):
        """Beats of the longest burst there can be."""
        return min(self.burst_beats, self.page_beats)

    @property
    def granule_bytes(self):
        """Bytes of which all places are multiples at which a word can begin in a beat: a power of two."""
        return dma_latency.granule_bytes(**self.sizes)

    @property
    def granule_bits(self):
        """Bits of an address that are 0 wherever a word begins."""
        return self.granule_bytes.bit_length() - 1

    @property
    def window_beats(self):
        """Beats that a word may lie in."""
        return dma_latency.window_beats(**self.sizes)

    @property
    def span_bits(self):
        """Bits of the number of beats that a word lies in, less one; 0 when that is always one."""
        return (self.window_beats - 1).bit_length()


def read_ports(geometry):
    """Return the members AR and R of an AXI4 master, ``m_axi_araddr`` and so on."""
    return {
        **_address_ports("ar", geometry),
        "m_axi_rid": In(geometry.id_bits),
        "m_axi_rdata": In(geometry.data_bits),
        "m_axi_rresp": In(RESPONSE_BITS),
        "m_axi_rlast": In(1),
        "m_axi_rvalid": In(1),
        "m_axi_rready": Out(1),
    }


def write_ports(geometry):
    """Return the members AW, W and B of an AXI4 master, ``m_axi_awaddr`` and so on."""
    return {
        **_address_ports("aw", geometry),
        "m_axi_wdata": Out(geometry.data_bits),
        "m_axi_wstrb": Out(geometry.beat_bytes),
        "m_axi_wlast": Out(1),
        "m_axi_wvalid": Out(1),
        "m_axi_wready": In(1),
        "m_axi_bid": In(geometry.id_bits),
        "m_axi_bresp": In(RESPONSE_BITS),
        "m_axi_bvalid": In(1),
        "m_axi_bready": Out(1),
    }


def _address_ports(channel, geometry):
    widths = {"addr": geometry.address_bits, "id": geometry.id_bits, "len": LENGTH_BITS, "size": 3, "burst": 2}
    widths |= {"lock": 1, "cache": 4, "prot": 3, "qos": 4, "valid": 1}
    ports = {f"m_axi_{channel}{name}": Out(width) for name, width in widths.items()}
    return {**ports, f"m_axi_{channel}ready": In(1)}


def constants(channel, ports, geometry):
    """Return assignments of what never changes on an address channel, ``ar`` or ``aw``: whole beats, INCR, ID 0."""
    values = {"id": 0, "size": geometry.beat_address_bits, "burst": BURST_INCREMENTING}
    values |= {"lock": 0, "cache": CACHE_NORMAL, "prot": 0, "qos": 0}
    return [getattr(ports, f"m_axi_{channel}{name}").eq(value) for name, value in values.items()]


def issue(m, ports, channel, burst, may_issue):
    """Build the registers of an address channel, ``ar`` or ``aw``, and return whether they take a burst.

    They take one when *may_issue* allows it and the last one was accepted.
    """
    names = ("valid", "ready", "addr", "len")
    valid, ready, address, length = (getattr(ports, f"m_axi_{channel}{name}") for name in names)
    free = ~valid | ready
    issues = Signal(name=f"{channel}_issues")
    m.d.comb += [burst.ready.eq(free & may_issue), issues.eq(burst.valid & burst.ready)]
    with m.If(free):
        m.d.sync += [
            valid.eq(issues),
            address.eq(burst.p.address),
            length.eq((burst.p.beats - 1)[: len(burst.p.beats)]),
        ]
    return issues
