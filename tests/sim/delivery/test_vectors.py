from __future__ import annotations

import random

import pytest

from vitaccel_sim.delivery.vectors import from_text, to_text


def test_words_of_any_width_come_back(seed: int) -> None:
    rng = random.Random(seed)
    words = [0, 2**700 - 1, *(rng.getrandbits(700) for _ in range(9))]
    record = {"about": "x", "seed": 3, "parts": [{"words": words, "expected": [], "setup": [{"a": 0}], "is_it": True}]}
    assert from_text(to_text(record)) == record


def test_a_word_is_a_line_as_wide_as_the_widest() -> None:
    lines = to_text({"words": [1, 0xABC]}).splitlines()
    assert lines == ["{", ' "words": [', '  "0x001",', '  "0xabc"', " ]", "}"]


def test_a_number_of_words_is_no_word() -> None:
    text = to_text({"options": {"words": 64}})
    assert '"words": 64' in text
    assert from_text(text) == {"options": {"words": 64}}


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^vectors must be a JSON object, not list$"):
        from_text("[]")
