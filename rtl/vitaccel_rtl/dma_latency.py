"""Latency of the parts of the DMA engines, in cycles; the rest is in :mod:`vitaccel_rtl.latency`."""

from math import gcd

from vitaccel_rtl import latency

REALIGN_STEP_BITS = 2
"""Bits of the distance of a shift that one stage between beats and words takes care of."""

BURST_CUTTER = 5 + 3 * latency.SKID_BUFFER
"""Of `vitaccel_rtl.bursts.BurstCutter`: rows times bytes, runs, beats, pages, bursts."""

RESERVE = 1
"""Of `vitaccel_rtl.reserve.Reserve`, when there is room: a register."""

WORD_PLAN = 1 + latency.SKID_BUFFER
"""Of `vitaccel_rtl.word_plan.WordPlan`, from a descriptor to the plan of its first word."""

BEAT_BUFFER = 3 + latency.CREDIT_QUEUE
"""Of `vitaccel_rtl.beat_buffer.BeatBuffer`, when it is empty: written, read, the memory's output."""


def granule_bytes(*, beat_bytes: int, word_bytes: int, align_bytes: int) -> int:
    """Bytes of which all places are multiples at which a word can begin in a beat: a power of two."""
    return gcd(beat_bytes, word_bytes, align_bytes)


def window_beats(*, beat_bytes: int, word_bytes: int, align_bytes: int) -> int:
    """Beats that a word may lie in."""
    granule = granule_bytes(beat_bytes=beat_bytes, word_bytes=word_bytes, align_bytes=align_bytes)
    return 1 + (beat_bytes - granule + word_bytes - 1) // beat_bytes


def beats_to_words(*, beat_bytes: int, word_bytes: int, align_bytes: int) -> int:
    """Latency of `vitaccel_rtl.beats_to_words.BeatsToWords`: the window, the shift, missing bytes made zero."""
    sizes = {"beat_bytes": beat_bytes, "word_bytes": word_bytes, "align_bytes": align_bytes}
    places = window_beats(**sizes) * beat_bytes // granule_bytes(**sizes)
    return 1 + _shift(places) + 1 + latency.SKID_BUFFER


def words_to_beats(*, beat_bytes: int, word_bytes: int, align_bytes: int) -> int:
    """Latency of `vitaccel_rtl.words_to_beats.WordsToBeats`: bytes beyond a row zero, shift, window, skid buffer."""
    granule = granule_bytes(beat_bytes=beat_bytes, word_bytes=word_bytes, align_bytes=align_bytes)
    return 1 + _shift(beat_bytes // granule) + 1 + latency.SKID_BUFFER


def _shift(places: int) -> int:
    """Stages of a shift by one of so many distances."""
    return -(-(places - 1).bit_length() // REALIGN_STEP_BITS)
