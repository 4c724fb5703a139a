"""A DMA job: its descriptor, its status, and how it reaches the two parts of an engine that work on it."""

from amaranth.lib import data

STATUS = data.StructLayout({"error": 1})
"""What is said of a job when it is done: whether any of its beats or bursts was answered SLVERR or DECERR."""


def descriptor_layout(geometry):
    """Layout of a job: ``rows`` times ``row_bytes`` bytes, the first at ``address``, then every ``stride_bytes``.

    Rows and their bytes are 1 or more. Addresses of rows are multiples of the geometry's ``align_bytes``; the bytes
    from the first row to the last must not pass the end of the address space.
    """
    return data.StructLayout(
        {
            "address": geometry.address_bits,
            "rows": geometry.rows_bits,
            "row_bytes": geometry.length_bits,
            "stride_bytes": geometry.length_bits,
        }
    )


def fork(m, source, first, second):
    """Connect a stream to two: a word is taken by both, or by none."""
    for sink, other in ((first, second), (second, first)):
        m.d.comb += [sink.payload.eq(source.payload), sink.valid.eq(source.valid & other.ready)]
    m.d.comb += source.ready.eq(first.ready & second.ready)
