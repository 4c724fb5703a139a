"""A quantized Graph as a standard ONNX file: float operators between QuantizeLinear and DequantizeLinear (QDQ).

onnxruntime runs the file; :func:`vitaccel.frontend.import_model` reads the same Graph, integers and scales from it.
"""

from vitaccel.backends.onnx_qdq.file import save
from vitaccel.backends.onnx_qdq.model import to_onnx

__all__ = ["save", "to_onnx"]
