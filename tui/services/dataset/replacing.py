"""Looks for what a replacement would change, with regular expressions that end in time whatever they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tui.domain.dataset.replacing import Change, Plan, Replacement, Substitute, changed
from tui.domain.errors import AppError, Cause
from tui.domain.files.bulk_texts import BATCH, texts
from tui.domain.files.document import Document, Splice, Step
from tui.domain.files.formats import Record
from tui.domain.files.pairs import Damaged, Pairs
from tui.domain.text import safe_line
from tui.services.dataset.datasets import yielding
from tui.services.pool import DaemonPool

if TYPE_CHECKING:
    from tui.services.dataset.documents import Documents, OpenDocument

_ONE_TEXT = 0.5
"""Seconds that a pattern may take for one text."""
_REPEATS = 100_000
"""The product of all repeat counts in a pattern: the engine writes them out, and would take the memory they ask for."""
_LONGEST = 2_000
"""Characters of a pattern."""
_COUNTED = re.compile(r"\{\s*(\d*)\s*,?\s*(\d*)\s*\}")


class Replacing:
    """Replaces text in the records of open files."""

    def __init__(self, pool: DaemonPool, documents: Documents) -> None:
        self._pool = pool
        self._documents = documents

    async def plan(
        self, pairs: Pairs, scope: Sequence[int] | None, what: Replacement, should_stop: Callable[[], bool]
    ) -> Plan:
        """What would change in the records of `scope`, ascending (None: all). Raises AppError for a bad pattern."""
        return await self._pool.run(planned, pairs, scope, what, yielding(should_stop))

    async def carry_out(self, opened: OpenDocument, plan: Plan) -> Step:
        """Change what was planned, as one step. Raises FormatError, and AppError as `Documents.do` does."""
        return await self._documents.do_apart(opened, lambda document: step(document, plan))


def planned(pairs: Pairs, scope: Sequence[int] | None, what: Replacement, should_stop: Callable[[], bool]) -> Plan:
    """The changes that a replacement makes; not all when told to stop."""
    substitute = substitution(what)
    found: list[Change] = []
    for some in _batches(pairs, scope):
        if should_stop():
            break
        for index, record in some:
            try:
                after, places = changed(record, what.where, substitute)
            except TimeoutError:
                where = f"It was stopped at pair {index + 1}"
                raise AppError(Cause.FILE, "The pattern takes too long", where, "Nested repeats do that") from None
            if places:
                found.append(Change(index, record, after, places))
    return Plan(what, tuple(found))


def _batches(pairs: Pairs, scope: Sequence[int] | None) -> Iterable[Iterable[tuple[int, Record]]]:
    if scope is not None:
        for at in range(0, len(scope), BATCH):
            yield ((i, r) for i in scope[at : at + BATCH] if not isinstance(r := pairs.read(i), Damaged))
        return
    for start in range(0, len(pairs), BATCH):
        yield _records(pairs, start)


def _records(pairs: Pairs, start: int) -> Iterable[tuple[int, Record]]:
    for index, known in enumerate(texts(pairs, start, start + BATCH), start):
        record = Record.of(*known) if known else pairs.read(index)
        if not isinstance(record, Damaged):
            yield index, record


def substitution(what: Replacement) -> Substitute:
    """How each text is changed. Raises AppError when the pattern or what replaces it is none."""
    import regex

    _must_be_small(what)
    pattern = what.find if what.pattern else regex.escape(what.find, special_only=True, literal_spaces=True)
    if what.words:
        pattern = rf"(?<!\w)(?:{pattern})(?!\w)"
    flags = regex.VERSION0 | (0 if what.case else regex.IGNORECASE)
    try:
        compiled: Any = regex.compile(pattern, flags)
        by: Any = what.by if what.pattern else lambda _: what.by
        if what.pattern:
            regex.compile(f"(?:{pattern})|", flags).sub(by, "")  # so that a bad template is told before the first hit
    except (regex.error, RecursionError, IndexError, OverflowError) as error:
        raise AppError(Cause.FILE, f"That is no regular expression: {safe_line(str(error), 120)}") from None

    def substitute(text: str) -> tuple[str, int]:
        new, times = compiled.subn(by, text, timeout=_ONE_TEXT, concurrent=True)
        return str(new), int(times)

    return substitute


def _must_be_small(what: Replacement) -> None:
    """Patterns that would not end while they are read are refused before."""
    if not what.pattern:
        return
    product = 1
    for low, high in _COUNTED.findall(what.find):
        product *= max(1, *(int(n) if len(n) < 9 else 10**9 for n in (low, high) if n), 1)
    if product > _REPEATS or len(what.find) > _LONGEST:
        raise AppError(Cause.FILE, "The pattern is too large", f"Its repeats come to {product:,}")


def step(document: Document, plan: Plan) -> Step:
    """One step that makes all changes of a plan; records that were changed since keep what they have now.

    Raises FormatError when a record cannot hold its new text.
    """
    splices: list[Splice] = []
    for change in plan.changes:
        if change.index < len(document.now) and _same(document.now.read(change.index), change.before):
            splices += document.edit(change.index, change.after).splices
    name = f"replacing in {len(splices):,} pairs" if len(splices) != 1 else "replacing in 1 pair"
    return Step(name, tuple(splices))


def _same(now: Record | Damaged, before: Record) -> bool:
    return isinstance(now, Record) and (now.turns, now.system) == (before.turns, before.system)
