"""What integers cost: a quantized model beside the float model, on the same images.

:func:`~vitaccel.evaluation.evaluate.evaluate_model` measures one pair of networks,
:mod:`~vitaccel.evaluation.subject` makes pairs of a name or a file, :mod:`~vitaccel.evaluation.data` has the images.
Results (:mod:`~vitaccel.evaluation.result`) are plain numbers and need no PyTorch.
"""
