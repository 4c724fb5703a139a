"""When a banked buffer serves whom: the same cycles as `vitaccel_rtl.buffer.Buffer`, in plain Python.

The rules, all of them:

1. A stream offers its next request in the cycle after the one before was accepted, or later if it has none yet.
2. In every cycle each bank accepts one of the requests that are offered for it: under ``fixed`` that of the lowest
   stream, under ``round-robin`` the first of the streams behind the one this bank served last (from stream 0 after a
   reset). The others stay as they are.
3. A reader whose requests that were accepted and whose responses that were taken differ by ``outstanding`` at the
   beginning of a cycle is no candidate in it.
4. A response is offered `latency.BUFFER_READ` cycles after its request was accepted, or in the cycle after the
   response before it was taken, whichever is later.

Reads and writes do not meet: each bank serves one of either in a cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vitaccel_rtl.latency import BUFFER_READ

ReadyAt = Callable[[int, int], bool]
"""``is_ready(reader, cycle)``: whether a reader would take a response in a cycle."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that its stream has from cycle *not_before* on."""

    address: int
    not_before: int = 0


@dataclass(kw_only=True)
class Service:
    """Cycles of one stream's requests: first offered, accepted, and for reads the response first offered and taken."""

    offered: list[int] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)

    @property
    def lost_cycles(self) -> int:
        """Cycles in which a request was offered and not accepted."""
        return sum(accepted - offered for offered, accepted in zip(self.offered, self.accepted, strict=True))


class Turns:
    """Whose turn it is at one bank."""

    def __init__(self, policy: str, streams: int) -> None:
        self._streams = streams
        self._is_fixed = policy == "fixed"
        self._first = 0

    def choose(self, candidates: Sequence[int]) -> int:
        """Return which of the candidates is served now."""
        if self._is_fixed:
            return min(candidates)
        chosen = min(candidates, key=lambda place: (place - self._first) % self._streams)
        self._first = (chosen + 1) % self._streams
        return chosen


def write_schedule(streams: Sequence[Sequence[Request]], *, banks: int, policy: str = "fixed") -> tuple[Service, ...]:
    """Return when the writes of each stream are accepted; ``answered`` and ``taken`` stay empty."""
    return _schedule(streams, banks, policy, None, lambda *_: True)


def read_schedule(
    streams: Sequence[Sequence[Request]],
    *,
    banks: int,
    policy: str = "fixed",
    outstanding: int = 8,
    is_ready: ReadyAt = lambda *_: True,
) -> tuple[Service, ...]:
    """Return when the reads of each stream are accepted, answered and taken.

    Parameters
    ----------
    streams
        The requests of each reader, in order.
    banks, policy, outstanding
        Of the buffer.
    is_ready
        When responses are taken; always, if left out.
    """
    return _schedule(streams, banks, policy, outstanding, is_ready)


def lost_cycles(starts: Sequence[int], *, banks: int) -> tuple[int, ...]:
    """Return the cycles that streams of unit stride lose under ``fixed`` until they are in step.

    They start in the same cycle at these addresses, are as many as banks or fewer, are longer than what they lose, and
    nobody stalls. A stream that loses a cycle is one bank further behind, and the banks that higher streams have come
    to stay taken: so stream r steps back until it meets none of r others, and loses r cycles at most.
    """
    if len(starts) > banks:
        raise ValueError(f"streams in step must be as many as the {banks} banks or fewer, not {len(starts)}")
    taken: set[int] = set()
    lost = []
    for start in starts:
        steps = next(steps for steps in range(banks) if (start - steps) % banks not in taken)
        taken.add((start - steps) % banks)
        lost.append(steps)
    return tuple(lost)


def _schedule(
    streams: Sequence[Sequence[Request]], banks: int, policy: str, outstanding: int | None, is_ready: ReadyAt
) -> tuple[Service, ...]:
    services = tuple(Service() for _ in streams)
    turns = [Turns(policy, len(streams)) for _ in range(banks)]
    cycle = 0
    while any(len(service.accepted) < len(stream) for service, stream in zip(services, streams, strict=True)):
        wanting: dict[int, list[int]] = {}
        for place, (service, stream) in enumerate(zip(services, streams, strict=True)):
            request = _offered(service, stream, cycle)
            if request is None or (outstanding is not None and _under_way(service) >= outstanding):
                continue
            wanting.setdefault(request.address % banks, []).append(place)
        for bank, candidates in wanting.items():
            services[turns[bank].choose(candidates)].accepted.append(cycle)
        if outstanding is not None:
            _take(services, cycle, is_ready)
        cycle += 1
    while outstanding is not None and any(len(service.taken) < len(service.accepted) for service in services):
        _take(services, cycle, is_ready)
        cycle += 1
    return services


def _offered(service: Service, stream: Sequence[Request], cycle: int) -> Request | None:
    """Return the request that a stream offers in a cycle, and note when it first does."""
    place = len(service.accepted)
    if place == len(stream) or stream[place].not_before > cycle:
        return None
    if len(service.offered) == place:
        service.offered.append(cycle)
    return stream[place]


def _under_way(service: Service) -> int:
    """Return how many requests are accepted whose responses are not taken, at the beginning of a cycle."""
    return len(service.accepted) - len(service.taken)


def _take(services: Sequence[Service], cycle: int, is_ready: ReadyAt) -> None:
    """Offer and take the responses of a cycle."""
    for reader, service in enumerate(services):
        place = len(service.taken)
        if place == len(service.accepted):
            continue
        after = service.taken[-1] + 1 if place else 0
        if cycle < max(service.accepted[place] + BUFFER_READ, after):
            continue
        if len(service.answered) == place:
            service.answered.append(cycle)
        if is_ready(reader, cycle):
            service.taken.append(cycle)
