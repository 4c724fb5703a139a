"""Passes: one file, one pass, one name. Graph passes first; ``tile`` makes the Plan, ``schedule`` the Program."""
