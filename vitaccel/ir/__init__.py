"""The languages of vitaccel and what is legal in them: Graph (tensor ops), Plan (kernels), Program (instructions)."""
