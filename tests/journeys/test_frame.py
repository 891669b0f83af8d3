"""The frame around the tabs: keys wherever the focus is, sizes, help, the way out, read-only mode."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.app import App
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key
from textual.screen import Screen
from textual.widget import Widget

import tui.app
import tui.painting
from tests.harness import Walk
from tests.journeys.stage import served, trained, uploaded
from tui.app import TanzakuApp
from tui.dialogs.base import Dialog
from tui.dialogs.confirm import ConfirmDialog
from tui.screens.main import MainScreen
from tui.services.dataset.documents import Documents, OpenDocument
from tui.tabs.base import Tab
from tui.tabs.dataset_base import DatasetBase
from tui.tabs.jobs import JobsTab
from tui.terminal import behind
from tui.widgets.frame import KeyLine, TabStrip
from tui.widgets.prompt import Prompt

TABS = ("dataset", "jobs", "loss", "chat")
ROUND = (0, 1, 0, 2, 0, 3, 1, 2, 1, 3, 2, 3, 0)
"""A walk that takes each ordered pair of tabs once."""
SIZES = [(59, 15), (200, 50), (2, 1), (80, 24)]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "training.json"
    path.write_text(json.dumps([{"q": f"What is lantern {n}?", "a": f"It hangs at gate {n}."} for n in range(40)]))
    return path


def active(walk: Walk) -> str:
    tab = next(tab for tab in walk.app_now.screen.query(Tab) if tab.is_on_screen)
    return str(tab.id)


async def arrives(walk: Walk, tab: str) -> None:
    await walk.until(lambda: active(walk) == tab, tab)


async def regains(walk: Walk, widget: Widget | None) -> None:
    await walk.until(lambda: walk.app_now.focused is widget, "the focus again")


async def go(walk: Walk, tab: str) -> None:
    """To a tab by its number; from a field by escape first, for digits are text there."""
    if isinstance(walk.app_now.focused, Prompt):
        await walk.press("escape")
    await walk.press(str(TABS.index(tab) + 1))
    await arrives(walk, tab)


async def test_every_tab_leads_to_every_other(walk: Walk, pairs: Path) -> None:
    async with walk.app([pairs]) as app:
        for after in (TABS[place] for place in ROUND):
            await go(walk, after)
            assert app.focused is not None
            assert after in {str(node.id) for node in app.focused.ancestors_with_self}


async def test_tabs_change_with_the_focus_on_any_widget(walk: Walk, pairs: Path) -> None:
    async with walk.app([pairs]) as app:
        for tab in TABS:
            await go(walk, tab)
            there = next(t for t in app.screen.query(Tab) if t.id == tab)
            for widget in there.query("*").results(Widget):
                if not widget.focusable or isinstance(widget, Prompt):
                    continue
                widget.focus()
                await walk.keyboard.pause()
                other = "jobs" if tab != "jobs" else "loss"
                await walk.press(str(TABS.index(other) + 1))
                await arrives(walk, other)
                await go(walk, tab)


async def test_digits_and_letters_typed_in_fields_stay_text(walk: Walk, pairs: Path) -> None:
    async with walk.app([pairs]) as app:
        await walk.press("4")
        await walk.type("1234 q?nX")
        assert app.screen.query_one(Prompt).text == "1234 q?nX"
        assert active(walk) == "chat"
        await walk.press("escape", "1", "slash")
        await walk.type("12 q")
        assert active(walk) == "dataset"
        await walk.sees("0 of 40")
        await walk.press("escape")
        await walk.sees("40 pairs")


DIALOGS = [
    ("dataset", "s", "System prompt"),
    ("dataset", "p", "Convert and upload"),
    ("dataset", "L", "Leakage"),
    ("dataset", "P", "Split 40 pairs"),
    ("dataset", "i", "Statistics of 2 open files"),
    ("dataset", "ctrl+r", "Replace in all 40 pairs"),
    ("jobs", "n", "New job on"),
    ("jobs", "b", "Serve lantern-keeper"),
    ("jobs", "X", "Delete this custom model?"),
    ("chat", "a", "Who answers"),
]


async def test_no_size_breaks_a_tab_and_nothing_is_lost(walk: Walk, pairs: Path) -> None:
    trained(walk)
    async with walk.app([pairs]) as app:
        await walk.sees(walk.sandbox.account_id, "✓ clean")
        for tab in (*TABS, "dataset"):
            await go(walk, tab)
            if tab == "chat":
                await walk.type("half a question")
            focused = app.focused
            for size in SIZES:
                await walk.keyboard.resize_terminal(*size)
            await regains(walk, focused)
        await walk.press("o")
        await walk.sees("Open a file of pairs")
        await walk.press("escape", "4")
        await walk.sees("half a question")
        await walk.keyboard.resize_terminal(59, 15)
        await walk.sees("needs a window of at least 60 × 16")


async def test_no_size_breaks_a_dialog(walk: Walk, pairs: Path) -> None:
    services = walk.services()
    uploaded(walk, services).model()
    other = pairs.with_name("validation.json")
    other.write_text('[{"q": "Who is the keeper?", "a": "Somebody else."}]')
    async with walk.app([pairs, other], services=services) as app:
        await walk.sees(walk.sandbox.account_id, "✓ clean", "(1/2)")
        for tab, key, heading in DIALOGS:
            await go(walk, tab)
            if tab == "jobs":
                await walk.sees("lantern-keeper")
            if tab == "chat":
                await walk.press("escape")
            await walk.press(key)
            await walk.until(lambda: isinstance(app.screen, Dialog), heading)
            focused = app.focused
            for size in [(2, 1), (60, 16)]:
                await walk.keyboard.resize_terminal(*size)
            await walk.sees(heading, "esc c")  # what closes it is in sight in the smallest window
            await walk.keyboard.resize_terminal(80, 24)
            await walk.sees(heading)
            assert app.focused is focused
            await walk.press("escape")
            await walk.until(lambda: not isinstance(app.screen, Dialog), "the dialog's end")


@pytest.mark.parametrize(
    ("tab", "keys"),
    [
        ("dataset", ["o  ", "open", "b  ", "base model", "p  ", "upload", "] ", "Next problem", "In lists"]),
        ("jobs", ["n  ", "new job", "S  ", "stop", "X  ", "delete", "y  "]),
        ("loss", ["h ←", "Epoch back", "L  ", "Log scale"]),
        ("chat", ["i  ", "Write", "ctrl+o", "The other pane", "Always"]),
    ],
)
async def test_help_names_the_keys_of_the_view(walk: Walk, pairs: Path, tab: str, keys: list[str]) -> None:
    async with walk.app([pairs], size=(100, 60)):
        await go(walk, tab)
        if tab == "chat":
            await walk.press("escape")
        await walk.press("question_mark")
        await walk.sees("Keys", *keys)
        await walk.press("escape")
        await walk.misses("Half a page down")


async def test_quitting_asks_what_it_would_leave_behind(walk: Walk, pairs: Path) -> None:
    served(walk)
    async with walk.app([pairs]) as app:
        await walk.sees("1 MU")
        await walk.press("4")
        await walk.type("unsent")
        await walk.press("escape", "q")
        await walk.sees("Quit tanzaku?", "The question in the prompt was not sent", "billing until it is deleted")
        await walk.press("escape")
        await walk.misses("Quit tanzaku?")
        assert app.is_running
        await walk.press("enter", "q")
        await walk.sees("Quit tanzaku?")
        await walk.press("ctrl+q")
        await walk.until(lambda: not app.is_running, "the end")
    assert app.return_code == 0


async def test_a_second_q_quits(walk: Walk, pairs: Path) -> None:
    served(walk)
    async with walk.app([pairs]) as app:
        await walk.sees("1 MU")
        await walk.press("q")
        await walk.sees("Quit tanzaku?")
        await walk.press("q")
        await walk.until(lambda: not app.is_running, "the end")


async def test_read_only_sends_nothing_that_changes(walk: Walk, pairs: Path) -> None:
    """The whole table of keys, with every question that comes up answered by yes."""
    services = walk.services(read_only=True)
    scene = uploaded(walk, services)
    scene.throughput(scene.model())
    scene.model("second-keeper")
    before = len(walk.sandbox.requests)
    async with walk.app([pairs], services=services, size=(100, 40)) as app:
        await walk.sees("READ-ONLY", walk.sandbox.account_id, "1 MU", "✓ clean")
        for tab, keys in (("dataset", "p"), ("jobs", "nbSX"), ("chat", "")):
            for key in keys:
                await go(walk, tab)
                if tab == "jobs":
                    await walk.press("g", *(["j"] if key == "b" else []))
                await walk.press(key)
                await walk.keyboard.pause(0.3)
                if isinstance(app.screen, Dialog):
                    await confirm(walk)
        await walk.sees("Read-only mode")
        await go(walk, "chat")
        await walk.type("What is lantern number 3?")
        await walk.press("enter")
        await walk.sees("Lantern 3 hangs")
    changing = ("Create", "Delete", "Put", "Stop", "Update", "Tag", "Untag", "Attach", "Upload")
    after = list(walk.sandbox.requests)[before:]
    assert [r.operation for r in after if r.operation.startswith(changing)] == []


async def confirm(walk: Walk) -> None:
    """Say yes to whatever is asked, in every way there is."""
    from tui.dialogs.confirm import ConfirmDialog

    dialog = walk.app_now.screen
    if isinstance(dialog, ConfirmDialog) and dialog._word:
        await walk.type(dialog._word)
        await walk.press("enter")
    else:
        if dialog.query("#typed Input"):
            await walk.type("claude-3-haiku-2")
        await walk.press("ctrl+s")
        await walk.press("y")
    await walk.keyboard.pause(0.3)
    while isinstance(walk.app_now.screen, Dialog):
        await walk.press("escape")


@pytest.mark.parametrize(("tab", "key"), [("1", "o"), ("1", "s"), ("1", "b"), ("4", "a"), ("4", "p")])
async def test_a_key_that_comes_twice_asks_once(walk: Walk, pairs: Path, tab: str, key: str) -> None:
    async with walk.app([pairs]) as app:
        await walk.sees("✓ clean", walk.sandbox.account_id)
        await walk.press(tab, "escape")
        for _ in range(3):
            app.post_message(Key(key, key))
        await walk.sees("esc cancel")
        await walk.keyboard.pause(0.3)
        assert len(app.screen_stack) == 2
        await walk.press("escape")
        if app.screen_stack[1:] and walk.shows("esc once more"):  # what came behind the key was typed into the text
            await walk.press("escape")
        await walk.until(lambda: len(app.screen_stack) == 1, "the dialog's end")
        await walk.press("escape", key)
        await walk.sees("esc cancel")


async def test_the_palette_has_the_actions_of_the_view_with_their_keys(walk: Walk, pairs: Path) -> None:
    async with walk.app([pairs], size=(100, 40)):
        await walk.sees("✓ clean", walk.sandbox.account_id)
        await walk.press("ctrl+p")
        await walk.sees("e         Edit the pair")
        await walk.type("convert")  # as p, too, converts
        await walk.sees("x         Convert or export", "p         Upload to S3, converted")
        await walk.misses("Edit the pair")
        await walk.press("enter")
        await walk.sees("Convert training.json")


async def test_nothing_competes_with_rows_that_come_late(
    walk: Walk, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_back: list[int] = []

    class Told(asyncio.Event):
        def set(self) -> None:
            held_back.append(walk.app_now._batch_count)
            super().set()

    opened = Documents.open

    async def late(*given: Any, **named: Any) -> OpenDocument:
        for _ in range(200):  # until all is laid out and the loop has nothing to do
            await asyncio.sleep(0)
        return await opened(*given, **named)

    monkeypatch.setattr(Documents, "open", late)
    monkeypatch.setattr(DatasetBase, "painted", property(lambda tab: tab.__dict__.setdefault("told", Told())))
    async with walk.app([pairs]):
        await walk.until(lambda: bool(held_back), "the rows")
        assert held_back == [0]


async def test_all_styles_are_there_behind_the_first_frame(walk: Walk, pairs: Path) -> None:
    async with walk.app([pairs]) as app:
        await walk.sees("lantern 0")
        root = Path(tui.__file__).parent
        later = {str(root / name) for name in TanzakuApp.LATER_CSS}
        assert {str(path) for path in root.rglob("*.tcss")} == later | {
            str(root / name) for name in TanzakuApp.CSS_PATH
        }
        assert later <= {path for path, _ in app.stylesheet.source}
        # None of them is for what is there already, and that has had its own.
        had = _styles(app.screen)
        app.update_styles(app.screen, animate=False)
        assert _styles(app.screen) == had


def _styles(screen: Screen[object]) -> dict[str, object]:
    return {str(widget.css_path_nodes): widget.styles.base.get_rules() for widget in screen.walk_children()}


async def test_lines_go_through_one_and_the_same_gate(walk: Walk) -> None:
    """Textual keeps filtered lines by their filter; with a new one each time every frame would filter every line."""
    async with walk.app() as app:
        assert app.get_line_filters()[-1] is app.get_line_filters()[-1]


@pytest.mark.parametrize(
    "keys",
    [
        ("ctrl+p", "g"),
        ("ctrl+p", "x", "pageup", "y", "pagedown", "pageup", "escape"),
        ("ctrl+p", "pageup", "down", "enter", "enter", "enter"),
        ("ctrl+p", "q", "u", "i", "ctrl+p", "escape", "escape", "escape"),
        ("ctrl+p", "enter", "escape", "escape"),
    ],
)
async def test_keys_typed_ahead_of_the_palette(walk: Walk, keys: tuple[str, ...]) -> None:
    """As one who knows the way types them: all at once, and in twos and threes."""
    async with walk.app() as app:
        for pause in (len(keys), 1, 2, 3):
            for number, key in enumerate(keys):
                app.post_message(Key(key, key if len(key) == 1 else None))
                if number >= pause:
                    await asyncio.sleep(0)
            await walk.keyboard.pause()
            await walk.until(lambda: app.is_running, "the app")
            while len(app.screen_stack) > 1:
                await walk.press("escape")
            await walk.until(lambda: len(app.screen_stack) == 1, "the main screen")
            assert isinstance(app.screen, MainScreen)


async def test_what_has_to_be_typed_stays_in_sight_below_a_long_text(walk: Walk, pairs: Path) -> None:
    async with walk.app([pairs], size=(80, 24)) as app:
        await walk.sees("TRAIN")
        app.push_screen(ConfirmDialog("Buy it?", "It costs.\n" * 40, word="lantern"))
        await walk.sees("Buy it?", "Type lantern and press enter", "esc cancel")
        field = app.screen.query_one("#confirm-word").region
        assert field.height == 1
        assert field.bottom < 23


async def test_the_collector_rests_until_aws_has_answered(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is loaded until then stays: to look through it takes a tenth of a second, in which no key is answered."""
    told: list[str] = []
    off = SimpleNamespace(isenabled=lambda: "on" in told, freeze=lambda: told.append("frozen"))
    monkeypatch.setattr(tui.app, "gc", off)
    monkeypatch.setattr(tui.app, "_collect_garbage_again", lambda: told.append("on"))
    async with walk.app() as app:
        screen = app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        await walk.until(lambda: "on" in told, "the first answer of AWS")
        assert screen.board.seen is not None
        assert told[:2] == ["frozen", "on"]


async def test_what_is_found_while_the_app_ends_is_shown_to_nobody(walk: Walk) -> None:
    served(walk)
    async with walk.app() as app:
        await walk.press("2")
        await walk.sees("1 MU", "lantern-keeper")
        jobs = app.screen.query_one(JobsTab)
        shown: list[int] = []

        async def trends(_: object) -> dict[str, tuple[float, ...]]:
            await asyncio.sleep(0)
            shown.append(len(shown))
            return {"a run": (float(len(shown)),)}

        async def looks() -> None:
            while True:
                await JobsTab._look_at_trends.__wrapped__(jobs)  # type: ignore[attr-defined]

        walk.app_now.services.losses.trends = trends  # type: ignore[method-assign, assignment]
        jobs.run_worker(looks())
        await asyncio.sleep(0.01)
    assert shown


async def test_a_click_on_a_key_or_a_tab_does_what_the_key_does(walk: Walk, pairs: Path) -> None:
    async def click(line: type[Widget], words: str) -> None:
        at = str(walk.app_now.screen.query_one(line).render()).index(words)
        await walk.keyboard.click(line, offset=(at + 1, 0))
        await walk.rest()

    async with walk.app([pairs]):
        await walk.sees("lantern 0")
        await click(KeyLine, "b base model")
        await walk.sees("Nova Lite")
        await click(KeyLine, "enter choose")
        await walk.misses("Nova Lite")
        await click(TabStrip, "2 Jobs")
        await walk.sees("[2 Jobs]")
        await click(KeyLine, "? help")
        await walk.sees("New job", "esc close")
        await click(KeyLine, "esc close")
        await walk.misses("esc close")


async def test_steps_that_a_slow_terminal_has_no_time_for_are_left_out(
    walk: Walk, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with walk.app([pairs]):
        await walk.sees("✓ clean", walk.sandbox.account_id)
        shown: list[object] = []
        monkeypatch.setattr(App, "_display", lambda _, __, update: shown.append(update))
        monkeypatch.setattr(tui.painting, "behind", lambda _: 4)
        await walk.press("j", "2", "1", "G")
        await walk.sees("▸      40")
        assert not shown
        monkeypatch.setattr(tui.painting, "behind", lambda _: 0)
        await walk.until(lambda: len(shown) > 0, "the picture as it is by now")


def test_the_driver_still_writes_by_the_queue_that_is_looked_at() -> None:
    with open(os.devnull, "w") as nothing:
        writer = WriterThread(nothing)
        writer.write("a frame")
        assert behind(SimpleNamespace(_writer_thread=writer)) == 1  # type: ignore[arg-type]
        assert behind(None) == 0
    assert "_writer_thread" in inspect.getsource(LinuxDriver)
