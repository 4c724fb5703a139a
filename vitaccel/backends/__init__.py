"""Readings of one Program; they do not import each other."""
