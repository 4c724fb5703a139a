"""The queues of a run's experts, from the experts that were chosen in it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vitaccel.ir.program import Program, Route

Queues = tuple[tuple[int, ...], ...]
"""Entries of the queue of each expert, of one route of a Program after the other."""


def chosen_queues(program: Program, choices: Mapping[str, np.ndarray]) -> Queues:
    """Return the entries of the queues of every route, the experts in static order.

    Which tokens a full queue drops depends on their order; how many it has does not.

    Parameters
    ----------
    program
        What was run.
    choices
        Experts that were chosen in each layer of experts, ``[1, tokens of all frames, k]``, by label: those of
        :class:`vitaccel.backends.interpreter.machine.Run`, of one run.
    """
    taken = dict.fromkeys(choices, 0)
    queues = []
    for route in program.instructions:
        if not isinstance(route, Route):
            continue
        first = taken[route.layer]
        taken[route.layer] = first + route.tokens
        chosen = choices[route.layer][0, first : first + route.tokens]
        counts = np.bincount(chosen.reshape(-1), minlength=route.experts)
        queues.append(tuple(min(int(count), route.capacity or route.tokens) for count in counts))
    return tuple(queues)
