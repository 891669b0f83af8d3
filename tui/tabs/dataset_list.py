"""The list of pairs in the Dataset tab: what it shows, in what order, what is marked in it, and where its cursor is."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from textual import on, work
from textual.content import Content
from textual.worker import WorkerError

from tui.domain.dataset.filter import Query, parse
from tui.domain.dataset.listing import Listing, Order
from tui.domain.files.formats import Record
from tui.domain.files.pairs import PairFile, guess_role
from tui.domain.text import count, safe
from tui.services.dataset.datasets import Wish
from tui.tabs.dataset_base import DatasetBase, EditedFile
from tui.widgets.filter_line import FilterLine
from tui.widgets.pair_rows import OpenFile, PairRows, record_text
from tui.widgets.table_rows import NoRows
from tui.widgets.text_pane import Line, TextPane
from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from tui.domain.files.document import Step
    from tui.services.dataset.documents import OpenDocument

_SEARCH_DELAY = 0.008
_OUTSIDE = {"changed": "changed on disk", "gone": "gone from the disk"}
NO_FILE = "No file is open. Press o to open one."
_NOTHING = "Nothing is left by this filter; esc clears it."
_NO_PAIRS = "No pairs are in this file. a adds one, u undoes the last change."


class ListingTab(DatasetBase, part=True):
    """Shows the current file as a list with a preview."""

    listing = Listing()
    """What the list shows of the current file."""
    _query = Query()
    _order = Order()
    _arranged_for: object = None
    """The problems that were known when the list was made."""
    _search_number = 0
    _searching = False
    _marked_of: OpenDocument | None = None
    """Whose marks the table has."""

    def focus_first(self) -> None:
        """The list has the keys."""
        self.screen.set_focus(self.query_one("#pairs", VirtualTable))

    # Showing

    def show_file(self, *, keep_cursor: bool = True) -> None:
        """Show the current file again, or that none is open."""
        opened = self.opened
        if not self.query("#file-line"):  # the tab is going, and a check has come to its end
            return
        table = self.query_one("#pairs", VirtualTable)
        if opened is None:
            self._show_none(table)
            return
        self.rows = PairRows(opened, self.listing, self._query.shown)
        self._show_marks(opened, table)
        table.set_empty(_NOTHING if self._query else _NO_PAIRS)
        table.follow = self._show_preview
        table.show(self.rows, keep_cursor=keep_cursor)
        self.show_line()
        self._show_preview(table.cursor)
        if self._query.of_checks and opened.problems is not self._arranged_for:
            self._arrange()

    def show_beginning(self, file: PairFile) -> None:
        """Show what a file begins with, while the rest is read."""
        if not self.query("#file-line"):  # the app ends already
            return
        opened = OpenFile(file, guess_role(file.path))
        table, preview = self.query_one("#pairs", VirtualTable), self.query_one("#preview", TextPane)
        table.follow = lambda row: preview.put(record_text(file[row], ()))
        table.show(PairRows(opened))
        table.follow(table.cursor)
        told = Content.assemble(
            " ", (opened.name, "bold"), (f"  {opened.role.upper()}  reading …", "$foreground-muted")
        )
        self.query_one("#file-line", Line).put(told)

    def _show_none(self, table: VirtualTable) -> None:
        self.rows, self._marked_of, table.follow = None, None, None
        table.marked = frozenset()
        table.set_empty(NO_FILE)
        table.show(NoRows())
        self.query_one("#file-line", Line).put(Content(f" base model {self.model.name}"))
        self.query_one("#preview", TextPane).put(Content(""))

    def show_line(self) -> None:
        """Show again what is said of the file."""
        opened = self.opened
        if opened is None or not self.query("#file-line"):
            return
        total = len(opened.file)
        rows = self.listing.count(total)
        shown = count(total, "pair") if self.listing.rows is None or rows == total else f"{rows:,} of {total:,}"
        shown += " …" if self._searching else ""
        marked = self.query_one("#pairs", VirtualTable).mark_count
        unsaved = "● unsaved  " if opened.dirty else ""
        alone = "▲ no recovery  " if opened.source.unguarded else ""
        alone += "▲ open elsewhere  " if opened.source.holder else ""
        alone += "▲ read-only  " if opened.source.read_only else ""
        alone += f"▲ {_OUTSIDE[opened.source.outside]}  " if opened.source.outside else ""
        several = f" ({self.current + 1}/{len(self.files)})" if len(self.files) > 1 else ""
        if opened.problems is None:
            state, colour = "checking …", "$foreground-muted"
        elif opened.problems:
            state, colour = f"▲ {opened.findings.summary}{' …' if opened.looking else ''}", "$text-warning"
        elif opened.looking:
            state, colour = "looking closer …", "$foreground-muted"
        else:
            state, colour = "✓ clean", "$text-success"
        self.query_one("#file-line", Line).put(
            Content.assemble(
                " ",
                (opened.name, "bold"),
                (f"{several}  {opened.role.upper()}  {shown}  ", "$foreground-muted"),
                (f"*{marked:,} marked  " if marked else "", "$text-accent"),
                (unsaved + alone, "$text-warning"),
                (state, colour),
                (f"  for {self.model.name}", "$foreground-muted"),
            )
        )

    def _show_preview(self, row: int) -> None:
        opened, preview = self.opened, self.query_one(TextPane)
        if opened is None or self.rows is None or not 0 <= row < len(self.rows):
            preview.put(Content(""))
            return
        index = self.rows.index(row)
        preview.put(record_text(opened.file[index], opened.findings.of(index), self._query.shown))

    def go_to(self, index: int) -> None:
        """Put the cursor on a record, clearing a filter that hides it."""
        if self.rows is not None and self.rows.row(index) is None:
            self.show_all()
            self.show_file()
        row = self.rows.row(index) if self.rows is not None else None
        if row is not None:
            self.query_one("#pairs", VirtualTable).move_to(row)

    def show_all(self) -> None:
        """No filter any more, and the file's own order; shown by `show_file`."""
        self._clear_filter()
        self._order, self.listing = Order(), Listing()
        self.query_one("#pairs", VirtualTable).sorted_by = None

    def step_taken(self, opened: EditedFile, step: Step) -> None:
        """What is remembered of records by their index moves with them."""
        self._move_marks(opened, step)
        if opened.source is (self.opened and self.opened.source):
            self.listing = self.listing.moved(step)

    # Marks

    def _show_marks(self, opened: EditedFile, table: VirtualTable) -> None:
        """Each file has marks of its own."""
        if self._marked_of is opened.source:
            return
        if self._marked_of is not None:
            self._marks[self._marked_of] = table.marked
        self._marked_of = opened.source
        table.marked = self._marks.get(opened.source, frozenset())

    @property
    def _marks(self) -> WeakKeyDictionary[OpenDocument, frozenset[str]]:
        if not hasattr(self, "_marks_held"):
            self._marks_held: WeakKeyDictionary[OpenDocument, frozenset[str]] = WeakKeyDictionary()
        return self._marks_held

    def _move_marks(self, opened: EditedFile, step: Step) -> None:
        """Marks stay on their records when others come and go."""
        from tui.domain.dataset.listing import kept

        table = self.query_one("#pairs", VirtualTable)
        shown = self._marked_of is opened.source
        marked = table.marked if shown else self._marks.get(opened.source, frozenset())
        if not marked or all(len(s.removed) == len(s.inserted) for s in step.splices):
            return
        moved = frozenset(str(index) for index in kept(step, sorted(int(key) for key in marked))[1])
        if shown:
            table.marked = moved
        else:
            self._marks[opened.source] = moved

    @property
    def chosen(self) -> list[int]:
        """The marked records of the file that is shown, ascending."""
        return sorted(int(key) for key in self.query_one("#pairs", VirtualTable).marked)

    def chosen_pairs(self) -> list[int]:
        """Indices of the marked records, else of the one under the cursor; ascending."""
        return (self.chosen or [self.here[1]]) if self.here is not None else []

    @on(VirtualTable.MarksChanged, "#pairs")
    def _marks_changed(self) -> None:
        self.show_line()

    async def action_mark_all(self) -> None:
        """Mark all rows that are shown; where all of them are marked, take their marks away.

        Not a worker: the key behind it is meant for what is marked then, and waits.
        """
        for search in [w for w in self.workers if w.node is self and w.group == "search" and not w.is_finished]:
            with suppress(WorkerError):  # another one has taken its place
                await search.wait()
        opened, table, listing = self.opened, self.query_one("#pairs", VirtualTable), self.listing
        if opened is None:
            return
        marked = await self.services.pool.run(_with_all, table.marked, listing, len(opened.file))
        if self.listing is listing and self.opened is not None and self.opened.file is opened.file:
            table.marked = marked

    # Filter and order

    async def action_filter(self) -> None:
        """Type words to look for."""
        if not self.query(FilterLine):
            await self.mount(FilterLine(), after=self.query_one("#file-line"))
        self.add_class("-filtering")
        self.query_one(FilterLine).focus()

    @on(FilterLine.Changed)
    def _filter_typed(self, event: FilterLine.Changed) -> None:
        before, self._query = self._query, parse(event.words)
        self.query_one(FilterLine).complain(" · ".join(reversed(self._query.unknown)))
        if self._query != before:
            self._arrange(delay=_SEARCH_DELAY)

    @on(FilterLine.Done)
    def _filter_done(self) -> None:
        self.focus_first()

    @work(group="search", exclusive=True)
    async def _arrange(self, *, delay: float = 0) -> None:
        """Find out what the list has to show now, beside the screen; the newest wish counts."""
        self._search_number += 1
        number = self._search_number
        await asyncio.sleep(delay)
        opened = self.opened
        if opened is None:
            return
        named = self._sets(opened) if self._query.sets else {}
        wish = Wish(opened.file, self._query, self._order, named, opened.findings)
        loop = asyncio.get_running_loop()

        def tell(found: Listing) -> None:
            loop.call_soon_threadsafe(self._arranged, number, wish, found, True)

        found = await self.services.datasets.arrange(wish, lambda: number != self._search_number, tell)
        self._arranged_for = opened.problems
        self._arranged(number, wish, found, False)

    def _arranged(self, number: int, wish: Wish, found: Listing, searching: bool) -> None:
        if number != self._search_number or self.opened is None:
            return
        if self.opened.file is not wish.file:
            self._arrange()  # it was edited meanwhile
            return
        self.listing, self._searching = found, searching
        order = found.order
        self.query_one("#pairs", VirtualTable).sorted_by = (order.by, order.descending) if order else None
        self.show_file()

    def _sets(self, opened: EditedFile) -> Mapping[str, Collection[int]]:
        """The records that `is:` names."""
        findings = opened.findings
        asked = {one.name for one in self._query.sets}
        named: dict[str, Collection[int]] = {}
        if "marked" in asked:
            named["marked"] = frozenset(self.chosen)
        if "edited" in asked:
            named["edited"] = opened.source.document.now.written_here()
        if "leak" in asked:
            named["leak"] = self.leaking(opened)
        return named | {name: findings.named(name) for name in asked - set(named)}

    def leaking(self, opened: EditedFile) -> Collection[int]:
        """Records that stand in another open file too."""
        return opened.findings.named("leak")

    def show_unfiltered(self) -> None:
        """Give the filter up."""
        if self.has_class("-filtering"):
            self._clear_filter()
            self._arrange()

    @property
    def filtered(self) -> list[int] | None:
        """The records that the filter leaves, ascending; None without one."""
        return sorted(self.listing.rows) if self._query and self.listing.rows is not None else None

    def _clear_filter(self) -> None:
        self._search_number += 1
        self._query, self._searching = Query(), False
        for field in self.query(FilterLine):
            field.clear()
            if field.has_focus_within:
                self.focus_first()
        self.remove_class("-filtering")

    def action_sort(self) -> None:
        """Choose what the list is sorted by; the file stays as it is."""
        from tui.dialogs.sorting import PAIR_ORDERS, SortDialog

        if self.opened is None:
            return

        def chosen(order: Order | None) -> None:
            if order is not None and order != self._order:
                self._order = order
                self._arrange()

        dialog: SortDialog[Order] = SortDialog(PAIR_ORDERS, self._order)
        self.app.push_screen(dialog, chosen)

    def action_hit(self, step: int) -> None:
        """Go to the next or last place in the preview that the filter's words hit, then on to the next record."""
        if not self._query.shown:
            self.say("n and N go through what a filter finds (/)")
            return
        table, preview = self.query_one("#pairs", VirtualTable), self.query_one(TextPane)
        if preview.to_hit(step):
            return
        row = table.cursor + step
        if 0 <= row < len(table.source):
            table.move_to(row)
            preview.to_hit(step, fresh=True)
        else:
            self.say("That was the last hit" if step > 0 else "That was the first hit")

    def action_copy(self) -> None:
        """Copy the answer to the terminal's clipboard."""
        opened = self.opened
        if opened is not None and self.rows is not None and len(self.rows):
            record = opened.file[self.rows.index(self.query_one("#pairs", VirtualTable).cursor)]
            if isinstance(record, Record):
                self.app.copy_to_clipboard(safe(record.answer))
                self.say("The answer was sent to the terminal's clipboard", "good")


def _with_all(marked: frozenset[str], listing: Listing, total: int) -> frozenset[str]:
    shown = frozenset(map(str, range(total) if listing.rows is None else listing.rows))
    return marked - shown if shown <= marked else marked | shown
