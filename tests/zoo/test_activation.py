import math

import pytest
import torch

from vitaccel.zoo.activation import Gelu

FORMULA = {
    "erf": lambda x: x / 2 * (1 + math.erf(x / math.sqrt(2))),
    "tanh": lambda x: x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "sigmoid": lambda x: x / (1 + math.exp(-1.702 * x)),
}


@pytest.mark.parametrize("form", FORMULA)
def test_each_form_is_its_formula(form):
    x = torch.linspace(-8, 8, 257, dtype=torch.float64)
    want = torch.tensor([FORMULA[form](float(value)) for value in x], dtype=torch.float64)
    torch.testing.assert_close(Gelu(form)(x), want, rtol=1e-12, atol=1e-14)
