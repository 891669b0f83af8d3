"""What the app and the process beside it say to one another through two pipes.

A frame is its length, eight bytes, and a pickled value; both ends are this program, and nobody else has the pipes.
A version of a file goes as one frame with all but its records, where they stand and the bytes of the file without a
copy of either, and frames with the records that were written since. Large values are cut: to read a frame holds up
every thread of its reader.
"""

from __future__ import annotations

import os
import pickle
import struct
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from tui.domain.files.layouts import Layout
from tui.domain.files.material import Material
from tui.domain.files.pairs import PairFile, Shape
from tui.domain.files.version import Version
from tui.domain.values import dataclass

MOST = 500
"""Records, problems or leaks in a frame: to read them takes a millisecond."""
_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Head:
    """A version of a document but for the bytes of its records, which follow."""

    document: int
    path: Path
    shape: Shape
    layout: Layout
    blank_lines: tuple[int, ...]
    notes: tuple[str, ...]
    records: int
    """Of the file as it was opened."""
    numbers: int
    size: int
    made: int


def send(to: int, value: Any) -> None:
    """One frame. Raises OSError when nobody reads any more."""
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    _write(to, _LENGTH.pack(len(data)) + data)


def receive(stream: IO[bytes]) -> Any:
    """The next frame's value. Raises EOFError when there is none."""
    return pickle.loads(_read(stream, _LENGTH.unpack(_read(stream, _LENGTH.size))[0]))


def send_version(to: int, document: int, version: Version) -> None:
    """A version of a document, without a copy of its file. Raises OSError."""
    material, base = version.material, version.material.base
    made = material.written
    head = Head(
        document,
        version.path,
        base.shape,
        base.layout,
        base.blank_lines,
        base.notes,
        len(base),
        len(version),
        len(base.data),
        len(made),
    )
    send(to, head)
    for whole in (base.spans, version.numbers, base.data):
        _write(to, memoryview(whole).cast("B"))
    for some in cut([(one.body, one.lead) for one in made]):
        send(to, some)


def receive_version(stream: IO[bytes]) -> tuple[int, Version]:
    """A version and the number of its document. Raises EOFError."""
    head: Head = receive(stream)
    spans, numbers = array("Q"), array("q")
    for values, count in ((spans, 2 * head.records), (numbers, head.numbers)):
        values.frombytes(_read(stream, count * values.itemsize))
    data = _read(stream, head.size)
    material = Material(PairFile(head.path, data, spans, head.shape, head.layout, head.blank_lines, head.notes))
    while len(material.written) < head.made:
        material.take(receive(stream))
    return head.document, Version(material, numbers, head.path)


def cut(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Values in pieces for a frame each."""
    return (values[at : at + MOST] for at in range(0, len(values), MOST))


def _write(to: int, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(to, rest) :]


def _read(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    while len(data) < size:  # a stream without a buffer gives what is there
        more = stream.read(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data
