"""Keys that arrive together are acted on one after the other, each when what came of the last one has settled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from textual.app import ComposeResult
from textual.binding import Binding
from textual.events import Key, Paste
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from tui.dialogs.text import LineDialog
from tui.turns import LINE_HOLDS, TurnTaking
from tui.widgets.frame import StatusLine


class Question(ModalScreen[str | None]):
    """A field in a screen of its own; enter answers."""

    def compose(self) -> ComposeResult:
        yield Input()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)


class Asking(TurnTaking):
    """Two fields; ctrl+n asks at once, ctrl+b by a worker, ctrl+t goes to the other field."""

    BINDINGS = [
        Binding("ctrl+n", "ask", priority=True),
        Binding("ctrl+b", "ask_by_worker", priority=True),
        Binding("ctrl+t", "focus_next", priority=True),
    ]

    def __init__(self, field: Callable[[], Widget] = Input) -> None:
        super().__init__()
        self.first, self.second = field(), Input()
        self.answers: list[str | None] = []

    def compose(self) -> ComposeResult:
        yield self.first
        yield self.second

    def action_ask(self) -> None:
        self.push_screen(Question(), self.answers.append)

    def action_ask_by_worker(self) -> None:
        self.run_worker(self._ask())

    async def _ask(self) -> None:
        self.answers.append(await self.push_screen_wait(Question()))


async def typed_together(app: TurnTaking, *keys: Key | Paste) -> None:
    for key in keys:
        app.post_message(key)
    await asyncio.sleep(0.02)
    await app.rest()


def letters(text: str) -> list[Key | Paste]:
    return [Key(character, character) for character in text]


@pytest.mark.parametrize(("field", "read"), [(Input, "value"), (TextArea, "text")])
async def test_a_field_keeps_the_order_of_what_is_typed(field: type[Input | TextArea], read: str) -> None:
    app = Asking(field)
    async with app.run_test():
        app.first.focus()
        together = [*letters("lantern"), *[Key("backspace", "\x7f") for _ in range(3)], *letters("x")]
        await typed_together(app, *together, Key("left", None), *letters("日"), Key("home", None), *letters("a"))
        assert getattr(app.first, read) == "alant日x"
        await typed_together(app, Key("end", None), Paste("gate"), Key("backspace", None), *letters("s"))
        assert getattr(app.first, read) == "alant日xgats"


async def test_a_file_pasted_into_one_line_is_refused_and_what_stands_there_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LineDialog, "GRACE", 0)
    app = Asking()
    async with app.run_test():
        await app.mount(status := StatusLine())
        field = app.first
        assert isinstance(field, Input)
        field.focus()
        await typed_together(app, *letters("gate"), Paste("提" * (LINE_HOLDS - 3)), *letters("s"))
        assert field.value == "gates"
        assert status.tells("9,997 characters are too many for one line: nothing was pasted")
        await typed_together(app, Paste("提" * (LINE_HOLDS - 5) + "\nnext line"))
        assert len(field.value) == LINE_HOLDS
        await app.push_screen(LineDialog("Name"))
        await typed_together(app, *letters("gate"), Paste("提" * LINE_HOLDS))
        assert app.screen.query_one(Input).value == "gate"
        assert "nothing was pasted" in str(app.screen.query_one("#dialog-problem", Static).content)


async def test_letters_before_a_key_of_the_app_are_for_the_field_that_is_left() -> None:
    app = Asking()
    async with app.run_test():
        app.first.focus()
        await typed_together(app, *letters("one"), Key("ctrl+t", None), *letters("two"))
        assert isinstance(app.first, Input)
        assert (app.first.value, app.second.value) == ("one", "two")


@pytest.mark.parametrize("opens", ["ctrl+n", "ctrl+b"])
async def test_what_is_typed_behind_a_question_is_for_the_question(opens: str) -> None:
    app = Asking()
    async with app.run_test():
        app.first.focus()
        first = [Key(opens, None), *letters("yes"), Key("enter", "\r"), *letters("on")]
        await typed_together(app, *first, Key(opens, None), *letters("no"), Key("enter", "\r"), *letters("!"))
        assert app.answers == ["yes", "no"]
        assert isinstance(app.first, Input)
        assert app.first.value == "on!"


async def test_a_key_is_not_held_for_good_by_what_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    end = asyncio.Event()

    class Stuck(Input):
        async def on_input_changed(self) -> None:
            await end.wait()

    monkeypatch.setattr("tui.turns._LONGEST", 0.1)
    app = Asking(Stuck)
    async with app.run_test():
        app.first.focus()
        await typed_together(app, *letters("x"), Key("ctrl+t", None), *letters("y"))
        assert app.second.value == "y"
        end.set()


class Searching(Asking):
    """f5 searches until it is told the end, f6 takes what the list shows."""

    BINDINGS = [Binding("f5", "look"), Binding("f6", "take")]

    def __init__(self) -> None:
        super().__init__()
        self.looking, self.found, self.took = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.shown = self.taken = "before"

    def action_look(self) -> None:
        self.run_worker(self._look(), group="search")

    async def _look(self) -> None:
        self.looking.set()
        await self.found.wait()
        self.shown = "after"

    def action_take(self) -> None:
        self.taken = self.shown
        self.took.set()


async def test_a_key_behind_a_long_search_is_for_what_it_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.turns._LONGEST", 0.02)
    monkeypatch.setattr("tui.turns._LIST_LONGEST", 60)
    app = Searching()
    async with app.run_test():
        app.post_message(Key("f5", None))
        app.post_message(Key("f6", None))
        await app.looking.wait()
        await asyncio.sleep(0.1)
        app.found.set()
        await app.took.wait()
        assert app.taken == "after"


async def test_a_search_that_never_ends_holds_no_key_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.turns._LONGEST", 0.02)
    monkeypatch.setattr("tui.turns._LIST_LONGEST", 0.02)
    app = Searching()
    async with app.run_test():
        app.post_message(Key("f5", None))
        app.post_message(Key("f6", None))
        await app.took.wait()
        assert not app.found.is_set()
        app.found.set()
