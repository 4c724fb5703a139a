"""How each kind of Graph op becomes kernels: the parts of the ``tile`` pass."""
