"""Waits from accesses, and the ring of weights."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vitaccel.ir.plan import Place
from vitaccel.ir.program import Engine, Instruction, Lane, Load, MatMul, Store
from vitaccel.passes.dependencies import Access, Ring, Tracker

LOAD = Load(layer="", dram=0, buffer="activation", address=0)
STORE = Store(layer="", dram=0, buffer="activation", address=0)
MATMUL = MatMul(layer="", a=0, out=0, row_blocks=1, tokens=1, k=1, n=1, n_tiles=1)
LANE = Lane(layer="", function="f", a=0, out=0, row_blocks=1, tokens=1, channels=1)
KINDS: dict[Engine, Instruction] = {i.engine: i for i in (LOAD, STORE, MATMUL, LANE)}

X, Y = Place("x", 0, 8, 0, 1), Place("y", 8, 8, 0, 1)


def test_a_reader_waits_for_the_writer_of_its_rows() -> None:
    tracker = Tracker()
    for row in range(4):
        tracker.issue(LOAD, [], [Access(X, row, 1)])
    assert tracker.issue(MATMUL, [Access(X, 1, 2)], []).waits == (3, 0, 0, 0)
    assert tracker.issue(MATMUL, [Access(X, 0, 1)], []).waits == (1, 0, 0, 0)
    assert tracker.issued == [4, 2, 0, 0]


def test_a_reader_waits_for_its_own_engine_too() -> None:
    tracker = Tracker()
    tracker.issue(MATMUL, [], [Access(X, 0, 1)])
    assert tracker.issue(MATMUL, [Access(X, 0, 1)], [Access(Y, 0, 1)]).waits == (0, 1, 0, 0)


def test_a_writer_waits_for_readers_and_writers_of_other_engines() -> None:
    tracker = Tracker()
    tracker.issue(LOAD, [], [Access(X, 0, 2)])
    tracker.issue(MATMUL, [Access(X, 0, 1)], [])
    tracker.issue(LANE, [Access(X, 1, 1)], [])
    assert tracker.issue(LOAD, [], [Access(X, 0, 1)]).waits == (0, 1, 0, 0)
    assert tracker.issue(STORE, [], [Access(X, 1, 1)]).waits == (1, 0, 1, 0)


def test_a_new_place_waits_for_all_that_stood_there() -> None:
    tracker = Tracker()
    tracker.issue(LOAD, [], [Access(X, 0, 1)])
    tracker.issue(LANE, [Access(X, 0, 1)], [Access(Y, 0, 1)])
    new = Place("z", 7, 2, 2, 3)
    assert tracker.issue(MATMUL, [], [Access(new, 5, 1)]).waits == (1, 0, 1, 0)
    beside = Place("u", 16, 4, 2, 3)
    assert tracker.issue(MATMUL, [], [Access(beside, 0, 1)]).waits == (0, 0, 0, 0)


def test_what_is_waited_for_besides() -> None:
    waits = Tracker().issue(MATMUL, [], [], after=[(Engine.LOAD, 3), (Engine.LOAD, 2), (Engine.STORE, 1)]).waits
    assert waits == (3, 0, 0, 1)


accesses = st.lists(
    st.tuples(st.sampled_from(Engine), st.booleans(), st.integers(0, 3), st.integers(0, 5), st.integers(1, 3)),
    max_size=25,
)


@given(accesses)
def test_conflicting_accesses_are_ordered(history: list[tuple[Engine, bool, int, int, int]]) -> None:
    """Of two accesses to one row of which one writes, the later waits for the earlier, or follows in its engine."""
    places = [Place(str(n), 8 * n, 8, 0, 1) for n in range(4)]
    tracker, done = Tracker(), []
    for engine, writes, place, first, count in history:
        access = Access(places[place], first, count)
        issued = tracker.issue(KINDS[engine], [] if writes else [access], [access] if writes else [])
        rows = {(place, row) for row in range(first, first + count)}
        for earlier, number, wrote, touched in done:
            if not rows & touched or not (writes or wrote):
                continue
            raw = wrote and not writes
            assert issued.waits[earlier] >= number or (earlier is engine and not raw)
        done.append((engine, tracker.issued[engine], writes, rows))


@given(st.integers(10, 40), st.lists(st.tuples(st.integers(1, 10), st.integers(0, 3)), max_size=40))
def test_a_chunk_waits_for_the_last_reader_of_its_words(words: int, chunks: list[tuple[int, int]]) -> None:
    ring, last_reader, count = Ring(words), dict.fromkeys(range(words), 0), 0
    waited = 0
    for size, readers in chunks:
        chunk = ring.take(size)
        address, free_after = chunk.address, dict(chunk.after)[Engine.COMPUTE]
        assert chunk.stop == address + size
        taken = range(address, address + size)
        assert address + size <= words
        # Loads follow each other, so a chunk need not wait for what one before it has waited for.
        waited = max(waited, free_after)
        assert free_after <= count
        assert waited >= max(last_reader[word] for word in taken)
        for _ in range(readers):
            count += 1
            chunk.used(Engine.COMPUTE, count)
        last_reader |= dict.fromkeys(taken, count if readers else 0)
