import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from vitaccel import zoo
from vitaccel.errors import OutputError, VitaccelError
from vitaccel.zoo.digits import load_split
from vitaccel.zoo.load_weights import load_weights
from vitaccel.zoo.train import RECIPES, count_correct
from vitaccel.zoo.train_digits import command, figures, main, save_weights, table


def run(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


def test_without_a_name_the_figures_of_the_checkpoints_are_printed():
    found = figures()
    assert [row.name for row in found] == list(RECIPES)
    for row in found:
        model = zoo.build(row.name)
        assert row.parameters == zoo.count_parameters(model)
        assert row.macs == zoo.count_macs(model, zoo.example_input(row.name))
        assert (row.correct, row.images) == (count_correct(model, load_split("test")), 450)
        assert row.accuracy == pytest.approx(100 * row.correct / 450)
    printed = run().stdout
    assert printed == table(found)
    assert all(f"| `{row.name}` | {row.parameters:,} | {row.macs:,} |" in printed for row in found)


def test_a_model_is_trained_and_its_weights_are_written(tmp_path):
    files = [tmp_path / "one.npz", tmp_path / "again.npz"]
    done = [run("vit-digits", "--steps", "5", "--seed", "2", "-o", path) for path in files]
    assert files[0].read_bytes() == files[1].read_bytes()
    model = zoo.build("vit-digits")
    load_weights(model, files[0])
    correct = count_correct(model, load_split("test"))
    assert done[0].stdout == f"vit-digits, seed 2: {100 * correct / 450:.2f} % of 450 test images\n" == done[1].stdout
    assert [line.split(":")[0] for line in done[0].stderr.splitlines()[:5]] == [f"step {n} of 5" for n in range(1, 6)]
    assert f"wrote {files[0]} ({files[0].stat().st_size} bytes)" in done[0].stderr


def test_written_weights_are_the_models(tmp_path):
    model, other = zoo.build("m3vit-digits"), zoo.build("m3vit-digits", moe_style="dense_bmm", seed=1)
    save_weights(model, tmp_path / "w.npz")
    load_weights(other, tmp_path / "w.npz")
    images = torch.from_numpy(load_split("test").images[:8])
    torch.testing.assert_close(other(images), model(images), rtol=1e-4, atol=1e-4)


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    model = zoo.build("vit-digits")
    with pytest.raises(OutputError, match=r"must end in \.npz, not 'w\.pt'"):
        save_weights(model, tmp_path / "w.pt")
    (tmp_path / "w.npz").mkdir()
    with pytest.raises(OutputError, match="must be writable, but: Is a directory"):
        save_weights(model, tmp_path / "w.npz")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["vit-digit"], "model to train must be one of vit-digits, lookupvit-digits, m3vit-digits, not 'vit-digit'"),
        (["vit-digits", "--steps", "0"], "steps and batch must be at least 1, not 0 and 96"),
        (["vit-digits", "-o", "no/folder/w.npz"], "directory of the output file must exist, not be missing: no/folder"),
        (["vit-digits", "-o", "w.pt"], "weight file must end in .npz, not 'w.pt'"),
    ],
)
def test_a_mistake_is_told_before_training(arguments, sentence, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vitaccel.zoo.train_digits.train", lambda *_args, **_how: pytest.fail("trained"))
    with pytest.raises(VitaccelError):
        run(*arguments)
    monkeypatch.setattr(sys, "argv", ["train_digits", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: {sentence}")


def test_it_is_a_module_that_runs():
    call = [sys.executable, "-m", "vitaccel.zoo.train_digits", "--help"]
    done = subprocess.run(call, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert "Train NAME on handwritten digits" in done.stdout
