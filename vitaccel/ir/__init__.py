"""The two languages of vitaccel and what is legal in them: the Graph (tensor operations) and the Program (macro-instructions)."""
