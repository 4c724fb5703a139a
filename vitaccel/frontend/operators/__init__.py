"""Meaning of the ONNX operators in terms of the Graph: one file for each family, collected by ``frontend.translate``."""
