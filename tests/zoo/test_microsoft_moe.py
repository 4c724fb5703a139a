import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper

from vitaccel.zoo.microsoft_moe import DOMAIN, microsoft_moe

TOKENS, WIDTH, HIDDEN, EXPERTS = 9, 6, 5, 7


def operands(generator):
    shapes = [(TOKENS, WIDTH), (TOKENS, EXPERTS), (EXPERTS, HIDDEN, WIDTH), (EXPERTS, HIDDEN), (EXPERTS, WIDTH, HIDDEN)]
    return [torch.randn(shape, generator=generator) for shape in [*shapes, (EXPERTS, WIDTH)]]


def in_onnxruntime(values, top_k, normalize):
    names = ["x", "logits", "w1", "b1", "w2", "b2"]
    attributes = {"k": top_k, "activation_type": "gelu", "normalize_routing_weights": int(normalize)}
    node = helper.make_node("MoE", names, ["y"], domain=DOMAIN, **attributes)
    shapes = [helper.make_tensor_value_info(n, 1, v.shape) for n, v in zip(names[:2], values[:2], strict=True)]
    weights = [numpy_helper.from_array(v.numpy(), n) for n, v in zip(names[2:], values[2:], strict=True)]
    graph = helper.make_graph([node], "g", shapes, [helper.make_tensor_value_info("y", 1, None)], weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"x": values[0].numpy(), "logits": values[1].numpy()})[0])


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_the_operator_is_what_onnxruntime_computes(seed, normalize, top_k):
    values = operands(torch.Generator().manual_seed(seed))
    want = in_onnxruntime(values, top_k, normalize)
    torch.testing.assert_close(microsoft_moe(*values, top_k, normalize), want, rtol=1e-4, atol=1e-5)
