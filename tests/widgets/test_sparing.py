"""The sparing compositor paints what Textual's own would, and asks for less."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pyte
from textual._compositor import Compositor, LayoutUpdate
from textual._context import visible_screen_stack
from textual.app import App, ComposeResult
from textual.color import Color
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.pilot import Pilot
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen, Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, Static

from tests.widgets.test_virtual_table import Rows, keys, table_with
from tui.screens.main import MainScreen
from tui.widgets.sparing import Backdrop, SparingCompositor, SparingScreen
from tui.widgets.text_pane import TextPane

SIZE = (60, 16)
_TEXT = "日本語の質問です、これは長い文です。 and words that are wrapped " * 3


class Lined(Static):
    """Counts the lines it was asked for."""

    asked = 0

    def render_lines(self, crop: Region) -> list[Strip]:
        self.asked += crop.height
        return super().render_lines(crop)


class Painted(SparingScreen[None]):
    """Containers in containers, a list beside a pane, and something in front of both."""

    def compose(self) -> ComposeResult:
        with Vertical(id="back"):
            yield Lined("heading", id="heading")
            with Horizontal(id="sides"):
                yield table_with(Rows(keys(200), [_TEXT, "plain"]))
                yield TextPane(id="pane")
            yield Lined("foot", id="foot")
        yield Lined("in front of all", id="front")


class Host(App[None]):
    CSS = """
    Painted { layers: below above; }
    #back { layer: below; height: 1fr; padding: 0 1; background: $surface; }
    #sides { height: 1fr; }
    #front { layer: above; offset: 12 4; width: 21; height: 3; background: $primary; }
    """

    def get_default_screen(self) -> Screen[None]:
        return Painted()


@asynccontextmanager
async def painted() -> AsyncIterator[Pilot[None]]:
    async with Host().run_test(size=SIZE) as pilot:
        pilot.app.screen.query_one(TextPane).put(Content(_TEXT))
        await pilot.pause()
        yield pilot


def own(screen: Screen[Any]) -> Compositor:
    """Textual's own compositor, with the same widgets in the same places."""
    plain = Compositor()
    plain.reflow(screen, screen.size)
    return plain


def shown(strips: Sequence[Strip]) -> list[list[tuple[str, str]]]:
    return [[(s.text, str(s.style)) for s in strip.simplify()] for strip in strips]


async def test_a_whole_screen_is_painted_as_by_textual() -> None:
    async with painted() as pilot:
        screen = pilot.app.screen
        assert isinstance(screen._compositor, SparingCompositor)
        assert shown(screen._compositor.render_strips()) == shown(own(screen).render_strips())
        assert "in front of all" in screen._compositor.render_strips()[4].text


async def test_parts_are_painted_as_by_textual() -> None:
    dice = random.Random(3)
    async with painted() as pilot:
        screen = pilot.app.screen
        console = pilot.app.console
        plain = own(screen)
        for _ in range(150):
            regions = set[Region]()
            for _ in range(dice.randint(1, 4)):
                x, y = dice.randrange(SIZE[0]), dice.randrange(SIZE[1])
                regions.add(Region(x, y, dice.randint(1, SIZE[0] - x), dice.randint(1, 3)).intersection(screen.region))
            displays = []
            for compositor in (screen._compositor, plain):
                compositor._dirty_regions = set(regions)
                update = compositor.render_partial_update()
                assert update is not None
                terminal = pyte.Screen(*SIZE)
                pyte.Stream(terminal).feed(update.render_segments(console))
                displays.append([[tuple(terminal.buffer[y][x]) for x in range(SIZE[0])] for y in range(SIZE[1])])
            assert displays[0] == displays[1], regions


async def test_only_what_is_seen_of_what_changed_is_asked_for() -> None:
    async with painted() as pilot:
        screen = pilot.app.screen
        asked: list[Widget] = []
        for name in ("heading", "foot", "front"):
            screen.query_one(f"#{name}", Lined).asked = 0
        back = screen.query_one("#back", Vertical)
        as_ever = back.render_lines
        back.render_lines = lambda crop: asked.append(back) or as_ever(crop)  # type: ignore[method-assign, func-returns-value]
        screen.query_one("#foot", Lined).refresh()
        await pilot.pause()
        assert [screen.query_one(f"#{name}", Lined).asked for name in ("heading", "foot", "front")] == [0, 1, 0]
        assert not asked, "nothing of the container is seen there"
        screen.refresh(Region(0, SIZE[1] - 1, 4, 1))
        await pilot.pause()
        assert asked == [back], "its padding is"


class News(Message):
    """Nothing that is shown."""


class Framed(App[None]):
    """A sparing screen that a dialog can be put before."""

    def __init__(self) -> None:
        super().__init__()
        self.behind = SparingScreen[None]()
        self.painted = 0

    def get_default_screen(self) -> Screen[None]:
        return self.behind

    def _display(self, screen: Screen[object], renderable: object) -> None:
        self.painted += renderable is not None
        super()._display(screen, renderable)  # type: ignore[arg-type]


async def test_behind_a_dialog_only_what_changes_is_painted() -> None:
    app = Framed()
    async with app.run_test(size=SIZE) as pilot:
        line = Static("before")
        await app.behind.mount(line)
        await app.push_screen(ModalScreen())
        await pilot.pause()
        line.update("after")
        await pilot.pause()
        assert "after" in app.export_screenshot()
        app.painted = 0
        for _ in range(5):
            app.behind.post_message(News())
            await pilot.pause()
        assert app.painted == 0
        app.pop_screen()
        await pilot.pause()
        assert app.painted


def test_the_main_screen_is_one() -> None:
    assert issubclass(MainScreen, SparingScreen)


async def test_nothing_is_rendered_while_painting_is_held_back() -> None:
    async with painted() as pilot:
        screen, foot = pilot.app.screen, pilot.app.screen.query_one("#foot", Lined)
        with pilot.app.batch_update():
            foot.asked = 0
            foot.update("other words")
            screen._compositor_refresh()
            screen._refresh_layout()
            await pilot.pause()
            assert foot.asked == 0
        screen.refresh(layout=True)
        await pilot.pause()
        assert foot.asked > 0
        assert "other words" in screen._compositor.render_strips()[SIZE[1] - 1].text


async def test_what_comes_long_after_a_frame_does_not_wait_for_a_clock() -> None:
    app = Framed()
    async with app.run_test(size=SIZE) as pilot:
        line = Static("before")
        await app.behind.mount(line)
        await pilot.pause()
        app.behind._update_timer.stop()
        app.behind._painted = app.painted = 0
        line.update("after")
        for _ in range(100):
            await pilot.pause()
            if app.painted:
                break
        assert app.painted == 1
        assert app.behind._painted, "from here on the clock counts"


class Before(ModalScreen[None], SparingScreen[None]):
    """A dialog with two fields, before the other screen."""

    def compose(self) -> ComposeResult:
        yield Input("first", id="first")
        yield Input("second", id="second")


async def test_a_dialog_is_painted_whole_no_more_than_it_must_and_nothing_behind_it_is_laid_out() -> None:
    app = Framed()
    async with app.run_test(size=SIZE) as pilot:
        await app.behind.mount(Static("behind"))
        await pilot.pause()
        laid_out: list[Screen[None]] = []
        behind, dialog = app.behind, Before()
        as_ever = behind._refresh_layout

        def lay_out(size: Size | None = None, scroll: bool = False) -> None:
            laid_out.append(behind)
            as_ever(size, scroll)

        behind._refresh_layout = lay_out  # type: ignore[method-assign]
        whole: list[LayoutUpdate] = []
        full = dialog._compositor.render_full_update
        dialog._compositor.render_full_update = lambda simplify=False: whole.append(full(simplify)) or whole[-1]  # type: ignore[func-returns-value, method-assign]
        await app.push_screen(dialog)
        await pilot.pause()
        assert not laid_out
        assert 1 <= len(whole) <= 2, "once when it opens, and once when all of it is mounted"
        assert shown(dialog._compositor.render_strips()) == shown(own(dialog).render_strips())
        whole.clear()
        await pilot.press("tab")
        focused = app.focused
        assert focused is not None
        assert focused.id == "second"
        assert not whole, "the two fields are painted, not the screen"
        assert shown(dialog._compositor.render_strips()) == shown(own(dialog).render_strips())
        await pilot.resize_terminal(SIZE[0] - 8, SIZE[1] - 2)
        assert laid_out, "as large as the window, once it is of another size"
        assert whole
        assert behind._compositor.size == dialog._compositor.size == (SIZE[0] - 8, SIZE[1] - 2)


async def test_what_is_behind_a_dialog_is_tinted_as_by_textual() -> None:
    async with painted() as pilot:
        await pilot.app.push_screen(Before())
        await pilot.pause()
        dialog, console = pilot.app.screen, pilot.app.console
        plain = list(console.render(pilot.app.screen_stack[0]._compositor))
        for color in (dialog.styles.background, Color(200, 30, 0, 0.4), Color(0, 0, 0, 0)):
            for _ in range(2):
                assert list(Backdrop.process_segments(plain, color)) == list(
                    BackgroundScreen.process_segments(plain, color)
                )
        seen = visible_screen_stack.set([pilot.app.screen_stack[0]])
        assert isinstance(dialog.render(), Backdrop)
        visible_screen_stack.reset(seen)
        assert not isinstance(pilot.app.screen_stack[0].render(), Backdrop)
