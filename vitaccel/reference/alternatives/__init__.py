"""Published integer softmax, GELU and LayerNorm, one method a file, to be measured beside ours.

Each is a frozen spec with ``compute()`` on integer tensors; a softmax is a
:class:`~vitaccel.reference.alternatives.method.SoftmaxMethod`. Nothing of vitaccel computes with them: they are here so
that the table behind the choice of our own (``vitaccel numerics``) comes from code that runs. Where a source leaves
something open, the docstring says what is our reading.
"""
