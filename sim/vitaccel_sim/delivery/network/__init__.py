"""What a user gets of a network: the accelerator with its program, drivers in Python and C, golden vectors, a bench."""
