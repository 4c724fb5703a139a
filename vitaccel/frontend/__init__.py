"""ONNX in, Graph out: load and check, translate node by node, recognise patterns."""

from vitaccel.frontend.coverage import NodeFate
from vitaccel.frontend.importer import ImportedModel, import_model

__all__ = ["ImportedModel", "NodeFate", "import_model"]
