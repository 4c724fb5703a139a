"""Quantized files: pairs of QuantizeLinear and DequantizeLinear become scales of Graph values.

A pair changes no structure, so the recognisers see the float network. Scales of activations travel with their values
(:meth:`vitaccel.ir.graph.Graph.replace_uses`), those of constants beside their arrays (:class:`vitaccel.ir.grid.Grid`).
"""
