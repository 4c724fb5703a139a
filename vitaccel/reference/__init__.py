"""The integer meaning of every op, on PyTorch integer tensors."""
