"""A widget in parts is what it would be in one piece."""

from __future__ import annotations

from textual import on
from textual.app import App
from textual.binding import Binding
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tui.widgets.parts import InParts


class Base(InParts, Widget):
    BINDINGS = [Binding("a", "note('a')")]
    noted: reactive[str] = reactive("")

    class Told(Message):
        pass

    def action_note(self, what: str) -> None:
        self.noted += what


class First(Base, part=True):
    BINDINGS = [Binding("b", "note('b')")]
    counted: reactive[int] = reactive(0)

    @on(Base.Told)
    def _told(self) -> None:
        self.counted += 1

    def compute_length(self) -> int:
        return len(self.noted)


class Second(First, part=True):
    BINDINGS = [Binding("c", "note('c')")]
    length: reactive[int] = reactive(0)


class Whole(Second, can_focus=True):
    """All of them."""


async def test_keys_facts_messages_and_styles_of_all_parts_count() -> None:
    class Host(App[None]):
        CSS = "First { height: 3; }"

        def compose(self) -> list[Whole]:
            return [Whole()]

    async with Host().run_test() as pilot:
        whole = pilot.app.query_one(Whole)
        whole.focus()
        await pilot.press("a", "b", "c")
        whole.post_message(Base.Told())
        await pilot.pause()
        assert (whole.noted, whole.counted, whole.length, whole.size.height) == ("abc", 1, 3, 3)
        assert pilot.app.query_one("Second") is whole
