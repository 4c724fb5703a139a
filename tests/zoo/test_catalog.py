import subprocess
import sys

import pytest

from vitaccel import zoo
from vitaccel.errors import VitaccelError
from vitaccel.zoo.catalog import resolve

NAMES = {
    *(f"{family}-{size}" for family in ("vit", "deit", "lookupvit") for size in ("tiny", "small", "base", "micro")),
    *("vit-digits", "lookupvit-digits", "m3vit-digits"),
    *("m3vit-tiny", "m3vit-small", "m3vit-micro", "vmoe-small", "vmoe-base", "vmoe-micro", "hybrid-micro"),
}


def test_the_list_names_every_model_once():
    names = [info.name for info in zoo.models()]
    assert set(names) == NAMES
    assert len(names) == len(NAMES)


def test_every_model_says_what_it_is_on_one_line():
    for info in zoo.models():
        assert info.description
        assert "\n" not in info.description
        assert info.name.startswith(f"{info.family}-")
        assert len(info.input_shape) == 4
        for option in info.options:
            assert option.description
            assert "\n" not in option.description


def test_listing_needs_no_torch():
    script = """
import sys
sys.modules["torch"] = None
from vitaccel import zoo
from vitaccel.errors import VitaccelError
zoo.models()
try:
    zoo.build
except VitaccelError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "vitaccel.zoo.build needs PyTorch: install it with pip install 'vitaccel[torch]'\n"


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    with pytest.raises(AttributeError):
        _ = zoo.exports


def test_options_change_the_shape():
    assert resolve("vit-base", {"image_size": 384}).shape.patches == 576
    assert resolve("vit-tiny", {"depth": 3}).shape.depth == 3
    assert resolve("m3vit-tiny", {"top_k": "4"}).shape.moe.top_k == 4


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("vit-tinny", {}, r"not 'vit-tinny' \(did you mean 'vit-tiny'\?\)$"),
        ("vit-tiny", {"regsters": 4}, r"not 'regsters' \(did you mean 'registers'\?\)$"),
        ("vit-tiny", {"grid": 5}, r"^option of vit-tiny must be one of image_size, cls, "),
        ("vit-tiny", {"image_size": 256}, "must be 224 or 384, not 256"),
        ("m3vit-tiny", {"capacity_factor": 2.0}, "must come with moe_style einsum_cap, not nonzero"),
        ("m3vit-tiny", {"task": 2}, "option task of m3vit-tiny must be an integer of at least 0 and at most 1, not 2"),
        ("m3vit-tiny", {"task_input": True, "decoder": True}, "each task has its own decoder"),
        ("m3vit-tiny", {"task_input": True, "task": 1}, "the task is then a graph input"),
        ("lookupvit-tiny", {"antialias": True, "resample": "pool"}, "must come with resample resize, not pool"),
        ("m3vit-tiny", {"moe_style": "microsoft", "gelu": "sigmoid"}, "must be tanh or erf with moe_style microsoft"),
        ("m3vit-tiny", {"moe_style": "microsoft", "gate": "official"}, "must be plain with moe_style microsoft"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(name, options, message):
    with pytest.raises(VitaccelError, match=message) as error:
        resolve(name, options)
    assert "\n" not in str(error.value)
    assert str(error.value)[-1] != "."
