"""Dialogs whose texts outlive the app: what is typed is told while it is typed, and comes back at the next opening."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget

from tui.domain.unfinished import Unfinished

if TYPE_CHECKING:
    # The app knows dialogs before there are any, and fields to write in take a twentieth of its start.
    from textual.widgets import TextArea

    from tui.widgets.fields import ChoiceField, Field, TextField

SOON = 0.3
"""Seconds of typing that the end of the process may cost."""
Keeper = Callable[[str, str, Mapping[str, str]], None]
"""Hears what texts are for, what their dialog is called, and the texts as they are now, by the names of their fields;
none when they are accepted or given up."""


class Keeping(Widget):
    """Tells of its texts as long as they are neither accepted nor given up."""

    heading: str
    kept_as = ""
    """What the texts are for; nothing where they are not kept."""
    _keeper: Keeper | None = None
    _brought: Unfinished | None = None
    _telling: Timer | None = None
    _kept = False
    _touched: frozenset[str] = frozenset()
    """Names of the fields that were changed by hand."""

    def begin_keeping(self, keeper: Keeper, brought: Unfinished | None) -> None:
        """Before the dialog is shown. `brought` is what was typed for the same and never accepted."""
        self._keeper, self._brought = keeper, brought

    @property
    def note_of_return(self) -> Content:
        """A line that tells what was brought back; empty when nothing was."""
        if self._brought is None:
            return Content("")
        note = f"\ntyped {self._brought.at.astimezone():%m-%d %H:%M}, never accepted; esc gives it up"
        return Content.styled(note, "not bold $text-warning")

    @property
    def typed_texts(self) -> Mapping[str, str]:
        """The texts that were changed by hand, and what was chosen beside them, by the names of their fields."""
        areas = {name: area.text for name, area in self._areas_by_name().items()}
        fields = {field.id: field.value or "" for field in self._fields() if field.id}
        return {name: text for name, text in (areas | fields).items() if name in self._touched}

    def fill_in(self, texts: Mapping[str, str]) -> None:
        """Put texts into their fields, as if they were typed."""
        self._touched = frozenset(texts)
        for name, area in self._areas_by_name().items():
            if name in texts:
                area.text = texts[name]
                area.move_cursor(area.document.end)
        for field in self._fields():
            if field.id and field.id in texts and field.takes(texts[field.id]):
                field.value = texts[field.id]

    def _areas_by_name(self) -> dict[str, TextArea]:
        from textual.widgets import TextArea

        return {area.id or f"text{number}": area for number, area in enumerate(self.query(TextArea))}

    def _fields(self) -> Iterable[TextField | ChoiceField]:
        from tui.widgets.fields import ChoiceField, TextField

        # Choices come first: what else follows from one gives way to what was typed.
        return (*self.query(ChoiceField), *self.query(TextField))

    def on_mount(self) -> None:
        if self._brought is not None:
            self._kept = True
            self.fill_in(self._brought.texts)
        elif self._keeper is not None and self.typed_texts:  # refused, and shown again as it was written
            self._tell_soon()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Tell of it, if it was typed."""
        if event.text_area.has_focus:
            self._tell_soon(*(name for name, area in self._areas_by_name().items() if area is event.text_area))

    def on_field_changed(self, event: Field.Changed) -> None:
        """Tell of it, if it was typed; a choice is told of beside texts, and is not worth keeping alone."""
        from tui.widgets.fields import ChoiceField

        if event.field.id and event.field.has_focus_within:
            self._touched |= {event.field.id}
            if not isinstance(event.field, ChoiceField) or self._kept or self._telling is not None:
                self._tell_soon()

    def _tell_soon(self, *names: str) -> None:
        self._touched |= set(names)
        if self._keeper is not None and self._telling is None:
            self._telling = self.set_timer(SOON, self.keep_now)

    def keep_now(self) -> None:
        """Tell what is typed so far."""
        if self._keeper is not None and self.is_mounted and (self._kept or self._telling is not None):
            self._telling, self._kept = None, True
            self._keeper(self.kept_as, self.heading, self.typed_texts)

    def let_go(self) -> None:
        """The texts are accepted or given up."""
        if self._telling is not None:
            self._telling.stop()
        if self._keeper is not None and self._kept:
            self._keeper(self.kept_as, self.heading, {})
        self._keeper = None
