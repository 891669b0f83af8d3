"""Files of pairs on this machine: opened, checked, searched, converted and written, on the pool."""

from __future__ import annotations

import hashlib
import os
import stat
import time
import weakref
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tui.domain.base_models import BaseModel
from tui.domain.dataset import checks, listing
from tui.domain.dataset.checks import Problem, Severity
from tui.domain.dataset.filter import Query, among, matches
from tui.domain.dataset.findings import Findings
from tui.domain.dataset.listing import Key, Listing, Order
from tui.domain.errors import AppError, Cause
from tui.domain.files import pairs
from tui.domain.files.formats import FormatError, Record
from tui.domain.files.pairs import Damaged, Keys, PairFile, Pairs, Role
from tui.domain.files.raw_text import HEAD, refuse_binary
from tui.domain.text import human_size, safe_line
from tui.domain.values import dataclass
from tui.services.dataset.scan_process import GoneError, ScanProcess
from tui.services.pool import DaemonPool, attention
from tui.services.saving import write_whole

if TYPE_CHECKING:
    from tui.domain.files.exporting import Export
    from tui.domain.files.version import Version
    from tui.domain.tokens import Counter as TokenCounter

_KINDS = (
    (stat.S_ISFIFO, "a named pipe (FIFO)"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)
LARGEST_FILE = 1_000_000_000
"""Bytes; a larger file is refused, since it is read whole."""
_FILE_ORDER = Order()
_TELL_EVERY = 0.1
"""Seconds after which a search tells what it has found so far."""
_FEW = 20
"""Where a search left fewer than one record in so many, the next word that is typed is looked for among them only."""
_STRETCH = 0.002
"""Seconds of work after which one gives way; more often, a search would spend as long on that as on searching."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A training, validation or evaluation file in a base model's format, ready to be uploaded or written."""

    name: str
    data: bytes
    records: int
    tokens: int
    sha256: str
    role: Role
    base_model: str
    source: str
    left_out: tuple[str, ...] = ()
    """Fields of the records that hold something and have no place in the file."""

    @property
    def file_name(self) -> str:
        """A name that S3 and every base model take, with part of the content's hash: same name, same content."""
        return f"{self.name}-{self.sha256[:8]}.jsonl"


class Datasets:
    """Local files of pairs."""

    def __init__(self, pool: DaemonPool, scan_process: ScanProcess | None = None) -> None:
        self._pool = pool
        self._scan_process = scan_process or ScanProcess()
        self._last: Searched | None = None

    async def open(self, path: Path, keys: Keys | None = None) -> PairFile:
        """The pairs in a file. Raises AppError, UnclearKeys among them."""
        return await self._pool.run(_open, path, keys)

    async def check(
        self, file: Pairs, model: BaseModel, role: Role, should_stop: Callable[[], bool] = lambda: False
    ) -> Findings:
        """All problems of a file for a base model; not all when told to stop."""
        return await self._pool.run(_check, file, model, role, should_stop, self._scan_process)

    async def arrange(self, wish: Wish, should_stop: Callable[[], bool], tell: Callable[[Listing], None]) -> Listing:
        """The records that a query leaves, in an order; not all when told to stop.

        `tell` is called, on another thread, with what was found up to then, when the end is long in coming.
        """
        stop = yielding(should_stop, shortly=True)
        listing, searched = await self._pool.run(_arrange, wish, self._last, stop, tell)
        self._last = searched or self._last
        return listing

    async def convert(
        self, file: Pairs, model: BaseModel, role: Role, system: str | Export, counter: TokenCounter | None = None
    ) -> Converted:
        """The file for a base model, with a system prompt where a pair has none; or as an export wants it.

        `counter` estimates its tokens, by the rule of thumb when there is none.

        Raises AppError when a record has an error that AWS would refuse, or the target cannot hold it.
        """
        from tui.domain.files.exporting import Export
        from tui.domain.tokens import Counter as TokenCounter

        export = Export(system=system) if isinstance(system, str) else system
        return await self._pool.run(_convert, file, model, role, export, counter or TokenCounter())

    async def is_there(self, path: Path) -> bool:
        """Whether a path leads to something."""
        return await self._pool.run(os.path.lexists, path)

    async def write(self, converted: Converted, path: Path) -> None:
        """Write a converted file whole or not at all; never over its own source. Raises AppError."""
        await self._pool.run(_write, converted, path)

    async def write_new(self, path: Path, text: str) -> None:
        """Write a file that is not there yet, in UTF-8. Raises AppError."""
        await self._pool.run(_write_new, path, text)


@dataclass(frozen=True, slots=True)
class Wish:
    """Which records of a file to list, and how. `named` holds the records of each set that the query asks for."""

    file: Pairs
    query: Query
    order: Order = _FILE_ORDER
    named: Mapping[str, Collection[int]] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search left that came to its end."""

    file: weakref.ref[Pairs]
    query: Query
    found: array[int]

    def holds_all_of(self, wish: Wish) -> bool:
        """Whether all that is wished for is among it, and it is so little that looking through it is soon done."""
        return self.file() is wish.file and len(self.found) * _FEW <= len(wish.file) and wish.query.narrows(self.query)


def _arrange(
    wish: Wish, last: Searched | None, should_stop: Callable[[], bool], tell: Callable[[Listing], None]
) -> tuple[Listing, Searched | None]:
    """The list, and what was searched for it to the end."""
    found: array[int] | None = None
    searched: Searched | None = None
    if wish.query:
        found = array("q")
        told = time.monotonic()
        for batch in _left_by(wish, last):
            if should_stop():
                return Listing(found), None
            found.extend(batch)
            if found and not wish.order and time.monotonic() - told > _TELL_EVERY:
                tell(Listing(found[:]))
                told = time.monotonic()
        searched = Searched(weakref.ref(wish.file), wish.query, found)
    return (_in_order(wish, found, should_stop) if wish.order else Listing(found)), searched


def _left_by(wish: Wish, last: Searched | None) -> Iterator[Sequence[int]]:
    if last is not None and last.holds_all_of(wish):
        return among(wish.file, wish.query, last.found)
    return (batch for _, batch in matches(wish.file, wish.query, wish.named))


def _in_order(wish: Wish, found: array[int] | None, should_stop: Callable[[], bool]) -> Listing:
    keys: list[Key] = []
    for some in listing.keys(wish.file, wish.order.by, wish.findings.worst):
        if should_stop():
            return Listing(found)
        keys += some
    rows = array("q")
    everything = range(len(wish.file)) if found is None else found
    for some_rows in listing.in_order(everything, keys, descending=wish.order.descending):
        if should_stop():
            return Listing(found)
        rows.extend(some_rows)
    return Listing(rows, wish.order).ready()


def _check(
    file: Pairs, model: BaseModel, role: Role, should_stop: Callable[[], bool], scan_process: ScanProcess
) -> Findings:
    if scan_process.is_for(file):
        with suppress(GoneError):
            answer = scan_process.ask("rules", [cast("Version", file)], model, role, should_stop=should_stop)
            return Findings.over(Problem(*one) for piece in answer for one in piece).counted()
    return Findings.over(checks.check(file, model, role, should_stop=yielding(should_stop))).counted()


def yielding(should_stop: Callable[[], bool], *, shortly: bool = False) -> Callable[[], bool]:
    """Asked after each batch of work, it gives way to the thread that answers keys now and then before it answers.

    Only `shortly` where the work is itself the answer to a key: while no other key is being answered, it goes on. On a
    busy machine whoever sleeps for a moment waits several for a processor.
    """
    rested = time.monotonic()

    def asked() -> bool:
        nonlocal rested
        worked = time.monotonic() - rested >= _STRETCH
        if (worked and not attention.free) if shortly else (worked or not attention.free):
            attention.rest(shortly=shortly)
            rested = time.monotonic()
        return should_stop()

    return asked


def _open(path: Path, keys: Keys | None) -> PairFile:
    return pairs.read(path, read_file(path)[0], keys)


def read_file(path: Path) -> tuple[bytes, os.stat_result]:
    """A plain file's bytes, and what the system says of it from before they were read. Raises AppError."""
    name = safe_line(path.name, 60) or safe_line(str(path), 60)
    try:
        # Without O_NONBLOCK opening a FIFO would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise _missing(path, name) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise AppError(Cause.FILE, f"{name} cannot be opened", safe_line(reason, 120)) from None
    # Not before it is known to be no folder: fdopen() fails on one.
    found = os.fstat(descriptor)
    if stat.S_ISDIR(found.st_mode):
        os.close(descriptor)
        raise AppError(Cause.FILE, f"{name} is a folder", hint="Name a file in it")
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(found.st_mode):
            kind = next((word for test, word in _KINDS if test(found.st_mode)), "no file with content")
            hint = "Open a JSON list, JSONL or CSV file"
            raise AppError(Cause.FILE, f"{name} is not a plain file but {kind}", hint=hint)
        if found.st_size > LARGEST_FILE:
            size = human_size(found.st_size)
            limit = human_size(LARGEST_FILE)
            raise AppError(Cause.FILE, f"{name} is too large", f"{size}; up to {limit} can be opened", "Split it")
        try:
            # What is no text is refused before a gigabyte of it is read.
            refuse_binary(name, file.read(HEAD), path.suffix)
            file.seek(0)
            data = file.read()
        except OSError as error:
            raise AppError(Cause.FILE, f"{name} cannot be read", safe_line(error.strerror or "", 120)) from None
    return data, found


def _missing(path: Path, name: str) -> AppError:
    where = safe_line(str(path), 200)
    if os.path.islink(path):
        return AppError(Cause.FILE, f"{name} is a link to something that is not there", where, "Check where it leads")
    return AppError(Cause.FILE, f"{name} is not there", where if where != name else "", "Check the path")


def _convert(file: Pairs, model: BaseModel, role: Role, export: Export, counter: TokenCounter) -> Converted:
    # Tables have a column of system prompts for all rows or for none.
    from tui.domain.files.exporting import Target, text_of, whole
    from tui.domain.files.extra_fields import lost
    from tui.domain.names import plain

    column = export.target is Target.CSV and any(
        isinstance(record, Record) and export.with_system(record).system for record in file
    )
    texts, tokens, left_out = [], 0.0, dict[str, None]()
    for index, record in enumerate(file):
        where = f"record {index + 1}, line {file.line(index)}"
        if isinstance(record, Damaged):
            raise AppError(Cause.FILE, "A record cannot be converted", f"{where}: {record.reason}", "Mend it first")
        left_out.update(dict.fromkeys(lost(file.bodies(index, index + 1)[0].decode("utf-8"), file.layout, record)))
        # The system prompt becomes part of the record and is held to the same rules.
        record = export.with_system(record)
        if export.target is Target.MODEL:
            _must_be_taken(record, model, where)
        try:
            texts.append(text_of(record, export, model.data_format, system_column=column))
        except FormatError as error:
            raise AppError(Cause.FILE, "A record cannot be converted", f"{where}: {error}") from None
        tokens += sum(map(counter.count, (record.system or "", *(turn.text for turn in record.turns))))
    data = "".join(whole(texts, export, system_column=column)).encode("utf-8")
    digest = hashlib.sha256(data).hexdigest()
    name, names = plain(file.path.stem), tuple(safe_line(name, 40) for name in left_out)
    return Converted(name, data, len(texts), round(tokens), digest, role, model.key, str(file.path), names)


def _must_be_taken(record: Record, model: BaseModel, where: str) -> None:
    errors = [f for f in checks.check_record(record, model) if f[1] is Severity.ERROR and f[0] != "extra keys"]
    if errors:
        raise AppError(
            Cause.FILE,
            f"{model.name} would refuse the file",
            f"{where}: {errors[0][3]}",
            "Mend it first; c lists every problem",
        )


def _write(converted: Converted, path: Path) -> None:
    if os.path.realpath(path) == os.path.realpath(converted.source):
        raise AppError(Cause.FILE, "That is the file itself", hint="Choose another name")
    write_atomically(path, converted.data)


def _write_new(path: Path, text: str) -> None:
    if os.path.lexists(path):
        raise AppError(Cause.FILE, f"{safe_line(path.name, 60)} is there already", hint="Choose another name")
    write_atomically(path, text.encode("utf-8", "replace"))


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file by `data`: readers see the old or the new content, never a part. Raises AppError.

    A temporary file in the same folder is written, synced and renamed; mode and symbolic link are kept.
    """
    write_whole(path, lambda: [data])


def problems_summary(problems: Iterable[Problem]) -> str:
    """`2 errors, 1 warning`, or `no problems`."""
    return Findings.over(problems).summary
