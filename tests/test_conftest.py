"""The house's own fixtures do what they say: each is run inside a small project of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")


@pytest.fixture
def house(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makeini("[pytest]\nmarkers = full: long\n")
    return pytester


def run(house: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return house.runpytest_subprocess("-p", "no:cacheprovider", *arguments)


def test_seed_given_is_the_seed_seen_and_a_failure_prints_it(house: pytest.Pytester) -> None:
    house.makepyfile("def test_it(seed): assert seed != 1234")
    result = run(house, "--seed", "1234", "-q")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*--seed 1234*"])


def test_seed_is_the_same_in_every_worker_and_in_hypothesis(house: pytest.Pytester) -> None:
    house.makepyfile(
        """
        import pathlib, hypothesis.core, pytest
        @pytest.mark.parametrize("i", range(8))
        def test_it(seed, i, worker_id):
            assert str(hypothesis.core.global_force_seed) == str(seed)
            with pathlib.Path("seen").open("a") as file:
                print(seed, worker_id, file=file)
        """
    )
    run(house, "-n", "2").assert_outcomes(passed=8)
    lines = [line.split() for line in (house.path / "seen").read_text().splitlines()]
    assert len({seed for seed, _ in lines}) == 1
    assert len({worker for _, worker in lines}) == 2


def test_seed_differs_from_run_to_run(house: pytest.Pytester) -> None:
    house.makepyfile("import pathlib\ndef test_it(seed): pathlib.Path(f'seed-{seed}').touch()")
    run(house)
    run(house)
    assert len(list(house.path.glob("seed-*"))) == 2


def test_golden_missing_says_how_to_write_it(house: pytest.Pytester) -> None:
    house.makepyfile("def test_it(golden): golden('a.txt', 'one\\n')")
    result = run(house)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*golden/a.txt is not there*::test_it' --update-golden*"])


def test_golden_is_written_then_compared(house: pytest.Pytester) -> None:
    test = house.makepyfile("def test_it(golden): golden('deep/a.txt', 'one\\ntwo\\n')")
    run(house, "--update-golden").assert_outcomes(passed=1)
    run(house).assert_outcomes(passed=1)
    test.write_text(test.read_text().replace("two", "three"))
    result = run(house)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*--update-golden", "*-two", "*+three"])


def test_golden_sees_a_missing_last_newline(house: pytest.Pytester) -> None:
    house.makepyfile("def test_it(golden): golden('a.txt', 'one')")
    (house.path / "golden").mkdir()
    (house.path / "golden" / "a.txt").write_text("one\n")
    run(house).assert_outcomes(failed=1)


def test_full_tests_run_on_request_only(house: pytest.Pytester) -> None:
    house.makepyfile("import pytest\n@pytest.mark.full\ndef test_long(): pass\ndef test_short(): pass")
    run(house).assert_outcomes(passed=1, deselected=1)
    run(house, "--full").assert_outcomes(passed=2)


def test_network_is_refused(house: pytest.Pytester) -> None:
    house.makepyfile("import socket\ndef test_it(): socket.create_connection(('192.0.2.1', 80), timeout=1)")
    result = run(house)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*a test must not reach the network*"])
