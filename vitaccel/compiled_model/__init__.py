"""A network on the accelerator in C++, compiled and run in this process: the interpreter's integers, much faster.

:mod:`~vitaccel.compiled_model.model` runs images as :mod:`vitaccel.execution` does,
:mod:`~vitaccel.compiled_model.hls_model` is the machine, and :mod:`~vitaccel.compiled_model.assembled` what it is given
of a network.
"""
