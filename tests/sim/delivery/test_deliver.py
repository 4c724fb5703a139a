from __future__ import annotations

import ast
import json

from vitaccel_rtl.header import MARK
from vitaccel_sim.delivery.deliver import MAKEFILE, deliver

NAME = "exp2_lanes2"


def test_every_file_is_marked_as_ours_near_its_beginning() -> None:
    files = deliver("exp2", {}, lanes=2).files
    assert list(files) == [f"{NAME}.sv", f"test_{NAME}.py", f"{NAME}.json", f"{NAME}.md", "Makefile"]
    assert all(MARK in text[:4096] for text in files.values())
    assert files["Makefile"] == MAKEFILE.read_text()


def test_files_are_the_same_every_time_and_the_makefile_for_every_block() -> None:
    first, again, other = (deliver(name, {}, lanes=2).files for name in ("exp2", "exp2", "softmax-statistics"))
    assert first == again
    assert set(first) & set(other) == {"Makefile"}
    assert first["Makefile"] == other["Makefile"]


def test_the_test_file_is_python_that_imports_the_tests() -> None:
    delivery = deliver("exp2", {}, lanes=2)
    (imported,) = (n for n in ast.parse(delivery.files[f"test_{NAME}.py"]).body if isinstance(n, ast.ImportFrom))
    assert imported.module == delivery.bench.module
    assert {alias.name for alias in imported.names} == set(delivery.bench.tests)


def test_vectors_say_what_they_are_for() -> None:
    vectors = json.loads(deliver("exp2", {"fraction_bits": 8}, lanes=2, seed=4).files[f"{NAME}_fraction_bits8.json"])
    assert vectors["block"] == "exp2"
    assert vectors["options"] == {"lanes": 2, "fraction_bits": 8}
    assert vectors["seed"] == 4


def test_the_record_has_every_field_of_every_port() -> None:
    record = deliver("exp2", {}, lanes=2).record()
    ports = {port["name"]: port for port in record["ports"]}
    assert list(ports)[:2] == ["clk", "rst"]
    assert [field["name"] for field in ports["i__payload"]["fields"]] == ["lanes", "m", "last"]
    lanes = ports["i__payload"]["fields"][0]
    assert lanes == {
        "name": "lanes", "offset": 0, "bits": 16, "signed": True, "arrays": [{"length": 2, "stride_bits": 16}],
    }  # fmt: skip
    assert json.loads(json.dumps(record)) == record
