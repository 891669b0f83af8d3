"""What the open files are made of, and how one becomes several."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType

from tui.domain.errors import AppError
from tui.domain.pricing import prices_of
from tui.domain.tokens import Counter
from tui.tabs.dataset_upload import UploadingTab
from tui.widgets.cells import plain_terminal

if TYPE_CHECKING:
    from tui.dialogs.statistics import Counted, Place, StatisticsDialog


class ShapingTab(UploadingTab):
    """Statistics and splits."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "statistics", "Statistics", show=False, id="dataset.statistics"),
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
            if dialog.is_attached:
                dialog.price(prices)

    @work(group="statistics", exclusive=True)
    async def _count(self, dialog: StatisticsDialog, files: list[Counted]) -> None:
        await self.attempt(self._put_statistics(dialog, files))

    async def _put_statistics(self, dialog: StatisticsDialog, files: list[Counted]) -> None:
        """Count every file, the one that is shown first, as long as the dialog is open."""
        from tui.services.shaping import Stopped

        counter = Counter(await self.services.token_counts.rates(self.model))
        basis = counter.basis(self.model.name)
        for number in sorted(range(len(files)), key=lambda n: n != self.current):
            try:
                found = await self.services.shaping.statistics(
                    files[number].file, counter, self.system_prompt, lambda: not dialog.is_attached
                )
            except Stopped:
                return
            dialog.put(number, found, basis)

    @work(group="measure", exclusive=True)
    async def _measure_tokens(self, dialog: StatisticsDialog, files: list[Counted]) -> None:
        try:
            samples = await self.services.shaping.samples([f.file for f in files])
            await self.services.token_counts.measure(self.model, samples)
        except AppError as error:
            if dialog.is_attached:
                dialog.complain(error.sentence())
            return
        if dialog.is_attached:
            dialog.complain("")
            self._count(dialog, files)

    def show_record(self, at: int, index: int) -> None:
        """Show a record of one of the open files."""
        if at != self.current:
            self.current = at
            self._found = None
            self._clear_filter()
            self.show_file(keep_cursor=False)
        self.go_to(index)
