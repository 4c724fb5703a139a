import logging
import os
import warnings

import pytest
import torch
from torch import nn

from vitaccel import zoo
from vitaccel.errors import UnsupportedError, VitaccelError
from vitaccel.zoo.exporters import OPSETS, check_exporter, to_onnx


@pytest.mark.parametrize(
    ("exporter", "opset", "message"),
    [
        (
            "dynamo",
            16,
            "opset of the dynamo exporter must be from 17 to 24, not 16; the legacy exporter writes 13 to 20",
        ),
        (
            "dynamo",
            12,
            "opset of the dynamo exporter must be from 17 to 24, not 12; the legacy exporter writes 13 to 20",
        ),
        (
            "dynamo",
            99,
            "opset of the dynamo exporter must be from 17 to 24, not 99; the legacy exporter writes 13 to 20",
        ),
        (
            "legacy",
            12,
            "opset of the legacy exporter must be from 13 to 20, not 12; the dynamo exporter writes 17 to 24",
        ),
        (
            "legacy",
            23,
            "opset of the legacy exporter must be from 13 to 20, not 23; the dynamo exporter writes 17 to 24",
        ),
        ("dynmo", 18, "exporter must be dynamo or legacy, not 'dynmo'"),
    ],
)
def test_what_an_exporter_does_not_write_is_refused(exporter, opset, message):
    with pytest.raises(VitaccelError) as error:
        check_exporter(exporter, opset)
    assert str(error.value) == message


def test_what_an_exporter_writes_is_accepted():
    for exporter, opsets in OPSETS.items():
        for opset in opsets:
            check_exporter(exporter, opset)


class Chatty(nn.Module):
    """Says something through every channel while it is traced."""

    def forward(self, image):
        print("printed")  # noqa: T201
        os.write(1, b"written to standard output\n")
        os.write(2, b"written to standard error\n")
        warnings.warn("warned", UserWarning, stacklevel=1)
        logging.getLogger("torch.onnx").warning("logged")
        return image + 1


def convert(model, exporter, opset=18):
    inputs = {"image": torch.zeros(1, 2)}
    return to_onnx(model, inputs, exporter=exporter, opset=opset, dynamic_batch=False, custom_ops=False)


@pytest.mark.parametrize("exporter", OPSETS)
def test_an_export_is_silent(exporter, capfd, caplog):
    proto = convert(Chatty().eval(), exporter)
    assert [node.op_type for node in proto.graph.node if node.op_type != "Constant"] == ["Add"]
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
    assert [record for record in caplog.records if record.levelno >= logging.INFO] == []
    assert logging.root.manager.disable == logging.NOTSET
    print("heard")  # noqa: T201
    assert capfd.readouterr().out == "heard\n"


class Cubic(nn.Module):
    """An operator that the legacy exporter does not know."""

    def forward(self, image):
        return nn.functional.interpolate(image[None, None], scale_factor=2, mode="bicubic", antialias=True)


def test_a_refusal_is_one_quiet_sentence(capfd):
    with pytest.raises(UnsupportedError, match=r"^the legacy exporter cannot write this model at opset 18 \(") as error:
        convert(Cubic().eval(), "legacy")
    assert "\n" not in str(error.value)
    assert str(error.value).endswith("); try the dynamo exporter")
    assert "_upsample_bicubic2d_aa" in str(error.value)
    assert capfd.readouterr().err == ""
    assert logging.root.manager.disable == logging.NOTSET


def test_an_opset_that_was_not_reached_is_refused(tmp_path):
    """PyTorch itself writes 18 here, and says so only in a log record."""
    with pytest.raises(
        UnsupportedError, match="must be 17, not 18: an operator cannot be converted down; try the legacy"
    ):
        zoo.export("lookupvit-micro", tmp_path / "m.onnx", opset=17)
    assert list(tmp_path.iterdir()) == []
