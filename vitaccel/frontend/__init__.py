"""ONNX in, Graph out: load and check, translate node by node, recognise patterns."""
