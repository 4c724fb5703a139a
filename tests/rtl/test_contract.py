"""Docstrings of components as plain text: summary, ports, timing, cycles."""

from __future__ import annotations

from vitaccel_rtl.contract import contract, cycles


class Documented:
    """First ``sentence``.

    More of :class:`~a.b.Thing` and *depth*, 2 * 3 * 4.

    Parameters
    ----------
    depth
        Not for the header.

    Attributes
    ----------
    i : stream
        ``lanes``.

    Timing
    ------
    At once.
    """

    @property
    def latency_cycles(self) -> int:
        """Cycles from `i`
        to o.
        """  # fmt: skip
        return 3

    def interval_cycles(self, depth: int) -> int:
        """Cycles a tile: ``depth``."""
        return depth


def test_sections() -> None:
    found = contract(Documented())
    assert found.summary == "First sentence."
    assert found.text == ("More of Thing and depth, 2 * 3 * 4.",)
    assert found.ports == ("i : stream", "    lanes.")
    assert found.timing == ("At once.",)
    assert found.background == (__doc__,)


def test_cycles_are_properties_with_their_number_and_methods_without() -> None:
    assert cycles(Documented()) == {
        "interval_cycles": "Cycles a tile: depth.",
        "latency_cycles": "3: cycles from i to o.",
    }


def test_a_class_without_a_docstring_promises_nothing() -> None:
    found = contract(type("Silent", (), {"__module__": "nowhere"})())
    assert (found.summary, found.text, found.ports, found.timing, found.background) == ("", (), (), (), ())
