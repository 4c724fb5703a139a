"""How each kind of kernel becomes instructions: the parts of the ``schedule`` pass."""
