"""Predicts the cycles, traffic and energy of a Program."""
