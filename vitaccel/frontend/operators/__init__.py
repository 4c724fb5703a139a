"""Meaning of the ONNX operators in terms of the Graph: one file a family, collected by ``frontend.translate``."""
