"""One question of an evaluation in full: reference, both answers and the judge's reasons, side by side or in turn."""

from __future__ import annotations

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.events import DescendantFocus

from tui.domain.differences import differences
from tui.screens.evaluation_base import EvaluationBase
from tui.widgets.evaluation_rows import PARTS, PartText, change_parts, part_content, part_title, parts_of
from tui.widgets.text_pane import Line, TextPane

_WIDE = 110
"""Columns from which all four parts stand side by side."""


class PartPane(Vertical):
    """One part of the detail: a head and a text that scrolls."""

    def __init__(self, part: str) -> None:
        super().__init__(id=f"part-{part}", classes="part")

    def compose(self) -> ComposeResult:
        yield Line(classes="part-title")
        yield TextPane()

    def put(self, part: PartText, text: Content, *, keep_place: bool) -> None:
        """Show a part."""
        self.query_one(Line).put(part_title(part))
        self.query_one(TextPane).put(text, keep_place=keep_place)


class DetailPart(EvaluationBase):
    """The lower part of the screen."""

    part = "tuned"
    """The one that is shown where only one has room."""
    _key = ""

    @work(group="parts", exclusive=True)
    async def draw_parts(self) -> None:
        """The question under the cursor; differences to the reference are looked for on a thread."""
        change, row = self.change_shown, self.row_shown
        spec = self.results.spec if self.results else None
        if change is not None and self.compared is not None:
            parts = change_parts(change, (self.compared.earlier, self.compared.later), self.top)
        elif row is not None and spec is not None:
            parts = parts_of(row, (spec.tuned.name, spec.base.name), self.top)
        else:
            parts = {part: PartText(part, "") for part in PARTS}
        reference = row.question.reference if row is not None else ""
        key = str(row.number) if row else ""
        same, self._key = key == self._key, key
        for name, part in parts.items():
            pieces = None
            if self.marking and part.marked and reference:
                found = await self.services.pool.run(differences, reference, part.text)
                pieces = found[1] if found else None
                if found is None:
                    self.say("Too long, or too repetitive, to be compared word by word")
            self.query_one(f"#part-{name}", PartPane).put(part, part_content(part, pieces), keep_place=same)

    def show_part(self, part: str) -> None:
        """Where only one part has room it is this one. By inline styles, which count at once: a part takes the focus
        only while it is shown."""
        self.part = part
        wide = self.app.size.width >= _WIDE
        for name in PARTS:
            self.query_one(f"#part-{name}").display = wide or name == part

    def on_resize(self) -> None:
        """All four parts have room, or one; and so have the warnings."""
        self.show_part(self.part)
        self.draw_doubts()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """What has the keys is what is shown."""
        pane = next((a for a in event.widget.ancestors_with_self if isinstance(a, PartPane)), None)
        if pane is not None and pane.id:
            self.show_part(pane.id.removeprefix("part-"))

    def action_part(self, by: int) -> None:
        """Go round: the list, then the four parts, from the list to the part that is seen already."""
        if not isinstance(self.focused, TextPane):
            at = PARTS.index(self.part) if by > 0 else len(PARTS) - 1
        else:
            at = PARTS.index(self.part) + by
        if 0 <= at < len(PARTS):
            self.show_part(PARTS[at])
            self.set_focus(self.query_one(f"#part-{PARTS[at]}").query_one(TextPane))
        else:
            self.set_focus(self.table)

    def action_differences(self) -> None:
        """Mark what the answers have and the reference has not."""
        self.marking = not self.marking
        self.say("Underlined: what the reference has not" if self.marking else "")
        self.draw_parts()
