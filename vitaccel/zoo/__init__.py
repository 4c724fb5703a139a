"""PyTorch definitions of the models, for export to ONNX."""
