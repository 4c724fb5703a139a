"""Graph to Program: one file is one pass with one command-line name."""
