"""A Verilated component in this process: ports as attributes, clock ticks, and whole streams in one call."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vitaccel_rtl.verilog import Port

LIBRARY = "libtop.so"

AFTER_SILENCE, AFTER_ACTIVITY = 2, 3
"""In patterns of a stream beside False and True: to act if the other side was not active a cycle before; if it was.
A source is active when it is valid, a sink when it is ready."""

Bytes = npt.NDArray[np.uint8]
Cycles = npt.NDArray[np.int64]

_WHERE, _COUNT, _DATA = ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p
_FUNCTIONS = {
    "model_new": ([ctypes.c_int], _WHERE),
    "model_delete": ([_WHERE], None),
    "model_port": ([_WHERE, ctypes.c_int], _WHERE),
    "model_port_bytes": ([_WHERE, ctypes.c_int], _COUNT),
    "model_eval": ([_WHERE], None),
    "model_tick": ([_WHERE, _COUNT], None),
    "model_cycles": ([_WHERE], _COUNT),
    "model_variable": ([_WHERE, ctypes.c_char_p, ctypes.c_char_p, _DATA, _DATA], _WHERE),
    "model_trace": ([_WHERE, ctypes.c_char_p, _COUNT, _COUNT], ctypes.c_bool),
    "model_stream": ([_WHERE, *[_DATA] * 3, _COUNT, _DATA, _DATA, *[_COUNT] * 3, *[_DATA] * 4], _COUNT),
}


@dataclass(frozen=True, kw_only=True)
class StreamRun:
    """What went through a component.

    Parameters
    ----------
    words
        Payloads that came out, in order.
    accepted, taken
        The cycle in which each word of the input was accepted, and each word of the output taken; the first cycle of
        the run is 0.
    cycles
        Of the run.
    offered
        The cycle in which each word of the output that was taken was first offered.
    payloads_changed, valids_fell
        Cycles in which a word that had been offered before, and not been taken, was another, or none.
    words_too_many
        Words that were offered after the last one of *results*; seen only if the run has a tail.
    """

    words: tuple[int, ...]
    accepted: Cycles
    taken: Cycles
    cycles: int
    offered: Cycles
    payloads_changed: int
    valids_fell: int
    words_too_many: int


class Ports:
    """The ports of a model as attributes: unsigned integers, whatever the shape in Amaranth."""

    def __init__(self, model: Model) -> None:
        object.__setattr__(self, "_model", model)

    def __getattr__(self, name: str) -> int:
        return self._model.read(name)  # type: ignore[no-any-return]

    def __setattr__(self, name: str, value: int) -> None:
        self._model.write(name, value)

    def __dir__(self) -> list[str]:
        return list(self._model.ports)


class Clock:
    """The clock of a model."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def tick(self, cycles: int = 1) -> None:
        """Let so many clock edges pass, with the inputs as they are."""
        self._model.tick(cycles)


class Model:
    """A compiled component.

    Parameters
    ----------
    library
        The shared library that :func:`vitaccel_sim.verilate.build` made.
    ports
        Of the top module, as the library was made with.
    seed
        Of the values that Verilog leaves open.

    Attributes
    ----------
    io
        Ports: ``model.io.i__valid = 1``; reading an output takes inputs written before into account.
    clock
        ``model.clock.tick()``.
    """

    def __init__(self, library: Path, ports: Sequence[Port], *, seed: int) -> None:
        self._path = library
        self._library = ctypes.CDLL(str(library))
        for name, (arguments, result) in _FUNCTIONS.items():
            function = getattr(self._library, name)
            function.argtypes, function.restype = arguments, result
        self.ports = {port.name: port for port in ports if port.width}
        self._place = {name: place for place, name in enumerate(self.ports)}
        self._handle = self._library.model_new(seed % 2**31)
        self._buffers = {name: self._buffer(place) for name, place in self._place.items()}
        self._settled = False
        self.io = Ports(self)
        self.clock = Clock(self)

    def __del__(self) -> None:
        if handle := getattr(self, "_handle", None):
            self._library.model_delete(handle)
            self._handle = None

    def another(self, *, seed: int) -> Model:
        """Return a model of the same library that has not run."""
        return Model(self._path, tuple(self.ports.values()), seed=seed)

    def _buffer(self, place: int) -> ctypes.Array[ctypes.c_char]:
        size = self._library.model_port_bytes(self._handle, place)
        return (ctypes.c_char * size).from_address(self._library.model_port(self._handle, place))

    def read(self, name: str) -> int:
        """Return a port's bits as an unsigned integer.

        Raises
        ------
        AttributeError
            If there is no such port.
        """
        port = self._port(name)
        self._settle()
        return int.from_bytes(self._buffers[port.name].raw, "little")

    def _settle(self) -> None:
        """Let outputs follow inputs; the first time, initial values are there with it."""
        if not self._settled:
            self._library.model_eval(self._handle)
            self._settled = True

    def write(self, name: str, value: int) -> None:
        """Drive an input, the clock excepted.

        Raises
        ------
        AttributeError
            If there is no such port, or it is an output.
        ValueError
            If the value does not fit.
        """
        port = self._port(name)
        if not port.is_input or name == "clk":
            raise AttributeError(f"a port that is written must be an input, not {name!r}")
        if not 0 <= value < 1 << port.width:
            raise ValueError(f"{name} must be from 0 to 2**{port.width} - 1, not {value}")
        buffer = self._buffers[name]
        buffer.raw = int(value).to_bytes(len(buffer), "little")
        self._settled = False

    def tick(self, cycles: int) -> None:
        """Let so many clock edges pass, with the inputs as they are."""
        self._library.model_tick(self._handle, cycles)
        self._settled = True

    @property
    def cycles(self) -> int:
        """Clock edges since the model was made."""
        return int(self._library.model_cycles(self._handle))

    def trace(self, path: Path, first: int, end: int) -> None:
        """Write the cycles from *first* to before *end*, counted by :attr:`cycles`, to a VCD file.

        The file is complete when those cycles are over, or the model gone. Cycle c begins at time 10 c.

        Raises
        ------
        ValueError
            If the model was not built with ``waves``, or the file cannot be written.
        """
        if not self._library.model_trace(self._handle, str(path).encode(), first, end):
            raise ValueError(
                f"a waveform must be of a model built with waves, in a file that can be written, not {path}"
            )

    def variable(self, scope: str, name: str) -> Bytes:
        """Return a signal or a memory inside as bytes ``[entries, bytes]``: not a copy, and not to be written.

        Bytes of an entry are the least significant first, and may be more than its bits need.

        Parameters
        ----------
        scope
            Instances from the top module down, ``top.fifo``.
        name
            In that module; the build was told to make it visible.

        Raises
        ------
        ValueError
            If there is none.
        """
        self._settle()
        sizes = np.zeros(2, np.int64)
        entries, size = sizes[:1], sizes[1:]
        place = self._library.model_variable(
            self._handle, f"TOP.{scope}".encode(), name.encode(), entries.ctypes.data, size.ctypes.data
        )
        if not place:
            raise ValueError(f"{name} of {scope} must be a name that the build makes visible, and is not")
        count = int(entries[0] * size[0])
        found = np.frombuffer((ctypes.c_char * count).from_address(place), np.uint8)
        return found.reshape(int(entries[0]), int(size[0]))

    @property
    def handle(self) -> int:
        """The ``Model *`` that other C++ takes; it is there as long as the model is."""
        return int(self._handle)

    def function(self, name: str, arguments: Sequence[object], result: object) -> Callable[..., object]:
        """Return a function that other C++ brought into the library; it may run the model.

        Parameters
        ----------
        name
            Of the function.
        arguments, result
            Types of :mod:`ctypes`.
        """
        function = getattr(self._library, name)
        function.argtypes, function.restype = list(arguments), result

        def call(*given: object) -> object:
            self._settled = False
            return function(*given)

        return call

    def places(self, names: Iterable[str]) -> npt.NDArray[np.int32]:
        """Return the numbers by which ``model_port`` of ``model.h`` knows ports.

        Raises
        ------
        AttributeError
            If there is no such port.
        """
        return np.array([self._place[self._port(name).name] for name in names], np.int32)

    def reset(self) -> None:
        """Hold ``rst`` for a cycle, where there is one."""
        if "rst" in self.ports:
            self.io.rst = 1
            self.clock.tick()
            self.io.rst = 0

    def stream(
        self,
        words: Sequence[int] | Bytes,
        results: int,
        *,
        i: str = "i",
        o: str = "o",
        offer: Sequence[int] = (True,),
        take: Sequence[int] = (True,),
        limit_cycles: int | None = None,
        tail_cycles: int = 0,
    ) -> StreamRun:
        """Send words through the component without Python in between, and return what comes out and when.

        Parameters
        ----------
        words
            Payloads: unsigned integers, or their bytes ``[n, payload bytes]``, least significant first.
        results
            How many words to wait for.
        i, o
            The stream ports.
        offer, take
            In cycle c a word is offered (until it is accepted) if ``offer[c % len(offer)]``, and a result taken if
            ``take[c % len(take)]``; an entry may also be :data:`AFTER_SILENCE` or :data:`AFTER_ACTIVITY`. While no
            word is offered, the payload is any of *words*.
        limit_cycles
            The run ends then, complete or not; a thousand, and a hundred for every word, when left out.
        tail_cycles
            Of the run after the last word, in which one too many would show.

        Returns
        -------
        StreamRun
            It has fewer words than *results* if the limit was reached.
        """
        ports = [
            self._place[self._port(f"{end}__{part}").name] for end in (i, o) for part in ("payload", "valid", "ready")
        ]
        sent = words if isinstance(words, np.ndarray) else self.payloads(words, f"{i}__payload")
        limit = 1000 + 100 * (len(sent) + results) if limit_cycles is None else limit_cycles
        size = len(self._buffers[f"{o}__payload"])
        came = np.zeros((results, size), np.uint8)
        accepted, offered, taken = (np.zeros(count, np.int64) for count in (len(sent), results, results))
        counts = np.array([len(sent), results, 0, 0, 0], np.int64)
        offers, takes, places = np.array(offer, np.uint8), np.array(take, np.uint8), np.array(ports, np.int32)
        cycles = self._library.model_stream(
            self._handle, places.ctypes.data, np.ascontiguousarray(sent).ctypes.data, offers.ctypes.data, len(offers),
            came.ctypes.data, takes.ctypes.data, len(takes), limit, tail_cycles, accepted.ctypes.data,
            offered.ctypes.data, taken.ctypes.data, counts.ctypes.data,
        )  # fmt: skip
        self._settled = True
        done_in, done_out, changed, fell, extra = (int(count) for count in counts)
        payloads = tuple(int.from_bytes(word.tobytes(), "little") for word in came[:done_out])
        return StreamRun(
            words=payloads, accepted=accepted[:done_in], taken=taken[:done_out], cycles=cycles,
            offered=offered[:done_out], payloads_changed=changed, valids_fell=fell, words_too_many=extra,
        )  # fmt: skip

    def payloads(self, words: Sequence[int], name: str) -> Bytes:
        """Return the bytes of payloads of the port *name*, as :meth:`stream` takes them over and over.

        Raises
        ------
        ValueError
            If one does not fit.
        """
        size, width = len(self._buffers[name]), self.ports[name].width
        for word in words:
            if not 0 <= word < 1 << width:
                raise ValueError(f"{name} must be from 0 to 2**{width} - 1, not {word}")
        data = b"".join(word.to_bytes(size, "little") for word in words)
        return np.frombuffer(data, np.uint8).reshape(len(words), size)

    def _port(self, name: str) -> Port:
        if name not in self.ports:
            raise AttributeError(f"port must be one of {', '.join(self.ports)}, not {name!r}")
        return self.ports[name]
