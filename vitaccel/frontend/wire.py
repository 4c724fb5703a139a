"""Where the weights lie in an ONNX file: split it into a small protobuf without them, and offsets.

Parsing a 346 MB model with the protobuf library copies every weight at least once. This scan walks the three nested
messages ``ModelProto.graph.initializer`` and replaces each large ``raw_data`` by an external-data reference to the very
same file, so that weights are memory-mapped views whether they are stored inline or beside the model.

Field numbers are those of ``onnx.proto``; the encoding is https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator

MODEL_GRAPH = 7
GRAPH_INITIALIZER = 5
GRAPH_VALUE_INFO = 13
TENSOR_RAW_DATA = 9
TENSOR_EXTERNAL_DATA = 13
TENSOR_DATA_LOCATION = 14
VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5
INLINE_LIMIT_BYTES = 4096
"""Tensors up to this size stay in the protobuf."""


class WireError(ValueError):
    """The bytes are not the expected protobuf message."""


def without_weights(data: memoryview, location: str) -> bytes:
    """The model with every large initializer turned into a reference to ``location``.

    Parameters
    ----------
    data
        Bytes of a ``ModelProto``.
    location
        File name written into the references: the file that ``data`` is.

    Returns
    -------
    bytes
        A ``ModelProto`` that means the same; ``value_info`` (types somebody inferred before) is left out.

    Raises
    ------
    WireError
        If a length runs past the end or a tag is not a protobuf tag.
    """
    pieces: list[bytes | memoryview] = []
    for number, start, body, stop in _fields(data, 0, len(data)):
        if number == MODEL_GRAPH and body >= 0:
            graph = _lean_graph(data, body, stop, location)
            pieces += [_tag(MODEL_GRAPH), _varint(len(graph)), graph]
        else:
            pieces.append(data[start:stop])
    return b"".join(pieces)


def _lean_graph(data: memoryview, start: int, stop: int, location: str) -> bytes:
    pieces: list[bytes | memoryview] = []
    for number, at, body, end in _fields(data, start, stop):
        if number == GRAPH_VALUE_INFO:
            continue
        if number == GRAPH_INITIALIZER and body >= 0 and end - body > INLINE_LIMIT_BYTES:
            tensor = _lean_tensor(data, body, end, location)
            pieces += [_tag(GRAPH_INITIALIZER), _varint(len(tensor)), tensor]
        else:
            pieces.append(data[at:end])
    return b"".join(pieces)


def _lean_tensor(data: memoryview, start: int, stop: int, location: str) -> bytes:
    pieces: list[bytes | memoryview] = []
    place: list[bytes] = []
    for number, at, body, end in _fields(data, start, stop):
        if number == TENSOR_RAW_DATA and body >= 0 and end - body > INLINE_LIMIT_BYTES:
            for key, value in (("location", location), ("offset", str(body)), ("length", str(end - body))):
                entry = _text(1, key) + _text(2, value)
                place += [_tag(TENSOR_EXTERNAL_DATA), _varint(len(entry)), entry]
            place.append(_varint(TENSOR_DATA_LOCATION << 3 | VARINT) + _varint(1))
        else:
            pieces.append(data[at:end])
    # At the end: a file may say that its data is inside, and the last of equal fields counts.
    return b"".join([*pieces, *place])


def _fields(data: memoryview, at: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
    """``(field number, start of the tag, start of the body, end)`` of each field; body -1 unless length-delimited."""
    while at < stop:
        start = at
        key, at = _read_varint(data, at, stop)
        kind, body = key & 7, -1
        if kind == DELIMITED:
            length, body = _read_varint(data, at, stop)
            at = body + length
        elif kind == VARINT:
            _, at = _read_varint(data, at, stop)
        elif kind in (FIXED64, FIXED32):
            at += 8 if kind == FIXED64 else 4
        else:
            raise WireError(f"wire type {kind} at byte {start} must be one of protobuf's")
        if at > stop or key >> 3 == 0:
            raise WireError(f"the field at byte {start} must end within its message")
        yield key >> 3, start, body, at


def _read_varint(data: memoryview, at: int, stop: int) -> tuple[int, int]:
    value = shift = 0
    while at < stop and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise WireError(f"the number before byte {at} must end")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _tag(number: int) -> bytes:
    return _varint(number << 3 | DELIMITED)


def _text(number: int, text: str) -> bytes:
    raw = text.encode()
    return _tag(number) + _varint(len(raw)) + raw
