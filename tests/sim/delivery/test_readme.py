from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.docs.console import run_here
from vitaccel_rtl.header import SAME_WORDS
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import Verilog
from vitaccel_sim.delivery.deliver import deliver

NAME = "exp2_lanes2"


def test_the_readme_names_every_port_option_field_and_test() -> None:
    delivery = deliver("exp2", {}, lanes=2)
    text = delivery.files[f"{NAME}.md"]
    assert all(f"| `{port.name}` |" in text for port in delivery.generated.verilog.ports)
    assert "| `lanes` | 2 | 1 to 256 | P, elements of a word |" in text
    assert "| `[31:0]` | `lanes` | 2 x signed 16 bits | `[16*n +: 16]` |" in text
    assert "| latency_cycles | 3: cycles from accepting a word to offering its result" in text
    assert all(f"- `{test}`: " in text for test in delivery.bench.tests)


def test_the_template_instantiates_the_block() -> None:
    """A module around it is clean Verilog to Verilator, but for signals that nobody drives or reads."""
    delivery = deliver("exp2", {}, lanes=2)
    (template,) = re.findall(r"```systemverilog\n(.*?)```", delivery.files[f"{NAME}.md"], re.DOTALL)
    around = f"{delivery.generated.verilog.text}\nmodule around();\n{template}endmodule\n"
    said = lint(Verilog(name="around", text=around, ports=()))
    assert [line for line in said if not line.startswith("%Warning-UNDRIVEN")] == []
    broken = re.sub(r"logic +\[\d+:0\] i__payload;", "logic [99:0] i__payload;", around)
    assert broken != around
    assert any(line.startswith("%Warning-WIDTH") for line in lint(Verilog(name="around", text=broken, ports=())))


def test_its_command_writes_it_again(tmp_path: Path) -> None:
    text = deliver("exp2", {}, lanes=2, seed=3).files[f"{NAME}.md"]
    (command,) = re.findall(r"`(vitaccel gen-rtl [^`]*)`", text)
    code, output = run_here(shlex.split(command), tmp_path)
    assert code == 0, output
    assert (tmp_path / f"{NAME}.md").read_text() == text


def test_it_says_where_words_come_from_and_what_their_order_depends_on() -> None:
    text = {
        name: next(t for f, t in deliver(name, {}).files.items() if f.endswith(".md")) for name in ("fifo", "arbiter")
    }
    assert "results from vitaccel's" in text["fifo"]
    assert "They draw words" in text["arbiter"]
    assert SAME_WORDS in text["fifo"]
    assert SAME_WORDS not in text["arbiter"]
    assert "| `i__0__valid` | input | 1 | stream i__0: a word is offered |" in text["arbiter"]


def test_timing_that_is_no_number_is_told_too() -> None:
    text = deliver("expert-queues", {}).files["expert_queues_lanes8.md"]
    assert "| ready_cycles | " in text
    assert "An answer is offered" in text[text.index("## Timing") : text.index("## Instantiation")]
