"""Between beats and words: layouts, and shifts into place in stages of four-way choices.

A beat has B bytes, a power of two, and a word P, which need not be one; a word can begin at every multiple of their
greatest common divisor (and of the alignment of rows), so that with the usual sizes little or nothing is shifted.
"""

from amaranth.hdl import Array, Cat, Const
from amaranth.lib import data

from vitaccel_rtl import dma_latency


def bytes_layout(count, **fields):
    """Layout of a word of *count* bytes, ``lanes``, and of the fields that come with it."""
    return data.StructLayout({"lanes": data.ArrayLayout(8, count), **fields})


def beat_layout(geometry):
    """Layout of a beat to write: ``lanes`` and the ``strobe`` that says which of them."""
    return bytes_layout(geometry.beat_bytes, strobe=geometry.beat_bytes)


def read_word_layout(geometry):
    """Layout of a word that was read: ``lanes``, ``last_of_row``, ``last``, and an ``error`` of one of its beats."""
    return bytes_layout(geometry.word_bytes, last_of_row=1, last=1, error=1)


def mask_of(count, width):
    """Return *width* bits of which the lowest *count* are ones."""
    return Cat(count > lane for lane in range(width))


def masked(lanes, mask):
    """Return bytes, those without a bit in *mask* as zeros."""
    return Cat(lanes[8 * i : 8 * i + 8] & mask[i].replicate(8) for i in range(len(mask)))


def steps(distance_bits):
    """Return the stages of a shift, the largest distances first: the lowest bit and the one after the highest."""
    tops = range(distance_bits, 0, -dma_latency.REALIGN_STEP_BITS)
    return [(max(0, top - dma_latency.REALIGN_STEP_BITS), top) for top in tops]


def shift_down(stages, value, distance, *, unit, width):
    """Return *width* bits of *value* from *distance* units of *unit* bits on, after ``len(steps(...))`` stages."""
    for step, (low, top) in enumerate(steps(len(distance))):
        kept = width + ((1 << low) - 1) * unit
        shifted = [value[(amount << low) * unit :][:kept] for amount in range(1 << top - low)]
        choices = Array(Cat(choice, Const(0, kept - len(choice))) for choice in shifted)
        value = stages.register(choices[distance[low:top]], name=f"down_{step}")
        distance = stages.register(distance, name=f"down_distance_{step}")
    return value[:width]


def shift_up(stages, value, distance, *, unit, width, name):
    """Return *value* shifted up by *distance* units of *unit* bits, *width* bits of it: the reverse, as many stages."""
    for step, (low, top) in enumerate(steps(len(distance))):
        wide = min(width, len(value) + ((1 << top) - (1 << low)) * unit)
        value = Cat(value, Const(0, wide - len(value)))
        choices = Array((value << (amount << low) * unit)[:wide] for amount in range(1 << top - low))
        value = stages.register(choices[distance[low:top]], name=f"{name}_{step}")
        distance = stages.register(distance, name=f"{name}_distance_{step}")
    return Cat(value, Const(0, width - len(value)))
