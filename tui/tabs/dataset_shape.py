"""What the open files are made of, and how one becomes several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType

from tui.domain.errors import AppError
from tui.domain.files.pairs import Keys
from tui.domain.serving.pricing import prices_of
from tui.domain.text import safe_line
from tui.domain.values import dataclass
from tui.tabs.dataset_editing import EditedFile
from tui.tabs.dataset_upload import UploadingTab
from tui.widgets.cells import plain_terminal
from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from tui.dialogs.split import Divided, SplitForm, SplitPlan
    from tui.dialogs.statistics import Counted, Place, StatisticsDialog
    from tui.domain.dataset.split import Together
    from tui.domain.files.version import Version
    from tui.services.dataset.shaping import Splitting


@dataclass
class _ToSplit:
    """What is to be divided, and what is known of it once it was read."""

    opened: EditedFile
    version: Version
    marked: list[int]
    splitting: Splitting | None = None


class ShapingTab(UploadingTab, part=True):
    """Statistics and splits."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "statistics", "Statistics", show=False, id="dataset.statistics"),
        Binding("P", "split", "Split into train, validation and eval", show=False, id="dataset.split"),
    ]

    # The dialogs are pushed at once: keys typed ahead must not act on the list meanwhile.

    def action_statistics(self) -> None:
        """Show what the open files are made of."""
        from tui.dialogs.statistics import Counted, StatisticsDialog

        if not self.files:
            self.say("Open a file first (o)", "problem")
            return
        files = [Counted(f.name, f.role, f.file) for f in self.files]
        prices = prices_of(self.services.settings.prices, self.model.key)
        dialog = StatisticsDialog(
            files,
            self.current,
            self.model,
            prices,
            measure=lambda: self._measure_tokens(dialog, files),
            ascii=plain_terminal(),
        )

        def closed(place: Place | None) -> None:
            if place is not None:
                self.show_record(place.file, place.record)

        self.app.push_screen(dialog, closed)
        self._count(dialog, files)
        self._price(dialog)

    @work(group="price", exclusive=True)
    async def _price(self, dialog: StatisticsDialog) -> None:
        """What AWS's own list tells, where it may be read."""
        if self.identity.known:
            prices = await self.services.prices.of(self.model.key, self.identity.region)
            dialog.price(prices)

    @work(group="statistics", exclusive=True)
    async def _count(self, dialog: StatisticsDialog, files: list[Counted]) -> None:
        await self.attempt(self._put_statistics(dialog, files))

    async def _put_statistics(self, dialog: StatisticsDialog, files: list[Counted]) -> None:
        """Count every file, the one that is shown first, as long as the dialog is open."""
        from tui.domain.tokens import Counter
        from tui.services.dataset.shaping import Stopped

        counter = Counter(await self.services.token_counts.rates(self.model))
        basis = counter.basis(self.model.name)
        for number in sorted(range(len(files)), key=lambda n: n != self.current):
            try:
                file = files[number].file
                system = next((self.system_of(f) for f in self.files if f.file is file), self.system_prompt)
                found = await self.services.shaping.statistics(file, counter, system, lambda: not dialog.is_attached)
            except Stopped:
                return
            dialog.put(number, found, basis)

    @work(group="measure", exclusive=True)
    async def _measure_tokens(self, dialog: StatisticsDialog, files: list[Counted]) -> None:
        try:
            samples = await self.services.shaping.samples([f.file for f in files])
            await self.services.token_counts.measure(self.model, samples)
        except AppError as error:
            dialog.complain(error.sentence())
            return
        if dialog.stands:
            dialog.complain("")
            self._count(dialog, files)

    # Split

    def action_split(self) -> None:
        """Divide the marked pairs, else the whole file, into new files."""
        from tui.dialogs.split import SplitForm

        opened = self.opened
        if opened is None:
            self.say("Open a file first (o)", "problem")
            return
        marked = sorted(int(key) for key in self.query_one("#pairs", VirtualTable).marked)
        form = SplitForm.proposed(opened.file.path, len(marked) or len(opened.file), self.model)
        self._ask_split(form, _ToSplit(opened, opened.source.document.now, marked))

    def _ask_split(self, form: SplitForm, what: _ToSplit) -> None:
        from tui.dialogs.split import SplitDialog

        opened = what.opened
        name = f"{opened.name}, with unsaved edits" if opened.dirty else opened.name

        async def divide(sizes: Sequence[int], seed: str, together: Together) -> Divided | None:
            return await self._divide(what, lambda: not dialog.is_attached, sizes, seed, together)

        def accepted(plan: SplitPlan | None) -> None:
            if plan is None:
                self.say("Nothing was split")
            else:
                self._carry_out_split(plan, what)

        dialog = SplitDialog(name, form, len(what.marked) or len(what.version), self.model, divide)
        self.app.push_screen(dialog, accepted)

    async def _divide(
        self, what: _ToSplit, stop: Callable[[], bool], sizes: Sequence[int], seed: str, together: Together
    ) -> Divided | None:
        from tui.domain.tokens import Counter
        from tui.services.dataset.shaping import Stopped

        shaping = self.services.shaping
        try:
            if what.splitting is None:
                counter = Counter(await self.services.token_counts.rates(self.model))
                what.splitting = await shaping.splitting(what.version, what.marked or None, counter, stop)
            split = await what.splitting.divide(sizes, seed, together, stop)
        except Stopped:
            return None
        return split, what.splitting.lengths

    @work(group="split")
    async def _carry_out_split(self, plan: SplitPlan, what: _ToSplit) -> None:
        try:
            await self._write_parts(plan, what)
        except AppError as error:
            self._ask_split(replace(plan.form, problem=error.sentence()), what)

    async def _write_parts(self, plan: SplitPlan, what: _ToSplit) -> None:
        """Write the parts that hold anything, and open them."""
        from tui.domain.dataset.split import PARTS

        opened, marked = what.opened, what.marked
        parts = [
            (role, plan.form.path(role), [marked[i] for i in part] if marked else part)
            for role, part in zip(PARTS, plan.split.parts, strict=True)
            if part
        ]
        encoding = opened.source.document.encoding
        await self.services.shaping.write_parts(what.version, encoding, [(path, part) for _, path, part in parts])
        layout = what.version.layout
        keys = layout.plain if isinstance(layout, Keys) else None
        for number, (role, path, _) in enumerate(parts):
            source = await self.services.documents.open(path, keys)
            part_file = EditedFile(source.document.now, role, source=source, system=opened.system)
            self.take_in(part_file, show=number == 0)
            await self.attempt(self.services.file_memory.opened(path, role))
            if opened.system is not None:
                await self.attempt(self.services.file_memory.set_system([path], opened.system))
            if keys is not None:
                await self.attempt(self.services.file_memory.choose(path, keys))
        sizes = ", ".join(f"{len(part):,} {role}" for role, _, part in parts)
        # Its pairs are all in the parts: open beside them, it would count as training data that leaks into each.
        done = not marked and not opened.dirty and await self.close_file(opened.source)
        was = f"{opened.name} is as it was{', and closed' if done else ''}"
        self.say(f"Split with seed {safe_line(plan.form.seed, 20)}: {sizes}. {was}", "good")
