from __future__ import annotations

from vitaccel_sim.delivery.bench_file import bench_file
from vitaccel_sim.delivery.deliver import deliver


def test_every_test_is_imported_with_what_it_checks() -> None:
    delivery = deliver("exp2", {}, lanes=1)
    text = bench_file(delivery.generated, delivery.bench)
    assert text.startswith('"""cocotb bench of exp2_lanes1: ')
    for test, said in delivery.bench.tests.items():
        assert f"    {test},  # {said}\n" in text
