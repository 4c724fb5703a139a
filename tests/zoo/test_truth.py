import pytest
import torch

from vitaccel import zoo
from vitaccel.zoo.assemble import construct
from vitaccel.zoo.catalog import resolve

# Name, options, parameters, multiply-accumulates: torch.utils.flop_counter on reference implementations.
TABLE = [
    ("vit-tiny", {}, 5_717_416, 1_253_683_200),
    ("vit-small", {}, 22_050_664, 4_598_882_304),
    ("vit-base", {}, 86_567_656, 17_563_828_224),
    ("vit-base", {"image_size": 384}, 86_859_496, 55_484_350_464),
    ("deit-small", {}, 22_051_432, 4_623_756_288),
    ("lookupvit-tiny", {}, 9_042_704, 578_738_688),
    ("lookupvit-small", {}, 34_893_392, 2_182_886_400),
    ("lookupvit-base", {"grid": 3}, 137_024_720, 6_671_984_640),
    ("lookupvit-base", {"grid": 5}, 137_024_720, 8_467_408_896),
    ("lookupvit-base", {"grid": 7}, 137_024_720, 11_178_240_000),
    ("lookupvit-base", {"grid": 10}, 137_024_720, 17_009_258_496),
    ("lookupvit-base", {"grid": 5, "image_size": 384}, 137_316_560, 19_712_587_776),
    ("lookupvit-base", {"grid": 10, "image_size": 384}, 137_316_560, 29_042_405_376),
    ("m3vit-tiny", {"moe_style": "gather_w"}, 18_158_632, 782_911_488),
    ("m3vit-tiny", {"moe_style": "dense_list"}, 18_158_632, 2_380_744_704),
    ("vmoe-small", {}, 56_736_744, 1_697_077_248),
    ("m3vit-small", {"moe_style": "gather_w"}, 46_051_496, 100_495_340_544),
]


def on_meta(name, options):
    request = resolve(name, options)
    with torch.device("meta"):
        return construct(request), torch.empty(1, 3, *request.shape.image)


@pytest.mark.parametrize(("name", "options", "parameters", "macs"), TABLE)
def test_the_published_table_is_met_to_the_last_one(name, options, parameters, macs):
    model, image = on_meta(name, options)
    assert zoo.count_parameters(model) == parameters
    assert zoo.count_macs(model, image) == macs


@pytest.mark.parametrize(
    ("name", "options", "attention_macs"),
    [
        ("vit-tiny", {}, 178_831_872),
        ("vit-base", {"image_size": 384}, 6_136_547_328),
        ("deit-small", {}, 361_304_064),
        ("m3vit-tiny", {"moe_style": "gather_w"}, 76_681_728),
        ("m3vit-small", {"moe_style": "gather_w"}, 13_293_167_616),
    ],
)
def test_the_share_of_attention_is_met(name, options, attention_macs):
    model, image = on_meta(name, options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vitaccel.zoo.truth._explicit_attention", lambda _model: torch.no_grad())
        without = zoo.count_macs(_counting_nothing(model), image)
    assert zoo.count_macs(model, image) - without == attention_macs


def _counting_nothing(model):
    """Return the model with attention that multiplies nothing."""
    import copy

    from vitaccel.zoo.attention import SelfAttention

    silent = copy.deepcopy(model)
    for module in silent.modules():
        if isinstance(module, SelfAttention):
            module.forward = lambda x, module=module: module.proj(module._project(x)[2].transpose(1, 2).flatten(2))
    return silent


@pytest.mark.parametrize("name", ["m3vit-micro", "vmoe-micro"])
def test_the_routed_count_does_not_depend_on_the_route(name):
    image = zoo.example_input(name)
    routed = {zoo.count_macs(zoo.build(name, moe_style=style, seed=seed), image)
              for style in ("nonzero", "gather_w", "hit_loop", "microsoft") for seed in (0, 1)}  # fmt: skip
    assert len(routed) == 1
    dense = zoo.count_macs(zoo.build(name, moe_style="dense_list"), image)
    assert dense > routed.pop()


@pytest.mark.parametrize("name", ["vit-micro", "lookupvit-micro", "m3vit-micro", "hybrid-micro"])
def test_the_form_of_attention_does_not_change_the_count(name):
    counts = {zoo.count_macs(zoo.build(name, attention=form), zoo.example_input(name)) for form in ("sdpa", "eager")}
    assert len(counts) == 1


def test_counting_leaves_the_model_as_it_was():
    model = zoo.build("vit-micro")
    zoo.count_macs(model, zoo.example_input("vit-micro"))
    assert {block.attn.attention for block in model.blocks} == {"sdpa"}


@pytest.mark.full
def test_running_m3vit_small_counts_the_same():
    model = zoo.build("m3vit-small", moe_style="nonzero")
    assert zoo.count_macs(model, zoo.example_input("m3vit-small")) == 100_495_340_544
