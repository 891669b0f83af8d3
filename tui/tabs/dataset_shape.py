"""What the open files are made of, and how one becomes several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.domain.errors import AppError
from tui.domain.files.pairs import Keys
from tui.domain.serving.pricing import prices_of
from tui.domain.text import safe_line
from tui.domain.values import dataclass
from tui.tabs.base import Actions, newest
from tui.tabs.dataset_base import EditedFile
from tui.widgets.cells import plain_terminal

if TYPE_CHECKING:
    from tui.dialogs.split import Divided, SplitForm, SplitPlan
    from tui.dialogs.statistics import Counted, Place, StatisticsDialog
    from tui.domain.dataset.split import Together
    from tui.domain.files.version import Version
    from tui.services.dataset.shaping import Splitting
    from tui.tabs.dataset import DatasetTab


@dataclass
class _ToSplit:
    """What is to be divided, and what is known of it once it was read."""

    opened: EditedFile
    version: Version
    marked: list[int]
    splitting: Splitting | None = None


class Shaping(Actions):
    """Statistics and splits."""

    tab: DatasetTab

    # The dialogs are pushed at once: keys typed ahead must not act on the list meanwhile.

    def statistics(self) -> None:
        """Show what the open files are made of."""
        from tui.dialogs.statistics import Counted, StatisticsDialog

        if not self.tab.files:
            self.tab.say("Open a file first (o)", "problem")
            return
        files = [Counted(f.name, f.role, f.file) for f in self.tab.files]
        prices = prices_of(self.services.settings.prices, self.tab.model.key)

        def measure() -> None:
            newest(self.tab, "measure", self._measure_tokens, dialog, files)

        dialog = StatisticsDialog(
            files,
            self.tab.current,
            self.tab.model,
            prices,
            measure=measure,
            ascii=plain_terminal(),
        )

        def closed(place: Place | None) -> None:
            if place is not None:
                self.tab.show_record(place.file, place.record)

        self.tab.app.push_screen(dialog, closed)
        self._count(dialog, files)
        newest(self.tab, "price", self._price, dialog)

    async def _price(self, dialog: StatisticsDialog) -> None:
        """What AWS's own list tells, where it may be read."""
        if self.tab.identity.known:
            prices = await self.services.prices.of(self.tab.model.key, self.tab.identity.region)
            dialog.price(prices)

    def _count(self, dialog: StatisticsDialog, files: list[Counted]) -> None:
        newest(self.tab, "statistics", self._count_all, dialog, files)

    async def _count_all(self, dialog: StatisticsDialog, files: list[Counted]) -> None:
        await self.tab.attempt(self._put_statistics(dialog, files))

    async def _put_statistics(self, dialog: StatisticsDialog, files: list[Counted]) -> None:
        """Count every file, the one that is shown first, as long as the dialog is open."""
        from tui.domain.tokens import Counter
        from tui.services.dataset.shaping import Stopped

        counter = Counter(await self.services.token_counts.rates(self.tab.model))
        basis = counter.basis(self.tab.model.name)
        for number in sorted(range(len(files)), key=lambda n: n != self.tab.current):
            try:
                file = files[number].file
                system = next((self.tab.system_of(f) for f in self.tab.files if f.file is file), self.tab.system_prompt)
                found = await self.services.shaping.statistics(file, counter, system, lambda: not dialog.is_attached)
            except Stopped:
                return
            dialog.put(number, found, basis)

    async def _measure_tokens(self, dialog: StatisticsDialog, files: list[Counted]) -> None:
        try:
            samples = await self.services.shaping.samples([f.file for f in files])
            await self.services.token_counts.measure(self.tab.model, samples)
        except AppError as error:
            dialog.complain(error.sentence())
            return
        if dialog.stands:
            dialog.complain("")
            self._count(dialog, files)

    # Split

    def split(self) -> None:
        """Divide the marked pairs, else the whole file, into new files."""
        from tui.dialogs.split import SplitForm

        opened = self.tab.opened
        if opened is None:
            self.tab.say("Open a file first (o)", "problem")
            return
        marked = self.tab.chosen
        form = SplitForm.proposed(opened.file.path, len(marked) or len(opened.file), self.tab.model)
        self._ask_split(form, _ToSplit(opened, opened.source.document.now, marked))

    def _ask_split(self, form: SplitForm, what: _ToSplit) -> None:
        from tui.dialogs.split import SplitDialog

        opened = what.opened
        name = f"{opened.name}, with unsaved edits" if opened.dirty else opened.name

        async def divide(sizes: Sequence[int], seed: str, together: Together) -> Divided | None:
            return await self._divide(what, lambda: not dialog.is_attached, sizes, seed, together)

        def accepted(plan: SplitPlan | None) -> None:
            if plan is None:
                self.tab.say("Nothing was split")
            else:
                self.tab.run_worker(self._carry_out(plan, what), group="split")

        dialog = SplitDialog(name, form, len(what.marked) or len(what.version), self.tab.model, divide)
        self.tab.app.push_screen(dialog, accepted)

    async def _divide(
        self, what: _ToSplit, stop: Callable[[], bool], sizes: Sequence[int], seed: str, together: Together
    ) -> Divided | None:
        from tui.domain.tokens import Counter
        from tui.services.dataset.shaping import Stopped

        shaping = self.services.shaping
        try:
            if what.splitting is None:
                counter = Counter(await self.services.token_counts.rates(self.tab.model))
                what.splitting = await shaping.splitting(what.version, what.marked or None, counter, stop)
            split = await what.splitting.divide(sizes, seed, together, stop)
        except Stopped:
            return None
        return split, what.splitting.lengths

    async def _carry_out(self, plan: SplitPlan, what: _ToSplit) -> None:
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
            self.tab.take_in(part_file, show=number == 0)
            await self.tab.attempt(self.services.file_memory.opened(path, role))
            if opened.system is not None:
                await self.tab.attempt(self.services.file_memory.set_system([path], opened.system))
            if keys is not None:
                await self.tab.attempt(self.services.file_memory.choose(path, keys))
        sizes = ", ".join(f"{len(part):,} {role}" for role, _, part in parts)
        # Its pairs are all in the parts: open beside them, it would count as training data that leaks into each.
        done = not marked and not opened.dirty and await self.tab.close_file(opened.source)
        was = f"{opened.name} is as it was{', and closed' if done else ''}"
        self.tab.say(f"Split with seed {safe_line(plan.form.seed, 20)}: {sizes}. {was}", "good")
